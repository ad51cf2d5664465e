"""Design a head: what words look for and what they write, tried on random sentences."""

from typing import Any, ClassVar

import traitlets

from lecture21.course.live.figure import Figure
from lecture21.data import described

_SENTENCE = ("subject", "adjective", "nearest", "copy")
_SEQUENCE = ("previous", "induction")
_COUNT = 200
_DESCRIPTIONS = (
    "A puzzle: design an attention head for sentences such as “the pilot near the old cars is late”. Two rules say "
    "which words look for which, such as “every word looks for a noun”, and what the score adds; a third choice says "
    "what is written. Bars show what one word finds, and a button tries the design on 200 random sentences.",
    "A puzzle: design heads for sequences of words in which a stretch returns, such as “car lamp river pilot lamp "
    "river”. A rule says what a word compares, such as its place − 1 with the places of others, and what is written as "
    "“word before” or “next word”. Bars show what one word finds; a button tries the design on 200 random sequences.",
)


class DesignHead(Figure):
    """A head that the reader designs: which features words look for, how strongly, and what is written.

    The first four puzzles (chapter 03) are about sentences: the number of the subject, any adjective before me, the
    nearest noun, a copy of the word. The last two (chapter 05) are about positions: the previous word, and an induction
    head of two layers. A design is tried on 200 random sentences, and the shortest one that breaks it is shown.

    Args:
        puzzle: the first one to show; the others of its kind are beside it.
        sentence: index of the sentence that is shown at first; the shortest sentence has the index 0.
    """

    figure = "design_head"
    description: ClassVar[str] = _DESCRIPTIONS[0]

    puzzle = traitlets.Enum((*_SENTENCE, *_SEQUENCE), "subject").tag(sync=True)
    sentence = traitlets.Int(107, min=0, max=_COUNT - 1).tag(sync=True)
    design = traitlets.List().tag(sync=True)
    """The reader's design: places in the lists of choices."""

    words = traitlets.List().tag(sync=True)
    sentences = traitlets.List().tag(sync=True)

    def __init__(self, *values: Any, **state: Any) -> None:
        super().__init__(*values, **state)
        is_sequence = self.puzzle in _SEQUENCE
        drawn = (described.sequences if is_sequence else described.sentences)(_COUNT)
        names = sorted({word for each in drawn for word in each})
        self.words = [[name, *([] if is_sequence else described.WORDS[name])] for name in names]
        self.sentences = [[names.index(word) for word in each] for each in drawn]
        self.description = _DESCRIPTIONS[is_sequence]

    def fallback_image(self) -> str:
        """Return the name of the picture of these puzzles."""
        return f"design_head-{'05' if self.puzzle in _SEQUENCE else '03'}"
