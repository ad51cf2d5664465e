"""Names of folded cells, which say what a fold holds: a reader must know which one gives an answer away."""

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

_SETUP = ("import ", "from ", "#", "%", "figures.apply(", "torch.set_num_threads(")


def is_setup(code: str) -> bool:
    """Return whether code only imports and sets the style, and computes nothing that a reader would look for."""
    return all(line.startswith(_SETUP) for line in code.splitlines() if line.strip())


def name(fold: HideCodeCellNode, cell: nodes.container) -> str:
    """Return what a fold of a cell holds, by the cell's tags and by what is in it."""
    if "below-input" in fold["classes"]:
        return "Show the result"
    if "tag_solution" in cell["classes"]:
        return "Solution"
    code = next(iter(fold.findall(nodes.literal_block)), None)
    if code is not None and is_setup(code.astext()):
        return "Setup"
    if next(iter(cell.findall(nodes.image)), None) is not None:
        return "Code of this figure"
    return "Show the code"


class _NameFolds(SphinxPostTransform):
    """Give each fold its name."""

    default_priority = 200  # right after myst-nb has made the folds
    formats = ("html",)

    def run(self, **_: object) -> None:
        """Name the folds of one page."""
        for cell in self.document.findall(nodes.container):
            for fold in cell.children:
                if isinstance(fold, HideCodeCellNode):  # whose parent myst-nb does not always set
                    fold["prompt_show"] = name(fold, cell)
                    fold["prompt_hide"] = fold["prompt_show"].replace("Show", "Hide")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the transform."""
    app.add_post_transform(_NameFolds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
