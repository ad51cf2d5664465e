"""Characters to token ids and back, with one id for every unknown character."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from jaxtyping import Int
from torch import Tensor

from lecture21._support.contract import NOT_EMPTY, checked
from lecture21.tokenizers._files import read_tokenizer_json, write_tokenizer_json
from lecture21.tokenizers._ids import check_each, check_sequence

UNKNOWN = "\ufffd"
"""What an unknown character is decoded to: Unicode's own replacement character."""


@checked
@dataclass(frozen=True)
class CharTokenizer:
    """A vocabulary of single characters and one unknown symbol, which has the last id.

    Two tokenizers are equal if their symbols are equal.

    Args:
        symbols: the known characters, distinct and sorted: the character at index i has id i.

    Source: slide 24, whose vocabulary of 65 is 64 symbols of the plays and the unknown one.
    """

    symbols: Annotated[str, NOT_EMPTY]

    def __post_init__(self) -> None:
        if list(self.symbols) != sorted(set(self.symbols)):
            raise ValueError(f"symbols must be distinct and sorted, got {self.symbols!r}")

    @classmethod
    @checked
    def from_text(cls, text: str) -> "CharTokenizer":
        """Return the tokenizer whose symbols are the characters of `text`, which must not be empty."""
        return cls("".join(sorted(set(text))))

    @property
    def vocab_size(self) -> int:
        """Number of ids: the known symbols and the unknown one."""
        return len(self.symbols) + 1

    @property
    def unknown_id(self) -> int:
        """The last id, which encodes every character that is not in `symbols`."""
        return len(self.symbols)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: i for i, symbol in enumerate(self.symbols)}

    def unknown(self, text: str) -> str:
        """Return the distinct characters of `text` that have no id of their own, in order of appearance."""
        return "".join(dict.fromkeys(symbol for symbol in text if symbol not in self._ids))

    @checked
    def encode(self, text: str, strict: bool = False) -> list[int]:
        """Return the id of each character, `unknown_id` for an unknown one.

        Raises:
            ValueError: if `strict` and a character is unknown; names each one and its first position.
        """
        if strict and (unknown := self.unknown(text)):
            where = ", ".join(f"{symbol!r} at {text.index(symbol)}" for symbol in unknown)
            raise ValueError(f"not among the {len(self.symbols)} known symbols: {where}")
        return [self._ids.get(symbol, self.unknown_id) for symbol in text]

    @checked
    def decode(self, ids: Iterable[int] | Int[Tensor, " T"]) -> str:
        """Return the text of some ids; `unknown_id` becomes U+FFFD.

        Args:
            ids: one sequence of T ids, a list or a tensor.
        """
        return "".join(self.stream(check_sequence(ids, self.vocab_size)))

    @checked
    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Decode ids one by one as they arrive; raises ValueError as `decode` does."""
        alphabet = self.symbols + UNKNOWN
        for i in check_each(ids, self.vocab_size):
            yield alphabet[i]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary atomically as JSON."""
        # A list, since in JSON two symbols side by side in one string may read as one (UTF-16 surrogates).
        write_tokenizer_json(path, "characters", {"symbols": list(self.symbols)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "CharTokenizer":
        """Read a tokenizer that `save` wrote.

        Raises:
            ValueError: if the file is truncated, corrupt or something else; names the path.
        """
        try:
            symbols = read_tokenizer_json(path, "characters").get("symbols")
            if not isinstance(symbols, list) or not all(isinstance(s, str) and len(s) == 1 for s in symbols):
                raise ValueError('"symbols" is not a list of single characters')
            return cls("".join(symbols))
        except ValueError as error:
            raise ValueError(f"{path} is not a saved CharTokenizer: {error}") from error
