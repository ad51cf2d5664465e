"""A share of nanoGPT's time becomes a number of steps, and the best shape of the search is what is trained."""

from types import SimpleNamespace

import c10_modern
import pytest
import torch

from lecture21 import GPT
from lecture21.chapters import results
from lecture21.tokenizers import CharTokenizer
from lecture21.training import evaluate, recipe


def test_a_step_of_twice_the_time_leaves_half_the_steps_of_the_share(monkeypatch):
    def seconds(config, run, fit, tokens, model=None):
        return 1.0 if fit is c10_modern.train_nanogpt else 2.0

    monkeypatch.setattr(c10_modern, "seconds", seconds)
    tokens, run, config = torch.arange(100) % 7, recipe("modern"), c10_modern.SMALL.model(1, 16, vocab_size=7)
    assert c10_modern.steps_of(1 / 8, config, run, c10_modern.train, tokens) == 125
    assert c10_modern.steps_of(1 / 8, config, run, c10_modern.train_nanogpt, tokens) == 250
    assert c10_modern.steps_of(1, config, run, c10_modern.train, tokens) == 1000


def test_the_shape_and_the_factor_with_the_lowest_loss_are_trained(monkeypatch):
    best = {"d_model": 32, "n_layer": 2, "batch_size": 6, "factor": 2.0, "nats": 1.6}
    worse = [best | {"factor": 4.0, "nats": 1.7}, best | {"d_model": 48, "nats": 1.8}]
    monkeypatch.setattr(c10_modern.common, "stored", lambda name: [worse[0], best, worse[1]])
    config, run, fit = c10_modern.SMALL.found(vocab_size=7)
    assert (config.d_model, config.n_layer, config.vocab_size) == (32, 2, 7)
    assert (config.activation, config.norm, config.logit_cap, config.n_head) == ("gelu", "layernorm", None, 4)
    assert (run.batch_size, run.shuffle) == (6, False)
    assert run.muon_learning_rate == pytest.approx(2 * recipe("modern").muon_learning_rate)
    assert fit is c10_modern.train
    config, run, _ = c10_modern.EQUAL.found(vocab_size=7)
    assert (config.n_head, config.d_head, run.shuffle) == (1, 32, True)
    config, run, fit = c10_modern.small_nanogpt(8e-3, vocab_size=7)
    assert (config.d_model, config.n_layer, config.position, config.tied_head) == (32, 2, "learned", True)
    assert (run.batch_size, run.learning_rate, run.optimizer) == (6, 8e-3, "adamw")
    assert fit is c10_modern.train_nanogpt


@pytest.mark.parametrize("kind", [c10_modern.SMALL, c10_modern.EQUAL], ids=lambda kind: kind.table)
def test_a_stored_search_is_complete(kind):
    search = results.load(kind.table)
    shapes = dict(iter(search.groupby(["n_layer", "d_model", "batch_size"])))
    assert shapes.keys() == set(kind.shapes)
    for shape, rows in shapes.items():
        scores = dict(zip(rows["factor"], rows["nats"], strict=True))
        assert c10_modern.common.tune(scores.__getitem__, c10_modern.FACTORS[:2]).keys() == scores.keys(), shape
        assert rows["steps"].nunique() == 1


@pytest.mark.parametrize("name", c10_modern.NAMES.values())
def test_the_best_shapes_of_the_searches_are_those_that_ran(name, monkeypatch):
    monkeypatch.setattr("sys.argv", ["benchmarks/c10_modern.py"])  # which names the folder of the results
    runs = results.load(name)
    arms = {"small modern": c10_modern.SMALL.found(vocab_size=65), "equal time": c10_modern.EQUAL.found(vocab_size=65)}
    for arm in set(runs["arm"]):
        if arm.startswith("small nanogpt, "):
            arms[arm] = c10_modern.small_nanogpt(float(arm.split(", ")[1]), vocab_size=65)
    assert len(arms) > 4
    for arm, (config, run, _) in arms.items():
        rows = runs[runs["arm"] == arm]
        assert (rows["characters"] == rows["steps"] * run.batch_size * config.block_size).all()
        assert GPT(config.changed(vocab_size=runs_vocabulary(name))).num_parameters() == rows["parameters"].iloc[0]


def runs_vocabulary(name: str) -> int:
    """Return the number of symbols of a table's edition, with the one for unknown characters."""
    return {"modern": 65, "modern_char_rnn": 66}[name]


def test_names_are_the_lines_that_open_a_speech():
    text = "Master:\nHere, sir: what\ncheer:\n\nAll:\nGood:\n"
    assert c10_modern.SPEAKER.findall(text) == ["Master", "All"]
    renamed = c10_modern.with_known_names(f"{text}\nAll:\nGood.\n", "KATE:\nNo.\n\nKATE:\nYes.\n\nSLY:\nNo.\n")
    assert renamed == "SLY:\nHere, sir: what\ncheer:\n\nKATE:\nGood:\n\nKATE:\nGood.\n"


def test_the_losses_on_names_and_on_all_else_are_those_of_the_model():
    text = "Master:\nBoatswain! And cheer.\n\nAll:\nHere, sir\n"
    comparison = SimpleNamespace(tokenizer=CharTokenizer.from_text(text))
    torch.manual_seed(0)
    model = GPT(c10_modern.SMALL.model(1, 16, comparison.tokenizer.vocab_size).changed(block_size=4))
    torch.nn.init.normal_(model.head.weight)  # begins at 0, where all losses are equal
    names, others = c10_modern.Comparison.losses(comparison, model, text)
    assert len(names) == len("aster:\n") + len("All:\n")  # the first character has no context
    losses, counts = torch.cat([names, others]), (len(text) - 1) // 4 * 4
    assert len(losses) == counts
    ids = torch.tensor(comparison.tokenizer.encode(text))[: counts + 1]
    assert losses.mean().item() == pytest.approx(evaluate(model, ids), rel=1e-5)
    assert names.std() > 0


def test_a_run_adds_one_row_with_every_column_and_is_not_run_again(monkeypatch):
    text = "KATE:\nHere, sir.\n\nSLY:\nNo.\n\n" * 200 + f"{c10_modern.BEGINNING}\n\n" + "All:\nGood sir.\n\n" * 15
    saved = []
    monkeypatch.setattr(c10_modern, "shakespeare", lambda edition: text)
    monkeypatch.setattr(c10_modern.common, "stored", lambda name: [])
    monkeypatch.setattr(c10_modern.common, "save", lambda name, rows: saved.append((name, [*rows])))
    comparison = c10_modern.Comparison("plays")
    config = c10_modern.SMALL.model(1, 16, comparison.tokenizer.vocab_size).changed(block_size=8)
    comparison.arms["tiny"] = (config, recipe("modern", steps=2, batch_size=2), c10_modern.train)
    nats = comparison.fitted("tiny", 3)
    assert comparison.fitted("tiny", 3) == nats
    ((name, (row,)),) = saved
    assert (name, row["arm"], row["seed"], row["steps"], row["characters"]) == ("modern", "tiny", 3, 2, 32)
    assert tuple(row) == c10_modern.COLUMNS
    assert min(row[part] for part in ("nats", "known", "names", "speech", "renamed")) > 0
