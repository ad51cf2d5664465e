"""Numbers as digits and as English words: a small translation task with exactly one correct answer.

"1,047" is "one thousand forty seven". A model is scored by exact match on held-out numbers, and a reader can see which
digit each word comes from. Both sides share one vocabulary, as in Vaswani et al. 2017, so that a model can translate
in either direction.
"""

import random
from collections.abc import Iterable
from typing import Annotated, NamedTuple

from jaxtyping import Int
from torch import Tensor

from lecture21._support.contract import Count, Seed, checked
from lecture21._support.validation import in_range, one_of
from lecture21.data._vocabulary import BOS, EOS, PAD, Vocabulary
from lecture21.objectives import pad_batch, shift_right

_LIMIT = 1_000_000  # numbers are 0, ..., 999,999
Small = Annotated[int, in_range(0, _LIMIT - 1, "[]", whole=True)]

# fmt: off
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
# fmt: on
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

VOCABULARY = Vocabulary((PAD, BOS, EOS, *"0123456789,", *_ONES, *_TENS, "hundred", "thousand"))
"""The vocabulary of both sides: special tokens, digits and comma, words."""

_DIRECTIONS = ("words", "digits")
_MAX_DIGITS = len(str(_LIMIT - 1))


class _Translations(NamedTuple):
    """A batch of translations, padded on the right: the arguments of `Transformer.loss`."""

    source: Int[Tensor, "B S"]
    """Input of the encoder."""
    target_in: Int[Tensor, "B T"]
    """Input of the decoder: the beginning-of-sequence token, then the translation."""
    target_out: Int[Tensor, "B T"]
    """Target of the decoder: the translation, then the end-of-sequence token."""


@checked
def to_digits(n: Small) -> str:
    """Return a number below 1,000,000 with a comma after the thousands: 1047 is "1,047"."""
    return f"{n:,}"


@checked
def to_words(n: Small) -> str:
    """Return a number below 1,000,000 in words, without "and" or hyphens: 1047 is "one thousand forty seven"."""
    if n < len(_ONES):
        return _ONES[n]
    if n < 100:
        head, rest = _TENS[n // 10 - 2], n % 10
    elif n < 1000:
        head, rest = f"{_ONES[n // 100]} hundred", n % 100
    else:
        head, rest = f"{to_words(n // 1000)} thousand", n % 1000
    return f"{head} {to_words(rest)}" if rest else head


@checked
def origins(n: Small) -> list[tuple[int, ...]]:
    """Return, for each word of a number, the positions in its digits that determine the word.

    In "1,047" the word "forty" comes from position 3. "hundred" belongs to its digit, "thousand" to the comma, and a
    word such as "thirteen" to two digits."""
    places: list[tuple[int, ...]] = []
    start = 0
    for group in to_digits(n).split(","):
        if places:
            places.append((start - 1,))
        first = start + len(group) - 3  # position of the hundreds, even if they are missing
        hundreds, tens, ones = (int(digit) for digit in group.zfill(3))
        places += [(first,)] * 2 if hundreds else []
        if tens == 1:
            places.append((first + 1, first + 2))
        else:
            places += [(first + 1,)] if tens else []
            places += [(first + 2,)] if ones else []
        start += len(group) + 1
    return places or [(0,)]  # zero


@checked
def sample(
    count: Count,
    *,
    max_digits: Annotated[int, in_range(1, _MAX_DIGITS, "[]", whole=True)] = _MAX_DIGITS,
    seed: Seed = 0,
) -> list[int]:
    """Draw distinct numbers in random order; every length is equally likely while unused numbers are left.

    Nine tenths of uniform draws would have six digits.

    Args:
        count: number of numbers, at most half of those that exist.
        max_digits: largest number of digits, 1 to 6.
        seed: seed of the draws.
    """
    if count > 10**max_digits // 2:
        raise ValueError(f"count must be in 1..{10**max_digits // 2} for {max_digits} digits, got {count}")
    rng = random.Random(seed)
    drawn: dict[int, None] = {}  # an ordered set
    while len(drawn) < count:
        digits = rng.randint(1, max_digits)
        drawn[rng.randrange(10 ** (digits - 1) if digits > 1 else 0, 10**digits)] = None
    numbers = list(drawn)
    rng.shuffle(numbers)  # the few short ones were drawn early
    return numbers


@checked
def pairs(numbers: Iterable[int], to: Annotated[str, one_of(_DIRECTIONS)] = "words") -> _Translations:
    """Return numbers as a batch of translations to "words" or to "digits", padded on the right.

    Returns:
        A named tuple: `source` (B, S), the encoder's input; `target_in` (B, T), the decoder's input, which starts with
        the beginning-of-sequence token; and `target_out` (B, T), its target, which ends with the end-of-sequence token.
    """
    sides = [(list(to_digits(n)), to_words(n).split()) for n in numbers]
    if not sides:
        raise ValueError("numbers must have at least one, got none")
    if to == "digits":
        sides = [(words, digits) for digits, words in sides]
    source = pad_batch([VOCABULARY.encode(s) for s, _ in sides], VOCABULARY.pad)
    target = pad_batch([VOCABULARY.encode([*t, EOS]) for _, t in sides], VOCABULARY.pad)
    return _Translations(source, shift_right(target, VOCABULARY.bos), target)
