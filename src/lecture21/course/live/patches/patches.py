"""An image as tokens: the patches of a digit, the text after them, the mask over both, and what they cost."""

from typing import Any

import traitlets

from lecture21._support.validation import in_range, require
from lecture21.course.live.figure import Figure
from lecture21.vision.digits import NAMES


class Patches(Figure):
    """The patches of a handwritten digit and the letters of its name, as one sequence with its mask.

    The reader chooses or draws a digit, and chooses the side of a patch and the mask. The figure shows the tokens,
    which of them the chosen one may attend to, and its target; then, how many scores attention computes.

    Args:
        digit: the digit that is shown and named.
        patch_size: side of a patch in pixels: 1, 2, 4 or 8.
        mask: prefix, where image tokens attend to all image tokens, or causal.
        token: index of the chosen token, from 0.
    """

    figure = "patches"
    description = (
        "A handwritten seven of 8 by 8 pixels becomes 16 patches of 2 by 2 pixels, followed by six text tokens: a "
        "line break and the letters of “seven”. Under the prefix mask, the chosen patch in row 1, column 3 attends "
        "to all 16 patches, including later ones. Instead of the mask, a table of what patches of each size cost can "
        "be shown."
    )
    digit = traitlets.Int(7, min=0, max=9).tag(sync=True)
    """The digit whose name is the text."""

    patch_size = traitlets.Enum((1, 2, 4, 8), 2).tag(sync=True)
    """Side of a patch in pixels."""

    mask = traitlets.Enum(("prefix", "causal"), "prefix").tag(sync=True)
    token = traitlets.Int(2, min=0, max=69).tag(sync=True)
    """Index of the chosen token."""

    view = traitlets.Enum(("mask", "cost"), "mask").tag(sync=True)
    """What is beside the image: the mask, or the cost of each size of patches."""

    pixels = traitlets.List(traitlets.Int()).tag(sync=True)
    """The reader's drawing, 64 counts from 0 (paper) to 16 (ink) in reading order; empty for the digit's own image."""

    def __init__(self, *values: Any, **state: Any) -> None:
        super().__init__(*values, **state)
        last = (8 // self.patch_size) ** 2 + len(NAMES[self.digit])
        require("token", self.token, in_range(0, last, "[]", whole=True))
