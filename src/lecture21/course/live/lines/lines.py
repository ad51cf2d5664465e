"""An exercise to put together: the solution's code, with choices among lines, checked where it is shown."""

import inspect

import traitlets

from lecture21.course.exercises.exercise import Exercise
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
    """The exercise as in lines.json, with its number, what its code does, and the numbers of its chapter's."""

    def __init__(self, number: str) -> None:
        found = find(number)
        stored = lines.load(found.chapter)
        if number not in stored:
            raise ValueError(f"no combinations are stored for exercise {number}; run: make lines")
        code = {name: stored[number][name] for name in ("code", "verdicts", "of")}
        super().__init__(exercise={"number": number, "chapter": list(stored), "wanted": _wanted(found), **code})
        self._given = {"number": number}

    def fallback_image(self) -> str:
        """Return no name: the stub above the figure needs no picture."""
        return ""

    def fallback_html(self) -> str:
        """Return nothing, for the same reason."""
        return ""


def _wanted(exercise: Exercise) -> str:
    """Return the first sentence of an exercise's task: what its code returns or does."""
    task = exercise.task if exercise.is_value else inspect.getdoc(exercise.solution)
    return " ".join(task.partition("\n\n")[0].replace("`", "").split())
