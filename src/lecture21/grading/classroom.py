"""Grade the notebooks of a class, several at a time."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lecture21._support.validation import printable
from lecture21.grading.assignment import Assignment
from lecture21.grading.graders import Grade, Grader
from lecture21.grading.notebooks import Notebook, read


@dataclass(frozen=True)
class Submission:
    """One notebook that has been graded, or why it could not be."""

    path: Path
    grades: tuple[Grade, ...] = ()
    problem: str = ""
    notebook: Notebook | None = None

    @property
    def points(self) -> float:
        """Sum of the points."""
        return round(sum(each.points for each in self.grades), 2)

    @property
    def most(self) -> float:
        """Sum of the points that can be had."""
        return round(sum(each.most for each in self.grades), 2)


def grade_one(grader: Grader, assignment: Assignment, path: Path) -> Submission:
    """Grade one notebook; what is not a notebook has a problem instead of grades."""
    try:
        notebook = read(path)
        numbers = assignment.exercises_of(notebook, grader.exercises)
        grades = tuple(assignment.apply(grade) for grade in grader.grade_notebook(notebook, numbers))
        return Submission(path, grades, notebook=notebook)
    except (ValueError, OSError) as error:
        return Submission(path, problem=printable(str(error), limit=400))
    except Exception as error:  # whatever a notebook does, the others are graded
        return Submission(
            path, problem=printable(f"{path} cannot be graded: {type(error).__name__}: {error}", limit=400)
        )


def grade_all(
    paths: Sequence[Path], assignment: Assignment, start: Callable[[], Grader], jobs: int = 1
) -> Iterator[tuple[int, Submission]]:
    """Yield the index and the grades of each notebook as soon as they are known.

    Args:
        paths: the notebooks.
        assignment: what counts.
        start: returns a new grader; each job has its own, with a process that runs answers.
        jobs: notebooks that are graded at the same time.
    """
    waiting: queue.SimpleQueue[tuple[int, Path]] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Submission] | BaseException] = queue.SimpleQueue()
    for item in enumerate(paths):
        waiting.put(item)
    graders = [start() for _ in range(min(jobs, len(paths)))]

    def work(grader: Grader) -> None:
        try:
            with contextlib.suppress(queue.Empty):
                while True:
                    index, path = waiting.get_nowait()
                    done.put((index, grade_one(grader, assignment, path)))
        except BaseException as error:
            done.put(error)

    try:
        for grader in graders:
            threading.Thread(target=work, args=(grader,), daemon=True).start()
        for _ in paths:
            result = None
            while result is None:
                with contextlib.suppress(queue.Empty):  # Ctrl-C may come just before the wait, and not end it
                    result = done.get(timeout=0.5)
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        with contextlib.suppress(queue.Empty):
            while True:
                waiting.get_nowait()
        for grader in graders:
            grader.close()
