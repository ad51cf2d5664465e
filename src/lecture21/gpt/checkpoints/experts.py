"""Mixtral and Qwen3-MoE in Hugging Face's format: the correspondence of configuration keys and tensors.

Both are GPTs with rotary positions, RMS norms, grouped-query attention, an optional sliding window, and a mixture of
gated experts in every block. Qwen3-MoE normalizes queries and keys, and can leave the weights of the selected experts
unnormalized; Mixtral does neither.

The logits are the same. The training loss is not, if the experts are balanced by an auxiliary loss: `transformers` adds
its balance loss once, over the tokens of all layers together, and its value at balance is k; here it is added for each
layer, and is 1 at balance. The weight of the loss is carried over unchanged.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields

import torch
from torch import Tensor

from lecture21._support.validation import WHOLE, printable, require
from lecture21.gpt.checkpoints.matching import (
    HEAD,
    require_exactly,
    require_expressible,
    require_keys,
    require_settings,
)
from lecture21.gpt.config import GPTConfig
from lecture21.moe import MoEConfig

KINDS = ("mixtral", "qwen3_moe")
"""The `model_type` of each model in this file."""
_SIZES = {
    "vocab_size": "vocab_size", "max_position_embeddings": "block_size", "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head", "num_key_value_heads": "n_kv_head", "hidden_size": "d_model",
}  # fmt: skip
# The number of experts (num_local_experts for both in transformers 5), and the hidden width of one.
_N_EXPERT = {"mixtral": "num_local_experts", "qwen3_moe": "num_experts"}
_D_EXPERT = {"mixtral": "intermediate_size", "qwen3_moe": "moe_intermediate_size"}
# Defaults of keys that may be absent.
_DEFAULTS: dict[str, dict[str, object]] = {
    "mixtral": {"rms_norm_eps": 1e-5, "rope_theta": 1e6, "sliding_window": None},
    "qwen3_moe": {"rms_norm_eps": 1e-6, "rope_theta": 1e4, "sliding_window": 4096},
}
# Keys that change the model, and the supported setting.
_SETTINGS: dict[str, dict[str, object]] = {
    "mixtral": {"hidden_act": "silu", "attention_dropout": 0.0, "router_jitter_noise": 0.0},
    "qwen3_moe": {"hidden_act": "silu", "attention_dropout": 0.0, "attention_bias": False, "decoder_sparse_step": 1},
}
# The fields that are fixed for both models.
_ALWAYS: dict[str, object] = {
    "norm": "rmsnorm", "norm_position": "pre", "final_norm": True, "position": "rotary", "activation": "swiglu",
    "qkv_bias": False, "bias": False, "dropout": 0.0,
}  # fmt: skip
# Fields of the model and of the mixture that may have any value; every other one has that of _ALWAYS or its default.
_ANY_VALUE = {
    *_SIZES.values(), "d_head", "d_ff", "norm_eps", "rotary_base", "rotary_factor", "window", "qk_norm", "tied_head",
    "initialization", "moe",
}  # fmt: skip
_ANY_VALUE_MOE = {"n_expert", "top_k", "softmax", "renormalize", "balance", "aux_weight", "bias_rate"}

_BLOCK = {
    "input_layernorm": "norm_attention",
    "self_attn.q_proj": "attention.query",
    "self_attn.k_proj": "attention.key",
    "self_attn.v_proj": "attention.value",
    "self_attn.o_proj": "attention.output",
    "post_attention_layernorm": "norm_feed_forward",
}
_QK_NORM = {"self_attn.q_norm": "attention.query_norm", "self_attn.k_norm": "attention.key_norm"}
# The name of the mixture in a block, and of the three matrices of one expert, in files and in transformers 4. In
# memory in transformers 5, "mlp" has one tensor for the gates and up-projections of all experts, and one for the
# down-projections.
_MIXTURE = {"mixtral": "block_sparse_moe", "qwen3_moe": "mlp"}
_MATRICES = {
    "mixtral": {"gate": "w1", "up": "w3", "down": "w2"},
    "qwen3_moe": {"gate": "gate_proj", "up": "up_proj", "down": "down_proj"},
}
_PACKED_MIXTURE, _GATE_UP, _DOWN = "mlp", "experts.gate_up_proj", "experts.down_proj"


def kind_of(config: GPTConfig) -> str:
    """Return qwen3_moe if queries and keys are normalized, otherwise mixtral."""
    return "qwen3_moe" if config.qk_norm else "mixtral"


def _rotary(values: Mapping[str, object]) -> tuple[object, object]:
    """Return the base and the factor of the rotary angles, which transformers 5 stores in an object.

    Hugging Face's type "linear" is position interpolation: every angle is divided by the factor.
    """
    base, factor = values["rope_theta"], 1.0
    for key in ("rope_scaling", "rope_parameters"):
        rope = values.get(key) or {}
        known = isinstance(rope, Mapping) and not rope.keys() - {"rope_theta", "rope_type", "type", "factor"}
        kind = rope.get("rope_type", rope.get("type", "default")) if known else None
        if kind not in ("default", "linear") or (kind == "linear") != ("factor" in rope):
            raise ValueError(
                f"{key} is {printable(repr(rope))}, and this package supports only the rope_type 'default', or "
                "'linear' with a factor"
            )
        base, factor = rope.get("rope_theta", base), rope.get("factor", factor)
    return base, factor


def _window(values: Mapping[str, object]) -> object:
    """Return the length of the sliding window, the token itself included; None if it covers the context."""
    qwen = values["model_type"] == "qwen3_moe"
    window = values["sliding_window"]
    if window is None or (qwen and not values.get("use_sliding_window")):  # Mixtral has no such switch
        return None
    if without := qwen and values.get("max_window_layers", 0):
        raise ValueError(
            f"max_window_layers is {printable(repr(without))}, which some versions of transformers read as layers "
            "without a window, and others ignore; this package has the window in every layer"
        )
    require("sliding_window", window, WHOLE)
    return window if window < values["max_position_embeddings"] else None


def config_from(values: Mapping[str, object]) -> dict[str, object]:
    """Translate a Hugging Face configuration into the fields of a `GPTConfig`; see `formats.config_from`.

    The experts are balanced by an auxiliary loss if `output_router_logits` is set, as there, otherwise not at all.
    """
    kind = values["model_type"]
    if "num_local_experts" in values:
        values = {_N_EXPERT[kind]: values["num_local_experts"], **values}
    values = {**_DEFAULTS[kind], **values}
    require_keys(values, [*_SIZES, _N_EXPERT[kind], "num_experts_per_tok", _D_EXPERT[kind]])
    require_settings(values, _SETTINGS[kind])
    for size in (*_SIZES, _N_EXPERT[kind], "num_experts_per_tok"):
        if size != "num_key_value_heads" or values[size] is not None:  # None: as many as query heads
            require(size, values[size], WHOLE)
    if dense := values.get("mlp_only_layers"):
        raise ValueError(f"mlp_only_layers is {printable(repr(dense))}, and this package has experts in every block")
    n_expert, top_k = values[_N_EXPERT[kind]], values["num_experts_per_tok"]
    renormalize = kind == "mixtral" or values.get("norm_topk_prob", False)
    if renormalize and top_k == 1 and n_expert != 1:
        raise ValueError(
            f"num_experts_per_tok is 1, and {kind} then gives the selected expert the weight 1 regardless of the "
            "router; this package would use the router's probability"
        )
    base, factor = _rotary(values)
    moe = {"n_expert": n_expert, "top_k": top_k, "renormalize": renormalize, "balance": "none"}
    if values.get("output_router_logits"):
        moe |= {"balance": "aux", "aux_weight": values.get("router_aux_loss_coef", 0.001)}
    return {
        **_ALWAYS,
        **{field: values[key] for key, field in _SIZES.items()},
        "d_head": values.get("head_dim") or values["hidden_size"] // values["num_attention_heads"],
        "d_ff": values[_D_EXPERT[kind]],
        "norm_eps": values["rms_norm_eps"],
        "rotary_base": base,
        "rotary_factor": factor,
        "window": _window(values),
        "qk_norm": kind == "qwen3_moe",
        "tied_head": values.get("tie_word_embeddings", False),
        "moe": MoEConfig(**moe),
    }


def config_to(config: GPTConfig) -> dict[str, object]:
    """Translate a `GPTConfig` with experts into a Hugging Face configuration; see `formats.config_to`."""
    kind, moe = kind_of(config), config.moe
    allowed = {f.name: (_ALWAYS.get(f.name, f.default),) for f in fields(config) if f.name not in _ANY_VALUE}
    allowed |= {f"moe.{f.name}": (f.default,) for f in fields(moe) if f.name not in _ANY_VALUE_MOE}
    # Mixtral's expert weights sum to 1; with all experts selected they do so without normalization.
    if kind == "mixtral" and moe.top_k != moe.n_expert:
        allowed["moe.normalizes"] = (True,)
    require_expressible(config, allowed, kind)
    values = {
        "model_type": kind,
        **{key: getattr(config, field) for key, field in _SIZES.items()},
        "head_dim": config.d_head,
        _D_EXPERT[kind]: config.d_ff,
        _N_EXPERT[kind]: moe.n_expert,
        "num_experts_per_tok": moe.top_k,
        "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rotary_base,
        "tie_word_embeddings": config.tied_head,
        "output_router_logits": moe.balance == "aux",
    }
    if kind == "qwen3_moe":
        values["norm_topk_prob"] = moe.normalizes
    if moe.balance == "aux":
        values["router_aux_loss_coef"] = moe.aux_weight
    if config.rotary_factor != 1:
        values["rope_scaling"] = {"rope_type": "linear", "factor": config.rotary_factor}
    if config.window is not None:
        values["sliding_window"] = config.window
        if kind == "qwen3_moe":  # older versions have the window only from layer max_window_layers on
            values |= {"use_sliding_window": True, "max_window_layers": 0}
    return values


def _tensors(config: GPTConfig, packed: bool) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yield the name of each Hugging Face tensor except the experts', its name here, and its shape."""
    c, d, kind = config.d_model, config.d_head, kind_of(config)
    shapes = {
        "attention.query": (config.n_head * d, c),
        "attention.key": (config.n_kv_head * d, c),
        "attention.value": (config.n_kv_head * d, c),
        "attention.output": (c, config.n_head * d),
        "attention.query_norm": (d,),
        "attention.key_norm": (d,),
        "feed_forward.router": (config.moe.n_expert, c),
    }
    block = _BLOCK | {f"{_PACKED_MIXTURE if packed else _MIXTURE[kind]}.gate": "feed_forward.router"}
    if config.qk_norm:
        block |= _QK_NORM
    yield "model.embed_tokens.weight", "token.weight", (config.vocab_size, c)
    yield "model.norm.weight", "norm.weight", (c,)
    if not config.tied_head:
        yield HEAD, "head.weight", (config.vocab_size, c)
    for i in range(config.n_layer):
        for reference, name in block.items():
            yield f"model.layers.{i}.{reference}.weight", f"blocks.{i}.{name}.weight", shapes.get(name, (c,))


def _expert(config: GPTConfig, layer: int, expert: int, matrix: str) -> str:
    """Return the name of the gate, up or down matrix of one expert in files."""
    kind = kind_of(config)
    return f"model.layers.{layer}.{_MIXTURE[kind]}.experts.{expert}.{_MATRICES[kind][matrix]}.weight"


def _expert_shapes(config: GPTConfig, packed: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name and shape of each Hugging Face tensor that holds experts."""
    c, h, n = config.d_model, config.d_ff, config.moe.n_expert
    for i in range(config.n_layer):
        if packed:
            yield f"model.layers.{i}.{_PACKED_MIXTURE}.{_GATE_UP}", (n, 2 * h, c)
            yield f"model.layers.{i}.{_PACKED_MIXTURE}.{_DOWN}", (n, c, h)
        else:
            for e in range(n):
                for matrix, shape in (("gate", (h, c)), ("up", (h, c)), ("down", (c, h))):
                    yield _expert(config, i, e, matrix), shape


def _shapes(config: GPTConfig, packed: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _expert_shapes(config, packed)
    for name, _, shape in _tensors(config, packed):
        yield name, shape


def tensors_from(tensors: Mapping[str, Tensor], config: GPTConfig, source: str) -> dict[str, Tensor]:
    """Rename Hugging Face tensors, and stack the experts; see `formats.tensors_from`.

    Each expert has tensors of its own, as in files, or all experts of a layer are packed, as in transformers 5.
    """
    packed = any(name.endswith((_GATE_UP, _DOWN)) for name in tensors)
    tied_to = "model.embed_tokens.weight" if config.tied_head else None
    require_exactly(tensors, _shapes(config, packed), kind_of(config), source, tied_to)
    converted = {name: tensors[reference] for reference, name, _ in _tensors(config, packed)}
    for i in range(config.n_layer):
        layer = f"blocks.{i}.feed_forward"
        if packed:
            mixture = f"model.layers.{i}.{_PACKED_MIXTURE}"
            gate, up = tensors[f"{mixture}.{_GATE_UP}"].chunk(2, dim=1)
            matrices = {"gate": gate, "up": up, "down": tensors[f"{mixture}.{_DOWN}"]}
        else:
            matrices = {
                name: torch.stack([tensors[_expert(config, i, e, name)] for e in range(config.moe.n_expert)])
                for name in ("gate", "up", "down")
            }
        converted |= {f"{layer}.experts.{name}.weight": stacked for name, stacked in matrices.items()}
        if config.moe.balance == "bias":  # selection there has no bias, which is equivalent to a bias of zeros
            converted[f"{layer}.router.selection_bias"] = converted[f"{layer}.router.weight"].new_zeros(
                config.moe.n_expert
            )
    return converted


def tensors_to(tensors: Mapping[str, Tensor], config: GPTConfig, *, packed: bool) -> dict[str, Tensor]:
    """Rename the tensors of a GPT, and split or pack its experts; see `formats.tensors_to`."""
    converted = {reference: tensors[name] for reference, name, _ in _tensors(config, packed)}
    for i in range(config.n_layer):
        layer = f"blocks.{i}.feed_forward"
        bias = tensors.get(f"{layer}.router.selection_bias")
        if bias is not None and bias.any():
            raise ValueError(
                f"moe.balance='bias': the router of block {i} has a selection bias, and Hugging Face's "
                f"{kind_of(config)} has none"
            )
        gate, up, down = (tensors[f"{layer}.experts.{name}.weight"] for name in ("gate", "up", "down"))
        if packed:
            mixture = f"model.layers.{i}.{_PACKED_MIXTURE}"
            converted |= {f"{mixture}.{_GATE_UP}": torch.cat([gate, up], dim=1), f"{mixture}.{_DOWN}": down}
        else:
            for name, stacked in (("gate", gate), ("up", up), ("down", down)):
                converted |= {_expert(config, i, e, name): matrix for e, matrix in enumerate(stacked)}
    return converted | {HEAD: tensors["token.weight"]} if config.tied_head else converted
