"""The corpus is the same on every machine."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lecture21.data import plays as module
from lecture21.data.plays import shakespeare, split


@pytest.fixture(scope="module")
def plays():
    return shakespeare()


def test_the_plays_have_the_pinned_checksum(plays):
    assert len(plays) == 1_189_036
    assert "".join(sorted(set(plays))) == ("\n !$&',-.:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    assert len(set(plays)) == 64
    sha256 = hashlib.sha256(plays.encode()).hexdigest()
    assert sha256 == "9b240191cb6e4bfa7bfae13c94afbcc6acdc24a511236c4ae16fbf1a04eeb1da"
    for number in ("1,189,036 characters", "64 symbols", sha256, "1,115,394 characters", module.CHAR_RNN.sha256):
        assert number in shakespeare.__doc__


def test_the_text_is_cached_in_the_process(plays):
    assert shakespeare("plays") is plays


def test_the_complete_plays_have_the_pinned_checksum_and_end_with_the_nine(plays):
    complete = shakespeare("complete")
    sha256 = hashlib.sha256(complete.encode()).hexdigest()
    assert len(complete) == 4_538_608
    for number in ("4,538,608 characters", f"{len(set(complete))} symbols", sha256):
        assert number in shakespeare.__doc__
    assert complete.endswith(f"\n\n{plays}")
    assert "To be, or not to be: that is the question:" in complete


def test_split_of_the_plays(plays):
    train, val = split(plays)
    assert (len(train), len(val)) == (1_070_132, 118_904)
    assert train + val == plays


@given(st.text(min_size=2), st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_split_parts_together_are_the_text(text, fraction):
    cut = int(fraction * len(text))
    if cut in (0, len(text)):
        with pytest.raises(ValueError, match="too short"):
            split(text, fraction)
    else:
        assert split(text, fraction) == (text[:cut], text[cut:])
