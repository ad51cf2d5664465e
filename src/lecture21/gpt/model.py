"""The GPT: token embeddings and positions, causal blocks, a softmax over the vocabulary (slides 17 to 26)."""

import os
from dataclasses import asdict

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import Count, checked
from lecture21._support.modes import restored_on_error
from lecture21._support.storage import build_model, load_pretrained, save_model
from lecture21._support.tensors import require_vocabulary, require_width
from lecture21.gpt.checkpoints.formats import is_foreign, load_foreign
from lecture21.gpt.checkpoints.hub import locate
from lecture21.gpt.config import GPTConfig
from lecture21.gpt.initialization import initialize
from lecture21.layers import Block, FeedForward, KVCache, MultiHeadAttention
from lecture21.layers.blocks import NORMS
from lecture21.layers.dropout import Dropout
from lecture21.layers.positions import POSITIONS, Rotary
from lecture21.moe import SparseMoE, routings
from lecture21.objectives import IGNORE, token_cross_entropy

_KIND = "gpt"
_FREE = ("window", "rotary_scaling", "rotary_factor", "rotary_base")  # fields that no weight depends on
_POSITION_TABLE = "position.table.weight"  # the only weights whose shape depends on the block size


def _make_norm(config: GPTConfig, width: int) -> nn.Module:
    return NORMS[config.norm](width, eps=config.norm_eps)


def _make_block(config: GPTConfig, rotary: Rotary | None = None) -> Block:
    """Construct one block of a GPT; with rotary positions, all blocks share one table."""
    c = config
    attention = MultiHeadAttention(
        c.d_model,
        c.n_head,
        n_kv_head=c.n_kv_head,
        d_head=c.d_head,
        qkv_bias=c.qkv_bias,
        bias=c.bias,
        dropout=c.dropout,
        attention_dropout=c.attention_dropout,
        causal=c.causal,
        window=c.window,
        rotary=rotary,
        query_norm=_make_norm(c, c.d_head) if c.qk_norm else None,
        key_norm=_make_norm(c, c.d_head) if c.qk_norm else None,
    )
    if c.moe is None:
        feed_forward = FeedForward(c.d_model, c.d_ff, activation=c.activation, bias=c.bias, dropout=c.dropout)
    else:
        feed_forward = SparseMoE(c.d_model, c.d_ff, c.moe, activation=c.activation, bias=c.bias, dropout=c.dropout)
    return Block(c.d_model, attention, feed_forward, norm=c.norm, norm_position=c.norm_position, norm_eps=c.norm_eps)


class GPT(nn.Module):
    """A decoder-only transformer that computes, at each position, the logits of the next token.

    Source: Radford et al. 2018, section 3.1, and Radford et al. 2019, section 2.3; slides 17 to 26.
    """

    @checked
    def __init__(self, config: GPTConfig):
        super().__init__()
        c = self.config = config
        self.token = nn.Embedding(c.vocab_size, c.d_model)
        self.position = POSITIONS[c.position](c.block_size, c.d_model)
        self.dropout = Dropout(c.dropout)
        rotary = None
        if c.position == "rotary":
            rotary = Rotary(c.block_size, c.d_head, c.rotary_base, scaling=c.rotary_scaling, factor=c.rotary_factor)
        self.blocks = nn.ModuleList(_make_block(c, rotary) for _ in range(c.n_layer))
        self.norm = _make_norm(c, c.d_model) if c.final_norm else nn.Identity()
        # A tied head is not a layer: `forward` multiplies by the embedding table.
        self.head = None if c.tied_head else nn.Linear(c.d_model, c.vocab_size, bias=c.bias)
        initialize(self, c.initialization, c.n_layer, c.tied_head)

    @property
    def vocab_size(self) -> int:
        """Number of distinct tokens V."""
        return self.config.vocab_size

    @property
    def block_size(self) -> int:
        """Longest context in tokens."""
        return self.config.block_size

    def num_parameters(self) -> int:
        """Return the number of parameters; a tied table counts once."""
        return sum(p.numel() for p in self.parameters())

    def new_cache(self) -> list[KVCache] | None:
        """Return an empty key/value cache, one entry for each layer, to be passed to `forward`.

        None where every new token changes all earlier positions: without a causal mask, or with a capacity of experts,
        which grows with the number of tokens.
        """
        if self._why_uncached():
            return None
        return [KVCache(self.config.window) for _ in self.blocks]

    def _why_uncached(self) -> str:
        """Return the setting that rules out a cache, if there is one."""
        if not self.config.causal:
            return "causal=False"
        moe = self.config.moe
        return "" if moe is None or moe.eval_capacity_factor is None else "moe.eval_capacity_factor"

    @checked
    def hidden(
        self,
        ids: Int[Tensor, "B T"],
        cache: list[KVCache] | None = None,
        *,
        prefix: Float[Tensor, "B P C"] | None = None,
    ) -> Float[Tensor, "B T C"]:
        """Return the inputs of the output layer, one vector for each token; arguments as in `forward`."""
        require_vocabulary(ids, self.vocab_size)
        if cache is not None and (setting := self._why_uncached()):
            raise ValueError(f"a model with {setting} has no cache: every new token changes all earlier positions")
        if cache is not None and len(cache) != len(self.blocks):
            raise ValueError(f"a cache must have one entry for each of {len(self.blocks)} layers, got {len(cache)}")
        start = 0 if cache is None else len(cache[0])
        n_prefix = 0 if prefix is None else prefix.shape[1]
        stop = start + n_prefix + ids.shape[1]
        if stop > self.block_size:
            raise ValueError(f"a context of {stop} tokens is longer than the model's block size, {self.block_size}")

        x = self.token(ids)
        if prefix is not None:
            require_width("prefix", prefix, self.config.d_model)
            if start:
                raise ValueError(f"a prefix must come first, but the cache already holds {start} positions")
            x = torch.cat([prefix, x], dim=1)  # (B, P+T, C)
        x = self.dropout(x + self.position(start, stop))
        with restored_on_error(cache or []):
            for i, block in enumerate(self.blocks):
                x = block(x, None if cache is None else cache[i], n_prefix=n_prefix)
        return self.norm(x[:, n_prefix:])

    def forward(
        self,
        ids: Int[Tensor, "B T"],
        cache: list[KVCache] | None = None,
        *,
        prefix: Float[Tensor, "B P C"] | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Return the logits of the token that follows each position.

        Args:
            ids: token ids. With a cache, only the new ones.
            cache: from `new_cache`; it grows by P + T positions.
            prefix: P vectors before the tokens, such as those of an image. They attend to each other, and every token
                attends to those in its window. With a cache, passed once, with the first tokens.
        """
        x = self.hidden(ids, cache, prefix=prefix)
        logits = x @ self.token.weight.T if self.head is None else self.head(x)  # (B, T, V)
        cap = self.config.logit_cap
        return logits if cap is None else cap * (logits / cap).tanh()

    @checked
    def loss(
        self,
        ids: Int[Tensor, "B T"],
        targets: Int[Tensor, "B T"],
        *,
        prefix: Float[Tensor, "B P C"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the targets in nats per token: the negative log-likelihood of slide 18.

        In training mode, the routers' auxiliary losses are added.

        Args:
            ids: input tokens.
            targets: the next token of each position, `ids` shifted by one. Positions equal to `objectives.IGNORE` are
                excluded from the mean.
            prefix: vectors before the tokens, which are not predicted themselves.
        """
        if self.config.moe is None or not self.training:
            return token_cross_entropy(self(ids, prefix=prefix), targets, ignore=IGNORE)
        with routings(self) as routed:
            loss = token_cross_entropy(self(ids, prefix=prefix), targets, ignore=IGNORE)
        return loss + sum(router.loss(routing) for router, routing in routed)

    @checked
    def extend_context(self, block_size: Count | None = None, **changes: object) -> "GPT":
        """Return a copy with the same weights, another block size, and other settings that no weight depends on.

        Rotary and sinusoidal positions are computed for the new length. In a learned position table, rows beyond the
        old block size are initialized as in a new model and are untrained.

        Args:
            block_size: longest context of the copy; this model's if not given.
            changes: any of window, rotary_scaling, rotary_factor and rotary_base.
        """
        other = sorted(set(changes) - set(_FREE))
        if other:
            raise ValueError(f"{', '.join(other)} cannot be changed without new weights; use {', '.join(_FREE)}")
        block_size = self.block_size if block_size is None else block_size
        parameter = self.token.weight
        copy = GPT(self.config.changed(block_size=block_size, **changes)).to(parameter.device, parameter.dtype)
        weights, fresh = self.state_dict(), copy.state_dict()
        if _POSITION_TABLE in weights:
            rows = min(block_size, self.block_size)
            weights[_POSITION_TABLE] = torch.cat([weights[_POSITION_TABLE][:rows], fresh[_POSITION_TABLE][rows:]])
        copy.load_state_dict(weights)
        return copy.train(self.training)

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, replacing earlier ones atomically."""
        save_model(directory, _KIND, asdict(self.config), self)

    @classmethod
    @checked
    def from_pretrained(cls, name_or_directory: str | os.PathLike[str], revision: str | None = None) -> "GPT":
        """Load a model, in float32 and in evaluation mode, from a directory or from the Hugging Face hub.

        Args:
            name_or_directory: a directory written by `save_pretrained`, or by `transformers` for a GPT-1, GPT-2,
                Mixtral or Qwen3-MoE; a file NAME.safetensors that a figure of the book saved; or openai-gpt, gpt2,
                gpt2-medium, gpt2-large, gpt2-xl, or another "owner/name" on the hub.
            revision: a commit, tag or branch of the repository on the hub; if None, a fixed commit of each GPT-2, and
                the branch "main" of any other repository.

        Raises:
            ValueError: if it is no such checkpoint, or a file in it is corrupt, truncated or does not match the others.
            FileNotFoundError: if the cache does not hold the model, and the hub does not either or cannot be reached.
        """
        directory = locate(name_or_directory, revision)
        if is_foreign(directory):
            config, tensors = load_foreign(directory)
            return build_model(cls, config, tensors, source=os.path.join(directory, "model.safetensors"))
        return load_pretrained(cls, GPTConfig, directory, _KIND)
