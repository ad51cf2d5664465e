"""Tokenizers of Hugging Face: that of a pretrained model, and that of a model trained here, for an export."""

import math
import os
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import tiktoken
import tiktoken_ext.openai_public
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from lecture21.gpt.checkpoints.formats import import_transformers
from lecture21.gpt.checkpoints.hub import locate
from lecture21.tokenizers.alphabet import PATTERN, spell
from lecture21.tokenizers.encodings import END_OF_TEXT

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_FILE = "tokenizer.json"
# GPT-2's pattern as its authors wrote it, and as tiktoken writes it, which matches the same without backtracking.
_PATTERNS = (PATTERN, getattr(tiktoken_ext.openai_public, "r50k_pat_str", PATTERN))


def tokenizer_from_pretrained(name_or_directory: str | os.PathLike[str], revision: str | None = None) -> Tokenizer:
    """Load the tokenizer of a model on the hub or in a directory, for the GPT that `GPT.from_pretrained` loads.

    Args:
        name_or_directory: as in `GPT.from_pretrained`.
        revision: as in `GPT.from_pretrained`.

    Returns:
        a tokenizer of the `tokenizers` library: `encode(text).ids` and `decode(ids)`.

    Raises:
        ValueError: if the model has no `tokenizer.json`, or it is corrupt.
        FileNotFoundError: if the cache does not hold it, and the hub does not either or cannot be reached.
    """
    path = locate(name_or_directory, revision, files=(_FILE,)) / _FILE
    if not path.is_file():
        raise ValueError(f"{path.parent} has no {_FILE}; save the tokenizer with a current version of transformers")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more specific
        raise ValueError(f"{path} is not a tokenizer of Hugging Face's format: {error}") from error


def tokenizer_to_huggingface(encoding: tiktoken.Encoding) -> "PreTrainedTokenizerFast":
    """Convert a byte-level encoding, such as that of `BPETokenizer`, into a tokenizer of `transformers`.

    It gives the same ids. Save it in the directory of an exported model, so that `transformers` loads both.

    Raises:
        ValueError: if the encoding splits text by a pattern other than GPT-2's, or has a token that is no merge of two
            others, or is both special and not.
        ImportError: if `transformers` is not installed.
    """
    transformers = import_transformers()
    if encoding._pat_str not in _PATTERNS:
        raise ValueError(f"{encoding.name!r} must split text with GPT-2's pattern, got {encoding._pat_str!r}")
    # tiktoken's own documentation reads these attributes to extend an encoding.
    ranks, special = encoding._mergeable_ranks, encoding._special_tokens
    tokens = {spell(token): i for token, i in ranks.items()}
    if both := sorted(special.keys() & tokens.keys()):
        raise ValueError(f"{encoding.name!r} has {both} among its special tokens and among the others")
    backend = Tokenizer(BPE(tokens | special, [(spell(a), spell(b)) for a, b in _merges(ranks)]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(t, normalized=False) for t in sorted(special, key=special.get)])
    end = END_OF_TEXT if END_OF_TEXT in special else None
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=end, eos_token=end)


def _merges(ranks: Mapping[bytes, int]) -> list[tuple[bytes, bytes]]:
    """Return for each token of several bytes, in order of rank, the two tokens of lower rank that it merges."""
    merges = []
    for token in sorted(ranks, key=ranks.get):
        parts = [token[i : i + 1] for i in range(len(token))]
        while len(parts) > 2:
            rank, i = min((ranks.get(a + b, math.inf), i) for i, (a, b) in enumerate(pairwise(parts)))
            if rank >= ranks[token]:
                raise ValueError(f"the token {token!r} is not a merge of two tokens of lower rank")
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        if len(parts) == 2:
            merges.append((parts[0], parts[1]))
    return merges
