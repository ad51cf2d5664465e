"""Draw a digit: the GPT on the figure computes what torch does, and it names what is drawn while the pen moves."""

import pytest
import torch
from playwright.sync_api import expect
from until import until

from lecture21.course import live
from lecture21.course.live.patches import reader
from lecture21.vision import digits
from lecture21.vision.patch_embedding import patches

ORDER = [(7 * i + 3) % 16 for i in range(16)]


def reading(figure) -> str:
    return figure.locator(".reading").inner_text()


def shares(figure) -> list[float]:
    """Return the share of each name, as the bars show it."""
    return [
        float(text.removesuffix(" %")) / 100 for text in figure.locator(".names li span:last-child").all_inner_texts()
    ]


def tones(figure) -> list[list[int]]:
    """Return the gray value at the center of each pixel of each patch in the sentence, 0 (ink) to 255 (paper)."""
    return figure.locator(".chip canvas").evaluate_all(
        """canvases => canvases.map((canvas) => {
            const pen = canvas.getContext("2d");
            const cell = canvas.width / 2;
            const center = (k) => Math.floor((k + 0.5) * cell);
            return Array.from({ length: 4 }, (_, i) =>
                pen.getImageData(center(i % 2), center(Math.floor(i / 2)), 1, 1).data[0]);
        })"""
    )


def flat(rows: list[list[int]]) -> list[int]:
    return [each for row in rows for each in row]


def ink(figure) -> list[float]:
    """Return the ink of each pixel of the sentence, from 0 to 1."""
    return [(255 - tone) / (255 - 0x22) for tone in flat(tones(figure))]


def test_the_page_computes_the_probabilities_that_torch_does(load_module):
    page = load_module("patches/reader.js")
    model = reader.read()
    assert reader.accuracy(model) > 0.9
    images, _ = (part[-40:] for part in reader.data())
    cut = patches(images, 2)  # (40, 16, 4)
    cut[20:] = cut[20:, ORDER]
    mixed = torch.nn.functional.fold(cut.transpose(1, 2), (8, 8), kernel_size=2, stride=2)[:, 0]
    counts = (cut * 16).round().int().tolist()
    found = page.evaluate("images => images.map((patches) => module.read(patches))", counts)
    for each, expected in zip(found, reader.probabilities(model, mixed).tolist(), strict=True):
        assert each == pytest.approx(expected, abs=1e-4)


def test_the_order_of_the_patches_matters_to_the_model():
    images, labels = reader.data()
    images, labels = images[-300:], labels[-300:]
    cut = patches(images, 2)[:, ORDER]
    mixed = torch.nn.functional.fold(cut.transpose(1, 2), (8, 8), kernel_size=2, stride=2)[:, 0]
    right = (reader.probabilities(reader.read(), mixed).argmax(-1) == labels).float().mean()
    assert sorted(ORDER) == list(range(16))
    assert right < 0.3


def test_the_examples_and_their_patches_are_those_of_the_package(open_figures):
    images, labels = digits.load()
    figure = open_figures(live.Patches()).figure("patches")
    assert labels[:10].tolist() == list(range(10))
    assert tuple(figure.locator("select option").all_inner_texts()) == digits.NAMES
    for digit in (0, 4, 9):
        figure.get_by_label("An example").select_option(str(digit))
        expected = (patches(images[[digit]], 2)[0] + 1) / 2  # from 0 (paper) to 1 (ink)
        until(lambda: ink(figure) == pytest.approx(expected.flatten().tolist(), abs=0.02))
        expect(figure.locator(".names li.first")).to_contain_text(digits.NAMES[digit])
        expect(figure.locator(".chip.text")).to_have_text(["⏎", *digits.NAMES[digit]], use_inner_text=True)
        expected = reader.probabilities(reader.read(), reader.data()[0][[digit]])[0]
        until(lambda: shares(figure) == pytest.approx(expected.tolist(), abs=0.006))
    widths = figure.locator(".names .bar").evaluate_all("bars => bars.map((bar) => parseFloat(bar.style.width) / 100)")
    assert widths == pytest.approx(expected.tolist(), abs=1e-3)


def test_shuffled_patches_are_the_same_and_another_sentence(open_figures):
    figure = open_figures(live.Patches(4)).figure("patches")
    before = tones(figure)
    figure.get_by_label("Shuffle the patches").check()
    until(lambda: tones(figure) == [before[i] for i in ORDER])
    until(lambda: reading(figure).startswith("Shuffled, the GPT reads this image as “"))
    cut = patches(reader.data()[0][[4]], 2)[:, ORDER]
    mixed = torch.nn.functional.fold(cut.transpose(1, 2), (8, 8), kernel_size=2, stride=2)[:, 0]
    expected = reader.probabilities(reader.read(), mixed)[0].tolist()
    until(lambda: shares(figure) == pytest.approx(expected, abs=0.006))
    assert reading(figure).endswith("in order, as “four”.") == (max(range(10), key=expected.__getitem__) != 4)


def draw(figure, *points):
    """Draw a line through points, in pixels of the image."""
    box, mouse = figure.locator(".pen").bounding_box(), figure.page.mouse
    places = [(box["x"] + box["width"] * x / 8, box["y"] + box["height"] * y / 8) for x, y in points]
    mouse.move(*places[0])
    mouse.down()
    for place in places[1:]:
        mouse.move(*place, steps=8)
    mouse.up()


def test_a_digit_is_drawn_over_the_example_and_read(open_figures):
    figure = open_figures(live.Patches()).figure("patches")
    first = tones(figure)
    draw(figure, (4, 0.8), (4, 7.2))
    until(lambda: "The GPT reads your drawing as “one”" in reading(figure))
    corner = tones(figure)[0]
    assert corner == [255] * 4  # nothing of the seven is left
    figure.get_by_role("button", name="Clear").click()
    until(lambda: {tone for patch in tones(figure) for tone in patch} == {255})
    until(lambda: "The paper is blank" in reading(figure))
    draw(figure, (4, 1), (2.6, 2.5), (2.4, 4.5), (3, 6.4), (4.2, 7), (5.4, 5.8), (5.6, 3.5), (5, 1.7), (4, 1))
    until(lambda: "The GPT reads your drawing as “zero”" in reading(figure))
    drawn = tones(figure)
    pen = figure.locator(".pen")
    pen.press("ArrowDown")
    pen.press("Space")  # draws or erases the pixel below the first one
    until(lambda: sum(a != b for a, b in zip(flat(drawn), flat(tones(figure)), strict=True)) == 1)
    figure.get_by_role("button", name="Reset").click()
    until(lambda: tones(figure) == first)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_finger_draws_on_a_phone(open_figures, theme):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    figure = open_figures(live.Patches(), theme=theme, **phone).figure("patches")
    pen = figure.locator(".pen")
    until(lambda: pen.evaluate("pen => getComputedStyle(pen).touchAction") == "none")  # the page does not scroll
    box = pen.bounding_box()
    pen.tap(position={"x": box["width"] / 16, "y": box["height"] / 16})
    until(lambda: "The GPT reads your drawing as" in reading(figure))
    now = tones(figure)
    assert now[0][0] != now[-1][-1]
    until(lambda: figure.page.evaluate("document.documentElement.scrollWidth") == 390)
