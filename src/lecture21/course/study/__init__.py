"""The student's edition of the notebooks, which `lecture21 study` copies into a folder.

`edition` makes it from `notebooks/`, with the standard library alone, because it also runs while a wheel is built.
"""
