"""What exercises 10.1, 10.3 and 11.1 accept and say of parts that are wrong."""

import pytest
import torch

from lecture21.exercises import check


def _said(capsys, number, answer):
    check(number, answer)
    return " ".join(capsys.readouterr().out.split())


def _counted(blocks, last):
    """Return a count of GPT-2's parameters with blocks and a last norm as given."""
    return lambda vocab_size, block_size, n_layer, d_model: (
        (vocab_size + block_size) * d_model + n_layer * blocks(d_model) + last(d_model)
    )


@pytest.mark.parametrize(
    ("blocks", "last", "sentence"),
    [
        (lambda c: 12 * c * c + 11 * c, lambda c: 2 * c, "How many sublayers"),
        (lambda c: 12 * c * c + 11 * c, lambda c: c, "a gain and a shift"),
        (lambda c: 11 * c * c + 12 * c, lambda c: 2 * c, "a fourth matrix"),
        (lambda c: 12 * c * c + 10 * c, lambda c: 2 * c, "differ in length"),
        (lambda c: 12 * c * c + 12 * c, lambda c: 2 * c, "at least one part"),
    ],
)
def test_a_wrong_count_is_told_which_part_is_missing(capsys, blocks, last, sentence):
    assert sentence in _said(capsys, "11.1", _counted(blocks, last))


def test_a_count_may_be_a_float(capsys):
    answer = _counted(lambda c: 12.0 * c * c + 13 * c, lambda c: 2 * c)
    assert _said(capsys, "11.1", answer) == "11.1: correct"


def test_a_rotation_in_the_accuracy_of_its_input_is_correct_and_one_from_position_1_is_told_so(capsys):
    def rotary(x, start=0, first_position=0):
        position = torch.arange(start + first_position, start + first_position + len(x)).double()[:, None]
        angle = position / 10000 ** (torch.arange(0, x.shape[1], 2).double() / x.shape[1])
        u, v = x.double().chunk(2, dim=-1)
        rotated = torch.cat([u * angle.cos() - v * angle.sin(), u * angle.sin() + v * angle.cos()], dim=-1)
        return rotated.to(x.dtype)

    assert _said(capsys, "10.1", lambda x, start=0: rotary(x, start)) == "10.1: correct"
    assert "position 0" in _said(capsys, "10.1", lambda x, start=0: rotary(x, start, 1))


def test_rms_norm_without_the_root_or_the_gain_is_told_so(capsys):
    def scaled(x, power):
        return x * (x.square().mean(dim=-1, keepdim=True) + 1e-5) ** -power

    assert _said(capsys, "10.3", lambda x, gain: scaled(x, 0.5) * gain) == "10.3: correct"
    assert "square root" in _said(capsys, "10.3", lambda x, gain: scaled(x, 1) * gain)
    assert "multiplied by `gain`" in _said(capsys, "10.3", lambda x, gain: scaled(x, 0.5))
