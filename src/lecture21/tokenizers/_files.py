"""Saved tokenizers: JSON with the kind of the tokenizer, and the content of a byte-pair encoding."""

import json
import os
from pathlib import Path
from typing import Any

import regex
import tiktoken

from lecture21._support.files import parse_json, write_atomic
from lecture21._support.storage import is_single_file, load_text
from lecture21.tokenizers.alphabet import BYTES, SYMBOLS, spell, unspell

_MAX_BYTES = 16 * 2**20  # as in the metadata of a model's one file; GPT-2's 50,257 tokens need 0.6 million
_PROBE = "".join(map(chr, range(256))) + " don't  stop\n\n42nd aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"


def write_tokenizer_json(path: str | os.PathLike[str], kind: str, content: dict[str, Any]) -> None:
    """Write the content of a tokenizer atomically."""
    write_atomic(path, (json.dumps({"tokenizer": kind, **content}) + "\n").encode())


def read_tokenizer_json(path: str | os.PathLike[str], *kinds: str) -> dict[str, Any]:
    """Read what `write_tokenizer_json` wrote, to a file or to the metadata of a model; ValueError for anything else."""
    if is_single_file(path):
        text = load_text(path, "tokenizer")
    elif (size := Path(path).stat().st_size) > _MAX_BYTES:
        raise ValueError(f"it has {size:,} bytes, at most {_MAX_BYTES:,} are allowed")
    else:
        text = Path(path).read_bytes()
    content = parse_json(text, "its content")
    if content.get("tokenizer") not in kinds:
        raise ValueError("it lacks " + " or ".join(f'"tokenizer": "{kind}"' for kind in kinds))
    return content


def build_encoding(name: str, pattern: str, tokens: list[str], special: list[str]) -> tiktoken.Encoding:
    """Build an encoding from tokens in the order of their ids, written in `SYMBOLS`; special tokens come last."""
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
        ValueError: if the file is truncated, corrupt or something else; names the path.
    """
    try:
        content = read_tokenizer_json(path, "bpe")
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
        return build_encoding(content["name"], content["pattern"], content["tokens"], content["special_tokens"])
    except ValueError as error:
        raise ValueError(f"{path} is not a saved BPE encoding: {error}") from error


def _check_pattern(pattern: str) -> None:
    """Raise ValueError for a pattern that tiktoken does not know, or on which it aborts: one that matches no character.

    The probe needs a time limit, which tiktoken does not have and `regex` has. `regex` also knows recursion, which can
    take gigabytes within that time; tiktoken does not, and so refuses such a pattern first.
    """
    try:
        tiktoken.Encoding("probe", pat_str=pattern, mergeable_ranks={bytes([b]): b for b in BYTES}, special_tokens={})
        matches = [match.group() for match in regex.finditer(pattern, _PROBE, timeout=1)]
    except (ValueError, regex.error) as error:
        raise ValueError(f'"pattern" is not a regular expression: {error}') from error
    except TimeoutError as error:
        raise ValueError('"pattern" takes too long to match') from error
    if "" in matches:
        raise ValueError(f'"pattern" matches the empty text: {pattern[:80]!r}')
