"""A recurrent language model, which processes one token at a time with a state of fixed size (slide 2).

It has the interface of a GPT and is trained and sampled by the same functions, so that the two can be compared.
"""

import os
from dataclasses import asdict, dataclass
from typing import Annotated

from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import Count, Rate, checked
from lecture21._support.storage import load_pretrained, save_model
from lecture21._support.tensors import require_vocabulary
from lecture21._support.validation import from_dict, in_range, one_of
from lecture21.layers.dropout import Dropout
from lecture21.objectives import token_cross_entropy

_KIND = "rnn"
KINDS: dict[str, type[nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
"""The recurrent layers by name: tanh of a sum (Elman 1990), GRU (Cho et al. 2014), LSTM (Hochreiter & Schmidhuber
1997)."""


@checked
@dataclass(frozen=True)
class RNNConfig:
    """The shape of a recurrent language model, checked when it is constructed; depth and width default to char-rnn's.

    Source: Karpathy 2015, char-rnn, `train.lua` (num_layers 2, rnn_size 128).
    """

    vocab_size: Count = 65
    """Number of distinct tokens V."""
    block_size: Count = 32
    """Length of a training window in tokens; not a limit on the context."""
    kind: Annotated[str, one_of(KINDS)] = "lstm"
    """Recurrent layer: rnn, gru or lstm."""
    n_layer: Annotated[int, in_range(1, 10_000, "[]", whole=True)] = 2
    """Number of layers, each of which takes the states of the one below as input."""
    d_model: Count = 128
    """Width C of the token vectors and of each layer's state."""
    dropout: Rate = 0.0
    """Probability of dropping an activation between layers, but not between time steps, in training."""

    @classmethod
    def from_dict(cls, values: dict[str, object], source: str = "the configuration") -> "RNNConfig":
        """Build a configuration from parsed JSON; `source` is named when a field is unknown."""
        return from_dict(cls, values, source)


class _HiddenState:
    """The state of a recurrent network after the tokens so far; its size does not grow with the text."""

    def __init__(self) -> None:
        self.tensors: Tensor | tuple[Tensor, Tensor] | None = None
        """State h of every layer, (L, B, C); for an LSTM with the cell state c, of the same shape; initially None."""


class RNN(nn.Module):
    """A recurrent language model that computes, at each position, the logits of the next token.

    The logits depend on earlier tokens only through the state, so causality needs no mask. Each state depends on the
    one before, so T positions take T sequential steps.

    Source: slides 2 and 3; Elman 1990, Finding Structure in Time; dropout as in Zaremba et al. 2014.
    """

    context_limit = None  # `block_size` is only the length of the training windows

    @checked
    def __init__(self, config: RNNConfig):
        super().__init__()
        c = self.config = config
        self.token = nn.Embedding(c.vocab_size, c.d_model)
        self.dropout = Dropout(c.dropout)
        # torch warns about dropout between layers if there is only one.
        between = c.dropout if c.n_layer > 1 else 0.0
        self.recurrence = KINDS[c.kind](c.d_model, c.d_model, c.n_layer, batch_first=True, dropout=between)
        self.head = nn.Linear(c.d_model, c.vocab_size)

    @property
    def vocab_size(self) -> int:
        """Number of distinct tokens V."""
        return self.config.vocab_size

    @property
    def block_size(self) -> int:
        """Length of a training window in tokens."""
        return self.config.block_size

    def num_parameters(self) -> int:
        """Return the number of parameters, including the two biases that torch has for each gate."""
        return sum(p.numel() for p in self.parameters())

    def new_cache(self) -> _HiddenState:
        """Return the initial state, to be passed to `forward`, which updates it."""
        return _HiddenState()

    @checked
    def forward(self, ids: Int[Tensor, "B T"], cache: _HiddenState | None = None) -> Float[Tensor, "B T V"]:
        """Return the logits of the token that follows each position.

        Args:
            ids: token ids, of any length. With a cache, only the new ones.
            cache: from `new_cache`; it holds the state after the last token.
        """
        if ids.shape[1] < 1:
            raise ValueError(f"ids must have the shape (B, T) with at least one token per row, got {tuple(ids.shape)}")
        require_vocabulary(ids, self.vocab_size)
        state = None if cache is None else cache.tensors
        if state is not None and (state[0] if isinstance(state, tuple) else state).shape[1] != len(ids):
            raise ValueError(f"the cache holds the states of another batch size than that of the ids, {len(ids)}")
        x = self.dropout(self.token(ids))  # (B, T, C)
        x, state = self.recurrence(x, state)
        if cache is not None:
            cache.tensors = state
        return self.head(self.dropout(x))  # (B, T, V)

    def loss(self, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the targets in nats per token.

        Args:
            ids: input tokens.
            targets: the next token of each position, `ids` shifted by one.
        """
        return token_cross_entropy(self(ids), targets)

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, replacing earlier ones atomically."""
        save_model(directory, _KIND, asdict(self.config), self)

    @classmethod
    def from_pretrained(cls, directory: str | os.PathLike[str]) -> "RNN":
        """Load a model, in float32 and in evaluation mode, from a directory that `save_pretrained` wrote.

        Raises:
            ValueError: if a file is missing, corrupt, or does not match the model.
        """
        return load_pretrained(cls, RNNConfig, directory, _KIND)
