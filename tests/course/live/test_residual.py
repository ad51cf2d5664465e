"""The residual stream: what the figure shows equals what hooks on the torch model see."""

import re

import pytest
import torch
from playwright.sync_api import expect
from torch.nn.functional import cosine_similarity, cross_entropy

from lecture21 import pretrained
from lecture21.course import live

TEXT, TOKEN = live.ResidualStream().prompt, live.ResidualStream().token
VECTOR = re.compile(r"The vector gets (longer|shorter), from ([\d.]+) to ([\d.]+), and turns by (\d+)°\.")
PARTS = [f"{layer}.{part}" for layer in range(4) for part in ("attention", "feed_forward")]


def started(stage):
    figure = stage.figure("residual")
    ready(figure)
    return figure


def sentence_of(figure):
    """Return the field of the sentence, whose fold is opened if it is not."""
    field = figure.get_by_role("textbox", name="Sentence")
    if not field.is_visible():
        figure.get_by_text("Another sentence").click()
    return field


def ready(figure):
    figure.locator("section.figure:not([aria-busy=true])").wait_for()


def measured(model, tokenizer, text, token=-1, removed=()):
    """Return, with hooks: per step (length of the vector, degrees by which it turned, probabilities), the loss, and the
    next-symbol distribution."""
    ids = torch.tensor([tokenizer.encode(text)[-model.block_size :]])
    streams, hooks = [], []

    def keep(module, inputs):
        streams.append(inputs[0])

    for layer, block in enumerate(model.blocks):
        hooks += [block.norm_attention.register_forward_pre_hook(keep)]
        hooks += [block.norm_feed_forward.register_forward_pre_hook(keep)]
        for part in ("attention", "feed_forward"):
            if f"{layer}.{part}" in removed:
                hooks.append(getattr(block, part).register_forward_hook(lambda module, x, y: torch.zeros_like(y)))
    hooks.append(model.norm.register_forward_pre_hook(keep))
    with torch.no_grad():
        logits = model(ids)[0]
    for hook in hooks:
        hook.remove()
    vectors = [stream[0, token] for stream in streams]
    cap = model.config.logit_cap
    rows = []
    for before, after in zip([vectors[0], *vectors], vectors, strict=False):
        with torch.no_grad():
            guess = (cap * torch.tanh(model.head(model.norm(after)) / cap)).softmax(-1)
        turned = cosine_similarity(before, after, dim=0).clamp(-1, 1).acos().rad2deg()
        rows.append((after.norm().item(), turned.item(), guess))
    return rows, cross_entropy(logits[:-1], ids[0, 1:]).item(), logits[token].softmax(-1)


def expect_figure(figure, gpt, text, token=-1, removed=(), choose=True):
    """What the figure shows of each part, of the loss and of the next character is what torch computes."""
    rows, loss, p = measured(*gpt, text, token, removed)
    text = text[-gpt[0].block_size :]
    follows = token % len(text) + 1 < len(text)
    target = gpt[1].encode(text[token % len(text) + 1])[0] if follows else p.argmax().item()
    shown = figure.locator(".stream li").all()
    assert len(shown) == 9
    effect = figure.locator(".next p[aria-live]")
    before = None
    for part, row, (length, turned, guess) in zip(["", *PARTS], shown, rows, strict=True):
        share = row.locator(".number").inner_text().replace("\u00a0", " ")
        if share.startswith("<"):
            assert guess[target] < 0.001
        else:
            assert float(share.removesuffix(" %")) / 100 == pytest.approx(guess[target].item(), abs=1e-3)
        symbol = gpt[1].decode([guess.argmax().item()])
        expect(row.locator(".best")).to_have_text({" ": "␣", "\n": "⏎"}.get(symbol, symbol))
        if not choose:
            continue
        row.locator(".part").hover()
        ready(figure)
        said = effect.inner_text().replace("\u2212", "-")
        if part in removed:
            assert re.fullmatch(r"Without layer \d, [a-z-]+, nothing is added here\.", said)
            continue
        if part:
            way, *numbers, angle = VECTOR.search(said).groups()
            assert way == ("longer" if length >= before else "shorter")
            assert float(angle) == pytest.approx(turned, abs=0.51)
        else:
            before, numbers = length, [said.split()[-1].rstrip(".")] * 2
        assert [float(number) for number in numbers] == pytest.approx([before, length], abs=6e-3)
        before = length
    words = figure.locator("section.figure").inner_text()
    assert float(re.search(r"Surprise per letter \(loss\): (\d+\.\d+)", words)[1]) == pytest.approx(loss, abs=1e-3)
    bars = figure.get_by_role("list", name="Probabilities of the next character").get_by_role("listitem")
    actual = {line.split("\n")[0][:1]: line.split("\n")[-1] for line in bars.all_inner_texts()[:-1]}
    for symbol, number in actual.items():
        token_id = gpt[1].encode({"␣": " ", "⏎": "\n"}.get(symbol, symbol))[0]
        if not number.startswith("<"):
            assert float(number.removesuffix("\u00a0%")) / 100 == pytest.approx(p[token_id].item(), abs=1e-3)


@pytest.fixture(scope="module")
def gpt():
    return pretrained.load("modern-gpt0")


def test_the_stream_shows_what_hooks_see_with_parts_removed_and_at_other_characters(open_figures, gpt):
    figure = started(open_figures(live.ResidualStream()))
    expect_figure(figure, gpt, TEXT, TOKEN)
    figure.get_by_role("checkbox", name="Use layer 1, feed-forward").uncheck()
    ready(figure)
    expect_figure(figure, gpt, TEXT, TOKEN, removed=["0.feed_forward"])
    figure.get_by_role("checkbox", name="Use layer 3, attention").press("Space")
    ready(figure)
    expect_figure(figure, gpt, TEXT, TOKEN, removed=["0.feed_forward", "2.attention"])
    reading = figure.locator(".reading")
    expect(reading).to_contain_text("Without layer 1, feed-forward, layer 3, attention the surprise per letter is")
    for _ in range(7):
        figure.get_by_role("slider", name="Character").press("ArrowLeft")
    expect(figure.locator(".reading")).to_contain_text("Character 13, “g”")
    ready(figure)
    expect_figure(figure, gpt, TEXT, token=12, removed=["0.feed_forward", "2.attention"])
    figure.get_by_role("button", name="Reset").click()
    ready(figure)
    expect_figure(figure, gpt, TEXT, TOKEN)


def test_a_link_restores_the_state_and_long_sentences_are_cut_to_the_block(open_figures, gpt):
    stage = open_figures(live.ResidualStream())
    figure = started(stage)
    long = "O Romeo, Romeo! wherefore art thou Romeo?\nDeny thy father"
    sentence_of(figure).fill(long)
    figure.get_by_role("checkbox", name="Use layer 4, attention").uncheck()
    ready(figure)
    expect(figure.locator("section.figure")).to_contain_text(
        f"only the last 32 of these {len(long)} characters", use_inner_text=True
    )
    expect_figure(figure, gpt, long, TOKEN, removed=["3.attention"])
    figure.get_by_role("button", name="Link to this state").click()
    figure.get_by_text("address bar").wait_for()
    again = started(open_figures(live.ResidualStream(), hash=stage.page.evaluate("location.hash")))
    expect(sentence_of(again)).to_have_value(long)
    expect_figure(again, gpt, long, TOKEN, removed=["3.attention"])


def test_wrong_text_gets_one_sentence_and_the_last_state_stays(open_figures, gpt):
    figure = started(open_figures(live.ResidualStream()))
    text = sentence_of(figure)
    for wrong, sentence in {
        "naïve 2": "The model has no “ï”, “2”",
        "T": "two characters",
        "": "two characters",
    }.items():
        text.fill(wrong)
        ready(figure)
        expect(figure.locator(".control:has(textarea) > .message")).to_contain_text(sentence)
        expect(figure.locator(".stage.old")).to_have_count(1)
        expect_figure(figure, gpt, TEXT, TOKEN, choose=False)


def test_a_click_on_a_layer_removes_it_another_restores_it_and_only_then_there_is_something_to_see(open_figures, gpt):
    figure = started(open_figures(live.ResidualStream()))
    layer, outcome = figure.get_by_text("3 attention", exact=True), figure.locator(".outcome")
    layer.hover()
    ready(figure)
    expect(figure.locator("p[aria-live]", has_text="The vector gets")).to_have_count(1)
    figure.get_by_role("button", name="embedding").click()
    expect(outcome).to_be_hidden()  # nothing is removed
    layer.click()
    ready(figure)
    expect_figure(figure, gpt, TEXT, TOKEN, removed=["2.attention"], choose=False)
    expect(outcome).to_be_visible()
    layer.click()
    ready(figure)
    expect_figure(figure, gpt, TEXT, TOKEN, choose=False)
    expect(outcome).to_be_hidden()


def test_each_part_is_removed_in_turn_and_its_loss_stays(open_figures, gpt):
    stage = open_figures(live.ResidualStream())
    figure = started(stage)
    outcome, about = figure.locator(".outcome"), figure.locator(".stream-panel .said")
    expect(about).to_contain_text("the probability of “h”")
    stage.page.clock.install()
    figure.get_by_role("button", name="Remove each in turn").click()
    expect(figure.get_by_role("checkbox", name="Use layer 1, attention")).not_to_be_checked()
    stage.page.clock.run_for(10_000)
    for part in figure.get_by_role("checkbox", name="Use layer").all():
        expect(part).to_be_checked()
    expect(about).to_contain_text("Bars now: surprise per letter without this part")
    expect(about).to_have_class(re.compile("wrong"))  # in the color of the bars
    wanted = [measured(*gpt, TEXT, TOKEN, [part])[1] for part in PARTS]
    shown = [float(text) for text in figure.locator(".stream .number").all_inner_texts()[1:]]
    assert shown == pytest.approx(wanted, abs=0.006)
    widths = figure.locator(".stream .drawn").evaluate_all("bars => bars.map((bar) => parseFloat(bar.style.width))")
    assert widths[1:] == pytest.approx([100 * loss / max(wanted) for loss in wanted], abs=0.01)
    most = PARTS[wanted.index(max(wanted))]
    expect(outcome).to_contain_text(f"most without layer {int(most[0]) + 1}, {most[2:].replace('_', '-')}, to ")
    figure.get_by_role("slider", name="Character").press("ArrowLeft")
    expect(about).to_contain_text("the probability of “g”")  # of another character, which has no part in the losses
    expect(outcome).to_be_hidden()
    sentence_of(figure).fill("Good day!")
    ready(figure)
    expect(about).to_contain_text("the probability of")
    expect(outcome).to_be_hidden()
