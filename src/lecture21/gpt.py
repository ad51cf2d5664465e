"""The GPT: token embeddings plus positions, a stack of causal blocks, a softmax over the vocabulary (slides 17 to 20).

The defaults of `GPTConfig` are GPT-0, the small character model of slide 24.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21.layers import ACTIVATIONS, Block, FeedForward, KVCache, MultiHeadAttention
from lecture21.positions import LearnedPositions, NoPositions, SinusoidalPositions
from lecture21.storage import load_tensors, save_tensors, write_atomic

POSITIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "learned": LearnedPositions,
    "sinusoidal": SinusoidalPositions,
    "none": NoPositions,
}


@dataclass(frozen=True)
class GPTConfig:
    """The shape of a GPT; checked when made, so that a model that exists is a model that fits.

    Raises:
        ValueError: naming the field, its value and what is allowed.
    """

    vocab_size: int = 65
    """Number of distinct tokens V."""
    block_size: int = 32
    """Longest context in tokens."""
    n_layer: int = 4
    """Number of blocks."""
    n_head: int = 4
    """Number of attention heads H; divides d_model."""
    d_model: int = 64
    """Width C of the residual stream."""
    d_ff: int | None = None
    """Width of the feed-forward layer; 4 C if not given."""
    activation: str = "relu"
    """Nonlinearity of the feed-forward layer: relu, gelu or gelu_tanh."""
    position: str = "learned"
    """How order is told: learned, sinusoidal or none."""
    qkv_bias: bool = False
    """Whether query, key and value maps have a bias."""
    tied_head: bool = False
    """Whether the output layer is the embedding table, transposed, instead of a layer of its own with bias."""
    dropout: float = 0.0
    """Probability of dropping an activation while training."""

    def __post_init__(self) -> None:
        if self.d_ff is None:
            object.__setattr__(self, "d_ff", 4 * self.d_model)
        for name in ("vocab_size", "block_size", "n_layer", "n_head", "d_model", "d_ff"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number >= 1, got {value!r}")
        for name in ("qkv_bias", "tied_head"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")
        if self.d_model % self.n_head:
            raise ValueError(f"n_head must divide d_model, got d_model={self.d_model} and n_head={self.n_head}")
        for name, allowed in (("activation", ACTIVATIONS), ("position", POSITIONS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if self.position == "sinusoidal" and self.d_model % 2:
            raise ValueError(f"sinusoidal positions need an even d_model, got {self.d_model}")
        if isinstance(self.dropout, bool) or not isinstance(self.dropout, int | float) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout!r}")

    @classmethod
    def from_dict(cls, values: dict[str, object], source: str = "the configuration") -> "GPTConfig":
        """Build a configuration from parsed JSON; `source` is named when a field is unknown."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"{source} has unknown fields {', '.join(unknown)}; known are {', '.join(known)}")
        return cls(**values)  # __post_init__ checks every value


class GPT(nn.Module):
    """A decoder-only transformer that gives, at each position, the logits of the next token.

    Raises:
        ValueError: from `GPTConfig`, or where token ids do not fit the model.

    Source: Radford et al. 2018, section 3.1, with the pre-norm blocks of Radford et al. 2019; slides 17 to 24.
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        c = self.config = config
        self.token = nn.Embedding(c.vocab_size, c.d_model)
        self.position = POSITIONS[c.position](c.block_size, c.d_model)
        self.dropout = nn.Dropout(c.dropout)
        self.blocks = nn.ModuleList(
            Block(
                c.d_model,
                MultiHeadAttention(c.d_model, c.n_head, qkv_bias=c.qkv_bias, dropout=c.dropout),
                FeedForward(c.d_model, c.d_ff, activation=c.activation, dropout=c.dropout),
            )
            for _ in range(c.n_layer)
        )
        self.norm = nn.LayerNorm(c.d_model)
        if c.tied_head:
            # No layer of its own: `forward` multiplies by the table. PyTorch's N(0, 1) would then make logits of size
            # sqrt(C), and a loss far above ln V at the start; 0.02 is what GPT-1 draws all its weights with.
            self.head = None
            nn.init.normal_(self.token.weight, std=0.02)
        else:
            self.head = nn.Linear(c.d_model, c.vocab_size)

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
        return [KVCache() for _ in self.blocks]

    def forward(self, ids: Int[Tensor, "B T"], cache: list[KVCache] | None = None) -> Float[Tensor, "B T V"]:
        """Return the logits of the token that follows each position.

        Args:
            ids: token ids. With a cache, only those that it has not seen yet.
            cache: from `new_cache`; it grows by T positions.

        Raises:
            ValueError: if the context is longer than the block, or an id is outside the vocabulary.
        """
        start = len(cache[0]) if cache else 0
        stop = start + ids.shape[1]
        if stop > self.block_size:
            raise ValueError(f"a context of {stop} tokens is longer than the model's block size, {self.block_size}")
        # On an accelerator the check would wait for the device at every step; there, torch's own assert answers.
        if ids.device.type == "cpu":
            require_vocabulary(ids, self.vocab_size)

        x = self.dropout(self.token(ids) + self.position(start, stop))  # (B, T, C)
        for i, block in enumerate(self.blocks):
            x = block(x, cache[i] if cache else None)
        x = self.norm(x)
        return x @ self.token.weight.T if self.head is None else self.head(x)  # (B, T, V)

    def loss(self, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the targets in nats per token: the negative log-likelihood of slide 18.

        Args:
            ids: what the model reads.
            targets: what follows at each position, `ids` shifted by one.

        Raises:
            ValueError: as `forward`, and if a target is outside the vocabulary.
        """
        if targets.device.type == "cpu":
            require_vocabulary(targets, self.vocab_size)
        logits = at_least_float32(self(ids))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten().long())

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, each beside its old version and then renamed."""
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        config = json.dumps(asdict(self.config), indent=2)
        # The weights carry their configuration as well, so that the two files cannot fall apart unseen.
        save_tensors(directory / "model.safetensors", self.state_dict(), {"config": config})
        write_atomic(directory / "config.json", f"{config}\n".encode())

    @classmethod
    def from_pretrained(cls, directory: str | os.PathLike[str]) -> "GPT":
        """Load a model, in float32 and in evaluation mode, from a directory that `save_pretrained` wrote.

        Raises:
            ValueError: if the directory is not such a checkpoint, or a file in it is torn or of another model.
        """
        directory = Path(directory)
        config_path, weights_path = directory / "config.json", directory / "model.safetensors"
        if not config_path.is_file() or not weights_path.is_file():
            raise ValueError(f"{directory} is not a checkpoint: it needs config.json and model.safetensors")
        try:
            values = json.loads(config_path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{config_path} is not JSON: {error}") from error
        if not isinstance(values, dict):
            raise ValueError(f"{config_path} must hold an object, got {type(values).__name__}")
        config = GPTConfig.from_dict(values, source=str(config_path))
        tensors, metadata = load_tensors(weights_path)
        if json.loads(metadata.get("config", "null")) not in (None, asdict(config)):
            raise ValueError(f"{weights_path} holds another model than {config_path} describes")
        model = cls(config)
        load_weights(model, tensors, source=str(weights_path))
        return model.eval()


def at_least_float32(x: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Widen half precision, in which a softmax over a vocabulary loses too much; leave float64 as it is."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def require_vocabulary(ids: Int[Tensor, "*S"], vocab_size: int) -> None:
    """Raise ValueError if some id is not in 0 ... vocab_size - 1."""
    if ids.numel() and not 0 <= ids.min() <= ids.max() < vocab_size:
        raise ValueError(f"token ids {ids.min()}..{ids.max()} are outside the vocabulary 0..{vocab_size - 1}")


def load_weights(model: nn.Module, tensors: dict[str, Tensor], *, source: str) -> None:
    """Copy tensors into a model of exactly the same names and shapes.

    Raises:
        ValueError: naming `source` and the first tensor that is missing, unknown or of another shape.
    """
    expected = model.state_dict()
    for name in sorted(expected.keys() | tensors.keys()):
        if name not in tensors:
            raise ValueError(f"{source} lacks the tensor {name}, shape {tuple(expected[name].shape)}")
        if name not in expected:
            raise ValueError(f"{source} has a tensor {name}, which the model does not know")
        if tensors[name].shape != expected[name].shape:
            shapes = f"{tuple(tensors[name].shape)} where the model has {tuple(expected[name].shape)}"
            raise ValueError(f"{source} has {name} of shape {shapes}: it is a checkpoint of another model")
    with torch.no_grad():
        model.load_state_dict(tensors)
