"""Agreement at a distance: the reader moves the subject away from its verb and trains the chapter's models."""

import traitlets

from lecture21.course.live.figure import Figure
from lecture21.data.agreement import DISTANCES, VOCABULARY, last_noun_score, majority_score

_MODELS = {
    1: "a recurrent network",
    2: "basic self-attention, on fixed and on trained word vectors",
    3: "basic self-attention and a learned head",
    4: "a learned head with the causal mask and one without",
    5: "a learned head without positions and one with positions",
}


class Agreement(Figure):
    """A sentence whose verb agrees with a noun 1 to 100 words back, and the models of a chapter, trained in the page.

    The reader moves the distance, changes the numbers of nouns, trains the models at a distance, and sees P(plural) and
    the score over 600 sentences at each distance that is visited. The task is that of `lecture21.data.agreement`.

    Args:
        chapter: from 1 to 5. In chapter 5 the nouns between subject and verb are people too.
        distance: words from the subject to the verb at first: 1, 4, 7, ..., 100.
    """

    figure = "agreement"
    chapter = traitlets.Int(1, min=1, max=5).tag(sync=True)
    distance = traitlets.Enum(DISTANCES, 4).tag(sync=True)
    below = traitlets.Bool(False).tag(sync=True)
    """Whether training sentences have all distances up to the one that is chosen."""

    ahead = traitlets.Bool(False).tag(sync=True)
    """Whether a model without a mask sees the words from the verb on, in chapter 4."""

    sentence = traitlets.Int(0, min=0, max=999).tag(sync=True)
    """Seed of the sentence."""

    flipped = traitlets.List(traitlets.Int()).tag(sync=True)
    """Nouns whose number was changed; the subject is 0."""

    words = traitlets.List(list(VOCABULARY.tokens)).tag(sync=True)
    lines = traitlets.Dict(
        {
            "last_noun": [last_noun_score(distance) for distance in DISTANCES],
            "majority": [round(majority_score(distance), 4) for distance in DISTANCES],
        }
    ).tag(sync=True)

    @property
    def description(self) -> str:
        """What the figure shows at first."""
        return (
            "A sentence about people, such as “the pilots near the window”, whose verb has to be guessed; a slider "
            f"for the distance from subject to verb and a button that trains {_MODELS[self.chapter]}. A chart for the "
            "score against the distance shows two guesses: by the last noun, which is right in half of the sentences "
            "from 4 words on, and by the majority of the nouns, which falls "
            f"from {majority_score(4):.2f} at 4 words to {majority_score(100):.2f} at 100."
        )

    def fallback_image(self) -> str:
        """Return the name of the picture for the chapter."""
        return f"agreement-{self.chapter}"
