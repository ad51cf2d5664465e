"""Find problems that nbval does not: notebooks that would render badly, are out of date, or do not open on Colab.

Usage: python tools/notebook_lint.py [NOTEBOOK ...]        (all of notebooks/ if none is named)
"""

import ast
import base64
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))
import reading_time
import repository
from notebook_cells import TO_WRITE, has_picture, tags

ROOT = Path(__file__).resolve().parent.parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
TAGS = {
    "hide-input", "hide-output", "hide-cell", "remove-input", "remove-output", "remove-cell",
    "nbval-ignore-output", "nbval-check-output", "raises-exception",
    "exercise", "solution", "hint", "teaching", "page-only",
}  # fmt: skip
WRITTEN_BY_READERS = {"exercise", "solution"}
FOLDS = {"cellView", "collapsed", "jupyter"}  # the fields of `folds`
CELL_METADATA = {"tags", "mystnb", *FOLDS}
MACHINE_PATH = re.compile(
    r"(?<![\w.])(/home/|/Users/|/root/|/work/|/tmp/|/content/|/mnt/)|[A-Z]:\\{1,2}Users|site-packages"
)
MYST = re.compile(r"^\s*(```|~~~|:::)+\{|\{[a-z][a-z:+-]*\}`", re.MULTILINE)
MAGIC = re.compile(r"^\s*[%!].*", re.MULTILINE)
GOOD_MAGIC = re.compile(r"\s*(%config InlineBackend\.figure_formats? = .*|%matplotlib inline)\s*$")
TIME_PLAN = re.compile(r"\*\*Time plan, (\d+) minutes\.\*\* (.*)")
FORBIDDEN_CALLS = {"clear_output", "set_matplotlib_formats", "tqdm", "trange"}


def folds(cell) -> dict[str, object]:
    """Return the metadata that folds, in JupyterLab and on Colab, what the tags of a cell fold in the book."""
    if cell.cell_type != "code":
        return {}
    source, outputs = (tags(cell) & {"hide-cell", f"hide-{part}"} for part in ("input", "output"))
    jupyter = ({"source_hidden": True} if source else {}) | ({"outputs_hidden": True} if outputs else {})
    colab = ({"cellView": "form"} if source else {}) | ({"collapsed": True} if outputs else {})
    return colab | ({"jupyter": jupyter} if jupyter else {})


def white(data: str) -> bool:
    """Return whether a stored PNG is white and opaque at its corners."""
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA")
    right, bottom = picture.width - 1, picture.height - 1
    return {picture.getpixel((x, y)) for x in (0, right) for y in (0, bottom)} == {(255, 255, 255, 255)}


def lint(path: Path, root: Path = ROOT) -> list[str]:
    """Return one line for each problem of the notebook at `path`."""
    notebook = nbformat.read(path, as_version=4)
    problems = [
        *file_problems(notebook, path),
        *opening_problems(notebook, repository.name_of(path), root),
        *prose_problems(notebook),
        *output_problems(notebook),
        *picture_problems(notebook),
        *code_problems(notebook, repository.install_cell(root)),
        *exercise_problems(notebook),
        *prediction_problems(notebook),
        *minutes_problems(notebook),
        *time_plan_problems(notebook),
    ]
    return [f"{path.name}: {problem}" for problem in problems]


def file_problems(notebook, path: Path) -> Iterator[str]:
    """Find problems of the file: format, metadata, cell ids, machine paths."""
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield f"is not a valid notebook: {str(error).splitlines()[0]}"
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield f"has format {notebook.nbformat}.{notebook.nbformat_minor}, not 4.5"
    text = path.read_text(encoding="utf-8")
    if text.rstrip("\n") != nbformat.writes(notebook).rstrip("\n"):
        yield "is not laid out as tools/notebooks.py writes it; run that again"
    if notebook.metadata.get("kernelspec") != KERNEL:
        yield f"kernelspec is {notebook.metadata.get('kernelspec')}, not {KERNEL}"
    if notebook.metadata.get("language_info") != {"name": "python"}:
        yield "language_info is not {'name': 'python'}"
    extra = set(notebook.metadata) - {"kernelspec", "language_info", "accelerator", "colab"}
    if extra:
        yield f"metadata holds {sorted(extra)}, which no reader needs"
    gpu = notebook.metadata.get("accelerator"), notebook.metadata.get("colab")
    if gpu not in ((None, None), ("GPU", {"gpuType": "T4"})):
        yield f"asks Colab for {gpu}; a notebook that trains asks for accelerator GPU and gpuType T4"
    for n, cell in enumerate(notebook.cells):
        extra = set(cell.metadata) - CELL_METADATA
        if extra:
            yield f"cell {n} has metadata {sorted(extra)}; allowed are {sorted(CELL_METADATA)}"
        if {key: value for key, value in cell.metadata.items() if key in FOLDS} != folds(cell):
            yield f"cell {n} is not folded in Jupyter as its tags fold it in the book; run tools/notebooks.py again"
        if tags(cell) - TAGS:
            yield f"cell {n} has tags {sorted(tags(cell) - TAGS)}; allowed are {sorted(TAGS)}"
        texts = [cell.source, *(str(output) for output in cell.get("outputs", []) if "image/png" not in str(output))]
        for actual in {match.group() for text in texts for match in MACHINE_PATH.finditer(text)}:
            yield f"cell {n} names a path of one machine: {actual}"


def opening_problems(notebook, name: str, root: Path) -> Iterator[str]:
    """Find problems of the title, the Colab badge and the install cell."""
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        yield "does not open with a Markdown cell that starts with '# Title'"
    known = repository.is_known(root)
    badge = repository.badge(name, root)
    if known and (first is None or badge not in first.source):
        yield f"the first cell lacks its badge: {badge}"
    everything = "\n".join(cell.source for cell in notebook.cells)
    for link in set(re.findall(r"https://colab\.research\.google\.com/[^\s)\"]*", everything)):
        if not known:
            yield f"links to {link} on Colab before the repository's address is known"
        elif link != repository.colab(name, root):
            yield f"links to {link} on Colab, not to {repository.colab(name, root)}"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not code or code[0].source != repository.install_cell(root) or notebook.cells[1] is not code[0]:
        yield "the second cell is not the install cell:\n" + repository.install_cell(root)


def prose_problems(notebook) -> Iterator[str]:
    """Find Markdown that Colab cannot show, and headings or pictures that a screen reader cannot follow."""
    titles = 0
    for n, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            continue
        fenced = re.sub(r"^```.*?^```", "", cell.source, flags=re.MULTILINE | re.DOTALL)
        if TO_WRITE in cell.source:
            yield f"cell {n} has a text that is still to be written: {TO_WRITE}"
        titles += len(re.findall(r"^# ", fenced, flags=re.MULTILINE))
        if MYST.search(cell.source):
            yield f"cell {n} uses a MyST role or directive, which Colab shows as raw text"
        if re.search(r"!\[\s*\]\(", cell.source) or re.search(r"<img(?![^>]*\balt=\"[^\"]+\")", cell.source):
            yield f"cell {n} has a picture without alt text"
        if re.search(r"<summary>.*</summary>\n(?!\n)", cell.source):
            yield f"cell {n} needs an empty line after </summary>, or the answer is not read as Markdown"
    if titles != 1:
        yield f"has {titles} headings of the first level, not 1"


def output_problems(notebook) -> Iterator[str]:
    """Find outputs that are missing, stale, noisy, or that nbval or the book cannot handle."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in code]
    if counts != list(range(1, len(code) + 1)):
        yield f"was not run from top to bottom: execution counts are {counts}"
    for n, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed and "raises-exception" not in tags(cell):
            yield f"cell {n} stores an error"
        if not failed and "raises-exception" in tags(cell):
            yield f"cell {n} is tagged raises-exception and raises nothing"
        for output in cell.outputs:
            if output.get("name") == "stderr":
                yield f"cell {n} writes to stderr: {output.text.strip()[:80]}"
            for mime in output.get("data", {}):
                if mime == "image/svg+xml":
                    yield f"cell {n} stores an SVG picture; store PNG"
                if "widget" in mime or "javascript" in mime:
                    yield f"cell {n} stores a {mime} output, which is dead without a kernel"


def picture_problems(notebook) -> Iterator[str]:
    """Find pictures without a description, and cells that draw a figure without showing it."""
    names = []
    for n, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not has_picture(cell):
            continue
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if len(alt.split()) < 4 or re.search(r"\.(png|svg|jpe?g)\b|^[./]", alt):
            yield f"cell {n} draws a picture and mystnb.image.alt does not describe it: {alt!r}"
        # nbval compares the value of a last line even after a semicolon.
        if cell.source.rstrip().endswith(";") or any(output.output_type == "execute_result" for output in cell.outputs):
            yield f"cell {n} draws a picture and stores the text of an object as well; end it with plt.show()"
        if not all(white(output.data["image/png"]) for output in cell.outputs if "image/png" in output.get("data", {})):
            yield f"cell {n} draws a picture that is not white and opaque at its corners: it would not show in the dark"
        name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
        names += [name] if name else []
    for name in {name for name in names if names.count(name) > 1 or not name.startswith("fig-")}:
        yield f"the figure name {name!r} is used twice or does not start with 'fig-'"


def code_problems(notebook, install: str) -> Iterator[str]:
    """Find magics or calls that do not belong in a stored notebook."""
    for n, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or cell.source == install:
            continue
        for magic in MAGIC.findall(cell.source):
            if not GOOD_MAGIC.match(magic):
                yield f"cell {n} uses {magic.strip()!r}: a magic or command that fails does so without an error"
        try:
            tree = ast.parse(TransformerManager().transform_cell(cell.source))
        except SyntaxError as error:
            yield f"cell {n} is not Python: {error}"
            continue
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        for name in sorted((used | imported) & FORBIDDEN_CALLS):
            yield f"cell {n} uses {name}, whose output neither nbval nor the book can hold"
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            named = {keyword.arg for keyword in call.keywords}
            if isinstance(call.func, ast.Attribute) and call.func.attr == "allclose" and "atol" not in named:
                # The default, 1e-8, is less than the rounding error of a sum: a few draws in a hundred would fail.
                yield f"cell {n} compares with allclose and names no atol"


def exercise_problems(notebook) -> Iterator[str]:
    """Find solutions that the page would show at once, and folded kinds of cells that are of the wrong type."""
    for n, cell in enumerate(notebook.cells):
        kinds = tags(cell) & {"exercise", "solution", "hint", "teaching"}
        if len(kinds) > 1:
            yield f"cell {n} is tagged {sorted(kinds)}; a cell is one of these"
        if kinds & WRITTEN_BY_READERS and cell.cell_type != "code":
            yield f"cell {n} is tagged {sorted(kinds)} and is not code"
        if kinds & {"hint", "teaching"} and cell.cell_type != "markdown":
            yield f"cell {n} is tagged {sorted(kinds)} and is not Markdown"
        if "solution" in kinds and not tags(cell) & {"hide-input", "hide-cell"}:
            yield f"cell {n} is a solution and needs the tag hide-input or hide-cell"


def prediction_problems(notebook) -> Iterator[str]:
    """Find predictions whose result the reader would see before answering."""
    for n, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown" or not re.search(r"^\*\*Prediction", cell.source, re.MULTILINE):
            continue
        following = [c for c in notebook.cells[n + 1 :] if c.cell_type == "code" and "live.Question(" not in c.source]
        if following and not tags(following[0]) & {"hide-output", "hide-cell"}:
            yield f"cell {n} asks for a prediction, and the output of the next code cell is not folded (hide-output)"


def minutes_problems(notebook) -> Iterator[str]:
    """Find minutes in the first cell that are not those of the estimate."""
    found = reading_time.STATED.search(notebook.cells[0].source if notebook.cells else "")
    estimate = reading_time.statement(reading_time.of_cells(notebook.cells))
    if found and found[0] != estimate:
        yield f"states {found[0]!r}, not {estimate!r}; run tools/reading_time.py --write"


def time_plan_problems(notebook) -> Iterator[str]:
    """Find time plans of a lecture that name a section which does not exist, or whose minutes do not add up."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    headings = set(re.findall(r"^#+ +(.*?) *$", "\n".join(texts), re.MULTILINE))
    for total, plan in TIME_PLAN.findall("\n".join(texts)):
        steps = plan.partition(". ")[0].rstrip(".").split("; ")
        minutes = [int(step.split()[0]) for step in steps if step.split()[0].isdigit()]
        if len(minutes) < len(steps) or sum(minutes) != int(total):
            yield f"has a time plan of {total} minutes whose steps take {minutes}"
        for name in set(re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", plan)) - headings:
            yield f"has a time plan with a section that does not exist: {name!r}"


def main() -> int:
    """Print every problem; return 1 if there is one."""
    paths = [Path(name).resolve() for name in sys.argv[1:]] or repository.notebooks()
    problems = [problem for path in paths for problem in lint(path)]
    print("\n".join(problems) or f"{len(paths)} notebooks are in order.")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
