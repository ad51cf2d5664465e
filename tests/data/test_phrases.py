"""The sentences of the long-distance task: links are at the stated positions, and nothing else reveals them."""

import random
from collections import Counter

import pytest

from lecture21.data import phrases
from lecture21.data.phrases import COMPLETIONS, VOCABULARY

SENTENCES = [phrases.sentence(random.Random(seed)) for seed in range(300)]


def test_each_verb_is_completed_at_the_stated_positions():
    for words, verbs, completions in SENTENCES:
        for verb, first in zip(verbs, completions, strict=True):
            assert " ".join(words[first : first + 2]) == COMPLETIONS[words[verb]]
            assert phrases._SHORTEST <= first - verb - 1 <= phrases._LONGEST
        assert verbs[0] < completions[0] < verbs[1] < completions[1]
        assert words[verbs[0]] != words[verbs[1]]


def test_every_distance_and_every_verb_occurs():
    gaps = Counter(first - verb - 1 for s in SENTENCES for verb, first in zip(s.verbs, s.completions, strict=True))
    assert set(gaps) == set(range(phrases._SHORTEST, phrases._LONGEST + 1))
    assert {s.words[verb] for s in SENTENCES for verb in s.verbs} == set(COMPLETIONS)


def test_nothing_else_in_the_sentence_reveals_the_verb():
    """Completions and verbs occur only as such, so that a completion is the only clue to a hidden verb."""
    telling = set(COMPLETIONS) | set(" ".join(COMPLETIONS.values()).split())
    for words, verbs, completions in SENTENCES:
        places = {*verbs, *completions, *(first + 1 for first in completions)}
        assert {i for i, word in enumerate(words) if word in telling} == places


def test_a_completion_belongs_to_one_verb():
    seconds = [completion.split()[1] for completion in COMPLETIONS.values()]
    assert len(set(seconds)) == len(COMPLETIONS)


def test_sentences_repeat_for_a_seed_and_fit_a_small_model():
    assert phrases.sentence(random.Random(1)) == phrases.sentence(random.Random(1))
    assert max(len(s.words) for s in SENTENCES) <= 2 * (phrases._LONGEST + 3) + 4 <= 32


@pytest.mark.parametrize("length", range(2, 11))
def test_a_noun_phrase_has_the_requested_length(length):
    for seed in range(50):
        words = phrases._noun_phrase(length, random.Random(seed))
        assert len(words) == length
        assert words[0] == "the"
        assert words[-1] in phrases._NOUNS


def test_words_are_numbered_once_and_padding_is_first():
    assert len(set(VOCABULARY.tokens)) == len(VOCABULARY)
    assert VOCABULARY.pad == 0
    assert [VOCABULARY.tokens[i] for i in VOCABULARY.encode(["the", "law", "."])] == ["the", "law", "."]
    with pytest.raises(ValueError, match="'cat' is not in the vocabulary"):
        VOCABULARY.encode(["the", "cat"])
