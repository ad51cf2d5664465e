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

from lecture21.course import figures
from lecture21.course.figures.concepts import _DRAWINGS

IMAGES = Path(__file__).resolve().parent.parent / "book" / "images"


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
    drawings()


if __name__ == "__main__":
    main()
