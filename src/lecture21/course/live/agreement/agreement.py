"""Agreement at a distance: the reader moves the subject away from its verb and trains the chapter's models."""

import traitlets

from lecture21.course.live.figure import Figure
from lecture21.data.agreement import DISTANCES, VOCABULARY, majority_score

_MODELS = {
    1: "a recurrent network",
    2: "basic self-attention",
    3: "a learned head, basic self-attention",
    5: "a learned head with positions, one without",
}


class Agreement(Figure):
    """A sentence whose verb agrees with a noun 1 to 100 words back, and the models of a chapter, trained in the page.

    The reader moves the distance, changes the numbers of nouns, trains the models and a bag of words at a distance, and
    sees P(plural), and the score over 600 sentences at other distances. The task is that of `lecture21.data.agreement`.

    Args:
        chapter: 1, 2, 3 or 5. In chapter 5 all nouns are people.
        distance: words from the subject to the verb at first: 1, 4, 7, ..., 100.
    """

    figure = "agreement"
    chapter = traitlets.Enum((1, 2, 3, 5), 1).tag(sync=True)
    distance = traitlets.Enum(DISTANCES, 4).tag(sync=True)
    below = traitlets.Bool(False).tag(sync=True)
    """Whether training sentences have all distances up to the one that is chosen."""

    sentence = traitlets.Int(0, min=0, max=999).tag(sync=True)
    """Seed of the sentence."""

    flipped = traitlets.List(traitlets.Int()).tag(sync=True)
    """Nouns whose number was changed; the subject is 0."""

    words = traitlets.List(list(VOCABULARY.tokens)).tag(sync=True)
    majority = traitlets.List([round(majority_score(distance), 4) for distance in DISTANCES]).tag(sync=True)
    """The score of a guess by the majority of the nouns, at each distance."""

    @property
    def description(self) -> str:
        """What the figure shows at first."""
        rivals = "people too" if self.chapter == 5 else "things if the subject is a person, and people if it is a thing"
        return (
            "A sentence such as “the pilots near the window”, whose verb has to be guessed. The nouns between subject "
            f"and verb are {rivals}. A slider for the distance from subject to verb, and a button that trains "
            f"{_MODELS[self.chapter]} and a bag of words. A chart for the score against the distance shows a guess by "
            f"the majority of the nouns, which falls from {majority_score(4):.2f} at 4 words to "
            f"{majority_score(100):.2f} at 100."
        )

    def fallback_image(self) -> str:
        """Return the name of the picture for the chapter."""
        return f"agreement-{self.chapter}"
