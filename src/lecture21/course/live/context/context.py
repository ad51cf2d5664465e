"""Available context: the measured losses when the context of a trained model is cut."""

import math
from typing import Any

import traitlets

from lecture21.course.chapters import results
from lecture21.course.live.figure import Figure

_NAMES = {"rnn": "RNN", "lstm": "LSTM", "gpt": "GPT-0", "gpt-modern": "GPT-0, modern", "ngram-seen": "n-gram"}


class Context(Figure):
    """How probable an RNN, an LSTM, two GPTs and n-grams find a letter, from the characters that are left of a passage.

    Below, their mean losses against the characters of context, those of three seeds and their means.

    Args:
        index: which of 1, 2, 4, 8, 16, 32 and 64 characters is chosen at first, from 0 to 6.

    Source: the result `available_context` (`python benchmarks/c01_available_context.py`).
    """

    figure = "context"
    description = (
        "A passage, of which only the last characters are given, and a field for a guess at the next letter, after "
        "which bars show how probable an RNN, an LSTM, two GPTs and n-grams find it. Below, the mean loss of each "
        "against the characters of context. With 8 characters, every network predicts as well as with 64."
    )
    index = traitlets.Int(6, min=0, max=6).tag(sync=True)
    """Which of 1, 2, 4, 8, 16, 32 and 64 characters is chosen."""

    curves = traitlets.List().tag(sync=True)

    @traitlets.default("curves")
    def _curves(self) -> list[dict[str, Any]]:
        stored = results.load("available_context").query("context >= 1")
        table, letters = stored[stored["part"] == "context"], stored[stored["part"] == "letter"]
        curves = []
        for name, label in _NAMES.items():
            losses = table[table["model"] == name].pivot(index="seed", columns="context", values="nats")
            seeds = [[round(float(loss), 5) for loss in row] for row in losses.to_numpy()]
            rows = letters[letters["model"] == name]
            letter = {
                str(int(context)): round(math.exp(-nats), 5)
                for context, nats in zip(rows["context"], rows["nats"], strict=True)
            }
            contexts = [int(context) for context in losses.columns]
            curves.append({"name": label, "contexts": contexts, "seeds": seeds, "letter": letter})
        return curves
