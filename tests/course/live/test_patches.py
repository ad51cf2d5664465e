"""Draw a digit: the GPT on the figure computes what torch does, and it names what is drawn while the pen moves."""

import re

import hands
import pytest
import torch
from playwright.sync_api import expect
from until import until

from lecture21.course import live
from lecture21.course.live.patches import reader
from lecture21.vision import digits
from lecture21.vision.patch_embedding import patches

PAPER = 200  # steps along each side of what one draws on
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
    assert reader.accuracy(model) > 0.95
    images, _ = (part[-40:] for part in reader.data())
    cut = patches(images, 2)  # (40, 16, 4)
    cut[20:] = cut[20:, ORDER]
    mixed = torch.nn.functional.fold(cut.transpose(1, 2), (8, 8), kernel_size=2, stride=2)[:, 0]
    counts = (cut * 16).round().int().tolist()
    found = page.evaluate("images => images.map((patches) => module.read(patches))", counts)
    for each, expected in zip(found, reader.probabilities(model, mixed).tolist(), strict=True):
        assert each == pytest.approx(expected, abs=1e-4)


def test_drawings_of_many_hands_are_read(load_module):
    page = load_module("patches/drawing.js")
    drawn = hands.drawings(PAPER)
    images = page.evaluate("drawings => drawings.map((strokes) => module.imageOf(strokes))", [d[-1] for d in drawn])
    counts = torch.tensor(images).view(-1, 8, 8)
    read = reader.probabilities(reader.read(), counts / 16).argmax(1).tolist()
    wrong = [(*each[:3], name) for each, name in zip(drawn, read, strict=True) if name != each[0]]
    assert len(wrong) <= len(drawn) // 20, wrong
    for hand in hands.HANDS:  # in a corner, small, slanted: none is misread often
        assert sum(each[2] == hand for each in wrong) <= 5, hand


def test_a_drawing_becomes_an_image_as_those_of_the_data_set_are(load_module):
    page = load_module("patches/drawing.js")
    data, _ = reader.data()
    assert (data[:, 0].amax(1) > 0).all()
    assert (data[:, -1].amax(1) > 0).all()
    ink = 16 * data.sum((1, 2))
    drawn = hands.drawings(PAPER)
    images = page.evaluate("drawings => drawings.map((strokes) => module.imageOf(strokes))", [d[-1] for d in drawn])
    counts = torch.tensor(images).view(-1, 8, 8)
    assert (counts[:, 0].amax(1) > 0).all()
    assert (counts[:, -1].amax(1) > 0).all()
    full = counts.sum((1, 2))
    assert ink.min() < full.min()  # a stick is thick
    assert full.max() < ink.max()
    columns = (counts.sum(1) * torch.arange(8)).sum(1) / full
    assert columns.mean().item() == pytest.approx(3.5, abs=0.3)


def test_the_place_and_the_size_of_a_drawing_do_not_matter(load_module):
    page = load_module("patches/drawing.js")
    stroke = [10, 10, 50, 10, 30, 60, 30, 40]
    moved = [place + (90, 110)[i % 2] for i, place in enumerate(stroke)]
    larger = [3 * place for place in stroke]
    first, *others = [page.evaluate("stroke => module.imageOf([stroke])", each) for each in (stroke, moved, larger)]
    assert sum(first) > 250
    for each in others:
        assert each == pytest.approx(first, abs=1)  # points on the very edge of the line
    box = page.evaluate("stroke => module.frameOf([stroke])", moved)
    assert (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) == pytest.approx((120, 145))
    assert page.evaluate("module.imageOf([])") == [0] * 64
    dot = torch.tensor(page.evaluate("module.imageOf([[0, 196, 0, 200]])")).view(8, 8)
    assert dot[:2].sum() == dot[6:].sum() == 0  # a dot is no digit that fills the paper
    assert dot.sum() > 0


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ([], True),
        ([[0, 0], [200, 200, 5, 6]], True),
        ([[1, 2, 3]], False),
        ([[]], False),
        ([[-1, 0]], False),
        ([[0, 201]], False),
        ([[0.5, 1]], False),
        ([0, 1], False),
        ("12", False),
        ([[0, 0] * 2001], False),
    ],
)
def test_only_drawings_come_from_a_link(load_module, value, fits):
    assert load_module("patches/drawing.js").evaluate("value => module.isDrawing(value)", value) is fits


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
    until(lambda: tuple(figure.locator("select option").all_inner_texts()) == digits.NAMES)
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
    said = max(range(10), key=expected.__getitem__) != 4
    until(lambda: reading(figure).endswith("in order, as “four”.") == said)


def draw(figure, *points):
    """Draw a line through points, in eighths of the paper."""
    box, mouse = figure.locator(".pen").bounding_box(), figure.page.mouse
    places = [(box["x"] + box["width"] * x / 8, box["y"] + box["height"] * y / 8) for x, y in points]
    mouse.move(*places[0])
    mouse.down()
    for place in places[1:]:
        mouse.move(*place, steps=8)
    mouse.up()


def image(figure) -> torch.Tensor:
    """Return the ink of the image in the sentence, (8, 8), from 0 to 1."""
    cut = torch.tensor(ink(figure)).view(1, 16, 4)
    return torch.nn.functional.fold(cut.transpose(1, 2), (8, 8), kernel_size=2, stride=2)[0, 0]


def test_a_digit_is_drawn_over_the_example_and_read(open_figures):
    figure = open_figures(live.Patches()).figure("patches")
    first = tones(figure)
    draw(figure, (7, 5.8), (7, 7.2))  # small, in a corner
    until(lambda: "The GPT reads your drawing as “one”" in reading(figure))
    stick = image(figure)
    expect(figure.get_by_label("An example")).to_have_value("")  # it is no example
    assert (stick[:, 3:5] > 0.9).all()  # it has come to the middle, and to the top and the bottom
    assert stick[:, :2].max() < 0.05  # nothing of the seven is left
    expected = reader.probabilities(reader.read(), (16 * stick).round()[None] / 16)[0]
    until(lambda: shares(figure) == pytest.approx(expected.tolist(), abs=0.006))
    figure.get_by_role("button", name="Clear").click()
    until(lambda: {tone for patch in tones(figure) for tone in patch} == {255})
    until(lambda: "The paper is blank" in reading(figure))
    draw(figure, (4, 1), (2.6, 2.5), (2.4, 4.5), (3, 6.4), (4.2, 7), (5.4, 5.8), (5.6, 3.5), (5, 1.7), (4, 1))
    until(lambda: "The GPT reads your drawing as “zero”" in reading(figure))
    figure.get_by_role("button", name="Reset").click()
    until(lambda: tones(figure) == first)
    expect(figure.get_by_label("An example")).to_have_value("7")
    draw(figure, (2, 1), (6, 1), (4, 7))
    until(lambda: "The GPT reads your drawing as “seven”" in reading(figure))
    draw(figure, (2.5, 4), (6, 4))  # a second stroke does not begin another drawing
    until(lambda: image(figure)[3:5].sum() > 3)
    until(lambda: "The GPT reads your drawing as “seven”" in reading(figure))
    figure.get_by_label("An example").select_option("3")
    until(lambda: "The GPT reads this image as “three”" in reading(figure))


def test_the_keyboard_draws(open_figures):
    figure = open_figures(live.Patches()).figure("patches")
    first = tones(figure)
    pen = figure.locator(".pen")
    for _ in range(6):
        pen.press("ArrowUp")
    expect(pen).to_have_attribute("aria-label", re.compile("^The pen is up, at 50 % .* 20 % from the top"))
    until(lambda: tones(figure) == first)
    pen.press("Space")
    for _ in range(12):
        pen.press("ArrowDown")
    until(lambda: "The GPT reads your drawing as “one”" in reading(figure))
    expect(pen).to_have_attribute("aria-label", re.compile("^The pen is down, at 50 % .* 80 % from the top"))
    pen.press("Space")
    stick = tones(figure)
    pen.press("ArrowRight")
    until(lambda: tones(figure) == stick)
    pen.press("Space")
    pen.press("ArrowRight")
    until(lambda: tones(figure) != stick)


def test_the_model_reads_once_for_each_frame_of_the_screen(open_figures):
    figure = open_figures(live.Patches()).figure("patches")
    box, mouse = figure.locator(".pen").bounding_box(), figure.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    mouse.down()
    until(lambda: "your drawing" in reading(figure))
    readings = figure.locator(".pen").evaluate(
        """async (pen) => {
            const { left, top, width, height } = pen.getBoundingClientRect();
            const list = pen.getRootNode().querySelector(".chip canvas");
            let painted = 0;
            const context = list.getContext;
            list.getContext = (...given) => (painted++, context.apply(list, given));
            const frame = () => new Promise((done) => requestAnimationFrame(done));
            await frame();
            for (let i = 1; i <= 50; i++) {
                const clientX = left + width / 2;
                pen.dispatchEvent(new PointerEvent("pointermove",
                    { pointerId: 1, clientX, clientY: top + 10 + (i / 50) * (height - 20) }));
            }
            await frame();
            await frame();
            return painted;
        }"""
    )
    mouse.up()
    assert readings == 1
    until(lambda: (image(figure)[:, 3:5] > 0.9).all())  # and it misses nothing


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_finger_draws_on_a_phone(open_figures, theme):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    figure = open_figures(live.Patches(), theme=theme, **phone).figure("patches")
    pen = figure.locator(".pen")
    until(lambda: pen.evaluate("pen => getComputedStyle(pen).touchAction") == "none")  # the page does not scroll
    box = pen.bounding_box()
    pen.tap(position={"x": box["width"] / 16, "y": box["height"] / 16})
    until(lambda: "The GPT reads your drawing as" in reading(figure))
    until(lambda: len(set(flat(tones(figure)))) > 1)
    until(lambda: figure.page.evaluate("document.documentElement.scrollWidth") == 390)
