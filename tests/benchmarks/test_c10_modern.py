"""A share of nanoGPT's time becomes a number of steps, and the best shape of the search is what is trained."""

import c10_modern
import pytest
import torch

from lecture21 import GPT
from lecture21.chapters import results
from lecture21.training import recipe


def test_a_step_of_twice_the_time_leaves_half_the_steps_of_the_share(monkeypatch):
    def seconds(config, run, fit, tokens, model=None):
        return 1.0 if fit is c10_modern.train_nanogpt else 2.0

    monkeypatch.setattr(c10_modern, "seconds", seconds)
    tokens, run, config = torch.arange(100) % 7, recipe("modern"), c10_modern.small_modern(1, 16, vocab_size=7)
    assert c10_modern.steps_of(config, run, c10_modern.train, tokens) == 125
    assert c10_modern.steps_of(config, run, c10_modern.train_nanogpt, tokens) == 250


def test_the_shape_and_the_factor_with_the_lowest_loss_are_trained(monkeypatch):
    best = {"d_model": 32, "n_layer": 2, "batch_size": 6, "factor": 2.0, "nats": 1.6}
    worse = [best | {"factor": 4.0, "nats": 1.7}, best | {"d_model": 48, "nats": 1.8}]
    monkeypatch.setattr(c10_modern.common, "stored", lambda name: [worse[0], best, worse[1]])
    config, run, fit = c10_modern.found(vocab_size=7)
    assert (config.d_model, config.n_layer, config.vocab_size) == (32, 2, 7)
    assert (config.activation, config.norm, config.logit_cap) == ("gelu", "layernorm", None)
    assert run.batch_size == 6
    assert run.muon_learning_rate == pytest.approx(2 * recipe("modern").muon_learning_rate)
    assert fit is c10_modern.train
    config, run, fit = c10_modern.small_nanogpt(8e-3, vocab_size=7)
    assert (config.d_model, config.n_layer, config.position, config.tied_head) == (32, 2, "learned", True)
    assert (run.batch_size, run.learning_rate, run.optimizer) == (6, 8e-3, "adamw")
    assert fit is c10_modern.train_nanogpt


def test_the_stored_search_is_found_again_and_its_best_shape_is_the_one_that_ran(monkeypatch):
    monkeypatch.setattr("sys.argv", ["benchmarks/c10_modern.py"])  # which names the folder of the results
    search = results.load("modern_search")
    shapes = dict(iter(search.groupby(["n_layer", "d_model", "batch_size"])))
    assert shapes.keys() == set(c10_modern.SHAPES)
    for shape, rows in shapes.items():
        scores = dict(zip(rows["factor"], rows["nats"], strict=True))
        assert c10_modern.common.tune(scores.__getitem__, c10_modern.FACTORS[:2]).keys() == scores.keys(), shape
        assert rows["steps"].nunique() == 1
    runs = results.load("modern")
    arms = {"small modern": c10_modern.found(vocab_size=65)}
    for name in set(runs["arm"]):
        if name.startswith("small nanogpt, "):
            arms[name] = c10_modern.small_nanogpt(float(name.split(", ")[1]), vocab_size=65)
    assert len(arms) > 3
    for name, (config, run, _) in arms.items():
        rows = runs[runs["arm"] == name]
        assert (rows["characters"] == rows["steps"] * run.batch_size * config.block_size).all()
        assert GPT(config).num_parameters() == rows["parameters"].iloc[0]
