"""Two stacks: the shapes and masks of the pieces are those of the package, and crossing out leaves what it says."""

from itertools import chain, combinations

import pytest
import torch
from playwright.sync_api import expect
from until import until

from lecture21.attention import causal_mask
from lecture21.course import live
from lecture21.course.exercises.registry import find
from lecture21.layers import attention_maps
from lecture21.transformer import Transformer, TransformerConfig

S, T, C, V = 3, 4, 512, 37_000
PIECES = (
    "encoder's embedding", "self-attention", "encoder's feed-forward", "decoder's embedding", "causal self-attention",
    "cross-attention", "decoder's feed-forward", "linear, softmax",
)  # fmt: skip
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def opened(open_figures, *arguments, **options):
    return open_figures(live.TwoStacks(*arguments), **options).figure("two_stacks")


def piece(figure, number: int):
    return figure.locator(".stacks button").nth(number - 1)


def cross_out(figure, *numbers: int) -> None:
    for number in numbers:
        piece(figure, number).click()


def grid(figure, table: str, columns: slice) -> list[list[bool]]:
    rows = figure.get_by_role("table", name=table).locator("tbody tr").all()
    return [[text == "sees" for text in row.locator("td.cell").all_inner_texts()[columns]] for row in rows]


def test_the_three_masks_are_those_of_the_chapter(open_figures):
    figure = opened(open_figures, 8)
    encoder, causal, cross = find("6.3").solution(torch.zeros(1, S, dtype=torch.bool), T)
    until(lambda: grid(figure, "Mask of the encoder", slice(None)) == encoder[0].tolist())
    assert torch.equal(causal, causal_mask(T))
    until(lambda: grid(figure, "Masks of the decoder", slice(T)) == causal.tolist())
    until(lambda: grid(figure, "Masks of the decoder", slice(T, None)) == cross[0].tolist())


def shapes_of_a_model() -> list[dict[str, tuple[int, ...]]]:
    """What goes in and comes out of each piece, in a model of the paper's width with one block in each stack."""
    config = TransformerConfig(V, d_model=C, n_head=8, n_encoder_layer=1, n_decoder_layer=1)
    model = Transformer(config).eval()
    seen: dict[torch.nn.Module, tuple[torch.Tensor, torch.Tensor]] = {}
    (encoder,), (decoder,) = model.encoder.blocks, model.decoder.blocks
    feeds = [next(layer for layer in block.feed_forward.modules() if isinstance(layer, torch.nn.Linear))
             for block in (encoder, decoder)]  # fmt: skip
    layers = [model.encoder.embedding, encoder.attention, encoder.feed_forward, model.decoder.embedding,
              decoder.attention, decoder.cross_attention, decoder.feed_forward]  # fmt: skip
    for layer in (*layers, *feeds):
        layer.register_forward_hook(lambda layer, given, out: seen.__setitem__(layer, (given[0], out)))
    source, target = torch.arange(S)[None] + 1, torch.arange(T)[None] + 1
    maps = [weights[0, 0] for weights in attention_maps(model, source, target).values()]
    logits = model(source, target)
    found = [{"in": seen[layer][0][0].shape, "out": seen[layer][1][0].shape} for layer in layers]
    del found[0]["in"], found[3]["in"]  # the words
    for number, weights in zip((2, 5, 6), maps, strict=True):
        found[number - 1]["weights of each head"] = weights.shape
    for number, layer in zip((3, 7), feeds, strict=True):
        found[number - 1]["inside"] = seen[layer][1][0].shape
    found[2]["out: the memory"] = found[2].pop("out")
    found[5]["in: queries"] = found[5].pop("in")
    found[5]["memory: keys, values"] = found[2]["out: the memory"]
    return [*found, {"in": found[6]["out"], "out": logits[0].shape}]


def test_the_shapes_are_those_of_a_model_of_the_paper(open_figures):
    figure = opened(open_figures)
    for number, expected in enumerate(shapes_of_a_model(), start=1):
        if number > 1:
            figure.get_by_role("button", name="Add the next piece").click()
        expect(piece(figure, number)).to_contain_class("chosen")
        rows = [row.locator("td").all_inner_texts() for row in figure.locator(".shapes tr").all()]
        written = {name: tuple(int(n.replace(",", "")) for n in text.split(" = (")[1][:-1].split(", "))
                   for name, text in rows}  # fmt: skip
        assert written == {name: tuple(shape) for name, shape in expected.items()}
    expect(figure.get_by_role("button", name="Add the next piece")).to_be_hidden()


def test_with_pieces_crossed_out_one_holds_gpt_or_bert(open_figures):
    figure = opened(open_figures, 8)
    holds, outcome = figure.locator(".holds"), figure.locator(".outcome")
    expect(holds).to_contain_text("You hold the transformer of 2017. It models P(Y | X)")
    expect(figure.get_by_text("a row of the decoder has two softmaxes")).to_be_visible()
    cross_out(figure, 6)
    expect(figure.get_by_text("a row of the decoder has two softmaxes")).to_have_count(0)
    expect(holds).to_contain_text("Nobody reads the memory")
    expect(outcome).to_be_hidden()
    cross_out(figure, 1, 2, 3)
    expect(holds).to_contain_text("✓ You hold a GPT.")
    expect(outcome).to_contain_text("one mask is left, the causal one")
    expect(piece(figure, 6)).to_have_accessible_name("cross-attention, crossed out")
    figure.get_by_role("button", name="Reset").click()
    expect(holds).to_contain_text("the transformer of 2017")
    cross_out(figure, 4, 5, 6, 7)
    expect(holds).to_contain_text("You hold a BERT.")
    expect(figure.locator(".words").nth(0)).to_have_text("the ▢ slept")
    expect(figure.locator(".words").nth(2)).to_have_text("· cat ·")
    piece(figure, 5).click()
    expect(piece(figure, 5)).to_have_accessible_name("causal self-attention")  # put back
    expect(holds).not_to_contain_text("BERT")


def test_a_piece_of_the_whole_is_explained_before_it_is_crossed_out(open_figures):
    figure = opened(open_figures, 8)
    piece(figure, 6).hover()
    expect(figure.locator(".about")).to_contain_text("keys and values from the memory")
    piece(figure, 5).focus()
    expect(figure.locator(".about")).to_contain_text("attends to itself and to those before it")
    expect(figure.locator(".stacks .out")).to_have_count(0)


def test_a_piece_that_is_there_is_explained_while_others_are_missing(open_figures):
    figure = opened(open_figures, 4)
    piece(figure, 2).click()
    expect(figure.locator(".about")).to_contain_text("Nothing is hidden.")
    expect(figure.locator(".stacks .out")).to_have_count(0)


def test_of_all_that_can_be_crossed_out_one_set_leaves_a_gpt_and_one_a_bert(load_module):
    page = load_module("two_stacks/pieces.js")
    sets = list(chain.from_iterable(combinations(range(1, 9), k) for k in range(9)))
    kinds = dict(zip(sets, page.evaluate(
        "sets => sets.map((out) => module.held((piece) => out.includes(piece)).kind)", sets), strict=True))  # fmt: skip
    assert {kind: [out for out in sets if kinds[out] == kind] for kind in ("all", "gpt", "bert")} == {
        "all": [()], "gpt": [(1, 2, 3, 6)], "bert": [(4, 5, 6, 7)]
    }  # fmt: skip
    for out, kind in kinds.items():
        left = set(range(1, 9)) - set(out)
        reads, writes = left & {1, 2, 3}, left & {4, 5, 6, 7}
        has_inputs = (not reads or 1 in left) and (not writes or 4 in left)
        runs = 8 in left and bool(reads or writes) and has_inputs and (6 not in left or bool(reads))
        assert (kind != "broken") == runs, out


def dependence(outputs, inputs) -> list[list[bool]]:
    """Which output depends on which input, by position, in the first row of a batch."""
    rows = [torch.autograd.grad(output[0], inputs, retain_graph=True)[0][0] for output in outputs]
    return [(row.abs().sum(dim=-1) > 0).tolist() for row in rows]


@pytest.mark.parametrize("number", [2, 5])
def test_without_a_self_attention_a_position_knows_only_its_own_word(number):
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(9, d_model=16)).double().eval()
    stack = model.encoder if number == 2 else model.decoder
    for block in stack.blocks:
        torch.nn.init.zeros_(block.attention.output.weight)
    source, target = torch.arange(S)[None] + 1, torch.arange(T)[None] + 1
    kept = {}
    stack.embedding.register_forward_hook(lambda layer, given, out: kept.__setitem__(0, out))
    logits = model(source, target)
    outputs = (model.encoder(source) if number == 2 else logits)[0]
    size = S if number == 2 else T
    assert dependence(outputs, kept[0]) == torch.eye(size, dtype=torch.bool).tolist()


def test_the_keyboard_assembles_and_crosses_out(open_figures):
    stage = open_figures(live.TwoStacks())
    figure = stage.figure("two_stacks")
    figure.get_by_role("button", name="Add the next piece").focus()
    for _ in range(7):
        stage.page.keyboard.press("Enter")
    expect(piece(figure, 8)).to_be_focused()
    stage.page.keyboard.press("Space")
    expect(figure.locator(".holds")).to_contain_text("Vectors come out, and no probabilities")


def test_a_finger_crosses_out(open_figures):
    figure = opened(open_figures, 8, 6, **PHONE)
    piece(figure, 2).tap()
    expect(figure.locator(".holds")).to_contain_text("Each memory vector knows its own word")
