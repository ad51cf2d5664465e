"""What belongs to one chapter of the book: its exercises, its questions, its figures, and the results that it plots.

The folder `cNN_NAME` has the name of the notebook `NN_NAME.ipynb`. `results` and `questions` read the files of all
chapters; `lecture21.course.exercises` finds the exercises.
"""

from pathlib import Path

FOLDERS: dict[str, Path] = {path.name[1:3]: path for path in sorted(Path(__file__).parent.glob("c[0-9][0-9]_*"))}
"""The folder of each chapter, by its two digits."""
