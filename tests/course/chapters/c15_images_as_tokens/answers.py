"""Answers of chapter 15."""

import pandas as pd
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


def naming() -> pd.DataFrame:
    """Return the accuracy of reading digits, a row for each seed and a column for each setting."""
    return results.load("digit_names").pivot(index="seed", columns="setting", values="accuracy")


def bags_that_are_digits() -> str:
    enough = [size for size in (8, 4, 2) if naming()[f"patch {size}, no positions"].min() >= 0.9]
    return {(8,): "only with 8", (8, 4): "with 8 and 4", (8, 4, 2): "with all three"}.get(tuple(enough), "")


def mask_without_positions() -> str:
    gain = naming()["patch 2, no positions, causal"] - naming()["patch 2, no positions"]
    return "more" if gain.min() > 0.1 else "fewer" if gain.max() < -0.1 else ""


def sums_of_new_pairs() -> str:
    actual = results.load("digit_sums").query("tuned and pairs == 'held out'").groupby("answer")["added"]
    never, often = actual.max()["sum"] < 0.05, actual.min()["steps"] > 0.5
    return "At once: almost never; in steps: mostly" if never and often else ""


NUMBERS = {}
CHOICES = {
    "15.1": token_of_patch_3,
    "15.2": what_is_predicted,
    "15.3": bags_that_are_digits,
    "15.4": mask_without_positions,
    "15.5": sums_of_new_pairs,
}
IN_CHAPTER = set()
