"""Residual stream: one character's vector through the layers of a GPT, and what each part adds."""

import traitlets

from lecture21.live.figure import ModelFigure
from lecture21.live.parameters import Text


class ResidualStream(ModelFigure):
    """The residual stream of a GPT at one character: what each attention and feed-forward layer adds, and its norm.

    The figure also shows the prediction that the output layer would make after each part. A part can be removed, which
    changes the loss of the sentence and the distribution of the next character.

    Args:
        model: a GPT of characters, or the name of a shipped one.
        tokenizer: of the GPT; a shipped model has its own.
        prompt: the sentence, at most 200 characters.
        token: which character is followed, counted from 0; -1 is the last one.
        removed: parts that are left out at first, such as "0.attention" or "3.feed_forward".
    """

    figure = "residual"
    description = (
        "A table with a row for each attention and feed-forward layer of a GPT: the norm and direction of the vector "
        "that it adds to the residual stream of one character, the norm of the stream, and the prediction so far."
    )
    prompt = Text("To be, or not to be", longest=200).tag(sync=True)
    token = traitlets.Int(-1, min=-1, max=4095).tag(sync=True)
    removed = traitlets.List(traitlets.Unicode()).tag(sync=True)
