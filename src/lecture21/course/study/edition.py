"""Make an edition of the notebooks: without solutions and outputs for students, complete for instructors."""

import json
import posixpath
import re
from pathlib import Path
from typing import Any

Notebook = dict[str, Any]

_HERE = Path(__file__).parent
_LEFT_OUT = {"solution", "teaching"}
_FOLD = re.compile(r"<details>\s*<summary>(?:Solution|Answer)\b[^<]*</summary>.*?</details>\s*", re.DOTALL)
_BADGE = re.compile(r"^\[!\[Open in Colab\]\([^\n]*\n\n", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\(([\w./-]+)\.(md|ipynb|py)(#[^)\s]*)?\)")
_GITHUB = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+)/?")
_UNKNOWN_OWNER = "OWNER"


def published(repository: str) -> str:
    """Return the address at which the workflow publishes the book of a repository on GitHub, or "" if none is known."""
    actual = _GITHUB.fullmatch(repository)
    if actual is None or actual[1] == _UNKNOWN_OWNER:
        return ""
    owner, name = actual.groups()
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def find(folder: Path) -> dict[str, Path]:
    """Return the notebooks in a folder and in the folders inside it, by their names relative to it, with "/"."""
    paths = [path for path in sorted(folder.rglob("*.ipynb")) if ".ipynb_checkpoints" not in path.parts]
    return {path.relative_to(folder).as_posix(): path for path in paths}


def student(notebook: Notebook) -> Notebook:
    """Return a notebook without solutions, teaching notes and outputs, as if no cell had run.

    A solution is a cell with this tag, or a fold of that name in a text. A stored output would be that of a notebook
    with solutions, and could show the answer to an exercise or a prediction. The Colab badge is left out as well,
    because it opens the notebook with solutions.
    """
    cells = []
    for cell in notebook["cells"]:
        if _LEFT_OUT & set(cell["metadata"].get("tags", [])):
            continue
        if cell["cell_type"] == "code":
            metadata = {key: value for key, value in cell["metadata"].items() if key not in ("collapsed", "jupyter")}
            if cell["metadata"].get("jupyter", {}).get("source_hidden"):
                metadata["jupyter"] = {"source_hidden": True}  # there are no outputs to hide
            cell = cell | {"outputs": [], "execution_count": None, "metadata": metadata}
        else:
            text = _FOLD.sub("", "".join(cell["source"])).rstrip()
            cell = cell | {"source": text if cells else _BADGE.sub("", text)}
        cells.append(cell)
    return notebook | {"cells": cells}


def link(notebook: Notebook, name: str, names: set[str], address: str) -> Notebook:
    """Return a notebook whose links to files outside its edition lead to the published book, or say that it has them.

    Args:
        name: the notebook's own, such as "labs/em_in_depth.ipynb".
        names: those of all notebooks of the edition.
        address: that of the published book, or "".
    """

    def linked(match: re.Match[str]) -> str:
        text, path, kind, anchor = match[1], match[2], match[3], match[4] or ""
        target = posixpath.normpath(posixpath.join("notebooks", posixpath.dirname(name), path))
        if f"{target.removeprefix('notebooks/')}.{kind}" in names:
            return match[0]
        if kind == "py":  # a file that the page of this notebook offers
            target, anchor = f"notebooks/{name.removesuffix('.ipynb')}", ""
        return f"[{text}]({address}{target}.html{anchor})" if address else f"{text} (a page of the book)"

    def with_links(cell: dict[str, Any]) -> dict[str, Any]:
        if cell["cell_type"] != "markdown":
            return cell
        return cell | {"source": _LINK.sub(linked, "".join(cell["source"]))}

    return notebook | {"cells": [with_links(cell) for cell in notebook["cells"]]}


def dump(notebook: Notebook) -> bytes:
    """Return the bytes of a notebook's file, in the layout in which Jupyter writes it."""
    cells = [
        cell | {"source": "".join(cell["source"]).splitlines(keepends=True), "metadata": dict(cell["metadata"])}
        for cell in notebook["cells"]
    ]
    text = json.dumps(notebook | {"cells": cells}, ensure_ascii=False, indent=1, sort_keys=True)
    return f"{text}\n".encode()


def make(folder: Path, repository: str, version: str, *, solutions: bool = False) -> dict[str, bytes]:
    """Return the files of an edition by their names: the notebooks, and for students README.md and AGENTS.md.

    Args:
        folder: the notebooks with their solutions.
        repository: its address in pyproject.toml.
        version: that of the package.
        solutions: whether this is the edition for instructors.
    """
    notebooks = find(folder)
    if not notebooks:
        raise ValueError(f"{folder} has no notebooks")
    address = published(repository)
    files = {}
    for name, path in notebooks.items():
        notebook = json.loads(path.read_text(encoding="utf-8"))
        files[name] = dump(link(notebook if solutions else student(notebook), name, set(notebooks), address))
    if not solutions:
        for name in ("README.md", "AGENTS.md"):
            text = (_HERE / name).read_text(encoding="utf-8")
            files[name] = (
                text.replace("{version}", version).replace("{book}", f" ({address})" if address else "").encode()
            )
    return files
