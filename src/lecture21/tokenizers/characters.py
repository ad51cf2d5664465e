"""Characters to token ids and back, with one id for every unknown character."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Int
from torch import Tensor

from lecture21.tokenizers.encodings import read_json, write_json

UNKNOWN = "\ufffd"  # Unicode's own replacement character
KIND = "characters"  # what a saved file calls itself


@dataclass(frozen=True)
class CharTokenizer:
    """A vocabulary of single characters, plus one unknown symbol, which has the last id.

    Two tokenizers are equal when their symbols are.

    Args:
        symbols: the known characters, each once, in sorted order: the character at index i has id i.

    Raises:
        ValueError: if `symbols` is empty, repeats a character or is not sorted.

    Source: slide 24, whose vocabulary of 65 is 64 symbols of the plays and the unknown one.
    """

    symbols: str

    def __post_init__(self) -> None:
        if not self.symbols:
            raise ValueError("a vocabulary needs at least one symbol, got an empty text")
        if list(self.symbols) != sorted(set(self.symbols)):
            raise ValueError(f"symbols must be distinct and sorted, got {self.symbols!r}")

    @classmethod
    def from_text(cls, text: str) -> "CharTokenizer":
        """Know exactly the characters that occur in `text`; raises ValueError if there are none."""
        return cls("".join(sorted(set(text))))

    @property
    def vocab_size(self) -> int:
        """Number of ids: the known symbols and the unknown one."""
        return len(self.symbols) + 1

    @property
    def unknown_id(self) -> int:
        """The last id, which stands for every character that is not in `symbols`."""
        return len(self.symbols)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: i for i, symbol in enumerate(self.symbols)}

    def unknown(self, text: str) -> str:
        """Return the distinct characters of `text` that have no id of their own, in order of appearance."""
        return "".join(dict.fromkeys(symbol for symbol in text if symbol not in self._ids))

    def encode(self, text: str, strict: bool = False) -> list[int]:
        """Turn each character into its id, and each unknown character into `unknown_id`.

        Raises:
            ValueError: if `strict` and some character is unknown; names each one and where it first stands.
        """
        if strict and (unknown := self.unknown(text)):
            where = ", ".join(f"{symbol!r} at {text.index(symbol)}" for symbol in unknown)
            raise ValueError(f"not among the {len(self.symbols)} known symbols: {where}")
        return [self._ids.get(symbol, self.unknown_id) for symbol in text]

    def decode(self, ids: Iterable[int] | Int[Tensor, " T"]) -> str:
        """Turn each id back into its character, and `unknown_id` into U+FFFD.

        Args:
            ids: one sequence of T ids, a list or a tensor.

        Raises:
            ValueError: for the first id that is not in 0 ... vocab_size - 1, or a tensor of more than one sequence.
        """
        return "".join(self.stream(checked(ids, self.vocab_size)))

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Decode ids one by one as they come; raises ValueError as `decode` does."""
        alphabet = self.symbols + UNKNOWN
        for i in each_checked(ids, self.vocab_size):
            yield alphabet[i]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary as JSON, whole or not at all; raises OSError where the file system does."""
        # A list, since in JSON two symbols side by side in one string may read as one (UTF-16 surrogates).
        write_json(path, {"tokenizer": KIND, "symbols": list(self.symbols)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "CharTokenizer":
        """Read what `save` wrote.

        Raises:
            ValueError: names the path, where the file is cut short or holds something else.
            OSError: what the file system says, such as FileNotFoundError.
        """
        try:
            symbols = read_json(path, KIND).get("symbols")
            if not isinstance(symbols, list) or not all(isinstance(s, str) and len(s) == 1 for s in symbols):
                raise ValueError('"symbols" is not a list of single characters')
            return cls("".join(symbols))
        except ValueError as error:
            raise ValueError(f"{path} is not a saved CharTokenizer: {error}") from error


def each_checked(ids: Iterable[int], vocab_size: int) -> Iterator[int]:
    """Pass ids on, up to the first that is outside the vocabulary: ValueError."""
    for position, i in enumerate(ids):
        if not 0 <= i < vocab_size:  # a negative index would silently count from the end
            raise ValueError(f"id {i} at {position} is outside the vocabulary: 0 to {vocab_size - 1}")
        yield i


def checked(ids: Iterable[int] | Int[Tensor, " T"], vocab_size: int) -> list[int]:
    """Return one sequence as a list; ValueError for an id outside the vocabulary, or a tensor of more sequences."""
    if isinstance(ids, Tensor):
        if ids.dim() != 1:
            raise ValueError(f"decode takes one sequence of ids, got a tensor of shape {tuple(ids.shape)}")
        ids = ids.tolist()  # iterating over a tensor would make a tensor of every id
    return list(each_checked(ids, vocab_size))
