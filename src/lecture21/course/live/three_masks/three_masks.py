"""Three families of transformers: what each position may see, what it predicts, and what the loss sums over."""

import traitlets

from lecture21.course.live.figure import Figure
from lecture21.course.live.parameters import Text


class ThreeMasks(Figure):
    """The mask and the objective of an encoder (BERT), a decoder (GPT) and an encoder-decoder (BART, T5).

    The reader paints which positions of a short sentence each position sees. The figure shows the sentence as each
    position sees it, which positions copy their answer, and what a mask is called; for the right mask, also what the
    loss sums over and which probability the model is of.

    Args:
        family: encoder, decoder or both.
        mask: at first; row by row, 1 where a position sees another one, `own` for the mask of the family, or empty:
            each position sees only itself.
    """

    figure = "three_masks"
    description = (
        "A grid whose rows are the positions of a GPT's input, <bos> the cat slept, and what each of them predicts. At "
        "first each position sees only itself. The reader paints what else it sees, so that no position sees the token "
        "that it has to predict. Two buttons show the inputs of an encoder and of an encoder-decoder."
    )
    family = traitlets.Enum(("encoder", "decoder", "both"), "decoder").tag(sync=True)
    mask = Text("", longest=36).tag(sync=True)
