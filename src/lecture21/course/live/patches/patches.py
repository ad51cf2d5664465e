"""Draw a digit: a small GPT reads the patches of an image as a sentence, and names the digit while the pen moves."""

import traitlets

from lecture21.course.live.figure import Figure


class Patches(Figure):
    """A drawing of a digit, its patches as tokens, and the probability that a small GPT gives to each name.

    The reader draws, and may shuffle the patches before the model gets them.

    Args:
        digit: the digit whose image is shown first.
        shuffled: whether the model gets the patches in another order.
    """

    figure = "patches"
    description = (
        "A handwritten seven of 8 by 8 pixels with the grid of its 16 patches. Beside it, ten bars: a small GPT gives "
        "nearly all probability to the name seven. Below, the sentence that it reads: the 16 patches, and then the "
        "letters of the name."
    )
    digit = traitlets.Int(7, min=0, max=9).tag(sync=True)
    """The digit whose image is shown where the reader has drawn none."""

    shuffled = traitlets.Bool(False).tag(sync=True)
    """Whether the model gets the patches in another order."""

    strokes = traitlets.List(traitlets.List(traitlets.Int()), default_value=None, allow_none=True).tag(sync=True)
    """The reader's drawing, None for the digit's own image: of each stroke, x and y of its places from 0 to 200."""
