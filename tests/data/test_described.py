"""Sentences with features, on which heads are designed."""

import itertools

import pytest

from lecture21.data import described
from lecture21.data.agreement import PEOPLE, VOCABULARY


def test_every_word_of_the_running_task_has_its_features():
    assert set(described.WORDS) == set(VOCABULARY.tokens) - {"."}
    assert described.WORDS["pilots"] == (1, 1, 0, 0, 1)
    assert described.WORDS["car"] == (1, 0, 0, 0, 0)
    assert described.WORDS["are"] == (0, 0, 0, 1, 1)
    assert described.WORDS["old"] == (0, 0, 1, 0, 0)


def test_a_sentence_has_one_person_with_whom_its_verb_agrees():
    found = described.sentences(300, seed=2)
    lengths = [len(words) for words in found]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (4, 17)
    assert len(set(found)) == 300
    for words in found:
        features = [dict(zip(described.FEATURES, described.WORDS[word], strict=True)) for word in words]
        (subject,) = [each for each in features if each["person"]]
        (verb,) = [each for each in features if each["verb"]]
        assert subject["plural"] == verb["plural"]
        nouns = [i for i, each in enumerate(features) if each["noun"]]
        assert all(j - i >= 3 for i, j in itertools.pairwise(nouns))  # what the hints of the puzzles say


def test_a_stretch_of_a_sequence_returns_once():
    found = described.sequences(300, seed=1)
    assert len(set(found)) == 300
    for words in found:
        assert words[0] == described.START
        assert 5 <= len(words) <= 11
        n_first = len(set(words))
        returned = words[n_first:]
        first = words.index(returned[0])
        assert words[first : first + len(returned)] == returned
        assert len(set(returned)) == len(returned)
    assert any(PEOPLE[0] in words for words in found)


@pytest.mark.parametrize("draw", [described.sentences, described.sequences])
def test_draws_repeat_with_their_seed(draw):
    assert draw(5, seed=3) == draw(5, seed=3)
    assert draw(5, seed=3) != draw(5, seed=4)
