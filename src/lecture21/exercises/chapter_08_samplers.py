"""The bug hunt of chapter 08: `SAMPLERS`, five samplers of which some are wrong."""

import torch
from torch import Tensor

from lecture21.exercises._exercise import Exercise

# 8.3


def _nucleus(probabilities: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Return the normalized probabilities of the tokens that top-p keeps, in descending order, and their ids."""
    ordered, order = probabilities.sort(descending=True)
    n = int((ordered.cumsum(dim=0) - ordered < p).sum())
    return ordered[:n] / ordered[:n].sum(), order[:n]


def _sampler_a(logits: Tensor, temperature: float, p: float, n: int, generator: torch.Generator) -> Tensor:
    kept, order = _nucleus((logits / temperature).softmax(dim=-1), p)
    return order[torch.multinomial(kept, n, replacement=True, generator=generator)]


def _sampler_b(logits: Tensor, temperature: float, p: float, n: int, generator: torch.Generator) -> Tensor:
    kept, order = _nucleus(logits.softmax(dim=-1), p)
    flattened = (kept.log() / temperature).softmax(dim=-1)
    return order[torch.multinomial(flattened, n, replacement=True, generator=generator)]


def _sampler_c(logits: Tensor, temperature: float, p: float, n: int, generator: torch.Generator) -> Tensor:
    kept, order = _nucleus((logits / temperature).softmax(dim=-1), p)
    noise = -torch.rand(n, len(kept), generator=generator).log().neg().log()
    return order[(kept.log() + noise).argmax(dim=-1)]


def _sampler_d(logits: Tensor, temperature: float, p: float, n: int, generator: torch.Generator) -> Tensor:
    kept, order = _nucleus((logits / temperature).softmax(dim=-1), p)
    ends = kept.cumsum(dim=0)[:-1]
    return order[torch.searchsorted(ends, ends[-1] * torch.rand(n, generator=generator))]


def _sampler_e(logits: Tensor, temperature: float, p: float, n: int, generator: torch.Generator) -> Tensor:
    kept, order = _nucleus((logits.softmax(dim=-1) / temperature).softmax(dim=-1), p)
    return order[torch.multinomial(kept, n, replacement=True, generator=generator)]


SAMPLERS = {"A": _sampler_a, "B": _sampler_b, "C": _sampler_c, "D": _sampler_d, "E": _sampler_e}
"""Five samplers. Each maps logits (V,), a temperature, p, n and a generator to n ids, which should follow the
distribution after the temperature and then top-p have been applied."""

_HUNT = Exercise(
    number="8.3",
    name="wrong_samplers",
    title="bug hunt: which samplers are wrong?",
    solution=frozenset({"B", "D", "E"}),
    task='The letters of the wrong functions in SAMPLERS, a set of capital letters such as {"A", "B"}.',
)
_HUNT.wrong_value(
    "sampler b missed",
    {"D", "E"},
    hint="one more is wrong. Which sampler draws a token that should never be drawn at a low temperature?",
)
_HUNT.wrong_value(
    "sampler d missed",
    {"B", "E"},
    hint="one more is wrong. Does every token that top-p keeps occur among the draws?",
)
_HUNT.wrong_value(
    "sampler e missed",
    {"B", "D"},
    hint="one more is wrong. Which sampler draws the most probable token too rarely at a low temperature?",
)
_HUNT.wrong_value(
    "sampler c accused",
    {"B", "C", "D", "E"},
    hint='one of these is right. Its code, SAMPLERS["C"]??, looks unusual (it adds noise and takes the maximum), but '
    "what do its frequencies say?",
)
_HUNT.wrong_value(
    "the opposite",
    {"A", "C"},
    hint="these are exactly the two whose frequencies agree with the distribution.",
)
