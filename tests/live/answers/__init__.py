"""The answers of the questions, computed: one module for each chapter.

NUMBERS has the answer of each question with a number, then each foreseen mistake; CHOICES a part of the right choice;
IN_CHAPTER the questions whose answer an assert of the chapter or a stored table holds. explained(), if there is one,
returns numbers as the explanations write them.
"""
