"""A film of depth: how alike the vectors of words become in a GPT that is not trained, with and without the plus."""

import traitlets

from lecture21.course.live.figure import Figure


class DepthFilm(Figure):
    """Two films of a sentence on its way through 24 or 48 blocks with the same random weights, computed in the page.

    The left film has residual connections, the right one has not. After each block the reader sees the cosine of every
    pair of words, and the share of the squared norm that differs between words.

    Args:
        residual: where the right film lacks residual connections: off around both layers, or around attention or
            feed_forward only.
        norm: pre, post or none, in both films.
        blocks: 24 or 48.
        block: after which block the words are shown at first.
        seed: of the weights.
    """

    figure = "depth_film"
    description = (
        "Two maps of the cosines between the vectors of the 11 words of a sentence, before the first of 24 blocks of a "
        "GPT that is not trained. Both are near 0 outside the diagonal, except between the three words “the”. A button "
        "plays the blocks one after the other, on the left with residual connections and on the right without."
    )
    residual = traitlets.Enum(("off", "attention", "feed_forward"), "off").tag(sync=True)
    norm = traitlets.Enum(("pre", "post", "none"), "pre").tag(sync=True)
    blocks = traitlets.Enum((24, 48), 24).tag(sync=True)
    block = traitlets.Int(0, min=0, max=48).tag(sync=True)
    seed = traitlets.Int(0, min=0, max=999).tag(sync=True)
