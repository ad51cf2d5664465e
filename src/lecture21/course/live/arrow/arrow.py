"""One word as an arrow in the plane: self-attention pulls it toward the words of its sentence that are like it."""

from typing import ClassVar

import traitlets

from lecture21.course.live.figure import Figure

SENTENCE = {
    "the": (-0.4, 0.4),
    "cat": (1.8, 0.2),
    "committee": (0.2, 1.8),
    "judge": (1.2, 1.8),
    "sat": (1.0, 1.0),
    "down": (1.3, -0.3),
    "overnight": (-0.3, 1.3),
}
"""The vectors of the sentence's words at first: how much each has to do with a body, and how much with a meeting."""

PAIR = {"pilot": (2.0, 1.0), "window": (1.0, 2.0)}
"""The vectors of two words that are not alike."""

_DESCRIPTIONS = {
    "sentence": (
        "The words of “the cat sat down” as arrows in a plane, beside the attention weights of “sat”: 0.05 for “the”, "
        "0.40 for “cat”, 0.40 for itself, 0.15 for “down”. Its new vector, (1.29, 0.46), is the average of the four "
        "arrows with these weights, and points more toward “cat” than its old one, (1, 1)."
    ),
    "pair": (
        "Two words, “pilot” and “window”, as arrows in a plane, beside the attention weights of both. Each gives 0.27 "
        "to the other and 0.73 to itself. The arrows can be dragged."
    ),
}


class Arrow(Figure):
    """Basic self-attention on vectors with two components, all of which can be seen and dragged.

    In the view "sentence", the word *sat* stands in a sentence whose subject and ending the reader chooses. In "pair",
    two words attend to each other. Weights and new vectors equal those of `lecture21.attention.basic_self_attention`.

    Args:
        view: "sentence" or "pair".
        subject: who sat.
        ending: the last word.
    """

    figure = "arrow"
    description: ClassVar[str] = _DESCRIPTIONS["sentence"]

    view = traitlets.Enum(("sentence", "pair"), "sentence").tag(sync=True)
    subject = traitlets.Enum(("cat", "committee", "judge"), "cat").tag(sync=True)
    ending = traitlets.Enum(("down", "overnight"), "down").tag(sync=True)
    words = traitlets.List().tag(sync=True)
    vectors = traitlets.List().tag(sync=True)

    def __init__(self, *values: object, **state: object) -> None:
        super().__init__(*values, **state)
        given = SENTENCE if self.view == "sentence" else PAIR
        self.words, self.vectors = list(given), [list(vector) for vector in given.values()]
        self.description = _DESCRIPTIONS[self.view]

    def fallback_image(self) -> str:
        """Return the name of the picture of this view."""
        return "arrow" if self.view == "sentence" else "arrow-pair"
