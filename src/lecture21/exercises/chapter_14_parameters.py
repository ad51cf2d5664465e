"""Exercise of chapter 14: the total and the active parameters of a sparse model."""

import random

from lecture21.exercises._exercise import Case, Exercise

# 14.5


def _sparse_parameters(n_layer, d_model, d_hidden, n_expert, top_k, other):
    """Return two integers: the total and the active parameters of a sparse model.

    Each of the `n_layer` layers has a router, one matrix (n_expert, d_model), and `n_expert`
    experts. An expert has three matrices (a gated feed-forward layer): two from d_model to d_hidden
    and one back. There are no biases. `other` counts all parameters outside of the sparse layers,
    such as attention and embeddings. Active parameters are those used for one token: all except the
    experts that it does not select.
    """
    expert = 3 * d_model * d_hidden
    shared = other + n_layer * n_expert * d_model  # the router scores all experts
    return shared + n_layer * n_expert * expert, shared + n_layer * top_k * expert


def _parameter_cases(rng: random.Random) -> list[Case]:
    sizes = [(1, 2, 3, 2, 1, 10)]
    sizes.append((rng.randint(2, 4), rng.randint(3, 6), rng.randint(7, 9), 4, 2, rng.randint(100, 200)))
    sizes.append((rng.randint(5, 8), 16, rng.randint(20, 40), 12, 5, rng.randint(1000, 2000)))
    names = ("n_layer", "d_model", "d_hidden", "n_expert", "top_k", "other")
    return [Case(s, ", ".join(f"{k}={v}" for k, v in zip(names, s, strict=True))) for s in sizes]


_PARAMETERS = Exercise(
    number="14.5",
    name="sparse_parameters",
    title="total and active parameters",
    solution=_sparse_parameters,
    cases=_parameter_cases,
    returns=("the total", "the active parameters"),
)


@_PARAMETERS.mistake(
    looks="A third of the experts' parameters is missing, for Mixtral 15 of 47 billion.",
    hint="your experts have two matrices. A gated feed-forward layer has two up-projections and one down-projection.",
)
def _two_matrices(n_layer, d_model, d_hidden, n_expert, top_k, other):
    expert = 2 * d_model * d_hidden
    shared = other + n_layer * n_expert * d_model
    return shared + n_layer * n_expert * expert, shared + n_layer * top_k * expert


@_PARAMETERS.mistake(
    looks="The counts are almost right: the routers of Mixtral are 0.002 % of its parameters.",
    hint="the experts and the rest are right, but the routers are missing: one matrix in each layer.",
)
def _without_routers(n_layer, d_model, d_hidden, n_expert, top_k, other):
    expert = 3 * d_model * d_hidden
    return other + n_layer * n_expert * expert, other + n_layer * top_k * expert


@_PARAMETERS.mistake(
    looks="The active count is slightly too low, as if the router knew in advance which rows it needs.",
    hint="the total is right, but not the active count: to select top_k experts, the router computes the scores of "
    "all of them.",
)
def _router_in_part(n_layer, d_model, d_hidden, n_expert, top_k, other):
    expert = 3 * d_model * d_hidden
    total = other + n_layer * n_expert * (d_model + expert)
    return total, other + n_layer * top_k * (d_model + expert)


@_PARAMETERS.mistake(
    looks="For Mixtral 11.7 billion active parameters instead of 12.9.",
    hint="you multiply the total by top_k / n_expert. Attention, embeddings and routers are used for every token: "
    "which part of the parameters is divided among the experts?",
)
def _everything_divided(n_layer, d_model, d_hidden, n_expert, top_k, other):
    total = _sparse_parameters(n_layer, d_model, d_hidden, n_expert, top_k, other)[0]
    return total, total * top_k // n_expert


@_PARAMETERS.mistake(
    looks="For Mixtral 58 billion, about what 8 x 7B suggests.",
    hint="you count the parameters outside of the sparse layers once for each expert. All experts share them.",
)
def _all_parts_for_each_expert(n_layer, d_model, d_hidden, n_expert, top_k, other):
    total, active = _sparse_parameters(n_layer, d_model, d_hidden, n_expert, top_k, other)
    return total + (n_expert - 1) * other, active + (top_k - 1) * other


@_PARAMETERS.mistake(
    looks="The two numbers are exchanged.",
    hint="both numbers are right, but in the wrong order: the total comes first.",
)
def _exchanged(n_layer, d_model, d_hidden, n_expert, top_k, other):
    return _sparse_parameters(n_layer, d_model, d_hidden, n_expert, top_k, other)[::-1]
