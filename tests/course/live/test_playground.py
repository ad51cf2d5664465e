"""Attention playground: after every interaction, the numbers are those of the package."""

import math

import pytest
import torch
from playwright.sync_api import Locator, expect
from until import until

from lecture21.attention import attention, basic_self_attention
from lecture21.course import live
from lecture21.data.worked_example import VALUE_SLOTS, W_KEY, W_QUERY, W_VALUE, X

SCALES = {"root": lambda d: 1 / math.sqrt(d), "none": lambda d: 1.0, "width": lambda d: 1 / d}


def table_of(figure, label: str) -> Locator:
    """Return a table by its name; to find it by its role, the browser would compute the name of every cell first."""
    return figure.locator(f'table[aria-label="{label}"]:visible')


def read(figure, label: str) -> torch.Tensor:
    """Return the numbers of a table, as precisely as the figure has them."""
    table = table_of(figure, label)
    rows = table.evaluate(
        """table => [...table.tBodies[0].rows].map((row) =>
            [...row.querySelectorAll("td.cell:not([hidden])")].map((cell) => cell.dataset.value))"""
    )
    return torch.tensor([[float(value) for value in row] for row in rows], dtype=torch.float64)


def close(actual: torch.Tensor, expected: torch.Tensor) -> bool:
    return torch.allclose(actual, expected.double(), rtol=0, atol=1e-6, equal_nan=True)


ROLES = {"W^q": "looks for", "W^k": "is found by", "W^v": "hands over"}
NOUN = "How much a place looks for a noun"


def opened(open_figures, given=None):
    """Return the figure with its fold open."""
    figure = open_figures(given or live.Attention()).figure("attention")
    figure.get_by_text("Look inside").click()
    return figure


def bars(figure) -> torch.Tensor:
    """Return the weights of the word that asks, as the bars have them."""
    found = figure.locator(".finds .column").evaluate_all("bars => bars.map((bar) => Number(bar.dataset.value))")
    return torch.tensor(found, dtype=torch.float64)


def shown_matrices(figure) -> list[torch.Tensor]:
    """Return the matrices, of which the figure shows one at a time."""
    found = []
    for name, role in ROLES.items():
        figure.get_by_role("group", name="Each word").get_by_text(role, exact=True).click()
        found.append(read(figure, name))
    return found


def test_the_figure_starts_with_the_numbers_of_chapter_03(open_figures):
    figure = open_figures(live.Attention()).figure("attention")
    out, weights = attention(X @ W_QUERY.T, X @ W_KEY.T, X @ W_VALUE.T)
    until(lambda: close(bars(figure), weights[3]))
    gets = ", ".join(f"{slot} {part:.2f}" for slot, part in zip(VALUE_SLOTS, out[3], strict=True))
    expect(figure.locator(".reading")).to_have_text(f"“down” finds “sat”, and gets: {gets}.")
    expect(figure.locator(".asks")).to_have_text("“down” (place 2) looks for verb 2")
    expect(figure.locator(".finds .tag")).to_have_text(["article 1", "noun 2", "verb 2, place 1", "place 2"])
    figure.get_by_text("Look inside").click()
    until(lambda: close(read(figure, "Weights"), weights))
    for shown, expected in zip(shown_matrices(figure), (W_QUERY, W_KEY, W_VALUE), strict=True):
        assert close(shown, expected)
    said = " and ".join([", ".join(f"{weight:.2f}" for weight in weights[3, :3]), f"{weights[3, 3]:.2f}"])
    assert " ".join(said.split()) in live.Attention().description
    expect(figure.locator(".outcome")).to_be_hidden()


def test_a_slider_lets_down_find_cat_and_says_so_only_then(open_figures):
    figure = open_figures(live.Attention()).figure("attention")
    slider = figure.get_by_label(NOUN)
    w_query = W_QUERY.clone()
    for value in (0.5, 1.0, 1.5, 2.0):
        expect(figure.locator(".outcome")).to_be_hidden()
        slider.press("ArrowRight")
        w_query[0, 2] = value
        weights = attention(X @ w_query.T, X @ W_KEY.T, X @ W_VALUE.T)[1]
        until(lambda expected=weights: close(bars(figure), expected[3]))
        expect(figure.locator(".asks")).to_contain_text(f"looks for noun {2 * value:g}, verb 2")
        if weights[3].argmax() == 1:
            break
    expect(figure.locator(".outcome")).to_contain_text(f"✓ “down” gives “cat” a weight of {weights[3, 1]:.2f}")
    expect(figure.locator(".outcome")).not_to_contain_text("You should see")
    slider.press("ArrowLeft")
    expect(figure.locator(".outcome")).to_be_hidden()
    figure.get_by_role("button", name="sat", exact=True).click()
    w_query[0, 2] -= 0.5
    until(lambda: close(bars(figure), attention(X @ w_query.T, X @ W_KEY.T, X @ W_VALUE.T)[1][2]))
    expect(figure.locator(".asks")).to_contain_text("“sat” (action 1, place 1) looks for")
    figure.get_by_role("button", name="Reset").click()
    figure.get_by_text("Look inside").click()
    until(lambda: close(read(figure, "W^q"), W_QUERY))


def test_the_slider_moves_the_number_that_is_chosen(open_figures):
    figure = opened(open_figures)
    figure.get_by_role("group", name="Each word").get_by_text("is found by", exact=True).click()
    figure.get_by_label("W^k: verb, thing").click()
    figure.get_by_label("How much a thing is found by “verb”").press("ArrowRight")
    w_key = W_KEY.clone()
    w_key[1, 0] = -0.5
    until(lambda: close(read(figure, "W^k"), w_key))
    until(lambda: close(read(figure, "Weights"), attention(X @ W_QUERY.T, X @ w_key.T, X)[1]))
    figure.get_by_label("W^k: article, place").fill("1.25")
    expect(figure.get_by_text("How much a place is found by “article”")).to_be_visible()
    w_key[3, 2] = 1.25
    until(lambda: close(read(figure, "W^k"), w_key))


def test_every_scale_of_the_figure_equals_the_package(open_figures):
    figure = opened(open_figures)
    figure.get_by_role("button", name="random").click()
    w_query, w_key, w_value = shown_matrices(figure)
    assert len({tuple(w.flatten().tolist()) for w in (w_query, w_key, w_value)}) == 3
    for scale, label in {"root": "1/√d", "none": "none", "width": "1/d"}.items():
        figure.get_by_role("group", name="Scale").get_by_text(label, exact=True).click()
        x = X.double()
        factor = 2 * SCALES[scale](4)  # attention() divides by the root of the width
        out, weights = attention(factor * x @ w_query.T, x @ w_key.T, x @ w_value.T)
        until(lambda expected=weights: close(read(figure, "Weights"), expected))
        result = ", ".join(f"{each:.2f}".replace("-", "−") for each in out[3].tolist())
        until(lambda said=result: said in figure.locator(".sum b").inner_text())
    figure.get_by_role("button", name="identity").click()
    figure.get_by_role("group", name="Scale").get_by_text("none", exact=True).click()
    until(lambda: close(read(figure, "Weights"), basic_self_attention(X)[1]))


def test_own_words_with_own_vectors(open_figures):
    x = torch.tensor([[0.0, 0, 0, 0], [4, 3, 0, 0], [0, 2, 0, 0]])
    figure = opened(open_figures, live.Attention(tokens=["hot", "warm", "cold"], x=x.tolist()))
    weights = attention(x @ W_QUERY.T, x @ W_KEY.T, x @ W_VALUE.T)[1]
    until(lambda: close(read(figure, "Weights"), weights))
    said = "gives " + ", ".join(f"{weights[2, j]:.2f} to “{word}”" for j, word in enumerate(["hot", "warm", "cold"]))
    assert said in live.Attention(tokens=["hot", "warm", "cold"], x=x).description
    figure.get_by_label("Vectors: warm, 1").fill("-1.5")
    x[1, 0] = -1.5
    until(lambda: close(read(figure, "Weights"), attention(x @ W_QUERY.T, x @ W_KEY.T, x @ W_VALUE.T)[1]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"role": "output"}, "role must be one of query, key, value, got 'output'"),
        ({"tokens": ["a", "b"]}, "tokens need their vectors"),
        ({"tokens": ["a"], "x": [[0, 0, 0, 0]]}, "tokens must be 2 to 6 words of 1 to 12 characters"),
        ({"x": [[1, 2]] * 4}, "x must have 4 numbers from -9 to 9 for each of 4 tokens"),
        ({"x": [[10, 0, 0, 0]] * 4}, "x must have 4 numbers from -9 to 9 for each of 4 tokens"),
        ({"query": 4}, "query must be a whole number from 0 to 3, got 4"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        live.Attention(**arguments)


def before_the_change(figure) -> torch.Tensor | None:
    """Return the dashed bars, or None if there are none."""
    found = figure.locator(".finds .was").evaluate_all(
        "bars => bars.map((bar) => (bar.hidden ? null : Number(bar.dataset.value)))"
    )
    return None if None in found else torch.tensor(found, dtype=torch.float64)


def test_the_weights_before_a_gesture_stay_as_dashed_bars(open_figures):
    figure = open_figures(live.Attention()).figure("attention")
    first = bars(figure)
    until(lambda: before_the_change(figure) is None)
    slider = figure.get_by_label(NOUN)
    for _ in range(3):  # presses of one key are one gesture
        slider.press("ArrowRight")
    until(lambda: close(before_the_change(figure), first))
    changed = bars(figure)
    assert not close(changed, first)
    slider.press("ArrowLeft")
    until(lambda: close(before_the_change(figure), changed))
    figure.get_by_role("button", name="Reset").click()
    until(lambda: before_the_change(figure) is None)


def test_nonsense_in_a_cell_is_answered(open_figures):
    figure = opened(open_figures)
    field = figure.get_by_label("W^q: verb, action")
    w_query = W_QUERY.clone()
    w_query[1, 1] = -1.25
    field.fill("-1.25")
    until(lambda: close(read(figure, "W^q"), w_query))
    for wrong in ("", "10", "-10"):
        field.fill(wrong)
        expect(figure.locator("table[aria-label='W^q'] + .message")).to_have_text("A number here must be from −9 to 9.")
        expect(figure.locator(".stage.old")).to_have_count(1)  # the weights are not those of what is typed
        until(lambda: close(read(figure, "W^q"), w_query))
    field.press("ArrowUp")
    expect(figure.locator(".message")).to_have_text("")
    expect(figure.locator(".stage.old")).to_have_count(0)
    w_query[1, 1] = -0.75
    until(lambda: close(read(figure, "W^q"), w_query))
