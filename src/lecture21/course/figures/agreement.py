"""How often a model gets the verb right, against the distance to its subject: one figure for chapters 01 to 05."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from torch import Tensor

from lecture21.course.figures.axes import DASHED, as_array, label_ends
from lecture21.course.figures.style import COLORS, SERIES, WIDTH
from lecture21.data.agreement import DISTANCES, majority_score

ARMS = {
    "RNN": SERIES[1],
    "LSTM": SERIES[3],
    "basic self-attention": SERIES[4],
    "attention": SERIES[0],
    "learned head": SERIES[0],
}
"""The models of the running task and the color of each, the same in every chapter. Until chapter 03 builds the learned
head, it is called attention."""

BAG = "bag of words"
"""The name of the model that does not attend, which is a gray line in every plot."""


def agreement_curves(
    series: Mapping[str, Float[Tensor, "_ N"]], distances: Sequence[int], *, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw the score of each model against the distance, on a logarithmic axis: seeds thin, their mean thick.

    Two gray lines are what a model has to beat: the guess by the majority of the nouns, and the bag of words.

    Args:
        series: names of ARMS, or at most three others; one row for each seed and one column for each distance. Of BAG,
            only the mean is drawn.
        distances: words from the subject to the verb.
    """
    for label, values in series.items():
        if values.shape[1] != len(distances):
            raise ValueError(f"{label!r} has {values.shape[1]} columns for {len(distances)} distances")
    spare = [color for color in SERIES if color not in ARMS.values()]
    others = [label for label in series if label not in (*ARMS, BAG)]
    if len(others) > len(spare):
        raise ValueError(f"at most {len(spare)} series can have names that are not in ARMS, got {others}")
    colors = ARMS | dict(zip(others, spare, strict=False))
    ax = plt.subplots(figsize=(WIDTH, 3.5))[1] if ax is None else ax
    majority = [majority_score(distance) for distance in DISTANCES]
    ax.plot(DISTANCES, majority, **DASHED | {"linestyle": ":", "linewidth": 1.5})
    ends = [(majority[-1], "majority", COLORS["note"])]
    for label, values in series.items():
        scores = as_array(values)
        mean = scores.mean(axis=0)
        if label == BAG:
            color = COLORS["note"]
            ax.plot(distances, mean, **DASHED)
        else:
            color = colors[label]
            ax.plot(distances, scores.T, color=color, linewidth=0.7, alpha=0.5)
            ax.plot(distances, mean, "o-", color=color, linewidth=2, markersize=4)
        ends.append((mean[-1].item(), label, color))
    ax.set_xscale("log", base=2)
    ax.set_xticks(distances, [str(distance) for distance in distances])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(0.4, 1.03)
    ax.set_xlabel("distance from subject to verb, in words")
    ax.set_ylabel("share of right verbs")
    ax.set_title(title)
    label_ends(ax, ends)
    return ax
