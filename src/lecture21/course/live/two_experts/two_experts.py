"""Two experts and a gate: a mixture of two straight lines, fitted to points that the reader can drag."""

from collections.abc import Sequence
from typing import Any

import torch
import traitlets

from lecture21.course.live.figure import Figure
from lecture21.data.mixtures import soft_gate
from lecture21.mixtures import LinearGate, LinearGaussian

_STARTS = 8
_MOST = 40


class TwoExperts(Figure):
    """Two linear experts and a softmax gate on one input, fitted by EM, or by Adam on one of two losses.

    The reader makes the E-step and the M-step one after the other, drags, adds and removes points, and sees the
    experts' lines, the gate, the mean of the mixture, and, as the color of the points, the responsibilities. All three
    fits begin at the same initialization. The mathematics is that of `lecture21.mixtures`.

    Args:
        points: 4 to 40 pairs (x, y) with x from -1 to 1 and y from -2 to 2; by default, 24 points of
            `lecture21.data.mixtures.soft_gate`.
        method: "em", "competitive" (Adam on the likelihood), or "cooperative" (Adam on the squared error of the mean).
        start: which of 8 random initializations, from 1.

    Raises:
        ValueError: if there are too few or too many points, or one is outside the axes.
    """

    figure = "two_experts"
    description = (
        "24 points around two lines, an upper one on the left and a lower one on the right, with points on both near "
        "the middle, not yet colored by an E-step; the lines of two experts before training, the probability that a "
        "gate gives to each expert over x, a curve of what the fit has reached, and a table of the log-likelihood and "
        "the squared errors of three fits: EM, Adam on the likelihood, and "
        "Adam on the squared error."
    )
    points = traitlets.List().tag(sync=True)
    method = traitlets.Enum(("em", "competitive", "cooperative"), "em").tag(sync=True)
    start = traitlets.Int(1, min=1, max=_STARTS).tag(sync=True)
    learning_rate = traitlets.Enum((0.003, 0.01, 0.03, 0.1, 0.3), 0.03).tag(sync=True)
    selected = traitlets.Int(0, min=0, max=_MOST - 1).tag(sync=True)
    fits = traitlets.List().tag(sync=True)
    """For each method 25 numbers: slope, offset and log s of both experts, slope and offset of the gate's logit, Adam's
    first and second moments of these, and the number of steps; empty before the first change."""

    starts = traitlets.List().tag(sync=True)
    """The parameters of each start."""

    def __init__(self, points: Sequence[Sequence[float | int]] | None = None, **state: Any) -> None:
        given = {} if points is None else {"points": points}
        if points is None:
            x, y = soft_gate(24, seed=3)
            points = torch.cat([x, y[:, None]], dim=1).tolist()
        pairs = sorted([round(float(x), 2), round(float(y), 2)] for x, y in points)
        if not 4 <= len(pairs) <= _MOST:
            raise ValueError(f"points must be 4 to {_MOST} pairs (x, y), got {len(pairs)}")
        for x, y in pairs:
            if not (abs(x) <= 1 and abs(y) <= 2):
                raise ValueError(f"points must have x from -1 to 1 and y from -2 to 2, got ({x:g}, {y:g})")
        super().__init__(points=pairs, starts=[_initial(seed) for seed in range(_STARTS)], **state)
        self._given = given | self._given


def _initial(seed: int) -> list[float]:
    """Return the parameters of a random initialization, the same as those of the package's modules."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first, second, gate = LinearGaussian(1), LinearGaussian(1), LinearGate(1, 2).network
    found = [value.item() for m in (first, second) for value in (m.network.weight, m.network.bias, m.log_sd)]
    found += [(gate.weight[1] - gate.weight[0]).item(), (gate.bias[1] - gate.bias[0]).item()]
    return [round(value, 4) for value in found]
