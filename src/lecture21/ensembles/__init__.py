"""Ensemble error against average error: the ambiguity decomposition, what of it other losses keep, and the ensembles of
ridge students in which over-fitting can be worked out (slides 32 to 34).
"""

from lecture21.ensembles.decomposition import (
    Decomposition,
    ambiguity_decomposition,
    log_pool_decomposition,
    majority_error,
    mixture_gap,
)
from lecture21.ensembles.simulation import RidgeEnsemble, simulate_ridge_ensemble
from lecture21.ensembles.sollich_krogh import (
    best_penalty,
    best_weights,
    cross_error,
    cross_errors,
    equivalent_penalty,
    ignorance,
    sollich_krogh_error,
)

__all__ = [
    "Decomposition",
    "RidgeEnsemble",
    "ambiguity_decomposition",
    "best_penalty",
    "best_weights",
    "cross_error",
    "cross_errors",
    "equivalent_penalty",
    "ignorance",
    "log_pool_decomposition",
    "majority_error",
    "mixture_gap",
    "simulate_ridge_ensemble",
    "sollich_krogh_error",
]
