"""Answers of chapter 04."""

import math

import torch

from answers.worked import CAT, THE, example
from lecture21.attention import causal_mask
from lecture21.data.worked_example import TOKENS, W_KEY, W_QUERY, W_VALUE, X


def ahead(weights: torch.Tensor) -> float:
    """The weight that row "the" gives to later words."""
    return weights[THE, CAT:].sum().item()


def unchanged_row() -> str:
    same = [row for row in range(4) if torch.equal(example()["masked"][row], example()["unmasked"][row])]
    return f"*{TOKENS[same[0]]}*" if len(same) == 1 else ""


def padding_row_left_out() -> str:
    w_value = W_VALUE.clone().requires_grad_()
    mask = causal_mask(4)
    mask[0] = False  # a padding row
    weights = (X @ W_QUERY.T @ (X @ W_KEY.T).T / 2).masked_fill(~mask, -math.inf).softmax(dim=-1)
    (weights @ (X @ w_value.T))[1:].sum().backward()  # without that row
    return "the gradient of W^v is NaN" if w_value.grad.isnan().all() else ""


NUMBERS = {
    "4.3": lambda: [ahead(example()["zero"]), ahead(example()["masked"]), example()["zero"][THE, THE],
                    ahead(example()["unmasked"])],
    "4.5": lambda: [math.log(26) / 16, 0, math.log(26), math.log(26) * 15 / 16],
}  # fmt: skip
CHOICES = {"4.2": unchanged_row, "4.4": padding_row_left_out}
IN_CHAPTER = {"4.1", "4.6"}  # trained in the chapter
