"""The scikit-learn coats: scikit-learn's own checks, and that inside stands what this package computes."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from lecture21.data.mixtures import three_bands, three_regimes
from lecture21.mixtures.bagging import bag
from lecture21.mixtures.boosting import adaboost, l2_boost
from lecture21.mixtures.estimators import BoostedClassifier, BoostedRegressor, MixtureClassifier, MixtureRegressor
from lecture21.mixtures.learners import likelihood_learner
from lecture21.mixtures.members import MLPClassifier, MLPGaussian

TINY = {"n_members": 2, "hidden": 3, "steps": 30, "learning_rate": 0.2, "random_state": 0}
ALL = [
    *(kind(gate, **TINY) for kind in (MixtureRegressor, MixtureClassifier) for gate in ("mlp", "uniform")),
    BoostedRegressor(**TINY),
    BoostedClassifier(**TINY),
]


@parametrize_with_checks(ALL)
def test_scikit_learn_finds_nothing_to_complain_of(estimator, check, untyped):
    check(estimator)


@pytest.fixture(scope="module")
def regression():
    x, y = three_regimes(120, 0)
    return x.numpy(), y.numpy()


@pytest.fixture(scope="module")
def classes():
    x, y = three_bands(120, 0)
    return x.numpy(), y.numpy()


def inside(estimator) -> int:
    """The seed that an estimator's random state gives."""
    return int(np.random.RandomState(estimator.random_state).randint(2**31 - 1))


def test_inside_stands_what_the_package_fits(regression, classes):
    for estimator, (x, y) in [(ALL[1], regression), (ALL[3], classes), (ALL[4], regression), (ALL[5], classes)]:
        inputs, targets = torch.tensor(x), torch.tensor(y)
        is_class = not targets.is_floating_point()
        learner = likelihood_learner(
            lambda d=x.shape[1], k=is_class: MLPClassifier(d, 3, 2) if k else MLPGaussian(d, 3),
            steps=estimator.steps,
            learning_rate=0.2,
        )
        torch.manual_seed(inside(estimator))
        if isinstance(estimator, BoostedRegressor):
            model = l2_boost(learner, inputs, targets, rounds=2)
        elif isinstance(estimator, BoostedClassifier):
            model = adaboost(learner, inputs, targets, rounds=2)
        else:
            model = bag(learner, inputs, targets, n_member=2, seed=inside(estimator))
        fitted = clone(estimator).fit(x, y)
        found = fitted.predict_proba(x) if is_class else fitted.predict(x)
        np.testing.assert_allclose(found, model.mean(inputs).numpy(), rtol=1e-12)


def test_a_learned_gate_looks_at_x_and_a_uniform_one_does_not(regression):
    x, y = regression
    for gate, looks in {"linear": True, "mlp": True, "uniform": False}.items():
        shares = MixtureRegressor(gate, **TINY).fit(x, y).gate_probabilities(x)
        assert shares.shape == (120, 2)
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        assert (np.ptp(shares, axis=0).max() > 0.1) == looks
    np.testing.assert_allclose(shares, 0.5)


def test_an_mlp_gate_bends_where_a_linear_one_cannot(regression):
    x, y = regression
    line = np.linspace(-1, 1, 50)[:, None]
    bends = {}
    for gate in ("linear", "mlp"):
        odds = np.log(MixtureRegressor(gate, **TINY | {"steps": 200}).fit(x, y).gate_probabilities(line))
        bends[gate] = np.abs(np.diff(odds[:, 0] - odds[:, 1], n=2)).max()  # log odds of two members
    assert bends["linear"] < 1e-9 < 1e-3 < bends["mlp"]


def test_labels_of_any_kind_come_back(classes):
    x, y = classes
    names = np.array(["below", "above"])[y]
    for estimator in (ALL[2], ALL[5]):
        fitted = clone(estimator).fit(x, names)
        assert fitted.classes_.tolist() == ["above", "below"]
        assert set(fitted.predict(x)) <= {"above", "below"}
        np.testing.assert_array_equal(fitted.predict(x), fitted.classes_[fitted.predict_proba(x).argmax(axis=1)])
        assert fitted.score(x, names) > 0.55


def test_a_boosted_label_is_the_side_of_the_decision_function(classes):
    x, y = classes
    fitted = clone(ALL[5]).fit(x, y)
    decision = fitted.decision_function(x)
    np.testing.assert_array_equal(fitted.predict(x), (decision > 0).astype(int))
    np.testing.assert_allclose(fitted.predict_proba(x)[:, 1], 1 / (1 + np.exp(-2 * decision)))


def test_it_works_in_a_pipeline_a_cross_validation_and_a_search(regression):
    x, y = regression
    pipeline = make_pipeline(StandardScaler(), clone(ALL[0]))
    plain = cross_val_score(pipeline, x, y, cv=3)
    far = cross_val_score(pipeline, 1000 * x + 500, y, cv=3)
    np.testing.assert_allclose(plain, far, rtol=1e-3)
    search = GridSearchCV(clone(ALL[0]), {"n_members": np.array([1, 2]), "gate": ["mlp", "uniform"]}, cv=2).fit(x, y)
    assert {"n_members", "gate"} == search.best_params_.keys()
    assert clone(ALL[0]).set_params(hidden=5).get_params()["hidden"] == 5


def test_the_random_state_fixes_all_and_torch_is_left_alone(regression):
    x, y = regression
    torch.manual_seed(3)
    first = clone(ALL[0]).fit(x, y).predict(x)
    drawn = torch.rand(1)
    torch.manual_seed(4)
    np.testing.assert_array_equal(clone(ALL[0]).fit(x, y).predict(x), first)
    torch.manual_seed(3)
    assert torch.rand(1) == drawn
    other = clone(ALL[0]).set_params(random_state=1).fit(x, y).predict(x)
    assert np.abs(other - first).max() > 1e-3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gate": "tree"}, "gate must be one of linear, mlp, uniform, got 'tree'"),
        ({"n_members": 0}, "n_members must be a whole number >= 1, got 0"),
        ({"hidden": 2.5}, "hidden must be a whole number >= 1, got 2.5"),
        ({"steps": True}, "steps must be a whole number >= 1, got True"),
        ({"learning_rate": -0.1}, "learning_rate must be a positive number, got -0.1"),
        ({"learning_rate": float("nan")}, "learning_rate must be a positive number, got nan"),
    ],
)
def test_arguments_out_of_range_are_refused_by_fit(changes, message, regression, untyped):
    with pytest.raises(ValueError, match=message):
        clone(ALL[0]).set_params(**changes).fit(*regression)


def test_one_class_and_three_are_refused_where_they_make_no_sense(classes):
    x, y = classes
    with pytest.raises(ValueError, match="at least 2 classes, got only one class"):
        clone(ALL[2]).fit(x, np.zeros(120))
    three = y + (x[:, 0] > 0.5)
    with pytest.raises(ValueError, match="multiclass, with 3 classes"):
        clone(ALL[5]).fit(x, three)
    assert clone(ALL[2]).fit(x, three).predict_proba(x).shape == (120, 3)
