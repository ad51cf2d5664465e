"""The shape of a GPT as data. The defaults are GPT-0, the small character model of slide 24."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated

from lecture21._support.contract import Count, Positive, Rate, checked
from lecture21._support.validation import from_dict, in_range, one_of, require_heads
from lecture21.gpt.initialization import INITIALIZATIONS
from lecture21.layers.blocks import NORM_POSITIONS, NORMS
from lecture21.layers.feed_forward import ACTIVATIONS
from lecture21.layers.positions import POSITIONS, SCALINGS
from lecture21.moe import MoEConfig

CHOICES: dict[str, tuple[str, ...]] = {
    "activation": tuple(ACTIVATIONS),
    "norm": tuple(NORMS),
    "norm_position": NORM_POSITIONS,
    "position": tuple(POSITIONS),
    "rotary_scaling": tuple(SCALINGS),
    "initialization": tuple(INITIALIZATIONS),
}
"""The allowed values of each field that is a word."""
Depth = Annotated[int, in_range(1, 10_000, "[]", whole=True)]
"""A number of blocks; even one without weights takes a millisecond to construct."""


@checked
@dataclass(frozen=True)
class GPTConfig:
    """The shape of a GPT, checked when it is constructed; the defaults are GPT-0."""

    vocab_size: Count = 65
    """Number of distinct tokens V."""
    block_size: Count = 32
    """Longest context in tokens."""
    n_layer: Depth = 4
    """Number of blocks L."""
    n_head: Count = 4
    """Number of query heads H in each block; divides d_model if d_head is not given."""
    d_model: Count = 64
    """Width C of the residual stream (embedding dimension)."""
    n_kv_head: Count | None = None
    """Number of key and value heads, which divides n_head; n_head if not given."""
    d_head: Count | None = None
    """Width D of a head; C / H if not given."""
    d_ff: Count | None = None
    """Width of the feed-forward layer, or of each expert in it; 4 C if not given."""
    activation: Annotated[str, one_of(CHOICES["activation"])] = "relu"
    """Nonlinearity of the feed-forward layer: relu, gelu, gelu_tanh, relu2 or swiglu."""
    norm: Annotated[str, one_of(CHOICES["norm"])] = "layernorm"
    """layernorm or rmsnorm."""
    norm_position: Annotated[str, one_of(CHOICES["norm_position"])] = "pre"
    """pre: a norm before each layer (GPT-2); post: a norm after each residual sum (GPT-1)."""
    final_norm: bool = True
    """Whether there is a norm before the output layer."""
    norm_eps: Positive = 1e-5
    """Added to the variance in each norm."""
    position: Annotated[str, one_of(CHOICES["position"])] = "learned"
    """Position encoding: learned, sinusoidal, rotary or none."""
    rotary_base: Positive = 10000.0
    """Base of the rotation angles of rotary positions."""
    rotary_scaling: Annotated[str, one_of(CHOICES["rotary_scaling"])] = "interpolation"
    """How rotary positions are scaled to longer contexts: interpolation or ntk."""
    rotary_factor: Annotated[float, in_range(1)] = 1.0
    """Factor by which rotary positions are scaled; 1.0 disables scaling."""
    window: Count | None = None
    """Number of positions that a token attends to, its own included; all earlier ones if not given."""
    qk_norm: bool = False
    """Whether queries and keys are normalized in each head (QK-norm)."""
    qkv_bias: bool = False
    """Whether query, key and value maps have a bias."""
    bias: bool = True
    """Whether the other maps have a bias: attention output, feed-forward and an untied head."""
    tied_head: bool = False
    """Whether the output layer is the transposed embedding table instead of a separate layer."""
    initialization: Annotated[str, one_of(CHOICES["initialization"])] = "torch"
    """Initialization of the weights: torch, gpt1, gpt2 or zero."""
    logit_cap: Positive | None = None
    """Bound c of the logits, as c tanh(logit / c) (Gemma Team 2024); not bounded if not given."""
    causal: bool = True
    """Whether a position attends only to itself and earlier ones. A GPT without this sees the tokens it predicts."""
    dropout: Rate = 0.0
    """Probability of dropping an activation in training."""
    attention_dropout: Rate | None = None
    """Probability of dropping an attention weight in training; dropout if not given."""
    moe: MoEConfig | Mapping[str, object] | None = None
    """A sparse mixture of experts in place of each feed-forward layer, as a `MoEConfig` or a mapping of its fields."""

    def __post_init__(self) -> None:
        if self.window is not None and not self.causal:
            raise ValueError(f"window={self.window} needs causal=True")
        if self.rotary_factor != 1 and self.position != "rotary":
            raise ValueError(f"rotary_factor={self.rotary_factor} needs position='rotary', got {self.position!r}")
        if isinstance(self.moe, Mapping):
            object.__setattr__(self, "moe", from_dict(MoEConfig, self.moe, source="moe"))
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
