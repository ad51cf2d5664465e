"""Data sets: Shakespeare, the worked example of chapters 02 to 04, small synthetic tasks, and stored results."""

from lecture21.data.plays import shakespeare, split
