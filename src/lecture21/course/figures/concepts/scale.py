"""Byte-pair encoding, and the sizes of GPT-1 to GPT-3."""

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lecture21 import presets
from lecture21.accounting import parameters, sequence_flops
from lecture21.course.figures.diagram import AMOUNT, PATH, THICK, Number, note, part, write

TEXT = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
"""The words of Sennrich et al. 2016 and how often they occur."""

MERGES = (("e", "s", 9), ("es", "t", 9), ("l", "o", 7), ("lo", "w", 7))
"""The first merges on these words, with the number of pairs that each replaces."""


def byte_pair_encoding(ax: Axes) -> None:
    """Draw the merges learned from four words, applied to a fifth that did not occur."""
    note(ax, 0.6, 35, "training text: " + ", ".join(f"{word} ×{n}" for word, n in TEXT.items()), ha="left")
    write(ax, 0.6, 31, "most frequent pair", ha="left")
    write(ax, 30.5, 31, "the word lowest")
    symbols = list("lowest")
    _symbols(ax, 27.2, symbols, "")
    for y, (left, right, count) in zip((21.8, 16.4, 11.0, 5.6), MERGES, strict=True):
        write(ax, 0.6, y + 0.2, f"{left} + {right} → {left + right}", ha="left")
        note(ax, 18.4, y + 0.2, f"{count}×", ha="right")
        place = next(i for i in range(len(symbols) - 1) if symbols[i : i + 2] == [left, right])
        symbols[place : place + 2] = [left + right]
        _symbols(ax, y, symbols, left + right)
    note(ax, 0.6, 1.6, "lowest is new, and is written with two known symbols", ha="left")


def _symbols(ax: Axes, y: Number, symbols: list[str], new: str) -> None:
    x = 20.4
    for symbol in symbols:
        width = 3.4 * len(symbol) - 0.5
        marked = {"edge": PATH, "linewidth": THICK} if symbol == new else {}
        part(ax, x + width / 2, y, width, 3, symbol, "token", **marked)
        x += width + 0.5


_MODELS = (4.5, 14.5, 26.5)  # x of the squares of each model


def scaling(ax: Axes) -> None:
    """Draw parameters, context and compute of three models as the areas of squares."""
    models = {"GPT-1": "gpt1", "GPT-2": "gpt2-xl", "GPT-3": "gpt3"}
    configs = [presets.get(name) for name in models.values()]
    counts = [parameters(config).total for config in configs]
    rows = (
        ("parameters", counts, ("117 M", "1.56 B", "175 B")),
        ("context, in tokens", [config.block_size for config in configs], None),
        ("FLOPs to process one context", [sequence_flops(config).forward for config in configs], None),
    )
    for x, model in zip(_MODELS, models, strict=True):
        write(ax, x, 46.4, model, fontweight="bold")
    for top, (name, values, texts) in zip((44, 29.4, 14.8), rows, strict=True):
        write(ax, 0.6, top - 1, name, ha="left")
        for x, value, text in zip(_MODELS, values, texts or map(_short, values), strict=True):
            side = 10 * (value / max(values)) ** 0.5
            corner = (x - side / 2, top - 11.8)
            ax.add_patch(Rectangle(corner, side, side, color=AMOUNT, linewidth=0, zorder=3))
            note(ax, x, top - 13, text)
        ratio = values[-1] / values[0]
        note(ax, 37.6, top - 7.6, f"{_round(ratio):,} times\nGPT-1", linespacing=1.4)


def _round(value: Number) -> int:
    digits = 2 - len(str(int(value)))
    return int(round(value, digits))


def _short(value: int) -> str:
    """Write a number below a million in full, others as a power of ten."""
    if value < 1e6:
        return f"{value:,}"
    mantissa, exponent = f"{value:.1e}".split("e+")
    return f"{mantissa} × 10" + exponent.translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
