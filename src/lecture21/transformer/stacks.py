"""Encoder and decoder: stacks of the block that a GPT is made of.

An encoder's block has no causal mask; a decoder's has one, and a second attention whose keys and values come from the
encoder; a GPT's has the causal mask and nothing to ask.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lecture21.layers import NORMS, Block, KVCache, MultiHeadAttention
from lecture21.layers.feed_forward import FeedForward
from lecture21.objectives import require_vocabulary
from lecture21.positions import ADDED, Rotary
from lecture21.transformer.config import TransformerConfig


def padding_mask(ids: Int[Tensor, "B S"], pad: int) -> Bool[Tensor, "B 1 1 S"]:
    """Say which tokens of a batch may be attended to, by every head and every query: all but `pad`. True = may attend.

    Raises:
        ValueError: if a row holds nothing else: the softmax of only -inf is NaN.
    """
    if ids.dim() != 2:
        raise ValueError(f"sources must be ids of shape (B, S), got {tuple(ids.shape)}")
    mask = ids != pad
    # On an accelerator the check would wait for the device at every step.
    if ids.device.type == "cpu" and not mask.any(dim=1).all():
        row = int((~mask.any(dim=1)).nonzero()[0])
        raise ValueError(f"source {row} is nothing but padding (token {pad}); it needs at least one other token")
    return mask[:, None, None, :]


class DecoderCache:
    """What a decoder need not compute twice: the encoder's output, and the keys and values of both attentions."""

    def __init__(self, n_layer: int):
        self.own = [KVCache() for _ in range(n_layer)]
        self.cross = [KVCache() for _ in range(n_layer)]
        self.memory: Tensor | None = None

    def __len__(self) -> int:
        return len(self.own[0])

    def select(self, rows: Int[Tensor, " N"]) -> None:
        """Keep these rows of the batch, in this order; a row may be named more than once."""
        self.memory = self.memory[rows]
        for entry in (*self.own, *self.cross):
            entry.k, entry.v = entry.k[rows], entry.v[rows]


class Embedding(nn.Module):
    """Token vectors times sqrt(C), plus positions (Vaswani et al. 2017, sections 3.4 and 3.5)."""

    def __init__(self, config: TransformerConfig, vocab_size: int, token: nn.Embedding | None = None):
        super().__init__()
        c = self.config = config
        if token is None:
            token = nn.Embedding(vocab_size, c.d_model)
            # So that the vectors times sqrt(C) are of size 1, as the sinusoids are, and so are a tied head's logits.
            nn.init.normal_(token.weight, std=c.d_model**-0.5)
        self.token = token
        self.position = ADDED[c.position](c.block_size, c.d_model)
        self.dropout = nn.Dropout(c.dropout)

    def forward(self, ids: Int[Tensor, "B T"], start: int = 0) -> Float[Tensor, "B T C"]:
        """Return the vectors of tokens that stand at positions start, start + 1, ..."""
        if ids.dim() != 2:
            raise ValueError(f"ids must have the shape (B, T), got {tuple(ids.shape)}")
        stop = start + ids.shape[1]
        if stop > self.config.block_size:
            limit = self.config.block_size
            raise ValueError(f"a sequence of {stop} tokens is longer than the model's block size, {limit}")
        require_vocabulary(ids, self.token.num_embeddings)
        return self.dropout(self.token(ids) * self.config.d_model**0.5 + self.position(start, stop))


def _blocks(c: TransformerConfig, n_layer: int, *, causal: bool, cross: bool) -> nn.ModuleList:
    """Stack blocks: encoder (False, False), decoder (True, True); with (True, False) they are a GPT's."""
    rotary = Rotary(c.block_size, c.d_model // c.n_head) if c.position == "rotary" else None

    def attention(**kinds: object) -> MultiHeadAttention:
        bias = c.attention_bias
        return MultiHeadAttention(c.d_model, c.n_head, qkv_bias=bias, bias=bias, dropout=c.dropout, **kinds)

    return nn.ModuleList(
        Block(
            c.d_model,
            attention(causal=causal, rotary=rotary),
            FeedForward(c.d_model, c.d_ff, activation=c.activation, dropout=c.dropout),
            cross_attention=attention(causal=False) if cross else None,
            norm=c.norm,
            norm_position=c.norm_position,
        )
        for _ in range(n_layer)
    )


def _last_norm(c: TransformerConfig) -> nn.Module:
    """Return what ends a stack: post-norm blocks have normalised their sum already."""
    return NORMS[c.norm](c.d_model, eps=1e-5) if c.norm_position == "pre" else nn.Identity()


class Encoder(nn.Module):
    """Blocks whose every position reads both sides, but no padding."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.config = config
        self.embedding = Embedding(config, config.source_vocab_size)
        self.blocks = _blocks(config, config.n_encoder_layer, causal=False, cross=False)
        self.norm = _last_norm(config)

    def forward(self, ids: Int[Tensor, "B S"]) -> Float[Tensor, "B S C"]:
        """Return one vector for each token; those of padding mean nothing.

        Raises:
            ValueError: if a row is only padding or longer than the block, or an id is outside the vocabulary.
        """
        mask = padding_mask(ids, self.config.pad)
        x = self.embedding(ids)  # (B, S, C)
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.norm(x)


class Decoder(nn.Module):
    """Blocks whose every position reads what stands before it, and asks the encoder.

    Padding stands at the end of a target, where the causal mask already hides it from all real tokens.
    """

    def __init__(self, config: TransformerConfig, token: nn.Embedding | None = None):
        super().__init__()
        self.config = config
        self.embedding = Embedding(config, config.target_vocab_size, token)
        self.blocks = _blocks(config, config.n_decoder_layer, causal=True, cross=True)
        self.norm = _last_norm(config)

    def forward(
        self,
        ids: Int[Tensor, "B T"],
        memory: Float[Tensor, "B S C"],
        memory_mask: Bool[Tensor, "B 1 1 S"],
        cache: DecoderCache | None = None,
    ) -> Float[Tensor, "B T C"]:
        """Return one vector for each token; with a cache, `ids` are only those that it has not seen yet."""
        x = self.embedding(ids, 0 if cache is None else len(cache))  # (B, T, C)
        for i, block in enumerate(self.blocks):
            own, cross = (None, None) if cache is None else (cache.own[i], cache.cross[i])
            x = block(x, own, memory=memory, memory_mask=memory_mask, memory_cache=cross)
        return self.norm(x)
