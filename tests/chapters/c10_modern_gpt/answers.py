"""Answers of chapter 10."""

import math

from lecture21.chapters import results

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


def time_to_the_loss() -> str:
    seconds = results.load("modern").groupby("arm").seconds.mean()
    return "about a seventh" if 6.5 < seconds["nanogpt"] / seconds["modern, short"] < 7.5 else ""


NUMBERS = {
    "10.1": lambda: [math.cos(2), 1, math.cos(8), math.cos(5) * math.cos(3)],
    "10.2": lambda: [A * S + B * S**3 + C * S**5, A * S, A * S + B * S**3, A * S - B * S**3 + C * S**5],
}
CHOICES = {"10.3": time_to_the_loss, "10.4": lowers_the_loss}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    runs = results.load("modern").groupby("arm")
    nats, seconds, steps = runs.nats.mean(), runs.seconds.mean(), runs.steps.first()
    ablation = results.load("modern_ablation").query("part == 'run'").groupby("arm")
    gain = ablation.nats.mean()["modern-gpt0"] - ablation.nats.mean()["GELU"]
    return {
        "10.3": [
            f"{steps['modern, short']:.0f} updates", f"{seconds['modern, short']:.0f} seconds",
            f"{nats['modern, short']:.2f} nats", f"{nats['nanogpt']:.2f} after 2,000",
            f"{seconds['nanogpt']:.0f} seconds",
        ],
        "10.4": [f"{gain:.2f} nats", f"{ablation.parameters.first()['GELU']:,.0f} parameters"],
    }  # fmt: skip
