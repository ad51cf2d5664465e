"""Grading: find the answers in a student's notebook, run them where they can do no harm, and give points.

`notebooks` reads a file, `statements` and `answers` find what counts, `graders` sends it to the process of
`supervisor`, which forks a `child` in its `sandbox`. The outputs come back, and are judged here. `lecture21 grade` is
the command.
"""
