"""Ensemble error against average error (slides 32 to 34); the definitions are in `lecture21.mixtures`."""

from lecture21.mixtures import (
    ambiguity_decomposition,
    best_penalty,
    equivalent_penalty,
    ignorance,
    log_pool_decomposition,
    majority_error,
    mixture_gap,
    negative_correlation_loss,
    simulate_ridge_ensemble,
    sollich_krogh_error,
)

__all__ = [
    "ambiguity_decomposition",
    "best_penalty",
    "equivalent_penalty",
    "ignorance",
    "log_pool_decomposition",
    "majority_error",
    "mixture_gap",
    "negative_correlation_loss",
    "simulate_ridge_ensemble",
    "sollich_krogh_error",
]
