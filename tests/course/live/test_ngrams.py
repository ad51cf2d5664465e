"""The counts of n-grams that a page loads give the probabilities of the package's n-gram models."""

import base64
import zlib

import numpy as np
import pytest
import torch

from lecture21.baselines import NGram
from lecture21.course.live.write import ngrams
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer

NATS = """([file, ids, orders]) => {
  const bytes = Uint8Array.from(atob(file), (c) => c.charCodeAt(0));
  return module.readNGrams(bytes.buffer).then((ngrams) =>
    orders.map((order) => [...module.nGramNats(ngrams, ids, order)]));
}"""


def nats(page, file: bytes, ids: list[int], orders: list[int]) -> list[list[float]]:
    return page.evaluate(NATS, [base64.b64encode(file).decode(), ids, orders])


def expected(model: NGram, ids: list[int]) -> list[float]:
    logs = model(torch.tensor([ids[:-1]]))[0]
    return (-logs[torch.arange(len(ids) - 1), ids[1:]]).tolist()


def test_the_shipped_counts_are_those_of_the_training_text():
    fresh = ngrams.encode(split(shakespeare())[0])
    shipped = (ngrams.FOLDER / "plays.bin").read_bytes()
    assert len(shipped) < 160_000
    assert zlib.decompress(shipped) == zlib.decompress(fresh)


def test_the_page_computes_the_nats_of_the_package(load_module):
    train, val = split(shakespeare())
    tokenizer = CharTokenizer.from_text(train)
    counts = NGram(5, 65).fit(torch.tensor(tokenizer.encode(train)))
    page = load_module("write/ngrams.js")
    ids = tokenizer.encode(val[:300] + "Zzyx?!\n\n\nQ$")
    actual = nats(page, (ngrams.FOLDER / "plays.bin").read_bytes(), ids, [1, 2, 3, 5])
    for order, each in zip([1, 2, 3, 5], actual, strict=True):
        shorter = NGram(order, 65)
        shorter._counts = counts._counts[:order]
        assert np.allclose(each, expected(shorter, ids), atol=1e-6)


@pytest.mark.parametrize("text", ["abcab", "aaaaaaaa", "abcabdabe", "Mississippi,\né✓ Mississippi."])
def test_a_text_may_end_with_any_ngram(load_module, text):
    tokenizer = CharTokenizer.from_text(text)
    ids = tokenizer.encode(text + text[::-1] + "?")
    actual = nats(load_module("write/ngrams.js"), ngrams.encode(text), ids, [1, 2, 3, 4, 5])
    for order, each in enumerate(actual, start=1):
        model = NGram(order, tokenizer.vocab_size).fit(torch.tensor(tokenizer.encode(text)))
        assert np.allclose(each, expected(model, ids), atol=1e-6)
