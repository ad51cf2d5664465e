"""Residual stream: one character's vector through the layers of a GPT, and what each part adds."""

import traitlets

from lecture21.course.live.figure import ModelFigure
from lecture21.course.live.parameters import Text


class ResidualStream(ModelFigure):
    """The residual stream of a GPT at one character, as a trunk with a side branch for each part that adds to it.

    Beside each part is the prediction that the output layer would make after it. At the default character, the
    probability of the next one rises from part to part. A part can be removed, which changes the loss of the sentence
    and the distribution of the next character.

    Args:
        model: a GPT of characters, or the name of a shipped one.
        tokenizer: of the GPT; a shipped model has its own.
        prompt: the sentence, at most 200 characters.
        token: which character is followed, counted from 0; -1 is the last one.
        removed: parts that are left out at first, such as "0.attention" or "3.feed_forward".
    """

    figure = "residual"
    description = (
        "The residual stream of one character as a line from top to bottom. Each attention and feed-forward layer of a "
        "GPT branches off and adds to it; beside each is the probability of the next character, if the model ended "
        "there."
    )
    prompt = Text("Good night, good night!", longest=200).tag(sync=True)
    token = traitlets.Int(19, min=-1, max=4095).tag(sync=True)
    removed = traitlets.List(traitlets.Unicode()).tag(sync=True)
