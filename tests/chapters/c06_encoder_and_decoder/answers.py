"""Answers of chapter 06."""

import functools
from itertools import product

import torch

from lecture21.attention import attention
from lecture21.chapters import results
from lecture21.data import numbers
from lecture21.transformer import MaskedLM, Transformer, TransformerConfig


def shape_of_the_weights() -> str:
    source, target = torch.randn(2, 4), torch.randn(3, 4)
    return str(tuple(attention(target, source, source)[1].shape))


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


def scores(n_train: int) -> list[float]:
    table = results.load("transformer_numbers")
    rows = table.query("n_train == @n_train and to == 'words' and position == 'sinusoidal' and max_digits == 6")
    return sorted(rows["greedy"])


def fraction() -> str:
    low = scores(1000)[0]
    return "more than nine in ten" if low > 0.9 else ""


def product_of_predictions(text: tuple[str, str]) -> float:
    """The product of the distributions at two masked positions, in a world of two texts."""
    world = [("New", "York"), ("Los", "Angeles")]
    predicted = [{word: sum(each[i] == word for each in world) / 2 for word in ("New", "York", "Los", "Angeles")}
                 for i in range(2)]  # fmt: skip
    total = sum(predicted[0][a] * predicted[1][b] for a, b in product(predicted[0], repeat=2))
    assert total == 1
    return predicted[0][text[0]] * predicted[1][text[1]]


def exact_blocks() -> str:
    """In which blocks the inputs of five tokens are the same when a sixth is appended."""
    torch.manual_seed(0)
    model = MaskedLM(TransformerConfig(source_vocab_size=44, n_encoder_layer=3)).eval()
    ids = torch.randint(3, 44, (1, 6))
    same = {}
    for causal in (True, False):
        x, y = model.encoder.embedding(ids[:, :5]), model.encoder.embedding(ids)
        same[causal] = []
        for block in model.encoder.blocks:
            block.attention.causal = causal
            same[causal].append(torch.allclose(x, y[:, :5], atol=1e-5))
            x, y = block(x), block(y)
    expected = {True: [True, True, True], False: [True, False, False]}
    return "in all blocks with the causal mask; in the first block only without it" if same == expected else ""


NUMBERS = {"6.4": lambda: [product_of_predictions(("New", "Angeles")), 0, 1 / 2]}
CHOICES = {
    "6.1": shape_of_the_weights,
    "6.2": what_is_left,
    "6.3": fraction,
    "6.5": exact_blocks,
}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    return {
        "6.2": [f"{size(blocks()[0]):,}"],
        "6.3": [f"{scores(1000)[0]:.3f}", f"{scores(1000)[-1]:.3f}"],
    }
