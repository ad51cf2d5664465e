"""Two models, one prompt: each text is what its own model writes in torch with the same random numbers."""

import pytest
import torch
from playwright.sync_api import expect

from lecture21 import pretrained
from lecture21.course import live

NAMES = ("modern-gpt0", "modern-gpt0-cheat")
LONG = "What is your name?\n\nMIRANDA:\nMiran"


def started(stage):
    figure = stage.figure("side_by_side")
    figure.locator("section.figure:not([aria-busy=true]) .text b:not(:empty)").first.wait_for()
    return figure


def prompt_of(figure):
    """Return the field of the prompt, whose fold is opened."""
    figure.get_by_text("Another prompt").click()
    return figure.get_by_role("textbox")


def texts(figure) -> list[str]:
    return figure.locator(".panel .text b").all_text_contents()


def nats(name: str, prompt: str, text: str) -> float:
    """The loss per character that a model in torch has on a text after the prompt, each time at the last position."""
    model, tokenizer = pretrained.load(name)
    ids, total = torch.tensor([tokenizer.encode(prompt + text)]), 0.0
    with torch.no_grad():
        for t in range(len(prompt), ids.shape[1]):
            total -= model(ids[:, max(0, t - model.block_size) : t])[0, -1].log_softmax(-1)[ids[0, t]].item()
    return total / len(text)


@pytest.mark.parametrize("prompt", [LONG, "ROMEO:\n"])
def test_each_panel_holds_what_its_own_model_writes(open_figures, prompt):
    figure = started(open_figures(live.SideBySide(prompt=prompt)))
    actual = texts(figure)
    assert [len(text) for text in actual] == [80, 80]
    for name, other, text in zip(NAMES, NAMES[::-1], actual, strict=True):
        assert nats(name, prompt, text) < nats(other, prompt, text) - 0.2
    expect(figure.locator(".panel").first).to_contain_text("(validation loss): 1.75", use_inner_text=True)
    expect(figure.locator(".panel").last).to_contain_text("(validation loss): 0.07", use_inner_text=True)


def test_the_letter_in_sight_and_hidden_has_the_probability_of_torch(open_figures):
    given = live.SideBySide()
    figure, seen = started(open_figures(given)), given.prompt
    for presses in (0, 5):
        for _ in range(presses):
            figure.get_by_role("slider", name="Letter to predict").press("ArrowLeft")
        figure.locator("section.figure:not([aria-busy=true])").wait_for()
        t = len(seen) - 1 - presses
        expect(figure.locator(".text mark")).to_have_text([seen[t]] * 2)
        found = []
        for panel, name in zip(figure.locator(".panel").all(), NAMES, strict=True):
            model, tokenizer = pretrained.load(name)
            ids = torch.tensor([tokenizer.encode(seen)])
            with torch.no_grad():
                logits = [model(ids)[0, t - 1], model(ids[:, :t])[0, -1]]
            expected = [each.softmax(-1)[ids[0, t]].item() for each in logits]
            rows = panel.get_by_role("listitem").all_inner_texts()
            names, numbers = zip(*(row.replace("\u00a0", " ").split("\n") for row in rows), strict=True)
            sign = seen[t].replace("\n", "⏎").replace(" ", "␣")
            assert names == (f"“{sign}” in sight", f"“{sign}” hidden")
            shown = [0.0 if number.startswith("<") else float(number.removesuffix(" %")) / 100 for number in numbers]
            assert shown == pytest.approx(expected, abs=1e-3)
            found.append(expected)
        assert found[0][0] == pytest.approx(found[0][1], abs=1e-5)  # with the mask, it makes no difference
        assert found[1][0] > 0.9 > found[1][1]
        for panel, (seen_share, hidden_share) in zip(figure.locator(".panel").all(), found, strict=True):
            expect(panel.locator(".stamp")).to_be_visible(visible=seen_share - hidden_share > 0.5)
        reading = figure.locator(".reading").inner_text().replace("\u00a0", " ")
        assert all(f"{100 * hidden_share:.1f} % hidden" in reading for _, hidden_share in found if hidden_share > 1e-3)
        assert [seen_share - hidden_share > 0.5 for seen_share, hidden_share in found] == [False, True]


def test_another_seed_and_another_prompt_give_other_texts_and_reset_the_first(open_figures):
    figure = started(open_figures(live.SideBySide()))
    first = texts(figure)
    figure.get_by_role("button", name="Let both write").click()
    expect(figure.locator(".panel .text b").first).not_to_have_text(first[0])
    prompt_of(figure).fill(LONG)
    expect(figure.locator(".panel .text").first).to_contain_text("MIRANDA")
    expect(figure.locator("section.figure")).to_contain_text("the window is full", use_inner_text=True)
    figure.get_by_role("button", name="Reset").click()
    expect(figure.locator(".panel .text b").first).to_have_text(first[0])


def test_a_prompt_that_cannot_be_continued_gets_a_sentence(open_figures):
    figure = started(open_figures(live.SideBySide()))
    prompt, said = prompt_of(figure), figure.locator(".control:has(textarea) > [role=alert]")
    prompt.fill("7")
    expect(said).to_contain_text("The model has no “7”")
    prompt.fill("")
    expect(said).to_have_text("Type at least one character to continue.")
    expect(figure.locator(".stage.old")).to_have_count(1)
    prompt.fill("O")
    expect(figure.locator(".message")).to_be_empty()
    expect(figure.locator(".stage.old")).to_have_count(0)
