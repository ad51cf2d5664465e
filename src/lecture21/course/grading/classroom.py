"""Grade the notebooks of a class, several at a time."""

import contextlib
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from lecture21._support.validation import printable
from lecture21.course.grading.assignment import Assignment
from lecture21.course.grading.graders import Grade, Grader, not_graded
from lecture21.course.grading.notebooks import Notebook, read


@dataclass(frozen=True)
class Submission:
    """One notebook that has been graded, or why it could not be."""

    path: Path
    grades: tuple[Grade, ...] = ()
    problem: str = ""
    notebook: Notebook | None = None

    @property
    def points(self) -> int | float:
        """Sum of the points."""
        return round(sum(each.points for each in self.grades), 2)

    @property
    def most(self) -> int | float:
        """Sum of the points that can be had."""
        return round(sum(each.most for each in self.grades), 2)


def grade_one(grader: Grader, assignment: Assignment, path: Path, problem: str = "") -> Submission:
    """Grade one notebook; what is not a notebook, or has a problem already, has a problem instead of grades."""
    counted = [each for each in grader.exercises if each.number in assignment.numbers]
    nothing = tuple(assignment.apply(not_graded(each)) for each in counted)  # so that the total is known all the same
    if problem:
        return Submission(path, nothing, printable(problem, limit=400))
    try:
        notebook = read(path)
        numbers = assignment.exercises_of(notebook, grader.exercises)
        grades = tuple(assignment.apply(grade) for grade in grader.grade(notebook, numbers))
        return Submission(path, grades, notebook=notebook)
    except (ValueError, OSError) as error:
        return Submission(path, nothing, printable(str(error), limit=400))
    except Exception as error:  # whatever a notebook does, the others are graded
        problem = f"{path} cannot be graded: {type(error).__name__}: {error}"
        return Submission(path, nothing, printable(problem, limit=400))


def _shared(paths: Sequence[Path]) -> dict[Path, str]:
    """Return why a path is not graded that leads to another's file: a link, which an archive can contain."""
    same: dict[tuple[int, int], dict[Path, Path]] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            found = path.stat()
            same.setdefault((found.st_dev, found.st_ino), {})[path.absolute()] = path
    problems = {}
    for together in same.values():
        for path in together.values():
            others = [str(other) for other in together.values() if other != path]
            if path.is_symlink():
                problems[path] = f"{path} is a link to {path.resolve()}"
            elif others:
                problems[path] = f"{path} is the same file as {', '.join(others)}"
    return {path: f"{problem}; hand in the notebook itself" for path, problem in problems.items()}


def summary(submissions: Sequence[Submission]) -> str:
    """Return a line on several notebooks: how many were graded, and what needs a look."""
    read_ones = [each for each in submissions if not each.problem]
    text = f"{len(read_ones)} of {len(submissions)} notebooks graded"
    if read_ones:
        points, most = sum(each.points for each in read_ones), sum(each.most for each in read_ones)
        text += f", {points / len(read_ones):.3g} of {most / len(read_ones):.3g} points on average"
    flagged = sum(any(grade.flags for grade in each.grades) for each in read_ones)
    return f"{text}; {flagged} with flags to look at, {len(submissions) - len(read_ones)} could not be read"


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
    graders, problems = [start() for _ in range(min(jobs, len(paths)))], _shared(paths)
    idle: queue.SimpleQueue[Grader] = queue.SimpleQueue()
    for grader in graders:
        idle.put(grader)

    def work(path: Path) -> Submission:
        grader = idle.get()
        try:
            return grade_one(grader, assignment, path, problems.get(path, ""))
        finally:
            idle.put(grader)

    pool = ThreadPoolExecutor(max(1, len(graders)))
    try:
        waiting = {pool.submit(work, path): index for index, path in enumerate(paths)}
        while waiting:
            # Not without end: Ctrl-C may come just before the wait, and would not end it.
            done = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED).done
            for future in sorted(done, key=waiting.get):
                yield waiting.pop(future), future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for grader in graders:
            grader.close()
