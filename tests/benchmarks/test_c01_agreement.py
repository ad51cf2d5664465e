"""The arms of the running task are those of the chapters, and models trained side by side are trained as if alone."""

from functools import partial

import c01_agreement as benchmark
import pytest
import torch
from torch.nn.functional import cross_entropy

from lecture21.attention import basic_self_attention
from lecture21.baselines import RNN
from lecture21.course.chapters import results
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize

KINDS = ["rnn", "lstm", "bag", "basic", "head", "linear rnn", "rnn, lengths kept"]


def some_ids(n: int = 6) -> torch.Tensor:
    return torch.randint(benchmark.V, (n, 5), generator=torch.Generator().manual_seed(0))


def test_each_arm_is_what_the_chapters_build():
    ids = some_ids()
    for arm in ("rnn", "lstm"):
        models = [benchmark.build(arm, seed) for seed in (0, 1)]
        expected = torch.cat([RNN.forward(m, part)[:, -1] for m, part in zip(models, ids.split(3), strict=True)])
        assert torch.allclose(benchmark.Together(models)(ids), expected, atol=1e-6)
    sees = {
        "bag": lambda model, x: x.mean(dim=1),
        "basic": lambda model, x: basic_self_attention(x)[0][:, -1],
        "head": lambda model, x: model.head(x)[0][:, -1],
    }
    for arm, last in sees.items():
        model = benchmark.build(arm, 0)
        assert torch.allclose(model(ids), model.output(last(model, model.vectors[ids])), atol=1e-6), arm
        assert model.vectors.square().sum(dim=1).mean().sqrt().item() == pytest.approx(1.0, rel=0.1)


def test_a_gain_scales_an_orthogonal_matrix():
    w = benchmark.build("rnn", 0, gain=1.2).recurrence.weight_hh_l0
    assert torch.allclose(w @ w.T, 1.44 * torch.eye(benchmark.WIDTH), atol=1e-5)


def test_a_forget_gate_starts_at_its_bias_and_nothing_else_changes():
    plain, open_ = (benchmark.build(arm, 0) for arm in ("lstm", f"lstm, {benchmark.FORGET}"))
    forget = torch.arange(4 * benchmark.WIDTH) // benchmark.WIDTH == 1  # torch's order: input, forget, cell, output
    for name, weight in open_.named_parameters():
        differs = weight != plain.get_parameter(name)
        assert not (differs[~forget] if name.startswith("recurrence.bias") else differs).any(), name
    bias = open_.recurrence.bias_ih_l0 + open_.recurrence.bias_hh_l0
    assert (bias[forget] == 3).all()


def test_the_short_batches_are_as_many_as_the_chapter_says():
    short, either, half = (benchmark.MIXED[name] for name in ("1-10", "1-100", "1-100, half short"))
    assert round(1500 * len(short) / len(either)) == 176
    assert 0.5 < sum(distance in short for distance in half) / len(half) < 0.52
    assert set(half) == set(either) == set(benchmark.DISTANCES)


def test_a_cause_changes_the_inputs_the_verbs_or_the_tanh_and_nothing_else():
    plain = benchmark.build("rnn", 0, gain=1.0)
    arms = {arm: benchmark.build(arm, 0, gain=1.0) for arm in benchmark.CAUSES}
    for arm, model in arms.items():
        for name, weight in model.named_parameters():
            if name == "head.bias" and "verbs given" in arm:
                verbs = model(some_ids()).softmax(-1)[:, benchmark.FIRST_VERB : benchmark.FIRST_VERB + 6]
                assert verbs.sum(-1).min() > 0.97
            else:
                is_input = name.startswith("recurrence") and name != "recurrence.weight_hh_l0"
                factor = 0.1 if "small inputs" in arm and is_input else 1.0
                assert torch.allclose(weight, factor * plain.get_parameter(name)), (arm, name)
    linear, ids = arms["linear rnn"].double(), some_ids()
    x, w = linear.token(ids), linear.recurrence
    h = torch.zeros(len(ids), benchmark.WIDTH).double()
    for t in range(ids.shape[1]):
        h = x[:, t] @ w.weight_ih_l0.T + h @ w.weight_hh_l0.T + w.bias_ih_l0 + w.bias_hh_l0
    assert torch.allclose(linear(ids), linear.head(h))


def test_kept_lengths_change_the_length_of_gradients_and_nothing_else():
    plain, kept = (benchmark.build(arm, 0).double() for arm in ("rnn", f"rnn, {benchmark.KEPT}"))
    assert torch.allclose(kept(some_ids()), plain(some_ids()))
    h, w, slope = torch.randn(3, 5, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    gradients = []
    for first in ([], None):
        x = y = h[:, 0].clone().requires_grad_()
        for step in range(4):
            y = 0.1 * y @ w[0] if step else y.clone()
            if first is not None:
                y.register_hook(partial(benchmark.keep_length, first))
        gradients.append(torch.autograd.grad((y * slope[:, 0]).sum(), x)[0])
    lengths = [g.norm(dim=-1, keepdim=True) for g in gradients]
    assert torch.allclose(lengths[0][:, 0], slope[:, 0].norm(dim=-1))
    assert torch.allclose(gradients[0] / lengths[0], gradients[1] / lengths[1])


@pytest.mark.parametrize("arm", KINDS)
def test_side_by_side_models_are_trained_as_if_alone(arm):
    ids, targets = some_ids(), torch.arange(6)
    models = [benchmark.build(arm, seed) for seed in (0, 1)]
    together = benchmark.Together(models)
    config = TrainConfig(steps=3, learning_rate=0.01)
    minimize(together, lambda _: 2 * cross_entropy(together(ids), targets), config)
    for m, (model, trained) in enumerate(zip(models, together.each(), strict=True)):
        mine = slice(3 * m, 3 * m + 3)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        minimize(model, lambda _: cross_entropy(model(ids[mine]), targets[mine]), config)  # noqa: B023
        for name, p in trained.named_parameters():
            assert torch.allclose(p, model.get_parameter(name), atol=1e-6), name
            assert not torch.equal(p, before[name]), name


def test_every_setting_of_the_chapter_that_learns_is_tuned_inside_its_grid():
    """Where several rates are equally good, the middle one is chosen; where all are right, nothing is left to tune."""
    table = results.load("agreement")
    keys = [name for name in benchmark.KEY if name != "learning_rate"]
    for setting, rows in table.groupby(keys, dropna=False):
        by_rate = rows.groupby("learning_rate")["held_out"].mean()
        (chosen,) = rows.loc[rows["chosen"], "learning_rate"].unique()
        assert by_rate[chosen] == by_rate.max(), setting
        if 0.6 < by_rate.max() < 1:
            assert by_rate.index.min() < chosen < by_rate.index.max(), setting
