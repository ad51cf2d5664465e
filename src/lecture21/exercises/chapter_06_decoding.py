"""Exercise of chapter 06: greedy decoding with an end token."""

import random

import torch
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise

# 6.2


def _greedy_decode(next_logits, n_row, bos, eos, pad, max_new):
    """Return the tokens that greedy decoding generates, a tensor of shape (n_row, T), T <= max_new.

    `next_logits` maps ids (n_row, t), which begin with `bos`, to the logits (n_row, V) of each
    row's next token. The result does not contain `bos`. Each row contains its first `eos` and
    only `pad` after it. Stop as soon as all rows have ended, or after `max_new` tokens.
    """
    ids = torch.full((n_row, 1), bos)
    ended = torch.zeros(n_row, dtype=torch.bool)
    for _ in range(max_new):
        token = next_logits(ids).argmax(dim=-1).masked_fill(ended, pad)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos)
        if ended.all():
            break
    return ids[:, 1:]


_PAD, _BOS, _EOS, _V = 0, 1, 2, 12


class _Scripted:
    """A model that continues a script, and predicts other tokens after an input that is not the script so far."""

    def __init__(self, script: Tensor):
        self.script = torch.cat([torch.full_like(script[:, :1], _BOS), script], dim=1)

    def __call__(self, ids: Tensor) -> Tensor:
        so_far = self.script[:, : ids.shape[1]]
        wrong = (ids[:, : so_far.shape[1]] != so_far).sum(dim=1)
        place = min(ids.shape[1], self.script.shape[1] - 1)
        return torch.nn.functional.one_hot((self.script[:, place] + 3 * wrong) % _V, _V).float()


def _greedy_cases(rng: random.Random) -> list[Case]:
    def case(*ends: int, max_new: int, about: str) -> Case:
        """Random tokens, with the end token at `ends` and more tokens after it."""
        rows = torch.tensor([[rng.randint(3, _V - 1) for _ in range(max_new)] for _ in ends])
        for row, end in zip(rows, ends, strict=True):
            row[end : end + 1] = _EOS
        return Case((_Scripted(rows), len(rows), _BOS, _EOS, _PAD, max_new), about)

    return [
        case(1, max_new=3, about="one row that ends after two tokens"),
        case(3, 3, max_new=rng.randint(6, 9), about="two rows of four tokens"),
        case(4, 1, 2, max_new=rng.randint(6, 9), about="three rows of five, two and three tokens"),
        case(2, 9, max_new=4, about="a row that has not ended after max_new tokens"),
    ]


_GREEDY = Exercise(
    number="6.2",
    name="greedy_decode",
    title="greedy decoding with an end token",
    solution=_greedy_decode,
    cases=_greedy_cases,
    properties=(
        ("the result must not contain `bos`", lambda arguments, ids: not (ids == _BOS).any()),
        (
            "after its end token, a row must contain only padding",
            lambda arguments, ids: bool((ids == _PAD)[((ids == _EOS).cumsum(dim=1) - (ids == _EOS).long()) > 0].all()),
        ),
    ),
)


@_GREEDY.mistake(
    looks="The outputs are right up to their end tokens, but more words follow.",
    hint="a row continues after its end token while other rows are still being generated. What should it get instead?",
)
def _goes_on_after_the_end(next_logits, n_row, bos, eos, pad, max_new):
    ids = torch.full((n_row, 1), bos)
    ended = torch.zeros(n_row, dtype=torch.bool)
    for _ in range(max_new):
        token = next_logits(ids).argmax(dim=-1)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos)
        if ended.all():
            break
    return ids[:, 1:]


@_GREEDY.mistake(
    looks="Long outputs are cut off, at a length that depends on the other rows in the batch.",
    hint="decoding stops when the first row has ended, and the other rows are cut off. When is the batch complete?",
)
def _stops_at_the_first_end(next_logits, n_row, bos, eos, pad, max_new):
    ids = torch.full((n_row, 1), bos)
    ended = torch.zeros(n_row, dtype=torch.bool)
    for _ in range(max_new):
        token = next_logits(ids).argmax(dim=-1).masked_fill(ended, pad)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos)
        if ended.any():
            break
    return ids[:, 1:]


@_GREEDY.mistake(
    looks="The outputs are right, but the model is always called max_new times.",
    hint="the tokens are right, but columns of padding follow them. When can decoding stop before max_new tokens?",
)
def _never_stops_early(next_logits, n_row, bos, eos, pad, max_new):
    ids = torch.full((n_row, 1), bos)
    ended = torch.zeros(n_row, dtype=torch.bool)
    for _ in range(max_new):
        token = next_logits(ids).argmax(dim=-1).masked_fill(ended, pad)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos)
    return ids[:, 1:]


@_GREEDY.mistake(
    looks="The first token is right, but the rest is repetitive, because the model receives only its last token.",
    hint="the model receives only the last token, without those before it. What does the next token depend on?",
)
def _only_the_last_token(next_logits, n_row, bos, eos, pad, max_new):
    token = torch.full((n_row,), bos)
    ended = torch.zeros(n_row, dtype=torch.bool)
    tokens = []
    for _ in range(max_new):
        token = next_logits(token[:, None]).argmax(dim=-1).masked_fill(ended, pad)
        tokens.append(token)
        ended = ended | (token == eos)
        if ended.all():
            break
    return torch.stack(tokens, dim=1)


@_GREEDY.mistake(
    looks="Padding replaces the end token, so a probability computed from the output would leave out its end.",
    hint="the end token itself is replaced by padding. Should you fill ended rows before or after marking new ones?",
)
def _end_token_filled(next_logits, n_row, bos, eos, pad, max_new):
    ids = torch.full((n_row, 1), bos)
    ended = torch.zeros(n_row, dtype=torch.bool)
    for _ in range(max_new):
        token = next_logits(ids).argmax(dim=-1)
        ended = ended | (token == eos)
        ids = torch.cat([ids, token.masked_fill(ended, pad)[:, None]], dim=1)
        if ended.all():
            break
    return ids[:, 1:]


@_GREEDY.mistake(
    looks="Answers in which padding and words alternate, and decoding goes on to the last token that is allowed.",
    hint="you remember only the rows that ended in the last step. A row that has ended must remain so.",
)
def _forgets_earlier_ends(next_logits, n_row, bos, eos, pad, max_new):
    ids = torch.full((n_row, 1), bos)
    ended = torch.zeros(n_row, dtype=torch.bool)
    for _ in range(max_new):
        token = next_logits(ids).argmax(dim=-1).masked_fill(ended, pad)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = token == eos
        if ended.all():
            break
    return ids[:, 1:]


@_GREEDY.mistake(
    looks="The longest answers lack their last word.",
    hint="a row that never ends must get `max_new` tokens, and `bos` is not one of them. How many steps do you make?",
)
def _one_step_too_few(next_logits, n_row, bos, eos, pad, max_new):
    ids = torch.full((n_row, 1), bos)
    ended = torch.zeros(n_row, dtype=torch.bool)
    while ids.shape[1] < max_new and not ended.all():
        token = next_logits(ids).argmax(dim=-1).masked_fill(ended, pad)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos)
    return ids[:, 1:]
