import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture21.layers.positions import POSITIONS, SCALINGS, LearnedPositions, Rotary, sinusoidal

FAR = 10_000  # where an angle computed in float32 is off by 0.0005


@pytest.mark.parametrize("t", [0, 1, 7, 299, FAR])
def test_sinusoids_and_rotary_tables_follow_their_formulas_to_the_last_digit_at_any_distance(t):
    table, rotary = sinusoidal(FAR + 1, 6), Rotary(FAR + 1, 6, base=100.0)
    angles = [t / 10000 ** (2 * i / 6) for i in range(3)]
    by_hand = [function(angle) for angle in angles for function in (math.sin, math.cos)]
    torch.testing.assert_close(table[t], torch.tensor(by_hand), rtol=0, atol=1e-7)
    turned = [t / 100 ** (2 * i / 6) for i in range(3)]
    torch.testing.assert_close(rotary.cos[t], torch.tensor([math.cos(a) for a in turned * 2]), rtol=0, atol=1e-7)
    sines = [math.sin(a) for a in turned]
    torch.testing.assert_close(rotary.sin[t], torch.tensor([*(-s for s in sines), *sines]), rtol=0, atol=1e-7)


@pytest.mark.parametrize("kind", POSITIONS)
def test_later_positions_are_a_slice_and_those_outside_the_block_are_refused(kind):
    positions = POSITIONS[kind](8, 6)
    every = positions(0, 8)
    assert every == positions(3, 5) == 0.0 if kind in ("none", "rotary") else torch.equal(positions(3, 5), every[3:5])
    for start, stop in [(0, 9), (-1, 2), (3, 2)]:
        with pytest.raises(ValueError, match=f"{start}..{stop}"):
            positions(start, stop)
    assert bool(positions.state_dict()) == isinstance(positions, LearnedPositions)  # a checkpoint holds no other table


@given(start=st.integers(0, 5), distance=st.integers(0, 4), shift=st.integers(0, 5))
def test_a_rotary_score_depends_only_on_the_distance(start, distance, shift):
    rotary = Rotary(20, 6).double()
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 1, 1, 6, generator=generator, dtype=torch.float64)

    def score(at: int) -> torch.Tensor:
        return (rotary(q, at + distance) * rotary(k, at)).sum()

    torch.testing.assert_close(score(start), score(start + shift), rtol=0, atol=1e-6)


def test_rotary_rotates_each_plane_by_its_own_angle():
    rotary = Rotary(3, 4, base=100.0)
    x = torch.tensor([1.0, 1.0, 0.0, 0.0]).expand(1, 1, 3, 4)
    angles = torch.tensor([[0.0, 0.0], [1.0, 0.1], [2.0, 0.2]])
    torch.testing.assert_close(rotary(x)[0, 0], torch.cat([angles.cos(), angles.sin()], dim=1))
    torch.testing.assert_close(rotary(x[..., 1:, :], 1), rotary(x)[..., 1:, :])


@pytest.mark.parametrize("scaling", SCALINGS)
def test_rotary_scaled_by_one_is_plain_rotary_exactly(scaling):
    plain, scaled = Rotary(9, 8), Rotary(9, 8, scaling=scaling, factor=1.0)
    assert torch.equal(plain.cos, scaled.cos)
    assert torch.equal(plain.sin, scaled.sin)


def test_interpolated_positions_lie_between_the_trained_ones():
    plain, stretched = Rotary(5, 8), Rotary(20, 8, scaling="interpolation", factor=4.0)
    torch.testing.assert_close(stretched.cos[::4], plain.cos)
    torch.testing.assert_close(stretched.sin[::4], plain.sin)


def test_ntk_is_plain_rotary_with_a_larger_base():
    base, factor, width = 100.0, 4.0, 8
    larger = Rotary(20, width, base * factor ** (width / (width - 2)))
    torch.testing.assert_close(Rotary(20, width, base, scaling="ntk", factor=factor).cos, larger.cos)
    assert torch.equal(Rotary(5, 2, scaling="ntk", factor=4.0).sin, Rotary(5, 2).sin)  # one plane is the fastest


def test_rotary_positions_beyond_the_block_are_refused():
    with pytest.raises(ValueError, match=r"3\.\.5 are outside 0\.\.4"):
        Rotary(4, 4)(torch.zeros(1, 1, 2, 4), 3)
