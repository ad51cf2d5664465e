"""The readable BPE learns the merges of the `tokenizers` library, and encodes as tiktoken does."""

import json

import pytest
import tiktoken
from hypothesis import example, given
from hypothesis import strategies as st
from texts import PIECES, assigned
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers.convert_slow_tokenizer import bytes_to_unicode

from lecture21.data.plays import shakespeare, split
from lecture21.tokenizers import alphabet, bpe

texts = st.text(assigned) | st.lists(st.sampled_from(PIECES) | assigned).map("".join)
crowded = st.text("ab 'é\n", max_size=60)  # few symbols: long runs and many ties


def learner(text, n_merges):
    """Train with the library itself."""
    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=256 + n_merges, initial_alphabet=alphabet, show_progress=False)
    library.train_from_iterator([text], trainer)
    return library


def learned(text, n_merges):
    byte = {symbol: i for i, symbol in bytes_to_unicode().items()}
    merges = json.loads(learner(text, n_merges).to_str())["model"]["merges"]
    return [tuple(bytes(byte[symbol] for symbol in token) for token in pair) for pair in merges]


def served(merges):
    ranks = bpe.vocabulary(merges)
    return tiktoken.Encoding("test", pat_str=alphabet.PATTERN, mergeable_ranks=ranks, special_tokens={})


@pytest.fixture(scope="module")
def plays():
    return split(shakespeare())[0]


@pytest.fixture(scope="module")
def merges(plays):
    return bpe.train(plays, 512)


def test_merges_by_hand():
    counts = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
    # (e, s), (s, t) and (w, e) occur 9, 9 and 8 times, and the id of e is lower than that of s.
    assert bpe.train(counts, 4) == [(b"e", b"s"), (b"es", b"t"), (b"l", b"o"), (b"lo", b"w")]


def test_a_tie_goes_to_the_older_first_part_then_the_older_second_part():
    assert bpe.train("ca ba bc", 1) == [(b" ", b"b")]  # twice
    assert bpe.train({"ca": 1, "bc": 1, "ba": 1}, 3) == [(b"b", b"a"), (b"b", b"c"), (b"c", b"a")]
    # The id of a space is higher than that of every letter, and ids of merged tokens are higher than those of bytes.
    assert bpe.train({" b": 1, "zb": 1}, 1) == [(b"z", b"b")]
    assert bpe.train({"ab": 2, "abc": 1, "xyz": 1}, 2) == [(b"a", b"b"), (b"x", b"y")]


def test_overlapping_equal_pairs_are_counted_and_merged_from_the_left():
    assert bpe.train({"aaa": 1, "bc": 1}, 2) == [(b"a", b"a"), (b"b", b"c")]
    assert bpe.encode("aaaaa", [(b"a", b"a")]) == [256, 256, alphabet.BYTES.index(b"a")]


def test_without_merges_the_tokens_are_bytes():
    assert bpe.train("abc", 0) == []
    assert bpe.encode("é\n", []) == [alphabet.BYTES.index(byte) for byte in "é\n".encode()]
    assert bpe.encode("", []) == []


def test_bytes_and_symbols_are_gpt2s():
    assert dict(zip(alphabet.BYTES, alphabet.SYMBOLS, strict=True)) == bytes_to_unicode()
    assert list(alphabet.BYTES) == list(bytes_to_unicode())
    assert sorted(alphabet.SYMBOLS) == sorted(pre_tokenizers.ByteLevel.alphabet()) == list(alphabet.SYMBOLS)
    assert alphabet.SYMBOLS[alphabet.BYTES.index(b" ")] == "Ġ"
    assert alphabet.SYMBOLS[alphabet.BYTES.index(b"\n")] == "Ċ"


def test_a_text_is_split_into_the_expected_words():
    text = "O, that I'd  gone\nto '99! they'll"
    assert bpe.words(text) == ["O", ",", " that", " I", "'d", " ", " gone", "\n", "to", " '", "99", "!", " they", "'ll"]


@given(texts)
def test_words_agree_with_the_library(text):
    words = bpe.words(text)
    assert "".join(words) == text
    places = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    assert words == [text[start:end] for _, (start, end) in places]


def test_merges_learned_from_the_plays_agree_with_the_library(plays, merges):
    assert merges[:5] == [(b" ", b"t"), (b"h", b"e"), (b" ", b"a"), (b"o", b"u"), (b" ", b"s")]
    assert merges == learned(plays, 512)


@given(crowded | texts, st.integers(0, 40))
@example("aaaa aaa aaaaaaa", 40)
def test_merges_learned_from_any_text_agree_with_the_library(text, n_merges):
    expected = learned(text, n_merges)
    if len(expected) < n_merges:
        with pytest.raises(ValueError, match=rf"n_merges={n_merges}, but after {len(expected)} merges"):
            bpe.train(text, n_merges)
    assert bpe.train(text, len(expected)) == expected


def test_words_with_counts_are_equivalent_to_a_text(plays):
    text = plays[:20_000]
    counts = {}
    for word in bpe.words(text):
        counts[word] = counts.get(word, 0) + 1
    assert bpe.train(counts, 200) == bpe.train(text, 200)


@given(texts)
@example("'Tis the King's; they'll say I'M  \n\n here 👩\u200d🚀")
def test_any_text_is_encoded_as_tiktoken_does(merges, text):
    ids = bpe.encode(text, merges)
    assert ids == served(merges).encode_ordinary(text)
    tokens = list(bpe.vocabulary(merges))
    assert b"".join(tokens[i] for i in ids).decode() == text


@given(crowded, crowded)
def test_any_merges_encode_as_tiktoken_and_the_library_do(learn, text):
    merges = learned(learn, 30)
    ids = bpe.encode(text, merges)
    assert ids == served(merges).encode_ordinary(text)
    assert ids == learner(learn, 30).encode(text).ids
