"""Three masks: the reader paints what each position sees, and the figure names the mask and the copied answers."""

import pytest
import torch
from playwright.sync_api import expect
from until import until

from lecture21.attention import attention, causal_mask
from lecture21.course import live
from lecture21.course.exercises.registry import find

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
    until(lambda: masked(figure) == torch.eye(size, dtype=torch.bool).tolist())  # unsolved
    until(lambda: "The loss sums" not in reading(figure))
    figure.get_by_role("button", name="Show its mask").click()
    which, sizes = SIZES[family]
    until(lambda: masked(figure) == find("6.3").solution(*sizes)[which].tolist())
    until(lambda: CALLED[family] in reading(figure))
    until(lambda: "The loss sums" in reading(figure))
    expect(figure.locator(".verdict.wrong")).to_have_count(0)


def test_a_stroke_paints_and_a_position_that_sees_its_answer_copies_it(open_figures):
    figure = opened(open_figures, **LAPTOP)
    mouse = figure.page.mouse

    def at(row, column):
        box = cell(figure, row, column).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    until(lambda: "unseen" in cell(figure, 0, 1).get_attribute("class"))
    for row in range(1, 4):
        mouse.move(*at(row, 0))
        mouse.down()
        for column in range(1, row):
            mouse.move(*at(row, column), steps=3)
        mouse.up()
    until(lambda: masked(figure) == causal_mask(4).tolist())
    until(lambda: reading(figure).startswith("This is the causal mask of a decoder (GPT)."))
    cell(figure, 0, 3).click()  # <bos> sees slept, which has seen everything, and all others see <bos>
    expect(figure.locator(".verdict.wrong")).to_have_text(
        ["copies the", "copies cat", "copies slept"], use_inner_text=True
    )
    until(lambda: "3 positions see their answers and copy them" in reading(figure))
    until(lambda: "unseen" not in cell(figure, 0, 1).get_attribute("class"))  # "the", through slept
    until(lambda: "indirect" in cell(figure, 0, 1).get_attribute("class"))


def test_the_keyboard_paints_and_a_link_keeps_the_mask(open_figures):
    stage = open_figures(live.ThreeMasks())
    figure = stage.figure("three_masks")
    cell(figure, 0, 0).focus()
    for key in ("ArrowDown", "Enter", "ArrowDown", "ArrowRight", "Space"):
        stage.page.keyboard.press(key)
    expected = torch.eye(4, dtype=torch.bool)
    expected[1, 0] = expected[2, 1] = True
    until(lambda: masked(figure) == expected.tolist())
    figure.get_by_role("button", name="Link to this state").click()
    figure.get_by_text("address bar").wait_for()
    again = opened(open_figures, hash=stage.page.evaluate("location.hash"))
    until(lambda: masked(again) == expected.tolist())
    figure.get_by_role("button", name="Reset").click()
    until(lambda: masked(figure) == torch.eye(4, dtype=torch.bool).tolist())


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


def test_a_finger_paints(open_figures):
    figure = opened(open_figures, **PHONE)
    cell(figure, 2, 0).tap()
    until(lambda: masked(figure)[2] == [True, False, True, False])
