"""Ensemble error against average error: the ambiguity decomposition, its counterparts for other losses, and ensembles
of ridge students for which overfitting can be computed exactly (slides 32 to 34).
"""

from lecture21.ensembles.decomposition import (
    ambiguity_decomposition,
    log_pool_decomposition,
    majority_error,
    mixture_gap,
)
from lecture21.ensembles.simulation import simulate_ridge_ensemble
from lecture21.ensembles.sollich_krogh import (
    best_penalty,
    best_weights,
    cross_errors,
    equivalent_penalty,
    ignorance,
    sollich_krogh_error,
)
