"""Byte-pair tokens to ids and back, with the methods of `CharTokenizer`, and a loader for both kinds."""

import codecs
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tiktoken
from jaxtyping import Int
from torch import Tensor

from lecture21._support.contract import checked
from lecture21.tokenizers._files import describe_encoding, load_encoding, read_tokenizer_json, write_tokenizer_json
from lecture21.tokenizers._ids import check_each, check_sequence
from lecture21.tokenizers.characters import UNKNOWN, CharTokenizer
from lecture21.tokenizers.encodings import gpt2, train_bpe

_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a UTF-16 pair: a Python string may hold one, UTF-8 may not

_MAX_SPACE = 500_000  # tiktoken keeps a stack entry for each character of white space, and has a million entries
_LONG_SPACE = re.compile(rf"\s{{{_MAX_SPACE + 1},}}")


@checked
@dataclass(frozen=True, eq=False, repr=False)
class BPETokenizer:
    """A byte-level encoding with the methods of `CharTokenizer`; `decode(encode(text))` is `text`.

    A special token in a text becomes one id. Two tokenizers are equal if they have the same pattern and the same
    tokens with the same ids; the name does not matter.

    Args:
        encoding: from `train_bpe`, `gpt2` or tiktoken; its ids must be 0 to vocab_size - 1.
    """

    encoding: tiktoken.Encoding

    def __post_init__(self) -> None:
        describe_encoding(self.encoding)  # raises ValueError for gaps in the ids

    @classmethod
    def from_text(cls, text: str, vocab_size: int, special_tokens: Iterable[str] = ()) -> "BPETokenizer":
        """Train an encoding on a text; the arguments are those of `train_bpe`."""
        return cls(train_bpe(text, vocab_size, special_tokens))

    @property
    def vocab_size(self) -> int:
        """Number of ids: 256 bytes, the merged tokens, and the special tokens."""
        return self.encoding.n_vocab

    @cached_property
    def _sizes(self) -> np.ndarray:
        """Number of bytes of each token, (vocab_size,)."""
        return np.array([len(self.encoding.decode_single_token_bytes(i)) for i in range(self.vocab_size)])

    @cached_property
    def _sha256(self) -> str:
        content = {"tokenizer": "bpe", **describe_encoding(self.encoding)}
        del content["name"]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BPETokenizer) and self._sha256 == other._sha256

    def __hash__(self) -> int:
        return hash(self._sha256)

    def __repr__(self) -> str:
        return f"BPETokenizer({self.encoding.name!r}, vocab_size={self.vocab_size}, sha256={self._sha256[:16]!r})"

    def unknown(self, text: str) -> str:
        """Return the distinct unpaired UTF-16 surrogates in `text`, which have no UTF-8 bytes; real text has none."""
        return "".join(dict.fromkeys(_SURROGATE.findall(text)))

    @checked
    def encode(self, text: str, strict: bool = False) -> list[int]:
        """Return the ids of a text; an unpaired surrogate is encoded as U+FFFD.

        Raises:
            ValueError: if `strict` and the text has an unpaired surrogate (names each and its first position), if the
                encoding's pattern does not match all of the text, or if there are more than 500,000 characters of white
                space in a row.
        """
        if strict and (unknown := self.unknown(text)):
            where = ", ".join(f"{symbol!r} at {text.index(symbol)}" for symbol in unknown)
            raise ValueError(f"the text has unpaired surrogates: {where}")
        text = _SURROGATE.sub(UNKNOWN, text)
        if space := _LONG_SPACE.search(text):
            where = f"{len(space[0]):,} characters of white space at {space.start():,}"
            raise ValueError(f"the text has {where}; at most {_MAX_SPACE:,} in a row can be encoded")
        ids = self.encoding.encode(text, allowed_special="all")
        # tiktoken drops what its pattern does not match, without a word.
        encoded, size = int(self._sizes[ids].sum()), len(text.encode())
        if encoded != size:
            raise ValueError(
                f"the pattern of {self.encoding.name!r} matches only {encoded} of {size} bytes of the text"
            )
        return ids

    @checked
    def decode(self, ids: Iterable[int] | Int[Tensor, " T"]) -> str:
        """Return the text of some ids; bytes that are not valid UTF-8 (part of a character) become U+FFFD.

        Args:
            ids: one sequence of T ids, a list or a tensor.
        """
        return self.encoding.decode(check_sequence(ids, self.vocab_size))

    @checked
    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Decode ids as they arrive; a character is yielded once its last byte has arrived.

        Joined, the pieces are what `decode` returns.
        """
        characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for i in check_each(ids, self.vocab_size):
            if piece := characters.decode(self.encoding.decode_single_token_bytes(i)):
                yield piece
        if rest := characters.decode(b"", final=True):
            yield rest

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the encoding atomically as JSON."""
        write_tokenizer_json(path, "bpe", describe_encoding(self.encoding))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "BPETokenizer":
        """Read a tokenizer that `save` wrote.

        Raises:
            ValueError: if the file is truncated, corrupt or something else; names the path.
        """
        return cls(load_encoding(path))


@checked
def load_tokenizer(path: str | os.PathLike[str]) -> CharTokenizer | BPETokenizer:
    """Read a saved tokenizer of either kind.

    Raises:
        ValueError: if the file is truncated, corrupt or something else; names the path.
    """
    kinds = {"characters": CharTokenizer, "bpe": BPETokenizer}
    try:
        kind = read_tokenizer_json(path, *kinds)["tokenizer"]
    except ValueError as error:
        raise ValueError(f"{path} is not a saved tokenizer: {error}") from error
    return kinds[kind].load(path)


def make_tokenizer(name: str, text: str, training_text: str) -> CharTokenizer | BPETokenizer:
    """Return a tokenizer by its name: char, which knows the symbols of the whole text; bpe:SIZE, learned; or gpt2.

    Raises:
        ValueError: if it is none of these.
    """
    kind, colon, size = name.partition(":")
    if name == "char":
        return CharTokenizer.from_text(text)
    if name == "gpt2":
        return BPETokenizer(gpt2())
    if kind == "bpe" and colon and size.isdecimal():
        return BPETokenizer.from_text(training_text, int(size))
    raise ValueError(f"tokenizer must be char, gpt2, or bpe with the size of its vocabulary (bpe:512), got {name!r}")


def characters_per_token(tokenizer: CharTokenizer | BPETokenizer, text: str, ids: list[int]) -> float:
    """Return the mean length of the predicted tokens: all of a text but the first, which is only read."""
    return (len(text) - len(tokenizer.decode(ids[:1]))) / (len(ids) - 1)
