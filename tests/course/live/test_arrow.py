"""An arrow that its neighbors pull: after every interaction, weights and new vectors are those of the package."""

import re

import pytest
import torch
from playwright.sync_api import expect
from until import until

from lecture21.attention import basic_self_attention
from lecture21.course import live
from lecture21.course.live.arrow.arrow import PAIR, SENTENCE

SENTENCES = [(subject, ending) for subject in ("cat", "committee", "judge") for ending in ("down", "overnight")]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
ON_THE_PLANE = """svg => {
    const [vertical, horizontal] = svg.querySelectorAll(".zero");
    const [left, right] = ["x1", "x2"].map((name) => Number(horizontal.getAttribute(name)));
    const [across, down] = [Number(vertical.getAttribute("x1")), Number(horizontal.getAttribute("y1"))];
    const unit = (right - left) / 4; // from -1 to 3
    const tips = [...svg.querySelectorAll(".news path")].map((path) => {
        const [x, y] = path.getAttribute("d").match(/-?[\\d.]+/g).map(Number);
        return [(x - across) / unit, (down - y) / unit];
    });
    const widths = [...svg.querySelectorAll(".pulls line")].map((line) => Number(line.getAttribute("stroke-width")));
    return { tips, widths };
}"""
"""The tips of the new vectors in the units of the plane, and the widths of the lines that pull them."""


def opened(open_figures, *arguments, **options):
    return open_figures(live.Arrow(*arguments), **options).figure("arrow")


def choose(figure, word: str) -> None:
    figure.locator(".choice").get_by_text(word, exact=True).click()


def weights_of(figure, word: str) -> torch.Tensor:
    cells = figure.locator(f'table[aria-label="Weights of {word}"] td.share')
    found = cells.evaluate_all("cells => cells.map((cell) => Number(cell.dataset.value))")
    return torch.tensor(found, dtype=torch.float64)


def is_shown(figure, vectors: dict[str, tuple[float, float]], queries: list[str]) -> bool:
    """Return whether bars, sums, threads and arrows show basic self-attention on these words, for each query."""
    x = torch.tensor(list(vectors.values()), dtype=torch.float64)
    out, weights = basic_self_attention(x)
    rows = [list(vectors).index(query) for query in queries]
    drawn = figure.locator(".plane svg").evaluate(ON_THE_PLANE)
    tips, widths = (torch.tensor(drawn[name], dtype=torch.float64) for name in ("tips", "widths"))
    sums = figure.locator(".sum b").all_inner_texts()
    said = [[float(part.replace("\u2212", "-")) for part in re.findall(r"[\u2212\d.]+", text)] for text in sums]
    return (
        all(torch.allclose(weights_of(figure, query), weights[row]) for query, row in zip(queries, rows, strict=True))
        and torch.allclose(torch.tensor(said, dtype=torch.float64), out[rows], rtol=0, atol=0.0051)
        and torch.allclose(tips, out[rows], rtol=0, atol=1e-6)
        and torch.allclose(widths, 9 * weights[rows].flatten(), rtol=0, atol=1e-6)
    )


@pytest.mark.parametrize(("subject", "ending"), SENTENCES)
def test_the_new_vector_of_sat_is_that_of_the_package_in_every_sentence(open_figures, subject, ending):
    figure = opened(open_figures)
    choose(figure, subject)
    choose(figure, ending)
    words = ["the", subject, "sat", ending]
    until(lambda: is_shown(figure, {word: SENTENCE[word] for word in words}, ["sat"]))
    until(lambda: f"In “{' '.join(words)}”" in figure.locator(".reading").inner_text())
    expect(figure.get_by_role("button", name=f"{subject}: body")).to_be_visible()
    others = {"cat", "committee", "judge"} - {subject}
    for other in others:
        expect(figure.get_by_role("button", name=f"{other}: body")).to_have_count(0)


def test_descriptions_have_the_numbers_of_the_package():
    words = ["the", "cat", "sat", "down"]
    out, weights = basic_self_attention(torch.tensor([SENTENCE[word] for word in words]))
    said = live.Arrow().description
    assert re.findall(r"0\.\d\d for", said) == [f"{weight:.2f} for" for weight in weights[2].tolist()]
    assert "({:.2f}, {:.2f})".format(*out[2].tolist()) in said
    _, weights = basic_self_attention(torch.tensor(list(PAIR.values())))
    own, other = weights[0].tolist()
    assert f"gives {other:.2f} to the other and {own:.2f} to itself" in live.Arrow("pair").description


def drag(figure, name: str, across: int, down: int, touch: bool) -> None:
    """Drag a word, with the mouse or with a finger."""
    page, handle = figure.page, figure.get_by_role("button", name=name)
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if not touch:
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + across, y + down, steps=4)
        page.mouse.up()
        return
    devtools = page.context.new_cdp_session(page)
    for kind, points in [
        ("touchStart", [{"x": x, "y": y}]),
        *(("touchMove", [{"x": x + across * part / 4, "y": y + down * part / 4}]) for part in range(1, 5)),
        ("touchEnd", []),
    ]:
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def place(figure, word: str) -> tuple[float, float]:
    label = figure.get_by_role("button", name=f"{word}: ").get_attribute("aria-label")
    x, y = re.findall(r"[\u2212\d.]+(?=[,;])", label)
    return tuple(float(part.replace("\u2212", "-")) for part in (x, y))


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "finger"])
def test_a_word_is_dragged_and_the_others_stay(open_figures, touch):
    figure = opened(open_figures, **(PHONE if touch else {}))
    drag(figure, "cat: body", 40, -60, touch)
    until(lambda: place(figure, "cat") != SENTENCE["cat"])
    moved = place(figure, "cat")
    assert moved[0] > SENTENCE["cat"][0]
    assert moved[1] > SENTENCE["cat"][1]
    kept = {word: SENTENCE[word] for word in ("the", "cat", "sat", "down")}
    until(lambda: is_shown(figure, kept | {"cat": moved}, ["sat"]))
    figure.get_by_role("button", name="Reset").click()
    until(lambda: is_shown(figure, kept, ["sat"]))


def test_the_row_of_the_word_that_is_moved_glows(open_figures):
    figure = opened(open_figures)
    glowing = figure.locator(".weights tr.moved th")
    expect(glowing).to_have_count(0)
    for word in ("cat", "down"):
        figure.get_by_role("button", name=f"{word}: body").press("ArrowUp")
        expect(glowing).to_have_text([word])
    figure.get_by_role("button", name="Reset").click()
    expect(glowing).to_have_count(0)


def test_a_word_goes_no_farther_than_the_edge_and_stays_where_it_is_in_another_sentence(open_figures):
    figure = opened(open_figures)
    drag(figure, "down: body", -2000, 2000, False)
    until(lambda: place(figure, "down") == (-1, -1))
    choose(figure, "committee")
    handle = figure.get_by_role("button", name="committee: body")
    for key in ("ArrowLeft", "ArrowLeft", "ArrowDown"):
        handle.press(key)
    moved = {"the": SENTENCE["the"], "committee": (0.0, 1.7), "sat": SENTENCE["sat"], "down": (-1.0, -1.0)}
    until(lambda: is_shown(figure, moved, ["sat"]))


def test_what_one_should_see_is_said_only_where_it_is_so(open_figures):
    figure = opened(open_figures)
    outcome = figure.locator(".outcome")
    expect(outcome).to_be_hidden()
    choose(figure, "committee")
    expect(outcome).to_contain_text("swings to the committee’s side")
    tip = basic_self_attention(torch.tensor([SENTENCE[word] for word in ("the", "committee", "sat", "down")]))[0][2]
    assert tip[1] > tip[0]  # nearer to the committee than "sat", which is (1, 1)
    figure.get_by_role("button", name="sat: body").press("ArrowRight")
    expect(outcome).to_be_hidden()


def test_of_two_words_at_most_one_prefers_the_other(open_figures):
    figure = opened(open_figures, "pair")
    queries = list(PAIR)
    until(lambda: is_shown(figure, PAIR, queries))
    expect(figure.locator(".reading")).to_have_text("“pilot” prefers itself. “window” prefers itself.")
    handle = figure.get_by_role("button", name="window: ")
    for _ in range(10):
        handle.press("ArrowUp")
    until(lambda: is_shown(figure, PAIR | {"window": (1.0, 3.0)}, queries))
    expect(figure.locator(".reading")).to_have_text("“pilot” gives both the same weight. “window” prefers itself.")
    handle.press("ArrowRight")
    expect(figure.locator(".reading")).to_have_text("“pilot” prefers “window”. “window” prefers itself.")


def test_the_meter_keeps_the_best_and_after_some_moves_the_figure_says_why_it_cannot_be_done(open_figures):
    figure = opened(open_figures, "pair")
    given, best, outcome = figure.locator(".meter .share"), figure.locator(".meter + .note"), figure.locator(".outcome")

    def shared(vectors: list[tuple[float, float]]) -> list[float]:
        weights = basic_self_attention(torch.tensor(vectors))[1]
        return [weights[0, 1].item(), weights[1, 0].item()]

    first = shared(list(PAIR.values()))
    expect(given).to_have_text([f"{weight:.2f}" for weight in first])
    for _ in range(3):
        drag(figure, "pilot: ", 40, 0, False)
        expect(outcome).to_be_hidden()
    now = shared([place(figure, "pilot"), place(figure, "window")])
    expect(given).to_have_text([f"{weight:.2f}" for weight in now])
    assert min(now) < min(first) - 0.01
    expect(best).to_contain_text(f"both at {min(first):.2f} or more")
    drag(figure, "window: ", 0, 30, False)
    p, t = (torch.tensor(place(figure, word), dtype=torch.float64) for word in PAIR)
    numbers = [f"{number.item():.2f}".removesuffix(".00") for number in (p @ p, t @ t, p @ t)]
    expect(outcome).to_contain_text(
        "it can’t be done. The products of each word with itself, {} + {},".format(*numbers)
    )
    expect(outcome).to_contain_text(f"2 × {numbers[2]}.")
    figure.get_by_role("button", name="Reset").click()
    expect(outcome).to_be_hidden()
    expect(given).to_have_text([f"{weight:.2f}" for weight in first])


@pytest.mark.parametrize(("subject", "ending"), SENTENCES)
@pytest.mark.parametrize("width", [1280, 390])
def test_no_name_covers_another(open_figures, subject, ending, width):
    figure = opened(open_figures, viewport={"width": width, "height": 800})
    choose(figure, subject)
    choose(figure, ending)
    names = figure.locator(".plane .names text")
    until(lambda: set(names.all_text_contents()) == {"the", subject, "sat", ending, "new sat"})
    boxes = [name.bounding_box() for name in names.all()]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            across, down = (
                min(a[at] + a[size], b[at] + b[size]) - max(a[at], b[at])
                for at, size in (("x", "width"), ("y", "height"))
            )
            assert across <= 0 or down <= 3, (a, b)  # lines of a text are a little higher than its letters
