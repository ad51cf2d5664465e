"""The transformer of 2017, assembled piece by piece; with pieces crossed out it is a GPT or a BERT."""

import traitlets

from lecture21.course.live.figure import Figure
from lecture21.course.live.parameters import Text


class TwoStacks(Figure):
    """Figure 1 of Vaswani et al. 2017, to be assembled and taken apart.

    Each piece that is added, or clicked, shows the shape of its tensors; the three attentions show their masks, of
    which the decoder has two, with a softmax each. When all pieces are there, the reader crosses some out, and the
    figure says what is left, and of what it is a probability.

    Args:
        placed: how many of the eight pieces are there at first.
        piece: the one that is explained, counted from 1 in the order in which a text passes them.
        crossed: the pieces that are crossed out, such as "1236".
    """

    figure = "two_stacks"
    description = (
        "The transformer of 2017. Left, the encoder: the source, the cat slept, passes an embedding, self-attention "
        "and feed-forward. Right, the decoder: the target so far, <bos> die Katze schlief, passes an embedding, causal "
        "self-attention, cross-attention to the encoder's output, feed-forward, and a softmax that predicts die Katze "
        "schlief <eos>. Beside it are the masks of the three attentions: three by three with nothing hidden, four by "
        "four and causal, and four by three with nothing hidden. Without encoder and cross-attention it is a GPT, "
        "without decoder a BERT."
    )
    placed = traitlets.Int(1, min=1, max=8).tag(sync=True)
    piece = traitlets.Int(1, min=1, max=8).tag(sync=True)
    crossed = Text("", longest=8).tag(sync=True)
