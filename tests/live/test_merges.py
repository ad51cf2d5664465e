"""Merges: the tokens are those of the package, for every text and number of merges."""

from collections import Counter
from itertools import pairwise

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
    assert note.startswith(f"In the plays, merge 1 joins “{first}” and “{second}”:")
    field.fill("the the")
    slider.press("End")
    assert reading.inner_text().startswith("300 merges: 7 characters, 3 tokens, 2.33")
    assert figure.locator(".tokens span").all_inner_texts() == ["t", "he", "␣the"]
    assert figure.locator(".note").inner_text() == "All merges are made."


@pytest.mark.parametrize("n", [0, 3, 100])
def test_pairs_are_counted_within_words(load_module, n):
    page = load_module("merges/bpe.js")
    ids = {i: token.decode("latin-1") for token, i in bpe.vocabulary(MERGES[:n]).items()}
    for text in TEXTS:
        expected = Counter()
        for word in bpe.words(text):
            expected.update(pairwise(ids[i] for i in bpe.encode(word, MERGES[:n])))
        actual = page.evaluate("([text, merges]) => module.pairCounts(text, merges)", [text, pairs_of_bytes()[:n]])
        assert {tuple(each["pair"]): each["times"] for each in actual} == expected
        assert [each["times"] for each in actual] == sorted(expected.values(), reverse=True)


def test_the_reader_merges_a_pair_and_the_most_frequent_one_is_compared(open_figures):
    stage = open_figures(live.Merges(0, "banana bandana"))
    figure, choices = stage.figure("merges"), stage.page.locator("#live-merges .pairs button")
    reading = figure.locator(".reading")
    assert choices.first.inner_text().split() == ["a", "+", "n", "4", "×"]
    choices.filter(has_text="d").first.press("Enter")  # n + d, once
    said = "0 merges and 1 of yours: 14 characters, 13 tokens, 1.08 characters per token. "
    assert reading.inner_text() == said + "Merging the most frequent pair leads to 10, 3 fewer."
    figure.get_by_role("button", name="Link to this state").click()
    figure.get_by_text("address bar").wait_for()
    again = open_figures(live.Merges(), hash=stage.page.evaluate("location.hash")).figure("merges")
    assert again.locator(".reading").inner_text().startswith(said)
    figure.get_by_role("button", name="Reset").click()
    choices.first.click()
    assert reading.inner_text().endswith("Merging the most frequent pair leads to as many tokens.")
    for _ in range(20):
        if choices.count():
            choices.first.click()
    assert figure.locator(".tokens span").all_inner_texts() == ["banana", "␣bandana"]  # no pair is left


@pytest.mark.parametrize("screen", [(1280, 800), (390, 844)], ids=["laptop", "phone"])
def test_the_tokens_and_the_pairs_are_on_one_screen(open_figures, screen):
    figure = open_figures(live.Merges(), viewport={"width": screen[0], "height": screen[1]}).figure("merges")
    reading = figure.locator(".reading").bounding_box()
    assert reading["y"] + reading["height"] - figure.locator(".controls").bounding_box()["y"] < screen[1]


@pytest.mark.parametrize("arguments", [{"merges": 301}, {"merges": -1}, {"text": "x" * 401}])
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match=r"300|400"):
        live.Merges(**arguments)
