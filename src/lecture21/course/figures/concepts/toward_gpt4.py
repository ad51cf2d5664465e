"""Images as tokens and in published models, the cache of keys and values, and learning from human feedback."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lecture21.course.figures.diagram import PATH, THICK, Number, arrow, chips, note, panel, part, write
from lecture21.course.figures.style import COLORS

_SEVEN = ("........", ".######.", ".....##.", "....##..", "...##...", "..##....", "..##....", "........")


def image_prefix(ax: Axes) -> None:
    """Draw an image cut into patches that precede the text in a GPT's input."""
    left, top, pixel = 2.2, 43.4, 1.5
    _pixels(ax, left, top, pixel, _SEVEN)
    for offset in (0, 4, 8):
        for xs, ys in (((0, 8), (offset, offset)), ((offset, offset), (0, 8))):
            ax.plot(
                [left + pixel * x for x in xs], [top - pixel * y for y in ys], color=PATH, linewidth=THICK, zorder=5
            )
    arrow(ax, (15, 37.4), (18.4, 37.4))
    write(ax, 19.2, 37.4, "four patches, each\nflattened to a vector", ha="left")
    part(ax, 13.4, 27.4, 24, 3.2, "linear projection to width C", "layer")
    xs = (4.2, 10.3, 16.4, 22.5)
    for n, x in enumerate(xs):
        arrow(ax, (x, 30.8), (x, 29.0), color=PATH)
        arrow(ax, (x, 25.8), (x, 23.6), color=PATH)
        part(ax, x, 22, 5.2, 2.8, "", "token")
        corner = 4 * (n // 2), 4 * (n % 2)
        patch = [line[corner[1] : corner[1] + 4] for line in _SEVEN[corner[0] : corner[0] + 4]]
        _pixels(ax, x - 1.1, 23.1, 0.55, patch)
    letters = (28.6, 33.6, 38.6)
    chips(ax, letters, 22, ("⏎", "s", "e"), width=4.2)
    note(ax, 33.6, 25.2, "text tokens")
    part(ax, 21, 15.4, 40, 4, "GPT", "layer")
    for x in (*xs, *letters):
        arrow(ax, (x, 20.6), (x, 17.4))
        arrow(ax, (x, 13.4), (x, 10.8), color=COLORS["ink"] if x in letters else COLORS["masked"])
    chips(ax, letters, 9.2, ("s", "e", "v"), width=4.2)
    note(ax, 13.4, 9.2, "no prediction,\nno loss")
    note(ax, 21, 4, "The image is a prefix; the loss counts text only.")


def image_and_language(ax: Axes) -> None:
    """Draw three published ways to join images and text, and which of their parts are trained."""
    for left, name in ((0.6, "CLIP"), (14.4, "LLaVA"), (28.2, "Flamingo")):
        panel(ax, left, 5, left + 13.2, 56)
        write(ax, left + 6.6, 54, name, fontweight="bold")
        _pixels(ax, left + 1.1, 11.8, 0.6, _SEVEN)
        arrow(ax, (left + 3.5, 12.2), (left + 3.5, 14.6))
        frozen = name != "CLIP"
        _weights(ax, left + 3.5, 18, 6, "image\nencoder", frozen=frozen)
    chips(ax, (10.5,), 9.4, ("seven",), width=5.6)
    arrow(ax, (10.5, 11), (10.5, 14.6))
    _weights(ax, 10.5, 18, 6, "text\nencoder")
    for x in (4.1, 10.5):
        arrow(ax, (x, 21.4), (x, 24.6))
        part(ax, x, 28, 1.8, 6, "", "output", rounding=0.3)
        arrow(ax, (x, 31.2), (x, 36.2))
    note(ax, 7.3, 33.6, "vectors")
    part(ax, 7.2, 38, 12, 3.2, "similarity")
    note(ax, 7.2, 44.4, "compares,\nbut writes\nno text")

    arrow(ax, (17.9, 21.4), (17.9, 24.2))
    _weights(ax, 17.9, 27.6, 6, "linear\nmap")
    for x in (15.9, 17.9, 19.9):
        arrow(ax, (x, 31), (x, 33.6), color=PATH)
        part(ax, x, 35.2, 1.6, 2.8, "", "token", rounding=0.3)
    chips(ax, (22.7, 25.7), 35.2, ("⏎", "s"), width=2.5)
    _weights(ax, 21, 43, 12, "language model", "frozen first,\nthen trained")
    for x in (15.9, 17.9, 19.9, 22.7, 25.7):
        arrow(ax, (x, 36.8), (x, 39.4))
    for x, letter in ((22.7, "s"), (25.7, "e")):
        arrow(ax, (x, 46.6), (x, 48.8))
        chips(ax, (x,), 50.4, (letter,), width=2.5)

    arrow(ax, (31.7, 21.4), (31.7, 27))
    _weights(ax, 31.7, 30.4, 6, "64\nvectors")
    arrow(ax, (34.8, 30.4), (35.4, 30.4), color=PATH)
    chips(ax, (36.8, 39.8), 9.4, ("⏎", "s"), width=2.5)
    for y, text, frozen in ((18, "GPT\nblock", True), (30.4, "cross-\nattention", False), (42.8, "GPT\nblock", True)):
        _weights(ax, 38.3, y, 5.8, text, frozen=frozen)
    for start, end in ((11, 14.6), (21.4, 27), (33.8, 39.4), (46.2, 48.8)):
        for x in (36.8, 39.8):
            arrow(ax, (x, start), (x, end))
    chips(ax, (36.8, 39.8), 50.4, ("s", "e"), width=2.5)
    note(ax, 21, 2.4, "Filled parts are trained, gray outlines stay frozen.")


def _weights(
    ax: Axes, x: Number, y: Number, width: Number, text: str, state: str = "", *, frozen: bool = False
) -> None:
    """Draw a part with weights, and whether they are trained; the state replaces that word."""
    state = state or ("frozen" if frozen else "trained")
    part(ax, x, y, width, 6.8, f"{text}\n{state}", "idle" if frozen else "layer", fontsize=9)


def _pixels(ax: Axes, left: Number, top: Number, side: Number, image: Sequence[str]) -> None:
    for row, line in enumerate(image):
        for column, mark in enumerate(line):
            corner = (left + column * side, top - (row + 1) * side)
            color = "#333333" if mark == "#" else "#f0f0f0"
            ax.add_patch(Rectangle(corner, side, side, color=color, linewidth=0.3, zorder=4))


def kv_cache(ax: Axes) -> None:
    """Draw three steps of decoding, in which only one column of keys and values is new."""
    tokens, xs = ("the", "cat", "sat", "down", "."), (10, 16.4, 22.8, 29.2)
    for step, top in enumerate((47.6, 33.2, 18.8)):
        new = step + 1
        panel(ax, 0.6, top - 12.9, 41.4, top + 0.9)
        for role, y in (("key", top - 5.2), ("value", top - 8.4)):
            write(ax, 6.2, y, f"{role}s", role, ha="right", fontsize=9)
            for n in range(new):
                part(ax, xs[n], y, 5.8, 2.6, "", role, fill="#dddddd", edge="#9a9a9a", rounding=0.2)
            part(ax, xs[new], y, 5.8, 2.6, "new", role, rounding=0.2, linewidth=THICK)
        for n in range(new):
            note(ax, xs[n], top - 1.8, tokens[n])
        chips(ax, (xs[new],), top - 1.8, (tokens[new],), width=5.8)
        note(ax, (xs[0] + xs[new - 1]) / 2, top - 11.3, "stored" if new < 2 else "stored in the cache")
        arrow(ax, (xs[new] + 3.3, top - 6.8), (34.4, top - 6.8))
        chips(ax, (37.6,), top - 6.8, (tokens[new + 1],), width=6)
    note(ax, 21, 3.2, "The query of the new token attends to all columns.")


def rlhf(ax: Axes) -> None:
    """Draw the three stages, with what people supply at each."""
    write(ax, 35.6, 54.6, "People supply", fontweight="bold")
    for top, bottom, y, name, people in (
        (56.0, 46.2, 49.4, "1  Supervised fine-tuning", "responses as\ndemonstrations"),
        (45.2, 30.4, 36.9, "2  Reward model", "the better of\ntwo responses"),
        (29.4, 1.0, 25.6, "3  Policy", "prompts only"),
    ):
        panel(ax, 0.6, bottom, 28.4, top)
        write(ax, 1.6, top - 2, name, ha="left", fontweight="bold")
        part(ax, 35.7, y, 12, 5, people, "token")
        path = [(8.6, y), (8.6, 23.7)] if name[0] == "3" else [(28.2, y)]
        arrow(ax, (29.7, y), *path)
    part(ax, 7.4, 49.4, 10, 3.4, "GPT", "layer")
    arrow(ax, (12.4, 49.4), (16.4, 49.4))
    part(ax, 21.6, 49.4, 10.4, 3.4, "SFT model", "layer")
    part(ax, 6.8, 39.2, 9.6, 3.2, "response A", "output")
    part(ax, 6.8, 34.6, 9.6, 3.2, "response B", "output")
    arrow(ax, (11.6, 39.2), (15.2, 37.6))
    arrow(ax, (11.6, 34.6), (15.2, 36.2))
    part(ax, 21.4, 36.9, 12.4, 3.4, "reward model", "layer")
    note(ax, 21.4, 33.4, "learns r(A) > r(B)")
    part(ax, 8.6, 22, 10, 3.4, "policy π", "layer")
    arrow(ax, (13.6, 22), (16.4, 22))
    part(ax, 21.6, 22, 10.4, 3.4, "response", "output")
    arrow(ax, (21.6, 20.3), (21.6, 17))
    part(ax, 21.4, 15.3, 12.2, 3.4, "reward model", "layer")
    arrow(ax, (21.6, 13.6), (21.6, 7.4))
    note(ax, 22.4, 10.6, "r", ha="left")
    ax.plot([8.6, 8.6], [20.3, 16.6], color=COLORS["ink"], linewidth=THICK, linestyle=":", zorder=1)
    write(ax, 9.4, 18.6, "KL", ha="left")
    part(ax, 8.6, 14, 10, 5, "reference:\nSFT model", "idle", fontsize=9)
    part(ax, 15.6, 5.4, 22.4, 3.8, "increase r − β KL")
    arrow(ax, (4.4, 5.4), (2.2, 5.4), (2.2, 22), (3.6, 22), color=PATH, linewidth=THICK)
    note(ax, 2.4, 2.2, "update the policy", ha="left")
