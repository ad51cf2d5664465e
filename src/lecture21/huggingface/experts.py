"""Mixtral and Qwen3-MoE in Hugging Face's words: which of their keys and tensors is which of ours.

Both are the same GPT: rotary positions, RMS norms, grouped heads, a sliding window where one is asked for, and in every
block a mixture of gated experts. Qwen3 normalises queries and keys and may leave the weights of the chosen experts as
they are; Mixtral does neither.

The logits are the same there and here. The training loss is not, where experts are balanced: `transformers` adds its
balance loss once, over the tokens of all layers together, and it is k at balance; the one here is per layer, and 1 at
balance. The weight of that loss is carried over as it is.
"""

from collections.abc import Mapping
from dataclasses import fields

import torch
from torch import Tensor

from lecture21.config import GPTConfig
from lecture21.huggingface.matching import (
    HEAD,
    drop_second_table,
    require_exactly,
    require_expressible,
    require_keys,
    require_settings,
)
from lecture21.moe import MoEConfig

KINDS = ("mixtral", "qwen3_moe")
"""The `model_type` of each model in this file."""
_SIZES = {
    "vocab_size": "vocab_size", "max_position_embeddings": "block_size", "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head", "num_key_value_heads": "n_kv_head", "hidden_size": "d_model",
}  # fmt: skip
# The number of experts, which transformers 5 calls num_local_experts in both, and the width of one.
_N_EXPERT = {"mixtral": "num_local_experts", "qwen3_moe": "num_experts"}
_D_EXPERT = {"mixtral": "intermediate_size", "qwen3_moe": "moe_intermediate_size"}
# What a key is where it is absent.
_DEFAULTS: dict[str, dict[str, object]] = {
    "mixtral": {"rms_norm_eps": 1e-5, "rope_theta": 1e6, "sliding_window": None},
    "qwen3_moe": {"rms_norm_eps": 1e-6, "rope_theta": 1e4, "sliding_window": 4096},
}
# What changes the model, and its only setting that a GPT here has.
_SETTINGS: dict[str, dict[str, object]] = {
    "mixtral": {"hidden_act": "silu", "attention_dropout": 0.0, "router_jitter_noise": 0.0},
    "qwen3_moe": {"hidden_act": "silu", "attention_dropout": 0.0, "attention_bias": False, "decoder_sparse_step": 1},
}
# What every model of the two is, in our words.
_ALWAYS: dict[str, object] = {
    "norm": "rmsnorm", "norm_position": "pre", "final_norm": True, "position": "rotary", "activation": "swiglu",
    "qkv_bias": False, "bias": False, "dropout": 0.0,
}  # fmt: skip
# Fields that may have any value, ours and the mixture's; every other one has that of _ALWAYS or its default.
_FREE = {
    *_SIZES.values(), "d_head", "d_ff", "norm_eps", "rotary_base", "rotary_factor", "window", "qk_norm", "tied_head",
    "initialization", "moe",
}  # fmt: skip
_FREE_MOE = {"n_expert", "top_k", "softmax", "renormalise", "balance", "aux_weight", "bias_rate"}

_BLOCK = {
    "input_layernorm": "norm_attention",
    "self_attn.q_proj": "attention.query",
    "self_attn.k_proj": "attention.key",
    "self_attn.v_proj": "attention.value",
    "self_attn.o_proj": "attention.output",
    "post_attention_layernorm": "norm_feed_forward",
}
_QK_NORM = {"self_attn.q_norm": "attention.query_norm", "self_attn.k_norm": "attention.key_norm"}
# Where the mixture stands in a block, and what its three maps are called, each expert by itself: so it is in files,
# and in the memory of transformers 4. In the memory of transformers 5 all experts of a layer are one tensor.
_MIXTURE = {"mixtral": "block_sparse_moe", "qwen3_moe": "mlp"}
_MAPS = {
    "mixtral": {"gate": "w1", "up": "w3", "down": "w2"},
    "qwen3_moe": {"gate": "gate_proj", "up": "up_proj", "down": "down_proj"},
}
_PACKED_MIXTURE, _GATE_UP, _DOWN = "mlp", "experts.gate_up_proj", "experts.down_proj"


def kind_of(config: GPTConfig) -> str:
    """Return the `model_type` of the model that this one can be: qwen3_moe if queries and keys are normalised."""
    return "qwen3_moe" if config.qk_norm else "mixtral"


def _rotary(values: Mapping[str, object]) -> dict[str, object]:
    """Return base and factor of the rotary angles, which transformers 5 keeps in a dictionary of its own.

    What is called linear there is position interpolation: every angle divided by the factor.
    """
    base, factor = values["rope_theta"], 1.0
    for key in ("rope_scaling", "rope_parameters"):
        rope = values.get(key) or {}
        known = isinstance(rope, Mapping) and not rope.keys() - {"rope_theta", "rope_type", "type", "factor"}
        kind = rope.get("rope_type", rope.get("type", "default")) if known else None
        if kind not in ("default", "linear") or (kind == "linear") != ("factor" in rope):
            raise ValueError(
                f"{key} is {rope!r}, and a GPT here can only have the rope_type 'default', or 'linear' with a factor"
            )
        base, factor = rope.get("rope_theta", base), rope.get("factor", factor)
    return {"rotary_base": base, "rotary_factor": factor}


def _window(values: Mapping[str, object]) -> object:
    """Return how many positions a token sees, itself included here as there; None where that is all of them."""
    qwen = values["model_type"] == "qwen3_moe"
    window = values["sliding_window"]
    if window is None or (qwen and not values.get("use_sliding_window")):  # Mixtral's needs no switch
        return None
    if qwen and values.get("max_window_layers", 0):
        raise ValueError(
            f"max_window_layers is {values['max_window_layers']!r}, with which some versions of transformers leave the "
            "first layers without a window, and others none; a GPT here has its window in every layer"
        )
    return window if window < values["max_position_embeddings"] else None


def config_from(values: Mapping[str, object]) -> dict[str, object]:
    """Translate a Hugging Face configuration into the fields of a `GPTConfig`.

    The experts are balanced as there: by an auxiliary loss if `output_router_logits`, else not at all.

    Raises:
        ValueError: naming the key and its value, where a GPT here cannot be what it asks for.
    """
    kind = values["model_type"]
    if "num_local_experts" in values:
        values = {_N_EXPERT[kind]: values["num_local_experts"], **values}
    require_keys(values, [*_SIZES, _N_EXPERT[kind], "num_experts_per_tok", _D_EXPERT[kind]])
    require_settings(values, _SETTINGS[kind])
    values = {**_DEFAULTS[kind], **values}
    if values.get("mlp_only_layers"):
        raise ValueError(f"mlp_only_layers is {values['mlp_only_layers']!r}, and a GPT here has experts in every block")
    n_expert, top_k = values[_N_EXPERT[kind]], values["num_experts_per_tok"]
    renormalise = kind == "mixtral" or values.get("norm_topk_prob", False)
    if renormalise and top_k == 1 and n_expert != 1:
        raise ValueError(
            f"num_experts_per_tok is 1, and {kind} then gives the chosen expert the weight 1 whatever the router says; "
            "a GPT here would leave it the router's probability"
        )
    balanced = values.get("output_router_logits", False)
    return {
        **_ALWAYS,
        **{ours: values[theirs] for theirs, ours in _SIZES.items()},
        "d_head": values.get("head_dim") or values["hidden_size"] // max(values["num_attention_heads"], 1),
        "d_ff": values[_D_EXPERT[kind]],
        "norm_eps": values["rms_norm_eps"],
        **_rotary(values),
        "window": _window(values),
        "qk_norm": kind == "qwen3_moe",
        "tied_head": values.get("tie_word_embeddings", False),
        "moe": MoEConfig(
            n_expert=n_expert,
            top_k=top_k,
            renormalise=renormalise,
            balance="aux" if balanced else "none",
            **({"aux_weight": values.get("router_aux_loss_coef", 0.001)} if balanced else {}),
        ),
    }


def config_to(config: GPTConfig) -> dict[str, object]:
    """Translate a `GPTConfig` with experts into a Hugging Face configuration, of the kind that `kind_of` names.

    Raises:
        ValueError: naming the field that this kind has not, its value, and what that kind has instead.
    """
    kind, moe = kind_of(config), config.moe
    allowed = {f.name: (_ALWAYS.get(f.name, f.default),) for f in fields(config) if f.name not in _FREE}
    allowed |= {f"moe.{f.name}": (f.default,) for f in fields(moe) if f.name not in _FREE_MOE}
    # Mixtral's weights sum to 1; so do those of all experts together, which need no division.
    if kind == "mixtral" and moe.top_k != moe.n_expert:
        allowed["moe.normalises"] = (True,)
    require_expressible(config, allowed, kind)
    stretched = {"rope_type": "linear", "factor": config.rotary_factor}
    windowed = {"sliding_window": config.window}
    if kind == "qwen3_moe":  # older versions begin to count at max_window_layers
        windowed |= {"use_sliding_window": True, "max_window_layers": 0}
    return {
        "model_type": kind,
        **{theirs: getattr(config, ours) for theirs, ours in _SIZES.items()},
        "head_dim": config.d_head,
        _D_EXPERT[kind]: config.d_ff,
        _N_EXPERT[kind]: moe.n_expert,
        "num_experts_per_tok": moe.top_k,
        **({"norm_topk_prob": moe.normalises} if kind == "qwen3_moe" else {}),
        "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rotary_base,
        **({"rope_scaling": stretched} if config.rotary_factor != 1 else {}),
        **(windowed if config.window is not None else {}),
        "tie_word_embeddings": config.tied_head,
        "output_router_logits": moe.balance == "aux",
        **({"router_aux_loss_coef": moe.aux_weight} if moe.balance == "aux" else {}),
    }


def _alone(config: GPTConfig, packed: bool) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Map each tensor that is one tensor here as well, which is all but the experts, to ours and its shape."""
    c, d = config.d_model, config.d_head
    shapes = {
        "attention.query": (config.n_head * d, c),
        "attention.key": (config.n_kv_head * d, c),
        "attention.value": (config.n_kv_head * d, c),
        "attention.output": (c, config.n_head * d),
        "attention.query_norm": (d,),
        "attention.key_norm": (d,),
        "feed_forward.router": (config.moe.n_expert, c),
    }
    mixture = _PACKED_MIXTURE if packed else _MIXTURE[kind_of(config)]
    block = _BLOCK | {f"{mixture}.gate": "feed_forward.router"} | (_QK_NORM if config.qk_norm else {})
    alone = {
        "model.embed_tokens.weight": ("token.weight", (config.vocab_size, c)),
        "model.norm.weight": ("norm.weight", (c,)),
    }
    for i in range(config.n_layer):
        for theirs, ours in block.items():
            alone[f"model.layers.{i}.{theirs}.weight"] = (f"blocks.{i}.{ours}.weight", shapes.get(ours, (c,)))
    return alone if config.tied_head else alone | {HEAD: ("head.weight", (config.vocab_size, c))}


def _expert(config: GPTConfig, layer: int, expert: int, name: str) -> str:
    """Name the gate, up or down matrix of one expert as files name it."""
    kind = kind_of(config)
    return f"model.layers.{layer}.{_MIXTURE[kind]}.experts.{expert}.{_MAPS[kind][name]}.weight"


def _shapes(config: GPTConfig, packed: bool) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of a Hugging Face model."""
    c, h, n = config.d_model, config.d_ff, config.moe.n_expert
    shapes = {theirs: shape for theirs, (_, shape) in _alone(config, packed).items()}
    for i in range(config.n_layer):
        if packed:
            shapes |= {f"model.layers.{i}.mlp.{_GATE_UP}": (n, 2 * h, c), f"model.layers.{i}.mlp.{_DOWN}": (n, c, h)}
        else:
            for name, shape in (("gate", (h, c)), ("up", (h, c)), ("down", (c, h))):
                shapes |= {_expert(config, i, e, name): shape for e in range(n)}
    return shapes


def tensors_from(tensors: Mapping[str, Tensor], config: GPTConfig, source: str = "the weights") -> dict[str, Tensor]:
    """Rename Hugging Face's tensors into ours, and stack the experts.

    Args:
        tensors: each expert by itself, as files have them, or all of a layer in one, as in transformers 5's memory.
        config: from `config_from`.
        source: named in errors.

    Raises:
        ValueError: naming the first tensor that is missing, unknown or of another shape, or a tied head that differs.
    """
    found = dict(tensors)
    packed = any(name.endswith((_GATE_UP, _DOWN)) for name in found)
    if config.tied_head:
        drop_second_table(found, "model.embed_tokens.weight", source)
    require_exactly(found, _shapes(config, packed), kind_of(config), source)
    ours = {name: found[theirs] for theirs, (name, _) in _alone(config, packed).items()}
    for i in range(config.n_layer):
        if packed:
            mixture = f"model.layers.{i}.{_PACKED_MIXTURE}"
            gate, up = found[f"{mixture}.{_GATE_UP}"].chunk(2, dim=1)
            maps = {"gate": gate, "up": up, "down": found[f"{mixture}.{_DOWN}"]}
        else:
            maps = {
                name: torch.stack([found[_expert(config, i, e, name)] for e in range(config.moe.n_expert)])
                for name in ("gate", "up", "down")
            }
        layer = f"blocks.{i}.feed_forward"
        ours |= {f"{layer}.experts.{name}.weight": stacked for name, stacked in maps.items()}
        if config.moe.balance == "bias":  # theirs chooses without a bias, which is a bias of zeros
            ours[f"{layer}.router.selection_bias"] = ours[f"{layer}.router.weight"].new_zeros(config.moe.n_expert)
    return ours


def tensors_to(tensors: Mapping[str, Tensor], config: GPTConfig, *, packed: bool = False) -> dict[str, Tensor]:
    """Rename our tensors into Hugging Face's, with each expert by itself, or all of a layer in one if `packed`.

    Raises:
        ValueError: if a bias other than zeros takes part in the choice of experts, which Hugging Face's lacks.
    """
    theirs = {name: tensors[ours] for name, (ours, _) in _alone(config, packed).items()}
    for i in range(config.n_layer):
        layer = f"blocks.{i}.feed_forward"
        bias = tensors.get(f"{layer}.router.selection_bias")
        if bias is not None and bias.any():
            raise ValueError(
                f"moe.balance='bias': the router of block {i} chooses with a bias, and Hugging Face's "
                f"{kind_of(config)} has none"
            )
        gate, up, down = (tensors[f"{layer}.experts.{name}.weight"] for name in ("gate", "up", "down"))
        if packed:
            mixture = f"model.layers.{i}.{_PACKED_MIXTURE}"
            theirs |= {f"{mixture}.{_GATE_UP}": torch.cat([gate, up], dim=1), f"{mixture}.{_DOWN}": down}
        else:
            for name, stacked in (("gate", gate), ("up", up), ("down", down)):
                theirs |= {_expert(config, i, e, name): matrix for e, matrix in enumerate(stacked)}
    return theirs | {HEAD: tensors["token.weight"]} if config.tied_head else theirs
