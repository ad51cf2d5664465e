"""The sizes of a transformer, as far as its costs depend on them: of a GPT in this package, or of a published model.

A `Shape` holds what `GPTConfig` cannot express: latent attention, attention sinks, windows in every second layer,
dense layers among sparse ones, an encoder. `Shape.of` converts a `GPTConfig`, so that one function counts both.
"""

from dataclasses import dataclass
from typing import ClassVar

from lecture21._support.contract import Count, Natural, checked
from lecture21._support.validation import WHOLE, require
from lecture21.gpt.config import GPTConfig
from lecture21.layers.feed_forward import ACTIVATIONS


@checked
@dataclass(frozen=True)
class Grouped:
    """Grouped-query attention (Ainslie et al. 2023); multi-head attention where `n_kv_head` equals `n_head`."""

    n_head: Count
    """Number of query heads H."""
    n_kv_head: Count
    """Number of key and value heads, a divisor of H."""
    d_head: Count
    """Head width D."""
    qkv_bias: bool = False
    """Whether the query, key and value projections have a bias."""
    bias: bool = False
    """Whether the output projection has a bias."""
    qk_norm: bool = False
    """Whether queries and keys are normalized in each head, with gains that all heads share."""
    sinks: bool = False
    """Whether each head has a learned attention sink (gpt-oss)."""
    window: Count | None = None
    """Length of the sliding window, in the layers that have one; None for full attention."""
    window_every: Count = 1
    """1 if every layer has the window, 2 if every second layer has it, starting with the first."""

    def __post_init__(self) -> None:
        if self.n_head % self.n_kv_head:
            raise ValueError(f"n_kv_head must divide n_head, got n_head={self.n_head} and n_kv_head={self.n_kv_head}")

    def weights(self, d_model: int) -> int:
        """Return the number of weights in the four projections."""
        return 2 * d_model * (self.n_head + self.n_kv_head) * self.d_head

    def biases(self, d_model: int) -> int:
        """Return the number of biases and attention sinks."""
        projections = (self.n_head + 2 * self.n_kv_head) * self.d_head
        return self.qkv_bias * projections + self.bias * d_model + self.sinks * self.n_head

    @property
    def norm_width(self) -> int:
        """Total width of the norms inside the attention."""
        return 2 * self.d_head if self.qk_norm else 0

    @property
    def flops_per_key(self) -> int:
        """FLOPs of one query with one key, over all heads: the score and the weighted value."""
        return 4 * self.n_head * self.d_head

    @property
    def cached(self) -> int:
        """Numbers cached per token and layer: one key and one value per key/value head."""
        return 2 * self.n_kv_head * self.d_head


@checked
@dataclass(frozen=True)
class Latent:
    """Multi-head latent attention: the keys and values of all heads are projected from one cached latent vector.

    Source: DeepSeek-AI 2024 (DeepSeek-V2), section 2.1.
    """

    n_head: Count
    """Number of heads H."""
    q_rank: Count
    """Width of the latent vector of the queries."""
    kv_rank: Count
    """Width of the latent vector of the keys and values."""
    d_plain: Count
    """Width of the part of a query or key that has no rotary position."""
    d_rotary: Count
    """Width of the part with rotary positions; in a key, all heads share it."""
    d_value: Count
    """Width of a value."""
    window: ClassVar[None] = None
    """Full attention."""

    def weights(self, d_model: int) -> int:
        """Return the number of weights in the projections."""
        queries = (d_model + self.n_head * (self.d_plain + self.d_rotary)) * self.q_rank
        down = d_model * (self.kv_rank + self.d_rotary)
        up = self.kv_rank * self.n_head * (self.d_plain + self.d_value)
        return queries + down + up + self.n_head * self.d_value * d_model

    def biases(self, d_model: int) -> int:
        """Return 0: no projection has a bias."""
        return 0

    @property
    def norm_width(self) -> int:
        """Total width of the norms of the two latent vectors."""
        return self.q_rank + self.kv_rank

    @property
    def flops_per_key(self) -> int:
        """FLOPs of one query with one key, over all heads, with keys and values expanded as in training."""
        return 2 * self.n_head * (self.d_plain + self.d_rotary + self.d_value)

    @property
    def cached(self) -> int:
        """Numbers cached per token and layer: the latent vector and the rotary part of the key."""
        return self.kv_rank + self.d_rotary


@checked
@dataclass(frozen=True)
class Shape:
    """The sizes of a transformer with or without sparse layers; validated on construction."""

    vocab_size: Count
    """Vocabulary size V."""
    d_model: Count
    """Width C of the residual stream."""
    n_layer: Count
    """Number of blocks L; in an encoder-decoder, those of the decoder."""
    attention: Grouped | Latent
    """The attention of every block."""
    n_expert: Natural = 0
    """Number of routed experts E in a sparse layer; 0 if every layer is dense."""
    top_k: Natural = 0
    """Number k of routed experts that process a token."""
    d_expert: Count | None = None
    """Hidden width of an expert, routed or shared; required if there are experts."""
    n_shared: Natural = 0
    """Number of shared experts in a sparse layer, which process every token."""
    d_ff: Count | None = None
    """Hidden width of the dense layers; required if there are any."""
    first_dense: Natural = 0
    """Number of dense layers before the first sparse one."""
    sparse_every: Count = 1
    """1 if every later layer is sparse, 2 if every second one is."""
    gated: bool = True
    """Whether experts have a gate, and therefore three weight matrices instead of two."""
    gated_dense: bool | None = None
    """Whether dense layers have a gate; the same as `gated` if None."""
    bias: bool = False
    """Whether dense layers and experts have biases."""
    router_bias: bool = False
    """Whether the router has a learned bias (not the bias of loss-free balancing, which has no gradient)."""
    layernorm: bool = False
    """Whether norms have a shift in addition to the gain."""
    final_norm: bool = True
    """Whether each stack ends with a norm."""
    positions: Natural = 0
    """Number of learned position embeddings."""
    relative_buckets: Natural = 0
    """Number of learned relative-position biases per head, once per stack (T5)."""
    tied_head: bool = False
    """Whether the output layer shares the token embedding."""
    head_bias: bool = False
    """Whether an untied output layer has a bias."""
    n_encoder_layer: Natural = 0
    """Blocks of the encoder; if there is one, every decoder block has a cross-attention to it."""

    def __post_init__(self) -> None:
        if self.gated_dense is None:
            object.__setattr__(self, "gated_dense", self.gated)
        if self.n_expert and not 1 <= self.top_k <= self.n_expert:
            raise ValueError(f"top_k must be between 1 and the {self.n_expert} experts, got {self.top_k}")
        if not self.n_expert and (self.top_k or self.n_shared):
            raise ValueError(f"top_k and n_shared must be 0 without experts, got {self.top_k} and {self.n_shared}")
        plain = isinstance(self.attention, Grouped) and self.attention == Grouped(
            self.attention.n_head, self.attention.n_kv_head, self.attention.d_head
        )
        if self.n_encoder_layer and (self.layernorm or not plain):
            raise ValueError(
                "beside an encoder, attention must be Grouped without biases, norms, sinks and window, and norms have "
                f"no shift; got {self.attention!r} and layernorm={self.layernorm}"
            )
        if self.n_sparse:
            require("d_expert", self.d_expert, WHOLE)
        if self.n_dense:
            require("d_ff", self.d_ff, WHOLE)

    @classmethod
    def of(cls, model: "Shape | GPTConfig") -> "Shape":
        """Convert the configuration of a GPT; return a shape unchanged."""
        if isinstance(model, Shape):
            return model
        if not isinstance(model, GPTConfig):
            raise ValueError(f"a model must be a Shape or a GPTConfig, got {model!r}")
        attention = Grouped(
            model.n_head,
            model.n_kv_head,
            model.d_head,
            qkv_bias=model.qkv_bias,
            bias=model.bias,
            qk_norm=model.qk_norm,
            window=model.window,
        )
        return Shape(
            vocab_size=model.vocab_size,
            d_model=model.d_model,
            n_layer=model.n_layer,
            attention=attention,
            n_expert=model.moe.n_expert if model.moe else 0,
            top_k=model.moe.top_k if model.moe else 0,
            n_shared=model.moe.n_shared if model.moe else 0,
            d_expert=model.d_ff if model.moe else None,
            d_ff=model.d_ff,
            gated=ACTIVATIONS[model.activation].gated,
            bias=model.bias,
            layernorm=model.norm == "layernorm",
            final_norm=model.final_norm,
            positions=model.block_size if model.position == "learned" else 0,
            tied_head=model.tied_head,
            head_bias=model.bias and not model.tied_head,
        )

    @property
    def n_sparse(self) -> int:
        """Number of sparse layers in the whole model."""
        if not self.n_expert:
            return 0
        stacks = (self.n_layer, self.n_encoder_layer)
        return sum(max(n_layer - self.first_dense, 0) // self.sparse_every for n_layer in stacks)

    @property
    def n_dense(self) -> int:
        """Number of dense layers in the whole model."""
        return self.n_layer + self.n_encoder_layer - self.n_sparse

    @property
    def n_cross(self) -> int:
        """Number of cross-attentions from the decoder to the encoder."""
        return self.n_layer if self.n_encoder_layer else 0

    @property
    def n_attention(self) -> int:
        """Number of attentions in the whole model."""
        return self.n_layer + self.n_encoder_layer + self.n_cross

    @property
    def expert_weights(self) -> int:
        """Number of weights of one routed expert."""
        return (3 if self.gated else 2) * self.d_model * self.d_expert if self.n_sparse else 0

    @property
    def expert_biases(self) -> int:
        """Number of biases of one routed expert."""
        return (2 if self.gated else 1) * self.d_expert + self.d_model if self.n_sparse and self.bias else 0
