"""Exercises of chapter 06: greedy decoding, what a word depends on, and three masks."""

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
    symptom="The outputs are right up to their end tokens, but more words follow.",
    hint="a row continues after its end token while other rows are still being generated. What should it get instead?",
)

_GREEDY.wrong_lines(
    "stops at the first end",
    """
    - if ended.all():
    + if ended.any():
    """,
    symptom="Long outputs are cut off, at a length that depends on the other rows in the batch.",
    hint="decoding stops when the first row has ended, and the other rows are cut off. When is the batch complete?",
)

_GREEDY.wrong_lines(
    "never stops early",
    """
    - if ended.all():
    -     break
    """,
    symptom="The outputs are right, but the model is always called max_new times.",
    hint="the tokens are right, but columns of padding follow them. When can decoding stop before max_new tokens?",
)


@_GREEDY.mistake(
    symptom="The first token is right, but the rest is repetitive, because the model receives only its last token.",
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


_GREEDY.wrong_lines(
    "end token filled",
    """
    - token = next_logits(ids).argmax(dim=-1).masked_fill(ended, pad)
    - ids = torch.cat([ids, token[:, None]], dim=1)
    + token = next_logits(ids).argmax(dim=-1)
      ended = ended | (token == eos)
    + ids = torch.cat([ids, token.masked_fill(ended, pad)[:, None]], dim=1)
    """,
    symptom="Padding replaces the end token, so a probability computed from the output would leave out its end.",
    hint="the end token itself is replaced by padding. Should you fill ended rows before or after marking new ones?",
)

_GREEDY.wrong_lines(
    "forgets earlier ends",
    """
    - ended = ended | (token == eos)
    + ended = token == eos
    """,
    symptom="Answers in which padding and words alternate, and decoding goes on to the last token that is allowed.",
    hint="you remember only the rows that ended in the last step. A row that has ended must remain so.",
)

_GREEDY.wrong_lines(
    "one step too few",
    """
    - for _ in range(max_new):
    + for _ in range(max_new - 1):
    """,
    symptom="The longest answers lack their last word.",
    hint="a row that never ends must get `max_new` tokens, and `bos` is not one of them. How many steps do you make?",
)


# 6.2


def _influence(probability, source, replacements):
    """Return how much the probability of a word depends on each symbol of a source, shape (S,).

    `probability` maps sources, ids of shape (N, S), to N probabilities. `source` has the shape
    (S,), and `replacements` the shape (K,). Result s is the probability for `source`, minus the
    mean probability for the sources in which only symbol s is replaced, once by each of the
    `replacements` that is another symbol. Do not modify the arguments.
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
    symptom="Digits seem to matter a little less than the comma, which is none of the replacements.",
    hint="your result is too near 0 where the symbol is among `replacements`. What happens if a 2 is replaced by a 2?",
)

_INFLUENCE.wrong_lines(
    "replaces the rest",
    """
    - changed[:, place] = others
    + changed[:, place:] = others[:, None]
    """,
    symptom="The first symbol always seems to matter most, since everything after it is changed as well.",
    hint="only your last result is right: for the others, later symbols are replaced too. How many may differ?",
)

_INFLUENCE.wrong_lines(
    "reversed sign",
    """
    - falls.append(before - probability(changed).mean())
    + falls.append(probability(changed).mean() - before)
    """,
    symptom="Important symbols have negative results.",
    hint="all signs are reversed. A symbol matters if the probability falls when it is replaced.",
)

_INFLUENCE.wrong_lines(
    "worst replacement",
    """
    - falls.append(before - probability(changed).mean())
    + falls.append(before - probability(changed).min())
    """,
    symptom="Every symbol seems to matter, because the least favorable replacement decides.",
    hint="one replacement decides each of your results. All of them should count equally.",
)

_INFLUENCE.wrong_lines(
    "keeps replacements",
    """
      falls.append(before - probability(changed).mean())
    + source = changed[-1]
    """,
    symptom="The first result is right, and the later ones belong to a source that was changed before.",
    hint="only your first result is right: a replaced symbol is still replaced when the next one is tried.",
)

_INFLUENCE.wrong_lines(
    "sizes of changes",
    """
    - falls.append(before - probability(changed).mean())
    + falls.append((before - probability(changed)).abs().mean())
    """,
    symptom="No result is negative, and a symbol whose replacements help as often as they harm seems to matter.",
    hint="you average the sizes of the changes. The task asks how much the probability falls, so a rise counts against "
    "it.",
)


# 6.3


def _three_masks(n_source, n_target):
    """Return the masks of an encoder, a decoder and an encoder-decoder, three tensors of bools.

    Each has the shape (N, N) with N = n_source + n_target, and entry (i, j) is True where position
    i may attend to position j. In the third mask, the first `n_source` positions are the
    encoder's input and the remaining ones the decoder's.
    """
    n = n_source + n_target
    encoder = torch.ones(n, n, dtype=torch.bool)
    decoder = encoder.tril()
    both = decoder.clone()
    both[:n_source, :n_source] = True  # the encoder: all of the source
    both[n_source:, :n_source] = True  # cross-attention: all of the source
    return encoder, decoder, both


def _sources_attend_to_targets(arguments: tuple[int, int], masks: tuple[Tensor, ...]) -> bool:
    return bool(masks[2][: arguments[0], arguments[0] :].any())


_MASKS = Exercise(
    number="6.3",
    name="three_masks",
    title="three masks",
    solution=_three_masks,
    cases=lambda rng: [
        Case((s, t), f"n_source = {s}, n_target = {t}")
        for s, t in ((1, 1), (2, 2), (rng.randint(3, 5), 4), (2, rng.randint(5, 7)))
    ],
    properties=(
        ("an encoder may attend to every position", lambda arguments, masks: bool(masks[0].all())),
        (
            "a decoder may attend to its own position and all earlier ones, and to no other",
            lambda arguments, masks: torch.equal(masks[1], torch.ones_like(masks[1]).tril()),
        ),
        (
            "the encoder of the third model has no access to the target",
            lambda arguments, masks: not _sources_attend_to_targets(arguments, masks),
        ),
    ),
)

_MASKS.wrong_lines(
    "causal source",
    """
    - both[:n_source, :n_source] = True
    - both[n_source:, :n_source] = True
    """,
    symptom="The third mask equals the second, which is that of a GPT on the concatenated source and target.",
    hint="your third mask equals the second. May a token of the source attend to later tokens of the source?",
)

_MASKS.wrong_lines(
    "source attends to target",
    """
    - both[:n_source, :n_source] = True
    + both[:n_source] = True
    """,
    symptom="The source depends on the target, so in training the target depends on its own future through the source.",
    hint="in the third mask the source attends to the target, which does not exist yet when the source is encoded.",
)

_MASKS.wrong_lines(
    "no cross attention",
    """
    - both[n_source:, :n_source] = True
    + both[n_source:, :n_source] = False
    """,
    symptom="The mask has two blocks on its diagonal, so the decoder generates the same output for every source.",
    hint="in the third mask no target position attends to the source. In which rows and columns must it be True?",
)

_MASKS.wrong_lines(
    "causal cross attention",
    """
    - both[n_source:, :n_source] = True
    + both[n_source:, :n_source] = torch.ones(n_target, n_source, dtype=torch.bool).tril()
    """,
    symptom="The first target token attends to one source token and the second to two.",
    hint="in the third mask the cross-attention is triangular. Is any part of the source unknown at the first target "
    "position?",
)

_MASKS.wrong_lines(
    "target without a mask",
    """
    - both = decoder.clone()
    + both = encoder.clone()
    - both[:n_source, :n_source] = True
    - both[n_source:, :n_source] = True
    + both[:n_source, n_source:] = False
    """,
    symptom="The target attends to its own future. The training loss falls toward 0, and generated text is wrong.",
    hint="in the third mask, target positions attend to later ones, which contain the tokens to be predicted.",
)

_MASKS.wrong_lines(
    "one tensor twice",
    """
    - both = decoder.clone()
    + both = decoder
    """,
    symptom="The decoder attends to later tokens, although its line of code is right.",
    hint="your second and third masks are the same tensor, so what you write into one changes the other. What does "
    "`clone()` return?",
)
