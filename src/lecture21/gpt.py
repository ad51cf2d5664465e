"""The GPT: token embeddings and positions, causal blocks, a softmax over the vocabulary (slides 17 to 26)."""

import os
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.storage import build_model, load_model, save_model
from lecture21.config import GPTConfig
from lecture21.initialization import INITIALIZATIONS, STD
from lecture21.layers import NORMS, Block, KVCache, MultiHeadAttention
from lecture21.layers.feed_forward import FeedForward
from lecture21.moe import SparseMoE, routings
from lecture21.objectives import IGNORE, require_vocabulary, token_cross_entropy
from lecture21.positions import ADDED, Rotary

KIND = "gpt"  # what a saved model calls itself
STRETCHES = ("window", "rotary_scaling", "rotary_factor", "rotary_base")
"""What `GPT.stretched` may change beside the block."""
TABLE = "position.table.weight"  # the only weights whose shape the block decides


class GPT(nn.Module):
    """A decoder-only transformer that gives, at each position, the logits of the next token.

    Raises:
        ValueError: from `GPTConfig`, or where token ids do not fit the model.

    Source: Radford et al. 2018, section 3.1, and Radford et al. 2019, section 2.3; slides 17 to 26.
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        c = self.config = config
        norm: Callable[[int], nn.Module] = partial(NORMS[c.norm], eps=c.norm_eps)
        self.token = nn.Embedding(c.vocab_size, c.d_model)
        self.position = ADDED[c.position](c.block_size, c.d_model)
        self.dropout = nn.Dropout(c.dropout)
        inside = {"activation": c.activation, "bias": c.bias, "dropout": c.dropout}
        if c.moe is None:
            make_feed_forward = partial(FeedForward, c.d_model, c.d_ff, **inside)
        else:
            make_feed_forward = partial(SparseMoE, c.d_model, c.d_ff, **inside, **vars(c.moe))
        rotary = None
        if c.position == "rotary":
            stretch = {"scaling": c.rotary_scaling, "factor": c.rotary_factor}
            rotary = Rotary(c.block_size, c.d_head, c.rotary_base, **stretch)
        self.blocks = nn.ModuleList(
            Block(
                c.d_model,
                MultiHeadAttention(
                    c.d_model,
                    c.n_head,
                    n_kv_head=c.n_kv_head,
                    d_head=c.d_head,
                    qkv_bias=c.qkv_bias,
                    bias=c.bias,
                    dropout=c.dropout,
                    window=c.window,
                    rotary=rotary,
                    qk_norm=norm if c.qk_norm else None,
                ),
                make_feed_forward(),
                norm=c.norm,
                norm_position=c.norm_position,
                norm_eps=c.norm_eps,
            )
            for _ in range(c.n_layer)
        )
        self.norm = norm(c.d_model) if c.final_norm else nn.Identity()
        # A tied head is no layer of its own: `forward` multiplies by the table.
        self.head = None if c.tied_head else nn.Linear(c.d_model, c.vocab_size, bias=c.bias)
        if c.tied_head:
            # torch's N(0, 1) would make logits of size sqrt(C), and a loss far above ln V at the start. Positions must
            # shrink with the tokens: beside large ones the model would not see which token stands where.
            for table in (module for module in self.modules() if isinstance(module, nn.Embedding)):
                nn.init.normal_(table.weight, std=STD)
        INITIALIZATIONS[c.initialization](self, c.n_layer)

    @property
    def vocab_size(self) -> int:
        """Number of distinct tokens V."""
        return self.config.vocab_size

    @property
    def block_size(self) -> int:
        """Longest context in tokens."""
        return self.config.block_size

    def num_parameters(self) -> int:
        """Count the trained numbers; a tied table counts once."""
        return sum(p.numel() for p in self.parameters())

    def new_cache(self) -> list[KVCache]:
        """Return an empty key/value cache, one entry for each layer, to be passed to `forward`."""
        return [KVCache(self.config.window) for _ in self.blocks]

    def hidden(
        self,
        ids: Int[Tensor, "B T"],
        cache: list[KVCache] | None = None,
        *,
        prefix: Float[Tensor, "B P C"] | None = None,
    ) -> Float[Tensor, "B T C"]:
        """Return the vectors that the output layer reads, one for each token; arguments as in `forward`."""
        if ids.dim() != 2:
            raise ValueError(f"ids must have the shape (B, T), got {tuple(ids.shape)}")
        start = len(cache[0]) if cache else 0
        width = self.config.d_model
        if prefix is not None and (prefix.dim() != 3 or prefix.shape[::2] != (len(ids), width)):
            raise ValueError(
                f"a prefix must have the shape (B, P, C) = ({len(ids)}, P, {width}), got {tuple(prefix.shape)}"
            )
        first = 0 if prefix is None else prefix.shape[1]  # where the tokens begin
        if first and start:
            raise ValueError(f"a prefix stands before everything else, but {start} positions are in the cache")
        stop = start + first + ids.shape[1]
        if stop > self.block_size:
            raise ValueError(f"a context of {stop} tokens is longer than the model's block size, {self.block_size}")
        require_vocabulary(ids, self.vocab_size)

        x = self.token(ids)
        x = x if prefix is None else torch.cat([prefix, x], dim=1)  # (B, P+T, C)
        x = self.dropout(x + self.position(start, stop))
        for i, block in enumerate(self.blocks):
            x = block(x, cache[i] if cache else None, prefix=first)
        return self.norm(x[:, first:])

    def forward(
        self,
        ids: Int[Tensor, "B T"],
        cache: list[KVCache] | None = None,
        *,
        prefix: Float[Tensor, "B P C"] | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Return the logits of the token that follows each position.

        Args:
            ids: token ids. With a cache, only those that it has not seen yet.
            cache: from `new_cache`; it grows by P + T positions.
            prefix: vectors that stand before the tokens, such as an image's; they see each other, and every token sees
                those that its window reaches. With a cache, given once, with the first tokens.

        Raises:
            ValueError: if ids are not (B, T) or the prefix is not (B, P, C), the two together are longer than the
                block, a prefix comes after something else, or an id is outside the vocabulary.
        """
        x = self.hidden(ids, cache, prefix=prefix)
        return x @ self.token.weight.T if self.head is None else self.head(x)  # (B, T, V)

    def loss(
        self,
        ids: Int[Tensor, "B T"],
        targets: Int[Tensor, "B T"],
        *,
        prefix: Float[Tensor, "B P C"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the targets in nats per token: the negative log-likelihood of slide 18.

        In training mode sparse layers add what their routers lose; in evaluation mode the number is the model's alone.

        Args:
            ids: what the model reads.
            targets: what follows at each position, `ids` shifted by one; `objectives.IGNORE` where nothing is asked.
            prefix: vectors that stand before the tokens, and are never asked for themselves.

        Raises:
            ValueError: as `forward`, and if a target is outside the vocabulary.
        """
        with routings(self) as routed:
            loss = token_cross_entropy(self(ids, prefix=prefix), targets, ignore=IGNORE)
        return loss + sum(router.loss(routing) for router, routing in routed) if self.training else loss

    def stretched(self, block_size: int | None = None, **changes: object) -> "GPT":
        """Return a copy with the same weights that reads texts of another length, and its positions another way.

        Rotary and sinusoidal positions follow from their number, and go on. Of a learned table, the rows beyond the
        trained ones are drawn as those of a new model: nothing has ever moved them.

        Args:
            block_size: longest context of the copy; this model's if not given.
            changes: any of `STRETCHES`, the fields of `GPTConfig` that no weight depends on.

        Raises:
            ValueError: if a change needs other weights, or its value does not fit.
        """
        other = sorted(set(changes) - set(STRETCHES))
        if other:
            raise ValueError(f"{', '.join(other)} would need other weights; what can change is {', '.join(STRETCHES)}")
        block_size = self.block_size if block_size is None else block_size
        parameter = self.token.weight
        copy = GPT(self.config.changed(block_size=block_size, **changes)).to(parameter.device, parameter.dtype)
        weights, fresh = self.state_dict(), copy.state_dict()
        if TABLE in weights:
            rows = min(block_size, self.block_size)
            weights[TABLE] = torch.cat([weights[TABLE][:rows], fresh[TABLE][rows:]])
        copy.load_state_dict(weights)
        return copy.train(self.training)

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, each beside its old version and then renamed."""
        save_model(directory, KIND, asdict(self.config), self)

    @classmethod
    def from_pretrained(cls, name_or_directory: str | os.PathLike[str], revision: str | None = None) -> "GPT":
        """Load a model, in float32 and in evaluation mode, from a directory or from the Hugging Face hub.

        Args:
            name_or_directory: a directory written by `save_pretrained`, or by `transformers` for a GPT-1, GPT-2,
                Mixtral or Qwen3-MoE; or openai-gpt, gpt2, gpt2-medium, gpt2-large, gpt2-xl, or another "owner/name" on
                the hub.
            revision: a commit, tag or branch of the repository on the hub; if None, a fixed commit of each GPT-2, and
                the branch "main" of any other repository.

        Raises:
            ValueError: if it is no such checkpoint, or a file in it is corrupt, truncated or does not match the others.
            FileNotFoundError: if the cache does not hold the model, and the hub does not either or cannot be reached.
        """
        # Imported here, since that package depends on this module.
        from lecture21.huggingface._formats import is_foreign, load_foreign
        from lecture21.huggingface._hub import locate

        directory = locate(name_or_directory, revision)
        if is_foreign(directory):
            config, tensors = load_foreign(directory)
        else:
            values, tensors = load_model(directory, KIND)
            config = GPTConfig.from_dict(values, source=os.path.join(directory, "config.json"))
        return build_model(cls, config, tensors, source=os.path.join(directory, "model.safetensors"))
