"""Printed outputs of cells: those aligned in columns keep their columns on narrow screens."""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

_GAP = re.compile(r"\S {2,}\S")


def is_aligned(text: str) -> bool:
    """Return whether a text has columns: a gap of two or more spaces inside at least two of its lines."""
    return sum(bool(_GAP.search(line)) for line in text.splitlines()) >= 2


class _MarkAligned(SphinxPostTransform):
    """Give aligned outputs the class `aligned`; lecture21.css lets them scroll where others wrap."""

    default_priority = 900  # after myst-nb has chosen among the forms of an output

    def run(self, **_: object) -> None:
        """Mark the outputs of one page."""
        for block in self.document.findall(nodes.literal_block):
            if "stream" in block["classes"] and is_aligned(block.astext()):
                block["classes"].append("aligned")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the transform."""
    app.add_post_transform(_MarkAligned)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
