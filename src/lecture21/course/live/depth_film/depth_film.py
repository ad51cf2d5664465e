"""A film of depth: how alike the vectors of the tokens are after each block of a GPT that is not trained."""

import traitlets

from lecture21.course.live.figure import Figure


class DepthFilm(Figure):
    """The tokens of a sentence on their way through 24 or 48 blocks with random weights, computed in the page.

    The reader switches residual connections and norms, and sees after each block the cosine of every pair of tokens,
    the share of the squared norm that differs between tokens, and the size of the features.

    Args:
        residual: on, off, or off around one layer of each block only: attention or feed_forward.
        norm: pre, post or none.
        scaled: whether the layers that write into the residual stream are divided by sqrt(2 L), as in GPT-2.
        blocks: 24 or 48.
        block: after which block the tokens are shown at first.
        seed: of the weights.
    """

    figure = "depth_film"
    description = (
        "The 11 words of a sentence before the first of 24 blocks of a GPT that is not trained. A map of the cosines "
        "between their vectors is near 0 outside the diagonal, except between the three tokens “the”, whose word is "
        "the same. A button plays the blocks one after the other, and switches remove the residual connections or the "
        "norms."
    )
    residual = traitlets.Enum(("on", "off", "attention", "feed_forward"), "on").tag(sync=True)
    norm = traitlets.Enum(("pre", "post", "none"), "pre").tag(sync=True)
    scaled = traitlets.Bool(False).tag(sync=True)
    blocks = traitlets.Enum((24, 48), 24).tag(sync=True)
    block = traitlets.Int(0, min=0, max=48).tag(sync=True)
    seed = traitlets.Int(0, min=0, max=999).tag(sync=True)
