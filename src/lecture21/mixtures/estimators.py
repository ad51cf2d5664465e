"""The mixtures of slide 31 as scikit-learn estimators: arrays in and out, for pipelines, searches and cross-validation.

Four thin coats over this package. `MixtureRegressor` and `MixtureClassifier` have a learned gate (mixture of experts)
or a uniform one (bagging); `BoostedRegressor` and `BoostedClassifier` are L2 boosting and AdaBoost. All members are
networks with one hidden layer of tanh. Inputs are taken as they come: where columns differ in scale, put a
`StandardScaler` before.
"""

from collections.abc import Callable
from numbers import Integral, Real
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data
from torch import Tensor, nn

from lecture21._support.validation import require_choice
from lecture21.mixtures.bagging import bag
from lecture21.mixtures.boosting import AdaBoost, L2Boost, adaboost, l2_boost
from lecture21.mixtures.formula import Mixture
from lecture21.mixtures.gates import LinearGate, MLPGate
from lecture21.mixtures.gradient import fit_gradient
from lecture21.mixtures.learners import Learner, likelihood_learner
from lecture21.mixtures.members import MLPClassifier, MLPGaussian

GATES = ("linear", "mlp", "uniform")
Model = TypeVar("Model", bound=nn.Module)


class _Estimator(BaseEstimator):
    """What the four share; the arguments are explained in `BoostedRegressor`."""

    def __init__(
        self,
        n_members: int = 6,
        hidden: int = 4,
        steps: int = 1500,
        learning_rate: float = 0.03,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_members = n_members
        self.hidden = hidden
        self.steps = steps
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _number(self, name: str) -> int | float:
        """Return an argument as a plain number; a search may hand over numpy's."""
        value, whole = getattr(self, name), name != "learning_rate"
        kind = Integral if whole else Real
        if isinstance(value, bool) or not isinstance(value, kind) or not 0 < value < float("inf"):
            raise ValueError(f"{name} must be {'a whole number >= 1' if whole else 'a positive number'}, got {value!r}")
        return int(value) if whole else float(value)

    def _seeded(self, build: Callable[[int], Model]) -> Model:
        """Return what `build` makes of a seed, its random numbers drawn apart from everyone else's."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build(seed)

    def _learner(self, make: Callable[[], nn.Module]) -> Learner:
        return likelihood_learner(make, steps=self._number("steps"), learning_rate=self._number("learning_rate"))

    def _inputs(self, X: ArrayLike) -> Tensor:
        check_is_fitted(self)
        return torch.tensor(validate_data(self, X, dtype=np.float64, reset=False))


class _Gated(_Estimator):
    """What the two with a gate share."""

    def __init__(
        self,
        gate: str = "mlp",
        n_members: int = 6,
        hidden: int = 4,
        steps: int = 1500,
        learning_rate: float = 0.03,
        random_state: int | np.random.RandomState | None = None,
    ):
        super().__init__(n_members, hidden, steps, learning_rate, random_state)
        self.gate = gate

    def _fit(self, x: Tensor, y: Tensor, make: Callable[[], nn.Module]) -> Mixture:
        require_choice("gate", self.gate, GATES)
        size, d_in, learner = self._number("n_members"), x.shape[1], self._learner(make)

        def build(seed: int) -> Mixture:
            if self.gate == "uniform":
                return bag(learner, x, y, n_member=size, seed=seed)
            members = [make() for _ in range(size)]
            gate = LinearGate(d_in, size) if self.gate == "linear" else MLPGate(d_in, 2 * self.hidden, size)
            mixture = Mixture(members, gate).to(x.dtype)
            fit_gradient(mixture, x, y, steps=self._number("steps"), learning_rate=self._number("learning_rate"))
            return mixture.requires_grad_(False)

        return self._seeded(build)

    def gate_probabilities(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return g_m(x), of shape (N, M): how much each member counts."""
        x = self._inputs(X)
        return self.model_.gate_probabilities(x).numpy()


class _Regressor(RegressorMixin):
    def fit(self, X: ArrayLike, y: ArrayLike) -> BaseEstimator:
        """Fit to inputs of shape (N, D) and one number for each."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        x, targets, hidden = torch.tensor(X), torch.tensor(y, dtype=torch.float64), self._number("hidden")
        self.model_ = self._fit(x, targets, lambda: MLPGaussian(x.shape[1], hidden))
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return what the model expects of y, of shape (N,)."""
        x = self._inputs(X)
        return self.model_.mean(x).numpy()


class _Classifier(ClassifierMixin):
    def fit(self, X: ArrayLike, y: ArrayLike) -> BaseEstimator:
        """Fit to inputs of shape (N, D) and one label for each; of labels, any two or more kinds."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y must hold at least 2 classes, got only one class: {self.classes_[0]!r}")
        x, targets, hidden = torch.tensor(X), torch.tensor(codes, dtype=torch.long), self._number("hidden")
        self.model_ = self._fit(x, targets, lambda: MLPClassifier(x.shape[1], hidden, len(self.classes_)))
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class of `classes_`, of shape (N, K)."""
        x = self._inputs(X)
        return self.model_.mean(x).numpy()

    def predict(self, X: ArrayLike) -> NDArray:
        """Return the most probable label, of shape (N,)."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]


class MixtureRegressor(_Regressor, _Gated):
    """Regression by a mixture of networks: experts and their gate, or a bag.

    Args:
        gate: "linear" or "mlp" is learned together with the members (mixture of experts); "uniform" is bagging.
        n_members, hidden, steps, learning_rate, random_state: as in `BoostedRegressor`.
    """


class MixtureClassifier(_Classifier, _Gated):
    """Classification, of two or more classes, by a mixture of networks: experts and their gate, or a bag.

    Args:
        gate: "linear" or "mlp" is learned together with the members (mixture of experts); "uniform" is bagging.
        n_members, hidden, steps, learning_rate, random_state: as in `BoostedRegressor`.
    """


class BoostedRegressor(_Regressor, _Estimator):
    """Regression by a sum of networks, each fitted to what those before it leave over (L2 boosting).

    Args:
        n_members: M.
        hidden: units in each member's hidden layer.
        steps: updates of each member; of a mixture with a learned gate, updates of the whole.
        learning_rate: Adam's at the first update.
        random_state: fixes starts and samples; torch's own generator is left alone.

    Attributes:
        model_: the fitted model of this package, in float64.
    """

    def _fit(self, x: Tensor, y: Tensor, make: Callable[[], nn.Module]) -> L2Boost:
        rounds, learner = self._number("n_members"), self._learner(make)
        return self._seeded(lambda _: l2_boost(learner, x, y, rounds=rounds))


class BoostedClassifier(_Classifier, _Estimator):
    """Classification of two classes by a weighted vote of networks, fitted one after another (AdaBoost).

    Its probabilities are sigmoid(2 F), and its labels the sign of F. Args and attributes as in `BoostedRegressor`;
    `model_.stopped` says why there are fewer members than asked for.
    """

    def __sklearn_tags__(self) -> Tags:
        """Say that there is no third class."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _fit(self, x: Tensor, y: Tensor, make: Callable[[], nn.Module]) -> AdaBoost:
        if len(self.classes_) > 2:
            allowed = "Only binary classification is supported."  # scikit-learn's own words, which its checks expect
            raise ValueError(f"{allowed} The type of the target is multiclass, with {len(self.classes_)} classes.")
        rounds, learner = self._number("n_members"), self._learner(make)
        return self._seeded(lambda _: adaboost(learner, x, y, rounds=rounds))

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return F(x) = sum_m alpha_m h_m(x), of shape (N,); above 0 for the second class."""
        x = self._inputs(X)
        return self.model_.decision(x).numpy()
