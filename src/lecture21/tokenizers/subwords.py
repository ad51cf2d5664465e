"""Byte pairs to token ids and back, with the methods of `CharTokenizer`, and the loader for both."""

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

from lecture21.tokenizers import characters
from lecture21.tokenizers.characters import UNKNOWN, CharTokenizer, checked, each_checked
from lecture21.tokenizers.encodings import BYTE_PAIRS, describe, load_bpe, read_json, save_bpe, train_bpe

_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a UTF-16 pair: a Python string may hold one, UTF-8 may not


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
        return self.encoding.decode(checked(ids, self.vocab_size))

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Decode ids as they come, a character as soon as its last byte is there; raises ValueError as `decode` does.

        The pieces together are what `decode` returns.
        """
        characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for i in each_checked(ids, self.vocab_size):
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
    kinds = {characters.KIND: CharTokenizer, BYTE_PAIRS: BPETokenizer}
    try:
        kind = read_json(path, *kinds)["tokenizer"]
    except ValueError as error:
        raise ValueError(f"{path} is not a saved tokenizer: {error}") from error
    return kinds[kind].load(path)
