"""The shape of a transformer with sparse layers, as far as its costs go: ours, and those that others have published.

A `Shape` says how wide and how many, not how to compute: it holds what a count needs and what a `GPTConfig` cannot
say (latent attention, sinks, windows, dense layers among sparse ones, an encoder). `shape_of` turns a `GPTConfig` into
one, so that one function counts both.
"""

from dataclasses import dataclass
from typing import ClassVar

from lecture21._support.validation import require_switch, require_whole
from lecture21.config import GPTConfig
from lecture21.layers.feed_forward import ACTIVATIONS


@dataclass(frozen=True)
class Grouped:
    """Attention whose query heads share key and value heads in groups (Ainslie et al. 2023); one each is the usual."""

    n_head: int
    """Number of query heads H."""
    n_kv_head: int
    """Number of key and value heads, which divides H."""
    d_head: int
    """Width D of a head."""
    qkv_bias: bool = False
    """Whether query, key and value maps have a bias."""
    bias: bool = False
    """Whether the output map has one."""
    qk_norm: bool = False
    """Whether queries and keys are normalised in each head, with gains that all heads share."""
    sinks: bool = False
    """Whether each head has a learned score for attending to nothing (gpt-oss)."""
    window: int | None = None
    """Keys that a query sees in a layer that has a window; in the others it sees all."""
    window_every: int = 1
    """1 where every layer has the window, 2 where every second one has, beginning with the first."""

    def __post_init__(self) -> None:
        for name in ("n_head", "n_kv_head", "d_head", "window_every"):
            require_whole(name, getattr(self, name))
        for name in ("qkv_bias", "bias", "qk_norm", "sinks"):
            require_switch(name, getattr(self, name))
        if self.window is not None:
            require_whole("window", self.window)
        if self.n_head % self.n_kv_head:
            raise ValueError(f"n_kv_head must divide n_head, got n_head={self.n_head} and n_kv_head={self.n_kv_head}")

    def matrices(self, d_model: int) -> int:
        """Return the number of weights in the four maps."""
        return 2 * d_model * (self.n_head + self.n_kv_head) * self.d_head

    def vectors(self, d_model: int, of_a_norm: int) -> int:
        """Return the number of parameters in biases, norms and sinks."""
        projections = (self.n_head + 2 * self.n_kv_head) * self.d_head
        norms = 2 * self.qk_norm * of_a_norm * self.d_head
        return self.qkv_bias * projections + self.bias * d_model + norms + self.sinks * self.n_head

    @property
    def flops_per_key(self) -> int:
        """FLOPs of one query with one key, in all heads: a score, and its share of the weighted sum."""
        return 4 * self.n_head * self.d_head

    @property
    def cached(self) -> int:
        """Numbers that the cache keeps for one token in one layer: a key and a value for each group."""
        return 2 * self.n_kv_head * self.d_head


@dataclass(frozen=True)
class Latent:
    """Multi-head latent attention: keys and values of all heads are made from one short vector, which is cached.

    Source: DeepSeek-AI 2024 (DeepSeek-V2), section 2.1.
    """

    n_head: int
    """Number of heads H."""
    q_rank: int
    """Width of the latent that queries are made from."""
    kv_rank: int
    """Width of the latent that keys and values are made from."""
    d_plain: int
    """Width of the part of a query or key that is made from the latent and not rotated."""
    d_rotary: int
    """Width of the rotated part; all heads share that of the key."""
    d_value: int
    """Width of a value."""
    window: ClassVar[None] = None
    """Every query sees all keys."""

    def __post_init__(self) -> None:
        for name in ("n_head", "q_rank", "kv_rank", "d_plain", "d_rotary", "d_value"):
            require_whole(name, getattr(self, name))

    def matrices(self, d_model: int) -> int:
        """Return the number of weights in the five maps."""
        queries = (d_model + self.n_head * (self.d_plain + self.d_rotary)) * self.q_rank
        down = d_model * (self.kv_rank + self.d_rotary)
        up = self.kv_rank * self.n_head * (self.d_plain + self.d_value)
        return queries + down + up + self.n_head * self.d_value * d_model

    def vectors(self, d_model: int, of_a_norm: int) -> int:
        """Return the number of parameters in the norms of the two latents."""
        return of_a_norm * (self.q_rank + self.kv_rank)

    @property
    def flops_per_key(self) -> int:
        """FLOPs of one query with one key, in all heads, with keys and values written out as in training."""
        return 2 * self.n_head * (self.d_plain + self.d_rotary + self.d_value)

    @property
    def cached(self) -> int:
        """Numbers that the cache keeps for one token in one layer: the latent, and the rotated part of the key."""
        return self.kv_rank + self.d_rotary


@dataclass(frozen=True)
class Shape:
    """The sizes of a transformer with or without sparse layers; checked when made.

    Raises:
        ValueError: naming the field, its value and what is allowed.
    """

    vocab_size: int
    """Number of distinct tokens V, rows of the table."""
    d_model: int
    """Width C of the residual stream."""
    n_layer: int
    """Number of blocks L; with an encoder, those of the decoder."""
    attention: Grouped | Latent
    """The attention of every block."""
    n_expert: int = 0
    """Routed experts E of a sparse layer; 0 where every layer is dense."""
    top_k: int = 0
    """Routed experts k that a token is sent to."""
    d_expert: int | None = None
    """Hidden width of an expert, shared ones included; needed where there are experts."""
    n_shared: int = 0
    """Experts in each sparse layer that every token is sent to besides."""
    d_ff: int | None = None
    """Hidden width of the dense layers; needed where there are any."""
    first_dense: int = 0
    """Layers at the bottom that are dense."""
    sparse_every: int = 1
    """1 where every layer above those is sparse, 2 where every second one is."""
    gated: bool = True
    """Whether experts, shared and routed, have a gate, and so three matrices instead of two."""
    gated_dense: bool | None = None
    """Whether dense layers have one; as the experts if not given."""
    bias: bool = False
    """Whether the maps of dense layers and experts have a bias."""
    router_bias: bool = False
    """Whether the router's logits have a learned bias (not that of bias balancing, which no gradient reaches)."""
    layernorm: bool = False
    """Whether norms have a shift beside their gain."""
    final_norm: bool = True
    """Whether a norm stands at the end of each stack."""
    positions: int = 0
    """Rows of a learned table of positions."""
    relative_buckets: int = 0
    """Distances that have a learned score for each head, once in each stack (T5)."""
    tied_head: bool = False
    """Whether the output layer is the table of tokens, transposed."""
    head_bias: bool = False
    """Whether an untied head has a bias."""
    n_encoder_layer: int = 0
    """Blocks of the encoder; where there is one, every block of the decoder attends to it as well."""

    def __post_init__(self) -> None:
        for name in ("vocab_size", "d_model", "n_layer", "sparse_every"):
            require_whole(name, getattr(self, name))
        for name in ("n_expert", "top_k", "n_shared", "first_dense", "positions", "relative_buckets"):
            require_whole(name, getattr(self, name), 0)
        require_whole("n_encoder_layer", self.n_encoder_layer, 0)
        if self.gated_dense is None:
            object.__setattr__(self, "gated_dense", self.gated)
        for name in ("gated", "gated_dense", "bias", "router_bias", "layernorm"):
            require_switch(name, getattr(self, name))
        for name in ("final_norm", "tied_head", "head_bias"):
            require_switch(name, getattr(self, name))
        if self.n_expert and not 1 <= self.top_k <= self.n_expert:
            raise ValueError(f"top_k must be between 1 and the {self.n_expert} experts, got {self.top_k}")
        if not self.n_expert and (self.top_k or self.n_shared):
            raise ValueError(f"top_k and n_shared must be 0 without experts, got {self.top_k} and {self.n_shared}")
        plain = isinstance(self.attention, Grouped) and self.attention == Grouped(
            self.attention.n_head, self.attention.n_kv_head, self.attention.d_head
        )
        if self.n_encoder_layer and not (plain and not self.layernorm):
            raise ValueError(
                "beside an encoder, attention must be Grouped without biases, norms, sinks and window, and norms have "
                f"no shift; got {self.attention!r} and layernorm={self.layernorm}"
            )
        if self.n_sparse:
            require_whole("d_expert", self.d_expert)
        if self.n_dense:
            require_whole("d_ff", self.d_ff)

    def sparse_layers(self, n_layer: int) -> int:
        """Return how many layers of a stack are sparse."""
        return max(n_layer - self.first_dense, 0) // self.sparse_every if self.n_expert else 0

    @property
    def n_sparse(self) -> int:
        """Sparse layers of the whole model."""
        return self.sparse_layers(self.n_layer) + self.sparse_layers(self.n_encoder_layer)

    @property
    def n_dense(self) -> int:
        """Dense layers of the whole model."""
        return self.n_layer + self.n_encoder_layer - self.n_sparse


def shape_of(model: Shape | GPTConfig) -> Shape:
    """Return the shape of a GPT of ours, and a shape as it is.

    Raises:
        ValueError: if it is neither.
    """
    if isinstance(model, Shape):
        return model
    if not isinstance(model, GPTConfig):
        raise ValueError(f"a model must be a Shape or a GPTConfig, got {model!r}")
    experts = {}
    if model.moe is not None:
        experts = {name: getattr(model.moe, name) for name in ("n_expert", "top_k", "n_shared")}
        experts["d_expert"] = model.d_ff
    return Shape(
        vocab_size=model.vocab_size,
        d_model=model.d_model,
        n_layer=model.n_layer,
        attention=Grouped(
            model.n_head,
            model.n_kv_head,
            model.d_head,
            qkv_bias=model.qkv_bias,
            bias=model.bias,
            qk_norm=model.qk_norm,
            window=model.window,
        ),
        **experts,
        d_ff=model.d_ff,
        gated=ACTIVATIONS[model.activation].gated,
        bias=model.bias,
        layernorm=model.norm == "layernorm",
        final_norm=model.final_norm,
        positions=model.block_size if model.position == "learned" else 0,
        tied_head=model.tied_head,
        head_bias=model.bias and not model.tied_head,
    )
