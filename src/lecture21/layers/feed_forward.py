"""The feed-forward half of a block: two linear maps with a nonlinearity between them, at each position separately."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.contract import Count, Rate, checked
from lecture21._support.tensors import require_width
from lecture21._support.validation import one_of
from lecture21.layers.dropout import Dropout


class _Activation(NamedTuple):
    """A nonlinearity, and whether it is applied to a gate that multiplies the hidden layer."""

    function: Callable[[Tensor], Tensor]
    gated: bool = False

    def hidden(
        self, x: Float[Tensor, "*N C"], up: Callable[[Tensor], Tensor], gate: Callable[[Tensor], Tensor] | None
    ) -> Float[Tensor, "*N F"]:
        """Return the hidden layer: act(up(x)), or with a gate act(gate(x)) * up(x)."""
        if gate is None:
            return self.function(up(x))
        return self.function(gate(x)) * up(x)


def _relu2(x: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Return the square of the positive part (So et al. 2021, "Primer")."""
    positive = F.relu(x)
    return positive * positive  # the gradient of square() computes a power, which is slower


ACTIVATIONS: dict[str, _Activation] = {
    "relu": _Activation(F.relu),
    "gelu": _Activation(F.gelu),
    "gelu_tanh": _Activation(partial(F.gelu, approximate="tanh")),
    "relu2": _Activation(_relu2),
    "swiglu": _Activation(F.silu, gated=True),
}
"""The nonlinearities by name; gelu_tanh is the approximation of gelu in GPT-1 and GPT-2."""
Activation = Annotated[str, one_of(ACTIVATIONS)]


class FeedForward(nn.Module):
    """Position-wise feed-forward network: up-projection, activation, down-projection.

    Args:
        d_model: width C.
        d_hidden: width of the hidden layer; 4 C in every GPT of the lecture.
        activation: relu, gelu, gelu_tanh, relu2 or swiglu. A gated one (swiglu) has a third matrix, and computes
            down(act(gate(x)) * up(x)).
        bias: whether the linear maps have a bias.
        dropout: probability of dropping an output in training.

    Source: Vaswani et al. 2017, section 3.3; Shazeer 2020 for swiglu.
    """

    @checked
    def __init__(
        self,
        d_model: Count,
        d_hidden: Count,
        *,
        activation: Activation = "relu",
        bias: bool = True,
        dropout: Rate = 0.0,
    ):
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.up = nn.Linear(d_model, d_hidden, bias=bias)
        self.gate = nn.Linear(d_model, d_hidden, bias=bias) if self.activation.gated else None
        self.down = nn.Linear(d_hidden, d_model, bias=bias)
        self.dropout = Dropout(dropout)

    def forward(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Transform each position separately."""
        require_width("x", x, self.up.in_features)
        return self.dropout(self.down(self.activation.hidden(x, self.up, self.gate)))
