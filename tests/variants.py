"""Every model that the property suite runs over: each preset, and GPT-0 with each other choice of each field.

The choices come from the tables of the package, so a new one is covered at once. Of models that are equal at this small
size, such as all presets of GPT-2, the first one stands for the others.
"""

from collections.abc import Callable
from dataclasses import fields

import torch

from lecture21 import GPT, GPTConfig, presets
from lecture21.gpt.config import CHOICES
from lecture21.layers import MultiHeadAttention
from lecture21.layers.positions import SCALINGS
from lecture21.moe.config import _BALANCES

# None: a size that a preset gives for its own width follows the small width instead.
SMALL = {"vocab_size": 11, "block_size": 12, "n_layer": 2, "n_head": 2, "d_model": 8}
SMALL |= {"d_head": None, "n_kv_head": None, "d_ff": None}

# What Mixtral and Qwen3-MoE share.
MIXTRAL = {"norm": "rmsnorm", "activation": "swiglu", "position": "rotary", "bias": False}

# A model without the causal mask has none of a GPT's properties (tests/gpt/test_gpt.py).
SWITCHES = {f.name: f.default for f in fields(GPTConfig) if isinstance(f.default, bool) and f.name != "causal"}

CHANGES = [
    *({field: name} for field, table in CHOICES.items() for name in table),
    *({name: not default} for name, default in SWITCHES.items()),
    {"logit_cap": 2.0},
    {"logit_cap": 2.0, "tied_head": True},
    {"norm": "rmsnorm", "activation": "swiglu", "position": "rotary", "n_kv_head": 1, "qk_norm": True, "bias": False},
    {"norm_position": "post", "final_norm": False, "tied_head": True},
    {"position": "rotary", "rotary_base": 100.0},
    *({"position": "rotary", "rotary_scaling": name, "rotary_factor": 3.0} for name in SCALINGS),
    *({"window": window} for window in (2, 5, 12, 20)),
    {"window": 4, "position": "rotary", "n_kv_head": 1, "qk_norm": True, "norm": "rmsnorm"},
    {"window": 3, "position": "none", "moe": {}},
    {"n_kv_head": 1},
    {"d_head": 6},
    {"d_ff": 10},
    {"n_head": 1},
    {"n_layer": 1},
    {"dropout": 0.3},
    *({"moe": {"balance": balance}} for balance in _BALANCES),
    *({"moe": {"top_k": k}} for k in (1, 8)),
    {"moe": {"n_expert": 1, "top_k": 1}},
    {"moe": {"softmax": "after"}},
    {"moe": {"gates": "sigmoid"}},
    {"moe": {"renormalize": False}},
    {"moe": {"n_shared": 2}, "d_ff": 10},
    {**MIXTRAL, "moe": {}},
    {**MIXTRAL, "moe": {"renormalize": False}, "qk_norm": True, "d_head": 6, "n_kv_head": 1},
    {"moe": {"z_loss": 0.01}, "activation": "swiglu", "initialization": "gpt2", "bias": False},
]

NAMED: dict[str, GPTConfig] = {name: presets.get(name, **SMALL) for name in presets.names()}
NAMED |= {
    ",".join(f"{field}={value}" for field, value in change.items()): GPTConfig(**{**SMALL, **change})
    for change in CHANGES
}
CONFIGS: dict[str, GPTConfig] = {}
for name, config in NAMED.items():
    if config not in CONFIGS.values():
        CONFIGS[name] = config


def make(config: GPTConfig, *, seed: int = 0, dtype: torch.dtype = torch.float64) -> GPT:
    """Return a model in evaluation mode whose every parameter is random, so that no bias is 0."""
    torch.manual_seed(seed)
    model = GPT(config).to(dtype).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def random_ids(config: GPTConfig, batch: int = 2, length: int | None = None, seed: int = 1) -> torch.Tensor:
    """Return token ids that fill the block, or `length` of it."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(config.vocab_size, (batch, length or config.block_size), generator=generator)


def dropouts(model: torch.nn.Module, run: Callable[[], torch.Tensor]) -> dict[str, tuple[float, bool]]:
    """Return the probability of each dropout, and whether it alone changes what `run` returns in training."""
    parts = {name: (part, "p") for name, part in model.named_modules() if isinstance(part, torch.nn.Dropout)}
    for name, part in model.named_modules():
        if isinstance(part, MultiHeadAttention):
            parts[f"{name}.weights"] = (part, "attention_dropout")
    given = {name: getattr(*place) for name, place in parts.items()}
    for part, attribute in parts.values():
        setattr(part, attribute, 0.0)
    model.train()
    assert torch.equal(run(), run())  # there is no other
    acts = {}
    for name, (part, attribute) in parts.items():
        setattr(part, attribute, given[name])
        acts[name] = given[name], not torch.equal(run(), run())
        setattr(part, attribute, 0.0)
    return acts
