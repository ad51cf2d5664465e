import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture21.layers.positions import (
    SCALINGS,
    LearnedPositions,
    Rotary,
    _NoPositions,
    _SinusoidalPositions,
    sinusoidal,
)


def test_sinusoids_follow_the_formula_of_the_paper():
    table = sinusoidal(50, 6)
    for t in range(50):
        for i in range(3):
            angle = t / 10000 ** (2 * i / 6)
            assert math.isclose(table[t, 2 * i], math.sin(angle), abs_tol=1e-6)
            assert math.isclose(table[t, 2 * i + 1], math.cos(angle), abs_tol=1e-6)


def test_sinusoids_of_the_paper_s_width():
    expected = torch.tensor([0.84147, 0.54030, 0.82186, 0.56969])
    torch.testing.assert_close(sinusoidal(2, 512)[1, :4], expected, rtol=0, atol=1e-5)


def test_every_sinusoidal_position_has_the_same_length():
    torch.testing.assert_close(sinusoidal(300, 64).square().sum(-1), torch.full((300,), 32.0))


def test_a_shift_is_a_rotation_that_does_not_depend_on_the_position():
    table = sinusoidal(100, 8).double()
    dots = table @ table.T
    for shift in (1, 7):
        diagonal = dots.diagonal(shift)
        torch.testing.assert_close(diagonal, diagonal[0].expand_as(diagonal), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("n", "width"), [(3, 5), (3, 0), (-1, 4)])
def test_sinusoids_refuse_invalid_sizes(n, width):
    with pytest.raises(ValueError, match=str(width if n > 0 else n)):
        sinusoidal(n, width)


@pytest.mark.parametrize("kind", [LearnedPositions, _SinusoidalPositions, _NoPositions])
def test_positions_outside_the_block_are_refused(kind):
    positions = kind(4, 6)
    for start, stop in [(0, 5), (-1, 2), (3, 2)]:
        with pytest.raises(ValueError, match=f"{start}..{stop}"):
            positions(start, stop)


@pytest.mark.parametrize("kind", [LearnedPositions, _SinusoidalPositions])
def test_later_positions_are_a_slice_of_all_positions(kind):
    positions = kind(8, 6)
    assert torch.equal(positions(3, 5), positions(0, 8)[3:5])


def test_only_learned_positions_have_parameters():
    assert sum(p.numel() for p in LearnedPositions(8, 6).parameters()) == 48
    assert not list(_SinusoidalPositions(8, 6).parameters())
    assert not _SinusoidalPositions(8, 6).state_dict()
    assert not list(_NoPositions(8, 6).parameters())


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
    assert not torch.equal(plain.cos, Rotary(9, 8, scaling=scaling, factor=2.0).cos)


def test_interpolated_positions_lie_between_the_trained_ones():
    plain, stretched = Rotary(5, 8), Rotary(20, 8, scaling="interpolation", factor=4.0)
    torch.testing.assert_close(stretched.cos[::4], plain.cos)
    torch.testing.assert_close(stretched.sin[::4], plain.sin)


def test_ntk_is_plain_rotary_with_a_larger_base():
    base, factor, width = 100.0, 4.0, 8
    larger = Rotary(20, width, base * factor ** (width / (width - 2)))
    torch.testing.assert_close(Rotary(20, width, base, scaling="ntk", factor=factor).cos, larger.cos)


def test_ntk_leaves_the_fastest_plane_and_interpolates_the_slowest():
    plain, stretched = Rotary(20, 8), Rotary(20, 8, scaling="ntk", factor=4.0)
    assert torch.equal(stretched.sin[:, 0], plain.sin[:, 0])
    torch.testing.assert_close(stretched.sin[::4, -1], plain.sin[:5, -1])
    assert torch.equal(Rotary(5, 2, scaling="ntk", factor=4.0).sin, Rotary(5, 2).sin)  # one plane is the fastest


@pytest.mark.parametrize(("options", "message"), [({"scaling": "yarn"}, "'yarn'"), ({"factor": 0.5}, "got 0.5")])
def test_an_invalid_scaling_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Rotary(4, 4, **options)


def test_rotary_refuses_odd_heads_and_positions_beyond_its_block():
    with pytest.raises(ValueError, match="even width, got 5"):
        Rotary(4, 5)
    with pytest.raises(ValueError, match="base > 0, got 0"):
        Rotary(4, 4, base=0.0)
    with pytest.raises(ValueError, match=r"3\.\.5 are outside 0\.\.4"):
        Rotary(4, 4)(torch.zeros(1, 1, 2, 4), 3)
