"""Answers of chapter 10."""

import math

from lecture21.course.chapters import results

A, B, C, S = 3.4445, -4.7750, 2.0315, 0.5
PARTS = {
    "AdamW": "AdamW instead of Muon",
    "learned positions": "learned positions instead of rotary ones",
    "no QK-norm": "no QK-norm",
    "GELU": "GELU instead of squared ReLU",
}


def lowers_the_loss() -> str:
    means = results.load("modern_ablation").query("part == 'run'").groupby("arm").nats.mean()
    better = [name for arm, name in PARTS.items() if means[arm] < means["modern-gpt0"]]
    return better[0] if len(better) == 1 else ""


NUMBERS = {
    "10.1": lambda: [math.cos(2), 1, math.cos(8), math.cos(5) * math.cos(3)],
    "10.2": lambda: [A * S + B * S**3 + C * S**5, A * S, A * S + B * S**3, A * S - B * S**3 + C * S**5],
}
CHOICES = {"10.3": lowers_the_loss}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    ablation = results.load("modern_ablation").query("part == 'run'").groupby("arm")
    gain = ablation.nats.mean()["modern-gpt0"] - ablation.nats.mean()["GELU"]
    return {"10.3": [f"{gain:.2f} nats", f"{ablation.parameters.first()['GELU']:,.0f} parameters"]}
