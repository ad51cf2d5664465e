"""Answers of chapter 01."""

import math

import torch

from lecture21.chapters import results

NUMBER = (0, 1, 0, 0, -1)  # the keys on the table: plural +1, singular -1


def last_state(numbers, w_x: float = 1.0) -> float:
    """The state of the smallest RNN after the last number."""
    state = 0.0
    for x in numbers:
        state = state / 2 + w_x * x
    return state


def sequential_steps(n_layer: int, length: int, recurrent: bool) -> int:
    """The step at which the last state of the top layer is available, if each is computed as early as possible."""
    below = [0] * length
    for _ in range(n_layer):
        here = []
        for t in range(length):
            inputs = [below[t], here[t - 1] if t else 0] if recurrent else below[: t + 1]
            here.append(1 + max(inputs))
        below = here
    return below[-1]


def gains_beyond_eight() -> dict[str, float]:
    """How much lower the mean loss is with 64 characters of context than with 8."""
    table = results.load("available_context").query("part == 'context'")
    nats = table.pivot_table(index="model", columns="context", values="nats")
    return {name: nats.loc[name, 8] - nats.loc[name, 64] for name in ("rnn", "lstm", "gpt")}


def who_gains() -> str:
    gains = gains_beyond_eight()
    assert max(map(abs, gains.values())) < 0.01
    return "" if any(gain >= 0.02 for gain in gains.values()) else "none"


NUMBERS = {
    "1.1": lambda: [
        torch.nn.functional.cross_entropy(torch.zeros(1, 65), torch.tensor([5])),
        math.log2(65), 1 / 65, math.log10(65),
    ],
    "1.2": lambda: [
        last_state(NUMBER), last_state(NUMBER[:-1]) / 2, NUMBER[-1], sum(NUMBER),
        last_state(NUMBER[:3] + NUMBER[4:]), last_state(NUMBER) / 2,
    ],
    "1.3": lambda: [0.01 ** (1 / 31), 0.01 / 31, 0.01 ** (1 / 32), 1 - 0.99 / 31],
    "1.4": lambda: [
        sequential_steps(3, 100, recurrent=True), 3 * 100, sequential_steps(1, 100, recurrent=True),
        sequential_steps(3, 100, recurrent=True) + 1, sequential_steps(3, 100, recurrent=False),
    ],
}  # fmt: skip
CHOICES = {"1.5": who_gains}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    gpt, steps = sequential_steps(3, 100, recurrent=False), sequential_steps(3, 100, recurrent=True)
    assert steps == 100 + 3 - 1
    assert 0.5**31 < 1e-9
    return {"1.2": [f"−{-last_state(NUMBER) * 8:g}/8"], "1.4": [f"needs {gpt} such steps"]}
