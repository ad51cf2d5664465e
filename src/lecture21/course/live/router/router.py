"""The router of a sparse GPT: each letter's way to its expert, which the reader can change."""

import json
from typing import Any

import torch
import traitlets

from lecture21 import pretrained
from lecture21._support.validation import in_range, require
from lecture21.course.live.figure import ModelFigure
from lecture21.course.live.parameters import Text
from lecture21.data import shakespeare, split
from lecture21.gpt import GPT
from lecture21.moe import routings
from lecture21.tokenizers import BPETokenizer, CharTokenizer

_READ = 32_000  # characters of the training text, in which the experts of each letter are counted


class Router(ModelFigure):
    """A line from each letter of a text to the expert that processes it, and the loss if a letter goes elsewhere.

    The reader sends one letter to another expert of the layer that is shown, or all letters, in all layers, to the
    expert that their character usually has, to none, or to another one. Gate weights stay as they are.

    Args:
        model: a sparse GPT, or the name of a shipped one.
        tokenizer: of the reader's own model; one of characters.
        text: at most 32 characters, and no more than the model reads at once.
        layer: which layer's experts are shown, from 1.

    Raises:
        ValueError: if the model is dense, its tokens are not characters, or the text is too long.
    """

    figure = "router"
    description = (
        "A text of 32 letters, and below it eight experts. A line leads from each letter to the expert that processes "
        "it in the first layer of a small sparse GPT. A bar shows what the letter after the chosen one costs; "
        "below, the mean loss of the text."
    )
    default_model = "modern-moe"
    text = Text("To be, or not to be, that is the", longest=32).tag(sync=True)
    layer = traitlets.Int(1, min=1, max=96).tag(sync=True)
    cursor = traitlets.Int(0, min=0, max=31).tag(sync=True)
    """Index of the letter that can be sent elsewhere."""

    way = traitlets.Enum(("learned", "usual", "none", "next"), "learned").tag(sync=True)
    """Where all letters go: as the router decides, to their character's usual expert, to none, or one expert further
    than the router decides."""

    usual = traitlets.List().tag(sync=True)
    """Of each layer: the expert, from 0, that most often processes each token of the training text; -1 for a token
    that does not occur."""

    def __init__(
        self,
        model: GPT | str | None = None,
        tokenizer: CharTokenizer | BPETokenizer | None = None,
        *values: Any,
        **state: Any,
    ) -> None:
        super().__init__(model, tokenizer, *values, **state)
        if len(self.text) < 2:
            raise ValueError(f"text must have 2 to 32 characters, got {len(self.text)}")
        header = json.loads(self.weights[8 : 8 + int.from_bytes(self.weights[:8], "little")])
        config = json.loads(header["__metadata__"]["config"])
        if config["moe"] is None:
            name = "this model" if self._name is None else f"the model {self._name!r}"
            raise ValueError(f"{name} is dense and has no router: give the figure a model with config.moe")
        require("layer", self.layer, in_range(1, config["n_layer"], "[]", whole=True))
        gpt, tokens = pretrained.load(self._name) if self._name else (model, tokenizer)
        self.usual = _usual_experts(gpt, tokens)


def _usual_experts(gpt: GPT, tokenizer: CharTokenizer) -> list[list[int]]:
    """Return the expert that most often processes each token, of each layer."""
    count = _READ // gpt.block_size * gpt.block_size
    ids = torch.tensor(tokenizer.encode(split(shakespeare())[0][:count])).view(-1, gpt.block_size)
    training = gpt.training
    with torch.no_grad(), routings(gpt.eval()) as routed:
        gpt(ids)
    gpt.train(training)
    found = []
    for _, routing in routed:
        counts = torch.zeros(gpt.config.vocab_size, routing.logits.shape[-1], dtype=torch.long)
        counts.index_put_((ids.flatten(), routing.experts[..., 0].flatten()), torch.tensor(1), accumulate=True)
        found.append(counts.argmax(1).masked_fill(counts.sum(1) == 0, -1).tolist())
    return found
