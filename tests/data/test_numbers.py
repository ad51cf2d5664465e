"""Numbers and their words: the translation is one-to-one, and no number is in both parts of a split."""

import re
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture21.data import numbers
from lecture21.data.numbers import _ONES as ONES
from lecture21.data.numbers import _TENS as TENS
from lecture21.data.numbers import VOCABULARY

LIMIT = 1_000_000
NUMBERS = st.integers(0, LIMIT - 1)
PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"
TOKENS = VOCABULARY.tokens


def value(words: str) -> int:
    """Compute a number from its words by arithmetic."""
    total = group = 0
    for word in words.split():
        if word == "thousand":
            total, group = 1000 * group, 0
        elif word == "hundred":
            group *= 100
        else:
            group += ONES.index(word) if word in ONES else 10 * (TENS.index(word) + 2)
    return total + group


def test_words_by_example():
    assert {n: numbers.to_words(n) for n in (0, 7, 13, 20, 47, 100, 115, 1047, 12_000, 200_002, 999_999)} == {
        0: "zero",
        7: "seven",
        13: "thirteen",
        20: "twenty",
        47: "forty seven",
        100: "one hundred",
        115: "one hundred fifteen",
        1047: "one thousand forty seven",
        12_000: "twelve thousand",
        200_002: "two hundred thousand two",
        999_999: "nine hundred ninety nine thousand nine hundred ninety nine",
    }


@given(NUMBERS)
def test_words_and_digits_say_the_same_number(n):
    assert value(numbers.to_words(n)) == n == int(numbers.to_digits(n).replace(",", ""))


@given(NUMBERS)
def test_every_word_comes_from_its_digits(n):
    digits, words, places = numbers.to_digits(n), numbers.to_words(n).split(), numbers.origins(n)
    assert len(words) == len(places)
    for word, place in zip(words, places, strict=True):
        shown = "".join(digits[i] for i in place)
        if word == "thousand":
            assert shown == ","
        elif word == "hundred":
            assert shown in "123456789"
        elif word in TENS:
            assert shown == str(TENS.index(word) + 2)
        else:
            assert shown == str(ONES.index(word))


class TestSample:
    def test_draws_are_distinct_and_the_same_for_a_seed(self):
        drawn = numbers.sample(2000, seed=3)
        assert len(set(drawn)) == 2000
        assert drawn == numbers.sample(2000, seed=3) != numbers.sample(2000, seed=4)

    def test_numbers_of_each_length_are_drawn_equally_often_until_exhausted(self):
        lengths = Counter(len(str(n)) for n in numbers.sample(20_000))
        assert lengths[1] == 10
        assert lengths[2] == 90
        assert lengths[3] == 900
        assert 0.9 < lengths[5] / lengths[6] < 1  # some of five digits were drawn twice

    def test_short_numbers_are_spread_so_that_both_parts_of_a_split_have_them(self):
        drawn = numbers.sample(4400)
        places = [place for place, n in enumerate(drawn) if n < 100]
        assert len(places) == 100
        assert places[10] < 1000
        assert places[-10] > 3400

    def test_no_drawn_number_exceeds_the_maximum_number_of_digits(self):
        assert max(numbers.sample(300, max_digits=3)) < 1000

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"count": 0}, "count must be a whole number >= 1, got 0"),
            ({"count": 51, "max_digits": 2}, r"1\.\.50 for 2 digits, got 51"),
            ({"count": 1, "max_digits": 7}, "max_digits must be a whole number from 1 to 6, got 7"),
        ],
    )
    def test_impossible_draws_are_refused(self, settings, message):
        with pytest.raises(ValueError, match=message):
            numbers.sample(**settings)


class TestPairs:
    @pytest.mark.parametrize("to", ["words", "digits"])
    @given(drawn=st.lists(NUMBERS, min_size=1, max_size=5))
    def test_the_two_sides_are_the_number_and_its_words(self, to, drawn):
        batch = numbers.pairs(drawn, to)
        for n, source, target in zip(drawn, batch.source, batch.target_out, strict=True):
            digits, words = list(numbers.to_digits(n)), numbers.to_words(n).split()
            sides = (VOCABULARY.decode(source), VOCABULARY.decode(target))
            assert sides == ((digits, words) if to == "words" else (words, digits))

    def test_the_decoder_input_is_the_target_shifted_right(self):
        batch = numbers.pairs([1047, 20])
        assert batch.source.dtype == torch.long
        assert [TOKENS[i] for i in batch.target_in[0]] == [BOS, "one", "thousand", "forty", "seven"]
        assert [TOKENS[i] for i in batch.target_out[0]] == ["one", "thousand", "forty", "seven", EOS]
        assert [TOKENS[i] for i in batch.target_out[1]] == ["twenty", EOS, PAD, PAD, PAD]
        assert [TOKENS[i] for i in batch.source[1]] == ["2", "0", PAD, PAD, PAD]

    def test_an_unknown_direction_and_an_empty_list_are_refused(self):
        with pytest.raises(ValueError, match="words, digits, got 'french'"):
            numbers.pairs([1], "french")
        with pytest.raises(ValueError, match="numbers must have at least one, got none"):
            numbers.pairs([])


class TestVocabulary:
    def test_every_token_occurs_once_in_the_vocabulary(self):
        assert len(set(TOKENS)) == len(TOKENS) == len(VOCABULARY) == 44
        assert VOCABULARY.pad == 0  # what TransformerConfig takes for padding

    def test_decoding_stops_at_the_end_token(self):
        ids = VOCABULARY.encode([BOS, "seven", EOS, "eight", PAD])
        assert VOCABULARY.decode(ids) == VOCABULARY.decode(torch.tensor(ids)) == ["seven"]

    def test_unknown_symbols_are_refused(self):
        with pytest.raises(ValueError, match=re.escape("'and' is not in the vocabulary")):
            VOCABULARY.encode(["one", "and"])
        with pytest.raises(ValueError, match=r"0\.\.43, got 44"):
            VOCABULARY.decode([44])
