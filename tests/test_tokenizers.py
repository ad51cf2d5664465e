"""Any text survives encode and decode, but for its unknown symbols; saved vocabularies come back or are refused."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture21.tokenizers import UNKNOWN, CharTokenizer

# Lone surrogates too: a Python string may hold them, and JSON may confuse two of them with one character.
texts = st.text(st.characters(codec=None, exclude_categories=()))
vocabularies = texts.filter(bool).map(CharTokenizer.from_text)


def test_ids_follow_the_sorted_symbols_and_the_last_is_unknown():
    tokenizer = CharTokenizer.from_text("hello")
    assert tokenizer.symbols == "ehlo"
    assert tokenizer.vocab_size == 5
    assert tokenizer.unknown_id == 4
    assert tokenizer.encode("hello!") == [1, 0, 2, 2, 3, 4]
    assert tokenizer.decode([1, 0, 2, 2, 3, 4]) == "hello\ufffd"
    assert tokenizer.decode([]) == ""


@given(texts.filter(bool))
def test_the_text_it_was_made_from_survives(text):
    tokenizer = CharTokenizer.from_text(text)
    assert tokenizer.decode(tokenizer.encode(text, strict=True)) == text
    assert tokenizer.unknown(text) == ""


@given(vocabularies, texts)
def test_any_text_survives_but_for_its_unknowns(tokenizer, text):
    ids = tokenizer.encode(text)
    assert len(ids) == len(text)
    assert all(0 <= i < tokenizer.vocab_size for i in ids)
    expected = "".join(symbol if symbol in tokenizer.symbols else UNKNOWN for symbol in text)
    assert tokenizer.decode(ids) == expected
    assert tokenizer.decode(torch.tensor(ids, dtype=torch.int64)) == expected


@given(vocabularies, texts)
def test_unknown_names_each_missing_symbol_once_in_order(tokenizer, text):
    unknown = tokenizer.unknown(text)
    assert len(set(unknown)) == len(unknown)
    assert set(unknown) == set(text) - set(tokenizer.symbols)
    assert [text.index(symbol) for symbol in unknown] == sorted(text.index(symbol) for symbol in unknown)


def test_strict_names_the_symbols_and_where_they_stand():
    tokenizer = CharTokenizer.from_text("abc")
    with pytest.raises(ValueError, match=r"3 known symbols: 'é' at 1, '\\n' at 3$"):
        tokenizer.encode("aéb\né", strict=True)


@pytest.mark.parametrize("wrong", [-1, 4, 10**9])
@pytest.mark.parametrize("kind", [list, torch.tensor])
def test_decode_refuses_an_id_outside_the_vocabulary(wrong, kind):
    tokenizer = CharTokenizer.from_text("abc")
    with pytest.raises(ValueError, match=rf"id {wrong} at 2 is outside the vocabulary: 0 to 3"):
        tokenizer.decode(kind([0, 1, wrong, 2]))


def test_decode_refuses_a_batch(untyped):
    with pytest.raises(ValueError, match=r"one sequence of ids, got a tensor of shape \(2, 1\)"):
        CharTokenizer.from_text("abc").decode(torch.tensor([[0], [1]]))


def test_equality_is_that_of_the_symbols():
    assert CharTokenizer.from_text("abca") == CharTokenizer("abc")
    assert CharTokenizer("abc") != CharTokenizer("abd")
    assert CharTokenizer("abc") != "abc"


@pytest.mark.parametrize(("symbols", "complaint"), [("", "at least one symbol"), ("ba", "sorted"), ("aa", "distinct")])
def test_bad_symbols_are_refused(symbols, complaint):
    with pytest.raises(ValueError, match=complaint):
        CharTokenizer(symbols)


def test_an_empty_text_has_no_vocabulary():
    with pytest.raises(ValueError, match="at least one symbol"):
        CharTokenizer.from_text("")


@given(vocabularies)
def test_a_saved_vocabulary_comes_back(tmp_path_factory, tokenizer):
    path = tmp_path_factory.mktemp("saved") / "tokenizer.json"
    tokenizer.save(path)
    assert CharTokenizer.load(path) == tokenizer


def test_a_file_cut_anywhere_is_refused_by_name(tmp_path):
    path = tmp_path / "tokenizer.json"
    CharTokenizer.from_text("abé\n").save(path)
    whole = path.read_bytes()
    for length in range(len(whole) - len(b"}\n") + 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"tokenizer\.json is not a saved CharTokenizer"):
            CharTokenizer.load(path)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"[]",
        b'"characters"',
        b"{}",
        json.dumps({"symbols": ["a"]}).encode(),
        json.dumps({"tokenizer": "bpe", "symbols": ["a"]}).encode(),
        json.dumps({"tokenizer": "characters"}).encode(),
        json.dumps({"tokenizer": "characters", "symbols": "ab"}).encode(),
        json.dumps({"tokenizer": "characters", "symbols": ["a", 1]}).encode(),
        json.dumps({"tokenizer": "characters", "symbols": ["ab"]}).encode(),
        json.dumps({"tokenizer": "characters", "symbols": []}).encode(),
        json.dumps({"tokenizer": "characters", "symbols": ["b", "a"]}).encode(),
    ],
)
def test_a_foreign_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "foreign.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"foreign\.json is not a saved CharTokenizer"):
        CharTokenizer.load(path)


def test_a_missing_file_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        CharTokenizer.load(tmp_path / "absent")


def test_a_failed_save_leaves_the_old_vocabulary(tmp_path, monkeypatch):
    path = tmp_path / "tokenizer.json"
    CharTokenizer("abc").save(path)

    def full(descriptor):
        raise OSError("No space left on device")

    monkeypatch.setattr("lecture21.storage.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        CharTokenizer("xyz").save(path)
    assert CharTokenizer.load(path) == CharTokenizer("abc")
