"""Numbers as digits and as English words: a small translation whose every answer can be checked exactly.

"1,047" is "one thousand forty seven", and nothing else is. So a model that translates is scored by exact match, on
numbers that it was not trained on, and a reader can tell at a glance which digit each word must come from.

Both sides share one vocabulary, as both languages do in the 2017 paper, so that a model may translate either way.
"""

import random
from collections.abc import Iterable
from typing import NamedTuple

from jaxtyping import Int
from torch import Tensor

from lecture21.objectives import pad_batch, shift_right

LIMIT = 1_000_000
"""Numbers are 0, ..., LIMIT - 1."""

# fmt: off
ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
# fmt: on
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"
TOKENS: tuple[str, ...] = (PAD, BOS, EOS, *"0123456789,", *ONES, *TENS, "hundred", "thousand")
"""The vocabulary of both sides: what fills up, begins and ends a sequence, then digits and comma, then words."""

IDS = {token: i for i, token in enumerate(TOKENS)}

DIRECTIONS = ("words", "digits")
MAX_DIGITS = len(str(LIMIT - 1))


class Pairs(NamedTuple):
    """A batch of translations, padded at the right, as `Transformer.loss` takes it."""

    source: Int[Tensor, "B S"]
    """What the encoder reads."""
    target_in: Int[Tensor, "B T"]
    """What the decoder has before it: `BOS`, then the translation."""
    target_out: Int[Tensor, "B T"]
    """What it must write: the translation, then `EOS`."""


def to_digits(n: int) -> str:
    """Return a number as it is printed, with a comma after the thousands: 1047 is "1,047".

    Raises:
        ValueError: if the number is outside 0 ... LIMIT - 1.
    """
    if not 0 <= n < LIMIT:
        raise ValueError(f"a number must be in 0..{LIMIT - 1}, got {n}")
    return f"{n:,}"


def to_words(n: int) -> str:
    """Return a number in English words, without "and" and without hyphens: 1047 is "one thousand forty seven".

    Raises:
        ValueError: if the number is outside 0 ... LIMIT - 1.
    """
    if not 0 <= n < LIMIT:
        raise ValueError(f"a number must be in 0..{LIMIT - 1}, got {n}")
    if n < len(ONES):
        return ONES[n]
    if n < 100:
        head, rest = TENS[n // 10 - 2], n % 10
    elif n < 1000:
        head, rest = f"{ONES[n // 100]} hundred", n % 100
    else:
        head, rest = f"{to_words(n // 1000)} thousand", n % 1000
    return f"{head} {to_words(rest)}" if rest else head


def origins(n: int) -> list[tuple[int, ...]]:
    """Return, for each word of a number, the places in its digits that the word is read from.

    In "1,047" the word "forty" comes from place 3. "hundred" counts with its digit, "thousand" with the comma, and a
    word such as "thirteen" with two digits.

    Raises:
        ValueError: if the number is outside 0 ... LIMIT - 1.
    """
    places: list[tuple[int, ...]] = []
    start = 0
    for group in to_digits(n).split(","):
        if places:
            places.append((start - 1,))
        first = start + len(group) - 3  # where the hundreds are, or would be
        hundreds, tens, ones = (int(digit) for digit in group.zfill(3))
        places += [(first,)] * 2 if hundreds else []
        if tens == 1:
            places.append((first + 1, first + 2))
        else:
            places += [(first + 1,)] if tens else []
            places += [(first + 2,)] if ones else []
        start += len(group) + 1
    return places or [(0,)]  # zero says its own digit


def sample(count: int, *, max_digits: int = MAX_DIGITS, seed: int = 0) -> list[int]:
    """Draw distinct numbers in random order, short ones as often as long ones while there are any left.

    Uniform draws would be nine tenths numbers of six digits.

    Args:
        count: how many; at most half of those that exist.
        max_digits: longest number, in digits.
        seed: fixes the draws.

    Raises:
        ValueError: naming the value that is out of range.
    """
    if not 1 <= max_digits <= MAX_DIGITS:
        raise ValueError(f"max_digits must be in 1..{MAX_DIGITS}, got {max_digits}")
    if not 1 <= count <= 10**max_digits // 2:
        raise ValueError(f"count must be in 1..{10**max_digits // 2} for {max_digits} digits, got {count}")
    rng = random.Random(seed)
    drawn: dict[int, None] = {}  # a set that keeps its order
    while len(drawn) < count:
        digits = rng.randint(1, max_digits)
        drawn[rng.randrange(10 ** (digits - 1) if digits > 1 else 0, 10**digits)] = None
    numbers = list(drawn)
    rng.shuffle(numbers)  # the few short ones came early
    return numbers


def pairs(numbers: Iterable[int], to: str = "words") -> Pairs:
    """Return numbers as a batch of translations from digits to words, or from words to digits.

    Raises:
        ValueError: if `to` is neither "words" nor "digits", there is no number, or one is out of range.
    """
    if to not in DIRECTIONS:
        raise ValueError(f"to must be one of {', '.join(DIRECTIONS)}, got {to!r}")
    sides = [(list(to_digits(n)), to_words(n).split()) for n in numbers]
    if to == "digits":
        sides = [(words, digits) for digits, words in sides]
    source = pad_batch([encode(s) for s, _ in sides], IDS[PAD])
    target = pad_batch([encode([*t, EOS]) for _, t in sides], IDS[PAD])
    return Pairs(source, shift_right(target, IDS[BOS]), target)


def encode(tokens: Iterable[str]) -> list[int]:
    """Return the ids of tokens.

    Raises:
        ValueError: if a token is not in `TOKENS`.
    """
    tokens = list(tokens)
    if unknown := [token for token in tokens if token not in IDS]:
        raise ValueError(f"{unknown[0]!r} is not a token of numbers; they are {' '.join(TOKENS)}")
    return [IDS[token] for token in tokens]


def decode(ids: Iterable[int] | Int[Tensor, " T"]) -> list[str]:
    """Return the tokens of one sequence up to its `EOS`, padding and `BOS` left out.

    Raises:
        ValueError: if an id is outside the vocabulary.
    """
    tokens = []
    for i in map(int, ids):
        if not 0 <= i < len(TOKENS):
            raise ValueError(f"token ids must be in 0..{len(TOKENS) - 1}, got {i}")
        if TOKENS[i] == EOS:
            break
        if TOKENS[i] not in (PAD, BOS):
            tokens.append(TOKENS[i])
    return tokens
