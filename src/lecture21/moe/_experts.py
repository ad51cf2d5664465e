"""The experts of one layer, with their weights stacked in one tensor for each map."""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lecture21.layers.feed_forward import ACTIVATIONS


class _GroupedLinear(nn.Module):
    """E linear maps of one shape, from width d_in to d_out, initialized as `nn.Linear`."""

    def __init__(self, n_expert: int, d_in: int, d_out: int, *, bias: bool = True):
        super().__init__()
        bound = 1 / math.sqrt(d_in)
        self.weight = nn.Parameter(torch.empty(n_expert, d_out, d_in).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_expert, d_out).uniform_(-bound, bound)) if bias else None

    def maps(self) -> list[Callable[[Tensor], Tensor]]:
        """Return the E maps as functions from (N, d_in) to (N, d_out)."""
        # Unbound once: weight[e] in a loop would, in the backward pass, write E gradients of the whole tensor.
        weights = self.weight.unbind()
        biases = [None] * len(weights) if self.bias is None else self.bias.unbind()
        return [partial(F.linear, weight=w, bias=b) for w, b in zip(weights, biases, strict=True)]


class Experts(nn.Module):
    """E feed-forward layers of one shape: E times `FeedForward` without its dropout.

    Args:
        d_model: width C.
        d_hidden: width of each expert's hidden layer.
        n_expert: number of experts E.
        activation: one of `FeedForward`; a gated one has a third matrix.
        bias: whether the maps have a bias.
    """

    def __init__(self, d_model: int, d_hidden: int, n_expert: int, *, activation: str = "relu", bias: bool = True):
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.up = _GroupedLinear(n_expert, d_model, d_hidden, bias=bias)
        self.gate = _GroupedLinear(n_expert, d_model, d_hidden, bias=bias) if self.activation.gated else None
        self.down = _GroupedLinear(n_expert, d_hidden, d_model, bias=bias)

    def layers(self) -> list[Callable[[Tensor], Tensor]]:
        """Return the E experts as functions of (..., C), each of which computes a `FeedForward`."""
        gates = [None] * len(self.up.weight) if self.gate is None else self.gate.maps()
        return [
            partial(self._expert, up=up, down=down, gate=gate)
            for up, down, gate in zip(self.up.maps(), self.down.maps(), gates, strict=True)
        ]

    def _expert(
        self,
        x: Float[Tensor, "*N C"],
        up: Callable[[Tensor], Tensor],
        down: Callable[[Tensor], Tensor],
        gate: Callable[[Tensor], Tensor] | None,
    ) -> Float[Tensor, "*N C"]:
        return down(self.activation.hidden(x, up, gate))

    def forward(self, x: Float[Tensor, "A C"], counts: list[int]) -> Float[Tensor, "A C"]:
        """Apply each expert to its own rows.

        Args:
            x: rows sorted by expert.
            counts: number of rows of each expert; 0 is allowed.
        """
        return torch.cat([expert(rows) for expert, rows in zip(self.layers(), x.split(counts), strict=True)])
