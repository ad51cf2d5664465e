"""Exercise of chapter 05: two layers that copy what followed the last time."""

import random

import torch
from torch import Tensor

from lecture21.course.exercises.answers.modules import WrongWeights
from lecture21.course.exercises.exercise import Case, Exercise, normal
from lecture21.data import described
from lecture21.layers.attention import attention, causal_mask

_LONGEST = 11
_COUNT = 60
_PARTS = ("w_query", "w_key", "w_value", "w_output")


def _induction_head(place, name, before, following):
    """Return two layers after which a word that returns knows what followed it the first time.

    The rows of the arguments are directions of length 1, all orthogonal: `place` (T, C) has one for
    each place, `name`, `before` and `following` (V, C) one for each of V words. Word v at place t
    begins as place[t] + name[v].

    A layer is (w_query, w_key, w_value, w_output), with the shapes (D, C), (D, C), (Dv, C) and
    (C, Dv). It adds w_output times its output to every word, which sees itself and the words before
    it; scores are divided by sqrt(D). Sequences have up to T words and begin with word 0, which
    does not return; others return at most once. In the end, a word that has occurred before must
    have more than 1/2 of following[v], where v followed it the first time, and less of all other
    rows of following.
    """
    strength = 100
    first = strength * place[1:], place[:-1], name, before.T
    second = strength * name, before, name, following.T
    return first, second


def _induction_cases(rng: random.Random) -> list[Case]:
    n_word = len({word for each in described.sequences(_COUNT) for word in each})
    small, large = [2, 3, 3, 3], [_LONGEST, n_word, n_word, n_word]
    rotation = torch.linalg.qr(normal(rng, sum(large) + 2, sum(large) + 2))[0].contiguous()
    return [
        Case(torch.eye(sum(small)).split(small), "T = 2 and V = 3, where no word returns"),
        Case(torch.eye(sum(large)).split(large), "each direction a component of its own"),
        Case(rotation[: sum(large)].split(large), "rotated directions"),
    ]


def _use_layers(answer, place, name, before, following) -> bool:
    """Try two layers on sequences, the shortest first; the first word that is wrong raises WrongWeights."""
    layers = _matrices(answer(place, name, before, following), place.shape[1])
    sequences = described.sequences(_COUNT)
    others = sorted({word for each in sequences for word in each} - {described.START})
    ids = {word: v for v, word in enumerate([described.START, *others])}
    for words in sequences if len(place) == _LONGEST else ():
        v = [ids[word] for word in words]
        x = place[: len(v)] + name[v]  # (T, C)
        maps = []
        for w_query, w_key, w_value, w_output in layers:
            mask = causal_mask(len(v))
            out, weights = attention(x @ w_query.T, x @ w_key.T, x @ w_value.T, mask=mask)
            x = x + out @ w_output.T
            maps.append(weights)
        for i in range(len(v)):
            first = v.index(v[i])
            if first < i:
                _require_next(words, i, first + 1, v, x[i] @ following.T, maps)
    return True


def _matrices(result: object, width: int) -> list[tuple[Tensor, ...]]:
    if not (isinstance(result, tuple | list) and len(result) == 2):
        raise WrongWeights("the function must return two layers: first, second")
    for layer, which in zip(result, ("the first layer", "the second layer"), strict=True):
        if not (isinstance(layer, tuple | list) and len(layer) == 4 and all(isinstance(w, Tensor) for w in layer)):
            raise WrongWeights(f"{which} must have four tensors: {', '.join(_PARTS)}")
        for part, weight in zip(_PARTS, layer, strict=True):
            if weight.dim() != 2 or weight.shape[0 if part == "w_output" else 1] != width:
                shape = "(C, Dv)" if part == "w_output" else "(..., C)"
                raise WrongWeights(f"{part} of {which} must have the shape {shape}, and has {tuple(weight.shape)}")
        if layer[0].shape != layer[1].shape or layer[2].shape[0] != layer[3].shape[1]:
            raise WrongWeights(f"in {which}, w_query and w_key must agree in D, and w_value and w_output in Dv")
    return [tuple(layer) for layer in result]


def _require_next(
    words: tuple[str, ...], i: int, follower: int, ids: list[int], amounts: Tensor, maps: list[Tensor]
) -> None:
    """Raise WrongWeights unless word i has more than half of what followed it, and less of everything else."""
    wanted, most = ids[follower], int(amounts.argmax())
    if amounts[wanted] > 0.5 and most == wanted:
        return
    said = f"in “{' '.join(words[: i + 1])}”, the last word has {amounts[wanted]:.2f} of “{words[follower]}”"
    if most != wanted and most in ids and amounts[most] > 0.1:
        said += f", {amounts[most]:.2f} of “{words[ids.index(most)]}”"
    first, second = (int(weights[i].argmax()) for weights in maps)
    raise WrongWeights(f"{said}; it finds place {first}, then place {second} ({maps[1][i][second]:.2f})")


_INDUCTION = Exercise(
    number="5.5",
    name="induction_head",
    title="an induction head",
    solution=_induction_head,
    cases=_induction_cases,
    call=_use_layers,
)

_INDUCTION.wrong_lines(
    "looks ahead",
    """
    - first = strength * place[1:], place[:-1], name, before.T
    + first = strength * place[:-1], place[1:], name, before.T
    """,
    symptom="A word looks for the place after its own, which it may not see, so its weights are even.",
    hint="in your first layer a word looks for the place after its own, which it may not see. Which rows of `place` "
    "must meet?",
)

_INDUCTION.wrong_lines(
    "finds itself",
    """
    - first = strength * place[1:], place[:-1], name, before.T
    + first = strength * place, place, name, before.T
    """,
    symptom="Each word notes its own name as the word before it.",
    hint="in your first layer each word finds itself, so that it notes its own name. By how much must the places "
    "differ?",
)

_INDUCTION.wrong_lines(
    "compares names",
    """
    - second = strength * name, before, name, following.T
    + second = strength * name, name, name, following.T
    """,
    symptom="A word that returns finds its earlier place, and copies itself.",
    hint="your second layer compares names with names, so a word finds itself and copies its own name. Which word "
    "knows that it came after?",
)

_INDUCTION.wrong_lines(
    "asks for the word before",
    """
    - second = strength * name, before, name, following.T
    + second = strength * before, name, name, following.T
    """,
    symptom="The second layer looks for the word before the one that asks, and copies that again.",
    hint="your second layer compares the word before the one that asks with the names of others. Who has to know what "
    "came before: who asks, or who is found?",
)

_INDUCTION.wrong_lines(
    "copies the note",
    """
    - second = strength * name, before, name, following.T
    + second = strength * name, before, before, following.T
    """,
    symptom="The right place is found, and its note of the word before is copied: the word that asks.",
    hint="your second layer finds the right word and copies what came before it. What is to be copied?",
)

_INDUCTION.wrong_lines(
    "mixes names",
    """
    - first = strength * place[1:], place[:-1], name, before.T
    + first = strength * place[1:], place[:-1], name, name.T
    """,
    symptom="The first layer adds the earlier name to the name itself, so that both are mixed in one place.",
    hint="your first layer adds the word before to the name, so later layers can't tell the two apart. Which "
    "directions are free for it?",
)

_INDUCTION.wrong_lines(
    "too weak",
    """
    - strength = 100
    + strength = 1
    """,
    symptom="The right word gets the largest weight, but not half of it.",
    hint="everything is in its place, but divided by sqrt(D) your scores differ too little. How much must the right "
    "one lead, against ten others?",
)
