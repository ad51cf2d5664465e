"""The router of a sparse GPT: a text colored by the experts that process its characters."""

import json
from typing import Any

import traitlets

from lecture21._support.validation import in_range, require
from lecture21.course.live.figure import ModelFigure
from lecture21.course.live.parameters import Text
from lecture21.gpt import GPT
from lecture21.tokenizers import BPETokenizer, CharTokenizer


class Router(ModelFigure):
    """Which expert of a sparse GPT processes which character of a text.

    The text is colored and numbered by the expert of a layer. A tile for each expert shows its load and its most
    frequent letters, and keeps them in color when it is chosen; bars show the router's probabilities at the caret.

    Args:
        model: a sparse GPT, or the name of a shipped one.
        tokenizer: of the reader's own model; one of characters.
        text: at most 400 characters.
        layer: which layer's experts are shown, from 1.

    Raises:
        ValueError: if the model is dense, its tokens are not characters, or the text is too long.
    """

    figure = "router"
    description = (
        "A text from a play. Each character has the color and the number of the expert that processes it in the first "
        "layer of a small sparse GPT with eight experts. Below, the fraction of the characters that each expert "
        "processes, from 4 % to 24 %, and the probabilities of the router for the first character."
    )
    default_model = "modern-moe"
    text = Text(
        "MENENIUS:\nThere was a time when all the body's members\nRebell'd against the belly.", longest=400
    ).tag(sync=True)
    layer = traitlets.Int(1, min=1, max=96).tag(sync=True)
    cursor = traitlets.Int(0, min=0, max=400).tag(sync=True)
    """Index of the character whose probabilities are shown."""

    def __init__(
        self,
        model: GPT | str | None = None,
        tokenizer: CharTokenizer | BPETokenizer | None = None,
        *values: Any,
        **state: Any,
    ) -> None:
        super().__init__(model, tokenizer, *values, **state)
        if not self.text:
            raise ValueError("text must have 1 to 400 characters, got 0")
        header = json.loads(self.weights[8 : 8 + int.from_bytes(self.weights[:8], "little")])
        config = json.loads(header["__metadata__"]["config"])
        if config["moe"] is None:
            name = "this model" if self._name is None else f"the model {self._name!r}"
            raise ValueError(f"{name} is dense and has no router: give the figure a model with config.moe")
        layers = config["n_layer"]
        require("layer", self.layer, in_range(1, layers, "[]", whole=True))
