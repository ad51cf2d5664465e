"""Probes: layers that change by known amounts once one number of their input is another."""

import torch

from lecture21.exercises.probes import at, hint_of, watching

X = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def test_a_probe_adds_its_change_once_the_watched_number_is_another():
    probe = watching(X, -1, 1, at(X, 0, 1, 0.5), "why")
    assert torch.equal(probe(X), X)
    for value in (6.0001, -1e9):
        other = X.clone()
        other[-1, 1] = value
        assert torch.equal(probe(other) - other, at(X, 0, 1, 0.5))
    other = torch.randn_like(X)
    other[-1, 1] = 6.0
    assert torch.equal(probe(other), other)


def test_a_probe_takes_the_first_tokens_alone_and_a_share_of_its_input():
    probe = watching(X, 0, 0, at(X, 2, 0), "why", share=0.0)
    assert torch.equal(probe(X[:2]), torch.zeros(2, 2))
    assert torch.equal(probe(-X), at(X, 2, 0))


def test_the_gradient_of_what_grows_is_the_slope():
    for slope in (2.0, 0.0):
        x = X.clone().requires_grad_()
        (watching(X, -1, 0, at(X, 0, 0) - at(X, 1, 1), "why", share=0.0, slope=slope)(x) * X).sum().backward()
        assert x.grad[-1, 0] == slope * (X[0, 0] - X[1, 1])
        assert x.grad.count_nonzero() == (slope > 0)


def test_only_a_probe_has_a_hint():
    assert hint_of(watching(X, 0, 0, X, "why")) == "why"
    assert hint_of(torch.clone) == ""
