"""The two stacks together, which translate, and the encoder alone, which restores what was masked."""

import os
from dataclasses import asdict

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.storage import build_model, load_model, save_model
from lecture21.objectives import IGNORE, token_cross_entropy
from lecture21.transformer.config import TransformerConfig
from lecture21.transformer.stacks import Decoder, DecoderCache, Embedding, Encoder, padding_mask

KIND = "transformer"  # what a saved model calls itself


def _logits(x: Float[Tensor, "B T C"], embedding: Embedding, head: nn.Linear | None) -> Float[Tensor, "B T V"]:
    """Score every token; without a layer of its own, by the table of what is read."""
    return F.linear(x, embedding.token.weight) if head is None else head(x)


class Transformer(nn.Module):
    """The conditional model P(target | source): at each position of the target, the logits of its next token.

    Raises:
        ValueError: from `TransformerConfig`, or where token ids do not fit the model.

    Source: Vaswani et al. 2017, figure 1; slide 16.
    """

    def __init__(self, config: TransformerConfig):
        super().__init__()
        c = self.config = config
        self.encoder = Encoder(c)
        self.decoder = Decoder(c, self.encoder.embedding.token if c.share_embeddings else None)
        self.head = None if c.share_embeddings else nn.Linear(c.d_model, c.target_vocab_size)

    @property
    def vocab_size(self) -> int:
        """Number of distinct tokens V that the decoder writes."""
        return self.config.target_vocab_size

    @property
    def block_size(self) -> int:
        """Longest source, and longest target, in tokens."""
        return self.config.block_size

    def num_parameters(self) -> int:
        """Count the trained numbers; a shared table counts once."""
        return sum(p.numel() for p in self.parameters())

    def new_cache(self) -> DecoderCache:
        """Return an empty cache for one batch of sources, to be passed to `forward`."""
        return DecoderCache(self.config.n_decoder_layer)

    def encode(self, source: Int[Tensor, "B S"]) -> Float[Tensor, "B S C"]:
        """Return what the decoder asks: the encoder's output."""
        return self.encoder(source)

    def forward(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"], cache: DecoderCache | None = None
    ) -> Float[Tensor, "B T V"]:
        """Return the logits of the token that follows each position of the target.

        Args:
            source: what is read, padded at the right.
            target: what has been written, `bos` first. With a cache, only what it has not seen yet.
            cache: from `new_cache`, for this source: the encoder runs at the first call alone.

        Raises:
            ValueError: if a source is only padding, a sequence is longer than the block, or an id is unknown.
        """
        memory = self.encode(source) if cache is None or cache.memory is None else cache.memory
        if cache is not None:
            cache.memory = memory
        x = self.decoder(target, memory, padding_mask(source, self.config.pad), cache)  # (B, T, C)
        return _logits(x, self.decoder.embedding, self.head)

    def loss(
        self, source: Int[Tensor, "B S"], target_in: Int[Tensor, "B T"], target_out: Int[Tensor, "B T"]
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the target in nats per token, padding left out.

        Args:
            source: what is read.
            target_in: what the decoder has before it: `bos`, then the target (`objectives.shift_right`).
            target_out: the target with its `eos`, and padding after it.

        Raises:
            ValueError: as `forward`, and if a target is unknown or there are only paddings.
        """
        if target_out.device.type == "cpu" and not (target_out != self.config.pad).any():
            raise ValueError(f"the targets are nothing but padding (token {self.config.pad}): there is no loss")
        return token_cross_entropy(self(source, target_in), target_out, ignore=self.config.pad)

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, each beside its old version and then renamed."""
        save_model(directory, KIND, asdict(self.config), self)

    @classmethod
    def from_pretrained(cls, directory: str | os.PathLike[str]) -> "Transformer":
        """Load a model, in float32 and in evaluation mode, from a directory that `save_pretrained` wrote.

        Raises:
            ValueError: if the directory is not such a checkpoint, or a file in it is torn or of another model.
        """
        values, tensors = load_model(directory, KIND)
        config = TransformerConfig.from_dict(values, source=str(directory))
        return build_model(cls, config, tensors, source=str(directory))


class MaskedLM(nn.Module):
    """The encoder alone, with a head: it restores hidden tokens from what stands on both sides of them, as BERT does.

    It has the interface of a GPT; set `causal` of its attentions to true, and it is one. The decoder's fields of the
    configuration say nothing here.

    Raises:
        ValueError: from `TransformerConfig`, or where token ids do not fit the model.

    Source: Devlin et al. 2019, section 3; slide 11.
    """

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
        """Count the trained numbers; a shared table counts once."""
        return sum(p.numel() for p in self.parameters())

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        """Return the logits of the token that belongs at each position; errors as in `Encoder.forward`."""
        return _logits(self.encoder(ids), self.encoder.embedding, self.head)

    def loss(self, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
        """Return the mean cross-entropy in nats of the targets that are not `objectives.IGNORE`.

        Raises:
            ValueError: as `forward`, and if a target is unknown or there is none.
        """
        if targets.device.type == "cpu" and not (targets != IGNORE).any():
            raise ValueError("no target is left to predict: all are IGNORE")
        return token_cross_entropy(self(ids), targets, ignore=IGNORE)
