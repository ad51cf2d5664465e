"""The router: each letter's expert, and the loss of every detour, are those of torch."""

import base64
import re

import pytest
import torch
from playwright.sync_api import expect
from until import until

from lecture21 import GPT, GPTConfig, pretrained
from lecture21.course import live
from lecture21.course.live.figure import weights_of
from lecture21.moe import Router, routings
from lecture21.tokenizers import BPETokenizer, CharTokenizer

TEXT = "A horse! a horse! my kingdom for"  # 32 letters


def run(model: GPT, ids: list[int], reroute=lambda routing, layer: routing) -> tuple[list[list[int]], torch.Tensor]:
    """Return the first expert of each token in each layer, and the loss of each following token."""
    routers = [module for module in model.modules() if isinstance(module, Router)]
    hooks = [
        router.register_forward_hook(lambda _, given, routing, layer=layer: reroute(routing, layer))
        for layer, router in enumerate(routers)
    ]
    with torch.no_grad(), routings(model.eval()) as routed:
        logits = model(torch.tensor([ids]))[0]
    for hook in hooks:
        hook.remove()
    losses = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="none")
    return [routing.experts[0, :, 0].tolist() for _, routing in routed], losses


def to_another(routing, layer):
    return routing._replace(experts=(routing.experts + 1) % routing.logits.shape[-1])


def to_nobody(routing, layer):
    return routing._replace(weights=torch.zeros_like(routing.weights))


def experts_of(figure) -> list[int]:
    """Return the expert of each letter, from 0; -1 for none."""
    names = figure.locator(".letter").evaluate_all("all => all.map((each) => each.dataset.expert)")
    return [-1 if name == "none" else int(name) - 1 for name in names]


def ready(figure):
    figure.locator("section.figure:not([aria-busy=true])").wait_for()
    return figure


def bars(figure, place: int) -> dict[str, float]:
    """Return what the next letter costs (0), or by how much the mean of the text rises (1)."""
    script = "all => all.map((row) => [...row.querySelectorAll('.name, .number')].map((part) => part.textContent))"
    rows = figure.locator(".bars").nth(place).locator("li").evaluate_all(script)
    return {name: float(number.replace("\u2212", "-")) for name, number in rows}


def mean(figure) -> float:
    """Return the mean loss of the text as the router decides."""
    return float(re.search(r"\d\.\d+", figure.locator(".panel-title", has_text="Mean of the text").inner_text())[0])


def test_every_letter_has_a_line_to_its_expert_in_each_layer(open_figures):
    model, tokenizer = pretrained.load("modern-moe")
    figure = ready(open_figures(live.Router(text=TEXT)).figure("router"))
    experts, losses = run(model, tokenizer.encode(TEXT))
    for layer in range(4):
        figure.locator("fieldset").get_by_text(str(layer + 1), exact=True).click()
        expect(figure.locator(".reading")).to_contain_text(
            f"Layer {layer + 1}: “A” goes to expert {experts[layer][0] + 1}."
        )
        until(lambda: experts_of(figure) == experts[layer])
    until(lambda: mean(figure) == pytest.approx(losses.mean().item(), abs=0.00051))
    until(lambda: bars(figure, 0) == {"the router's choice": pytest.approx(losses[0].item(), abs=0.0051)})
    until(lambda: bars(figure, 1) == {})
    painted = figure.locator("canvas").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v).length"
    )
    assert painted > 2000  # points of lines


def test_one_letter_goes_elsewhere_and_its_cost_is_said(open_figures):
    model, tokenizer = pretrained.load("modern-moe")
    figure = ready(open_figures(live.Router(text=TEXT, layer=2)).figure("router"))
    ids = tokenizer.encode(TEXT)
    experts, own = run(model, ids)
    at = 22
    figure.locator(".letter").nth(at - 1).click()
    figure.get_by_role("slider", name="Letter").press("ArrowRight")
    expect(figure.locator(".letter").nth(at)).to_have_class("letter chosen")
    expect(figure.locator(".reading")).to_contain_text(f"“{TEXT[at]}” goes to expert {experts[1][at] + 1}.")
    for to in ((experts[1][at] + 3) % 8, -1):

        def reroute(routing, layer, to=to):
            if layer != 1:
                return routing
            changed, weights = routing.experts.clone(), routing.weights.clone()
            if to < 0:
                weights[0, at] = 0
            else:
                changed[0, at, 0] = to
            return routing._replace(experts=changed, weights=weights)

        _, losses = run(model, ids, reroute)
        figure.locator(".experts button").nth(to).click()
        expect(figure.locator(".reading")).to_contain_text(
            f"to {'no expert' if to < 0 else f'expert {to + 1}'} in place of expert {experts[1][at] + 1}."
        )
        said = figure.locator(".reading").inner_text().replace("\u2009", "")
        numbers = [float(n) for n in re.findall(r"\d+\.\d+", said)]
        expected = [losses[at], own[at], losses.mean(), own.mean()]
        assert numbers == pytest.approx([each.item() for each in expected], abs=0.0051)
        rise = pytest.approx((losses - own).mean().item(), abs=0.00051)
        until(lambda rise=rise: bars(figure, 1) == {"as you sent them": rise})
        costs = {"the router's choice": own[at].item(), "as you sent them": losses[at].item()}
        until(lambda costs=costs: bars(figure, 0) == pytest.approx(costs, abs=0.0051))
    widths = figure.locator(".bars").nth(0).locator(".drawn").evaluate_all("all => all.map((bar) => bar.offsetWidth)")
    assert widths[1] / widths[0] == pytest.approx(costs["as you sent them"] / costs["the router's choice"], abs=0.05)
    figure.get_by_role("button", name="Reset").click()
    until(lambda: list(bars(figure, 0)) == ["the router's choice"])
    until(lambda: bars(figure, 1) == {})


def test_all_letters_go_elsewhere_and_every_loss_stays_in_sight(open_figures):
    model, tokenizer = pretrained.load("modern-moe")
    router = live.Router(text=TEXT)
    figure = ready(open_figures(router).figure("router"))
    ids = tokenizer.encode(TEXT)
    usual = torch.tensor(router.usual)[:, ids]

    def to_usual(routing, layer):
        return routing._replace(experts=usual[layer][None, :, None])

    own = run(model, ids)[1].mean().item()
    expected = {}
    for name, reroute in (("the usual expert", to_usual), ("no expert", to_nobody), ("the next expert", to_another)):
        figure.get_by_role("radio", name=name).check(force=True)
        experts, losses = run(model, ids, reroute)
        expected[name] = losses.mean().item() - own
        until(lambda: bars(figure, 1) == {key: pytest.approx(value, abs=0.00051) for key, value in expected.items()})
        until(lambda name=name: list(bars(figure, 0)) == ["the router's choice", name])
        reached = [-1] * 32 if name == "no expert" else experts[0]
        until(lambda reached=reached: experts_of(figure) == reached)
    figure.get_by_label("Your text").fill("Who's there?")
    until(lambda: list(bars(figure, 1)) == ["the next expert"])


def test_nothing_moves_under_the_pointer_and_the_last_letter_has_no_next_one(open_figures):
    figure = ready(open_figures(live.Router(text="To be")).figure("router"))
    places = figure.locator(".experts, fieldset").all()
    before = [place.bounding_box()["y"] for place in places]
    figure.locator(".experts button").nth(2).click()
    figure.get_by_role("radio", name="no expert").check(force=True)
    until(lambda: "no expert" in bars(figure, 1))
    until(lambda: [place.bounding_box()["y"] for place in places] == before)
    figure.locator(".letter").last.click()
    expect(figure.locator(".next")).to_have_text("No letter comes after this one.")
    until(lambda: bars(figure, 0) == {})
    until(lambda: [place.bounding_box()["y"] for place in places] == before)


def test_the_usual_expert_is_the_most_frequent_one_of_each_character():
    model, tokenizer = pretrained.load("modern-moe")
    usual = live.Router().usual
    assert [len(row) for row in usual] == [model.config.vocab_size] * 4
    ids = torch.tensor(tokenizer.encode(live.router.router.split(live.router.router.shakespeare())[0][:32_000]))
    with torch.no_grad(), routings(model.eval()) as routed:
        model(ids.view(-1, 32))
    for row, (_, routing) in zip(usual, routed, strict=True):
        mine = routing.experts.flatten()[ids == tokenizer.encode("e")[0]]
        assert row[tokenizer.encode("e")[0]] == mine.mode().values


def test_unknown_characters_are_named_and_the_last_text_stays(open_figures):
    figure = ready(open_figures(live.Router(text="To be")).figure("router"))
    field = figure.get_by_label("Your text")
    field.fill("Tö bé 1")
    message = figure.locator(".message")
    expect(message).to_contain_text("The model has no “ö”, “é”, “1”; its alphabet is 52 letters and ")
    expect(figure.locator(".letter")).to_have_count(5)
    field.fill("a")
    expect(message).to_have_text("Write 2 to 32 characters, which the model reads at once.")
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
    text = "a bad ca"
    router = live.Router(model, tokenizer, text=text, layer=2)
    state = {"text": text, "layer": 2, "cursor": 4, "way": "learned", "usual": router.usual}
    figure = ready(show(state, router.weights))
    ids = tokenizer.encode(text)
    experts, losses = run(model, ids)
    until(lambda: experts_of(figure) == experts[1])
    until(lambda: mean(figure) == pytest.approx(losses.mean().item(), abs=0.00051))


def test_a_dense_model_is_refused_in_one_sentence(show):
    figure = show({"text": "To be", "layer": 1, "cursor": 0, "way": "learned", "usual": []}, weights_of("modern-gpt0"))
    expect(figure.locator(".message")).to_have_text(
        "This model is dense: it has no router. Give the figure a model with sparse layers."
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "modern-gpt0"}, "the model 'modern-gpt0' is dense and has no router"),
        (
            {"model": GPT(GPTConfig(vocab_size=4, d_model=8, n_head=2)), "tokenizer": CharTokenizer("abc")},
            "this model is dense",
        ),
        ({"tokenizer": BPETokenizer.from_text("a b", 257)}, "needs a model with a CharTokenizer, got a BPETokenizer"),
        ({"text": "a"}, "text must have 2 to 32 characters, got 1"),
        ({"layer": 5}, "layer must be a whole number from 1 to 4, got 5"),
    ],
)
def test_what_the_figure_cannot_show_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        live.Router(**arguments)
