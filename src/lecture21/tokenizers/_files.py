"""Saved tokenizers: JSON with the kind of the tokenizer, and the content of a byte-pair encoding."""

import json
import os
from pathlib import Path
from typing import Any

import tiktoken

from lecture21._support.files import parse_json, write_atomic
from lecture21._support.storage import is_single_file, load_text
from lecture21.tokenizers.alphabet import spell, unspell


def write_tokenizer_json(path: str | os.PathLike[str], kind: str, content: dict[str, Any]) -> None:
    """Write the content of a tokenizer atomically."""
    write_atomic(path, (json.dumps({"tokenizer": kind, **content}) + "\n").encode())


def read_tokenizer_json(path: str | os.PathLike[str], *kinds: str) -> dict[str, Any]:
    """Read what `write_tokenizer_json` wrote, to a file or to the metadata of a model; ValueError for anything else."""
    text = load_text(path, "tokenizer") if is_single_file(path) else Path(path).read_bytes()
    content = parse_json(text, "its content")
    if content.get("tokenizer") not in kinds:
        raise ValueError("it lacks " + " or ".join(f'"tokenizer": "{kind}"' for kind in kinds))
    return content


def build_encoding(name: str, pattern: str, tokens: list[str], special: list[str]) -> tiktoken.Encoding:
    """Build an encoding from tokens in the order of their ids, as `spell` writes them; special tokens come last."""
    ranks = {unspell(token): i for i, token in enumerate(tokens)}
    ids = {token: len(tokens) + i for i, token in enumerate(special)}
    return tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=ids)


def describe_encoding(encoding: tiktoken.Encoding) -> dict[str, Any]:
    """Return the content of a saved encoding: tokens in the order of their ids, bytes as printable characters.

    Raises:
        ValueError: if the ids have gaps.
    """
    # tiktoken's own documentation reads these attributes to extend an encoding.
    ranks, special = encoding._mergeable_ranks, encoding._special_tokens
    tokens = sorted(ranks, key=ranks.get) + sorted(special, key=special.get)
    ids = [*sorted(ranks.values()), *sorted(special.values())]
    if ids != list(range(len(tokens))):
        raise ValueError(f"the ids of {encoding.name!r} are not 0 to {len(tokens) - 1}, its special tokens last")
    return {
        "name": encoding.name,
        "pattern": encoding._pat_str,
        "tokens": [spell(token) for token in tokens[: len(ranks)]],
        "special_tokens": tokens[len(ranks) :],
    }


def load_encoding(path: str | os.PathLike[str]) -> tiktoken.Encoding:
    """Read an encoding whose description `write_tokenizer_json` wrote.

    Raises:
        ValueError: if the file is truncated or something else; names the path.
    """
    try:
        content = read_tokenizer_json(path, "bpe")
        return build_encoding(*(content[key] for key in ("name", "pattern", "tokens", "special_tokens")))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a saved BPE encoding: {error}") from error
