"""The gallery of mistakes, from the exercises."""

import torch

from lecture21.course.exercises.exercise import Exercise
from lecture21.course.exercises.judging import failing_case
from lecture21.course.exercises.registry import chapters, exercises_of

# The search leaves the page out: it would come first for the words of each exercise, and it gives answers away.
OPENING = """---
nosearch: true
---
# The gallery of mistakes

These are the classic mistakes in the exercises. Each one runs, and many of them seem correct at first. The page
names each, and the smallest input on which the check finds a difference. Its code and the hint that the check prints
are folded: they say a lot about the solution.
"""


def section(exercise: Exercise) -> str:
    """Return the mistakes of one exercise."""
    parts = [f"### Exercise {exercise.number}: {exercise.title}"]
    for number, mistake in enumerate(exercise.mistakes, start=1):
        about = failing_case(exercise, mistake)
        parts.append(f"**{number}. {mistake.name.capitalize()}**" + (f", caught by {about}." if about else ""))
        parts.append("<details>\n<summary>Code and hint</summary>")
        parts.append(f"```python\n{exercise.text(mistake.wrong)}\n```")
        parts.append(f"Hint: *{mistake.hint.replace('*', chr(92) + '*')}*\n\n</details>")
    return "\n\n".join(parts)


def page() -> str:
    """Return the page."""
    torch.set_num_threads(1)  # thousands of calls on tiny tensors, which several threads slow down many times over
    parts = [OPENING.rstrip()]
    for chapter in chapters():
        parts.append(f"## Chapter {chapter}")
        parts += [section(exercise) for exercise in exercises_of(chapter)]
    return "\n\n".join(parts) + "\n"
