"""The picture of slide 9: what several heads attend to from one word."""

from matplotlib.axes import Axes
from matplotlib.pyplot import subplots

from lecture21.course.figures.style import COLORS, SERIES, TEXT_COLORS

SENTENCE = ("making", "the", "registration", "or", "voting", "process", "more", "difficult")
QUERY, FOUND, HEADS = "making", ("more", "difficult"), 4


def long_link(*, ax: Axes | None = None) -> Axes:
    """Draw the links of slide 9: several heads attend from *making* to *more difficult*.

    They are drawn after figure 3 of Vaswani et al. 2017, which has more of them and a longer sentence; widths are
    no measurement.
    """
    if ax is None:
        _, ax = subplots(figsize=(4.7, 2.7))
    for x, side, role, marked in ((-0.05, "right", "query", {QUERY}), (1.05, "left", "key", set(FOUND))):
        for place, word in enumerate(SENTENCE):
            is_marked = word in marked
            style = {"weight": "bold", "color": TEXT_COLORS[role]} if is_marked else {"color": COLORS["note"]}
            ax.text(x, place, word, ha=side, va="center", **style)
        ax.text(x, -1.2, {"query": "queries", "key": "keys"}[role], ha=side, color=TEXT_COLORS[role], weight="bold")
    start = SENTENCE.index(QUERY)
    for h, color in enumerate(SERIES[:HEADS]):
        shift = 0.14 * (h - (HEADS - 1) / 2)
        for word in FOUND:
            ax.plot([0, 1], [start + shift, SENTENCE.index(word) + shift], color=color, linewidth=2)
    ax.set(xlim=(-0.85, 1.85), ylim=(len(SENTENCE) - 0.4, -1.8))
    ax.axis("off")
    ax.set_title("Several heads follow the same long link")
    return ax
