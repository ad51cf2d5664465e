"""Folded cells: each is named by what it holds, and those that only set a notebook up are not on the page."""

import ast
import re

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

_SETTINGS = ("figures.apply", "torch.set_num_threads", "torch.set_printoptions")
_ASSERT = re.compile(r"^\s*assert ", re.MULTILINE)
_MAGIC = re.compile(r"^\s*%.*$", re.MULTILINE)


def is_setup(code: str) -> bool:
    """Return whether code only imports and sets the style, and computes nothing that a reader would look for.

    The cell that says how to install the package tries an import, too.
    """

    def sets_up(statement: ast.stmt) -> bool:
        if isinstance(statement, ast.Try):
            return all(map(sets_up, statement.body))
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            return ast.unparse(statement.value.func) in _SETTINGS
        return isinstance(statement, ast.Import | ast.ImportFrom)

    return all(map(sets_up, ast.parse(_MAGIC.sub("", code)).body))


def name(fold: HideCodeCellNode, cell: nodes.container) -> str:
    """Return what a fold of a cell holds, by the cell's tags and by what is in it."""
    if _is_output(fold):
        return "Show the result"
    if "tag_solution" in cell["classes"]:
        return "Solution"
    if next(iter(cell.findall(nodes.image)), None) is not None:
        return "Code of this figure"
    if _ASSERT.search(fold.astext()):
        return "Check of the numbers in the text"
    return "Show the code"


def _is_output(fold: HideCodeCellNode) -> bool:
    return bool({"below-input", "above-output"} & set(fold["classes"]))  # the second if the page lacks the cell's code


def _only_sets_up(fold: HideCodeCellNode, cell: nodes.container) -> bool:
    """Return whether a fold is all there is of a cell, and holds nothing but setup."""
    code = next(iter(fold.findall(nodes.literal_block)), None)
    return len(cell.children) == 1 and code is not None and not _is_output(fold) and is_setup(code.astext())


class _NameFolds(SphinxPostTransform):
    """Give each fold its name, and remove those that only set up; notebooks keep them."""

    default_priority = 200  # right after myst-nb has made the folds
    formats = ("html",)

    def run(self, **_: object) -> None:
        """Name the folds of one page."""
        for cell in list(self.document.findall(nodes.container)):
            for fold in cell.children:
                if not isinstance(fold, HideCodeCellNode):  # whose parent myst-nb does not always set
                    continue
                if _only_sets_up(fold, cell):
                    cell.parent.remove(cell)
                    break
                fold["prompt_show"] = name(fold, cell)
                fold["prompt_hide"] = fold["prompt_show"].replace("Show", "Hide")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the transform."""
    app.add_post_transform(_NameFolds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
