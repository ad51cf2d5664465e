"""Units in which x and y are of order 1, where the initial parameters of a mixture make sense and a fit converges.

Data that already are of order 1 keep their units, and a fit of them has the same digits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lecture21.mixtures.formula import Mixture
from lecture21.mixtures.gates import _SoftmaxGate
from lecture21.mixtures.members import _Classifier, _Gaussian


class _Units(NamedTuple):
    """x = x_shift + x_scale x' for each column of x, and y = y_shift + y_scale y'."""

    x_shift: Tensor
    x_scale: Tensor
    y_shift: Tensor
    y_scale: Tensor

    @property
    def are_those_of_the_data(self) -> bool:
        return not (self.x_shift.any() or self.y_shift.any()) and bool((self.x_scale == 1).all() and self.y_scale == 1)


def _units_of(values: Tensor, decades: int) -> tuple[Tensor, Tensor]:
    """Return the shift of each column, in tens of its scale, and the scale: 10 ** decades to a whole power."""
    mean, deviation = values.mean(0), values.std(0, correction=0)
    size = torch.where(deviation > 0, deviation, 1.0)
    scale = 10.0 ** (decades * (size.log10() / decades).round())
    return 10 * scale * (mean / (10 * scale)).round(), scale


def _networks(module: nn.Module) -> list[nn.Module] | None:
    """Return the parts of a mixture that have parameters, or None if one of them is none of this package's."""
    if isinstance(module, Mixture):
        parts = [_networks(part) for part in (*module.members, module.gate)]
        return None if None in parts else [part for several in parts for part in several]
    if isinstance(module, _Gaussian | _Classifier | _SoftmaxGate):
        return [module]
    return None if any(True for _ in module.parameters()) else []


@torch.no_grad()
def _convert(parts: list[nn.Module], units: _Units, *, back: bool) -> None:
    """Change the parameters from the units of the data to those of order 1, or back; predictions stay the same."""
    for part in parts:
        layers = [layer for layer in part.network.modules() if isinstance(layer, nn.Linear)]
        first, last = layers[0], layers[-1]
        if back:
            first.weight /= units.x_scale
            first.bias -= first.weight @ units.x_shift
        else:
            first.bias += first.weight @ units.x_shift
            first.weight *= units.x_scale
        if isinstance(part, _Gaussian):
            factor = units.y_scale if back else 1 / units.y_scale
            last.weight *= factor
            last.bias.copy_(factor * last.bias + units.y_shift if back else factor * (last.bias - units.y_shift))
            part.log_sd += factor.log()


@contextmanager
def units_of_order_one(mixture: nn.Module, x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor, float]]:
    """Give a fit x and y of order 1, and the logarithm of the unit of y; afterwards the parameters are for the data.

    The initial parameters may have been drawn without regard to the data, and then are read as of order 1, or come from
    an earlier fit. The more likely reading counts. With a part that is none of this package's, nothing is converted.
    """
    numbers = y if y.is_floating_point() else x.new_zeros(1)  # classes have no unit
    units = _Units(*_units_of(x, 1), *_units_of(numbers, 3))
    parts = _networks(mixture)
    if parts is None or units.are_those_of_the_data:
        yield x, y, 0.0
        return
    x = (x - units.x_shift) / units.x_scale
    y = (y - units.y_shift) / units.y_scale if y.is_floating_point() else y
    floors = {part: part.least_sd for part in parts if isinstance(part, _Gaussian)}
    for part, floor in floors.items():
        part.least_sd = floor / units.y_scale.item()
    drawn = {name: value.clone() for name, value in mixture.state_dict().items()}
    with torch.no_grad():
        as_drawn = mixture.log_prob(x, y).sum()
        _convert(parts, units, back=False)
        if not mixture.log_prob(x, y).sum() > as_drawn:
            mixture.load_state_dict(drawn)
    try:
        yield x, y, units.y_scale.log().item()
    finally:
        _convert(parts, units, back=True)
        for part, floor in floors.items():
            part.least_sd = floor
