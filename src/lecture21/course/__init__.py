"""What only the book needs: chapters, exercises and their checks, grading, the exam, figures.

The model library, which is the rest of `lecture21`, never imports this package; a program that only wants the models
does without it.
"""
