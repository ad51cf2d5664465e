"""Merges: the tokens are those of the package, for every text and number of merges."""

import pytest

from lecture21 import live
from lecture21.data import shakespeare, split
from lecture21.live.merges.merges import pairs_of_bytes
from lecture21.tokenizers import bpe

MERGES = [(first.encode("latin-1"), second.encode("latin-1")) for first, second in pairs_of_bytes()]
TEXTS = [
    "",
    "To be, or not to be, that is the question.",
    "the  the\n\nthe   \n THE they've aaa aaaa 1984's",
    "Straße, naïve café; 日本語 🎭🎭",
    split(shakespeare())[1][:1500],
]


def test_the_merges_are_those_that_the_package_learns():
    assert bpe.train(split(shakespeare())[0], len(MERGES)) == MERGES


@pytest.mark.parametrize("n", [0, 1, 40, 300])
def test_the_tokens_are_those_of_the_package(load_module, n):
    page = load_module("merges/bpe.js")
    names = {i: token.decode("latin-1") for token, i in bpe.vocabulary(MERGES[:n]).items()}
    for text in TEXTS:
        actual = page.evaluate("([text, merges]) => module.encode(text, merges)", [text, pairs_of_bytes()[:n]])
        assert actual == [names[i] for i in bpe.encode(text, MERGES[:n])]
        assert "".join(actual).encode("latin-1").decode() == text


def test_tokens_are_shown_with_their_spaces_and_parts_of_a_character_as_numbers(load_module):
    page = load_module("merges/bpe.js")
    shown = {" the": "␣the", "\n": "⏎", "\u00c3\u00a9": "é", "\u00c3": "⟨195⟩"}
    for token, text in shown.items():
        assert page.evaluate("token => module.visible(token)", token) == text


def test_the_figure_counts_tokens_and_names_the_next_merge(open_figures):
    figure = open_figures(live.Merges()).figure("merges")
    slider, reading, field = figure.get_by_role("slider"), figure.locator(".reading"), figure.get_by_label("Your text")
    slider.press("Home")
    assert reading.inner_text() == "0 merges: 42 characters, 42 tokens, 1.00 characters per token."
    first, second = pairs_of_bytes()[0]
    note = figure.locator(".note").inner_text().replace("␣", " ")
    assert note.startswith(f"Merge 1 joins “{first}” and “{second}”:")
    field.fill("the the")
    slider.press("End")
    assert reading.inner_text().startswith("300 merges: 7 characters, 3 tokens, 2.33")
    assert figure.locator(".tokens span").all_inner_texts() == ["t", "he", "␣the"]
    assert figure.locator(".note").inner_text() == "All merges are made."


@pytest.mark.parametrize("arguments", [{"merges": 301}, {"merges": -1}, {"text": "x" * 401}])
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match=r"300|400"):
        live.Merges(**arguments)
