"""The shape of a GPT as data. The defaults are GPT-0, the small character model of slide 24."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from lecture21._support.validation import (
    from_dict,
    require_choice,
    require_heads,
    require_number,
    require_switch,
    require_whole,
)
from lecture21.gpt.initialization import INITIALIZATIONS
from lecture21.layers.blocks import NORMS
from lecture21.layers.feed_forward import ACTIVATIONS
from lecture21.layers.positions import POSITIONS, SCALINGS
from lecture21.moe import MoEConfig

CHOICES: dict[str, tuple[str, ...]] = {
    "activation": tuple(ACTIVATIONS),
    "norm": tuple(NORMS),
    "norm_position": ("pre", "post"),
    "position": tuple(POSITIONS),
    "rotary_scaling": tuple(SCALINGS),
    "initialization": tuple(INITIALIZATIONS),
}
"""The allowed values of each field that is a word."""


@dataclass(frozen=True)
class GPTConfig:
    """The shape of a GPT, checked when it is constructed; the defaults are GPT-0."""

    vocab_size: int = 65
    """Number of distinct tokens V."""
    block_size: int = 32
    """Longest context in tokens."""
    n_layer: int = 4
    """Number of blocks L."""
    n_head: int = 4
    """Number of query heads H in each block; divides d_model if d_head is not given."""
    d_model: int = 64
    """Width C of the residual stream (embedding dimension)."""
    n_kv_head: int | None = None
    """Number of key and value heads, which divides n_head; n_head if not given."""
    d_head: int | None = None
    """Width D of a head; C / H if not given."""
    d_ff: int | None = None
    """Width of the feed-forward layer, or of each expert in it; 4 C if not given."""
    activation: str = "relu"
    """Nonlinearity of the feed-forward layer: relu, gelu, gelu_tanh, relu2 or swiglu."""
    norm: str = "layernorm"
    """layernorm or rmsnorm."""
    norm_position: str = "pre"
    """pre: a norm before each layer (GPT-2); post: a norm after each residual sum (GPT-1)."""
    final_norm: bool = True
    """Whether there is a norm before the output layer."""
    norm_eps: float = 1e-5
    """Added to the variance in each norm."""
    position: str = "learned"
    """Position encoding: learned, sinusoidal, rotary or none."""
    rotary_base: float = 10000.0
    """Base of the rotation angles of rotary positions."""
    rotary_scaling: str = "interpolation"
    """How rotary positions are scaled to longer contexts: interpolation or ntk."""
    rotary_factor: float = 1.0
    """Factor by which rotary positions are scaled; 1.0 disables scaling."""
    window: int | None = None
    """Number of positions that a token attends to, its own included; all earlier ones if not given."""
    qk_norm: bool = False
    """Whether queries and keys are normalized in each head (QK-norm)."""
    qkv_bias: bool = False
    """Whether query, key and value maps have a bias."""
    bias: bool = True
    """Whether the other maps have a bias: attention output, feed-forward and an untied head."""
    tied_head: bool = False
    """Whether the output layer is the transposed embedding table instead of a separate layer."""
    initialization: str = "torch"
    """Initialization of the weights: torch, gpt1, gpt2 or zero."""
    logit_cap: float | None = None
    """Bound c of the logits, as c tanh(logit / c) (Gemma Team 2024); not bounded if not given."""
    causal: bool = True
    """Whether a position attends only to itself and earlier ones. A GPT without this sees the tokens it predicts."""
    dropout: float = 0.0
    """Probability of dropping an activation in training."""
    attention_dropout: float | None = None
    """Probability of dropping an attention weight in training; dropout if not given."""
    moe: MoEConfig | Mapping[str, object] | None = None
    """A sparse mixture of experts in place of each feed-forward layer, as a `MoEConfig` or a mapping of its fields."""

    def __post_init__(self) -> None:
        optional = ("n_kv_head", "d_head", "d_ff", "window")
        for name in ("vocab_size", "block_size", "n_layer", "n_head", "d_model", *optional):
            if getattr(self, name) is not None or name not in optional:
                require_whole(name, getattr(self, name))
        for name in ("final_norm", "qk_norm", "qkv_bias", "bias", "tied_head", "causal"):
            require_switch(name, getattr(self, name))
        for name, allowed in CHOICES.items():
            require_choice(name, getattr(self, name), allowed)
        require_number("dropout", self.dropout, "in [0, 1)", lambda x: 0 <= x < 1)
        if self.attention_dropout is not None:
            require_number("attention_dropout", self.attention_dropout, "in [0, 1)", lambda x: 0 <= x < 1)
        for name in ("norm_eps", "rotary_base"):
            require_number(name, getattr(self, name), "a positive number", lambda x: 0 < x < math.inf)
        if self.logit_cap is not None:
            require_number("logit_cap", self.logit_cap, "a positive number or None", lambda x: 0 < x < math.inf)
        if self.window is not None and not self.causal:
            raise ValueError(f"window={self.window} needs causal=True")
        require_number("rotary_factor", self.rotary_factor, "a number >= 1", lambda x: 1 <= x < math.inf)
        if self.rotary_factor != 1 and self.position != "rotary":
            raise ValueError(f"rotary_factor={self.rotary_factor} needs position='rotary', got {self.position!r}")
        if isinstance(self.moe, Mapping):
            object.__setattr__(self, "moe", from_dict(MoEConfig, self.moe, source="moe"))
        if not isinstance(self.moe, MoEConfig | None):
            raise ValueError(f"moe must be a MoEConfig, a mapping of its fields or None, got {self.moe!r}")
        self._fill_in()

    def _fill_in(self) -> None:
        """Derive the sizes that were not given, and check that the sizes are consistent."""
        require_heads(self.d_model, self.n_head, self.n_kv_head or self.n_head, self.d_head)
        sizes = {"d_head": self.d_model // self.n_head, "n_kv_head": self.n_head, "d_ff": 4 * self.d_model}
        derived = frozenset(name for name in sizes if getattr(self, name) is None)
        for name in derived:
            object.__setattr__(self, name, sizes[name])
        object.__setattr__(self, "_derived", derived)  # no field: two ways to give one size are equal configurations
        if self.position == "sinusoidal" and self.d_model % 2:
            raise ValueError(f"sinusoidal positions need an even d_model, got {self.d_model}")
        if self.position == "rotary" and self.d_head % 2:
            raise ValueError(f"rotary positions need an even d_head, got {self.d_head}")

    @property
    def derived(self) -> frozenset[str]:
        """The sizes among d_head, n_kv_head and d_ff that were not given."""
        return self._derived

    @classmethod
    def from_dict(cls, values: Mapping[str, object], source: str = "the configuration") -> "GPTConfig":
        """Build a configuration from parsed JSON; `source` is named when a field is unknown."""
        return from_dict(cls, values, source)

    def changed(self, **changes: object) -> "GPTConfig":
        """Return a copy with some fields changed.

        A size that was not given when this configuration was made (d_head, n_kv_head, d_ff) is derived again from the
        new fields. A size that was given stays, and so does one that was read from a file, even if it equals what would
        be derived; None as the new value derives it. A mapping for `moe` changes the fields that it names.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        unknown = sorted(set(changes) - set(values))
        if unknown:
            raise ValueError(f"unknown fields {', '.join(unknown)}; known are {', '.join(values)}")
        values |= dict.fromkeys(self.derived)
        if self.moe is not None and isinstance(changes.get("moe"), Mapping):
            changes = {**changes, "moe": {**vars(self.moe), **changes["moe"]}}
        return type(self)(**{**values, **changes})
