"""The patches of an image: the tokens, the mask and the cost on the figure are those of the package."""

import base64
import itertools
import json
import re

import pytest

from lecture21 import live
from lecture21.attention import causal_mask
from lecture21.vision import digits
from lecture21.vision.patch_embedding import patches

SIZES = (1, 2, 4, 8)


def reading(figure) -> str:
    return figure.locator(".reading").inner_text()


def attended(figure) -> list[bool]:
    """Return to which tokens the chosen one may attend, as its strip shows."""
    return figure.locator(".chip").evaluate_all("chips => chips.map((chip) => chip.classList.contains('may'))")


def tones(figure, count: int) -> list[list[int]]:
    """Return the gray value at the center of each pixel of each patch in the strip, 0 (ink) to 255 (paper)."""
    return figure.locator(".chip.image canvas").evaluate_all(
        """(canvases, side) => canvases.map((canvas) => {
            const pen = canvas.getContext("2d");
            const cell = canvas.width / side;
            const center = (k) => Math.floor((k + 0.5) * cell);
            return Array.from({ length: side * side }, (_, i) =>
                pen.getImageData(center(i % side), center(Math.floor(i / side)), 1, 1).data[0]);
        })""",
        count,
    )


def test_every_row_of_the_mask_is_that_of_the_package(open_figures):
    figure = open_figures(live.Patches(4)).figure("patches")
    for size, mask in itertools.product(SIZES, ("prefix", "causal")):
        figure.get_by_text(str(size), exact=True).first.click()
        figure.get_by_text(mask, exact=True).click()
        n_patch = (8 // size) ** 2
        count = n_patch + len("four") + 1
        expected = causal_mask(count, n_prefix=n_patch if mask == "prefix" else 0)
        chips = figure.locator(".chip")
        assert chips.count() == count
        assert chips.all_inner_texts() == [""] * n_patch + ["⏎", *"four"]
        for row in {0, n_patch - 1, n_patch, count - 1}:
            chips.nth(row).click()
            assert attended(figure) == expected[row].tolist()
            assert f"Token {row + 1} of {count} " in reading(figure)
        pairs = f"{expected.sum().item():,}"
        scores = f"Attention has {count:,} × {count:,} = {count * count:,} scores per head and layer"
        assert f"{scores}, and the mask allows {pairs} of them." in reading(figure)


def test_the_digits_and_their_patches_are_those_of_the_package(open_figures):
    images, labels = digits.load()
    figure = open_figures(live.Patches()).figure("patches")
    assert labels[:10].tolist() == list(range(10))
    names = figure.locator("select option").all_inner_texts()
    assert names == [f"{n} ({name})" for n, name in enumerate(digits.NAMES)]
    for digit in (0, 4, 9):
        figure.get_by_label("Digit").select_option(str(digit))
        for size in (1, 2, 4):
            figure.get_by_text(str(size), exact=True).first.click()
            expected = (patches(images[[digit]], size)[0] + 1) / 2  # from 0 (paper) to 1 (ink)
            shown = [[(255 - tone) / (255 - 0x22) for tone in patch] for patch in tones(figure, size)]
            assert [x for patch in shown for x in patch] == pytest.approx(expected.flatten().tolist(), abs=0.02)


def test_the_table_counts_tokens_and_scores(open_figures):
    figure = open_figures(live.Patches(0)).figure("patches")
    rows = figure.locator("tbody tr")
    for row, size in zip(rows.all(), SIZES, strict=True):
        reader = digits.DigitReader(size, seed=0)
        ids, _ = reader.encode(["zero"])
        image, text = reader.embedding.n_patch, ids.shape[1]
        numbers = [f"{n:,}" for n in (image, image + text, (image + text) ** 2)]
        assert row.locator("td").all_inner_texts() == numbers
    figure.get_by_text("8", exact=True).first.click()
    assert rows.nth(3).get_attribute("class") == "now"


def test_text_tokens_predict_and_patches_do_not(open_figures):
    figure = open_figures(live.Patches(7, 4)).figure("patches")
    ids, targets = digits.DigitReader.encode(["seven"])
    inputs = [digits._LETTERS.decode([i]).replace("\n", "⏎") for i in ids[0].tolist()]
    outputs = [digits._LETTERS.decode([i]).replace("\n", "⏎") for i in targets[0].tolist()]
    for i, (letter, target) in enumerate(zip(inputs, outputs, strict=True)):
        chip = figure.locator(".chip").nth(4 + i)
        chip.hover()
        said = f"is “{letter}”. It may attend to 4 patches and {' '.join(inputs[: i + 1])}. Its target is “{target}”."
        assert said in reading(figure)
    figure.locator(".chip").first.hover()
    assert "It has no target and no loss." in reading(figure)


def test_the_mouse_previews_and_the_keyboard_chooses(open_figures):
    figure = open_figures(live.Patches()).figure("patches")
    before = reading(figure)
    figure.locator(".chip").last.hover()
    assert "is “n”" in reading(figure)
    figure.locator(".title").hover()
    assert reading(figure) == before
    chosen = figure.locator('.chip[tabindex="0"]')
    assert chosen.count() == 1
    chosen.press("End")
    assert "Token 22 of 22 is “n”" in reading(figure)
    figure.locator('.chip[tabindex="0"]').press("ArrowLeft")
    assert "Token 21 of 22 is “e”" in reading(figure)
    figure.get_by_text("4", exact=True).first.click()
    assert "Token 9 of 10 is “e”" in reading(figure)  # the same letter
    figure.get_by_role("button", name="Reset").click()
    assert reading(figure) == before


def test_a_patch_keeps_its_place_when_the_size_changes(open_figures):
    figure = open_figures(live.Patches(7, 4, token=3)).figure("patches")
    assert "row 2, column 2" in reading(figure)
    figure.get_by_text("1", exact=True).first.click()
    assert "row 5, column 5" in reading(figure)
    figure.get_by_text("8", exact=True).first.click()
    assert "Token 1 of 7 is the patch in row 1, column 1. It may attend to 1 patch." in reading(figure)


def test_pixels_are_drawn_by_keyboard_and_mouse(open_figures):
    figure = open_figures(live.Patches(7, 8)).figure("patches")
    pen = figure.locator(".pen")
    first = tones(figure, 8)[0]
    assert "row 1, column 1: ink 0 of 16" in pen.get_attribute("aria-label")
    pen.press("ArrowDown")
    pen.press("Space")
    assert "row 2, column 1: ink 16 of 16" in pen.get_attribute("aria-label")
    box = pen.bounding_box()
    page = figure.page
    page.mouse.move(box["x"] + box["width"] * 7.5 / 8, box["y"] + box["height"] * 6.5 / 8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 7.5 / 8, box["y"] + box["height"] * 7.5 / 8)
    page.mouse.up()
    now = tones(figure, 8)[0]
    assert [i for i, (a, b) in enumerate(zip(first, now, strict=True)) if a != b] == [8, 55, 63]
    assert {now[i] for i in (8, 55, 63)} == {0x22}
    figure.get_by_label("Digit").select_option("1")
    assert tones(figure, 8)[0] != now
    figure.get_by_role("button", name="Reset").click()
    assert tones(figure, 8)[0] == first


def test_a_row_of_the_mask_chooses_its_token(open_figures):
    figure = open_figures(live.Patches()).figure("patches")
    canvas = figure.get_by_role("img", name=re.compile("^The mask"))
    box = canvas.bounding_box()
    figure.page.mouse.click(box["x"] + 60, box["y"] + box["height"] - 5)
    figure.locator(".title").hover()
    assert "Token 22 of 22 is “n”" in reading(figure)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_finger_draws_and_chooses_on_a_phone(open_figures, theme):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    figure = open_figures(live.Patches(7, 1), theme=theme, **phone).figure("patches")
    before = tones(figure, 1)
    pen = figure.locator(".pen")
    box = pen.bounding_box()
    pen.tap(position={"x": box["width"] / 16, "y": box["height"] / 16})
    changed = [i for i, (a, b) in enumerate(zip(before, tones(figure, 1), strict=True)) if a != b]
    assert changed == [0]
    figure.locator(".chip").last.tap()
    assert "Token 70 of 70 is “n”" in reading(figure)
    assert figure.page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_link_carries_the_drawing(open_figures):
    state = {"digit": 3, "pixels": [0, 16] * 32, "patch_size": 8, "mask": "causal", "token": 0}
    link = base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")
    figure = open_figures(live.Patches(), hash=f"#live-patches={link}").figure("patches")
    assert tones(figure, 8)[0] == [255, 0x22] * 32
    assert "Token 1 of 7 is the patch" in reading(figure)
    assert figure.locator(".chip.text").all_inner_texts() == ["⏎", *"three"]


def test_the_digit_the_size_the_mask_and_the_token_must_exist():
    with pytest.raises(ValueError, match="digit must be from 0 to 9, got 10"):
        live.Patches(10)
    with pytest.raises(ValueError, match="patch_size must be one of 1, 2, 4, 8, got 3"):
        live.Patches(patch_size=3)
    with pytest.raises(ValueError, match="mask must be one of prefix, causal, got 'none'"):
        live.Patches(mask="none")
    with pytest.raises(ValueError, match="token must be from 0 to 6, got 7"):
        live.Patches(7, 8, token=7)
    assert repr(live.Patches()) == "Patches()"
    assert repr(live.Patches(3, 8, "causal", 0)) == "Patches(digit=3, patch_size=8, mask='causal', token=0)"
