"""What the exercises of chapter 10 accept, and what they say of parts that are wrong."""

import torch
from readers import printed


def test_a_rotation_in_the_accuracy_of_its_input_is_correct_and_one_from_position_1_is_told_so(capsys):
    def rotary(x, start=0, first_position=0):
        position = torch.arange(start + first_position, start + first_position + len(x)).double()[:, None]
        angle = position / 10000 ** (torch.arange(0, x.shape[1], 2).double() / x.shape[1])
        u, v = x.double().chunk(2, dim=-1)
        rotated = torch.cat([u * angle.cos() - v * angle.sin(), u * angle.sin() + v * angle.cos()], dim=-1)
        return rotated.to(x.dtype)

    assert printed(capsys, "10.1", lambda x, start=0: rotary(x, start)) == "10.1: correct"
    assert "position 0" in printed(capsys, "10.1", lambda x, start=0: rotary(x, start, 1))


def test_rms_norm_without_the_root_or_the_gain_is_told_so(capsys):
    def scaled(x, power):
        return x * (x.square().mean(dim=-1, keepdim=True) + 1e-5) ** -power

    assert printed(capsys, "10.3", lambda x, gain: scaled(x, 0.5) * gain) == "10.3: correct"
    assert "square root" in printed(capsys, "10.3", lambda x, gain: scaled(x, 1) * gain)
    assert "multiplied by `gain`" in printed(capsys, "10.3", lambda x, gain: scaled(x, 0.5))
