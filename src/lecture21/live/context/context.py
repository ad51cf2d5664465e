"""Available context: the measured losses when the context of a trained model is cut."""

from typing import Any

import traitlets

from lecture21.chapters import results
from lecture21.live.figure import Figure

_NAMES = {"rnn": "RNN", "lstm": "LSTM", "gpt": "GPT-0", "gpt-modern": "GPT-0, modern recipe", "ngram-seen": "n-gram"}


class Context(Figure):
    """The losses of an RNN, an LSTM, two GPTs and n-grams against the characters of context that they are given.

    A sentence from the plays shows which characters are left. The losses are those of three seeds, and their means.

    Args:
        index: which of 1, 2, 4, 8, 16, 32 and 64 characters is chosen at first, from 0 to 6.

    Source: the result `available_context` (`python benchmarks/c01_available_context.py`).
    """

    figure = "context"
    description = (
        "A sentence, of which only the last characters are given. Below, the loss of an RNN, an LSTM, two GPTs and "
        "n-grams at the last position, when only the last 1 to 64 characters are given. With 8 characters, no "
        "network's mean loss is higher than with 64 by as much as 0.01 nats."
    )
    index = traitlets.Int(6, min=0, max=6).tag(sync=True)
    """Which of 1, 2, 4, 8, 16, 32 and 64 characters is chosen."""

    curves = traitlets.List().tag(sync=True)

    @traitlets.default("curves")
    def _curves(self) -> list[dict[str, Any]]:
        table = results.load("available_context").query("part == 'context' and context >= 1")
        curves = []
        for name, label in _NAMES.items():
            losses = table[table["model"] == name].pivot(index="seed", columns="context", values="nats")
            seeds = [[round(float(loss), 5) for loss in row] for row in losses.to_numpy()]
            curves.append({"name": label, "contexts": [int(context) for context in losses.columns], "seeds": seeds})
        return curves
