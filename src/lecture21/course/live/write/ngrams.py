"""The counts of a text's n-grams in a file that a page can load: the baselines of the reader's own sentence."""

import itertools
import json
import zlib
from pathlib import Path

import torch

from lecture21.baselines import NGram
from lecture21.tokenizers import CharTokenizer

FOLDER = Path(__file__).parent
ORDER = 5


def encode(text: str, order: int = ORDER) -> bytes:
    """Return all n-grams of a text up to an order, with how often the longest occur, as one compressed file.

    After a line of JSON with the alphabet and the last `order` tokens, the n-grams follow as a tree. For each length,
    and each shorter n-gram h in order, there is one byte with the number of symbols that follow h. Then come these
    symbols. Each of them also follows the end h' of h, so the bytes count from one symbol to the next among those that
    follow h'. The counts of the longest n-grams come last, as base-128 integers. Those of shorter ones are sums of
    them, plus 1 for the n-gram at the end of the text, which nothing follows.
    """
    tokenizer = CharTokenizer.from_text(text)
    tokens, V = tokenizer.encode(text), tokenizer.vocab_size
    model = NGram(order, V).fit(torch.tensor(tokens))
    tree, shorter, followers = bytearray(), [0], {0: list(range(V))}
    for length, counts in enumerate(model._counts):
        found: dict[int, list[int]] = {h: [] for h in shorter}
        for code in counts.ngrams.tolist():
            found[code // V].append(code % V)
        tree += bytes(len(symbols) for symbols in found.values())
        for h, symbols in found.items():
            likely = followers[h % V ** max(length - 1, 0)]
            ranks = [-1, *(likely.index(symbol) for symbol in symbols)]
            tree += bytes(rank - before - 1 for before, rank in itertools.pairwise(ranks))
        shorter, followers = counts.ngrams.tolist(), found
    for count in model._counts[-1].times.tolist():
        while count > 127:
            tree.append(count % 128 + 128)
            count //= 128
        tree.append(count)
    header = json.dumps({"symbols": tokenizer.symbols, "tail": tokens[-order:]}, ensure_ascii=False)
    return zlib.compress(header.encode() + b"\n" + tree, 9)
