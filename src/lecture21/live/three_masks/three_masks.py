"""Three families of transformers: what each position depends on, what it predicts, and what the loss sums over."""

from typing import Any

import traitlets

from lecture21._support.validation import require_number
from lecture21.live.figure import Figure

POSITIONS = {"encoder": 3, "decoder": 4, "both": 6}


class ThreeMasks(Figure):
    """The mask and the objective of an encoder (BERT), a decoder (GPT) and an encoder-decoder (BART, T5).

    The reader chooses a family and a position of a short sentence. The figure shows on which positions its output
    depends, what it predicts, what the loss sums over, and which probability the model is of.

    Args:
        family: encoder, decoder or both.
        token: the chosen position, from 0.
    """

    figure = "three_masks"
    description = (
        "A table of the positions of a GPT's input, <bos> the cat slept. A row is filled up to its own position: the "
        "output at “cat” depends on <bos>, the and cat, and predicts “slept”. Each row predicts the next token, and "
        "the loss sums over all rows: the model is a distribution P(X). Two buttons show an encoder "
        "and an encoder-decoder."
    )
    family = traitlets.Enum(tuple(POSITIONS), "decoder").tag(sync=True)
    token = traitlets.Int(2, min=0, max=5).tag(sync=True)
    """Index of the chosen position."""

    def __init__(self, *values: Any, **state: Any) -> None:
        super().__init__(*values, **state)
        last = POSITIONS[self.family] - 1
        require_number("token", self.token, f"from 0 to {last}", lambda x: x in range(last + 1))
