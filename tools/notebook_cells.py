"""What a reader sees of a notebook: its tags, its pictures, and how much it uses of each budget of a chapter."""

import re

from nbformat import NotebookNode

BUDGETS = {"words": 2600, "visible lines of code": 200, "visible asserts": 12}


def tags(cell: NotebookNode) -> set[str]:
    """Return a cell's tags."""
    return set(cell.metadata.get("tags", []))


def has_picture(cell: NotebookNode) -> bool:
    """Return whether a cell's stored output holds a picture."""
    return any(mime.startswith("image/") for output in cell.outputs for mime in output.get("data", {}))


def budget(notebook: NotebookNode) -> dict[str, int]:
    """Return how much of each budget a notebook uses: what a reader sees without opening anything.

    Not counted are hidden code, solutions, hints, teaching notes, folded answers, and code blocks and formulas in text.
    """
    used = dict.fromkeys(BUDGETS, 0)
    for cell in notebook.cells:
        if tags(cell) & {"solution", "hint", "teaching", "hide-cell", "remove-cell"}:
            continue
        if cell.cell_type == "markdown":
            text = re.sub(
                r"<details.*?</details>|^```.*?^```|\$\$.*?\$\$", "", cell.source, flags=re.MULTILINE | re.DOTALL
            )
            text = re.sub(r"\$[^$]*\$|\]\([^)]*\)|<[^>]*>", " ", text)
            used["words"] += len(re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text))
        elif cell.cell_type == "code" and not tags(cell) & {"hide-input", "remove-input"}:
            lines = [line for line in cell.source.splitlines() if line.strip()]
            used["visible lines of code"] += len(lines)
            used["visible asserts"] += sum(line.lstrip().startswith("assert ") for line in lines)
    return used
