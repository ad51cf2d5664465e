"""Answers of chapter 09."""

import math

import torch
from torch import nn

from lecture21.tokenizers import bpe


def third_merge() -> str:
    first, second = bpe.train("the cat sat on the mat", 3)[2]
    return f"`{first.decode()}` + `{second.decode()}`"


def after_one_update_of_a_clone() -> str:
    torch.manual_seed(0)
    token, head = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
    head.weight = nn.Parameter(token.weight.clone())
    nn.functional.cross_entropy(head(token(torch.tensor([0, 1]))), torch.tensor([1, 2])).backward()
    torch.optim.SGD([token.weight, head.weight], lr=0.1).step()
    return "" if torch.equal(token.weight, head.weight) else "the first update makes them different"


NUMBERS = {"9.2": lambda: [3.4 / 1.9, 3.4 * 1.9, 3.4 / 1.9 / math.log(2), 3.4]}
CHOICES = {"9.1": third_merge, "9.3": after_one_update_of_a_clone}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    return {"9.2": [f"{3.4 / 1.9:.2f}"]}
