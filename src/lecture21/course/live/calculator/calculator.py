"""Calculator: what a GPT costs in parameters, FLOPs, days and memory, and whether it fits a card."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, replace
from typing import Any

import traitlets

from lecture21 import presets
from lecture21._support.validation import in_range, one_of, require
from lecture21.accounting import DEVICES, Grouped, Latent, Shape, published
from lecture21.accounting.serving import BANDWIDTHS
from lecture21.course.live.figure import Figure
from lecture21.gpt.config import GPTConfig

_MEMORY = {"T4": 16e9, "V100": 32e9, "A100": 80e9, "H100": 80e9}
"""Memory in bytes of the boards of `accounting.DEVICES`. Source: NVIDIA's data sheets."""

_CHANGES = ("n_layer", "d_model", "n_head", "n_kv_head", "d_ff", "vocab_size", "n_expert", "top_k", "window")
_CONFIG_FIELDS = (
    "vocab_size", "block_size", "n_layer", "n_head", "d_model", "n_kv_head", "d_head", "d_ff", "activation", "norm",
    "final_norm", "position", "window", "qk_norm", "qkv_bias", "bias", "tied_head", "logit_cap",
)  # fmt: skip
_MOE_FIELDS = ("n_expert", "top_k", "n_shared", "softmax", "renormalize")


class Calculator(Figure):
    """What a GPT costs: parameters by part, FLOPs, days of training, memory, and the key/value cache.

    The models are the presets of this package and the published mixtures of `accounting.published`; every size can be
    changed. The formulas are those of `accounting`. In training, a parameter takes 16 bytes (weight and gradient at 16
    bits; master copy and two moments of Adam at 32 bits), and the activations come on top.

    Args:
        preset: the model: one of `presets.names()` or of `accounting.published.names()`.
        focus: what is in sight at first: training, serving or cache.
        context: number of tokens in the context; 0 is the block size of a preset, and 4,096 for a published model. A
            table of learned positions is as long as the context.
        batch: number of sequences that are trained on, or written, at once.
        tokens: training tokens, in billions.
        card: a key of `accounting.DEVICES`.
        cards: number of cards; what is stored is compared with the memory of all of them together.
        utilization: fraction of the peak FLOP/s that training reaches.
        precision: of the weights that are served: fp32, bf16, fp8 or int4.
        **changes: sizes of the model that differ from the preset: n_layer, d_model, n_head, n_kv_head, d_ff (of each
            expert in a mixture), vocab_size, n_expert, top_k, window.
    """

    figure = "calculator"
    description = ""  # depends on the focus
    preset = traitlets.Enum((*presets.names(), *published.names()), "gpt0").tag(sync=True)
    focus = traitlets.Enum(("training", "serving", "cache"), "training").tag(sync=True)
    changes = traitlets.Dict().tag(sync=True)
    context = traitlets.Int(0, min=0, max=2**24).tag(sync=True)
    """Number of tokens; 0 for the model's own."""
    batch = traitlets.Int(1, min=1, max=2**20).tag(sync=True)
    tokens = traitlets.Float(300.0, min=1e-9, max=1e9).tag(sync=True)
    card = traitlets.Enum(tuple(DEVICES), "H100").tag(sync=True)
    cards = traitlets.Int(1, min=1, max=1_000_000).tag(sync=True)
    utilization = traitlets.Float(0.4, min=0.01, max=1).tag(sync=True)
    precision = traitlets.Enum(("fp32", "bf16", "fp8", "int4"), "bf16").tag(sync=True)
    models = traitlets.Dict().tag(sync=True)
    """Of each name, what differs from the defaults of a `GPTConfig` or of a `Shape`."""
    devices = traitlets.Dict().tag(sync=True)

    def __init__(self, preset: str = "gpt0", focus: str = "training", **state: Any) -> None:
        changes = {name: state.pop(name) for name in list(state) if name not in (*self.parameters(), "after")}
        super().__init__(preset=preset, focus=focus, changes=changes, models=_models(), devices=_devices(), **state)
        changed_shape(preset, changes, self.context or None)  # the sizes must be consistent
        self._given |= changes
        what = {
            "training": "its parameters by part, the FLOPs and days of training, and the memory that training takes",
            "serving": "its parameters by part, and the memory that its weights and its cache take when it writes",
            "cache": "its parameters by part, and the memory of its keys and values against the context",
        }[focus]
        self.description = f"Calculator of the costs of a model, at first {preset}: {what}."

    def fallback_image(self) -> str:
        """Return the name of the picture, one for each focus."""
        return f"calculator_{self.focus}"


def changed_shape(preset: str, changes: Mapping[str, int], context: int | None = None) -> GPTConfig | Shape:
    """Return a preset or a published model with some sizes changed, as the figure's script changes them.

    A GPT of this package has as many learned positions as the context.
    """
    for name, value in changes.items():
        require("size", name, one_of(_CHANGES))
        require(name, value, in_range(0 if name in ("n_expert", "window") else 1, whole=True))
    require("preset", preset, one_of((*presets.names(), *published.names())))
    experts = {name: changes[name] for name in ("n_expert", "top_k") if name in changes}
    sizes = {name: value for name, value in changes.items() if name not in (*experts, "window")}
    if "window" in changes:
        sizes["window"] = changes["window"] or None
    if preset in presets.names():
        own = presets.get(preset)
        if experts.get("n_expert") == 0:
            sizes["moe"] = None
        elif experts and (own.moe is not None or "n_expert" in experts):
            sizes["moe"] = experts
        return presets.get(preset, **sizes, **({} if context is None else {"block_size": context}))
    own = published.get(preset)
    attention = {name: sizes.pop(name) for name in ("n_head", "n_kv_head", "window") if name in sizes}
    if isinstance(own.attention, Grouped) and own.attention.n_head == own.attention.n_kv_head and "n_head" in attention:
        attention.setdefault("n_kv_head", attention["n_head"])
    if own.n_encoder_layer and "n_layer" in sizes:
        sizes["n_encoder_layer"] = sizes["n_layer"]
    if "d_ff" in sizes:
        sizes["d_expert"] = sizes.pop("d_ff")
    if experts.get("n_expert") == 0:
        d_ff = own.d_ff or own.d_expert
        experts = {"n_expert": 0, "top_k": 0, "n_shared": 0, "d_ff": sizes.pop("d_expert", d_ff)}
    return replace(own, attention=replace(own.attention, **attention), **sizes, **experts)


def _devices() -> dict[str, dict[str, float]]:
    """Return the peak FLOP/s, the bandwidth and the memory of each card."""
    return {
        name: {"peak": peak, "bandwidth": BANDWIDTHS[name], "memory": _MEMORY[name]} for name, peak in DEVICES.items()
    }


def _models() -> dict[str, dict[str, object]]:
    """Return of each model what differs from the defaults: a configuration, or a shape."""
    found: dict[str, dict[str, object]] = {name: {"config": _config(presets.get(name))} for name in presets.names()}
    return found | {name: {"shape": _shape(published.get(name))} for name in published.names()}


def _config(config: GPTConfig) -> dict[str, object]:
    """Return the fields of a configuration that a cost depends on, without those that are derived or a default."""
    defaults = {field.name: field.default for field in fields(GPTConfig)}
    values = {name: getattr(config, name) for name in _CONFIG_FIELDS}
    given = {name: v for name, v in values.items() if v != defaults[name] and name not in config.derived}
    return given if config.moe is None else given | {"moe": {name: getattr(config.moe, name) for name in _MOE_FIELDS}}


def _shape(shape: Shape) -> dict[str, object]:
    """Return the fields of a shape that are not a default."""
    found = {
        field.name: getattr(shape, field.name)
        for field in fields(Shape)
        if field.name != "attention" and getattr(shape, field.name) != field.default
    }
    if shape.gated_dense == shape.gated:
        found.pop("gated_dense", None)
    kind = type(shape.attention)
    defaults = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    attention = {name: v for name, v in asdict(shape.attention).items() if v != defaults.get(name, MISSING)}
    assert kind in (Grouped, Latent)
    return {**found, "attention": attention}
