"""Mixtures P(Y|X) = sum_m g_m(X) P_m(Y|X) of members and a gate, fitted by gradient or by EM (slides 30 and 31).

`bag` and the two boosters fit members one by one; `lecture21.mixtures.estimators` wraps all for scikit-learn.
"""

from lecture21.data.mixtures import (
    BORDERS,
    NOISE,
    smooth,
    smooth_mean,
    soft_gate,
    three_bands,
    three_regimes,
    three_regimes_mean,
)
from lecture21.mixtures.bagging import bag, bootstrap_counts
from lecture21.mixtures.boosting import AdaBoost, L2Boost, Vote, adaboost, l2_boost
from lecture21.mixtures.em import fit_em, fit_linear_gaussian, fit_softmax
from lecture21.mixtures.formula import Mixture
from lecture21.mixtures.gates import ConstantGate, LinearGate, MLPGate, SoftmaxGate, UniformGate, normalised
from lecture21.mixtures.gradient import (
    LOSSES,
    competitive_loss,
    cooperative_loss,
    fit_gradient,
    gate_logit_gradient,
)
from lecture21.mixtures.learners import Learner, likelihood_learner
from lecture21.mixtures.members import (
    LEAST_SD,
    Classifier,
    Gaussian,
    LinearClassifier,
    LinearGaussian,
    MLPClassifier,
    MLPGaussian,
)

__all__ = [
    "BORDERS",
    "LEAST_SD",
    "LOSSES",
    "NOISE",
    "AdaBoost",
    "Classifier",
    "ConstantGate",
    "Gaussian",
    "L2Boost",
    "Learner",
    "LinearClassifier",
    "LinearGate",
    "LinearGaussian",
    "MLPClassifier",
    "MLPGate",
    "MLPGaussian",
    "Mixture",
    "SoftmaxGate",
    "UniformGate",
    "Vote",
    "adaboost",
    "bag",
    "bootstrap_counts",
    "competitive_loss",
    "cooperative_loss",
    "fit_em",
    "fit_gradient",
    "fit_linear_gaussian",
    "fit_softmax",
    "gate_logit_gradient",
    "l2_boost",
    "likelihood_learner",
    "normalised",
    "smooth",
    "smooth_mean",
    "soft_gate",
    "three_bands",
    "three_regimes",
    "three_regimes_mean",
]
