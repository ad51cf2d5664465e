"""What a reader sees of a notebook: its tags, its pictures, its words and lines of code."""

import re
from collections.abc import Iterable

from nbformat import NotebookNode

TO_WRITE = "TO WRITE"
"""Marks the text that an author has still to write in cells that a tool has inserted."""


def tags(cell: NotebookNode) -> set[str]:
    """Return a cell's tags."""
    return set(cell.metadata.get("tags", []))


def has_picture(cell: NotebookNode) -> bool:
    """Return whether a cell's stored output holds a picture."""
    return any(mime.startswith("image/") for output in cell.outputs for mime in output.get("data", {}))


def length(cells: Iterable[NotebookNode]) -> tuple[int, int]:
    """Return the words and the lines of code that a reader of cells sees without opening anything.

    Not counted are hidden code, solutions, hints, teaching notes, folded answers, and code blocks and formulas in text.
    """
    words = lines = 0
    for cell in cells:
        if tags(cell) & {"solution", "hint", "teaching", "hide-cell", "remove-cell"}:
            continue
        if cell.cell_type == "markdown":
            text = re.sub(
                r"<details.*?</details>|^```.*?^```|\$\$.*?\$\$", "", cell.source, flags=re.MULTILINE | re.DOTALL
            )
            text = re.sub(r"\$[^$]*\$|\]\([^)]*\)|<[^>]*>", " ", text)
            words += len(re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text))
        elif cell.cell_type == "code" and not tags(cell) & {"hide-input", "remove-input"}:
            lines += sum(bool(line.strip()) for line in cell.source.splitlines())
    return words, lines
