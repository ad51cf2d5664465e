"""The log is kept by stretches of the clock, and a recipe that has changed is not that of a stored row."""

import json
from dataclasses import replace

import c10_speedrun
import pytest
from provenance import constants


def test_a_log_keeps_the_mean_over_the_updates_of_each_five_seconds(tmp_path):
    lines = [
        (1, 1.0, 4.0),
        (3, 3.0, 3.0),
        (4, 5.5, 2.0),
        (5, 21.0, 1.5),
        (6, 22.0, 1.4),
        (9, 24.5, 1.0),
        (10, 24.9, 2.0),
    ]
    text = [json.dumps({"recipe": "nanogpt"})]
    text += [json.dumps(dict(zip(("step", "seconds", "loss"), line, strict=True))) for line in lines]
    (tmp_path / "log.jsonl").write_text("\n".join(text) + "\n")
    kept = c10_speedrun.thinned(tmp_path / "log.jsonl", 24.9)
    assert [(line["step"], line["seconds"]) for line in kept] == [(4, 5.5), (5, 21.0), (10, 24.9)]
    assert [line["loss"] for line in kept] == pytest.approx([(4 + 2 * 3 + 2) / 4, 1.5, (1.4 + 3 * 1 + 2) / 5])


def test_a_stored_row_knows_its_recipe_but_not_the_words_about_it(monkeypatch):
    key = {"recipe": "modern", "minutes": 5.0, "seed": 0}
    before = constants(c10_speedrun.measure, key)
    assert "RECIPES[modern]" in before
    changed = {name: replace(recipe, idea="other words") for name, recipe in c10_speedrun.RECIPES.items()}
    monkeypatch.setattr(c10_speedrun, "RECIPES", changed)
    assert constants(c10_speedrun.measure, key) == before
    faster = replace(changed["modern"].training, muon_learning_rate=0.03)
    monkeypatch.setattr(c10_speedrun, "RECIPES", changed | {"modern": replace(changed["modern"], training=faster)})
    assert constants(c10_speedrun.measure, key) != before
