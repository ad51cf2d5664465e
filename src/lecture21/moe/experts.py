"""The experts of one layer, their weights side by side in one tensor for each map."""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lecture21.layers.feed_forward import ACTIVATIONS, feed_forward


class GroupedLinear(nn.Module):
    """E linear maps of one shape, each with weights of its own, which start as those of `nn.Linear` do.

    Args:
        n_expert: number of maps E.
        d_in: width that goes in.
        d_out: width that comes out.
        bias: whether each map has one.
    """

    def __init__(self, n_expert: int, d_in: int, d_out: int, *, bias: bool = True):
        super().__init__()
        bound = 1 / math.sqrt(d_in)
        self.weight = nn.Parameter(torch.empty(n_expert, d_out, d_in).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_expert, d_out).uniform_(-bound, bound)) if bias else None

    def maps(self) -> list[Callable[[Tensor], Tensor]]:
        """Return the E maps as functions from (N, d_in) to (N, d_out)."""
        # Unbound once: taking weight[e] in a loop would, in the backward pass, write E gradients of the whole tensor.
        weights = self.weight.unbind()
        biases = [None] * len(weights) if self.bias is None else self.bias.unbind()
        return [partial(F.linear, weight=w, bias=b) for w, b in zip(weights, biases, strict=True)]


class Experts(nn.Module):
    """E feed-forward layers of one shape: `FeedForward` without its dropout, E times.

    Args:
        d_model: width C.
        d_hidden: width of each expert's hidden layer.
        n_expert: number of experts E.
        activation: a key of `ACTIVATIONS`; a gated one has a third matrix.
        bias: whether the maps have a bias.

    Raises:
        ValueError: if the activation is unknown.
    """

    def __init__(self, d_model: int, d_hidden: int, n_expert: int, *, activation: str = "relu", bias: bool = True):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"unknown activation {activation!r}; choose from {', '.join(ACTIVATIONS)}")
        self.activation = ACTIVATIONS[activation]
        self.up = GroupedLinear(n_expert, d_model, d_hidden, bias=bias)
        self.gate = GroupedLinear(n_expert, d_model, d_hidden, bias=bias) if self.activation.gated else None
        self.down = GroupedLinear(n_expert, d_hidden, d_model, bias=bias)

    def layers(self) -> list[Callable[[Tensor], Tensor]]:
        """Return the E experts as functions of (..., C), each what a `FeedForward` computes."""
        gates = [None] * len(self.up.weight) if self.gate is None else self.gate.maps()
        return [
            partial(feed_forward, activation=self.activation, up=up, down=down, gate=gate)
            for up, down, gate in zip(self.up.maps(), self.down.maps(), gates, strict=True)
        ]

    def forward(self, x: Float[Tensor, "A C"], counts: list[int]) -> Float[Tensor, "A C"]:
        """Let each expert read its own rows.

        Args:
            x: rows in the order of their experts.
            counts: how many rows each expert has; 0 is allowed.
        """
        return torch.cat([expert(rows) for expert, rows in zip(self.layers(), x.split(counts), strict=True)])
