"""Answers of chapter 06."""

import functools
from itertools import product

import torch

from lecture21 import GPT, presets
from lecture21.course.chapters import results
from lecture21.data import numbers
from lecture21.objectives import shift_right
from lecture21.transformer import Transformer, TransformerConfig


def where_forty_is_predicted() -> str:
    """The decoder's input at which the word for 40 is the target, in German."""
    words = ["bos", "sieben", "und", "vierzig", "eos"]
    target = torch.arange(1, len(words))
    inputs = shift_right(target[None], 0)[0].tolist()
    return f"*{words[inputs[target.tolist().index(words.index('vierzig'))]]}*"


@functools.cache
def blocks() -> tuple[torch.nn.Module, torch.nn.Module]:
    """An encoder block and a decoder block of the chapter's model."""
    model = Transformer(TransformerConfig(source_vocab_size=len(numbers.VOCABULARY)))
    return model.encoder.blocks[0], model.decoder.blocks[0]


def size(*modules: torch.nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def what_is_left() -> str:
    encoder, decoder = blocks()
    rest = size(decoder) - size(decoder.cross_attention, decoder.norm_cross_attention)
    return "the block of a GPT" if rest == size(encoder) and decoder.attention.causal else ""


def after_the_comma():
    """What *hundred* attends to after the comma, in the last block: a row for each run of the chapter's model."""
    return results.load("cross_attention").query("place == 'after'")


def where_hundred_looks() -> str:
    return "to the 1 and the 3" if after_the_comma().weight.mean() > 0.5 else ""


def product_of_predictions(text: tuple[str, str]) -> float:
    """The product of the distributions at two masked positions, in a world of two texts."""
    world = [("New", "York"), ("Los", "Angeles")]
    predicted = [{word: sum(each[i] == word for each in world) / 2 for word in ("New", "York", "Los", "Angeles")}
                 for i in range(2)]  # fmt: skip
    total = sum(predicted[0][a] * predicted[1][b] for a, b in product(predicted[0], repeat=2))
    assert total == 1
    return predicted[0][text[0]] * predicted[1][text[1]]


NUMBERS = {"6.3": lambda: [product_of_predictions(("New", "Angeles")), 0, 1 / 2]}
CHOICES = {
    "6.1": where_forty_is_predicted,
    "6.2": what_is_left,
    "6.4": where_hundred_looks,
}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    return {
        "6.2": [f"{size(blocks()[0]):,}", str(size(GPT(presets.get("gpt0")).blocks[0]) - size(blocks()[0]))],
        "6.4": [f"{after_the_comma().weight.mean():.2f}"],
    }
