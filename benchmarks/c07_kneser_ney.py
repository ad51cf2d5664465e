"""The n-grams of the plays with a better smoothing than the package's: Kneser-Ney beside Witten-Bell.

Usage: python benchmarks/c07_kneser_ney.py        (about 20 s on one core)

Both smoothings mix the counts of each context with the probabilities of the shorter context. They differ in two points:
    discounts: Kneser-Ney subtracts a constant from each count (three constants for counts of 1, 2 and more), estimated
        from how many n-grams occur once, twice, three and four times, and gives what it removed to the shorter context.
    continuation counts: in the shorter contexts, an n-gram does not count as often as it occurs, but once for each
        different character in front of it. A character that only ever follows one other is rare after new contexts.

Models are counted on the training split and scored on the whole validation split, in windows that do not overlap; at
the start of a window, where fewer characters are known, a model of order n is one of the order that they allow.

Writes the result `kneser_ney`:
    smoothing: "Kneser-Ney" or "Witten-Bell" (`lecture21.baselines.ngram.NGram`); order n, window (characters);
    seed: empty, since counts have none; nats per character.

Source: Chen & Goodman 1998, An Empirical Study of Smoothing Techniques for Language Modeling (TR-10-98, Harvard),
interpolated modified Kneser-Ney.
"""

import math
from collections import Counter, defaultdict
from functools import cache
from itertools import product

import common
from table import Table, run

from lecture21.data import shakespeare, split

ORDERS, WINDOWS = range(2, 7), (32, 64)
RESULT = Table("kneser_ney", key=("smoothing", "order", "window", "seed"))


class Level:
    """The counts of all n-grams of one length, with their discounts."""

    def __init__(self, counts: Counter[str]):
        self.counts = counts
        self.discounts = discounts(counts)
        self.totals: Counter[str] = Counter()  # by context: c(h.)
        self.removed: dict[str, float] = defaultdict(float)  # by context: the sum of what is subtracted from its counts
        for ngram, count in counts.items():
            self.totals[ngram[:-1]] += count
            self.removed[ngram[:-1]] += self.discounts[min(count, 3)]

    def mixed(self, ngram: str, shorter: float) -> float:
        """Return p(w|h) for the n-gram hw, from the probability of w after the shorter context."""
        total = self.totals[ngram[:-1]]
        if not total:
            return shorter
        count = self.counts[ngram]
        return (count - self.discounts[min(count, 3)] + self.removed[ngram[:-1]] * shorter) / total


def discounts(counts: Counter[str]) -> tuple[float, float, float, float]:
    """Return what is subtracted from a count of 0, 1, 2, and 3 or more; n/2 where it cannot be estimated."""
    n = Counter(counts.values())
    if not all(n[times] for times in (1, 2, 3, 4)):
        return 0.0, 0.5, 1.0, 1.5
    y = n[1] / (n[1] + 2 * n[2])
    actual = [times - (times + 1) * y * n[times + 1] / n[times] for times in (1, 2, 3)]
    return 0.0, *(min(max(each, 0.0), times) for times, each in enumerate(actual, start=1))


class KneserNey:
    """Interpolated modified Kneser-Ney models of all orders up to a highest one, of a text with V symbols."""

    def __init__(self, order: int, text: str, vocab_size: int):
        self.vocab_size = vocab_size
        occurrences = [Counter(text[i : i + n] for i in range(len(text) - n + 1)) for n in range(1, order + 1)]
        self.highest = [Level(counts) for counts in occurrences]
        # For each n-gram: how many different n-grams of one symbol more end with it.
        self.lower = [Level(Counter(longer[1:] for longer in counts)) for counts in occurrences[1:]]

    def __call__(self, text: str) -> float:
        """Return the probability of the last character of `text` after the others, by the model of order len(text)."""
        p, n = 1 / self.vocab_size, len(text)
        for length, level in enumerate(self.lower[: n - 1], start=1):
            p = level.mixed(text[n - length :], p)
        return self.highest[n - 1].mixed(text, p)


@cache
def kneser_ney() -> dict[tuple[int, int], float]:
    """Return the mean loss for each order and window."""
    train, val = split(shakespeare())
    model = KneserNey(max(ORDERS), train, common.encoded_plays()[0].vocab_size)
    loss = {n: [-math.log(model(val[i - n : i])) for i in range(n, len(val) + 1)] for n in ORDERS}
    actual = {}
    for order, window in product(ORDERS, WINDOWS):
        # How many characters a model of this order knows before the one at i: those in its window, which begins at a
        # multiple of its size. The loss of the character at i, by the model of order n, is loss[n][i - n + 1].
        known = [min((i - 1) % window + 1, order - 1) for i in range(1, len(val))]
        nats = [loss[m + 1][i - m] for i, m in enumerate(known, start=1)]
        actual[order, window] = math.fsum(nats) / len(nats)
    return actual


def measure(smoothing: str, order: int, window: int) -> dict[str, float]:
    """Return the loss on the validation split."""
    if smoothing == "Kneser-Ney":
        return {"nats": round(kneser_ney()[order, window], 5)}
    return {"nats": common.ngram_loss(order, window)}


def main() -> None:
    """Score both smoothings."""
    for order, window, smoothing in product(ORDERS, WINDOWS, ("Witten-Bell", "Kneser-Ney")):
        RESULT.row(measure, smoothing=smoothing, order=order, window=window)


if __name__ == "__main__":
    run(main)
