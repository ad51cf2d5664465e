"""Three masks: the table of each family, what its positions predict, and what its loss sums over."""

import base64
import json

import pytest

from lecture21 import live
from lecture21.exercises.registry import find

INPUTS = {
    "encoder": ["the", "▢", "slept"],
    "decoder": ["<bos>", "the", "cat", "slept"],
    "both": ["the", "▢", "<bos>", "the", "cat", "slept"],
}
SIZES = {"encoder": (0, (3, 0)), "decoder": (1, (0, 4)), "both": (2, (2, 4))}
NAMES = {"encoder": "encoder (BERT)", "decoder": "decoder (GPT)", "both": "encoder–decoder (BART, T5)"}


def shown(figure) -> list[list[bool]]:
    rows = figure.locator("tbody tr").all()
    return [[text == "●" for text in row.locator("td.cell").all_inner_texts()] for row in rows]


@pytest.mark.parametrize("family", INPUTS)
def test_the_table_is_the_mask_of_the_chapter(open_figures, family):
    figure = open_figures(live.ThreeMasks()).figure("three_masks")
    figure.get_by_text(NAMES[family]).click()
    which, sizes = SIZES[family]
    assert shown(figure) == find("6.3").solution(*sizes)[which].tolist()
    assert figure.locator("tbody button").all_inner_texts() == INPUTS[family]
    assert figure.locator("tr.first-target").count() == (family == "both")


@pytest.mark.parametrize(
    ("family", "token", "depends", "says"),
    [
        ("encoder", 0, "the, ▢, slept", ["It is not in the loss.", "neither P(X) nor P(Y|X)"]),
        ("encoder", 1, "the, ▢, slept", ["It predicts “cat”.", "over the masked positions only"]),
        ("decoder", 0, "<bos>", ["It predicts “the”.", "The model is P(X)"]),
        ("decoder", 3, "<bos>, the, cat, slept", ["It predicts “<eos>”.", "over all positions, 4 here"]),
        ("both", 0, "the, ▢", ["output of the encoder at position 1", "It is not in the loss."]),
        ("both", 3, "the, ▢, <bos>, the", ["It predicts “cat”.", "The model is P(Y|X)"]),
    ],
)
def test_a_click_says_what_an_output_depends_on_and_predicts(open_figures, family, token, depends, says):
    figure = open_figures(live.ThreeMasks()).figure("three_masks")
    figure.get_by_text(NAMES[family]).click()
    button = figure.locator("tbody button").nth(token)
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert figure.locator("tr.chosen").count() == 1
    reading = figure.locator(".reading").inner_text()
    assert f"depends on {depends}. " in reading
    for sentence in says:
        assert sentence in reading
    used = figure.locator("thead th.used").all_inner_texts()
    assert ", ".join(used) == depends
    figure.get_by_role("button", name="Reset").click()
    assert "In the decoder, the output at position 3, “cat”, depends on <bos>, the, cat." in (
        figure.locator(".reading").inner_text()
    )


def test_a_position_that_the_next_family_does_not_have_becomes_its_last(open_figures):
    stage = open_figures(live.ThreeMasks("both", 5))
    figure = stage.figure("three_masks")
    figure.get_by_text(NAMES["encoder"]).click()
    assert "position 3, “slept”" in figure.locator(".reading").inner_text()
    state = base64.urlsafe_b64encode(json.dumps({"family": "encoder", "token": 5}).encode()).decode().rstrip("=")
    again = open_figures(live.ThreeMasks(), hash=f"#live-three_masks={state}").figure("three_masks")
    assert "position 3, “slept”" in again.locator(".reading").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_the_widest_table(open_figures, theme):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    figure = open_figures(live.ThreeMasks("both", 3), theme=theme, **phone).figure("three_masks")
    scroll = figure.locator(".scroll").first
    assert scroll.evaluate("node => node.scrollWidth <= node.clientWidth")  # also the column of predictions
    figure.locator("tbody button").first.tap()
    assert "depends on the, ▢." in figure.locator(".reading").inner_text()
    assert figure.page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_family_and_the_position_must_exist():
    with pytest.raises(ValueError, match="family must be one of encoder, decoder, both, got 'gpt'"):
        live.ThreeMasks("gpt")
    with pytest.raises(ValueError, match="token must be from 0 to 2"):
        live.ThreeMasks("encoder", 3)
    assert repr(live.ThreeMasks()) == "ThreeMasks()"
    assert repr(live.ThreeMasks("both", 3)) == "ThreeMasks(family='both', token=3)"
