"""Draw the pictures of the Markdown pages; the notebooks draw their own.

Usage: python tools/pictures.py
"""

import io
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import torch
from PIL import Image

from lecture21 import figures
from lecture21.attention import attention, basic_self_attention, causal_mask
from lecture21.data.worked_example import TOKENS, W_KEY, W_QUERY, W_VALUE, X
from lecture21.figures.concepts import _DRAWINGS

IMAGES = Path(__file__).resolve().parent.parent / "book" / "images"


def maps() -> None:
    """Draw one sentence under the three kinds of attention that chapters 02, 03 and 04 build, a file for each."""
    q, k, v = X @ W_QUERY.T, X @ W_KEY.T, X @ W_VALUE.T
    mask = causal_mask(len(TOKENS))
    panels = {
        "02": ("02  No weights:\nlike attends to like", basic_self_attention(X)[1], None),
        "03": ("03  Learnable:\nqueries meet keys", attention(q, k, v)[1], None),
        "04": ("04  Masked:\nno later token", attention(q, k, v, mask)[1], mask),
    }
    figures.apply()
    for chapter, (title, weights, visible) in panels.items():
        # Three files instead of one with three panels, so that a phone shows them below each other.
        _, ax = plt.subplots(figsize=(3.2, 3.8))
        figures.attention_map(weights, TOKENS, mask=visible, annotate=True, ax=ax, title=title)
        ax.set_xlabel("key")
        ax.set_ylabel("query")
        plt.savefig(IMAGES / f"map_{chapter}.png", metadata={"Software": None})


def drawings() -> None:
    """Draw the concepts of `book/drawings.md`, each in 64 colors: they are flat, and the files a third as large."""
    figures.apply()
    for name in _DRAWINGS:
        figures.concept(name)
        file = io.BytesIO()
        plt.savefig(file)
        plt.close()
        picture = Image.open(file).convert("RGB").quantize(64, dither=Image.Dither.NONE)
        picture.save(IMAGES / "drawings" / f"{name}.png", optimize=True)


def main() -> None:
    """Draw all pictures."""
    torch.set_num_threads(1)
    maps()
    drawings()


if __name__ == "__main__":
    main()
