"""From text to token ids and back: by characters, with one id for all that are unknown, or by byte pairs.

Both kinds, `CharTokenizer` and `BPETokenizer`, have the same methods, and `load_tokenizer` reads what either has saved.
"""

import codecs
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import tiktoken
from jaxtyping import Int
from torch import Tensor

from lecture21.encodings import BYTE_PAIRS, describe, gpt2, load_bpe, read_json, save_bpe, train_bpe, write_json

__all__ = ["UNKNOWN", "BPETokenizer", "CharTokenizer", "gpt2", "load_bpe", "load_tokenizer", "save_bpe", "train_bpe"]

UNKNOWN = "\ufffd"  # Unicode's own replacement character
_CHARACTERS = "characters"  # what a saved file calls itself
_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a UTF-16 pair: a Python string may hold one, UTF-8 may not


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
        return "".join(self.stream(_checked(ids, self.vocab_size)))

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Decode ids one by one as they come; raises ValueError as `decode` does."""
        alphabet = self.symbols + UNKNOWN
        for i in _each_checked(ids, self.vocab_size):
            yield alphabet[i]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary as JSON, whole or not at all; raises OSError where the file system does."""
        # A list, since in JSON two symbols side by side in one string may read as one (UTF-16 surrogates).
        write_json(path, {"tokenizer": _CHARACTERS, "symbols": list(self.symbols)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "CharTokenizer":
        """Read what `save` wrote.

        Raises:
            ValueError: names the path, where the file is cut short or holds something else.
            OSError: what the file system says, such as FileNotFoundError.
        """
        try:
            symbols = read_json(path, _CHARACTERS).get("symbols")
            if not isinstance(symbols, list) or not all(isinstance(s, str) and len(s) == 1 for s in symbols):
                raise ValueError('"symbols" is not a list of single characters')
            return cls("".join(symbols))
        except ValueError as error:
            raise ValueError(f"{path} is not a saved CharTokenizer: {error}") from error


@dataclass(frozen=True, eq=False, repr=False)
class BPETokenizer:
    """A byte-level encoding with the methods of `CharTokenizer`: every text has ids, and gets them back as it was.

    A special token of the encoding, wherever it stands in a text, is one token. Two tokenizers are equal when they
    cut text alike and have the same tokens with the same ids, whatever their names.

    Args:
        encoding: from `train_bpe`, `load_bpe`, `gpt2`, or of tiktoken's own.

    Raises:
        ValueError: if its ids are not 0 ... vocab_size - 1.
    """

    encoding: tiktoken.Encoding

    def __post_init__(self) -> None:
        describe(self.encoding)  # refuses gaps

    @classmethod
    def from_text(cls, text: str, vocab_size: int, special_tokens: Iterable[str] = ()) -> "BPETokenizer":
        """Learn from a text; arguments and errors are those of `train_bpe`."""
        return cls(train_bpe(text, vocab_size, special_tokens))

    @property
    def vocab_size(self) -> int:
        """Number of ids: the 256 bytes, what the merges make, and the special tokens."""
        return self.encoding.n_vocab

    @cached_property
    def _sha256(self) -> str:
        content = {key: value for key, value in describe(self.encoding).items() if key != "name"}
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BPETokenizer) and self._sha256 == other._sha256

    def __hash__(self) -> int:
        return hash(self._sha256)

    def __repr__(self) -> str:
        return f"BPETokenizer({self.encoding.name!r}, vocab_size={self.vocab_size}, sha256={self._sha256[:16]!r})"

    def unknown(self, text: str) -> str:
        """Return the distinct halves of UTF-16 pairs in `text`, which alone have no bytes: in any real text, none."""
        return "".join(dict.fromkeys(_SURROGATE.findall(text)))

    def encode(self, text: str, strict: bool = False) -> list[int]:
        """Turn a text into ids, and what is unknown in it into those of U+FFFD.

        Raises:
            ValueError: if `strict` and something is unknown; names each and where it first stands.
        """
        if strict and (unknown := self.unknown(text)):
            where = ", ".join(f"{symbol!r} at {text.index(symbol)}" for symbol in unknown)
            raise ValueError(f"not text, but halves of UTF-16 pairs: {where}")
        return self.encoding.encode(_SURROGATE.sub(UNKNOWN, text), allowed_special="all")

    def decode(self, ids: Iterable[int] | Int[Tensor, " T"]) -> str:
        """Turn ids back into text, and bytes that are no UTF-8 (a character cut in two) into U+FFFD.

        Args:
            ids: one sequence of T ids, a list or a tensor.

        Raises:
            ValueError: for the first id that is not in 0 ... vocab_size - 1, or a tensor of more than one sequence.
        """
        return self.encoding.decode(_checked(ids, self.vocab_size))

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Decode ids as they come, a character as soon as its last byte is there; raises ValueError as `decode` does.

        The pieces together are what `decode` returns.
        """
        characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for i in _each_checked(ids, self.vocab_size):
            if piece := characters.decode(self.encoding.decode_single_token_bytes(i)):
                yield piece
        if rest := characters.decode(b"", final=True):
            yield rest

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the encoding as JSON, as `save_bpe` does."""
        save_bpe(self.encoding, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "BPETokenizer":
        """Read what `save` wrote; raises what `load_bpe` does."""
        return cls(load_bpe(path))


def load_tokenizer(path: str | os.PathLike[str]) -> CharTokenizer | BPETokenizer:
    """Read a saved tokenizer of either kind; which one, the file says.

    Raises:
        ValueError: names the path, where the file is cut short or holds something else.
        OSError: what the file system says, such as FileNotFoundError.
    """
    kinds = {_CHARACTERS: CharTokenizer, BYTE_PAIRS: BPETokenizer}
    try:
        kind = read_json(path, *kinds)["tokenizer"]
    except ValueError as error:
        raise ValueError(f"{path} is not a saved tokenizer: {error}") from error
    return kinds[kind].load(path)


def _each_checked(ids: Iterable[int], vocab_size: int) -> Iterator[int]:
    """Pass ids on, up to the first that is outside the vocabulary: ValueError."""
    for position, i in enumerate(ids):
        if not 0 <= i < vocab_size:  # a negative index would silently count from the end
            raise ValueError(f"id {i} at {position} is outside the vocabulary: 0 to {vocab_size - 1}")
        yield i


def _checked(ids: Iterable[int] | Int[Tensor, " T"], vocab_size: int) -> list[int]:
    """Return one sequence as a list; ValueError for an id outside the vocabulary, or a tensor of more sequences."""
    if isinstance(ids, Tensor):
        if ids.dim() != 1:
            raise ValueError(f"decode takes one sequence of ids, got a tensor of shape {tuple(ids.shape)}")
        ids = ids.tolist()  # iterating over a tensor would make a tensor of every id
    return list(_each_checked(ids, vocab_size))
