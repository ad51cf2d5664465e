"""The router of a sparse GPT: a text colored by the experts that process its characters."""

import json

import traitlets

from lecture21.gpt import GPT
from lecture21.live.figure import ModelFigure, weights_of
from lecture21.tokenizers import BPETokenizer, CharTokenizer

_TEXT = "MENENIUS:\nThere was a time when all the body's members\nRebell'd against the belly."
_LONGEST = 400


class Router(ModelFigure):
    """Which expert of a sparse GPT processes which character of a text.

    The text is colored and numbered by the expert of a layer; bars show the load of each expert and the router's
    probabilities for the character at the caret.

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
    text = traitlets.Unicode(_TEXT).tag(sync=True)
    layer = traitlets.Int(1).tag(sync=True)
    cursor = traitlets.Int(0).tag(sync=True)
    """Index of the character whose probabilities are shown."""

    def __init__(
        self,
        model: GPT | str = "modern-moe",
        tokenizer: CharTokenizer | BPETokenizer | None = None,
        *,
        text: str = _TEXT,
        layer: int = 1,
    ) -> None:
        layers = _sparse_layers(model, tokenizer)
        if not 1 <= layer <= layers:
            raise ValueError(f"layer must be from 1 to {layers}, got {layer}")
        if not 1 <= len(text) <= _LONGEST:
            raise ValueError(f"text must have 1 to {_LONGEST} characters, got {len(text)}")
        super().__init__(model, tokenizer, text=text, layer=layer)
        changed = {"text": text != _TEXT, "layer": layer != 1}
        self._shown = tuple(name for name, given in changed.items() if given)


def _sparse_layers(model: GPT | str, tokenizer: CharTokenizer | BPETokenizer | None) -> int:
    """Return the number of layers of a sparse model of characters, or raise ValueError."""
    if isinstance(tokenizer, BPETokenizer):
        raise ValueError("this figure shows characters: it needs a model with a CharTokenizer, got a BPETokenizer")
    if isinstance(model, GPT):
        name, layers, sparse = "this model", model.config.n_layer, model.config.moe is not None
    else:
        data = weights_of(model)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        config = json.loads(header["__metadata__"]["config"])
        name, layers, sparse = f"the model {model!r}", config["n_layer"], config["moe"] is not None
    if not sparse:
        raise ValueError(f"{name} is dense and has no router: give the figure a model with config.moe")
    return layers
