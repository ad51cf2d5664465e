"""GPT-1 and GPT-2 in Hugging Face's words: which of their keys and tensors is which of ours."""

import re
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

# What every model of a kind is, in our words.
_ALWAYS: dict[str, dict[str, object]] = {
    "openai-gpt": {"norm_position": "post", "final_norm": False, "initialization": "gpt1"},
    "gpt2": {"norm_position": "pre", "final_norm": True, "initialization": "gpt2"},
}
KINDS = tuple(_ALWAYS)
"""The `model_type` of each model in this file."""
_SIZES = {"n_positions": "block_size", "n_embd": "d_model"} | {n: n for n in ("vocab_size", "n_layer", "n_head")}
_DROPOUTS = ("resid_pdrop", "embd_pdrop", "attn_pdrop")
# The key, its value where it is absent, and what each value is called here. GPT-1's "gelu" is the tanh formula.
_ACTIVATIONS: dict[str, tuple[str, str, dict[str, str]]] = {
    "openai-gpt": ("afn", "gelu", {"gelu": "gelu_tanh", "relu": "relu"}),
    "gpt2": (
        "activation_function",
        "gelu_new",
        {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu": "gelu", "relu": "relu", "relu2": "relu2"},
    ),
}
# Switches of GPT-2 that change what it computes, and their only setting that a GPT here has.
_SWITCHES = {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False}
_SWITCHES |= {"reorder_and_upcast_attn": False, "add_cross_attention": False}
# Fields that `config_to` looks at one by one; every other one must have its default.
_EXPRESSED = {
    *_SIZES.values(), *_ALWAYS["gpt2"], "n_kv_head", "d_head", "d_ff", "activation", "norm_eps", "rotary_base",
    "qkv_bias", "bias", "tied_head", "dropout",
}  # fmt: skip

_OUTSIDE: dict[str, dict[str, str]] = {
    "openai-gpt": {"tokens_embed": "token", "positions_embed": "position.table"},
    "gpt2": {"wte": "token", "wpe": "position.table"},
}
# One module there may be several here: c_attn is query, key and value side by side.
_BLOCK: dict[str, tuple[str, ...]] = {
    "ln_1": ("norm_attention",),
    "attn.c_attn": ("attention.query", "attention.key", "attention.value"),
    "attn.c_proj": ("attention.output",),
    "ln_2": ("norm_feed_forward",),
    "mlp.c_fc": ("feed_forward.up",),
    "mlp.c_proj": ("feed_forward.down",),
}
_BUFFER = re.compile(r"(^|\.)(attn\.(bias|masked_bias)|position_ids)$")  # masks and counters, not weights
_OLD_NAMES = {"gamma": "weight", "beta": "bias", "g": "weight", "w": "weight", "b": "bias"}


def config_from(values: Mapping[str, object]) -> dict[str, object]:
    """Translate a Hugging Face configuration into the fields of a `GPTConfig`.

    Raises:
        ValueError: naming the key and its value, where a GPT here cannot be what it asks for.
    """
    kind = values["model_type"]
    require_keys(values, _SIZES)
    require_settings(values, _SWITCHES)
    key, default, names = _ACTIVATIONS[kind]
    activation = values.get(key, default)
    if activation not in names:
        raise ValueError(f"unknown {key} {activation!r}; known are {', '.join(names)}")
    dropouts = {key: values.get(key, 0.1) for key in _DROPOUTS}
    if len(set(dropouts.values())) > 1:
        raise ValueError(f"a GPT here has one dropout for all three, got {dropouts}")
    return {
        **{ours: values[theirs] for theirs, ours in _SIZES.items()},
        **_ALWAYS[kind],
        "d_ff": values.get("n_inner"),
        "activation": names[activation],
        "norm_eps": values.get("layer_norm_epsilon", 1e-5),
        "qkv_bias": True,
        "tied_head": values.get("tie_word_embeddings", True),
        "dropout": dropouts["resid_pdrop"],
    }


def kind_of(config: GPTConfig) -> str:
    """Return the `model_type` of the model whose blocks are built like this one's: openai-gpt if post-norm."""
    return next(kind for kind, always in _ALWAYS.items() if always["norm_position"] == config.norm_position)


def config_to(config: GPTConfig) -> dict[str, object]:
    """Translate a `GPTConfig` into a Hugging Face configuration, of GPT-1 if it is post-norm, else of GPT-2.

    Raises:
        ValueError: naming the field that neither has, its value, and what that kind has instead.
    """
    kind = kind_of(config)
    key, _, names = _ACTIVATIONS[kind]
    activations = {ours: theirs for theirs, ours in reversed(names.items())}  # of two names, the first
    allowed = {f.name: (f.default,) for f in fields(config) if f.name not in _EXPRESSED}
    allowed |= {"final_norm": (_ALWAYS[kind]["final_norm"],), "activation": tuple(activations)}
    allowed |= {"n_kv_head": (config.n_head,), "d_head": (config.d_model / config.n_head,)}
    if kind == "openai-gpt":
        allowed["d_ff"] = (4 * config.d_model,)
    require_expressible(config, allowed, kind)
    return {
        "model_type": kind,
        **{theirs: getattr(config, ours) for theirs, ours in _SIZES.items()},
        **dict.fromkeys(_DROPOUTS, config.dropout),
        **({"n_inner": config.d_ff} if kind == "gpt2" else {}),
        key: activations[config.activation],
        "layer_norm_epsilon": config.norm_eps,
        "tie_word_embeddings": config.tied_head,
    }


def _modules(config: GPTConfig) -> dict[str, tuple[str, ...]]:
    """Map each module with weight and bias to its counterparts here."""
    modules = {
        f"h.{i}.{theirs}": tuple(f"blocks.{i}.{name}" for name in ours)
        for i in range(config.n_layer)
        for theirs, ours in _BLOCK.items()
    }
    return modules | ({"ln_f": ("norm",)} if config.final_norm else {})


def _shapes(config: GPTConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of a Hugging Face model, whose matrices are (in, out)."""
    c, f = config.d_model, config.d_ff
    matrices = {"attn.c_attn": (c, 3 * c), "attn.c_proj": (c, c), "mlp.c_fc": (c, f), "mlp.c_proj": (f, c)}
    shapes = {}
    for name in _modules(config):
        shape = matrices.get(name.split(".", 2)[-1], (c,))
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[-1:]}
    token, position = _OUTSIDE[kind_of(config)]
    shapes |= {f"{token}.weight": (config.vocab_size, c), f"{position}.weight": (config.block_size, c)}
    return shapes if config.tied_head else shapes | {HEAD: (config.vocab_size, c)}


def _modern(name: str) -> str:
    module, _, part = name.removeprefix("transformer.").rpartition(".")
    return f"{module}.{_OLD_NAMES.get(part, part)}"


def tensors_from(tensors: Mapping[str, Tensor], config: GPTConfig, source: str = "the weights") -> dict[str, Tensor]:
    """Rename, transpose and split Hugging Face's tensors into ours.

    Args:
        tensors: with or without the prefix "transformer.", in today's names or those of the first releases; masks
            that old files hold beside the weights are passed over.
        config: from `config_from`.
        source: named in errors.

    Raises:
        ValueError: naming the first tensor that is missing, unknown or of another shape, or a tied head that differs.
    """
    found = {_modern(name): tensor for name, tensor in tensors.items() if not _BUFFER.search(name)}
    kind, shapes = kind_of(config), _shapes(config)
    if config.tied_head:
        drop_second_table(found, f"{next(iter(_OUTSIDE[kind]))}.weight", source)
    require_exactly(found, shapes, kind, source)
    ours = {f"{name}.weight": found[f"{theirs}.weight"] for theirs, name in _OUTSIDE[kind].items()}
    for theirs, names in _modules(config).items():
        # nn.Linear keeps (out, in), and so the split runs along the first axis of both.
        for part in ("weight", "bias"):
            pieces = found[f"{theirs}.{part}"].t().chunk(len(names))
            ours |= {f"{name}.{part}": piece for name, piece in zip(names, pieces, strict=True)}
    if not config.tied_head:
        # Theirs has no bias, which is a bias of zeros.
        ours |= {"head.weight": found[HEAD], "head.bias": found[HEAD].new_zeros(config.vocab_size)}
    return ours


def tensors_to(tensors: Mapping[str, Tensor], config: GPTConfig) -> dict[str, Tensor]:
    """Join, transpose and rename our tensors into Hugging Face's; a bias that we lack becomes zeros.

    Raises:
        ValueError: if an untied head has a bias other than zeros, which Hugging Face's head lacks.
    """
    outside = _OUTSIDE[kind_of(config)].items()
    theirs = {f"transformer.{name}.weight": tensors[f"{ours}.weight"] for name, ours in outside}
    for name, ours in _modules(config).items():
        weights = [tensors[f"{each}.weight"] for each in ours]
        biases = [tensors.get(f"{each}.bias", w.new_zeros(len(w))) for each, w in zip(ours, weights, strict=True)]
        theirs |= {f"transformer.{name}.weight": torch.cat(weights).t(), f"transformer.{name}.bias": torch.cat(biases)}
    if "head.bias" in tensors and tensors["head.bias"].any():
        raise ValueError("tied_head=False with bias=True: this head has a bias, and Hugging Face's has none")
    return theirs | {HEAD: tensors["token.weight" if config.tied_head else "head.weight"]}
