"""Mixtures P(Y|X) = sum_m g_m(X) P_m(Y|X) of members and a gate, fitted by gradient or by EM (slides 30 and 31), and
ensemble error against average error: the ambiguity decomposition, its counterparts for other losses, and ensembles of
ridge students for which overfitting can be computed exactly (slides 32 to 34).

Bagging and boosting fit their members one by one; the data sets are in `lecture21.data.mixtures`, and the experts
inside a GPT in `lecture21.moe`.
"""

from lecture21.mixtures.bagging import bag
from lecture21.mixtures.boosting import adaboost, l2_boost
from lecture21.mixtures.decomposition import (
    ambiguity_decomposition,
    log_pool_decomposition,
    majority_error,
    mixture_gap,
    negative_correlation_loss,
)
from lecture21.mixtures.em import fit_em
from lecture21.mixtures.formula import Mixture
from lecture21.mixtures.gates import ConstantGate, LinearGate, MLPGate, UniformGate
from lecture21.mixtures.gradient import fit_gradient
from lecture21.mixtures.learners import likelihood_learner
from lecture21.mixtures.members import LinearClassifier, LinearGaussian, MLPClassifier, MLPGaussian
from lecture21.mixtures.simulation import simulate_ridge_ensemble
from lecture21.mixtures.sollich_krogh import (
    best_penalty,
    equivalent_penalty,
    ignorance,
    sollich_krogh_error,
)
