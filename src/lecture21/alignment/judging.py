"""A rule in place of a human judge: it gives a response between 0 and 1, for reasons that a reader can check by eye."""

from lecture21._support.contract import checked
from lecture21.alignment import grammar

_BRIEF, _LONG = 16, 32  # words


@checked
def judge(prompt: str, response: str) -> dict[str, float]:
    """Return the score of a response, from 0 to 1, and what it is made of.

    The score is `fluent * (2 * helpful + polite + brief) / 4`:

    - `helpful` is 1 if a sentence says where the thing is that was asked for, otherwise 0;
    - `polite` is 1 for a courteous sentence and none that is rude, 1/2 for neither, 0 for a rude one;
    - `brief` is 1 up to 16 words, and falls linearly to 0 at 32;
    - `fluent` is the fraction of sentences that are complete, correct and not a repetition.

    Args:
        prompt: such as "Where is the red cup?"; its last two words are what is wanted.
        response: one line of text.
    """
    item = " ".join(prompt.rstrip("?.").split()[-2:])
    sentences = [sentence.strip() for sentence in grammar.sentences(response)]
    correct = {sentence for sentence in sentences if grammar.is_sentence(sentence)}
    helpful = float(any(f" {item} " in sentence and _names_a_place(sentence) for sentence in correct))
    rude, courteous = (not correct.isdisjoint(kind) for kind in (grammar.RUDE, grammar.COURTEOUS))
    polite = 0.0 if rude else 1.0 if courteous else 0.5
    brief = min(max((_LONG - len(response.split())) / (_LONG - _BRIEF), 0.0), 1.0)
    fluent = len(correct) / len(sentences) if sentences else 0.0
    score = fluent * (2 * helpful + polite + brief) / 4
    return {"score": score, "helpful": helpful, "polite": polite, "brief": brief, "fluent": fluent}


def _names_a_place(sentence: str) -> bool:
    return any(sentence.endswith(f" {place}.") for place in grammar.PLACES)
