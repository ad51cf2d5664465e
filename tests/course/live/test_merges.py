"""Merges: the tokens are those of the package, for every text and number of merges."""

import re
from collections import Counter
from itertools import pairwise

import pytest
from playwright.sync_api import expect
from until import until

from lecture21.course import live
from lecture21.course.live.merges.merges import pairs_of_bytes
from lecture21.data import shakespeare, split
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
    assert page.evaluate("tokens => tokens.map(module.visible)", list(shown)) == list(shown.values())


def test_the_figure_counts_tokens_and_names_the_next_merge(open_figures):
    figure = open_figures(live.Merges()).figure("merges")
    slider, reading, field = figure.get_by_role("slider"), figure.locator(".reading"), figure.get_by_label("Your text")
    slider.press("Home")
    expect(reading).to_have_text("0 merges: 42 characters, 42 tokens, 1.00 characters per token.")
    first, second = pairs_of_bytes()[0]
    note = figure.locator(".note").inner_text().replace("␣", " ")
    assert note.startswith(f"The plays merge “{first}” and “{second}” next:")
    field.fill("the the")
    slider.press("End")
    until(lambda: reading.inner_text().startswith("300 merges: 7 characters, 3 tokens, 2.33"))
    expect(figure.locator(".tokens span")).to_have_text(["t", "he", "␣the"], use_inner_text=True)
    expect(figure.locator(".note")).to_have_text("All merges are made.")


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


def runners(you: int, *pair: str) -> list[str]:
    """The tokens of “banana bandana” that one merge saves: the reader's, the plays', the most frequent one."""
    text = "banana bandana"
    merges = {"you": tuple(each.encode() for each in pair)}
    merges |= {"Shakespeare's plays": MERGES[0], "most frequent pairs": (b"a", b"n")}
    took = {name: len(text) - len(bpe.encode(text, [merge])) for name, merge in merges.items()}
    assert took["you"] == you
    return [f"{name}\n{each}" for name, each in took.items()]


def test_the_reader_merges_a_pair_and_the_most_frequent_one_is_compared(open_figures):
    stage = open_figures(live.Merges(0, "banana bandana"))
    figure, choices = stage.figure("merges"), stage.page.locator("#live-merges .pairs button")
    reading = figure.locator(".reading")
    until(lambda: choices.first.inner_text().split() == ["a", "+", "n", "4", "×"])
    choices.filter(has_text="d").first.press("Enter")  # n + d, once
    said = "0 merges and 1 of yours: 14 characters, 13 tokens, 1.08 characters per token."
    expect(reading).to_have_text(said)
    expect(figure.locator(".bars li")).to_have_text(runners(1, "n", "d"), use_inner_text=True)
    expect(figure.locator(".outcome")).to_contain_text("“n” + “d” stood there once, and the text has 1 token fewer.")
    expect(figure.locator(".right")).to_be_hidden()
    figure.get_by_role("button", name="Link to this state").click()
    figure.get_by_text("address bar").wait_for()
    again = open_figures(live.Merges(), hash=stage.page.evaluate("location.hash")).figure("merges")
    until(lambda: again.locator(".reading").inner_text().startswith(said))
    figure.get_by_role("button", name="Reset").click()
    choices.first.click()
    expect(figure.locator(".bars li")).to_have_text(runners(4, "a", "n"), use_inner_text=True)
    expect(figure.locator(".right")).to_have_text(re.compile("✓ You are ahead of the plays"))
    for _ in range(20):
        if choices.count():
            choices.first.click()
    expect(figure.locator(".tokens span")).to_have_text(["banana", "␣bandana"], use_inner_text=True)  # no pair is left


@pytest.mark.parametrize("width", [900, 390])
def test_a_pair_stays_where_it_was_while_others_are_merged(open_figures, width):
    figure = open_figures(live.Merges(), viewport={"width": width, "height": 900}).figure("merges")
    buttons = figure.locator(".pairs button")

    def pairs() -> list[str]:
        return [text.split("  ")[0] for text in buttons.all_inner_texts()]

    def places() -> list[dict]:
        return [button.bounding_box() for button in buttons.all()]

    before, at = pairs(), places()
    assert len(before) == 8
    buttons.nth(5).click()
    expect(buttons.nth(5)).not_to_contain_text(before[5])
    until(lambda: places() == at)
    left = [pair for pair in pairs() if pair in before]
    assert len(left) >= 5  # merging a pair ends those with one of its tokens
    until(lambda: all(pairs().index(pair) == before.index(pair) for pair in left))
    focused = "document.activeElement.shadowRoot.activeElement.matches('.pairs :nth-child(6)')"
    until(lambda: figure.page.evaluate(focused))
