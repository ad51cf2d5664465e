"""Answers of chapter 15."""

import torch

from lecture21.attention import causal_mask
from lecture21.course.chapters import results
from lecture21.vision import patches


def token_of_patch_3() -> str:
    image = torch.tensor([[0.0, 2, 2, 0], [0, 0, 2, 0], [0, 2, 0, 0], [2, 2, 2, 2]])
    weight = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, -0.5, -0.5]])
    first, second = (patches(image[None], 2)[0, 2] @ weight.T).int().tolist()
    return f"({first}, {second})".replace("-", "−")


def what_is_predicted() -> str:
    """The rows of the text are causal under the prefix mask, and those of the image are not."""
    mask = causal_mask(6, n_prefix=4)
    same = (mask == causal_mask(6)).all(dim=1)
    return "No patch is predicted" if same[4:].all() and not same[:3].any() else ""


def worst_patch() -> str:
    runs = results.load("digit_names")
    sizes = runs[~runs["setting"].str.contains("no positions")]
    worst = set(sizes.pivot(index="seed", columns="setting", values="accuracy").idxmin(axis=1))
    size = worst.pop().removeprefix("patch ")
    return "" if worst else f"{size} × {size}"


def single_pixels_without_positions() -> str:
    actual = results.load("digit_names").query("setting == 'patch 1, no positions, as it is'")["accuracy"]
    return "about 30 %" if 0.2 < actual.min() <= actual.max() < 0.4 else ""


def sums_of_new_pairs() -> str:
    actual = results.load("digit_sums").query("tuned and pairs == 'held out'").groupby("answer")["added"]
    never, often = actual.max()["sum"] < 0.05, actual.min()["steps"] > 0.5
    return "At once: almost never; in steps: mostly" if never and often else ""


NUMBERS = {}
CHOICES = {
    "15.1": token_of_patch_3,
    "15.2": what_is_predicted,
    "15.3": worst_patch,
    "15.4": single_pixels_without_positions,
    "15.6": sums_of_new_pairs,
}
IN_CHAPTER = {"15.5"}
