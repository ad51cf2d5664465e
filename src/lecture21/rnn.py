"""What came before: a recurrent network that reads one token at a time and keeps one vector of memory (slide 2).

Called like a GPT, trained and sampled by the same functions, so that the two can be laid side by side.
"""

import os
from dataclasses import asdict, dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.storage import build_model, load_model, save_model
from lecture21._support.validation import from_dict, require_choice, require_number, require_whole
from lecture21.objectives import require_vocabulary, token_cross_entropy

KIND = "rnn"  # what a saved model calls itself, whichever of the following it is
KINDS: dict[str, type[nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
"""What a layer computes at each step: tanh of a sum (Elman 1990), or gated (Cho et al. 2014; Hochreiter &
Schmidhuber 1997)."""


@dataclass(frozen=True)
class RNNConfig:
    """The shape of a recurrent language model; checked when made. Depth and width are by default those of char-rnn.

    Raises:
        ValueError: naming the field, its value and what is allowed.

    Source: Karpathy 2015, char-rnn, `train.lua` (num_layers 2, rnn_size 128).
    """

    vocab_size: int = 65
    """Number of distinct tokens V."""
    block_size: int = 32
    """Length of a training window in tokens; not a limit on what can be read."""
    kind: str = "lstm"
    """What a layer computes at each step: rnn, gru or lstm."""
    n_layer: int = 2
    """Number of layers, each reading the states of the one below."""
    d_model: int = 128
    """Width C of the token vectors and of each layer's state."""
    dropout: float = 0.0
    """Probability of dropping an activation between layers, never from one step to the next, while training."""

    def __post_init__(self) -> None:
        for name in ("vocab_size", "block_size", "n_layer", "d_model"):
            require_whole(name, getattr(self, name))
        require_choice("kind", self.kind, KINDS)
        require_number("dropout", self.dropout, "in [0, 1)", lambda x: 0 <= x < 1)

    @classmethod
    def from_dict(cls, values: dict[str, object], source: str = "the configuration") -> "RNNConfig":
        """Build a configuration from parsed JSON; `source` is named when a field is unknown."""
        return from_dict(cls, values, source)


class HiddenState:
    """All that a recurrent network remembers of what it has read; it does not grow with the text."""

    def __init__(self) -> None:
        self.tensors: Tensor | tuple[Tensor, Tensor] | None = None
        """The state h of every layer, (L, B, C); for an LSTM with its cell c of the same shape; None at the start."""


class RNN(nn.Module):
    """A recurrent language model that gives, at each position, the logits of the next token.

    Position t sees the tokens before it only through the state, so causality needs no mask, and each state needs the
    one before, so T positions take T steps one after the other.

    Raises:
        ValueError: from `RNNConfig`, or where token ids do not fit the model.

    Source: slides 2 and 3; Elman 1990, Finding Structure in Time; dropout as in Zaremba et al. 2014.
    """

    context_limit = None  # of what is read; `block_size` only says how long the training windows are

    def __init__(self, config: RNNConfig):
        super().__init__()
        c = self.config = config
        self.token = nn.Embedding(c.vocab_size, c.d_model)
        self.dropout = nn.Dropout(c.dropout)
        # torch warns of a dropout between the layers where there is only one.
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
        """Count the trained numbers, with the two biases that torch gives to each gate."""
        return sum(p.numel() for p in self.parameters())

    def new_cache(self) -> HiddenState:
        """Return the state before the first token, to be passed to `forward`, which carries it on."""
        return HiddenState()

    def forward(self, ids: Int[Tensor, "B T"], cache: HiddenState | None = None) -> Float[Tensor, "B T V"]:
        """Return the logits of the token that follows each position.

        Args:
            ids: token ids, of any length. With a cache, only those that it has not seen yet.
            cache: from `new_cache`; it holds the state after the last token.

        Raises:
            ValueError: if there is nothing to read, or an id is outside the vocabulary.
        """
        if ids.dim() != 2 or ids.shape[1] < 1:
            raise ValueError(f"ids must have the shape (B, T) with one token or more a row, got {tuple(ids.shape)}")
        require_vocabulary(ids, self.vocab_size)
        x = self.dropout(self.token(ids))  # (B, T, C)
        x, state = self.recurrence(x, cache.tensors if cache else None)
        if cache is not None:
            cache.tensors = state
        return self.head(self.dropout(x))  # (B, T, V)

    def loss(self, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the targets in nats per token.

        Args:
            ids: what the model reads.
            targets: what follows at each position, `ids` shifted by one.

        Raises:
            ValueError: as `forward`, and if a target is outside the vocabulary.
        """
        return token_cross_entropy(self(ids), targets)

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, each beside its old version and then renamed."""
        save_model(directory, KIND, asdict(self.config), self)

    @classmethod
    def from_pretrained(cls, directory: str | os.PathLike[str]) -> "RNN":
        """Load a model, in float32 and in evaluation mode, from a directory that `save_pretrained` wrote.

        Raises:
            ValueError: if the directory is not such a checkpoint, or a file in it is torn or of another model.
        """
        values, tensors = load_model(directory, KIND)
        config = RNNConfig.from_dict(values, source=os.path.join(directory, "config.json"))
        return build_model(cls, config, tensors, source=os.path.join(directory, "model.safetensors"))
