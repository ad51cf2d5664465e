"""The gallery of mistakes, from the exercises."""

from lecture21.exercises.exercise import Exercise
from lecture21.exercises.judging import failing_case
from lecture21.exercises.registry import chapters, exercises_of

OPENING = """# The gallery of mistakes

These are the classic mistakes in the exercises, as code. Each one runs, and many of them seem correct at first.
For each mistake, the page describes its symptoms, the smallest input on which the check finds a difference,
and the hint that the check prints.
"""


def section(exercise: Exercise) -> str:
    """Return the mistakes of one exercise."""
    parts = [f"### Exercise {exercise.number}: {exercise.title}"]
    for number, mistake in enumerate(exercise.mistakes, start=1):
        about = failing_case(exercise, mistake)
        parts.append(f"**{number}. {mistake.name.capitalize()}.** {mistake.symptom}")
        parts.append(f"```python\n{exercise.text(mistake.wrong)}\n```")
        caught = f"Caught by: {about}. " if about else ""
        parts.append(f"{caught}Hint: *{mistake.hint.replace('*', chr(92) + '*')}*")
    return "\n\n".join(parts)


def page() -> str:
    """Return the page."""
    parts = [OPENING.rstrip()]
    for chapter in chapters():
        parts.append(f"## Chapter {chapter}")
        parts += [section(exercise) for exercise in exercises_of(chapter)]
    return "\n\n".join(parts) + "\n"
