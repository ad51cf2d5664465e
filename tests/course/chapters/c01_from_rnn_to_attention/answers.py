"""Answers of chapter 01."""

import math

import torch

from lecture21.data.agreement import majority_score

NUMBER = (0, 1, 0, 0, -1)  # the pilots near the window: plural +1, singular -1


def last_state(numbers, w_x: float = 1.0) -> float:
    """The state of the smallest RNN after the last number."""
    state = 0.0
    for x in numbers:
        state = state / 2 + w_x * x
    return state


def words_until(share: float) -> int:
    """The first number of words after which less than a share is left of a 1 that each of them halves."""
    return next(n for n in range(99) if 0.5**n < share)


def weight_of_subject(n_other: int) -> float:
    """The softmax weight of a score of 3 beside one of 1 and others of 0."""
    return torch.tensor([3.0, 1.0, *[0.0] * n_other]).softmax(dim=0)[0].item()


NUMBERS = {
    "1.1": lambda: [
        majority_score(7), 0.5, 2 / 3, 1 - majority_score(7),
        1 - 1 / 2**3,
    ],
    "1.2": lambda: [
        last_state(NUMBER), last_state(NUMBER[:-1]) / 2, NUMBER[-1], sum(NUMBER),
        last_state(NUMBER[:3] + NUMBER[4:]), last_state(NUMBER) / 2,
    ],
    "1.3": lambda: [
        words_until(0.01), words_until(0.01) - 1, 0.5 / 0.01, 1 / 0.01,
    ],
    "1.4": lambda: [weight_of_subject(101), weight_of_subject(0), 3 / (3 + 1), 1 / 103, 3 / (3 + 1 + 101)],
    "1.5": lambda: [
        torch.nn.functional.cross_entropy(torch.zeros(1, 65), torch.tensor([5])),
        math.log2(65), 1 / 65, math.log10(65),
    ],
}  # fmt: skip
CHOICES = {}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    zeros = -math.floor(1000 * math.log10(0.5)) - 1
    return {
        "1.1": ["one case of four", f"{majority_score(100):.0%}".replace("%", " %")],
        "1.2": [f"−{-last_state(NUMBER) * 8:g}/8"],
        "1.3": [f"1/{2**7}", f"1/{2**14:,}"],
        "1.4": [
            f"{math.exp(3):.1f} of {math.exp(3) + math.e + 101:.1f}",
            f"{weight_of_subject(1000):.0%}".replace("%", " %"),
            "an eighth" if round(weight_of_subject(101) / weight_of_subject(1000)) == 8 else "", f"{zeros} zeros",
        ],
    }  # fmt: skip
