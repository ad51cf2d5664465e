"""Re-execute notebooks in place, so that the stored outputs are those of the code.

Usage: python tools/notebooks.py [NOTEBOOK ...]        (all of notebooks/ if none is named)

A second run on an unchanged tree changes no byte: execution times, widget state and machine details are left out.
"""

import base64
import io
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent))
import notebook_lint
import reading_time
import repository

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
WIDGET = "application/vnd.jupyter.widget-view+json"
KEPT_METADATA = {"accelerator", "colab"}


def fold(notebook: NotebookNode) -> None:
    """Fold the cells of a notebook in JupyterLab and on Colab as their tags fold them in the book."""
    for cell in notebook.cells:
        for key in notebook_lint.FOLDS:
            cell.metadata.pop(key, None)
        cell.metadata.update(nbformat.from_dict(notebook_lint.folds(cell)))


def compress(png: str) -> str:
    """Return a picture with a palette of 256 colors: lines and text then need a third of the bytes."""
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    if picture.mode == "P":
        return png
    small = io.BytesIO()
    colors = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)  # opaque, which the linter demands
    colors.save(small, "PNG", optimize=True, dpi=picture.info.get("dpi", (72, 72)))
    return base64.b64encode(small.getvalue()).decode()


def execute(path: Path) -> None:
    """Run one notebook from top to bottom and write it back, outputs and all."""
    notebook = nbformat.read(path, as_version=4)
    kept = {key: notebook.metadata[key] for key in sorted(KEPT_METADATA & notebook.metadata.keys())}
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, **kept})
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # otherwise the division of printed lines depends on timing
        resources={"metadata": {"path": str(path.parent)}},
    )
    # nbclient's stand-in for ipywidgets' Output sends on the socket that the client waits on: occasionally it then
    # misses the kernel's reply, and the run hangs. Without it, that output goes to the cell, which is emptied below.
    client.comm_open_handlers.clear()
    client.execute()
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}, **kept})
    for cell in notebook.cells:
        # A stored widget refers to a kernel that no longer exists. A figure of the course also has HTML, which the book
        # brings to life.
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop(WIDGET, None)
            if "image/png" in data:
                data["image/png"] = compress(data["image/png"])
    fold(notebook)
    reading_time.state(notebook, reading_time.of_cells(notebook.cells))
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def main() -> None:
    """Execute the notebooks that are named on the command line, or all."""
    paths = [Path(name) for name in sys.argv[1:]] or repository.notebooks()
    # One thread: the last digits of a sum depend on how it is divided, and tiny models run faster on one.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for path in tqdm(paths, unit="notebook", disable=not sys.stderr.isatty()):
        execute(path)


if __name__ == "__main__":
    main()
