"""The pictures of serving show the numbers of the accounting, and nothing is hidden behind another line."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lecture21 import accounting, figures, presets
from lecture21.accounting import published

MODELS = {name: published.get(name) for name in ("mixtral-8x7b", "gpt-oss-120b", "deepseek-v3")}
BATCHES = [1, 4, 64, 1024]


def lines(ax: plt.Axes) -> dict[str, tuple[list[float], list[float]]]:
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in ax.lines
        if not line.get_label().startswith("_")
    }


def words(ax: plt.Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_intensity_is_that_of_the_accounting_and_its_ridges_are_the_devices():
    ax = figures.intensity_by_batch(MODELS, BATCHES, devices=["H100", "T4"], dtype="fp8")
    drawn = lines(ax)
    assert list(drawn) == [*MODELS, "a dense layer"]
    for name, shape in MODELS.items():
        assert drawn[name] == (
            BATCHES,
            [accounting.arithmetic_intensity(batch, "fp8", model=shape) for batch in BATCHES],
        )
    assert drawn["a dense layer"][1] == [2 * batch for batch in BATCHES]
    rules = [line.get_ydata()[0] for line in ax.lines if line.get_label().startswith("_")]
    assert rules == [accounting.ridge_point("H100"), accounting.ridge_point("T4")]
    assert words(ax) == ["ridge of one H100", "ridge of one T4"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_a_line_below_another_is_wide_enough_to_be_seen():
    """gpt-oss-120b and DeepSeek-V3 send a token to as large a share of their experts."""
    ax = figures.experts_by_batch(MODELS, BATCHES)
    widths = {line.get_label(): line.get_linewidth() for line in ax.lines}
    assert widths["gpt-oss-120b"] > 2 * widths["deepseek-v3"] == 2 * widths["mixtral-8x7b"]


def test_experts_touched_are_shares_of_a_layer_and_a_simulation_is_drawn_upon_them():
    ax = figures.experts_by_batch(MODELS, BATCHES, simulated={"deepseek-v3": {4: 30.0, 64: 222.0}})
    for name, shape in MODELS.items():
        touched = [accounting.distinct_experts(shape.n_expert, shape.top_k, b) / shape.n_expert for b in BATCHES]
        assert lines(ax)[name] == (BATCHES, touched)
    open_marks = [line for line in ax.lines if line.get_markerfacecolor() == "none" and len(line.get_xdata())]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in open_marks] == [
        ([4, 64], [30 / 256, 222 / 256])
    ]


def test_bytes_read_end_below_what_there_is():
    ax = figures.bytes_by_batch(MODELS, BATCHES, dtype="fp16")
    rules = [line.get_ydata()[0] for line in ax.lines if line.get_label().startswith("_")]
    for (name, shape), everything in zip(MODELS.items(), rules, strict=True):
        assert lines(ax)[name][1] == [accounting.weights_read(shape, batch, "fp16") / 1e9 for batch in BATCHES]
        assert everything == accounting.weight_bytes(shape, "fp16") / 1e9 > lines(ax)[name][1][-1]


@pytest.mark.parametrize("device", accounting.BANDWIDTHS)
def test_the_roof_bends_at_the_ridge_and_each_batch_has_its_mark(device):
    roof, marks = figures.roofline(MODELS, BATCHES, device=device, title="said")
    x, y = (np.array(values) for values in roof.lines[0].get_data())
    assert x[1] == accounting.ridge_point(device)
    assert list(y[1:]) == pytest.approx([accounting.DEVICES[device] / 1e12] * 2)
    assert y[0] / x[0] == pytest.approx(accounting.BANDWIDTHS[device] / 1e12)
    rows = [list(line.get_xdata()) for line in marks.lines if line.get_marker() == "o"]
    assert rows[:-1] == [
        [accounting.arithmetic_intensity(batch, model=s) for batch in BATCHES] for s in MODELS.values()
    ]
    assert rows[-1] == BATCHES
    assert [label.get_text() for label in marks.get_yticklabels()] == [*MODELS, "a dense layer"]
    assert words(marks) == ["1", "4", "64", "1,024"] * 4
    assert roof.get_title(loc="left") == "said"
    assert max(rows[-1]) < x[2]  # no mark lies beyond the roof


def test_sizes_lie_where_the_counts_say_and_every_model_is_named():
    models = {**MODELS, "gpt3": accounting.Shape.of(presets.get("gpt3"))}
    ax = figures.total_against_active(models)
    points = ax.collections[0].get_offsets()
    for (x, y), shape in zip(points, models.values(), strict=True):
        counts = accounting.parameters(shape)
        assert x == pytest.approx(counts.active_without_embedding / 1e9)
        assert y == pytest.approx((counts.total - counts.embeddings) / 1e9)
    assert points[-1][0] == points[-1][1]  # all of a dense model is active
    shares = [line.get_ydata()[0] / line.get_xdata()[0] for line in ax.lines]
    assert shares == pytest.approx([1, 10, 100, 1000])
    assert words(ax) == [*models, "all active", "1 in 10 active", "1 in 100 active", "1 in 1,000 active"]


def test_names_of_models_of_one_size_do_not_lie_upon_each_other():
    twins = {name: published.get(name) for name in ("deepseek-v2", "qwen3-235b-a22b", "mixtral-8x7b")}
    sides = {text.get_text(): text.get_ha() for text in figures.total_against_active(twins).texts}
    assert [sides[name] for name in twins] == ["left", "right", "left"]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: figures.intensity_by_batch({}), "there must be 1 to 7 models, got 0"),
        (lambda: figures.bytes_by_batch({str(n): MODELS["mixtral-8x7b"] for n in range(8)}), "1 to 7 models, got 8"),
        (lambda: figures.experts_by_batch(MODELS, []), r"batches must rise, got \[\]"),
        (lambda: figures.roofline(MODELS, [4, 1]), r"batches must rise, got \[4, 1\]"),
        (lambda: figures.roofline(MODELS, device="B52"), "device must be one of T4"),
        (lambda: figures.roofline(MODELS, [0, 1]), "batch must be a whole number >= 1, got 0"),
        (lambda: figures.bytes_by_batch(MODELS, dtype="fp7"), "dtype must be one of"),
        (lambda: figures.experts_by_batch(MODELS, simulated={"gpt-5": {1: 1.0}}), r"simulated has \['gpt-5'\], which"),
        (lambda: figures.bytes_by_batch({"gpt3": accounting.Shape.of(presets.get("gpt3"))}), "has no experts"),
        (lambda: figures.total_against_active({}), "needs at least one model"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
