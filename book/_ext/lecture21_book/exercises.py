"""Exercises that readers do in the page: each in one card, with its task, its code to put together, hints and solution.

A notebook's check says "4.1: not written yet" under the stub and "4.1: correct" under the solution. On the page, where
nobody has run it, the card does without the cell of the check, and no output has such a line.
"""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from lecture21.course import live
from lecture21.course.exercises.registry import exercises_of

from .chapters import chapter_number
from .present import teaching

_DEFINED = re.compile(r"^(?:def|class) (\w+)|^(\w+) = \.\.\.", re.MULTILINE)
_CHECK = re.compile(r"check\([\"']\d+\.\d+[\"'], \w+\)\s*")
_VERDICT = re.compile(
    r"\d+\.\d+: (not written yet|correct|your version is used|the book's version is used until yours is correct)\n?"
)


def without_verdicts(output: str) -> str:
    """Return what a stored output says, without the lines in which a check or `solved` speaks of a reader's code."""
    return "".join(line for line in output.splitlines(keepends=True) if not _VERDICT.fullmatch(line))


def _is_cell(node: nodes.Node, tag: str = "") -> bool:
    return isinstance(node, nodes.container) and "cell" in node["classes"] and (not tag or tag in node["classes"])


def _remove_verdicts(cell: nodes.container) -> None:
    """Take the verdicts out of a cell's outputs, and what is then empty out of the cell."""
    around = {child: node for node in cell.findall() for child in node.children}  # a fold has not always a parent
    for block in list(cell.findall(nodes.literal_block)):
        if "stream" not in block["classes"]:
            continue
        said = without_verdicts(block.astext())
        if said == block.astext():
            continue
        block.rawsource = said
        block.children = [nodes.Text(said)]
        emptied = block
        while not emptied.astext().strip() and emptied is not cell:
            around[emptied].remove(emptied)
            emptied = around[emptied]


def _card(stub: nodes.container) -> nodes.container:
    """Return a card with what belongs to an exercise, from below its heading to its solution, in place of these."""
    section = stub.parent
    begin = section.index(stub)
    while begin and not isinstance(section[begin - 1], nodes.title):
        begin -= 1
    end = next((n for n in range(begin, len(section)) if _is_cell(section[n], "tag_solution")), None)
    if end is None or any(_is_cell(node, "tag_exercise") for node in section[begin:end] if node is not stub):
        raise ValueError(f"the exercise {stub.astext()[:60]!r} has no heading or no solution of its own")
    parts = section[begin : end + 1]
    notes = [part for part in parts if isinstance(part, teaching)]  # Present looks for these beside the heading
    card = nodes.container("", classes=["exercise-card"])
    section[begin : end + 1] = [*notes, card]
    card += [part for part in parts if part not in notes and not (_is_cell(part) and _CHECK.fullmatch(part.astext()))]
    return card


class _MakeCards(SphinxPostTransform):
    """Put each exercise in a card, with a figure after its stub. The build does it, so that notebooks do without."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_: object) -> None:
        """Make the cards of one chapter; a lab has none, and may call `solved`."""
        cells = [node for node in self.document.findall(nodes.container) if _is_cell(node)]
        for cell in cells:
            _remove_verdicts(cell)
        chapter = chapter_number(self.env.docname)
        if chapter is None:
            return
        numbers = {exercise.name: exercise.number for exercise in exercises_of(chapter)}
        for cell in cells:
            if not _is_cell(cell, "tag_exercise"):
                continue
            match = _DEFINED.search(cell.astext())
            name = match and (match[1] or match[2])
            if name not in numbers:
                raise ValueError(
                    f"{self.env.docname}: a cell with the tag exercise defines {name}, which is no exercise"
                )
            card = _card(cell)
            figure = nodes.raw("", live.Lines(numbers[name]).element(), format="html")
            card.insert(card.index(cell) + 1, figure)


def setup(app: object) -> dict[str, object]:
    """Register the transform."""
    app.add_post_transform(_MakeCards)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
