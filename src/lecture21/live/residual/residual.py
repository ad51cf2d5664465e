"""Residual stream: one character's vector through the layers of a GPT, and what each part adds."""

import traitlets

from lecture21.gpt import GPT
from lecture21.live.figure import ModelFigure
from lecture21.live.write.write import require_characters
from lecture21.tokenizers import BPETokenizer, CharTokenizer

_LONGEST = 200  # characters, as in residual.js


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
    prompt = traitlets.Unicode("").tag(sync=True)
    token = traitlets.Int(-1).tag(sync=True)
    removed = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        model: GPT | str = "modern-gpt0",
        tokenizer: CharTokenizer | BPETokenizer | None = None,
        prompt: str = "To be, or not to be",
        *,
        token: int = -1,
        removed: tuple[str, ...] | list[str] = (),
    ) -> None:
        require_characters(tokenizer)
        if len(prompt) > _LONGEST:
            raise ValueError(f"the prompt has {len(prompt)} characters, and the figure holds {_LONGEST}")
        super().__init__(model, tokenizer, prompt=prompt, token=token, removed=list(removed))
