"""The answers of the questions, computed: one module for each chapter.

NUMBERS: the answer of each question with a number and then each foreseen mistake. CHOICES: a part of the right choice.
IN_CHAPTER: questions whose answer an assert of the chapter, or a stored table, holds. explained() (optional): numbers as
the explanations write them.
"""
