"""Exercises of chapter 06: greedy decoding, what a word depends on, and the masks of the three attentions."""

import random

import torch
from torch import Tensor

from lecture21.course.exercises.answers.modules import WrongWeights
from lecture21.course.exercises.exercise import Case, Exercise, normal

# 6.1


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


_V = 12


class _Scripted:
    """A model that continues a script, and predicts other tokens after an input that is not the script so far."""

    def __init__(self, bos: int, script: Tensor):
        self.script = torch.cat([torch.full_like(script[:, :1], bos), script], dim=1)

    def __call__(self, ids: Tensor) -> Tensor:
        if len(ids) != len(self.script):
            shape = tuple(ids.shape)
            raise ValueError(f"next_logits needs all rows at once, ids of shape (n_row, t), got {shape}")
        so_far = self.script[:, : ids.shape[1]]
        wrong = (ids[:, : so_far.shape[1]] != so_far).sum(dim=1)
        place = min(ids.shape[1], self.script.shape[1] - 1)
        return torch.nn.functional.one_hot((self.script[:, place] + 3 * wrong) % _V, _V).float()


def _greedy_cases(rng: random.Random) -> list[Case]:
    def case(*ends: int, max_new: int, about: str) -> Case:
        """Random tokens, with the end token at `ends` and more tokens after it."""
        bos, eos, pad, *others = rng.sample(range(_V), _V)
        rows = torch.tensor([[rng.choice(others) for _ in range(max_new)] for _ in ends])
        for row, end in zip(rows, ends, strict=True):
            row[end : end + 1] = eos
        return Case((_Scripted(bos, rows), len(rows), bos, eos, pad, max_new), about)

    return [
        case(1, max_new=3, about="one row that ends after two tokens"),
        case(3, 3, max_new=rng.randint(6, 9), about="two rows of four tokens"),
        case(1, 4, 2, max_new=rng.randint(6, 9), about="three rows of two, five and three tokens"),
        case(2, 9, max_new=4, about="a row that has not ended after max_new tokens"),
    ]


def _use_decoder(answer, next_logits, n_row, bos, eos, pad, max_new):
    """Return the tokens; wrong first ones are said to be that, before their number, which follows from them."""
    ids = answer(next_logits, n_row, bos, eos, pad, max_new)
    if isinstance(ids, Tensor) and ids.dim() == 2 and len(ids) == n_row and ids.numel():
        if (ids[:, 0] == bos).any():
            raise WrongWeights("the result begins with `bos`, which the model is given and does not generate")
        if not torch.equal(ids[:, 0], next_logits(torch.full((n_row, 1), bos)).argmax(dim=-1)):
            raise WrongWeights("the first token of a row is not the most probable one after `bos`")
    return ids


def _pads(ids: Tensor, eos: int, pad: int) -> bool:
    ends = (ids == eos).long()
    return bool((ids == pad)[ends.cumsum(dim=1) > ends].all())


_GREEDY = Exercise(
    number="6.1",
    name="greedy_decode",
    title="greedy decoding with an end token",
    solution=_greedy_decode,
    cases=_greedy_cases,
    call=_use_decoder,
    properties=(
        ("the result must not contain `bos`", lambda arguments, ids: not (ids == arguments[2]).any()),
        ("after its end token, a row must contain only padding", lambda arguments, ids: _pads(ids, *arguments[3:5])),
    ),
)

_GREEDY.wrong_lines(
    "goes on after the end",
    """
    - token = next_logits(ids).argmax(dim=-1).masked_fill(ended, pad)
    + token = next_logits(ids).argmax(dim=-1)
    """,
    hint="a row continues after its end token while other rows are still being generated. What should it get instead?",
)

_GREEDY.wrong_lines(
    "stops at the first end",
    """
    - if ended.all():
    + if ended.any():
    """,
    hint="decoding stops when the first row has ended, and the other rows are cut off. When is the batch complete?",
)

_GREEDY.wrong_lines(
    "never stops early",
    """
    - if ended.all():
    -     break
    """,
    hint="the tokens are right, but columns of padding follow them. When can decoding stop before max_new tokens?",
)


@_GREEDY.mistake(
    hint="the model receives only the last token, without those before it. What does the next token depend on?"
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


_GREEDY.wrong_lines(
    "end token filled",
    """
    - token = next_logits(ids).argmax(dim=-1).masked_fill(ended, pad)
    - ids = torch.cat([ids, token[:, None]], dim=1)
    + token = next_logits(ids).argmax(dim=-1)
      ended = ended | (token == eos)
    + ids = torch.cat([ids, token.masked_fill(ended, pad)[:, None]], dim=1)
    """,
    hint="the end token itself is replaced by padding. Should you fill ended rows before or after marking new ones?",
)

_GREEDY.wrong_lines(
    "forgets earlier ends",
    """
    - ended = ended | (token == eos)
    + ended = token == eos
    """,
    hint="you remember only the rows that ended in the last step. A row that has ended must remain so.",
)

_GREEDY.wrong_lines(
    "one step too few",
    """
    - for _ in range(max_new):
    + for _ in range(max_new - 1):
    """,
    hint="a row that never ends must get `max_new` tokens, and `bos` is not one of them. How many steps do you make?",
)


# 6.2


def _influence(probability, source, replacements):
    """Return how much the probability of a word depends on each symbol of a source, shape (S,).

    `probability` maps sources, ids of shape (N, S), to N probabilities. `source` has the shape
    (S,), and `replacements` the shape (K,). Replace symbol s by each of the `replacements` in
    turn, except by itself. Result s is the probability for `source` minus the mean of these
    probabilities. Do not modify the arguments.
    """
    before = probability(source[None])[0]
    falls = []
    for place in range(len(source)):
        others = replacements[replacements != source[place]]
        changed = source.repeat(len(others), 1)  # (K, S)
        changed[:, place] = others
        falls.append(before - probability(changed).mean())
    return torch.stack(falls)


class _Reader:
    """A model of one word: a probability that depends on some symbols of a source and on pairs of neighbors."""

    def __init__(self, rng: random.Random, n_place: int, ignored: tuple[int, ...]):
        self.single, self.pairs = 1.5 * normal(rng, n_place, _V), normal(rng, n_place, _V, _V)
        for place in ignored:
            self.single[place] = self.pairs[place] = self.pairs[place - 1] = 0

    def __call__(self, sources: Tensor) -> Tensor:
        if sources.dim() != 2:
            raise ValueError(f"probability needs sources of shape (N, S), got {tuple(sources.shape)}")
        places = torch.arange(sources.shape[1])
        scores = self.single[places, sources].sum(dim=1)
        return (scores + self.pairs[places[:-1], sources[:, :-1], sources[:, 1:]].sum(dim=1)).sigmoid()


def _influence_cases(rng: random.Random) -> list[Case]:
    def case(n_place: int, n_other: int, about: str, ignored: tuple[int, ...] = ()) -> Case:
        """Random symbols; the last one is none of the replacements, as a comma is no digit."""
        comma, *digits = rng.sample(range(_V), _V)
        replacements = digits[:n_other]
        source = [rng.choice(replacements) for _ in range(n_place - 1)] + [comma]
        return Case((_Reader(rng, n_place, ignored), torch.tensor(source), torch.tensor(replacements)), about)

    s, k = rng.randint(4, 6), rng.randint(5, 8)
    return [
        case(2, 3, "S = 2, K = 3"),
        case(s, k, f"S = {s}, K = {k}"),
        case(5, 4, "a word that does not depend on symbol 2", ignored=(2,)),
    ]


_INFLUENCE = Exercise(
    number="6.2",
    name="influence",
    title="change the source",
    solution=_influence,
    cases=_influence_cases,
    properties=(
        (
            "a probability cannot fall by more than it is",
            lambda arguments, falls: bool((falls <= arguments[0](arguments[1][None]) + 1e-6).all()),
        ),
    ),
)

_INFLUENCE.wrong_lines(
    "replaces by itself",
    """
    - others = replacements[replacements != source[place]]
    + others = replacements
    """,
    hint="your result is too near 0 where the symbol is among `replacements`. What happens if a 2 is replaced by a 2?",
)

_INFLUENCE.wrong_lines(
    "replaces the rest",
    """
    - changed[:, place] = others
    + changed[:, place:] = others[:, None]
    """,
    hint="only your last result is right: for the others, later symbols are replaced too. How many may differ?",
)

_INFLUENCE.wrong_lines(
    "reversed sign",
    """
    - falls.append(before - probability(changed).mean())
    + falls.append(probability(changed).mean() - before)
    """,
    hint="all signs are reversed. A symbol matters if the probability falls when it is replaced.",
)

_INFLUENCE.wrong_lines(
    "worst replacement",
    """
    - falls.append(before - probability(changed).mean())
    + falls.append(before - probability(changed).min())
    """,
    hint="one replacement decides each of your results. All of them should count equally.",
)

_INFLUENCE.wrong_lines(
    "keeps replacements",
    """
      falls.append(before - probability(changed).mean())
    + source = changed[-1]
    """,
    hint="only your first result is right: a replaced symbol is still replaced when the next one is tried.",
)

_INFLUENCE.wrong_lines(
    "sizes of changes",
    """
    - falls.append(before - probability(changed).mean())
    + falls.append((before - probability(changed)).abs().mean())
    """,
    hint="you average the sizes of the changes. The task asks how much the probability falls, so a rise counts against "
    "it.",
)


# 6.3


def _three_masks(is_padding, n_target):
    """Return the masks of the three attentions, bools that are True where a query may attend.

    `is_padding` has the shape (B, S) and is True where a source is padded. The masks have the
    shapes (B, S, S) for the encoder, (T, T) for the decoder's own words, and (B, T, S) for
    cross-attention. No query attends to padding.
    """
    n_source = is_padding.shape[1]
    words = ~is_padding[:, None, :]  # (B, 1, S), one row for all queries
    encoder = words.expand(-1, n_source, -1)
    decoder = torch.ones(n_target, n_target, dtype=torch.bool).tril()
    cross = words.expand(-1, n_target, -1)
    return encoder, decoder, cross


def _mask_cases(rng: random.Random) -> list[Case]:
    def case(n_target: int, *lengths: int) -> Case:
        """Sources of these lengths, padded on the right."""
        is_padding = torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]
        return Case((is_padding, n_target), f"B = {len(lengths)}, S = {max(lengths)}, T = {n_target}")

    return [case(2, 2), case(3, 2, 1), case(2, 4, rng.randint(2, 3)), case(rng.randint(4, 6), 1, 5, 3)]


_MASKS = Exercise(
    number="6.3",
    name="three_masks",
    title="three masks",
    solution=_three_masks,
    cases=_mask_cases,
    properties=(
        (
            "each word of the target attends to itself and all earlier ones, and to no other",
            lambda arguments, masks: torch.equal(masks[1], torch.ones_like(masks[1]).tril()),
        ),
        (
            "no query of cross-attention attends to padding",
            lambda arguments, masks: not (masks[2] & arguments[0][:, None, :]).any(),
        ),
    ),
)

_MASKS.wrong_lines(
    "padding in sight",
    """
    - words = ~is_padding[:, None, :]
    + words = torch.ones_like(is_padding)[:, None, :]
    """,
    hint="padding is attended to. Which columns of the encoder's mask, and of which other one, must be False?",
)

_MASKS.wrong_lines(
    "only padding",
    """
    - words = ~is_padding[:, None, :]
    + words = is_padding[:, None, :]
    """,
    hint="True and False are exchanged for the source: `is_padding` is True where nothing may be read.",
)

_MASKS.wrong_lines(
    "padding as queries",
    """
    - encoder = words.expand(-1, n_source, -1)
    + encoder = words.expand(-1, n_source, -1).transpose(1, 2)
    """,
    hint="in the encoder's mask whole rows are False. A row is a query: does padding harm as a query or as a key?",
)

_MASKS.wrong_lines(
    "causal encoder",
    """
    - encoder = words.expand(-1, n_source, -1)
    + encoder = words.expand(-1, n_source, -1).tril()
    """,
    hint="the encoder's mask is causal. Is any word of the source still unknown when it is read?",
)

_MASKS.wrong_lines(
    "decoder without a mask",
    """
    - decoder = torch.ones(n_target, n_target, dtype=torch.bool).tril()
    + decoder = torch.ones(n_target, n_target, dtype=torch.bool)
    """,
    hint="words of the target attend to later ones, which contain the words to be predicted.",
)

_MASKS.wrong_lines(
    "own word hidden",
    """
    - decoder = torch.ones(n_target, n_target, dtype=torch.bool).tril()
    + decoder = torch.ones(n_target, n_target, dtype=torch.bool).tril(-1)
    """,
    hint="no word of the target attends to itself. It is an input, and what is predicted there is the next word.",
)

_MASKS.wrong_lines(
    "causal cross-attention",
    """
    - cross = words.expand(-1, n_target, -1)
    + cross = words.expand(-1, n_target, -1).tril()
    """,
    hint="cross-attention is causal. How much of the source is known when the target begins?",
)

_MASKS.wrong_lines(
    "sources ask",
    """
    - cross = words.expand(-1, n_target, -1)
    + cross = words.expand(-1, n_target, -1).transpose(1, 2)
    """,
    hint="the mask of cross-attention is transposed. Who asks, the target or the source? Each query has a row.",
)
