"""The texts of the runs: their lengths, and that no held-out stretch is read."""

import math

import c10_shuffle
import pytest
import torch

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
