"""The texts of the runs: their lengths, and that no held-out stretch is read."""

import math
from pathlib import Path

import c10_shuffle
import pytest
import torch

from lecture21.chapters import results

STRETCHES = torch.arange(400 * c10_shuffle.STRETCH).view(-1, c10_shuffle.STRETCH).flip(0)


@pytest.mark.parametrize("passes", [0.5, 1.0, 2.0])
def test_a_text_is_the_end_of_all_and_less_text_a_part_of_it(passes):
    characters = 200_000
    text, less = (c10_shuffle.text_of(arm, passes, 0, STRETCHES, characters) for arm in ("random", "less text"))
    assert len(text) == characters / passes
    assert torch.equal(text, torch.arange(800_000 - len(text), 800_000))
    assert len(less) == pytest.approx((1 - math.exp(-passes)) * len(text), abs=c10_shuffle.STRETCH)
    assert torch.isin(less, text).all()
    assert (less.diff() > 0).all()
    often = c10_shuffle.text_of("equally often", passes, 0, STRETCHES, characters)
    assert torch.equal(often, text.repeat(round(passes))) or passes < 1
    other = c10_shuffle.text_of("less text", passes, 1, STRETCHES, characters)
    assert not torch.equal(less, other)


def test_what_is_scored_is_not_read_and_lies_within_the_shortest_text():
    _, read, held_out = c10_shuffle.stretches_of()
    text = {tuple(stretch.tolist()) for stretch in read}
    scored = held_out[: c10_shuffle.SCORED]
    assert not text & {tuple(stretch.tolist()) for stretch in scored}
    # In the order of the play, from its end, four stretches are read for each that is held out.
    shortest = c10_shuffle.STEPS * 16 * 64 / max(c10_shuffle.PASSES) / c10_shuffle.STRETCH
    assert len(scored) <= shortest / 4 + 1


def test_the_page_says_what_shuffled_passes_gain():
    table = results.load("shuffled").pivot_table(index=["passes", "seed"], columns="arm", values="nats")
    assert (table.groupby("passes").size() == 3).all()
    gains = table[["shuffled", "less text", "equally often"]].rsub(table["random"], axis=0).groupby("passes").mean()
    page = " ".join((Path(__file__).parents[2] / "book" / "negative_results.md").read_text(encoding="utf-8").split())
    one, two, four, eight = (f"{gains['shuffled'][passes]:.3f}" for passes in (1, 2, 4, 8))
    assert f"The gain is {one} ± 0.003 nats in one pass, {two} in two, {four} in four and {eight} in eight" in page
    assert f"gain {gains['less text'][4]:.3f} in four passes" in page
    often = gains["equally often"]
    assert f"gain {often[4]:.3f} in four passes and {often[8]:.3f} in eight" in page
    assert gains["shuffled"][[0.2, 0.5]].abs().max() < 0.007
