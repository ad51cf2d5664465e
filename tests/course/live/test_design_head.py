"""Design a head: the weights are those of the package's attention, and a design is right if it is in every sentence."""

import math
import random

import pytest
import torch
from playwright.sync_api import expect
from until import until

from lecture21.attention import attention, causal_mask
from lecture21.course import live
from lecture21.data import described

ASKS = {
    "subject": ("one", "noun", "adjective", "verb", "plural", "name"),
    "previous": ("name", "place", "earlier", "later", "before"),
}
OFFERS = {
    "subject": ("noun", "person", "adjective", "verb", "plural", "late", "name"),
    "previous": ("name", "place", "before"),
}
VALUES = {"subject": ("name", "noun", "person", "adjective", "verb", "plural"), "previous": ("name", "before")}
SLOTS = ("before", "next")
STRENGTHS = (-8, -4, -2, -1, 0, 0.5, 1, 2, 4, 8, 16)
SOLUTIONS = {
    "subject": [("one", "person", 8), "plural"],
    "adjective": [("one", "adjective", 8), "adjective"],
    "nearest": [("one", "noun", 8), ("one", "late", 1), "name"],
    "copy": [("name", "name", 8), "name"],
    "previous": [("earlier", "place", 8), "name", "before"],
    "induction": [("earlier", "place", 8), "name", "before", ("name", "before", 8), "name", "next"],
}
WIDE = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def family(puzzle: str) -> str:
    return "previous" if puzzle in ("previous", "induction") else "subject"


def packed(puzzle: str, parts: list) -> list[int]:
    """Return a design as the figure keeps it, from rules, values and slots by name."""
    kind, design = family(puzzle), []
    for n, part in enumerate(parts):
        if isinstance(part, tuple):
            design += [ASKS[kind].index(part[0]), OFFERS[kind].index(part[1]), STRENGTHS.index(part[2])]
        elif kind == "subject":
            design += [0, 0, STRENGTHS.index(0)] * (2 - n) + [VALUES[kind].index(part), 0]
        else:
            design.append((SLOTS if isinstance(parts[n - 1], str) else VALUES[kind]).index(part))
    return design


def blocks(words: tuple[str, ...], is_sequence: bool) -> dict[str, torch.Tensor]:
    """Return the features of the words, each as columns (T, size)."""
    names = list(dict.fromkeys(words))
    eye, size = torch.eye(len(words), dtype=torch.float64), len(words)
    name = torch.eye(len(names), dtype=torch.float64)[[names.index(word) for word in words]]
    if is_sequence:
        shifted = torch.zeros(size, size, dtype=torch.float64)
        shifted[1:] = eye[:-1]
        none = torch.zeros_like(name)
        return {"name": name, "place": eye, "earlier": shifted, "later": shifted.T, "before": none, "next": none}
    flags = torch.tensor([described.WORDS[word] for word in words], dtype=torch.float64)
    found = {feature: flags[:, [i]] for i, feature in enumerate(described.FEATURES)}
    late = torch.arange(size, dtype=torch.float64)[:, None]
    return found | {"one": torch.ones(size, 1, dtype=torch.float64), "late": late, "name": name}


def expected_weights(puzzle: str, design: list[int], words: tuple[str, ...]) -> list[torch.Tensor]:
    """Return the weights of each layer by the package: each rule is some rows of W^q and of W^k."""
    kind, n_rule = family(puzzle), 1 if family(puzzle) == "previous" else 2
    x, maps = blocks(words, kind == "previous"), []
    for at in range(0, len(design), 3 * n_rule + 2):
        layer = design[at : at + 3 * n_rule + 2]
        rules = [layer[3 * n : 3 * n + 3] for n in range(n_rule)]
        q = torch.cat([STRENGTHS[s] * x[ASKS[kind][a]] for a, _, s in rules], dim=1)
        k = torch.cat([x[OFFERS[kind][o]] for _, o, _ in rules], dim=1)
        out, weights = attention(q * math.sqrt(q.shape[1]), k, x[VALUES[kind][layer[-2]]], causal_mask(len(words)))
        maps.append(weights)
        if kind == "previous":
            slot = SLOTS[layer[-1]]
            x[slot] = x[slot] + out
    return maps


def shown_weights(figure) -> list[torch.Tensor]:
    maps = figure.locator("table.weights").evaluate_all(
        """tables => tables.map((table) => [...table.tBodies[0].rows].map((row) =>
            [...row.querySelectorAll("td.cell")].map((cell) => Number(cell.dataset.value))))"""
    )
    return [torch.tensor([row + [0] * (len(rows) - len(row)) for row in rows], dtype=torch.float64) for rows in maps]


def opened(open_figures, puzzle: str, design=(), sentence: int = 110, **options):
    return open_figures(live.DesignHead(puzzle, sentence, design=list(design)), **options).figure("design_head")


def reading(figure) -> str:
    return figure.locator(".reading").inner_text()


def check(figure) -> str:
    figure.get_by_role("button", name="Check").click()
    return reading(figure)


@pytest.mark.parametrize("puzzle", SOLUTIONS)
def test_the_weights_are_those_of_the_package(open_figures, puzzle):
    rng = random.Random(puzzle)
    kind = family(puzzle)
    drawn = (described.sequences if kind == "previous" else described.sentences)(200)
    designs = [packed(puzzle, SOLUTIONS[puzzle])]
    fits = [
        (a, o)
        for a, ask in enumerate(ASKS[kind])
        for o, offer in enumerate(OFFERS[kind])
        if (ask in ("name", "before"), ask in ("place", "earlier", "later"))
        == (offer in ("name", "before"), offer == "place")
    ]
    for _ in range(2):
        layers = [
            [each for _ in range(1 if kind == "previous" else 2) for each in (*rng.choice(fits), rng.randrange(11))]
            + [rng.randrange(len(VALUES[kind])), rng.randrange(2) if kind == "previous" else 0]
            for _ in range(2 if puzzle == "induction" else 1)
        ]
        designs.append([each for layer in layers for each in layer])
    for design in designs:
        sentence = rng.randrange(200)
        figure = opened(open_figures, puzzle, design, sentence)
        maps = expected_weights(puzzle, design, drawn[sentence])
        for actual, expected in zip(shown_weights(figure), maps, strict=True):
            assert torch.allclose(actual, expected, rtol=0, atol=1e-9), design


@pytest.mark.parametrize("puzzle", SOLUTIONS)
def test_the_solution_is_right_in_all_sentences_and_nothing_is_wrong_without_a_counterexample(open_figures, puzzle):
    figure = opened(open_figures, puzzle)
    until(lambda: "✗ Wrong in" in check(figure))  # half of a design
    expect(figure.locator("tr.wrong")).not_to_have_count(0)
    figure.get_by_text("Solution", exact=True).click()
    figure.get_by_role("button", name="Use this design").click()
    expect(figure.locator("tr.wrong")).to_have_count(0)
    until(lambda: check(figure).startswith("✓ Right in all 200 random sentences."))
    expect(figure.locator(".hints details")).to_have_count(4)


def test_a_puzzle_starts_half_solved_in_a_sentence_that_shows_what_is_missing(open_figures):
    figure = open_figures(live.DesignHead()).figure("design_head")
    expect(figure.get_by_label("rule 1, what it looks for")).to_have_value("a noun")
    expect(figure.get_by_label("rule 1, what the score adds")).to_have_value("+8")
    expect(figure.locator("tr.wrong")).to_have_count(1)
    asking, writes = figure.locator(".finds .word[aria-pressed=true]"), figure.locator("p.writes")
    expect(asking).to_have_text("car ✗")
    expect(writes).to_have_text("“car” writes 0.33, the average of “plural” by these weights, and should write 1.")
    expect(figure.locator(".finds .tag:not(:empty)")).to_have_text(["plural 1", "plural 0", "plural 0"])
    figure.get_by_label("rule 1, what it looks for").select_option(label="a person")
    expect(asking).to_have_text("car ✓")
    expect(writes).to_have_text("“car” writes 1, the average of “plural” by these weights.")
    expect(figure.locator("tr.wrong")).to_have_count(0)
    until(lambda: check(figure).startswith("✓ Right in all 200 random sentences. Who the subject is"))


@pytest.mark.parametrize("puzzle", ["nearest", "induction"])
def test_the_bars_are_the_row_of_the_word_that_asks(open_figures, puzzle):
    figure = opened(open_figures, puzzle, packed(puzzle, SOLUTIONS[puzzle]))
    words = figure.locator(".finds >> nth=0").locator(".word").all()
    for query in (1, len(words) - 1, 4):
        words[query].click()
        expect(words[query]).to_have_attribute("aria-pressed", "true")
        for bars, weights in zip(figure.locator(".finds").all(), shown_weights(figure), strict=True):
            found = bars.locator(".column").evaluate_all("bars => bars.map((bar) => bar.dataset.value)")
            assert [float(each) for each in found[: query + 1]] == pytest.approx(weights[query, : query + 1].tolist())
            assert not any(found[query + 1 :])  # no word sees a later one


def test_a_second_rule_is_there_where_it_is_needed_or_wanted(open_figures):
    figure = opened(open_figures, "subject")
    second = figure.get_by_label("rule 2, what the score adds")
    expect(second).to_be_hidden()
    figure.get_by_role("button", name="A second rule").click()
    second.select_option(label="+1")
    expect(figure.get_by_role("button", name="A second rule")).to_be_hidden()
    figure.get_by_text("Copy the word").click()
    expect(second).to_be_hidden()
    figure.get_by_text("The nearest noun").click()
    expect(second).to_be_visible()


WRONG = {
    "too weak": ("adjective", [("one", "adjective", 1), "adjective"], "leads by 1 in the score"),
    "only nouns ask": ("adjective", [("noun", "adjective", 8), "adjective"], "have the same score"),
    "all nouns": ("nearest", [("one", "noun", 8), "name"], "to what it should find"),
    "late outweighs": ("nearest", [("one", "noun", 4), ("one", "late", 4), "name"], "0.50 to what it should find"),
    "writes the wrong thing": ("nearest", [("one", "noun", 8), ("one", "late", 1), "noun"], "The task asks for “name”"),
    "any noun": ("subject", [("one", "noun", 8), "plural"], "should write"),
    "names": ("previous", [("name", "name", 8), "name", "before"], "itself"),
    "copies itself": (
        "induction",
        [("earlier", "place", 8), "name", "before", ("name", "name", 8), "name", "next"],
        "In layer 2",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_design_gets_its_counterexample(open_figures, name):
    puzzle, parts, said = WRONG[name]
    figure = opened(open_figures, puzzle, packed(puzzle, parts))
    text = check(figure)
    assert "✗ Wrong in" in text
    assert said in text
    expect(figure.locator("tr.wrong")).not_to_have_count(0)


def test_a_puzzle_is_solved_with_the_keyboard_and_is_remembered(open_figures):
    stage = open_figures(live.DesignHead("adjective"), **WIDE)
    page, figure = stage.page, stage.figure("design_head")
    figure.get_by_label("rule 1, what it looks for").focus()
    page.keyboard.type("an adj")
    page.keyboard.press("Tab")
    page.keyboard.type("+8")
    figure.get_by_label("what is written").focus()
    page.keyboard.type("adj")
    figure.get_by_role("button", name="Check").press("Enter")
    until(lambda: "✓ Right in all" in reading(figure))
    expect(figure.get_by_text("Any adjective before me? ✓")).to_have_count(1)
    figure.get_by_label("The nearest noun").press("ArrowRight")
    expect(figure.locator(".task")).to_contain_text("Let every word write its own name", use_inner_text=True)
    page.reload()
    figure = stage.figure("design_head")
    expect(figure.get_by_text("Any adjective before me? ✓")).to_have_count(1)
    until(lambda: figure.get_by_label("what is written").evaluate("node => node.selectedIndex") == 3)
    figure.get_by_role("button", name="Reset").click()
    expect(figure.get_by_text("Any adjective before me? ✓")).to_have_count(0)


def test_a_puzzle_is_solved_with_a_finger_on_a_phone(open_figures):
    figure = opened(open_figures, "previous", **PHONE)
    figure.get_by_label("rule 1, the word that asks").select_option(label="its place − 1")
    other = figure.get_by_label("rule 1, what it looks for")
    until(lambda: other.evaluate("node => node.value") == "their place")  # it follows
    figure.get_by_label("rule 1, what the score adds").select_option(label="+8")
    figure.get_by_role("button", name="Check").tap()
    until(lambda: "✓ Right in all" in reading(figure))
    figure.get_by_text("An induction head").tap()
    expect(figure.locator("table.weights")).to_have_count(2)


def test_the_matrices_show_the_rules(open_figures):
    figure = opened(open_figures, "nearest", packed("nearest", SOLUTIONS["nearest"]))
    figure.get_by_text("All weights, and the design as matrices").click()
    reads, writes = figure.locator("table.form").all()
    until(lambda: [text for text in reads.locator("td").all_inner_texts() if text] == ["8", "1"])
    expect(reads.get_by_role("row", name="every word").locator("td.cell")).to_have_count(6)  # not the name
    until(lambda: [text for text in writes.locator("td").all_inner_texts() if text] == ["1"])
