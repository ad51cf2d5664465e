"""Exercise of chapter 03: design a head that finds the latest noun."""

import random

import torch
from torch import Tensor

from lecture21.course.exercises.answers.modules import WrongWeights
from lecture21.course.exercises.exercise import Case, Exercise, normal
from lecture21.data import described
from lecture21.layers.attention import attention, causal_mask

_FEATURES = ("one", "noun", "adjective", "verb", "plural", "place")
_COUNT = 60


def _nearest_noun(one, noun, adjective, verb, plural, place):
    """Return (w_query, w_key, w_value) of a head with which the last word finds the latest noun.

    The arguments are orthogonal vectors of C numbers and length 1. Each matrix may have one row:
    `v[None]` makes it from a vector v. The latest noun must get more than half of the last word's
    weight, and the output must be 1 if it is plural and 0 if not, to within 1/2.
    """
    w_query = one[None]
    w_key = (8 * noun + place)[None]
    w_value = plural[None]
    return w_query, w_key, w_value


def _design_cases(rng: random.Random) -> list[Case]:
    width = rng.randint(8, 10)
    return [
        Case(tuple(torch.eye(6)), "C = 6"),
        Case(tuple(torch.eye(7)[:6]), "C = 7, each feature a component of its own"),
        Case(_directions(rng, 6, width), f"C = {width}, rotated directions"),
    ]


def _directions(rng: random.Random, count: int, width: int) -> tuple[Tensor, ...]:
    return tuple(torch.linalg.qr(normal(rng, width, width))[0][:count].contiguous())


def _use_head(answer, one, noun, adjective, verb, plural, place) -> bool:
    """Try a design on sentences, the shortest first; the first word that is wrong raises WrongWeights."""
    directions = one, noun, adjective, verb, plural, place
    w_query, w_key, w_value = _matrices(answer(*directions), len(one))
    if len(one) == len(directions):
        return True  # the smallest case asks for the form only, so that a mistake is not one of the form
    for words in described.sentences(_COUNT, seed=len(one)):
        features = [dict(zip(described.FEATURES, described.WORDS[word], strict=True)) for word in words]
        values = [[1, *(each[name] for name in _FEATURES[1:-1]), t] for t, each in enumerate(features)]
        x = torch.tensor(values, dtype=one.dtype) @ torch.stack(directions)  # (T, C)
        out, weights = attention(
            x @ w_query.T, x @ w_key.T, x @ w_value.T, mask=causal_mask(len(x))
        )  # each word as the last of a text
        for i in range(len(words)):
            nouns = [j for j in range(i + 1) if features[j]["noun"]]
            if nouns:
                _require_noun(words, i, nouns[-1], weights[i])
                _require_number(words, i, nouns[-1], features[nouns[-1]]["plural"], out[i].item())
    return True


def _matrices(result: object, width: int) -> tuple[Tensor, Tensor, Tensor]:
    if not (isinstance(result, tuple | list) and len(result) == 3 and all(isinstance(w, Tensor) for w in result)):
        raise WrongWeights("the function must return three tensors: w_query, w_key and w_value")
    for name, weight in zip(("w_query", "w_key", "w_value"), result, strict=True):
        if weight.dim() != 2 or weight.shape[1] != width:
            shape = tuple(weight.shape)
            raise WrongWeights(f"{name} must have C = {width} columns, and has the shape {shape}. Is it v[None]?")
    w_query, w_key, w_value = result
    if len(w_query) != len(w_key):
        raise WrongWeights(f"w_query has {len(w_query)} rows and w_key {len(w_key)}: both are D")
    if len(w_value) != 1:
        raise WrongWeights(f"w_value must have one row, and has {len(w_value)}")
    return w_query, w_key, w_value


def _require_noun(words: tuple[str, ...], i: int, noun: int, weights: Tensor) -> None:
    if weights[noun] > 0.5:
        return
    others = weights[: i + 1].clone()
    others[noun] = 0
    best = int(others.argmax())
    lead = (weights[noun] / others[best]).log()
    said = f"in “{_end(words[: i + 1])}”, the last word gives "
    if (weights[: i + 1] - weights[0]).abs().max() < 1e-4:
        raise WrongWeights(f"{said}{weights[0]:.2f} to each word: their scores are equal")
    said += f"{weights[noun]:.2f} to “{words[noun]}”"
    if lead > 0.1:
        raise WrongWeights(f"{said}, a lead of {lead:.1f} against {i} others")
    raise WrongWeights(f"{said} and {weights[best]:.2f} to “{words[best]}”")


def _require_number(words: tuple[str, ...], i: int, noun: int, plural: int, out: float) -> None:
    if not abs(out - plural) < 0.5:
        said = f"in “{_end(words[: i + 1])}”, the last word finds “{words[noun]}”"
        raise WrongWeights(f"{said}, and the output is {out:.2f}, not {plural}")


def _end(words: tuple[str, ...]) -> str:
    """Return the last words, of which a verdict has room for seven."""
    return " ".join(words if len(words) < 8 else ("…", *words[-6:]))


_DESIGN = Exercise(
    number="3.2",
    name="nearest_noun",
    title="design a head",
    solution=_nearest_noun,
    cases=_design_cases,
    call=_use_head,
)

_DESIGN.wrong_lines(
    "any noun",
    """
    - w_key = (8 * noun + place)[None]
    + w_key = (8 * noun)[None]
    """,
    hint="all nouns have the same score, so two nouns share the weight. What do later nouns have more of?",
)

_DESIGN.wrong_lines(
    "only late",
    """
    - w_key = (8 * noun + place)[None]
    + w_key = place[None]
    """,
    hint="your scores depend on the place alone, so each word finds itself. What must a word be, to be found?",
)

_DESIGN.wrong_lines(
    "too late",
    """
    - w_key = (8 * noun + place)[None]
    + w_key = (8 * noun + 8 * place)[None]
    """,
    hint="each place adds as much as being a noun. How many words can there be between a word and the latest noun, and "
    "what do they add together?",
)

_DESIGN.wrong_lines(
    "early",
    """
    - w_key = (8 * noun + place)[None]
    + w_key = (8 * noun - place)[None]
    """,
    hint="your scores fall with the place, so that the first noun wins. Which one should?",
)

_DESIGN.wrong_lines(
    "only verbs search",
    """
    - w_query = one[None]
    + w_query = verb[None]
    """,
    hint="only verbs search: all other queries are 0, and equal scores give equal weights. Which feature do all words "
    "have?",
)

_DESIGN.wrong_lines(
    "carries that it is a noun",
    """
    - w_value = plural[None]
    + w_value = noun[None]
    """,
    hint="your head finds the noun, but its values carry that it is one. What should the output say of it?",
)
