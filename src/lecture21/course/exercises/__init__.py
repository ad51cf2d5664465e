"""Exercises: the reader writes a function, and `check` tests it on fresh inputs.

    check("4.1", causal_mask)

prints "4.1: correct", "4.1: not written yet", or what to look at. An exercise is an `Exercise`: its solution, the
inputs on which answers are compared, and the mistakes that are made again and again, each as code with its own hint.
`solved` returns the answer, or the solution while the answer is not correct, so that later cells of a chapter run.
The exercises of a chapter are in the modules `exercises` and `exercises_PART` of its folder; a new one needs no
registration.
"""

from lecture21.course.exercises.checking import check, solved
from lecture21.course.exercises.exercise import Case, Exercise
from lecture21.course.exercises.registry import find

__all__ = ["Case", "Exercise", "check", "find", "solved"]
