"""A table of pairs adds what the character before says, changes nothing at first, and all arms have equal time."""

import c10_minutes
import torch

from lecture21 import GPT
from lecture21.course.chapters import results
from lecture21.training import TrainConfig


def test_a_pair_is_the_character_before_and_this_one():
    torch.manual_seed(0)
    single = torch.nn.Embedding(5, 3)
    pairs = c10_minutes.Pairs(single)
    ids = torch.tensor([[4, 0, 2], [0, 0, 4]])
    assert torch.equal(pairs(ids), single(ids))
    torch.nn.init.normal_(pairs.pair.weight)
    added = pairs(ids) - single(ids)
    rows = pairs.pair.weight.view(6, 5, 3)  # the character before, or none; this one
    expected = torch.stack([rows[[5, 4, 0], [4, 0, 2]], rows[[5, 0, 0], [0, 0, 4]]])
    torch.testing.assert_close(added, expected)


def test_training_with_pairs_trains_their_table():
    arm = c10_minutes.made("pairs, 32", vocab_size=7)
    model = GPT(arm.model)
    arm.train(model, torch.arange(200) % 7, TrainConfig(2, 2, device="cpu"))
    trained = model.token.pair.weight.view(8, 7, 32).any(dim=-1).nonzero().tolist()
    assert {(int(a), int(b)) for a, b in trained} >= {(0, 1), (6, 0)}
    assert [2, 1] not in trained  # never in the text


def test_arms_differ_in_what_their_names_say():
    pairs, plain = (c10_minutes.made(arm, vocab_size=7) for arm in ("pairs, 64", "plain, 64"))
    assert pairs.model == plain.model
    assert pairs.run == plain.run
    assert pairs.train is c10_minutes.train_with_pairs
    assert (pairs.model.d_model, pairs.model.n_head, pairs.model.d_ff) == (64, 2, 256)


def test_updates_are_those_of_nanogpts_time(monkeypatch):
    def seconds(arm, tokens):
        return 3.0 if arm.train is c10_minutes.train_with_pairs else 6.0

    monkeypatch.setattr(c10_minutes, "seconds", seconds)
    monkeypatch.setattr(c10_minutes, "text_of", lambda edition: c10_minutes.c10_modern.Text("abcabc" * 100))
    monkeypatch.setattr(c10_minutes.MINUTES, "select", lambda **key: [])
    c10_minutes.updates.cache_clear()
    assert [c10_minutes.steps_of(share, 64) for share in (0.25, 1.0)] == [1000, 4000]
    c10_minutes.updates.cache_clear()


def test_the_arms_of_the_table_are_the_best_of_its_search():
    table = results.load("minutes")
    search = table.query("part == 'search'").set_index("arm").nats
    assert search.idxmin() == f"pairs, {c10_minutes.WIDTHS[0.25]}"
    runs = table.query("part == 'run'")
    pairs = runs[runs.arm.str.startswith("pairs")]
    assert set(zip(pairs.share, pairs.arm, strict=True)) == {(s, f"pairs, {w}") for s, w in c10_minutes.WIDTHS.items()}
    assert (runs.groupby("arm").steps.nunique() == 1).all()
    assert runs[runs.share == 0.25].seconds.max() < 1.1 * runs[runs.share == 0.25].seconds.min()
