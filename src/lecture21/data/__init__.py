"""Data: Shakespeare's plays, the worked example of chapters 02 to 04, and small synthetic tasks, each drawn by a seed.

Handwritten digits are in `lecture21.vision`, preferences in `lecture21.alignment`, and the measured tables of the
chapters beside their chapters.
"""

from lecture21.data.plays import shakespeare, split
