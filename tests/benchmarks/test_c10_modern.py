"""A share of nanoGPT's time becomes a number of steps, and the best shape of the search is what is trained."""

import c10_modern
import pytest
import torch

from lecture21 import GPT
from lecture21.course.chapters import results
from lecture21.tokenizers import CharTokenizer
from lecture21.training import evaluate, recipe


def test_a_step_of_twice_the_time_leaves_half_the_steps_of_the_share(monkeypatch):
    nanogpt = c10_modern.train_nanogpt
    monkeypatch.setattr(c10_modern, "seconds", lambda arm, tokens: 1.0 if arm.train is nanogpt else 2.0)
    tokens, arm = torch.arange(100) % 7, c10_modern.SMALL.arm(1, 16, 8, 1.0, 0, vocab_size=7)
    assert c10_modern.steps_of(1 / 8, arm, tokens) == 125
    assert c10_modern.steps_of(1 / 8, arm._replace(train=nanogpt), tokens) == 250
    assert c10_modern.steps_of(1, arm, tokens) == 1000


def test_the_shape_and_the_factor_with_the_lowest_loss_are_trained(monkeypatch):
    best = {"d_model": 32, "n_layer": 2, "batch_size": 6, "factor": 2.0, "nats": 1.6}
    worse = [best | {"factor": 4.0, "nats": 1.7}, best | {"d_model": 48, "nats": 1.8}]
    monkeypatch.setattr(c10_modern, "stored", lambda name: [worse[0], best, worse[1]])
    config, run, train = c10_modern.arm_of("small modern", vocab_size=7)
    assert (config.d_model, config.n_layer, config.vocab_size) == (32, 2, 7)
    assert (config.activation, config.norm, config.logit_cap, config.n_head) == ("gelu", "layernorm", None, 4)
    assert (run.batch_size, run.shuffle) == (6, False)
    assert run.muon_learning_rate == pytest.approx(2 * recipe("modern").muon_learning_rate)
    assert train is c10_modern.train
    config, run, _ = c10_modern.arm_of("equal time", vocab_size=7)
    assert (config.n_head, config.d_head, run.shuffle) == (1, 32, True)
    config, run, train = c10_modern.arm_of("small nanogpt, 0.008", vocab_size=7)
    assert (config.d_model, config.n_layer, config.position, config.tied_head) == (32, 2, "learned", True)
    assert (run.batch_size, run.learning_rate, run.optimizer) == (6, 8e-3, "adamw")
    assert train is c10_modern.train_nanogpt


@pytest.mark.parametrize(("name", "vocab_size"), [("modern", 65), ("modern_char_rnn", 66)])
def test_the_best_shapes_of_the_searches_are_those_that_ran(name, vocab_size):
    runs = results.load(name).dropna(subset="seed").groupby("arm")
    assert {"small modern", "equal time"} < set(runs.groups)
    for arm, rows in runs:
        config, run, _ = c10_modern.arm_of(arm, vocab_size)
        assert (rows["characters"] == rows["steps"] * run.batch_size * config.block_size).all()
        assert GPT(config).num_parameters() == rows["parameters"].iloc[0]


def test_names_are_the_lines_that_open_a_speech():
    text = "Master:\nHere, sir: what\ncheer:\n\nAll:\nGood:\n"
    assert c10_modern.SPEAKER.findall(text) == ["Master", "All"]
    renamed = c10_modern.with_known_names(f"{text}\nAll:\nGood.\n", "KATE:\nNo.\n\nKATE:\nYes.\n\nSLY:\nNo.\n")
    assert renamed == "SLY:\nHere, sir: what\ncheer:\n\nKATE:\nGood:\n\nKATE:\nGood.\n"


def test_the_losses_on_names_and_on_all_else_are_those_of_the_model():
    text = "Master:\nBoatswain! And cheer.\n\nAll:\nHere, sir\n"
    tokenizer = CharTokenizer.from_text(text)
    torch.manual_seed(0)
    model = GPT(c10_modern.SMALL.arm(1, 16, 8, 1.0, 0, tokenizer.vocab_size).model.changed(block_size=4))
    torch.nn.init.normal_(model.head.weight)  # begins at 0, where all losses are equal
    names, others = c10_modern.losses_of(model, tokenizer, text)
    assert len(names) == len("aster:\n") + len("All:\n")  # the first character has no context
    losses, counts = torch.cat([names, others]), (len(text) - 1) // 4 * 4
    assert len(losses) == counts
    ids = torch.tensor(tokenizer.encode(text))[: counts + 1]
    assert losses.mean().item() == pytest.approx(evaluate(model, ids), rel=1e-5)
    assert names.std() > 0
