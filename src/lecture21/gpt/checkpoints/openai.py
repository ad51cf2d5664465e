"""GPT-1 and GPT-2 in Hugging Face's format: the correspondence of configuration keys and tensors."""

import re
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

# The fields that are fixed for every model of a kind.
_ALWAYS: dict[str, dict[str, object]] = {
    "openai-gpt": {"norm_position": "post", "final_norm": False, "initialization": "gpt1"},
    "gpt2": {"norm_position": "pre", "final_norm": True, "initialization": "gpt2"},
}
KINDS = tuple(_ALWAYS)
"""The `model_type` of each model in this file."""
_SIZES = {"n_positions": "block_size", "n_embd": "d_model"} | {n: n for n in ("vocab_size", "n_layer", "n_head")}
_DROPOUTS = ("resid_pdrop", "embd_pdrop", "attn_pdrop")
# The key, its default, and the name of each value in this package. GPT-1's "gelu" is the tanh approximation.
ACTIVATIONS: dict[str, tuple[str, str, dict[str, str]]] = {
    "openai-gpt": ("afn", "gelu", {"gelu": "gelu_tanh", "relu": "relu"}),
    "gpt2": (
        "activation_function",
        "gelu_new",
        {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu": "gelu", "relu": "relu", "relu2": "relu2"},
    ),
}
# Switches of GPT-2 that change what it computes, and the supported setting.
_SWITCHES = {
    "scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False, "reorder_and_upcast_attn": False,
    "add_cross_attention": False,
}  # fmt: skip
# Fields that `config_to` treats one by one; every other field must have its default.
_EXPRESSED = {
    *_SIZES.values(), *_ALWAYS["gpt2"], "n_kv_head", "d_head", "d_ff", "activation", "norm_eps", "rotary_base",
    "qkv_bias", "bias", "tied_head", "dropout",
}  # fmt: skip

_EMBEDDINGS: dict[str, dict[str, str]] = {
    "openai-gpt": {"tokens_embed": "token", "positions_embed": "position.table"},
    "gpt2": {"wte": "token", "wpe": "position.table"},
}
# One Hugging Face module may be several here: c_attn is query, key and value side by side.
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
    """Translate a Hugging Face configuration into the fields of a `GPTConfig`; see `formats.config_from`."""
    kind = values["model_type"]
    key, default, names = ACTIVATIONS[kind]
    require_keys(values, _SIZES)
    require_settings(values, _SWITCHES)
    for size in _SIZES:
        require(size, values[size], WHOLE)
    activation = values.get(key, default)
    if activation not in names:
        raise ValueError(f"unknown {key} {printable(repr(activation))}; known are {', '.join(names)}")
    dropouts = {name: values.get(name, 0.1) for name in _DROPOUTS}
    if len(set(dropouts.values())) > 1:
        raise ValueError(f"only one dropout rate for all three is supported, got {printable(repr(dropouts))}")
    return {
        **{field: values[key] for key, field in _SIZES.items()},
        **_ALWAYS[kind],
        "d_ff": values.get("n_inner"),
        "activation": names[activation],
        "norm_eps": values.get("layer_norm_epsilon", 1e-5),
        "qkv_bias": True,
        "tied_head": values.get("tie_word_embeddings", True),
        "dropout": dropouts["resid_pdrop"],
    }


def kind_of(config: GPTConfig) -> str:
    """Return openai-gpt if the block is post-norm, otherwise gpt2."""
    return "openai-gpt" if config.norm_position == "post" else "gpt2"


def config_to(config: GPTConfig) -> dict[str, object]:
    """Translate a `GPTConfig` into the configuration of a GPT-1 or GPT-2; see `formats.config_to`."""
    kind = kind_of(config)
    key, _, names = ACTIVATIONS[kind]
    activations = {name: value for value, name in reversed(names.items())}  # the first of two names
    allowed = {f.name: (f.default,) for f in fields(config) if f.name not in _EXPRESSED}
    allowed |= {"final_norm": (_ALWAYS[kind]["final_norm"],), "activation": tuple(activations)}
    allowed |= {"n_kv_head": (config.n_head,), "d_head": (config.d_model / config.n_head,)}
    if kind == "openai-gpt":
        allowed["d_ff"] = (4 * config.d_model,)
    require_expressible(config, allowed, kind)
    values = {key: getattr(config, field) for key, field in _SIZES.items()}
    if kind == "gpt2":
        values["n_inner"] = config.d_ff
    return {
        "model_type": kind,
        **values,
        **dict.fromkeys(_DROPOUTS, config.dropout),
        key: activations[config.activation],
        "layer_norm_epsilon": config.norm_eps,
        "tie_word_embeddings": config.tied_head,
    }


def _modules(config: GPTConfig) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each Hugging Face module that has a weight and a bias, with its counterparts here."""
    for i in range(config.n_layer):
        for reference, names in _BLOCK.items():
            yield f"h.{i}.{reference}", tuple(f"blocks.{i}.{name}" for name in names)
    if config.final_norm:
        yield "ln_f", ("norm",)


def _shapes(config: GPTConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name and shape of each Hugging Face tensor; matrices have the shape (in, out)."""
    c, f = config.d_model, config.d_ff
    matrices = {"attn.c_attn": (c, 3 * c), "attn.c_proj": (c, c), "mlp.c_fc": (c, f), "mlp.c_proj": (f, c)}
    token, position = _EMBEDDINGS[kind_of(config)]
    yield f"{token}.weight", (config.vocab_size, c)
    yield f"{position}.weight", (config.block_size, c)
    if not config.tied_head:
        yield HEAD, (config.vocab_size, c)
    for name, _ in _modules(config):
        shape = matrices.get(name.split(".", 2)[-1], (c,))
        yield f"{name}.weight", shape
        yield f"{name}.bias", shape[-1:]


def _current_name(name: str) -> str:
    module, _, part = name.removeprefix("transformer.").rpartition(".")
    return f"{module}.{_OLD_NAMES.get(part, part)}"


def tensors_from(tensors: Mapping[str, Tensor], config: GPTConfig, source: str) -> dict[str, Tensor]:
    """Rename, transpose and split Hugging Face tensors; see `formats.tensors_from`.

    Names may have the prefix "transformer." or be those of the first releases, and masks in old files are ignored.
    """
    given = {_current_name(name): tensor for name, tensor in tensors.items() if not _BUFFER.search(name)}
    kind = kind_of(config)
    tied_to = f"{next(iter(_EMBEDDINGS[kind]))}.weight" if config.tied_head else None
    require_exactly(given, _shapes(config), kind, source, tied_to)
    converted = {f"{name}.weight": given[f"{reference}.weight"] for reference, name in _EMBEDDINGS[kind].items()}
    for reference, names in _modules(config):
        # nn.Linear stores (out, in), so that the split is along the first axis of both.
        for part in ("weight", "bias"):
            pieces = given[f"{reference}.{part}"].t().chunk(len(names))
            converted |= {f"{name}.{part}": piece for name, piece in zip(names, pieces, strict=True)}
    if not config.tied_head:
        # Hugging Face's output layer has no bias, which is equivalent to a bias of zeros.
        converted |= {"head.weight": given[HEAD], "head.bias": given[HEAD].new_zeros(config.vocab_size)}
    return converted


def tensors_to(tensors: Mapping[str, Tensor], config: GPTConfig, *, packed: bool) -> dict[str, Tensor]:
    """Join, transpose and rename the tensors of a GPT; see `formats.tensors_to`."""
    embeddings = _EMBEDDINGS[kind_of(config)].items()
    converted = {f"transformer.{reference}.weight": tensors[f"{name}.weight"] for reference, name in embeddings}
    for reference, names in _modules(config):
        weights = [tensors[f"{each}.weight"] for each in names]
        biases = [tensors.get(f"{each}.bias", w.new_zeros(len(w))) for each, w in zip(names, weights, strict=True)]
        converted[f"transformer.{reference}.weight"] = torch.cat(weights).t()
        converted[f"transformer.{reference}.bias"] = torch.cat(biases)
    if "head.bias" in tensors and tensors["head.bias"].any():
        raise ValueError("tied_head=False with bias=True: this output layer has a bias, and Hugging Face's has none")
    return converted | {HEAD: tensors["token.weight" if config.tied_head else "head.weight"]}
