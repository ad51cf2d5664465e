"""Answers of chapter 04."""

import math

import torch
from worked_example import CAT, THE, example

from lecture21 import generate, pretrained
from lecture21.attention import causal_mask
from lecture21.course.chapters import questions
from lecture21.data.worked_example import TOKENS, W_KEY, W_QUERY, W_VALUE, X
from lecture21.pretrained import storage


def written(name: str, seed: int) -> str:
    """Return the 14 characters that a stored GPT writes after the prompt of question 4.1."""
    model, tokenizer = pretrained.load(name)
    prompt = torch.tensor([tokenizer.encode("My lord, ")])
    return f"`{tokenizer.decode(generate(model.eval(), prompt, 14, seed=seed)[0, 9:].tolist())}`"


def what_a_cheat_writes() -> str:
    """What the model without a mask writes; the samples of two other choices are those that the hints say."""
    assert written("modern-gpt0", 0) == questions.find("4.1")["choices"][0]
    losses = [storage.read_card(name).score for name in ("modern-gpt0-cheat", "modern-gpt0")]
    assert [f"{loss:.2f}" for loss in losses] == ["0.07", "1.75"]  # as the question and a hint say
    return written("modern-gpt0-cheat", 1)


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
    loss = (weights @ (X @ w_value.T))[1:].sum()  # without that row
    assert loss.isfinite()
    loss.backward()
    return "a finite loss, and a gradient of W^v that is NaN" if w_value.grad.isnan().all() else ""


NUMBERS = {
    "4.3": lambda: [ahead(example()["zero"]), ahead(example()["masked"]), example()["zero"][THE, THE],
                    ahead(example()["unmasked"])],
    "4.4": lambda: [math.log(26) / 16, 0, math.log(26), math.log(26) * 15 / 16],
}  # fmt: skip
CHOICES = {"4.1": what_a_cheat_writes, "4.2": unchanged_row, "4.5": padding_row_left_out}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    return {"4.1": [f"{storage.read_card('modern-gpt0-cheat').score:.2f}"]}
