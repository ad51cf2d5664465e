"""How often a model gets the verb right, against the distance to its subject: one figure for chapters 01 to 05."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from torch import Tensor

from lecture21.course.figures.axes import DASHED, as_array, label_ends
from lecture21.course.figures.style import COLORS, SERIES, WIDTH
from lecture21.data.agreement import DISTANCES, last_noun_score, majority_score

ARMS = {
    "RNN": SERIES[1],
    "LSTM": SERIES[3],
    "basic self-attention": SERIES[4],
    "learned head": SERIES[0],
    "head with positions": SERIES[2],
}
"""The models of the running task and the color of each, the same in every chapter."""


def agreement_curves(
    series: Mapping[str, Float[Tensor, "_ N"]],
    distances: Sequence[int],
    *,
    rules: bool = True,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the score of each model against the distance, on a logarithmic axis: seeds thin, their mean thick.

    Args:
        series: names of ARMS, or others; one row for each seed and one column for each distance.
        distances: words from the subject to the verb.
        rules: whether the scores of the guesses by the last noun and by the majority are drawn, in gray.
    """
    for label, values in series.items():
        if values.shape[1] != len(distances):
            raise ValueError(f"{label!r} has {values.shape[1]} columns for {len(distances)} distances")
    ax = plt.subplots(figsize=(WIDTH, 3.5))[1] if ax is None else ax
    spare = iter([color for color in SERIES if color not in ARMS.values()])
    ends = []
    for label, values in series.items():
        scores, color = as_array(values), ARMS.get(label) or next(spare)
        ax.plot(distances, scores.T, color=color, linewidth=0.7, alpha=0.5)
        ax.plot(distances, scores.mean(axis=0), "o-", color=color, linewidth=2, markersize=4)
        ends.append((scores.mean(axis=0)[-1].item(), label, color))
    if rules:
        for label, score, style in (
            ("last noun", last_noun_score, DASHED),
            ("majority", majority_score, DASHED | {"linestyle": ":", "linewidth": 1.5}),
        ):
            guesses = [score(distance) for distance in DISTANCES]
            ax.plot(DISTANCES, guesses, **style)
            ends.append((guesses[-1], label, COLORS["note"]))
    ax.set_xscale("log", base=2)
    ax.set_xticks(distances, [str(distance) for distance in distances])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(0.4, 1.03)
    ax.set_xlabel("distance from subject to verb, in words")
    ax.set_ylabel("share of right verbs")
    ax.set_title(title)
    label_ends(ax, ends)
    return ax
