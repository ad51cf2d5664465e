"""Three masks: the reader paints what each position sees, and the figure names the mask and the copied answers."""

import base64
import json

import pytest
import torch

from lecture21 import live
from lecture21.attention import attention, causal_mask
from lecture21.exercises.registry import find

SIZES = {"encoder": (0, (3, 0)), "decoder": (1, (0, 4)), "both": (2, (2, 4))}
NAMES = {"encoder": "encoder (BERT)", "decoder": "decoder (GPT)", "both": "encoder–decoder (BART, T5)"}
CALLED = {"encoder": "no mask at all, as in an encoder", "decoder": "the causal mask", "both": "with a source of 2"}
LAPTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def masked(figure) -> list[list[bool]]:
    rows = figure.locator("tbody tr").all()
    return [[cell.get_attribute("aria-pressed") == "true" for cell in row.get_by_role("button").all()] for row in rows]


def cell(figure, row: int, column: int):
    return figure.locator("tbody tr").nth(row).get_by_role("button").nth(column)


def reading(figure) -> str:
    return figure.locator(".reading").inner_text()


def opened(open_figures, *arguments, **options):
    return open_figures(live.ThreeMasks(*arguments), **options).figure("three_masks")


@pytest.mark.parametrize("family", SIZES)
def test_the_mask_of_each_family_is_that_of_the_chapter_and_has_its_name(open_figures, family):
    figure = opened(open_figures)
    figure.get_by_text(NAMES[family]).click()
    size = sum(SIZES[family][1])
    assert masked(figure) == torch.eye(size, dtype=torch.bool).tolist()  # unsolved
    assert "The loss sums" not in reading(figure)
    figure.get_by_role("button", name="Show its mask").click()
    which, sizes = SIZES[family]
    assert masked(figure) == find("6.3").solution(*sizes)[which].tolist()
    assert CALLED[family] in reading(figure)
    assert "The loss sums" in reading(figure)
    assert figure.locator(".verdict.wrong").count() == 0


def test_a_stroke_paints_and_a_position_that_sees_its_answer_copies_it(open_figures):
    figure = opened(open_figures, **LAPTOP)
    mouse = figure.page.mouse

    def at(row, column):
        box = cell(figure, row, column).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    assert "unseen" in cell(figure, 0, 1).get_attribute("class")
    for row in range(1, 4):
        mouse.move(*at(row, 0))
        mouse.down()
        for column in range(1, row):
            mouse.move(*at(row, column), steps=3)
        mouse.up()
    assert masked(figure) == causal_mask(4).tolist()
    assert reading(figure).startswith("This is the causal mask of a decoder (GPT).")
    cell(figure, 0, 3).click()  # <bos> sees slept, which has seen everything, and all others see <bos>
    assert figure.locator(".verdict.wrong").all_inner_texts() == ["copies the", "copies cat", "copies slept"]
    assert "3 positions see their answers and copy them" in reading(figure)
    assert "unseen" not in cell(figure, 0, 1).get_attribute("class")  # "the", through slept
    assert "indirect" in cell(figure, 0, 1).get_attribute("class")


def test_the_keyboard_paints_and_a_link_keeps_the_mask(open_figures):
    stage = open_figures(live.ThreeMasks())
    figure = stage.figure("three_masks")
    cell(figure, 0, 0).focus()
    for key in ("ArrowDown", "Enter", "ArrowDown", "ArrowRight", "Space"):
        stage.page.keyboard.press(key)
    expected = torch.eye(4, dtype=torch.bool)
    expected[1, 0] = expected[2, 1] = True
    assert masked(figure) == expected.tolist()
    figure.get_by_role("button", name="Link to this state").click()
    figure.get_by_text("address bar").wait_for()
    again = opened(open_figures, hash=stage.page.evaluate("location.hash"))
    assert masked(again) == expected.tolist()
    figure.get_by_role("button", name="Reset").click()
    assert masked(figure) == torch.eye(4, dtype=torch.bool).tolist()


def test_a_link_of_an_earlier_edition_shows_the_mask_of_its_family(open_figures):
    state = base64.urlsafe_b64encode(json.dumps({"family": "encoder", "token": 2}).encode()).decode().rstrip("=")
    figure = opened(open_figures, hash=f"#live-three_masks={state}")
    assert all(all(row) for row in masked(figure))


def test_a_mask_of_another_size_or_with_other_signs_leaves_each_position_alone(open_figures):
    for mask in ("111", "x" * 16):
        assert masked(opened(open_figures, "decoder", mask)) == torch.eye(4, dtype=torch.bool).tolist()


def test_what_a_position_reaches_is_where_a_stack_of_layers_has_a_gradient(load_module):
    """Through as many layers as positions, with a residual connection."""
    page = load_module("three_masks/masks.js")
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        mask = torch.rand(5, 5, generator=generator) < 0.3
        x = 0.1 * torch.randn(5, 4, generator=generator, dtype=torch.float64)

        def stack(x, mask=mask):
            allowed = mask | torch.eye(5, dtype=torch.bool)
            for _ in range(5):
                x = x + attention(x, x, x, mask=allowed)[0]
            return x.sum(dim=-1)

        reached = torch.autograd.functional.jacobian(stack, x).abs().sum(dim=-1) > 0
        assert page.evaluate("mask => module.reach(mask)", mask.tolist()) == reached.tolist()


def test_the_masks_have_their_names_and_others_have_none(load_module):
    page = load_module("three_masks/masks.js")
    i, j = torch.arange(6)[:, None], torch.arange(6)[None]
    named = {
        "no mask at all": i >= 0 * j - 9,
        "causal mask of a decoder": j <= i,
        "source of 3": (j < 3) | (j <= i),
        "sliding window of 2": (j <= i) & (i - j < 2),
        "only itself": i == j,
        "right to left": j >= i,
    }
    for name, mask in named.items():
        assert name in page.evaluate("mask => module.nameOf(mask)", mask.tolist())
        broken = mask.clone()
        broken[3, 1] = ~broken[3, 1]
        assert page.evaluate("mask => module.nameOf(mask)", broken.tolist()) == ""


@pytest.mark.parametrize("screen", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_the_grid_and_what_it_means_are_on_one_screen(open_figures, screen):
    figure = opened(open_figures, "both", "own", **screen)
    top = figure.locator(".controls").bounding_box()["y"]
    verdict = figure.locator(".reading").bounding_box()
    assert verdict["y"] + verdict["height"] - top < screen["viewport"]["height"]
    assert figure.page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]
    for text in figure.locator(".masks :is(button, td):visible").all():
        assert text.evaluate("node => node.scrollWidth <= node.clientWidth + 1"), text.inner_text()
        assert float(text.evaluate("node => getComputedStyle(node).fontSize").removesuffix("px")) >= 11


def test_a_finger_paints(open_figures):
    figure = opened(open_figures, **PHONE)
    cell(figure, 2, 0).tap()
    assert masked(figure)[2] == [True, False, True, False]


def test_the_arguments_are_checked():
    with pytest.raises(ValueError, match="family must be one of encoder, decoder, both, got 'gpt'"):
        live.ThreeMasks("gpt")
    with pytest.raises(ValueError, match="mask must have 0 to 36 characters, got 37"):
        live.ThreeMasks("both", "1" * 37)
    assert repr(live.ThreeMasks("both", "own")) == "ThreeMasks(family='both', mask='own')"
