"""Train a GPT in this page: data, runs, and what the figure shows, against the package."""

import pytest
import torch

from lecture21 import evaluate
from lecture21.data import shakespeare, split
from lecture21.live import _widget
from lecture21.ngram import NGram
from lecture21.tokenizers import CharTokenizer


def test_a_page_can_load_the_plays():
    assert _widget.asset("plays.txt").decode() == shakespeare()
    with pytest.raises(ValueError, match=r"unknown file of a figure: 'plays\.csv'"):
        _widget.asset("plays.csv")


TEXTS = {
    "play": "ROMEO:\nBut soft, what light through yonder window breaks?\n\n" * 12 + "JULIET:\nAy me!\n\n" * 9,
    "astral and private": "".join(chr(0x1F600 + i % 7) + chr(0xE000 + i * i % 5) + "aé\n" for i in range(160)),
    "line breaks": "\ufeffone\r\ntwo\rthree\n" * 40,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_split_and_encoded_as_in_python(load_module, name):
    page = load_module("train/corpus.js")
    text = TEXTS[name]
    found = page.evaluate(
        """text => {
            const { symbols, vocabulary, tokens, validation } = module.prepare(text);
            return [symbols.join(""), vocabulary, [...tokens], [...validation]];
        }""",
        text,
    )
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    tokenizer = CharTokenizer.from_text(text)
    parts = [tokenizer.encode(part) for part in split(text)]
    assert found == [tokenizer.symbols, tokenizer.vocab_size, *parts]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "A text needs at least 500 characters to train on; this one has 0."),
        ("🙂" * 499, "A text needs at least 500 characters to train on; this one has 499."),
        ("a" * 600, "A text needs at least two different characters, or there is nothing to learn."),
        (
            "".join(map(chr, range(0x4E00, 0x4E00 + 1200))),
            "at most 1000 different characters here; this one has 1,200.",
        ),
    ],
)
def test_a_text_of_no_use_is_refused_in_one_sentence(load_module, text, sentence):
    page = load_module("train/corpus.js")
    found = page.evaluate("text => { try { module.prepare(text); } catch (error) { return error.message; } }", text)
    assert found.endswith(sentence)


@pytest.mark.parametrize("name", ["play", "astral and private"])
def test_ngrams_in_the_page_are_those_of_the_package(load_module, name):
    page = load_module("train/ngram.js")
    text = TEXTS[name]
    tokenizer = CharTokenizer.from_text(text)
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in split(text))
    val = torch.cat([val, torch.full((3,), tokenizer.unknown_id), val.flip(0)])  # contexts that were never seen
    found = page.evaluate(
        "([tokens, val, options]) => module.ngramLosses(Int32Array.from(tokens), Int32Array.from(val), options)",
        [tokens.tolist(), val.tolist(), {"order": 5, "vocabulary": tokenizer.vocab_size, "blockSize": 32}],
    )
    expected = [evaluate(NGram(n, tokenizer.vocab_size).fit(tokens), val, 32) for n in range(1, 6)]
    assert found == pytest.approx(expected, rel=1e-6)
