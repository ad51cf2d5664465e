import numpy as np
import pytest
import torch

from lecture21.course.chapters.c12_mixture_of_experts import figures

LINE = torch.linspace(-1, 1, 5, dtype=torch.float64)
MEANS = torch.stack([LINE, -LINE], dim=1)
GATE = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.5, 0.5], [0.1, 0.9], [0.0, 1.0]], dtype=torch.float64)


def test_the_mixture_is_drawn_and_each_member_is_bold_where_its_gate_is_largest():
    upper, lower = figures.gated_members(LINE, LINE, LINE, MEANS, GATE)
    bold = [line for line in upper.lines if line.get_linewidth() == 5]
    assert np.isnan(bold[0].get_ydata()).tolist() == [False, False, False, True, True]
    assert np.isnan(bold[1].get_ydata()).tolist() == [True, True, False, False, False]
    (blend,) = (line for line in upper.lines if line.get_color() == "black")
    np.testing.assert_allclose(blend.get_ydata(), (GATE * MEANS).sum(1).numpy())
    assert lower.get_ylim() == (0, 1)
    assert len(lower.collections) == 2
    top = lower.collections[1].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(1)  # the shares fill the strip
