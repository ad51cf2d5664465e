"""Exercises of chapter 03: queries, keys and values, and several heads."""

import math
import random

import torch

from lecture21.exercises.exercise import Case, Exercise, normal, rows_sum_to_one, scaled_otherwise

# 3.1


def _attention(q, k, v):
    """Return (outputs, weights) of scaled dot-product attention: softmax(q k^T / sqrt(D)) v.

    `q` has the shape (..., T, D), `k` (..., S, D) and `v` (..., S, Dv), with any leading
    dimensions. The outputs have the shape (..., T, Dv) and the weights (..., T, S). They pass
    gradients back to the arguments.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = scores.softmax(dim=-1)
    return weights @ v, weights


def _attention_cases(rng: random.Random) -> list[Case]:
    t, s, d, d_v = rng.randint(2, 3), rng.randint(4, 5), rng.randint(6, 9), rng.randint(10, 12)

    def case(about: str, *leading: int, t: int = t, s: int = s, d: int = d, dtype=torch.float32) -> Case:
        shapes = ((t, d), (s, d), (s, d_v))
        return Case(tuple(normal(rng, *leading, *shape, dtype=dtype) for shape in shapes), about)

    return [
        case("one query and one key (T = S = 1)", t=1, s=1),
        case("three queries, three keys, d_k = 3", t=3, s=3, d=3),
        case(f"T = {t}, S = {s}, d_k = {d}, d_v = {d_v}"),
        case("a batch of two sequences with three heads", 2, 3),
        case("float64", dtype=torch.float64),
    ]


_ATTENTION = Exercise(
    number="3.1",
    name="attention",
    returns=("the outputs", "the weights"),
    title="scaled dot-product attention",
    solution=_attention,
    cases=_attention_cases,
    differentiable=("q", "k", "v"),
    properties=(
        ("each row of the weights must sum to 1", lambda arguments, result: rows_sum_to_one(result[1])),
        (
            "the outputs must be averages of the rows of v with your weights",
            lambda arguments, result: torch.allclose(result[0], result[1] @ arguments[2], atol=1e-4),
        ),
        (
            "your weights are the softmax of q k^T divided by another number than sqrt(D). Which dimension of q is D?",
            lambda arguments, result: (
                not scaled_otherwise(
                    arguments[0] @ arguments[1].transpose(-2, -1) / math.sqrt(arguments[0].shape[-1]), result[1]
                )
            ),
        ),
    ),
)


@_ATTENTION.mistake(
    symptom="Almost right for small d_k, but for large d_k nearly all weight is on one key, and most gradients vanish.",
    hint="your scores are the dot products themselves, whose variance grows with d_k. What does the formula divide by?",
)
def _unscaled(q, k, v):
    weights = (q @ k.transpose(-2, -1)).softmax(dim=-1)
    return weights @ v, weights


@_ATTENTION.mistake(
    symptom="The weights are nearly even for large d_k: attention becomes a plain average.",
    hint="your scores shrink as d_k grows, so the weights become even. Which power of d_k keeps their variance at 1?",
)
def _divided_by_width(q, k, v):
    weights = (q @ k.transpose(-2, -1) / q.shape[-1]).softmax(dim=-1)
    return weights @ v, weights


@_ATTENTION.mistake(
    symptom="The result is right if d_k = d_v, as in the worked example, and wrong otherwise.",
    hint="the scale depends on the width of v. The dot product is taken over the components of which tensors?",
)
def _scaled_by_the_values(q, k, v):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(v.shape[-1])).softmax(dim=-1)
    return weights @ v, weights


@_ATTENTION.mistake(
    symptom="The columns of the weights sum to 1 instead of the rows.",
    hint="your columns sum to 1. Each row belongs to one query and must sum to 1 over the keys: which dimension "
    "holds the keys?",
)
def _softmax_over_queries(q, k, v):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(dim=-2)
    return weights @ v, weights


@_ATTENTION.mistake(
    symptom="The factor is applied to weights that already sum to 1, so the rows sum to 1 / sqrt(d_k).",
    hint="your rows sum to 1 / sqrt(d_k). Is the division before the softmax or after it?",
)
def _scaled_after_the_softmax(q, k, v):
    weights = (q @ k.transpose(-2, -1)).softmax(dim=-1) / math.sqrt(q.shape[-1])
    return weights @ v, weights


@_ATTENTION.mistake(
    symptom="A matrix of scores gives the right result. In a batch of several heads, weights are shared between heads.",
    hint="your softmax sums over dim=1, which holds the keys only if there are no leading dimensions. If it is the "
    "softmax of exercise 2.1, change it there: which number means the last dimension?",
)
def _softmax_over_dimension_1(q, k, v):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(dim=1)
    return weights @ v, weights


@_ATTENTION.mistake(
    symptom="The worked example, where d_k = 4, gives the right result, and every other width a wrong one.",
    hint="you divide by 2, as in the worked example, where d_k is 4. Which number of q gives d_k in general?",
)
def _scaled_for_width_4(q, k, v):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(4)).softmax(dim=-1)
    return weights @ v, weights


@_ATTENTION.mistake(
    symptom="The worked example, with four tokens and d_k = 4, gives the right result. A longer text gives even "
    "weights.",
    hint="you divide by the root of len(q), the number of rows. The products of a score are summed over d_k, which is "
    "another dimension of q.",
)
def _scaled_by_the_number_of_queries(q, k, v):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(len(q))).softmax(dim=-1)
    return weights @ v, weights


@_ATTENTION.mistake(
    symptom="A matrix of queries gives the right result. In a batch of several heads, the scale follows their number.",
    hint="you divide by the root of q.shape[1], which is d_k only if there are no leading dimensions. Which number "
    "means the last dimension?",
)
def _scaled_by_dimension_1(q, k, v):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[1])).softmax(dim=-1)
    return weights @ v, weights


# 3.2


def _self_attention(x, w_query, w_key, w_value):
    """Return the outputs of self-attention with q_i = W^q x_i, k_i = W^k x_i, v_i = W^v x_i.

    `x` has the shape (T, C), with one token in each row; `w_query` and `w_key` have the shape
    (D, C) and `w_value` (Dv, C). The scores are divided by sqrt(D). Return a (T, Dv) tensor.
    """
    q, k, v = x @ w_query.T, x @ w_key.T, x @ w_value.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v


def _matrices_cases(rng: random.Random) -> list[Case]:
    t, c, d = rng.randint(2, 4), rng.randint(5, 6), rng.randint(7, 8)
    d_v = d + rng.randint(2, 3)

    def case(about: str, t: int, c: int, d: int, d_v: int) -> Case:
        return Case((normal(rng, t, c), normal(rng, d, c), normal(rng, d, c), normal(rng, d_v, c)), about)

    return [
        case("T = 1, C = d_k = d_v = 2", 1, 2, 2, 2),
        case("T = C = d_k = d_v = 4", 4, 4, 4, 4),
        case(f"T = {t}, C = {c}, d_k = {d}, d_v = {d_v}", t, c, d, d_v),
        case(f"T = {t}, C = {c}, d_k = 3, d_v = 1", t, c, 3, 1),
    ]


_MATRICES = Exercise(
    number="3.2",
    name="self_attention",
    title="self-attention with three matrices",
    solution=_self_attention,
    cases=_matrices_cases,
)


@_MATRICES.mistake(
    symptom="There is no error as long as the matrices are square; other shapes raise one.",
    hint="x holds a token in each row, and W x_i is the product with a column. Which factor must be transposed when "
    "x comes first? Square matrices hide this mistake.",
)
def _untransposed_matrices(x, w_query, w_key, w_value):
    q, k, v = x @ w_query, x @ w_key, x @ w_value
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v


@_MATRICES.mistake(
    symptom="The weights are sharper than they should be, and more so for a large d_k.",
    hint="your scores are the dot products of queries and keys. By what does the docstring divide them?",
)
def _unscaled_scores(x, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, x @ w_key.T, x @ w_value.T
    return (q @ k.T).softmax(dim=-1) @ v


@_MATRICES.mistake(
    symptom="The weights are too even, and more so for a large d_k.",
    hint="your scores shrink as d_k grows. Which power of D does the docstring divide them by?",
)
def _divided_by_d(x, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, x @ w_key.T, x @ w_value.T
    weights = (q @ k.T / q.shape[-1]).softmax(dim=-1)
    return weights @ v


@_MATRICES.mistake(
    symptom="The outputs are no averages: the weights of one query do not sum to 1.",
    hint="your softmax makes the columns sum to 1. Row i holds the weights of query i: over which dimension must it "
    "run?",
)
def _softmax_over_the_queries(x, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, x @ w_key.T, x @ w_value.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=0)
    return weights @ v


@_MATRICES.mistake(
    symptom="The result is right if d_k = C, as in the worked example, and wrong otherwise.",
    hint="the scale depends on the width C of x. The dot products are between queries and keys: how wide are they?",
)
def _scaled_by_the_input(x, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, x @ w_key.T, x @ w_value.T
    weights = (q @ k.T / math.sqrt(x.shape[-1])).softmax(dim=-1)
    return weights @ v


@_MATRICES.mistake(
    symptom="The right weights are applied to the wrong vectors, so the outputs have the width C, whatever W^v is.",
    hint="your outputs are averages of the inputs x, and W^v is not used. Which vectors should be averaged?",
)
def _averages_of_the_inputs(x, w_query, w_key, w_value):
    q, k = x @ w_query.T, x @ w_key.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ x


@_MATRICES.mistake(
    symptom="The scores are transposed: row i belongs to key i. If the scores are symmetric, the result is still "
    "right.",
    hint="row i of your scores compares key i with all queries, but row i belongs to query i.",
)
def _keys_ask(x, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, x @ w_key.T, x @ w_value.T
    weights = (k @ q.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v


# 3.3


def _score_spread(q, k):
    """Return the standard deviations of q k^T, of q k^T / sqrt(D), and of q k^T / D.

    `q` has the shape (T, D) and `k` (S, D). Each standard deviation is taken over all T x S
    scores at once. Return three floats.
    """
    scores = q @ k.T
    width = q.shape[-1]
    spreads = scores.std(), (scores / math.sqrt(width)).std(), (scores / width).std()
    return tuple(spread.item() for spread in spreads)


def _spread_cases(rng: random.Random) -> list[Case]:
    # With so many scores, dividing by n or by n - 1 in the variance makes no difference that counts.
    widths = [4, rng.randint(20, 30), rng.randint(200, 300)]
    return [Case((normal(rng, 100, width), normal(rng, 120, width)), f"d_k = {width}") for width in widths]


_SPREAD = Exercise(
    number="3.3",
    name="score_spread",
    title="measure the scale of the scores",
    solution=_score_spread,
    cases=_spread_cases,
    returns=("the first number", "the second number", "the third number"),
    in_order=True,
    properties=(
        (
            "the first number must be the standard deviation of all T x S numbers of q k^T",
            lambda arguments, spreads: math.isclose(spreads[0], (arguments[0] @ arguments[1].T).std(), rel_tol=1e-3),
        ),
        (
            "the first number is right. By which number must the scores be divided for the others?",
            lambda arguments, spreads: False,
        ),
    ),
)


@_SPREAD.mistake(
    symptom="The first number grows in proportion to d_k instead of its square root.",
    hint="these are variances. What is the relation between the variance and the standard deviation?",
)
def _variances(q, k):
    scores = q @ k.T
    width = q.shape[-1]
    spreads = scores.var(), (scores / math.sqrt(width)).var(), (scores / width).var()
    return tuple(spread.item() for spread in spreads)


@_SPREAD.mistake(
    symptom="The curve for sqrt(d_k) falls, and the one for d_k stays at 1: the opposite of the chapter's conclusion.",
    hint="the second and third numbers are in the wrong order. Compare them with the docstring.",
)
def _exchanged(q, k):
    scores = q @ k.T
    width = q.shape[-1]
    spreads = scores.std(), (scores / width).std(), (scores / math.sqrt(width)).std()
    return tuple(spread.item() for spread in spreads)


@_SPREAD.mistake(
    symptom="The scaled scores still grow with d_k, because the number of queries does not change with it.",
    hint="you divide by the number of queries. How many terms does each dot product add up?",
)
def _scaled_by_the_length(q, k):
    scores = q @ k.T
    width = len(q)
    spreads = scores.std(), (scores / math.sqrt(width)).std(), (scores / width).std()
    return tuple(spread.item() for spread in spreads)


@_SPREAD.mistake(
    symptom="The numbers are nearly right, but slightly too small, most of all for small d_k.",
    hint="you average the standard deviations of the rows. The docstring takes one over all T x S scores at once.",
)
def _mean_over_the_rows(q, k):
    scores = q @ k.T
    width = q.shape[-1]
    spreads = [(scores / divisor).std(dim=-1).mean() for divisor in (1, math.sqrt(width), width)]
    return tuple(spread.item() for spread in spreads)


# 3.4


def _split_heads(x, n_head):
    """Return `x` of shape (B, T, C) divided into H = `n_head` heads, with shape (B, H, T, C // H).

    Head 0 holds the first C // H features of every token, head 1 the next C // H, and so on.
    """
    n_batch, n_token, width = x.shape
    return x.view(n_batch, n_token, n_head, width // n_head).transpose(1, 2)


def _heads_cases(rng: random.Random) -> list[Case]:
    n_head, n_token, width = rng.randint(2, 4), rng.randint(5, 7), rng.randint(2, 4)
    return [
        Case((normal(rng, 1, 1, 2), 1), "one token, one head"),
        Case((normal(rng, 1, 2, 4), 2), "B = 1, T = 2, C = 4, H = 2"),
        Case((normal(rng, 2, n_token, n_head * width), n_head), f"T = {n_token}, C = {n_head * width}, H = {n_head}"),
        Case((normal(rng, 3, 2, 4 * width + 4), 4), f"T = 2, C = {4 * width + 4}, H = 4"),
    ]


_HEADS = Exercise(
    number="3.4",
    name="split_heads",
    title="split into heads",
    solution=_split_heads,
    cases=_heads_cases,
    properties=(
        (
            "head 0 of token 0 must hold its first features",
            lambda arguments, heads: torch.equal(heads[0, 0, 0], arguments[0][0, 0, : heads.shape[-1]]),
        ),
        (
            "a head must hold features of every token, not complete tokens of one stretch",
            lambda arguments, heads: torch.equal(heads[0, 0], arguments[0][0, :, : heads.shape[-1]]),
        ),
    ),
)


@_HEADS.mistake(
    symptom="The shape is right and the loss decreases, but each head holds only one stretch of the tokens.",
    hint="the shape is right, but each head holds complete tokens of one stretch of the text. view() moves no numbers: "
    "which two dimensions must change places after it?",
)
def _viewed_without_transpose(x, n_head):
    n_batch, n_token, width = x.shape
    return x.reshape(n_batch, n_head, n_token, width // n_head)


@_HEADS.mistake(
    symptom="The heads are interleaved: head 0 holds features 0, H, 2H, ... Pretrained weights then give wrong "
    "results.",
    hint="your head 0 holds every H-th feature. When C becomes two dimensions, which comes first, heads or features?",
)
def _interleaved(x, n_head):
    n_batch, n_token, width = x.shape
    return x.view(n_batch, n_token, width // n_head, n_head).permute(0, 3, 1, 2)


@_HEADS.mistake(
    symptom="The shape is (B, T, H, D). The product q k^T then compares the heads of one token, not the tokens.",
    hint="the result has the shape (B, T, H, D). Attention multiplies the last two dimensions, which must be T and D.",
)
def _not_transposed(x, n_head):
    n_batch, n_token, width = x.shape
    return x.view(n_batch, n_token, n_head, width // n_head)


@_HEADS.mistake(
    symptom="The last two dimensions are (D, T): the product q k^T compares features and has the shape (D, D).",
    hint="the result has the shape (B, H, D, T). The last two dimensions must be T and D.",
)
def _features_before_tokens(x, n_head):
    n_batch, n_token, width = x.shape
    return x.view(n_batch, n_token, n_head, width // n_head).permute(0, 2, 3, 1)
