"""The search for the recipe of the record: what each arm trains on, is scored on, and stores."""

import time
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import c10_record
import pytest
import torch

from lecture21.tokenizers import CharTokenizer
from lecture21.training import recipe


def test_each_arm_is_trained_on_nine_tenths_scored_on_the_last_and_stored_once(monkeypatch):
    saved, trained, scored = [], [], []
    monkeypatch.setattr(c10_record, "ARMS", ((0.1, 3, 2), (0.2, 4, 1)))
    monkeypatch.setattr(c10_record.common, "stored", lambda name: list(saved))
    monkeypatch.setattr(c10_record.common, "save", lambda name, rows, arguments: saved.__setitem__(slice(None), rows))
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)

    def fit(tokens, tokenizer, config, dropout):
        trained.append((dropout, config.batch_size, config.steps, len(tokens)))

    monkeypatch.setattr(c10_record, "fit", fit)
    monkeypatch.setattr(c10_record, "evaluate", lambda model, tokens: scored.append(tokens.tolist()) or 1.5)
    config = replace(recipe("modern-laptop"), device="cpu", precision="fp32")
    tokens, tokenizer = torch.arange(20) % 7, CharTokenizer("abcdefg")
    c10_record.tune([], tokens, tokenizer, config)
    assert trained == [(0.1, 3, 2, 18), (0.2, 4, 1, 18)]
    assert scored == [tokens[18:].tolist()] * 2
    c10_record.tune(["1"], tokens, tokenizer, config)  # again: its row is replaced
    assert [(row["dropout"], row["batch_size"], row["steps"]) for row in saved] == [(0.1, 3, 2), (0.2, 4, 1)]
    assert saved[0]["nats"] == pytest.approx(1.5)


def test_the_final_run_stores_a_row_for_each_evaluation_and_keeps_other_editions(monkeypatch):
    other = {"edition": "plays", "nats": 1.0}
    saved = []
    monkeypatch.setattr(c10_record.common, "stored", lambda name: [other, {"edition": "char-rnn", "nats": 9.0}])
    monkeypatch.setattr(c10_record.common, "save", lambda name, rows, arguments: saved.__setitem__(slice(None), rows))
    monkeypatch.setattr(c10_record.presets, "get", lambda name, **changes: TINY.changed(**changes))
    config = replace(recipe("modern-laptop", steps=4, batch_size=2, eval_every=2), device="cpu", precision="fp32")
    tokens, tokenizer = torch.arange(50) % 7, CharTokenizer("abcdefg")
    clock = SimpleNamespace(monotonic=count(100, 5).__next__, process_time=time.process_time)
    monkeypatch.setattr(c10_record, "time", clock)
    report = c10_record.reporter("char-rnn", config)
    c10_record.fit(tokens, tokenizer, config, 0.1, val=tokens, on_evaluation=report)
    assert saved[0] == other
    assert [(row["edition"], row["step"], row["characters"]) for row in saved[1:]] == [
        ("char-rnn", step, step * 2 * TINY.block_size) for step in (0, 2, 4)
    ]
    assert [row["wall_seconds"] for row in saved[1:]] == [5.0, 10.0, 15.0]


TINY = c10_record.presets.get("modern-laptop", block_size=8, d_model=12, n_layer=1)
