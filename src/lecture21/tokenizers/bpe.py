"""Byte-pair encoding, written to be read: learning the merges, and encoding a text with them.

Start from the 256 bytes. Merge the most frequent pair of neighboring tokens into a new token, everywhere, and repeat.
GPT-2 first splits the text into words, and no merge crosses a word boundary. `tokenizers.train_bpe` learns the same
merges faster and gives the same ids.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import regex

from lecture21._support.contract import Natural, checked
from lecture21.tokenizers.alphabet import BYTES, PATTERN

_Pair = tuple[bytes, bytes]


@checked
def words(text: str) -> list[str]:
    """Split a text into GPT-2's words; joined, they are the text."""
    return regex.findall(PATTERN, text)


@checked
def train(text: str | Mapping[str, int], n_merges: Natural) -> list[_Pair]:
    """Learn merges, in the order in which they are made.

    Each step merges the most frequent pair; a word's pairs count as often as the word occurs. Ties go to the pair
    whose first token has the lower id, then to the lower second id; bytes have their index in `BYTES` as id. In `aaa`
    the pair `(a, a)` counts twice, although only one of the two can be merged.

    Args:
        text: a text, which is split into `words`; or a count for each word, which is not split further.
        n_merges: number of merges, at most as many as make every word of the text one token.

    Source: Sennrich, Haddow & Birch 2016; on bytes, Radford et al. 2019.
    """
    counts = Counter(words(text)) if isinstance(text, str) else text
    split = [_bytes(word) for word in counts]
    times = list(counts.values())
    frequency: Counter[_Pair] = Counter()
    where: defaultdict[_Pair, set[int]] = defaultdict(set)  # the words that contain a pair
    for i, tokens in enumerate(split):
        for pair in pairwise(tokens):
            frequency[pair] += times[i]
            where[pair].add(i)

    ids = {bytes([byte]): i for i, byte in enumerate(BYTES)}
    merges: list[_Pair] = []
    while len(merges) < n_merges:
        most = max(frequency.values(), default=0)
        if most < 1:
            raise ValueError(
                f"n_merges={n_merges}, but after {len(merges)} merges every word of this text is one token"
            )
        best = min(
            (pair for pair, count in frequency.items() if count == most),
            key=lambda pair: (ids[pair[0]], ids[pair[1]]),
        )
        merges.append(best)
        ids[best[0] + best[1]] = len(ids)
        for i in where.pop(best):  # only these words change
            for pair in pairwise(split[i]):
                frequency[pair] -= times[i]
            split[i] = _merge(split[i], best)
            for pair in pairwise(split[i]):
                frequency[pair] += times[i]
                where[pair].add(i)
    return merges


def vocabulary(merges: Sequence[_Pair]) -> dict[bytes, int]:
    """Return the id of each token: first the 256 bytes in the order of `BYTES`, then the merged tokens in order."""
    tokens = [bytes([byte]) for byte in BYTES] + [first + second for first, second in merges]
    return {token: i for i, token in enumerate(tokens)}


@checked
def encode(text: str, merges: Sequence[_Pair]) -> list[int]:
    """Encode a text: in each word, merges are applied in the order in which they were learned."""
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


def _merge(tokens: list[bytes], pair: _Pair) -> list[bytes]:
    """Merge every occurrence of the pair, from left to right."""
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
