"""The calculator's formulas equal those of `lecture21.accounting`, on every model and on random sizes."""

import math
import random

import pytest

from lecture21 import accounting, presets
from lecture21.accounting import Shape, published
from lecture21.accounting.memory import BITS
from lecture21.course.live.calculator.calculator import Calculator, changed_shape
from lecture21.gpt.config import GPTConfig

NAMES = (*presets.names(), *published.names())
SETTINGS = {"batch": 3, "tokens": 1.7, "cards": 2, "utilization": 0.3}
COUNTS = (
    "embeddings", "positions", "attention", "feed_forward", "norms", "head", "routers", "experts", "idle_experts",
    "biases", "non_embedding", "total", "active",
)  # fmt: skip


@pytest.fixture
def report(load_module):
    """A function that returns what the figure computes for each of several cases (name, changes, context, card)."""
    page = load_module("calculator/report.js")
    calculator = Calculator()

    def report(cases, precision):
        values = [calculator.models, calculator.devices, SETTINGS | {"precision": precision}, cases]
        return page.evaluate(
            """([models, devices, settings, cases]) => cases.map(([name, changes, context, card]) =>
                module.report(models[name], changes, { ...settings, context: context ?? 0, device: devices[card] }))""",
            values,
        )

    return report


def expected(name, changes, context, card, precision):
    """Return the same numbers from the package."""
    model = changed_shape(name, changes, context)
    shape = Shape.of(model)
    context = context or (model.block_size if isinstance(model, GPTConfig) else 4096)
    counts = accounting.parameters(model)
    flops = accounting.flops_per_token(model, context)
    tokens = round(SETTINGS["tokens"] * 1e9)
    batch, estimate = SETTINGS["batch"], accounting.training_flops(model, tokens)
    actual = {f"counts.{part}": getattr(counts, part) for part in COUNTS}
    actual |= {f"perToken.{part}": getattr(flops, part) for part in ("linear", "attention", "forward", "training")}
    actual |= {
        "training.perToken": 6 * counts.active,
        "training.estimate": estimate,
        "training.exact": flops.training * tokens,
        "training.days": accounting.training_days(estimate, card, SETTINGS["cards"], SETTINGS["utilization"]),
        "serving.weights": accounting.weight_bytes(model, precision),
        "serving.cache": accounting.kv_cache_bytes(model, context, batch),
        "cache.perTokenCached": accounting.kv_cache_bytes(model, 1),
    }
    activations = 0
    if isinstance(model, GPTConfig):
        activations = actual["training.activations"] = accounting.activation_bytes(model, context, batch, "bf16")
    actual["training.needed"] = accounting.training_bytes(model) + activations
    if shape.n_sparse:
        actual |= {
            "serving.experts.distinct": accounting.distinct_experts(shape.n_expert, shape.top_k, batch),
            "serving.experts.read": accounting.weights_read(model, batch, precision),
            "serving.experts.tokensPerSecond": accounting.tokens_per_second(model, card, batch, precision),
        }
    return actual


def compare(report, cases, precision):
    for case, actual in zip(cases, report(cases, precision), strict=True):
        for path, value in expected(*case, precision).items():
            shown = actual
            for key in path.split("."):
                shown = shown[key]
            if isinstance(value, int) and value < 2**53:
                assert shown == value, (case, path)
            else:
                assert math.isclose(shown, value, rel_tol=1e-13), (case, path)


@pytest.mark.parametrize("precision", BITS)
def test_every_preset_and_every_published_model(report, precision):
    cases = [(name, {}, context, card) for name in NAMES for context, card in ((None, "H100"), (1000, "T4"))]
    compare(report, cases, precision)


def random_changes(name, generator):
    """Return consistent random sizes for a model."""
    shape = Shape.of(changed_shape(name, {}))
    grouped = isinstance(shape.attention, accounting.Grouped) and not shape.n_encoder_layer
    heads = generator.choice((2, 4, 6, 12))
    changes = {
        "n_layer": generator.randint(1, 40),
        "d_model": heads * 2 * generator.randint(1, 100),
        "n_head": heads,
        "d_ff": generator.randint(1, 9999),
        "vocab_size": generator.randint(1, 10**5),
    }
    changes["n_expert"] = generator.choice((0, 1, 4, 9))
    if changes["n_expert"]:
        changes["top_k"] = generator.randint(1, changes["n_expert"])
    if grouped:
        changes["n_kv_head"] = generator.choice([n for n in (1, 2, 3, 6) if heads % n == 0])
        changes["window"] = generator.choice((0, 1, 7, 300))
    kept = [key for key in changes if generator.random() < 0.7]
    if {"n_head", "n_kv_head", "d_model"} & set(kept):  # they must divide each other
        kept += [key for key in ("n_head", "n_kv_head", "d_model") if key in changes and key not in kept]
    if {"n_expert", "top_k"} & set(kept):
        kept += [key for key in ("n_expert", "top_k") if key in changes and key not in kept]
    return {key: changes[key] for key in kept}


def test_random_sizes(report):
    generator = random.Random(0)
    cases = []
    for name in NAMES:
        for _ in range(12):
            context = generator.choice((1, 5, 64, 1200, 2**17))
            cases.append((name, random_changes(name, generator), context, generator.choice(("T4", "A100"))))
    compare(report, cases, "int4")
    assert sum("window" in changes for _, changes, _, _ in cases) > 50
    assert sum(changes.get("n_expert", 0) > 0 for _, changes, _, _ in cases) > 50
