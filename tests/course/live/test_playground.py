"""Attention playground: after every interaction, the numbers are those of the package."""

import itertools
import math

import pytest
import torch
from playwright.sync_api import Locator, expect
from until import until

from lecture21.attention import attention, basic_self_attention, causal_mask
from lecture21.course import live
from lecture21.data.worked_example import W_KEY, W_QUERY, W_VALUE, X
from lecture21.layers import MultiHeadAttention

MASKS = {
    "causal": causal_mask(4),
    "none": torch.ones(4, 4, dtype=torch.bool),
    "high": torch.ones(4, 4, dtype=torch.bool).tril(1),
    "low": torch.ones(4, 4, dtype=torch.bool).tril(-1),
    "late": causal_mask(4),
    "transposed": causal_mask(4).T,
    "window": causal_mask(4, window=2),
    "prefix": causal_mask(4, n_prefix=2),
}
LATER = torch.ones(4, 4, dtype=torch.bool).triu(1)
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


def marked(figure, label: str, kind: str) -> torch.Tensor:
    """Return which cells of a table have a mark."""
    cells = (
        table_of(figure, label)
        .locator("td.cell")
        .evaluate_all(f"cells => cells.map((cell) => cell.classList.contains('{kind}'))")
    )
    return torch.tensor(cells).view(4, 4)


def close(actual: torch.Tensor, expected: torch.Tensor) -> bool:
    return torch.allclose(actual, expected.double(), rtol=0, atol=1e-6, equal_nan=True)


def heads_of(x, w_query, w_key, w_value, n_head, scale, mask):
    """Return scores, weights and output of every head, by the package's attention."""
    width = 4 // n_head
    q, k, v = ((x @ w.T).view(4, n_head, width).transpose(0, 1) for w in (w_query, w_key, w_value))
    factor = SCALES[scale](width)
    scores = q @ k.mT * factor
    q = q * factor * math.sqrt(width)  # attention() divides by the root of the width
    if mask == "late":
        weights = attention(q, k, v)[1] * MASKS[mask]
        return scores, weights, weights @ v
    masked = scores.masked_fill(~MASKS[mask], -math.inf)
    if mask == "low":  # the package refuses a query without a key
        weights = masked.softmax(dim=-1)
        return masked, weights, weights @ v
    out, weights = attention(q, k, v, MASKS[mask])
    return masked, weights, out


def matrices(figure) -> list[torch.Tensor]:
    return [read(figure, name) for name in ("W^q", "W^k", "W^v")]


def test_what_level_1_proposes_gives_what_it_promises(open_figures):
    stage = open_figures(live.Attention())
    figure = stage.figure("attention")
    handle = figure.get_by_role("button", name="sat: thing")
    for _ in range(10):
        handle.press("ArrowRight")
    moved = X.clone()
    moved[2, 0] = 1
    out, weights = basic_self_attention(moved)
    assert f"{weights[2, 1]:.2f}" == "0.40"  # as the figure says beforehand
    until(lambda: close(read(figure, "Vectors"), moved))
    until(lambda: close(read(figure, "Scores"), moved @ moved.T))
    until(lambda: close(read(figure, "Weights"), weights))
    until(lambda: close(read(figure, "Outputs"), out))
    until(lambda: "thing 1, place 1" in handle.get_attribute("aria-label"))
    figure.get_by_role("button", name="Reset").click()
    until(lambda: close(read(figure, "Vectors"), X))


def drag(stage, figure, name: str, touch: bool) -> None:
    """Drag a word by 60 pixels to the right and 30 up, with the mouse or with a finger."""
    handle = figure.get_by_role("button", name=name)
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if not touch:
        stage.page.mouse.move(x, y)
        stage.page.mouse.down()
        stage.page.mouse.move(x + 60, y - 30, steps=4)
        stage.page.mouse.up()
        return
    devtools = stage.page.context.new_cdp_session(stage.page)
    for kind, points in [
        ("touchStart", [{"x": x, "y": y}]),
        *(("touchMove", [{"x": x + 60 * part / 4, "y": y - 30 * part / 4}]) for part in range(1, 5)),
        ("touchEnd", []),
    ]:
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "finger"])
def test_a_word_is_dragged(open_figures, touch):
    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True} if touch else {}
    stage = open_figures(live.Attention(), **options)
    figure = stage.figure("attention")
    drag(stage, figure, "cat: thing", touch)
    moved = read(figure, "Vectors")
    assert moved[1, 0] > 2.2
    assert 0.1 < moved[1, 2] < 1
    moved_only = moved.clone()
    moved_only[1, [0, 2]] = X[1, [0, 2]].double()
    assert close(moved_only, X)  # nothing else has moved
    out, weights = basic_self_attention(moved)
    until(lambda: close(read(figure, "Weights"), weights))
    until(lambda: close(read(figure, "Outputs"), out))


def test_another_plane_moves_other_coordinates(open_figures):
    figure = open_figures(live.Attention()).figure("attention")
    figure.get_by_label("Across").select_option("action")
    figure.get_by_label("Up", exact=True).select_option("article")
    figure.get_by_role("button", name="down: action").press("Shift+ArrowUp")
    moved = X.clone()
    moved[3, 3] = 0.5
    until(lambda: close(read(figure, "Vectors"), moved))
    figure.get_by_label("Up", exact=True).select_option("action")  # twice the same coordinate
    figure.get_by_role("button", name="down: action").press("ArrowRight")
    moved[3, 1] = 0.1
    until(lambda: close(read(figure, "Weights"), basic_self_attention(moved)[1]))


def test_numbers_are_typed_and_nonsense_is_answered(open_figures):
    figure = open_figures(live.Attention()).figure("attention")
    field = figure.get_by_label("Vectors: down, action")
    field.fill("-1.25")
    moved = X.clone()
    moved[3, 1] = -1.25
    until(lambda: close(read(figure, "Weights"), basic_self_attention(moved)[1]))
    for wrong in ("", "10", "-10"):
        field.fill(wrong)
        expect(figure.locator(".message")).to_have_text("A number here must be from −9 to 9.")
        until(lambda: close(read(figure, "Weights"), basic_self_attention(moved)[1]))
    field.press("ArrowUp")
    expect(figure.locator(".message")).to_have_text("")
    moved[3, 1] = -0.75
    until(lambda: close(read(figure, "Weights"), basic_self_attention(moved)[1]))
    field.fill("12")
    field.press("Tab")
    expect(field).to_have_value("-0.75")
    expect(figure.locator(".message")).to_have_text("")


ROLES = {"W^q": "looks for", "W^k": "found by", "W^v": "hands over"}


def shown_matrices(figure) -> list[torch.Tensor]:
    """Return the matrices of level 2, which shows one at a time."""
    found = []
    for name, role in ROLES.items():
        figure.get_by_role("group", name="Each word").get_by_text(role, exact=True).click()
        found.append(read(figure, name))
    return found


def test_level_2_starts_with_the_numbers_of_chapter_03(open_figures):
    figure = open_figures(live.Attention(2)).figure("attention")
    weights = attention(X @ W_QUERY.T, X @ W_KEY.T, X @ W_VALUE.T)[1]
    until(lambda: close(read(figure, "Weights"), weights))
    for shown, expected in zip(shown_matrices(figure), (W_QUERY, W_KEY, W_VALUE), strict=True):
        assert close(shown, expected)
    said = " and ".join([", ".join(f"{weight:.2f}" for weight in weights[3, :3]), f"{weights[3, 3]:.2f}"])
    assert " ".join(said.split()) in live.Attention(2).description
    expect(figure.locator(".outcome")).to_be_hidden()


def test_a_slider_lets_down_find_cat_and_says_so_only_then(open_figures):
    figure = open_figures(live.Attention(2)).figure("attention")
    slider = figure.get_by_label("“place” looks for “noun”")
    w_query = W_QUERY.clone()
    for value in (0.5, 1.0, 1.5, 2.0):
        expect(figure.locator(".outcome")).to_be_hidden()
        slider.press("ArrowRight")
        w_query[0, 2] = value
        weights = attention(X @ w_query.T, X @ W_KEY.T, X @ W_VALUE.T)[1]
        until(lambda expected=weights: close(read(figure, "Weights"), expected))
        if weights[3].argmax() == 1:
            break
    expect(figure.locator(".outcome")).to_contain_text(f"gives “cat” a weight of {weights[3, 1]:.2f}")
    slider.press("ArrowLeft")
    expect(figure.locator(".outcome")).to_be_hidden()
    figure.get_by_role("button", name="Reset").click()
    until(lambda: close(read(figure, "W^q"), W_QUERY))


def test_the_slider_moves_the_number_that_is_chosen(open_figures):
    figure = open_figures(live.Attention(2)).figure("attention")
    figure.get_by_role("group", name="Each word").get_by_text("found by", exact=True).click()
    figure.get_by_label("W^k: verb, thing").click()
    figure.get_by_label("“thing” found by “verb”").press("ArrowRight")
    w_key = W_KEY.clone()
    w_key[1, 0] = -0.5
    until(lambda: close(read(figure, "W^k"), w_key))
    until(lambda: close(read(figure, "Weights"), attention(X @ W_QUERY.T, X @ w_key.T, X)[1]))
    figure.get_by_label("W^k: article, place").fill("1.25")
    expect(figure.get_by_text("“place” found by “article”")).to_be_visible()
    w_key[3, 2] = 1.25
    until(lambda: close(read(figure, "W^k"), w_key))


def test_every_scale_of_level_2_equals_the_package(open_figures):
    figure = open_figures(live.Attention(2)).figure("attention")
    figure.get_by_text("More: the scale").click()
    figure.get_by_role("button", name="random").click()
    w_query, w_key, w_value = shown_matrices(figure)
    assert len({tuple(w.flatten().tolist()) for w in (w_query, w_key, w_value)}) == 3
    for scale, label in {"root": "1/√d", "none": "none", "width": "1/d"}.items():
        figure.get_by_role("group", name="Scale").get_by_text(label, exact=True).click()
        _, weights, out = heads_of(X.double(), w_query, w_key, w_value, 1, scale, "none")
        until(lambda expected=weights: close(read(figure, "Weights"), expected[0]))
        result = ", ".join(f"{each:.2f}".replace("-", "−") for each in out[0, 3].tolist())
        until(lambda said=result: said in figure.locator(".sum b").inner_text())
    figure.get_by_role("button", name="identity").click()
    figure.get_by_role("group", name="Scale").get_by_text("none", exact=True).click()
    until(lambda: close(read(figure, "Weights"), basic_self_attention(X)[1]))


def test_every_scale_and_number_of_heads_equals_the_package(open_figures):
    figure = open_figures(live.Attention(3, mask="none")).figure("attention")
    figure.get_by_text("More: heads").click()
    figure.get_by_role("button", name="random").click()
    given = matrices(figure)
    for n_head, (scale, label) in itertools.product(
        (1, 2, 4), {"root": "1/√d", "none": "none", "width": "1/d"}.items()
    ):
        figure.get_by_role("group", name="Heads").get_by_text(str(n_head), exact=True).click()
        figure.get_by_role("group", name="Scale").get_by_text(label, exact=True).click()
        scores, weights, _ = heads_of(X.double(), *given, n_head, scale, "none")
        for head in range(n_head):
            if n_head > 1:
                figure.get_by_role("button", name=f"Head {head + 1}:").click()
            until(lambda expected=scores[head]: close(read(figure, "Scores"), expected))
            until(lambda expected=weights[head]: close(read(figure, "Weights"), expected))


def depends(w_query, w_key, w_value, n_head, mask) -> torch.Tensor:
    """Return on which words each output depends: one word of a random sentence is changed at a time."""
    generator = torch.Generator().manual_seed(0)
    actual = torch.zeros(4, 4, dtype=torch.bool)
    for _ in range(3):
        base, other = torch.randn(2, 4, 4, generator=generator, dtype=torch.float64) / 2
        before = heads_of(base, w_query, w_key, w_value, n_head, "root", mask)[2]
        for word in range(4):
            changed = torch.where(torch.arange(4)[:, None] == word, other, base)
            after = heads_of(changed, w_query, w_key, w_value, n_head, "root", mask)[2]
            actual[:, word] |= ((after - before).nan_to_num().abs() > 1e-12).any(dim=-1).any(dim=0)
    return actual


@pytest.mark.parametrize("n_head", [1, 2, 4])
def test_every_mask_equals_the_package_and_shows_its_leaks(open_figures, n_head):
    figure = open_figures(live.Attention(3, heads=n_head)).figure("attention")
    figure.get_by_text("More: heads").click()
    figure.get_by_role("button", name="random").click()
    x = X.double()
    weights_given = matrices(figure)
    until(lambda: close(read(figure, "Vectors"), X))
    layer = MultiHeadAttention(4, n_head, bias=False, causal=True).double()
    for mask, allowed in MASKS.items():
        figure.get_by_label("Mask", exact=True).select_option(mask)
        scores, weights, out = heads_of(x, *weights_given, n_head, "root", mask)
        until(lambda: close(read(figure, "Scores"), scores[0]))
        until(lambda: close(read(figure, "Weights"), weights[0]))
        depending = depends(*weights_given, n_head, mask)
        until(lambda: torch.equal(read(figure, "Which output depends on which word").bool(), depending))
        until(lambda: torch.equal(marked(figure, "Which output depends on which word", "leak"), depending & LATER))
        enters = torch.ones_like(allowed) if mask == "late" else allowed
        until(lambda: torch.equal(marked(figure, "Scores", "leak"), depending & LATER & enters))
        until(lambda: torch.equal(marked(figure, "Weights", "leak"), depending & LATER & (weights[0] > 0)))
        until(lambda: torch.equal(marked(figure, "Weights", "masked"), ~allowed))
        sums = figure.get_by_role("table", name="Weights").locator("td.sum")
        wrong = sums.evaluate_all("cells => cells.map((cell) => cell.classList.contains('wrong'))")
        assert wrong == [not math.isclose(total, 1) for total in weights[0].sum(dim=-1).tolist()]
        reading = figure.locator(".reading").inner_text()
        assert ("No output depends on a later word." in reading) == (not (depending & LATER).any())
        assert ("Every row of the weights sums to 1." in reading) == (mask not in ("low", "late"))
        until(lambda: figure.locator(".note").is_visible() == bool((depending & LATER).any()))
        if mask == "causal":
            (w_query, w_key, w_value), w_output = weights_given, read_output(figure, out)
            names = ("query.weight", "key.weight", "value.weight", "output.weight")
            layer.load_state_dict(dict(zip(names, (w_query, w_key, w_value, w_output), strict=True)))
            with torch.no_grad():
                until(lambda: close(read(figure, "Outputs"), layer.explicit(x[None])[0][0]))


def read_output(figure, out: torch.Tensor) -> torch.Tensor:
    """Return the output projection, which level 3 does not show, from the outputs that it gives."""
    joined = out.transpose(0, 1).flatten(1)
    return torch.linalg.solve(joined, read(figure, "Outputs")).T


def test_own_words_with_own_vectors(open_figures):
    x = torch.tensor([[0.0, 0, 0, 0], [4, 3, 0, 0], [0, 2, 0, 0]])
    figure = open_figures(live.Attention(tokens=["hot", "warm", "cold"], x=x.tolist())).figure("attention")
    out, weights = basic_self_attention(x)
    until(lambda: close(read(figure, "Weights"), weights))
    until(lambda: close(read(figure, "Outputs"), out))
    said = "gives " + ", ".join(f"{weights[0, j]:.2f} to “{word}”" for j, word in enumerate(["hot", "warm", "cold"]))
    assert said in live.Attention(tokens=["hot", "warm", "cold"], x=x).description
    expect(figure.locator(".try")).to_contain_text("Drag “cold”.", use_inner_text=True)
    figure.get_by_role("button", name="warm: 1 4, 2 3").press("ArrowRight")
    until(lambda: read(figure, "Vectors")[1, 0] == pytest.approx(4.1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"level": 4}, "level must be one of 1, 2, 3, got 4"),
        ({"heads": 3}, "heads must be one of 1, 2, 4, got 3"),
        (
            {"mask": "upper"},
            "mask must be one of causal, none, high, low, late, transposed, window, prefix, got 'upper'",
        ),
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
    """Return the faint bars of the weights, or None if there are none."""
    cells = figure.get_by_role("table", name="Weights", exact=True).locator("td.cell")
    found = cells.evaluate_all("cells => cells.map((cell) => cell.dataset.before ?? null)")
    return None if None in found else torch.tensor([float(each) for each in found], dtype=torch.float64).view(4, 4)


def test_the_weights_before_a_gesture_stay_as_faint_bars(open_figures):
    figure = open_figures(live.Attention()).figure("attention")
    first = basic_self_attention(X)[1]
    until(lambda: before_the_change(figure) is None)
    handle = figure.get_by_role("button", name="sat: thing")
    for _ in range(3):  # presses of one key are one gesture
        handle.press("ArrowRight")
    until(lambda: close(before_the_change(figure), first))
    changed = read(figure, "Weights")
    assert not close(changed, first)
    handle.press("ArrowUp")
    until(lambda: close(before_the_change(figure), changed))
    figure.get_by_role("button", name="Reset").click()
    until(lambda: before_the_change(figure) is None)
