"""Answers of chapter 11."""

import math

import torch

from lecture21 import accounting, presets
from lecture21.course.chapters import results
from lecture21.data.in_context import SymbolMapping
from lecture21.pretrained import load

TOKENS = 491_520 * 600_000


def days_of_xl() -> float:
    """The days of GPT-2 XL at the utilization at which GPT-2 small takes 4."""
    small, large = (accounting.training_flops(presets.get(name), TOKENS) for name in ("gpt2", "gpt2-xl"))
    utilization = accounting.training_days(small, "A100", 8, 1.0) / 4
    return accounting.training_days(large, "A100", 8, utilization)


def ratio() -> float:
    return accounting.parameters(presets.get("gpt2-xl")).total / accounting.parameters(presets.get("gpt2")).total


def unchanged_weights() -> str:
    model, tokenizer = load("in-context")
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    model(torch.tensor([tokenizer.encode("aFcBa")]))
    same = all(weight.equal(before[name]) for name, weight in model.state_dict().items())
    return "its weights are the same as before" if same else ""


def tenfold() -> str:
    """How the best size grows from 10^9 to 10^10 FLOPs."""
    best = results.load("isoflop_optima").set_index("budget")["weights"]
    return "two to three times as large" if 2 < best[1e10] / best[1e9] < 3 else ""


NUMBERS = {
    "11.1": lambda: [days_of_xl(), 4, 4 * ratio() ** 2, ratio()],
    "11.2": lambda: [8000 * 2**step for step in (1 / 3, 0, -1 / 3)] + [8000 * (1 + 1 / 3), 8000 * 2 ** (2 / 3)],
    "11.3": lambda: [0.9 ** (-1 / 0.076), 1 / 0.9, (1 / 0.9) ** 0.076, 10],
    "11.6": lambda: [1 / (SymbolMapping().n_symbol - 5), 1 / SymbolMapping().n_symbol, 1 / 6, 1],
}
CHOICES = {"11.4": tenfold, "11.5": unchanged_weights}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    best = results.load("isoflop_optima").set_index("budget")["weights"]
    sizes = [f"about {round(best[1e9], -2):,.0f} and {round(best[1e10], -2):,.0f} weights"]
    return {"11.1": [f"{ratio():.1f}"], "11.3": [f"{math.exp(-math.log(0.9) / 0.076):.1f}"], "11.4": sizes}
