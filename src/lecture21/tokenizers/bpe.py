"""Byte-pair encoding in full, short enough to read: how a text becomes merges, and merges become ids.

Start from the 256 bytes. Join the two neighbours that stand side by side most often into a new token, everywhere, and
do that again. GPT-2 first cuts the text into words, and no merge crosses from one word into the next.
`tokenizers.train_bpe` learns the same merges in less time, and what it returns gives the same ids.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import regex

Pair = tuple[bytes, bytes]

PATTERN = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
"""How GPT-2 cuts text into words: English endings; letters, digits or other signs, each with one space before; space.

Source: Radford et al. 2019; `encoder.py` of their code.
"""

_PRINTABLE = [byte for byte in range(256) if chr(byte).isprintable() and chr(byte) != " "]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
BYTES = bytes(_PRINTABLE + _OTHERS)
"""The 256 bytes in GPT-2's order, those with a picture in Latin-1 first: the byte at index i has id i."""

SYMBOLS = "".join(map(chr, _PRINTABLE)) + "".join(chr(256 + i) for i in range(len(_OTHERS)))
"""One visible character for each of `BYTES`, as vocabularies are written in files: a space is Ġ, a line break Ċ."""


def words(text: str) -> list[str]:
    """Cut a text into GPT-2's words, which together are the text again."""
    return regex.findall(PATTERN, text)


def train(text: str | Mapping[str, int], n_merges: int) -> list[Pair]:
    """Learn merges, the first one first.

    The most frequent pair is merged, each word counted as often as it occurs. Of equally frequent pairs it is the one
    whose first part is oldest, and of those the one whose second part is: bytes are as old as their place in `BYTES`
    says, and every new token is younger than all before it. In `aaa` the pair `(a, a)` stands twice, though only one
    of the two can be merged.

    Args:
        text: a text, which is cut into `words`; or words and how often each occurs, which are not cut further.

    Raises:
        ValueError: if `n_merges` is no whole number >= 0, or more than makes every word of the text one token.

    Source: Sennrich, Haddow & Birch 2016; on bytes, Radford et al. 2019.
    """
    if not isinstance(n_merges, int) or n_merges < 0:
        raise ValueError(f"n_merges must be a whole number >= 0, got {n_merges!r}")
    counts = Counter(words(text)) if isinstance(text, str) else text
    spelled = [_bytes(word) for word in counts]
    times = list(counts.values())
    frequency: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)  # in which words a pair stands
    for i, tokens in enumerate(spelled):
        for pair in pairwise(tokens):
            frequency[pair] += times[i]
            where[pair].add(i)

    age = {bytes([byte]): i for i, byte in enumerate(BYTES)}
    merges: list[Pair] = []
    while len(merges) < n_merges:
        most = max(frequency.values(), default=0)
        if most < 1:
            raise ValueError(
                f"n_merges={n_merges}, but after {len(merges)} merges every word of this text is one token"
            )
        best = min(
            (pair for pair, count in frequency.items() if count == most),
            key=lambda pair: (age[pair[0]], age[pair[1]]),
        )
        merges.append(best)
        age[best[0] + best[1]] = len(age)
        for i in where.pop(best):  # only these words change
            for pair in pairwise(spelled[i]):
                frequency[pair] -= times[i]
            spelled[i] = _merge(spelled[i], best)
            for pair in pairwise(spelled[i]):
                frequency[pair] += times[i]
                where[pair].add(i)
    return merges


def vocabulary(merges: Sequence[Pair]) -> dict[bytes, int]:
    """Give each token its id: the 256 bytes in the order of `BYTES`, then what the merges make, in theirs."""
    tokens = [bytes([byte]) for byte in BYTES] + [first + second for first, second in merges]
    return {token: i for i, token in enumerate(tokens)}


def encode(text: str, merges: Sequence[Pair]) -> list[int]:
    """Turn a text into ids: in each word, the merge that was learnt first goes first.

    Raises:
        ValueError: if the text holds half of a UTF-16 pair, which has no bytes in UTF-8.
    """
    rank = {pair: i for i, pair in enumerate(merges)}
    ids = vocabulary(merges)
    encoded = []
    for word in words(text):
        tokens = _bytes(word)
        while len(tokens) > 1:
            best = min(pairwise(tokens), key=lambda pair: rank.get(pair, math.inf))
            if best not in rank:
                break
            tokens = _merge(tokens, best)
        encoded += [ids[token] for token in tokens]
    return encoded


def _bytes(word: str) -> list[bytes]:
    return [bytes([byte]) for byte in word.encode()]


def _merge(tokens: list[bytes], pair: Pair) -> list[bytes]:
    """Join the pair wherever it stands, from the left."""
    merged = []
    i = 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) == pair:
            merged.append(pair[0] + pair[1])
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged
