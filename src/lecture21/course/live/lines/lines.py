"""An exercise to put together: the solution's code, with choices among lines, checked where it is shown."""

from typing import Any

import traitlets

from lecture21.course.exercises.page import lines
from lecture21.course.exercises.registry import find
from lecture21.course.live.figure import Figure


class Lines(Figure):
    """The code of an exercise, in which the reader chooses the lines that matter, and what `check` says of them.

    The verdicts were computed by the same check; see `lecture21.course.exercises.page`. Without scripts and in print
    nothing is shown, since the figure is below the stub of the exercise.

    Args:
        number: chapter and number of the exercise, such as "4.1".

    Raises:
        ValueError: if there is no such exercise.
    """

    figure = "lines"
    description = ""
    exercise = traitlets.Dict().tag(sync=True)
    """The exercise as in lines.json, with its number and the numbers of all exercises of its chapter."""

    def __init__(self, number: str) -> None:
        chapter = find(number).chapter
        stored = lines.load(chapter)
        if number not in stored:
            raise ValueError(f"no combinations are stored for exercise {number}; run: make lines")
        super().__init__(exercise={"number": number, "chapter": list(stored), **_shown(stored[number])})
        self._given = {"number": number}

    def fallback_image(self) -> str:
        """Return no name: the stub above the figure needs no picture."""
        return ""

    def fallback_html(self) -> str:
        """Return nothing, for the same reason."""
        return ""


def _shown(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: stored[name] for name in ("code", "verdicts", "of")}
