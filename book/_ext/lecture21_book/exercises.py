"""Exercises that readers do in the page: under the stub of each exercise, its code with choices among lines."""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from lecture21 import live
from lecture21.exercises.registry import exercises_of

from .chapters import chapter_number

_DEFINED = re.compile(r"^(?:def|class) (\w+)|^(\w+) = \.\.\.", re.MULTILINE)


class _AddChoices(SphinxPostTransform):
    """Put a figure after the cell of each stub. The build adds it, so that notebooks do without."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_: object) -> None:
        """Add the figures of one chapter."""
        chapter = chapter_number(self.env.docname)
        if chapter is None:
            return
        numbers = {exercise.name: exercise.number for exercise in exercises_of(chapter)}
        for cell in list(self.document.findall(nodes.container)):
            if "tag_exercise" not in cell["classes"]:
                continue
            match = _DEFINED.search(cell.astext())
            name = match and (match[1] or match[2])
            if name not in numbers:
                raise ValueError(
                    f"{self.env.docname}: a cell with the tag exercise defines {name}, which is no exercise"
                )
            figure = nodes.raw("", live.Lines(numbers[name]).element(), format="html")
            cell.parent.insert(cell.parent.index(cell) + 1, figure)


def setup(app: object) -> dict[str, object]:
    """Register the transform."""
    app.add_post_transform(_AddChoices)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
