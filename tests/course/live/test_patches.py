"""The patches of an image: the tokens, the mask and the cost on the figure are those of the package."""

import itertools
import re

import pytest
from playwright.sync_api import expect
from until import until

from lecture21.attention import causal_mask
from lecture21.course import live
from lecture21.course.live.patches import reader
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
        expect(chips).to_have_count(count)
        expect(chips).to_have_text([""] * n_patch + ["⏎", *"four"], use_inner_text=True)
        for row in {0, n_patch - 1, n_patch, count - 1}:
            chips.nth(row).click()
            until(lambda: attended(figure) == expected[row].tolist())
            until(lambda: f"Token {row + 1} of {count} " in reading(figure))
        pairs = f"{expected.sum().item():,}"
        scores = f"Attention has {count:,} × {count:,} = {count * count:,} scores per head and layer"
        until(lambda: f"{scores}, and the mask allows {pairs} of them." in reading(figure))


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
    mask = figure.get_by_role("img", name=re.compile("^The mask"))
    until(lambda: (mask.is_visible(), rows.first.is_visible()) == (True, False))  # one idea at a time
    figure.get_by_text("Cost", exact=True).click()
    until(lambda: (mask.is_visible(), rows.first.is_visible()) == (False, True))
    for row, size in zip(rows.all(), SIZES, strict=True):
        reader = digits.DigitReader(size, seed=0)
        ids, _ = reader.encode(["zero"])
        image, text = reader.embedding.n_patch, ids.shape[1]
        numbers = [f"{n:,}" for n in (image, image + text, (image + text) ** 2)]
        expect(row.locator("td")).to_have_text(numbers, use_inner_text=True)
    figure.get_by_text("8", exact=True).first.click()
    expect(rows.nth(3)).to_have_attribute("class", "now")


def test_text_tokens_predict_and_patches_do_not(open_figures):
    figure = open_figures(live.Patches(7, 4)).figure("patches")
    ids, targets = digits.DigitReader.encode(["seven"])
    inputs = [digits._LETTERS.decode([i]).replace("\n", "⏎") for i in ids[0].tolist()]
    outputs = [digits._LETTERS.decode([i]).replace("\n", "⏎") for i in targets[0].tolist()]
    for i, (letter, target) in enumerate(zip(inputs, outputs, strict=True)):
        chip = figure.locator(".chip").nth(4 + i)
        chip.hover()
        said = f"is “{letter}”. It may attend to 4 patches and {' '.join(inputs[: i + 1])}. Its target is “{target}”."
        until(lambda: said in reading(figure))
    figure.locator(".chip").first.hover()
    until(lambda: "It has no target and no loss." in reading(figure))


def test_the_mouse_previews_and_the_keyboard_chooses(open_figures):
    figure = open_figures(live.Patches()).figure("patches")
    before = reading(figure)
    figure.locator(".chip").last.hover()
    until(lambda: "is “n”" in reading(figure))
    figure.locator(".title").hover()
    until(lambda: reading(figure) == before)
    chosen = figure.locator('.chip[tabindex="0"]')
    expect(chosen).to_have_count(1)
    chosen.press("End")
    until(lambda: "Token 22 of 22 is “n”" in reading(figure))
    figure.locator('.chip[tabindex="0"]').press("ArrowLeft")
    until(lambda: "Token 21 of 22 is “e”" in reading(figure))
    figure.get_by_text("4", exact=True).first.click()
    until(lambda: "Token 9 of 10 is “e”" in reading(figure))  # the same letter
    figure.get_by_role("button", name="Reset").click()
    until(lambda: reading(figure) == before)


def draw(figure, *points):
    """Draw a line through points, in pixels of the image."""
    box, mouse = figure.locator(".pen").bounding_box(), figure.page.mouse
    places = [(box["x"] + box["width"] * x / 8, box["y"] + box["height"] * y / 8) for x, y in points]
    mouse.move(*places[0])
    mouse.down()
    for place in places[1:]:
        mouse.move(*place, steps=8)
    mouse.up()


def test_a_digit_is_drawn_on_a_blank_canvas_and_read(open_figures):
    figure = open_figures(live.Patches(7, 8)).figure("patches")
    first = tones(figure, 8)[0]
    figure.get_by_role("button", name="Draw your own").click()
    until(lambda: set(tones(figure, 8)[0]) == {255})
    until(lambda: "The image is blank" in reading(figure))
    draw(figure, (4, 0.8), (4, 7.2))
    until(lambda: "A small network reads your drawing as 1 (" in reading(figure))
    expect(figure.get_by_label("Digit")).to_have_value("1")
    expect(figure.locator(".chip.text")).to_have_text(["⏎", *"one"], use_inner_text=True)
    figure.get_by_role("button", name="Done drawing").click()
    drawn = tones(figure, 8)[0]
    draw(figure, (2, 2), (6, 6))  # chooses a patch, and draws nothing
    until(lambda: tones(figure, 8)[0] == drawn)
    figure.get_by_role("button", name="Draw your own").click()
    draw(figure, (3, 1.5), (2.3, 4), (3, 6.5), (5, 6.5), (5.6, 4), (5, 1.5), (3.2, 1.3))
    until(lambda: "A small network reads your drawing as 0 (" in reading(figure))
    pen = figure.locator(".pen")
    drawn = tones(figure, 8)[0]
    pen.press("ArrowDown")
    pen.press("Space")  # erases or draws the pixel below the one where the pen began
    until(lambda: sum(a != b for a, b in zip(drawn, tones(figure, 8)[0], strict=True)) == 1)
    figure.get_by_role("button", name="Reset").click()
    until(lambda: tones(figure, 8)[0] == first)


def test_the_page_reads_digits_with_the_network_in_its_script(load_module):
    page = load_module("patches/reader.js")
    net = reader.read()
    assert reader.accuracy(net) > 0.9
    images, labels = (part[-60:] for part in reader.data())
    counts = (images * 16).round().int().tolist()
    found = page.evaluate("images => images.map((pixels) => module.read(pixels))", counts)
    full = [i for i, image in enumerate(images.view(-1, 8, 8)) if (image[0] > 0.2).any() and (image[-1] > 0.2).any()]
    expected = net(images).softmax(-1)
    wide = [i for i in full if abs(middle(images[i]) - 4) < 1e-6]  # those that need not be moved
    assert len(wide) > 3
    for i in wide:
        assert found[i] == pytest.approx(expected[i].tolist(), abs=1e-3)
    right = sum(
        max(range(10), key=each.__getitem__) == label for each, label in zip(found, labels.tolist(), strict=True)
    )
    assert right >= 0.85 * len(images)


def middle(image) -> float:
    columns = [c for c in range(8) if (image.view(8, 8)[:, c] >= 0.25).any()]
    return (columns[0] + columns[-1] + 1) / 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_finger_draws_and_chooses_on_a_phone(open_figures, theme):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    figure = open_figures(live.Patches(7, 1), theme=theme, **phone).figure("patches")
    before = tones(figure, 1)
    pen = figure.locator(".pen")
    box = pen.bounding_box()
    corner = {"x": box["width"] / 16, "y": box["height"] / 16}
    pen.tap(position=corner)
    until(lambda: "Token 1 of 70 is the patch in row 1, column 1." in reading(figure))
    until(lambda: tones(figure, 1) == before)
    until(lambda: pen.evaluate("pen => getComputedStyle(pen).touchAction") != "none")
    figure.get_by_role("button", name="Draw your own").tap()
    until(lambda: pen.evaluate("pen => getComputedStyle(pen).touchAction") == "none")  # the page does not scroll
    pen.tap(position=corner)
    now = tones(figure, 1)
    assert before[0] != now[0]
    until(lambda: "A small network reads your drawing as" in reading(figure))
    figure.get_by_role("button", name="Reset").tap()
    figure.locator(".chip").last.tap()
    until(lambda: "Token 70 of 70 is “n”" in reading(figure))
    until(lambda: figure.page.evaluate("document.documentElement.scrollWidth") == 390)
