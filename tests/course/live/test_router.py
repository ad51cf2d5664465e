"""The router: the experts, probabilities and loads on the page are those of torch."""

import base64

import pytest
import torch
from playwright.sync_api import expect
from until import until

from lecture21 import GPT, GPTConfig, pretrained
from lecture21.course import live
from lecture21.course.live.figure import weights_of
from lecture21.moe import Routing, describe, route, routings
from lecture21.tokenizers import BPETokenizer, CharTokenizer

TEXT = "Two households, both alike in dignity,\nIn fair Verona, where we lay our scene."  # two windows and a half


def routed(model: GPT, ids: list[int]) -> list[Routing]:
    """Return the routing of each layer over consecutive windows."""
    windows = [ids[start : start + model.block_size] for start in range(0, len(ids), model.block_size)]
    actual = []
    for window in windows:
        with torch.no_grad(), routings(model.eval()) as each:
            model(torch.tensor([window]))
        actual.append([routing for _, routing in each])
    return [Routing(*(torch.cat(parts, dim=1) for parts in zip(*layer, strict=True))) for layer in zip(*actual)]  # noqa: B905


def numbers(figure) -> list[list[int]]:
    """Return the experts of each character, from 0, as the figure numbers them."""
    return [[int(n) - 1 for n in text.split("+")] for text in figure.locator(".letter small").all_inner_texts()]


def ready(figure):
    figure.locator("section.figure:not([aria-busy=true])").wait_for()
    return figure


def reading(figure) -> str:
    return figure.locator(".reading").inner_text()


def assert_reads_like(text: str, routing: Routing, ids: list[int], index: int) -> None:
    """Check the numbers of the sentence below the figure."""
    s = describe(routing, torch.tensor([ids]))
    (probabilities,), (experts,) = routing.logits.softmax(-1), routing.experts
    named = " and ".join(
        f"expert {e + 1} with probability {probabilities[index, e]:.3f}" for e in experts[index].tolist()
    )
    assert f"goes to {named}." in text
    busiest = int(s.load.argmax())
    assert f"expert {busiest + 1} is the busiest with {100 * s.load[busiest]:.1f} % of the work" in text
    assert f"{1 + s.max_violation:.2f} times an equal share" in text
    assert f"The entropy of the load is {s.load_entropy:.3f} of its maximum." in text


def test_the_text_is_routed_as_by_torch(open_figures):
    model, tokenizer = pretrained.load("modern-moe")
    figure = ready(open_figures(live.Router(text=TEXT)).figure("router"))
    ids = tokenizer.encode(TEXT)
    layers = routed(model, ids)
    for layer, routing in enumerate(layers, start=1):
        figure.locator("fieldset").get_by_text(str(layer), exact=True).click()
        expect(figure.locator(".reading")).to_contain_text(f"Layer {layer} of 4.")
        until(lambda: numbers(figure) == routing.experts[0].tolist())
        assert_reads_like(reading(figure), routing, ids, 0)


def test_the_caret_and_the_pointer_choose_a_character(open_figures):
    model, tokenizer = pretrained.load("modern-moe")
    stage = open_figures(live.Router(text=TEXT))
    figure = ready(stage.figure("router"))
    ids = tokenizer.encode(TEXT)
    routing = routed(model, ids)[0]
    figure.get_by_label("Your text").focus()
    for key in ("Control+Home", "ArrowRight", "ArrowRight", "ArrowRight"):
        stage.page.keyboard.press(key)
    expect(figure.locator(".reading")).to_contain_text("“␣” (character 4 of 78)")
    assert_reads_like(reading(figure), routing, ids, 3)
    figure.locator(".letter").nth(40).hover()
    expect(figure.locator(".reading")).to_contain_text("character 41 of 78")
    assert_reads_like(reading(figure), routing, ids, 40)
    figure.get_by_label("Your text").fill("Who's there?")
    expect(figure.locator(".letter")).to_have_count(12)
    until(lambda: numbers(figure) == routed(model, tokenizer.encode("Who's there?"))[0].experts[0].tolist())
    until(lambda: "“?” (character 12 of 12)" in reading(figure))


def test_an_expert_s_letters_stay_in_color_and_are_counted(open_figures):
    model, tokenizer = pretrained.load("modern-moe")
    stage = open_figures(live.Router(text=TEXT))
    figure = ready(stage.figure("router"))
    experts = routed(model, tokenizer.encode(TEXT))[0].experts[0, :, 0].tolist()
    busiest = max(set(experts), key=experts.count)
    own = [letter for letter, expert in zip(TEXT, experts, strict=True) if expert == busiest]
    tiles = figure.locator(".expert")
    expect(tiles).to_have_count(8)
    for expert in range(8):
        expect(tiles.nth(expert)).to_contain_text(
            f"{100 * experts.count(expert) / len(TEXT):.0f} %", use_inner_text=True
        )

    def colored():
        return [i for i, cell in enumerate(figure.locator(".letter").all()) if "dim" not in cell.get_attribute("class")]

    expected = [i for i, expert in enumerate(experts) if expert == busiest]
    tiles.nth(busiest).hover()
    until(lambda: colored() == expected)
    stage.page.mouse.move(0, 0)
    until(lambda: len(colored()) == len(TEXT))
    tiles.nth(busiest).press("Enter")
    until(lambda: colored() == expected)
    expect(tiles.nth(busiest)).to_have_attribute("aria-pressed", "true")
    most = max(own, key=own.count)
    said = reading(figure)
    assert said.startswith(f"Expert {busiest + 1} processes {len(own)} of 78 characters: ")
    assert f"{most.replace(' ', '␣')} ({own.count(most)})" in said.partition(",")[0]
    figure.get_by_role("button", name="Reset").click()
    until(lambda: len(colored()) == len(TEXT))


def test_unknown_characters_are_named_and_the_last_text_stays(open_figures):
    figure = ready(open_figures(live.Router(text="To be")).figure("router"))
    field = figure.get_by_label("Your text")
    field.fill("Tö bé 1")
    message = figure.locator(".message")
    expect(message).to_contain_text("The model has no “ö”, “é”, “1”; its alphabet is 52 letters and ")
    expect(figure.locator(".letter")).to_have_count(5)
    field.fill("")
    expect(message).to_have_text("Write at least one character.")
    field.fill("or not")
    expect(message).to_have_text("")
    expect(figure.locator(".letter")).to_have_count(6)


@pytest.fixture
def show(load_module):
    """A function that shows a figure with weights from a notebook, and returns its place on the page."""

    def render(state: dict, weights: bytes):
        page = load_module("router/routing.js")
        page.evaluate(
            """async ([text, state, weights]) => {
                const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
                const { default: widget } = await import(url);
                const bytes = Uint8Array.from(atob(weights), (c) => c.charCodeAt(0));
                const values = { ...state, weights: new DataView(bytes.buffer) };
                const set = (key, value) => (values[key] = value);
                const model = { get: (key) => values[key], set, save_changes() {}, on() {}, off() {} };
                await widget.render({ model, el: document.body });
            }""",
            [live.Router()._esm, state, base64.b64encode(weights).decode()],
        )
        return page.locator("body")

    return render


def test_a_model_of_the_reader_with_two_experts_for_each_character(show):
    torch.manual_seed(3)
    tokenizer = CharTokenizer.from_text("abcdefgh \n")
    moe = {"n_expert": 5, "top_k": 2, "balance": "bias"}
    model = GPT(GPTConfig(vocab_size=11, block_size=8, n_layer=2, n_head=2, d_model=16, d_ff=24, moe=moe))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "router" in name:
                parameter.mul_(20)
    text = "a bad cab\nfed a hedge"
    router = live.Router(model, tokenizer, text=text, layer=2)
    figure = ready(show({"text": text, "layer": 2, "cursor": 4}, router.weights))
    ids = tokenizer.encode(text)
    routing = routed(model, ids)[1]
    until(lambda: numbers(figure) == routing.experts[0].tolist())
    assert_reads_like(reading(figure), routing, ids, 4)


def test_a_dense_model_is_refused_in_one_sentence(show):
    figure = show({"text": "To be", "layer": 1, "cursor": 0}, weights_of("modern-gpt0"))
    expect(figure.locator(".message")).to_have_text(
        "This model is dense: it has no router. Give the figure a model with sparse layers."
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_statistics_equal_the_package(load_module, seed):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(6, (1, 50), generator=generator)
    logits = 2 * torch.randn(1, 50, 4, generator=generator)
    experts, weights = route(logits, 1 + seed % 2)
    expected = describe(Routing(logits, experts, weights, torch.ones_like(experts, dtype=torch.bool)), ids)
    routed = {"ids": ids[0].tolist(), "experts": [experts.flatten().tolist()], "count": 4, "chosen": 1 + seed % 2}
    actual = load_module("router/routing.js").evaluate("(routed) => module.statistics(routed, 0)", routed)
    assert actual["load"] == pytest.approx(expected.load.tolist(), abs=1e-6)
    assert actual["violation"] == pytest.approx(expected.max_violation, abs=1e-6)
    assert actual["loadEntropy"] == pytest.approx(expected.load_entropy, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "modern-gpt0"}, "the model 'modern-gpt0' is dense and has no router"),
        (
            {"model": GPT(GPTConfig(vocab_size=4, d_model=8, n_head=2)), "tokenizer": CharTokenizer("abc")},
            "this model is dense",
        ),
        ({"tokenizer": BPETokenizer.from_text("a b", 257)}, "needs a model with a CharTokenizer, got a BPETokenizer"),
        ({"text": ""}, "text must have 1 to 400 characters, got 0"),
        ({"layer": 5}, "layer must be a whole number from 1 to 4, got 5"),
    ],
)
def test_what_the_figure_cannot_show_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        live.Router(**arguments)
