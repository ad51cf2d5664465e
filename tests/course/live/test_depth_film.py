"""The film of depth: each picture is what torch's blocks make of the same vectors."""

import re

import pytest
import torch
from playwright.sync_api import expect
from until import until

from lecture21.course import live
from lecture21.layers.blocks import Block
from lecture21.layers.feed_forward import FeedForward
from lecture21.layers.heads import MultiHeadAttention

C = 64
IDS = [0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 10]
NAMES = {
    "attention.query.weight": "query",
    "attention.key.weight": "key",
    "attention.value.weight": "value",
    "attention.output.weight": "output",
    "attention.output.bias": "output_bias",
    "feed_forward.up.weight": "up",
    "feed_forward.up.bias": "up_bias",
    "feed_forward.down.weight": "down",
    "feed_forward.down.bias": "down_bias",
}


def blocks_of(given: list[dict], norm: str) -> list[Block]:
    blocks = []
    for weights in given:
        position = "post" if norm == "post" else "pre"
        block = Block(C, MultiHeadAttention(C, 4), FeedForward(C, 256), norm_position=position).double()
        state = block.state_dict()
        for name, short in NAMES.items():
            state[name] = torch.tensor(weights[short], dtype=torch.float64).view_as(state[name])
        block.load_state_dict(state)
        blocks.append(block)
    return blocks


def states_of(blocks, x, residual: str, norm: str) -> list[torch.Tensor]:
    """The vectors after each block; where a residual connection is off, or norms are, written out."""
    states = [x]
    for block in blocks:
        if residual == "on" and norm != "none":
            states.append(block(states[-1]))
            continue
        x = states[-1]
        for name, before in (("attention", block.norm_attention), ("feed_forward", block.norm_feed_forward)):
            found = getattr(block, name)(before(x) if norm == "pre" else x)
            found = found if residual in ("off", name) else x + found
            x = before(found) if norm == "post" else found
        states.append(x)
    return states


VARIANTS = [
    ("on", "pre"),
    ("on", "post"),
    ("on", "none"),
    ("off", "pre"),
    ("off", "none"),
    ("attention", "post"),
    ("feed_forward", "pre"),
]


def from_page(page, residual: str, norm: str, count: int = 3):
    return page.evaluate(
        """([variant, ids, count]) => {
            const list = (x) => Array.from(x);
            const blocks = module.newBlocks(count, 1);
            const states = module.film(blocks, module.newVectors(ids, 1), variant);
            return {
                blocks: blocks.map((block) => Object.fromEntries(Object.entries(block).map(([k, x]) => [k, list(x)]))),
                states: states.map(list), cosines: states.map(module.cosines),
                differs: states.map(module.differs),
            };
        }""",
        [{"residual": residual, "norm": norm}, IDS, count],
    )


@torch.no_grad()
@pytest.mark.parametrize(("residual", "norm"), VARIANTS)
def test_every_variant_is_that_of_torch(load_module, residual, norm):
    found = from_page(load_module("depth_film/blocks.js"), residual, norm)
    states = [torch.tensor(x, dtype=torch.float64).view(len(IDS), C) for x in found["states"]]
    blocks = blocks_of(found["blocks"], norm)
    wanted = states_of(blocks, states[0][None], residual, norm)
    for i, (actual, x) in enumerate(zip(states, wanted, strict=True)):
        torch.testing.assert_close(actual, x[0], rtol=1e-9, atol=1e-12)
        unit = torch.nn.functional.normalize(x[0], dim=-1)
        torch.testing.assert_close(torch.tensor(found["cosines"][i], dtype=torch.float64), unit @ unit.T)
        apart = (x[0] - x[0].mean(dim=0)).square().sum() / x[0].square().sum()
        assert found["differs"][i] == pytest.approx(apart.item(), rel=1e-9)


def test_weights_and_vectors_are_distributed_as_torch_draws_them(load_module):
    found = from_page(load_module("depth_film/blocks.js"), "on", "pre", count=1)
    block = blocks_of(found["blocks"], "pre")[0]
    for name, parameter in Block(C, MultiHeadAttention(C, 4), FeedForward(C, 256)).named_parameters():
        if "norm" not in name:
            actual = block.get_parameter(name)
            assert actual.abs().max() <= parameter.shape[-1] ** -0.5 + 1e-9 or "bias" in name
            assert actual.std().item() == pytest.approx(parameter.std().item(), rel=0.25)
    x = torch.tensor(found["states"][0]).view(len(IDS), C)
    assert x.std().item() == pytest.approx(2**0.5, rel=0.1)  # a word and a position


def reading(figure) -> str:
    return figure.locator(".reading").inner_text()


def test_both_films_play_and_what_differs_between_them_can_be_changed(open_figures):
    stage = open_figures(live.DepthFilm(block=22))
    figure = stage.figure("depth_film")
    until(lambda: "After block 22, pre-norm" in reading(figure))
    figure.get_by_role("button", name="Play").click()
    expect(figure.locator(".reading")).to_contain_text("After block 24")
    kept, lost = re.search(r"words is ([\d.]+); without it \(both layers\), (.+)\.", reading(figure)).groups()
    assert float(kept) > 0.1
    assert lost == "below 0.001"
    figure.get_by_text("More:").click()
    figure.get_by_label("After block").press("Home")
    figure.get_by_label("After block").press("ArrowRight")
    until(lambda: "After block 1" in reading(figure))
    both = reading(figure).partition("(both layers), ")[2]
    figure.get_by_text("feed-forward only", exact=True).click()
    until(lambda: "without it (feed-forward only)" in reading(figure))
    one = reading(figure).partition("(feed-forward only), ")[2]
    assert float(one.rstrip(".")) > float(both.rstrip("."))  # one of two is missing
    figure.get_by_text("no norm", exact=True).click()
    figure.get_by_label("After block").press("Home")
    until(lambda: "After block 0, no norm" in reading(figure))
    figure.get_by_role("checkbox", name="48 blocks").check()
    figure.get_by_label("After block").press("End")
    until(lambda: "After block 48" in reading(figure))
    before = reading(figure)
    figure.get_by_role("button", name="Draw other weights").click()
    until(lambda: reading(figure) != before)
    figure.get_by_role("button", name="Link to this state").click()
    again = open_figures(live.DepthFilm(), hash=stage.page.evaluate("location.hash")).figure("depth_film")
    until(lambda: "After block 48, no norm" in reading(again))
    figure.get_by_role("button", name="Reset").click()
    until(lambda: "After block 22, pre-norm" in reading(figure))


def test_the_film_runs_only_while_its_map_is_in_sight(open_figures):
    stage = open_figures(live.DepthFilm(), viewport={"width": 390, "height": 500})
    page, figure = stage.page, stage.figure("depth_film")
    page.clock.install(time=0)
    page.clock.pause_at(60_000)
    film, map_ = figure.get_by_label("After block"), figure.locator("canvas").first
    figure.get_by_role("button", name="Play").click()
    expect(map_).to_be_in_viewport(ratio=0.95)
    page.clock.run_for(1000)
    played = int(film.input_value())
    assert played > 2
    page.evaluate("scrollTo(0, 0)")
    expect(map_).not_to_be_in_viewport(ratio=0.9)
    # Those who watch an element are told in the order in which they began.
    map_.evaluate("map => new Promise((done) => new IntersectionObserver(done).observe(map))")
    page.clock.run_for(2000)
    until(lambda: int(film.input_value()) == played)


def test_where_motion_is_to_be_reduced_the_film_is_at_its_end_at_once(open_figures):
    stage = open_figures(live.DepthFilm(block=3), reduced_motion="reduce")
    figure = stage.figure("depth_film")
    stage.page.clock.install(time=0)
    stage.page.clock.pause_at(60_000)
    figure.get_by_role("button", name="Play").click()
    expect(figure.get_by_label("After block")).to_have_value("24")
    expect(figure.locator(".reading")).to_contain_text("After block 24")


def test_what_one_should_see_is_true_of_the_block_that_is_shown(open_figures, load_module):
    """Without the plus all words become alike after a few blocks; with it, they don't."""
    figure = open_figures(live.DepthFilm()).figure("depth_film")
    outcome, blocks = figure.locator(".outcome"), figure.get_by_label("After block")
    found = load_module("depth_film/blocks.js").evaluate(
        """ids => ["on", "off"].map((residual) => module.film(module.newBlocks(24, 0), module.newVectors(ids, 0),
            { residual, norm: "pre" }).map(module.cosines))""",
        IDS,
    )
    kept, lost = ([min(map(min, cosines)) > 0.9 for cosines in film] for film in found)
    alike = lost.index(True)
    assert 1 < alike < 6
    assert not any(kept)
    for _ in range(alike):
        expect(outcome).to_be_hidden()
        blocks.press("ArrowRight")
    expect(outcome).to_contain_text(f"without the plus, all words have nearly the same vector after block {alike}")
    expect(outcome).not_to_contain_text("vectors of their own")
    blocks.press("End")
    expect(outcome).to_contain_text("with it, the words still have vectors of their own after 24 blocks")
    blocks.press("Home")
    expect(outcome).to_be_hidden()
