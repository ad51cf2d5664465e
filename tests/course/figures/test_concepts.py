import itertools
import math
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import contrast, words
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.transforms import Bbox
from PIL import Image

from lecture21 import accounting, presets
from lecture21.attention import attention
from lecture21.course import figures
from lecture21.course.figures.concepts import _DRAWINGS, experts, models, scale
from lecture21.course.figures.diagram import ROLES
from lecture21.data.worked_example import W_KEY, W_QUERY, W_QUERY_PLACE, W_VALUE, X
from lecture21.tokenizers import BPETokenizer

ROOT = Path(__file__).resolve().parents[3]


def boxes(ax):
    """Return the texts of a drawing, and the box of each in pixels."""
    renderer = ax.figure.canvas.get_renderer()
    texts = [text for text in ax.texts if text.get_text()]
    return texts, [text.get_window_extent(renderer) for text in texts]


def within(inner: Bbox, outer: Bbox) -> bool:
    """Whether a box is inside another; above and below, a text has an unused margin of two pixels."""
    across = outer.x0 < inner.x0 < inner.x1 < outer.x1
    return across and outer.y0 < inner.y0 + 2 < inner.y1 - 2 < outer.y1


@pytest.fixture(params=_DRAWINGS)
def ax(request) -> plt.Axes:
    return figures.concept(request.param)


def test_no_text_overlaps_another(ax):
    for (a, one), (b, other) in itertools.combinations(zip(*boxes(ax), strict=True), 2):
        overlap = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
        assert min(overlap) < 1, f"{a.get_text()!r} overlaps {b.get_text()!r}"


def test_no_text_leaves_the_figure(ax):
    texts, places = boxes(ax)
    for text, place in zip(texts, places, strict=True):
        assert within(place, ax.bbox), text.get_text()


def test_a_text_in_a_box_fits_into_it(ax):
    renderer = ax.figure.canvas.get_renderer()
    frames = [patch.get_window_extent(renderer) for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    for text, place in zip(*boxes(ax), strict=True):
        middle = (place.x0 + place.x1) / 2, (place.y0 + place.y1) / 2
        around = [frame for frame in frames if frame.contains(*middle)]
        if around:
            frame = min(around, key=lambda frame: frame.width * frame.height)
            assert within(place, frame), text.get_text()


def test_text_is_readable_where_a_phone_shows_the_drawing_360_pixels_wide(ax):
    inches = ax.figure.get_figwidth() + 0.2  # the margin of a saved output
    for text in ax.texts:
        assert text.get_fontsize() / 72 * 360 / inches >= 9, text.get_text()
        assert text.get_fontsize() >= 9


def test_the_text_of_every_part_stands_out_from_its_fill():
    for name, (_, fill, color) in ROLES.items():
        assert contrast(color, fill) >= 4.5, name


def test_a_drawing_goes_into_given_axes():
    _, (left, right) = plt.subplots(1, 2)
    assert figures.concept("ensemble", ax=right) is right
    assert words(right)[0] == _DRAWINGS["ensemble"][1]
    assert not words(left)


def test_an_unknown_name_is_refused_with_the_names_that_exist():
    with pytest.raises(
        ValueError, match=r"no drawing 'rnn'; the drawings are rnn-and-attention, query-key-value, .*rlhf"
    ):
        figures.concept("rnn")


def test_the_weights_of_the_query_are_those_of_the_worked_example():
    weights = attention(X @ W_QUERY.T, X @ W_KEY.T, X @ W_VALUE.T)[1][2]
    assert {f"{weight:.2f}" for weight in weights} <= set(words(figures.concept("query-key-value")))


def test_the_maps_of_the_heads_are_those_of_the_worked_example_and_hide_no_key():
    grays = [
        to_rgb(patch.get_facecolor())[0]
        for patch in figures.concept("heads").patches
        if isinstance(patch, Rectangle) and patch.get_width() == 2.4
    ]
    expected = [attention(X @ w.T, X @ W_KEY.T, X)[1] for w in (W_QUERY, W_QUERY_PLACE)]
    assert grays == pytest.approx([0.95 - 0.8 * weight for each in expected for weight in each.flatten().tolist()])


def test_the_merges_are_those_that_the_tokenizer_learns():
    text = " ".join(word for word, n in scale.TEXT.items() for _ in range(n))
    encoding = BPETokenizer.from_text(text, 256 + len(scale.MERGES)).encoding
    learned = [encoding.decode_single_token_bytes(256 + n).decode() for n in range(len(scale.MERGES))]
    assert learned == [left + right for left, right, _ in scale.MERGES]
    symbols = [(list(word), n) for word, n in scale.TEXT.items()]
    for left, right, count in scale.MERGES:
        pairs = [(n, i, word) for word, n in symbols for i in range(len(word) - 1) if word[i : i + 2] == [left, right]]
        assert sum(n for n, _, _ in pairs) == count
        for _, i, word in pairs:
            word[i : i + 2] = [left + right]
    assert words(figures.concept("byte-pair-encoding")).count("est") == 3


def test_the_squares_have_the_areas_of_the_numbers_below_them():
    ax = figures.concept("scaling")
    areas = np.array([patch.get_width() * patch.get_height() for patch in ax.patches[1:]]).reshape(3, 3)
    configs = [presets.get(name) for name in ("gpt1", "gpt2-xl", "gpt3")]
    expected = [
        [accounting.parameters(config).total for config in configs],
        [config.block_size for config in configs],
        [accounting.sequence_flops(config).forward for config in configs],
    ]
    np.testing.assert_allclose(areas / areas[:, -1:], np.array(expected) / np.array(expected)[:, -1:])
    for row, written in zip(expected, (["117 M", "1.56 B", "175 B"], ["512", "1,024", "2,048"]), strict=False):
        assert set(written) <= set(words(ax))
        assert all(close(text, value) for text, value in zip(written, row, strict=True))


def close(text: str, value: int) -> bool:
    number, _, unit = text.replace(",", "").partition(" ")
    return float(number) * {"": 1, "M": 1e6, "B": 1e9}[unit] == pytest.approx(value, rel=0.005)


def test_the_errors_of_the_ensemble_are_those_of_its_points():
    members = np.array(experts.MEMBERS)
    average, own = (members**2).sum(1).mean(), (members.mean(0) ** 2).sum()
    spread = ((members - members.mean(0)) ** 2).sum(1).mean()
    assert own == pytest.approx(average - spread)
    assert f"{own:.1f} = {average:.1f} − {spread:.1f}" in words(figures.concept("ensemble"))
    assert own < (members**2).sum(1).min()  # the mean is closer than every member, as the alternative text says
    alt = (
        f"squared error of the mean, {own:.1f}, is the members' average squared error, {average:.1f}, "
        f"minus their spread, {spread:.1f}."
    )
    for page in ("notebooks/13_ensemble_vs_average.ipynb", "book/drawings.md"):
        assert alt in (ROOT / page).read_text("utf-8"), page


def test_the_probability_of_a_text_is_that_of_chapter_08_and_the_loss_its_mean_logarithm():
    chapter = (ROOT / "notebooks" / "08_gpt_as_probability.ipynb").read_text("utf-8")
    start, *after = (list(row) for row in models.TABLE)
    assert f"TABLE = torch.tensor({[*after, start]})" in chapter  # the chapter's last row is the start
    own = [row[models.SYMBOLS.index(symbol)] for row, symbol in zip(models.TABLE, models.SYMBOLS, strict=True)]
    product, loss = math.prod(own), -sum(map(math.log, own)) / 3
    written = words(figures.concept("probability"))
    assert {f"P({symbol}) = {p}" for symbol, p in zip("ab.", own, strict=True)} <= set(written)
    assert f"multiplied: the probability of “ab.” is {product:.2f}" in written
    assert f"their mean is the loss: {loss:.2f} nats" in written
    alt = f"of the text ab and full stop, {product:.2f}. As logarithms they are added, 0.69, 1.20 and 0.22"
    assert f"{alt}, and their mean, {loss:.2f} nats" in (ROOT / "book" / "drawings.md").read_text("utf-8")


def test_the_last_page_shows_each_drawing_with_its_chapter_in_reading_order():
    page = (ROOT / "book" / "drawings.md").read_text(encoding="utf-8")
    items = re.findall(
        r"^```\{image\} images/drawings/(.+)\.png\n:alt: (.{60,})\n```\n\n\[Chapter (\d\d)\]\((\S+)\)\. [^.]+\.$",
        page,
        flags=re.MULTILINE,
    )
    assert [name for name, *_ in items] == list(_DRAWINGS)
    assert [chapter for *_, chapter, _ in items] == sorted(chapter for *_, chapter, _ in items)
    for name, _, chapter, link in items:
        assert link.startswith(f"../notebooks/{chapter}_")
        assert (ROOT / "book" / link).is_file()
        if name not in ("probability", "expert-parallelism"):  # chapters 08 and 14 say these in words
            assert f'figures.concept(\\"{name}\\")' in (ROOT / "book" / link).read_text(encoding="utf-8")


def test_the_pictures_of_the_page_are_light_and_have_the_size_of_the_drawings():
    files = sorted((ROOT / "book" / "images" / "drawings").iterdir())
    assert [file.stem for file in files] == sorted(_DRAWINGS)
    assert sum(file.stat().st_size for file in files) < 400_000
    for file in files:
        with Image.open(file) as picture:
            assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
            height = 4.2 * picture.height / picture.width
        assert height == pytest.approx(_DRAWINGS[file.stem][0] / 10, abs=0.02), f"{file.name}: run make pictures"
