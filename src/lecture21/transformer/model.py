"""The encoder-decoder, and the encoder alone as a masked language model."""

import os
from dataclasses import asdict

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import checked
from lecture21._support.storage import load_pretrained, save_model
from lecture21.objectives import IGNORE, token_cross_entropy
from lecture21.transformer.config import TransformerConfig
from lecture21.transformer.stacks import Decoder, Encoder, _DecoderCache, _Embedding, _padding_mask

_KIND = "transformer"


def _logits(x: Float[Tensor, "B T C"], embedding: _Embedding, head: nn.Linear | None) -> Float[Tensor, "B T V"]:
    """Return the logits: without a head, products with the embedding table."""
    return F.linear(x, embedding.token.weight) if head is None else head(x)


class Transformer(nn.Module):
    """The encoder-decoder P(target | source): at each position of the target, the logits of its next token.

    Source: Vaswani et al. 2017, figure 1; slide 16.
    """

    @checked
    def __init__(self, config: TransformerConfig):
        super().__init__()
        c = self.config = config
        self.encoder = Encoder(c)
        self.decoder = Decoder(c, self.encoder.embedding.token if c.share_embeddings else None)
        self.head = None if c.share_embeddings else nn.Linear(c.d_model, c.target_vocab_size)

    @property
    def vocab_size(self) -> int:
        """Number of distinct tokens V of the target."""
        return self.config.target_vocab_size

    @property
    def block_size(self) -> int:
        """Longest source, and longest target, in tokens."""
        return self.config.block_size

    def num_parameters(self) -> int:
        """Return the number of parameters; a shared table counts once."""
        return sum(p.numel() for p in self.parameters())

    def new_cache(self) -> _DecoderCache:
        """Return an empty cache for one batch of sources, to be passed to `forward`."""
        return _DecoderCache(self.config.n_decoder_layer)

    def encode(self, source: Int[Tensor, "B S"]) -> Float[Tensor, "B S C"]:
        """Return the encoder's output, the memory of the decoder."""
        return self.encoder(source)

    @checked
    def forward(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"], cache: _DecoderCache | None = None
    ) -> Float[Tensor, "B T V"]:
        """Return the logits of the token that follows each position of the target.

        Args:
            source: source tokens, padded on the right.
            target: target tokens so far, `bos` first. With a cache, only the new ones.
            cache: from `new_cache`, for this source, which is then encoded only once.

        Raises:
            ValueError: if a source is only padding, a sequence is longer than the block, an id is outside its
                vocabulary, or the cache is that of another source. A cache is then unchanged.
        """
        memory = None if cache is None else cache.memory_of(source)
        if memory is None:
            memory = self.encode(source)
        if cache is not None:
            cache.source, cache.memory = source, memory
        x = self.decoder(target, memory, _padding_mask(source, self.config.pad), cache)  # (B, T, C)
        return _logits(x, self.decoder.embedding, self.head)

    @checked
    def loss(
        self, source: Int[Tensor, "B S"], target_in: Int[Tensor, "B T"], target_out: Int[Tensor, "B T"]
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the target in nats per token, excluding padding.

        Args:
            source: source tokens.
            target_in: decoder inputs: `bos`, then the target (`objectives.shift_right`).
            target_out: the target with its `eos`, and padding after it.
        """
        return token_cross_entropy(self(source, target_in), target_out, ignore=self.config.pad)

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, replacing earlier ones atomically."""
        save_model(directory, _KIND, asdict(self.config), self)

    @classmethod
    def from_pretrained(cls, directory: str | os.PathLike[str]) -> "Transformer":
        """Load a model, in float32 and in evaluation mode, from a directory that `save_pretrained` wrote.

        Raises:
            ValueError: if a file is missing, corrupt, or does not match the model.
        """
        return load_pretrained(cls, TransformerConfig, directory, _KIND)


class MaskedLM(nn.Module):
    """The encoder with a head: it predicts masked tokens from the tokens on both sides, as BERT does.

    It has the interface of a GPT, and would be one with causal attention. The decoder's fields of the configuration
    have no effect.

    Source: Devlin et al. 2019, section 3; slide 11.
    """

    @checked
    def __init__(self, config: TransformerConfig):
        super().__init__()
        c = self.config = config
        self.encoder = Encoder(c)
        self.head = None if c.share_embeddings else nn.Linear(c.d_model, c.source_vocab_size)

    @property
    def vocab_size(self) -> int:
        """Number of distinct tokens V."""
        return self.config.source_vocab_size

    @property
    def block_size(self) -> int:
        """Longest context in tokens."""
        return self.config.block_size

    def num_parameters(self) -> int:
        """Return the number of parameters; a shared table counts once."""
        return sum(p.numel() for p in self.parameters())

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        """Return the logits of the token at each position; errors as in `Encoder.forward`."""
        return _logits(self.encoder(ids), self.encoder.embedding, self.head)

    def loss(self, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
        """Return the mean cross-entropy in nats of the targets that are not `objectives.IGNORE`."""
        return token_cross_entropy(self(ids), targets, ignore=IGNORE)
