"""The calculator shows the numbers of `lecture21.accounting`, whatever is typed, and says where it does not fit."""

import math
import re
from dataclasses import replace

import pytest
from playwright.sync_api import expect
from until import until

from lecture21 import accounting, presets
from lecture21.accounting import published
from lecture21.course.live import Calculator

DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15}
DAYS = {"seconds": 1 / 86400, "minutes": 1 / 1440, "hours": 1 / 24, "days": 1, "years": 365.25}


def seen(figure) -> str:
    """Return everything that can be read in a figure, with plain spaces."""
    return figure.locator("section.figure").inner_text().replace("\u00a0", " ")


def row(figure, name) -> list[str]:
    """Return the values of a row of a table."""
    actual = figure.locator("tr", has=figure.page.get_by_role("rowheader", name=name, exact=True))
    return [text.replace("\u00a0", " ") for text in actual.locator("td").all_inner_texts()]


def value(text, units=()) -> float:
    """Return the number in a text such as 3.14 × 10²³, 349 GB or 25.2 years."""
    number, power, unit = re.match(r"([\d.,]+)(?: × 10([⁰¹²³⁴⁵⁶⁷⁸⁹]+))?(?: (\w+))?", text).groups()
    scale = 10 ** int(power.translate(DIGITS)) if power else 1
    return float(number.replace(",", "")) * scale * (units[unit] if units else 1)


def close(shown, exact) -> bool:
    return math.isclose(shown, exact, rel_tol=6e-3)  # three digits are shown


def test_training_shows_the_package_s_numbers_for_the_chosen_model(open_figures):
    figure = open_figures(Calculator("gpt3")).figure("calculator")
    until(lambda: "174,604,259,328 parameters" in seen(figure))
    until(lambda: "does not fit one H100" in seen(figure))
    figure.get_by_label("Model").select_option("gpt2-xl")
    figure.get_by_label("Card", exact=True).select_option("A100 (80 GB)")
    slider = figure.get_by_label("Utilization of the peak FLOP/s")
    for _ in range(3):
        slider.press("ArrowLeft")  # 40 % -> 25 %
    config = presets.get("gpt2-xl")
    tokens = 300 * 10**9
    estimate, exact = accounting.training_flops(config, tokens), accounting.flops_per_token(config).training * tokens
    until(lambda: "1,557,611,200 parameters" in seen(figure))
    actual = row(figure, "FLOPs of 300 billion")
    assert close(value(actual[0]), estimate)
    assert close(value(actual[1]), exact)
    days = [accounting.training_days(flops, "A100", 1, 0.25) for flops in (estimate, exact)]
    until(lambda: all(map(close, (value(text, DAYS) for text in row(figure, "Time on one A100")), days)))
    memory = accounting.training_bytes(config) + accounting.activation_bytes(config, batch=1, dtype="bf16")
    shown = re.search(r"Memory during training: (.*?), which fits one A100", seen(figure)).group(1)
    assert close(value(shown, UNITS), memory)


def test_serving_shows_the_experts_that_a_batch_reads(open_figures):
    figure = open_figures(Calculator("mixtral-8x7b", focus="serving")).figure("calculator")
    slider = figure.get_by_label("Batch (sequences)")
    for _ in range(3):
        slider.press("ArrowRight")
    shape = published.get("mixtral-8x7b")
    until(
        lambda: (
            row(figure, "Experts of a layer that a step reads") == [f"{accounting.distinct_experts(8, 2, 8):.1f} of 8"]
        )
    )
    read = value(row(figure, "Weights that a step reads")[0], UNITS)
    assert close(read, accounting.weights_read(shape, 8))
    bound = "Upper bound on tokens per second, at one H100's speed"
    until(lambda: row(figure, bound) == ["does not fit one H100"])
    total = accounting.weight_bytes(shape) + accounting.kv_cache_bytes(shape, 4096, 8)
    until(lambda: row(figure, "H100s for 8 sequences of 4,096 tokens") == [str(math.ceil(total / 80e9))])
    figure.locator("summary", has_text="More").click()
    figure.get_by_label("Weights during generation").select_option("int4")
    until(lambda: close(value(row(figure, bound)[0]), accounting.tokens_per_second(shape, "H100", 8, "int4")))
    shown = re.search(r"Memory during generation: (.*?), which fits one H100", seen(figure)).group(1)
    assert close(
        value(shown, UNITS), accounting.weight_bytes(shape, "int4") + accounting.kv_cache_bytes(shape, 4096, 8)
    )


def test_the_cache_grows_with_the_context_until_it_does_not_fit(open_figures):
    figure = open_figures(Calculator("gpt3", focus="cache", context=131072)).figure("calculator")
    shape = accounting.Shape.of(presets.get("gpt3", block_size=131072))
    until(lambda: "does not fit one H100" in seen(figure))
    until(lambda: close(value(row(figure, "1 × 131,072 tokens")[0], UNITS), accounting.kv_cache_bytes(shape, 131072)))
    until(lambda: "576 GiB" in row(figure, "1 × 131,072 tokens")[0])
    figure.locator("summary", has_text="by part").click()
    until(lambda: "131,072 positions " in seen(figure))  # more than were published: the bar says so
    for _ in range(4):
        figure.get_by_label("Context (tokens)").press("ArrowLeft")
    until(lambda: close(value(row(figure, "1 × 8,192 tokens")[0], UNITS), accounting.kv_cache_bytes(shape, 8192)))
    until(lambda: "which fits one H100" in seen(figure))
    flops = accounting.flops_per_token(presets.get("gpt3", block_size=8192))
    share = row(figure, "Attention's share of the next token's FLOPs")[0]
    assert close(value(share), 100 * flops.attention / flops.forward)


def test_sizes_are_taken_when_they_fit_each_other(open_figures):
    figure = open_figures(Calculator()).figure("calculator")
    figure.locator("summary", has_text="More").click()
    figure.get_by_label("Width C").fill("100")
    figure.get_by_label("Query heads").fill("3")
    until(lambda: "The query heads must divide the width: 100 / 3 is not a whole number." in seen(figure))
    total = accounting.parameters(presets.get("gpt0", d_model=100)).total
    until(lambda: f"{total:,} parameters" in seen(figure))  # the last model stays
    figure.get_by_label("Width C").fill("99")
    total = accounting.parameters(presets.get("gpt0", d_model=99, n_head=3)).total
    until(lambda: f"{total:,} parameters" in seen(figure))
    until(lambda: "must divide" not in seen(figure))
    figure.get_by_label("Experts (0: none)").fill("8")
    config = presets.get("gpt0", d_model=99, n_head=3, moe={"n_expert": 8, "top_k": 2})
    until(lambda: f"{accounting.parameters(config).total:,} parameters, of which" in seen(figure))
    expect(figure.get_by_label("Key/value heads")).to_have_value("3")  # derived from the query heads
    figure.get_by_role("button", name="Reset").click()
    until(lambda: "209,729 parameters" in seen(figure))
    expect(figure.get_by_label("Width C")).to_have_value("64")


def test_garbage_in_every_field_is_refused_with_a_sentence(open_figures):
    figure = open_figures(Calculator("mixtral-8x7b")).figure("calculator")
    figure.locator("summary", has_text="More").click()
    fields = figure.locator("input[type=number]")
    expect(fields).to_have_count(11)
    for field in fields.all():
        label = figure.locator(f"label[for={field.get_attribute('id')}]").inner_text()
        before = field.input_value()
        for garbage in ("", "-3", "1e300", "9" * 400):
            field.fill(garbage)
            until(
                lambda: re.search(rf"{re.escape(label)} must be a .*number from .* to .*\.", seen(figure)),
                str((label, garbage)),
            )
            expect(field).to_have_attribute("aria-invalid", "true")
            until(lambda: "46,702,792,704 parameters" in seen(figure))
        if "none" not in label:
            field.fill("0")
            until(lambda: f"{label} must be" in seen(figure))
        field.press_sequentially("e-+")
        field.fill(before)
        until(lambda: f"{label} must be" not in seen(figure))
    until(lambda: not re.search(r"NaN|Infinity|undefined|null", seen(figure)))


GARBAGE = {"preset": "gpt9", "changes": {"n_layer": 0}, "context": -1, "batch": 0.5, "tokens": "many", "card": "RTX"}
GARBAGE |= {
    "pinned": {"preset": "gpt9"},
    "cards": None,
    "utilization": 2,
    "precision": [],
    "models": {},
    "devices": 7,
    "focus": "none",
}


def test_the_first_model_stays_beside_the_second_and_another_one_can_be_kept(open_figures):
    stage = open_figures(Calculator("gpt2-xl", tokens=295, card="A100", cards=8, utilization=0.25))
    figure = stage.figure("calculator")
    kept = figure.get_by_role("button", name="Keep B as A")
    expect(kept).to_be_hidden()
    figure.get_by_label("Model").select_option("gpt3")
    expect(figure.get_by_role("columnheader", name="A: gpt2-xl")).to_be_hidden()  # until the reader asks
    figure.get_by_text("Compared with gpt2-xl").click()
    small, large = (accounting.parameters(presets.get(name)).total for name in ("gpt2-xl", "gpt3"))
    expect(figure.get_by_role("columnheader", name="A: gpt2-xl")).to_be_visible()
    until(lambda: row(figure, "Parameters")[-1].replace("\u00a0", " ") == f"× {large / small:.3g}")
    until(lambda: "Against A: parameters × " in seen(figure).replace("\u00a0", " "))
    kept.click()
    expect(kept).to_be_hidden()
    figure.get_by_label("Model").select_option("gpt2-xl")
    expect(figure.get_by_role("columnheader", name="A: gpt3")).to_be_visible()  # it stays open
    until(lambda: row(figure, "Parameters")[-1].replace("\u00a0", " ") == f"÷ {large / small:.3g}")
    figure.get_by_role("button", name="Link to this state").click()
    figure.get_by_text("address bar").wait_for()
    again = open_figures(Calculator(), hash=stage.page.evaluate("location.hash")).figure("calculator")
    again.get_by_text("Compared with gpt3").click()
    expect(again.get_by_role("columnheader", name="A: gpt3")).to_be_visible()
    expect(again.get_by_role("columnheader", name="B: gpt2-xl")).to_be_visible()


@pytest.mark.parametrize(
    "screen",
    [pytest.param((1280, 800), id="laptop"), pytest.param((390, 844), id="phone")],
)
def test_each_change_that_is_offered_makes_it_fit_and_half_as_much_would_not(open_figures, screen):
    viewport = {"width": screen[0], "height": screen[1]}
    figure = open_figures(Calculator("mixtral-8x7b", focus="serving", batch=128, cards=2), viewport=viewport).figure(
        "calculator"
    )
    buttons = figure.locator(".actions button")
    shape = published.get("mixtral-8x7b")
    weights, free = accounting.weight_bytes(shape), 160e9
    batch = 2 ** math.floor(math.log2((free - weights) / accounting.kv_cache_bytes(shape, 4096, 1)))
    context = 2 ** math.floor(math.log2((free - weights) / accounting.kv_cache_bytes(shape, 1, 128)))
    cards = math.ceil((weights + accounting.kv_cache_bytes(shape, 4096, 128)) / 80e9)
    texts = buttons.all_inner_texts()
    heads = max(
        each
        for each in (1, 2, 4)
        for grouped in [replace(shape, attention=replace(shape.attention, n_kv_head=each))]
        if accounting.weight_bytes(grouped) + accounting.kv_cache_bytes(grouped, 4096, 128) <= free
    )
    last = f"{heads} key/value heads"
    assert accounting.weight_bytes(shape, "fp8") + accounting.kv_cache_bytes(shape, 4096, 128) <= free
    assert texts == [f"{cards} cards", f"{batch} sequences", f"{context:,} tokens of context", "8-bit weights", last]
    top = figure.locator(".controls").first.bounding_box()["y"]
    memory = figure.locator(".panel-title", has_text="Memory during generation").bounding_box()
    assert memory["y"] + memory["height"] - top < screen[1]  # the controls and what they lead to
    for i in range(len(texts)):
        buttons.nth(i).click()
        expect(buttons, str(texts[i])).to_have_count(0)
        expect(figure.locator(".reading"), str(texts[i])).to_contain_text("this fits")
        figure.get_by_role("button", name="Reset").click()
    expect(buttons).to_have_text(texts, use_inner_text=True)


def test_arguments_are_checked_and_repeated():
    assert repr(Calculator("gpt2", cards=8, n_layer=3)) == "Calculator(preset='gpt2', cards=8, n_layer=3)"
    for arguments, message in (
        ({"preset": "gpt9"}, "preset must be one of gpt0, "),
        ({"focus": "price"}, "focus must be one of training, serving, cache, got 'price'"),
        ({"n_layer": 0}, "n_layer must be"),
        ({"n_head": 5}, "n_head must divide d_model, got d_model=64 and n_head=5"),
        ({"depth": 5}, "size must be one of n_layer, "),
        ({"card": "TPU"}, "card must be one of T4, V100, A100, H100, got 'TPU'"),
        ({"utilization": 0}, "utilization must be from 0.01 to 1, got 0"),
        ({"preset": "mixtral-8x7b", "top_k": 9}, "top_k must be between 1 and the 8 experts"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            Calculator(**arguments)
