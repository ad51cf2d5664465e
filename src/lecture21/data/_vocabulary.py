"""A fixed vocabulary of words, for the synthetic tasks."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Int
from torch import Tensor

PAD, MASK, BOS, EOS = "<pad>", "<mask>", "<bos>", "<eos>"


@dataclass(frozen=True)
class Vocabulary:
    """Distinct tokens; the token at index i has id i."""

    tokens: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each token."""
        return {token: i for i, token in enumerate(self.tokens)}

    @property
    def pad(self) -> int:
        """Id of the padding token."""
        return self.ids[PAD]

    @property
    def mask(self) -> int:
        """Id of the mask token."""
        return self.ids[MASK]

    @property
    def bos(self) -> int:
        """Id of the beginning-of-sequence token."""
        return self.ids[BOS]

    @property
    def eos(self) -> int:
        """Id of the end-of-sequence token."""
        return self.ids[EOS]

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Return the ids of tokens; raises ValueError for one that is not in the vocabulary."""
        tokens = list(tokens)
        if unknown := [token for token in tokens if token not in self.ids]:
            raise ValueError(f"{unknown[0]!r} is not in the vocabulary: {' '.join(self.tokens)}")
        return [self.ids[token] for token in tokens]

    def decode(self, ids: Iterable[int] | Int[Tensor, " T"]) -> list[str]:
        """Return the tokens of one sequence up to the end-of-sequence token, without padding and beginning."""
        tokens = []
        for i in map(int, ids):
            if not 0 <= i < len(self):
                raise ValueError(f"token ids must be in 0..{len(self) - 1}, got {i}")
            if self.tokens[i] == EOS:
                break
            if self.tokens[i] not in (PAD, BOS):
                tokens.append(self.tokens[i])
        return tokens
