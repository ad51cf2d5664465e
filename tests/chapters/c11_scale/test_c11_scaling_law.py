"""The fit of the scaling law, which a wrong line would make wrong without a sign."""

import pytest
import torch


@pytest.mark.parametrize("floor", [True, False])
def test_the_fit_of_the_scaling_law_recovers_the_law(floor):
    import c11_scaling_law

    sizes = torch.tensor([1e4, 3e4, 1e5, 3e5, 1e6]).double()
    a, b, c = 0.7, 0.31, 1.2 * floor
    losses = c + a * (sizes / 1e5) ** -b
    actual, law = c11_scaling_law.least_squares(sizes, losses[None], floor)
    assert torch.allclose(actual[0], torch.tensor([a, b, c]).double(), atol=1e-6)
    assert torch.allclose(law[0], losses)


def test_a_fit_without_a_floor_has_none():
    import c11_scaling_law

    sizes = torch.tensor([1e4, 3e4, 1e5, 3e5, 1e6]).double()
    actual, _ = c11_scaling_law.least_squares(sizes, 1.2 + 0.7 * (sizes / 1e5)[None] ** -0.31, floor=False)
    assert actual[0, 2] == 0


def test_the_interval_of_a_prediction_contains_what_follows_the_law():
    import c11_scaling_law

    class Noisy:
        """Losses of a law with a floor, plus noise that alternates in sign."""

        def mean(self, width):
            noise = 0.004 * (-1) ** c11_scaling_law.FITTED.index(width)
            return self.law(width) + noise

        def law(self, width):
            return 1.3 + 0.6 * (c11_scaling_law.block_parameters(width) / 1e5) ** -0.3

    noisy, target = Noisy(), c11_scaling_law.HELD_BACK
    row = c11_scaling_law.predict(noisy, c11_scaling_law.FITTED, target, floor=True)
    assert row["predicted_low"] < noisy.law(target) < row["predicted_high"]
    assert row["b_low"] < 0.3 < row["b_high"]
    assert row["c_low"] < 1.3 < row["c_high"]
