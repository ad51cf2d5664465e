"""Exercises of chapter 06: cross-attention, greedy decoding, and three masks."""

import math
import random

import torch
from torch import Tensor

from lecture21.exercises.exercise import Case, Exercise, normal, rows_sum_to_one, scaled_otherwise

# 6.1


def _cross_attention(x, memory, w_query, w_key, w_value):
    """Return the outputs and weights of cross-attention from `x` (queries) to `memory`.

    `x` has the shape (T, C) and `memory`, which gives keys and values, (S, C), with one token in
    each row. `w_query` and `w_key` have the shape (D, C), and `w_value` has the shape (Dv, C).
    Divide the scores by sqrt(D). The results pass gradients back to the arguments.
    """
    q, k, v = x @ w_query.T, memory @ w_key.T, memory @ w_value.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v, weights


def _scale_is_right(arguments: tuple[Tensor, ...], results: tuple[Tensor, ...]) -> bool:
    x, memory, w_query, w_key, _ = arguments
    scores = (x @ w_query.T) @ (memory @ w_key.T).T / math.sqrt(w_query.shape[0])
    return not scaled_otherwise(scores, results[1])


def _cross_cases(rng: random.Random) -> list[Case]:
    t, s, c, d = rng.randint(2, 3), rng.randint(4, 6), rng.randint(5, 6), rng.randint(7, 8)
    d_v = d + rng.randint(1, 3)

    def case(about: str, t: int, s: int, c: int, d: int, d_v: int) -> Case:
        shapes = ((t, c), (s, c), (d, c), (d, c), (d_v, c))
        return Case(tuple(normal(rng, *shape) for shape in shapes), about)

    return [
        case("T = S = 1", 1, 1, 2, 2, 2),
        case("T = S = 3, C = D = Dv = 4", 3, 3, 4, 4, 4),
        case(f"T = {t}, S = {s}, C = {c}, D = {d}, Dv = {d_v}", t, s, c, d, d_v),
        case(f"a target that is longer than the source: T = {s}, S = {t}", s, t, c, d, d_v),
    ]


_CROSS = Exercise(
    number="6.1",
    name="cross_attention",
    returns=("the outputs", "the weights"),
    title="cross-attention",
    solution=_cross_attention,
    differentiable=("x", "memory", "w_query", "w_key", "w_value"),
    cases=_cross_cases,
    properties=(
        ("each row of weights must sum to 1", lambda arguments, results: rows_sum_to_one(results[1])),
        (
            "each output must be an average of the memory's values",
            lambda arguments, results: torch.allclose(
                results[0], results[1] @ (arguments[1] @ arguments[4].T), atol=1e-4
            ),
        ),
        ("what are the scores divided by? D is the number of features of a query and of a key", _scale_is_right),
    ),
)


@_CROSS.mistake(
    symptom="The matrix of weights is square, (T, T), and the output is the same for every source.",
    hint="your output does not depend on `memory`. Which two of query, key and value belong to the source?",
)
def _self_attention_of_the_target(x, memory, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, x @ w_key.T, x @ w_value.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v, weights


@_CROSS.mistake(
    symptom="The result has one output for each source token instead of one for each target token.",
    hint="your output does not depend on `x`. Attention returns one output for each query: for which tokens do you "
    "need outputs?",
)
def _self_attention_of_the_source(x, memory, w_query, w_key, w_value):
    q, k, v = memory @ w_query.T, memory @ w_key.T, memory @ w_value.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v, weights


@_CROSS.mistake(
    symptom="The weights have the shape (S, T), because source and target have exchanged their roles.",
    hint="your queries come from the source. Which sequence needs information from the other one?",
)
def _queries_from_the_memory(x, memory, w_query, w_key, w_value):
    q, k, v = memory @ w_query.T, x @ w_key.T, x @ w_value.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v, weights


@_CROSS.mistake(
    symptom="The first generated token can attend only to the first token of the source.",
    hint="your weights are 0 above a diagonal, but the complete source is known before the first token is generated.",
)
def _causal(x, memory, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, memory @ w_key.T, memory @ w_value.T
    scores = q @ k.T / math.sqrt(q.shape[-1])
    weights = scores.masked_fill(torch.ones_like(scores).tril() == 0, -math.inf).softmax(dim=-1)
    return weights @ v, weights


@_CROSS.mistake(
    symptom="Each column of the weights sums to 1, because each source token divides its weight among the target "
    "tokens.",
    hint="your columns sum to 1, but the weights of each query must sum to 1 over the source. Which dimension is that?",
)
def _softmax_over_queries(x, memory, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, memory @ w_key.T, memory @ w_value.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=0)
    return weights @ v, weights


@_CROSS.mistake(
    symptom="The weights are nearly 0 and 1, and training is slow: the scores are as large as sums of D products.",
    hint="your scores are products of a query and a key. What are they divided by before the softmax?",
)
def _unscaled(x, memory, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, memory @ w_key.T, memory @ w_value.T
    weights = (q @ k.T).softmax(dim=-1)
    return weights @ v, weights


@_CROSS.mistake(
    symptom="It runs only if C, D and Dv are equal, and then with the wrong features.",
    hint="the matrices must be transposed: `w_query` has the shape (D, C), and the tokens are the rows of x.",
)
def _not_transposed(x, memory, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v, weights


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


_V = 12


class _Scripted:
    """A model that continues a script, and predicts other tokens after an input that is not the script so far."""

    def __init__(self, bos: int, script: Tensor):
        self.script = torch.cat([torch.full_like(script[:, :1], bos), script], dim=1)

    def __call__(self, ids: Tensor) -> Tensor:
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
        case(4, 1, 2, max_new=rng.randint(6, 9), about="three rows of five, two and three tokens"),
        case(2, 9, max_new=4, about="a row that has not ended after max_new tokens"),
    ]


def _pads(ids: Tensor, eos: int, pad: int) -> bool:
    ends = (ids == eos).long()
    return bool((ids == pad)[ends.cumsum(dim=1) > ends].all())


_GREEDY = Exercise(
    number="6.2",
    name="greedy_decode",
    title="greedy decoding with an end token",
    solution=_greedy_decode,
    cases=_greedy_cases,
    properties=(
        ("the result must not contain `bos`", lambda arguments, ids: not (ids == arguments[2]).any()),
        ("after its end token, a row must contain only padding", lambda arguments, ids: _pads(ids, *arguments[3:5])),
    ),
)


@_GREEDY.mistake(
    symptom="The outputs are right up to their end tokens, but more words follow.",
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
    symptom="Long outputs are cut off, at a length that depends on the other rows in the batch.",
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
    symptom="The outputs are right, but the model is always called max_new times.",
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


@_GREEDY.mistake(
    symptom="Padding replaces the end token, so a probability computed from the output would leave out its end.",
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
    symptom="Answers in which padding and words alternate, and decoding goes on to the last token that is allowed.",
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
    symptom="The longest answers lack their last word.",
    hint="a row that never ends must get `max_new` tokens, and `bos` is not one of them. How many steps do you make?",
)
def _one_step_too_few(next_logits, n_row, bos, eos, pad, max_new):
    ids = torch.full((n_row, 1), bos)
    ended = torch.zeros(n_row, dtype=torch.bool)
    for _ in range(max_new - 1):
        token = next_logits(ids).argmax(dim=-1).masked_fill(ended, pad)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos)
        if ended.all():
            break
    return ids[:, 1:]


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


@_MASKS.mistake(
    symptom="The third mask equals the second, which is that of a GPT on the concatenated source and target.",
    hint="your third mask equals the second. May a token of the source attend to later tokens of the source?",
)
def _causal_source(n_source, n_target):
    n = n_source + n_target
    encoder = torch.ones(n, n, dtype=torch.bool)
    decoder = encoder.tril()
    both = decoder.clone()
    return encoder, decoder, both


@_MASKS.mistake(
    symptom="The source depends on the target, so in training the target depends on its own future through the source.",
    hint="in the third mask the source attends to the target, which does not exist yet when the source is encoded.",
)
def _source_attends_to_target(n_source, n_target):
    n = n_source + n_target
    encoder = torch.ones(n, n, dtype=torch.bool)
    decoder = encoder.tril()
    both = decoder.clone()
    both[:n_source] = True
    both[n_source:, :n_source] = True
    return encoder, decoder, both


@_MASKS.mistake(
    symptom="The mask has two blocks on its diagonal, so the decoder generates the same output for every source.",
    hint="in the third mask no target position attends to the source. In which rows and columns must it be True?",
)
def _no_cross_attention(n_source, n_target):
    n = n_source + n_target
    encoder = torch.ones(n, n, dtype=torch.bool)
    decoder = encoder.tril()
    both = decoder.clone()
    both[:n_source, :n_source] = True
    both[n_source:, :n_source] = False
    return encoder, decoder, both


@_MASKS.mistake(
    symptom="The first target token attends to one source token and the second to two.",
    hint="in the third mask the cross-attention is triangular. Is any part of the source unknown at the first target "
    "position?",
)
def _causal_cross_attention(n_source, n_target):
    n = n_source + n_target
    encoder = torch.ones(n, n, dtype=torch.bool)
    decoder = encoder.tril()
    both = decoder.clone()
    both[:n_source, :n_source] = True
    both[n_source:, :n_source] = torch.ones(n_target, n_source, dtype=torch.bool).tril()
    return encoder, decoder, both


@_MASKS.mistake(
    symptom="The target attends to its own future. The training loss falls toward 0, and generated text is wrong.",
    hint="in the third mask, target positions attend to later ones, which contain the tokens to be predicted.",
)
def _target_without_a_mask(n_source, n_target):
    n = n_source + n_target
    encoder = torch.ones(n, n, dtype=torch.bool)
    decoder = encoder.tril()
    both = encoder.clone()
    both[:n_source, n_source:] = False
    return encoder, decoder, both


@_MASKS.mistake(
    symptom="The decoder attends to later tokens, although its line of code is right.",
    hint="your second and third masks are the same tensor, so what you write into one changes the other. What does "
    "`clone()` return?",
)
def _one_tensor_twice(n_source, n_target):
    n = n_source + n_target
    encoder = torch.ones(n, n, dtype=torch.bool)
    decoder = encoder.tril()
    both = decoder
    both[:n_source, :n_source] = True
    both[n_source:, :n_source] = True
    return encoder, decoder, both
