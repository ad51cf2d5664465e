"""Self-attention without parameters: as a calculation on a few short vectors, and what it finds once it is trained."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.course.figures.agreement import ARMS
from lecture21.course.figures.axes import DASHED
from lecture21.course.figures.heatmaps import attention_map, label_axes, matrix
from lecture21.course.figures.style import COLORS, TEXT_COLORS, WIDTH
from lecture21.layers.attention import basic_self_attention

_NUMBERS = {"font.size": 11}  # a class reads them from the last row


def basic_steps(
    x: Float[Tensor, "T C"], tokens: Sequence[str], *, features: Sequence[str] | None = None
) -> dict[str, Axes]:
    """Draw basic self-attention with all its numbers.

    Args:
        x: token vectors.
        tokens: names of the rows.
        features: names of the columns; numbers from 1 by default.

    Returns:
        The axes "x", "scores", "weights" and "output".
    """
    out, weights = basic_self_attention(x)
    features = [str(c + 1) for c in range(x.shape[1])] if features is None else features
    axes = dict(zip(("x", "scores", "weights", "output"), _panels(2, tokens, features), strict=True))
    _table(axes["x"], x, tokens, features, "1. vectors x", "black")
    _pairs(axes["scores"], x @ x.T, tokens, "2. scores: x·x")
    _pairs(axes["weights"], weights, tokens, "3. weights: rows sum to 1", weights=True)
    _table(axes["output"], out, tokens, features, "4. output: weights × x", TEXT_COLORS["output"], ".2f")
    return axes


def _panels(rows: int, tokens: Sequence[str], columns: Sequence[str]) -> list[Axes]:
    width = min(WIDTH, max(4.8, 2 * (0.75 + 0.42 * max(len(tokens), len(columns)))))
    return list(plt.subplots(rows, 2, figsize=(width, rows * (0.95 + 0.42 * len(tokens))))[1].flat)


def _table(
    ax: Axes,
    values: Float[Tensor, "T N"],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    color: str,
    fmt: str = ".3g",
) -> None:
    # Two decimals, as one would calculate by hand; adding 0 turns -0 into 0.
    with plt.rc_context(_NUMBERS):
        matrix(values.detach().mul(100).round().div(100) + 0.0, rows, columns, fmt=fmt, ax=ax)
    if max(map(len, columns)) > 5:  # long names would touch
        ax.set_xticklabels(columns, rotation=45, ha="left")
    ax.set_title(title, color=color)


def _pairs(ax: Axes, values: Float[Tensor, "T T"], tokens: Sequence[str], title: str, *, weights: bool = False) -> None:
    if weights:
        with plt.rc_context(_NUMBERS):
            attention_map(values, tokens, annotate=True, title=title, ax=ax)
        ax.set_xticklabels(tokens, rotation=0, ha="center")
    else:
        _table(ax, values, tokens, tokens, title, "black")
    label_axes(ax)


def finds(found: Mapping[str, Float[Tensor, "N 2"]], even: Mapping[str, float]) -> Axes:
    """Draw the weight that trained models give to the subject if it is a person, and if it is a thing.

    With one vector for each word, both sum to at most 1: a dashed line.

    Args:
        found: both weights of each model, by the name of their kind.
        even: kinds of models that give every word the same weight, and this weight.
    """
    _, ax = plt.subplots(figsize=(4.6, 4.6))
    for name, weights in found.items():
        ax.scatter(*weights.T.numpy(), s=45, color=ARMS[name], label=name, zorder=3)
    ax.plot([0, 1], [1, 0], **DASHED)
    ax.text(
        0.36, 0.74, "no farther with\none vector a word", color=COLORS["note"], rotation=-45, ha="center", va="center"
    )
    for name, weight in even.items():
        ax.plot(weight, weight, "x", color=COLORS["note"], markersize=8, markeredgewidth=2, label=name, zorder=3)
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    ax.set_xlabel("weight of the subject, if it is a person")
    ax.set_ylabel("weight of the subject, if it is a thing")
    ax.set_title("People among things, or things among people")
    ax.legend(loc="center", bbox_to_anchor=(0.32, 0.33))
    return ax
