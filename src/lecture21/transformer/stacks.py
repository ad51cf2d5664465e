"""Encoder and decoder: stacks of the same block as a GPT.

An encoder's block has no causal mask; a decoder's has one, and cross-attention, whose keys and values are computed from
the encoder's output; a GPT's has the causal mask and no cross-attention.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lecture21._support.contract import checked
from lecture21._support.modes import restored_on_error
from lecture21._support.tensors import require_vocabulary
from lecture21.layers import Block, FeedForward, KVCache, MultiHeadAttention
from lecture21.layers.blocks import NORMS
from lecture21.layers.dropout import Dropout
from lecture21.layers.positions import POSITIONS, Rotary
from lecture21.transformer.config import TransformerConfig


def _padding_mask(ids: Int[Tensor, "B S"], pad: int) -> Bool[Tensor, "B 1 1 S"]:
    """Return which tokens of a batch every head and query may attend to: all but `pad`. True = may attend."""
    mask = ids != pad
    # Elsewhere the check would wait for the device at every step.
    if ids.device.type == "cpu" and not mask.any(dim=1).all():
        row = int((~mask.any(dim=1)).nonzero()[0])
        raise ValueError(f"source {row} is nothing but padding (token {pad}); it needs at least one other token")
    return mask[:, None, None, :]


class _DecoderCache:
    """The encoder's output for one batch of sources, and the keys and values of both attentions of every layer."""

    def __init__(self, n_layer: int):
        self.own = [KVCache() for _ in range(n_layer)]
        self.cross = [KVCache() for _ in range(n_layer)]
        self.source: Tensor | None = None
        self.memory: Tensor | None = None

    def __len__(self) -> int:
        return len(self.own[0])

    def memory_of(self, source: Int[Tensor, "B S"]) -> Float[Tensor, "B S C"] | None:
        """Return the memory of this source, None if it is not known yet; raise ValueError if it is that of another."""
        if self.source is not None and source is not self.source and not torch.equal(source, self.source):
            raise ValueError("this cache holds another source: each batch of sources needs a new cache")
        return self.memory

    def select(self, rows: Int[Tensor, " N"]) -> None:
        """Keep these rows of the batch, in this order; a row may be repeated."""
        self.source, self.memory = self.source[rows], self.memory[rows]
        for entry in (*self.own, *self.cross):
            entry.k, entry.v = entry.k[rows], entry.v[rows]
        for entry in self.cross:
            entry.memory = self.memory


class _Embedding(nn.Module):
    """Token vectors times sqrt(C), plus positions (Vaswani et al. 2017, sections 3.4 and 3.5)."""

    def __init__(self, config: TransformerConfig, vocab_size: int, token: nn.Embedding | None = None):
        super().__init__()
        c = self.config = config
        if token is None:
            token = nn.Embedding(vocab_size, c.d_model)
            # The vectors times sqrt(C) then have the size of the sinusoids, 1, and so have a tied head's logits.
            nn.init.normal_(token.weight, std=c.d_model**-0.5)
        self.token = token
        self.position = POSITIONS[c.position](c.block_size, c.d_model)
        self.dropout = Dropout(c.dropout)

    def forward(self, ids: Int[Tensor, "B T"], start: int = 0) -> Float[Tensor, "B T C"]:
        """Return the vectors of tokens at positions start, start + 1, ..."""
        stop = start + ids.shape[1]
        if stop > self.config.block_size:
            limit = self.config.block_size
            raise ValueError(f"a sequence of {stop} tokens is longer than the model's block size, {limit}")
        require_vocabulary(ids, self.token.num_embeddings)
        return self.dropout(self.token(ids) * self.config.d_model**0.5 + self.position(start, stop))


def _make_attention(c: TransformerConfig, *, causal: bool, rotary: Rotary | None = None) -> MultiHeadAttention:
    bias = c.attention_bias
    return MultiHeadAttention(
        c.d_model, c.n_head, qkv_bias=bias, bias=bias, dropout=c.dropout, causal=causal, rotary=rotary
    )


def _make_block(c: TransformerConfig, rotary: Rotary | None, *, decoder: bool) -> Block:
    attention = _make_attention(c, causal=decoder, rotary=rotary)
    feed_forward = FeedForward(c.d_model, c.d_ff, activation=c.activation, dropout=c.dropout)
    cross_attention = _make_attention(c, causal=False) if decoder else None
    return Block(
        c.d_model,
        attention,
        feed_forward,
        cross_attention=cross_attention,
        norm=c.norm,
        norm_position=c.norm_position,
    )


def _make_blocks(c: TransformerConfig, n_layer: int, *, decoder: bool) -> nn.ModuleList:
    rotary = Rotary(c.block_size, c.d_model // c.n_head) if c.position == "rotary" else None
    return nn.ModuleList(_make_block(c, rotary, decoder=decoder) for _ in range(n_layer))


def _last_norm(c: TransformerConfig) -> nn.Module:
    """Return the norm at the end of a stack; post-norm blocks have already normalized their output."""
    return NORMS[c.norm](c.d_model, eps=1e-5) if c.norm_position == "pre" else nn.Identity()


class Encoder(nn.Module):
    """Blocks in which every position attends to all positions except padding."""

    @checked
    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.config = config
        self.embedding = _Embedding(config, config.source_vocab_size)
        self.blocks = _make_blocks(config, config.n_encoder_layer, decoder=False)
        self.norm = _last_norm(config)

    @checked
    def forward(self, ids: Int[Tensor, "B S"]) -> Float[Tensor, "B S C"]:
        """Return one vector for each token; those of padding have no meaning."""
        mask = _padding_mask(ids, self.config.pad)
        x = self.embedding(ids)  # (B, S, C)
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.norm(x)


class Decoder(nn.Module):
    """Blocks in which every position attends to earlier positions and to the encoder's output.

    Padding comes at the end of a target, where the causal mask already hides it from all real tokens.
    """

    @checked
    def __init__(self, config: TransformerConfig, token: nn.Embedding | None = None):
        super().__init__()
        self.config = config
        self.embedding = _Embedding(config, config.target_vocab_size, token)
        self.blocks = _make_blocks(config, config.n_decoder_layer, decoder=True)
        self.norm = _last_norm(config)

    @checked
    def forward(
        self,
        ids: Int[Tensor, "B T"],
        memory: Float[Tensor, "B S C"],
        memory_mask: Bool[Tensor, "B 1 1 S"],
        cache: _DecoderCache | None = None,
    ) -> Float[Tensor, "B T C"]:
        """Return one vector for each token; with a cache, `ids` are only the new ones."""
        x = self.embedding(ids, 0 if cache is None else len(cache))  # (B, T, C)
        with restored_on_error([] if cache is None else [*cache.own, *cache.cross]):
            for i, block in enumerate(self.blocks):
                own, cross = (None, None) if cache is None else (cache.own[i], cache.cross[i])
                x = block(x, own, memory=memory, memory_mask=memory_mask, memory_cache=cross)
        return self.norm(x)
