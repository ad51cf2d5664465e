"""The half of a block that treats every position alone: two linear maps with a nonlinearity between them."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Activation(NamedTuple):
    """A nonlinearity, and whether it acts on a gate that multiplies the hidden layer instead of on the layer."""

    function: Callable[[Tensor], Tensor]
    gated: bool = False


def relu2(x: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Return the square of the positive part (So et al. 2021, "Primer")."""
    return F.relu(x).square()


# By the names that papers and libraries use; gelu_tanh is GPT-1's and GPT-2's approximation of gelu.
ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(F.relu),
    "gelu": Activation(F.gelu),
    "gelu_tanh": Activation(partial(F.gelu, approximate="tanh")),
    "relu2": Activation(relu2),
    "swiglu": Activation(F.silu, gated=True),
}


def feed_forward(
    x: Float[Tensor, "*N C"],
    activation: Activation,
    up: Callable[[Tensor], Tensor],
    down: Callable[[Tensor], Tensor],
    gate: Callable[[Tensor], Tensor] | None = None,
) -> Float[Tensor, "*N C"]:
    """Return down(act(up(x))), or with a gate down(act(gate(x)) * up(x))."""
    bend = activation.function
    return down(bend(up(x)) if gate is None else bend(gate(x)) * up(x))


class FeedForward(nn.Module):
    """Widen each position, bend it, and narrow it again; with a gate, down(act(gate(x)) * up(x)).

    Args:
        d_model: width C.
        d_hidden: width between the two maps; 4 C in every GPT of the lecture.
        activation: a key of `ACTIVATIONS`; a gated one has a third matrix.
        bias: whether the maps have a bias.
        dropout: probability of dropping an output while training.

    Raises:
        ValueError: if the activation is unknown.

    Source: Vaswani et al. 2017, section 3.3; Shazeer 2020 for swiglu.
    """

    def __init__(
        self, d_model: int, d_hidden: int, *, activation: str = "relu", bias: bool = True, dropout: float = 0.0
    ):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"unknown activation {activation!r}; choose from {', '.join(ACTIVATIONS)}")
        self.activation = ACTIVATIONS[activation]
        self.up = nn.Linear(d_model, d_hidden, bias=bias)
        self.gate = nn.Linear(d_model, d_hidden, bias=bias) if self.activation.gated else None
        self.down = nn.Linear(d_hidden, d_model, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Transform each position by itself."""
        return self.dropout(feed_forward(x, self.activation, self.up, self.down, self.gate))
