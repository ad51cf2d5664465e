"""Mixtures P(Y|X) = sum_m g_m(X) P_m(Y|X) of members and a gate, fitted by gradient or by EM (slides 30 and 31).

Bagging and boosting fit their members one by one; the data sets are in `lecture21.data.mixtures`.
"""

from lecture21.mixtures.bagging import bag
from lecture21.mixtures.boosting import adaboost, l2_boost
from lecture21.mixtures.em import fit_em
from lecture21.mixtures.formula import Mixture
from lecture21.mixtures.gates import ConstantGate, LinearGate, MLPGate, UniformGate
from lecture21.mixtures.gradient import fit_gradient
from lecture21.mixtures.learners import likelihood_learner
from lecture21.mixtures.members import LinearClassifier, LinearGaussian, MLPClassifier, MLPGaussian
