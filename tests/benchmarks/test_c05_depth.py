"""A stack of models computes and trains what each of its models would alone, and the stored rates are tuned."""

import math

import c05_depth
import pytest
import torch
from torch import Generator

from lecture21.training import TrainConfig, minimize, sample_windows

V = 20
FREQUENCIES = torch.arange(1.0, V + 1) / (V * (V + 1) / 2)


@pytest.mark.parametrize("arm", ["complete", "no final norm"])
def test_a_stack_has_the_losses_of_its_models(arm):
    models = [c05_depth.build(arm, 3, seed, FREQUENCIES).double() for seed in (0, 1)]
    ids = torch.randint(V, (2, 4, c05_depth.WINDOW + 1), generator=Generator().manual_seed(0))
    stack = c05_depth.Stack(models, c05_depth.ARMS[arm])
    *_, last = stack.streams(ids[..., :-1])
    expected = [model.loss(each[:, :-1], each[:, 1:]).item() for model, each in zip(models, ids, strict=True)]
    assert stack.losses(last, ids[..., 1:]).tolist() == pytest.approx(expected, rel=1e-9)


def test_a_post_norm_stack_is_the_package_s_post_norm_gpt():
    model = c05_depth.build("post-norm", 3, 0, FREQUENCIES).double()
    model.blocks.apply(lambda part: setattr(part, "pre_norm", False))
    ids = torch.randint(V, (1, 4, c05_depth.WINDOW + 1), generator=Generator().manual_seed(0))
    stack = c05_depth.Stack([model], c05_depth.ARMS["post-norm"])
    *_, last = stack.streams(ids[..., :-1])
    assert stack.losses(last, ids[..., 1:]).item() == pytest.approx(model.loss(ids[0, :, :-1], ids[0, :, 1:]).item())


def test_each_model_of_a_stack_is_trained_with_its_own_rate_as_it_would_be_alone(monkeypatch):
    monkeypatch.setattr(c05_depth, "SHOWN", (0, 1, 2))
    monkeypatch.setitem(c05_depth.ARMS, "complete", c05_depth.Arm(steps=20))
    tokens = torch.randint(V, (2000,), generator=Generator().manual_seed(0))
    runs = [(1e-2, 0), (3e-3, 1)]
    nats, states = c05_depth.train("complete", 2, runs, tokens, V)
    for (rate, seed), actual in zip(runs, nats, strict=True):
        model = c05_depth.build("complete", 2, seed, FREQUENCIES)

        def loss(generator, model=model):
            return model.loss(*sample_windows(tokens, c05_depth.WINDOW, c05_depth.BATCH, generator))

        config = TrainConfig(steps=20, learning_rate=rate, warmup=c05_depth.WARMUP, schedule="linear", seed=seed)
        assert actual == pytest.approx(minimize(model, loss, config).mean().item(), rel=1e-4)
    assert {(row["learning_rate"], row["seed"], row["layer"]) for row in states} == {
        (*run, layer) for run in runs for layer in (0, 1, 2)
    }


def test_embeddings_have_their_own_factor_of_the_rate(monkeypatch):
    """With the factor 0 they stay as they were: the other weights are trained as with frozen embeddings."""
    monkeypatch.setitem(c05_depth.ARMS, "complete", c05_depth.Arm(steps=10, embedding_rate=0.0))
    tokens = torch.randint(V, (2000,), generator=Generator().manual_seed(0))
    (actual,), _ = c05_depth.train("complete", 2, [(1e-2, 0)], tokens, V)
    model = c05_depth.build("complete", 2, 0, FREQUENCIES)
    for table in (*model.token.parameters(), *model.position.parameters()):
        table.requires_grad_(False)
    config = TrainConfig(steps=10, learning_rate=1e-2, warmup=c05_depth.WARMUP, schedule="linear", seed=0)
    alone = minimize(model, lambda g: model.loss(*sample_windows(tokens, c05_depth.WINDOW, c05_depth.BATCH, g)), config)
    assert actual == pytest.approx(alone.mean().item(), rel=1e-4)


@pytest.mark.parametrize("arm", c05_depth.ARMS)
def test_what_an_arm_changes_before_training(arm):
    model, plain = (c05_depth.build(name, 2, 0, FREQUENCIES) for name in (arm, "complete"))
    weights, same = dict(model.named_parameters()), dict(plain.named_parameters())
    assert ("norm.weight" in weights) == (not any(name in arm for name in ("post-norm", "no norm", "no final norm")))
    changed = {name for name, weight in weights.items() if not torch.equal(weight, same[name])}
    assert ("head.bias" in changed) == ("frequencies" in arm or "GPT-2" in arm)
    embeddings = ["token.weight", "position.table.weight"]
    size = 0.02 if "small embeddings" in arm or "GPT-2" in arm else 1.0
    assert [weights[name].std().item() for name in embeddings] == pytest.approx([size, size], rel=0.2)


def test_the_difference_of_a_state_is_0_for_equal_tokens_and_1_for_opposite_ones():
    x = torch.ones(2, c05_depth.WINDOW, 4)
    x[1, ::2] = -1
    same, opposite = c05_depth.states(0, x)
    assert (float(same["differs"]), float(opposite["differs"])) == (0, 1)


def test_a_scale_changes_the_weights_of_the_layers_and_no_others():
    plain, large = (dict(c05_depth.build("complete", 2, 0, FREQUENCIES, scale).named_parameters()) for scale in (1, 2))
    for name, weight in plain.items():
        factor = 2 if ".attention." in name or ".feed_forward." in name else 1
        torch.testing.assert_close(large[name], factor * weight, msg=name)


def test_runs_that_have_all_diverged_end_without_a_loss(monkeypatch):
    monkeypatch.setattr(c05_depth, "SHOWN", (2,))
    tokens = torch.randint(V, (2000,), generator=Generator().manual_seed(0))
    nats, states = c05_depth.train("no norm", 2, [(1e30, 0), (1e30, 1)], tokens, V)
    assert all(map(math.isnan, nats))
    assert {row["step"] for row in states} == {0}
