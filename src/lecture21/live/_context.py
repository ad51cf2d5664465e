"""Available context: the measured losses when the context of a trained model is cut."""

import traitlets

from lecture21.data import results
from lecture21.live._widget import Figure

_NAMES = {"rnn": "RNN", "lstm": "LSTM", "gpt": "GPT-0", "gpt-modern": "GPT, modern recipe", "ngram-seen": "n-gram"}


class Context(Figure):
    """The losses of an RNN, an LSTM, two GPTs and n-grams against the characters of context that they are given.

    Source: the result `available_context` (`python benchmarks/available_context.py`), means over three seeds.
    """

    figure = "context"
    description = (
        "Loss of an RNN, an LSTM, two GPTs and n-grams at the last position, when only the last 1 to 64 characters are "
        "given. From 8 characters on, none of the neural networks improves by more than 0.01 nats."
    )
    index = traitlets.Int(6).tag(sync=True)
    """Which of 1, 2, 4, 8, 16, 32 and 64 characters is chosen."""

    curves = traitlets.List().tag(sync=True)

    def __init__(self, index: int = 6) -> None:
        table = results.load("available_context").query("part == 'context' and context >= 1")
        means = table.groupby(["model", "context"]).nats.mean()
        curves = [
            {
                "name": label,
                "contexts": [int(context) for context in means[name].index],
                "nats": [round(float(loss), 5) for loss in means[name]],
            }
            for name, label in _NAMES.items()
        ]
        super().__init__(index=index, curves=curves)
        self._shown = ("index",)
