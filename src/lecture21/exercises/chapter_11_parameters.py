"""Exercise of chapter 11: the parameters of GPT-2."""

import random

from lecture21.exercises._exercise import Case, Exercise

# 11.1


def _gpt2_parameters(vocab_size, block_size, n_layer, d_model):
    """Return the number of parameters of a GPT-2.

    Count the token table (vocab_size, d_model) and the position table (block_size, d_model).
    Each of the n_layer blocks has an attention layer with four matrices (d_model, d_model), a
    feed-forward layer d_model -> 4 d_model -> d_model, and two layer norms. One more norm follows
    the last block. Every matrix of a block has a bias, and every norm has a gain and a shift. The
    output layer is the transposed token table.
    """
    tables = (vocab_size + block_size) * d_model
    attention = 4 * (d_model * d_model + d_model)
    up = d_model * 4 * d_model + 4 * d_model
    down = 4 * d_model * d_model + d_model
    norm = 2 * d_model
    return tables + n_layer * (attention + up + down + 2 * norm) + norm


def _missing(sizes: tuple[int, ...], count: int | float) -> int | float:
    return _gpt2_parameters(*sizes) - count


def _size_cases(rng: random.Random) -> list[Case]:
    sizes = [(3, 2, 2, 3), (rng.randint(8, 12), rng.randint(4, 7), 3, 4)]
    sizes.append((rng.randint(20, 40), rng.randint(8, 16), rng.randint(3, 6), 8))
    names = ("vocab_size", "block_size", "n_layer", "d_model")
    return [Case(s, ", ".join(f"{k}={v}" for k, v in zip(names, s, strict=True))) for s in sizes]


_SIZE = Exercise(
    number="11.1",
    name="gpt2_parameters",
    title="count the parameters of GPT-2",
    solution=_gpt2_parameters,
    cases=_size_cases,
    properties=(
        (
            "the number of norms is not right. How many sublayers does a block have?",
            lambda sizes, count: _missing(sizes, count) != sizes[2] * 2 * sizes[3],
        ),
        (
            "each norm has a gain and a shift",
            lambda sizes, count: _missing(sizes, count) != (2 * sizes[2] + 1) * sizes[3],
        ),
        (
            "the attention has a fourth matrix. Which one follows the heads?",
            lambda sizes, count: _missing(sizes, count) != sizes[2] * (sizes[3] ** 2 + sizes[3]),
        ),
        (
            "the two biases of the feed-forward layer differ in length",
            lambda sizes, count: _missing(sizes, count) not in (3 * sizes[2] * sizes[3], -3 * sizes[2] * sizes[3]),
        ),
        (
            "at least one part is not counted right. Compare tables, attention, feed-forward and norms with Hint 3",
            lambda sizes, count: _missing(sizes, count) == 0,
        ),
    ),
)


@_SIZE.mistake(
    looks="GPT-2 small has 163 million parameters instead of 124 million.",
    hint="you count one vocabulary-sized matrix too many. Which matrix does the output layer use?",
)
def _with_a_head_of_its_own(vocab_size, block_size, n_layer, d_model):
    norm = 2 * d_model
    block = 12 * d_model**2 + 9 * d_model + 2 * norm
    return (2 * vocab_size + block_size) * d_model + n_layer * block + norm


@_SIZE.mistake(
    looks="The count is too small by less than 0.1 %, which no rounded number in a paper reveals.",
    hint="the matrices are right, but something small is missing in every block. What is added after each product?",
)
def _without_biases(vocab_size, block_size, n_layer, d_model):
    norm = 2 * d_model
    block = 12 * d_model**2 + 2 * norm
    return (vocab_size + block_size) * d_model + n_layer * block + norm


@_SIZE.mistake(
    looks="The count for GPT-2 small is too small by 1,536.",
    hint="the blocks are right. What happens between the last block and the output layer?",
)
def _without_the_last_norm(vocab_size, block_size, n_layer, d_model):
    block = 12 * d_model**2 + 9 * d_model + 4 * d_model
    return (vocab_size + block_size) * d_model + n_layer * block


@_SIZE.mistake(
    looks="The count does not change with the length of the context.",
    hint="your count does not depend on block_size. How does GPT-2 know the order of its tokens?",
)
def _without_positions(vocab_size, block_size, n_layer, d_model):
    block = 12 * d_model**2 + 9 * d_model + 4 * d_model
    return vocab_size * d_model + n_layer * block + 2 * d_model


@_SIZE.mistake(
    looks="GPT-2 small has 96 million parameters: each block lacks one of its two feed-forward matrices.",
    hint="the feed-forward layer maps to 4 d_model and back. How many matrices does that take, and of which shapes?",
)
def _without_the_down_projection(vocab_size, block_size, n_layer, d_model):
    norm = 2 * d_model
    block = 8 * d_model**2 + 8 * d_model + 2 * norm
    return (vocab_size + block_size) * d_model + n_layer * block + norm
