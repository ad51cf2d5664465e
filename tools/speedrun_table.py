"""The rows of the speedrun on one clock, the best first: what the page `speedrun` shows, however many there are."""

import math

from lecture21.course import speedrun

_HEAD = [
    "Recipe",
    "Nats per character",
    "Seeds",
    "Gains on nanogpt",
    "Updates",
    "Characters read",
    "Parameters",
    "nanoGPT's update",
    "What it tries",
]


def rows(minutes: float) -> list[list[str]]:
    """Return one row for each recipe, the mean over its seeds, and the header."""
    book = speedrun.means(minutes)
    if book.empty:
        return [_HEAD, ["nobody has yet", *[""] * (len(_HEAD) - 1)]]
    base = book.nats.get("nanogpt", math.nan)
    return [_HEAD, *(_row(recipe, found, base) for recipe, found in book.iterrows())]


def _row(recipe: str, found: dict[str, float], base: float) -> list[str]:
    nats = f"{found['nats']:.3f}" + (f" ± {found['spread']:.3f}" if found["seeds"] > 1 else "")
    gain = "" if recipe == "nanogpt" or math.isnan(base) else f"{base - found['nats']:+.3f}".replace("-", "−")
    known = speedrun.RECIPES.get(recipe)
    return [
        f"`{recipe}`",
        nats,
        f"{found['seeds']:.0f}",
        gain,
        f"{found['updates']:,.0f}",
        f"{found['characters'] / 1e6:.1f} million",
        f"{found['parameters']:,.0f}",
        f"{found['nanogpt_ms']:.0f} ms",
        known.idea if known else "",
    ]
