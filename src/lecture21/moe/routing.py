"""Routing: which experts process a token, and with which weights, as plain functions and as a module."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lecture21._support.contract import Count, Natural, checked
from lecture21._support.tensors import at_least_float32, require_width
from lecture21.moe.balance import _load, _require_experts, _z_loss, balance_loss, probabilities_of, rebalanced
from lecture21.moe.config import Gates, MoEConfig, When


class Routing(NamedTuple):
    """The selected experts and their gate weights for every token of a batch."""

    logits: Float[Tensor, "B T E"]
    """Scores of all experts."""
    experts: Int[Tensor, "B T k"]
    """The selected experts, best first."""
    weights: Float[Tensor, "B T k"]
    """Their gate weights."""
    kept: Bool[Tensor, "B T k"]
    """Whether the expert processes the token; all true without a capacity."""


@checked
def route(
    logits: Float[Tensor, "*N E"],
    top_k: Count,
    *,
    gates: Gates = "softmax",
    softmax: When = "before",
    renormalize: bool = True,
    bias: Float[Tensor, " E"] | None = None,
) -> tuple[Int[Tensor, "*N k"], Float[Tensor, "*N k"]]:
    """Select the k most probable experts of each token, and compute their gate weights.

    Args:
        logits: scores of the experts.
        top_k: number of experts k.
        gates: softmax, or sigmoid: the score of an expert, from 0 to 1, does not depend on the others. Read
            "probability" below as this score.
        softmax: before the selection, over all experts, or after it, over the k. The latter equals the former with
            renormalization: the exponentials of the other experts cancel.
        renormalize: divide the k probabilities by their sum.
        bias: added to the probabilities for the selection only, not to the weights (Wang et al. 2024).

    Returns:
        The experts, best first, and their weights.

    Source: Shazeer et al. 2017, section 2.1 (after); Fedus et al. 2022, section 2.1 (before, k = 1); Jiang et al. 2024,
    section 2.1; DeepSeek-AI 2024 (V3), equations 13 to 16 (sigmoid).
    """
    if top_k > logits.shape[-1]:
        raise ValueError(f"top_k must be at most the number of experts, {logits.shape[-1]}, got {top_k}")
    probabilities = logits.sigmoid() if gates == "sigmoid" else logits.softmax(-1)
    scores = probabilities.detach() if bias is None else probabilities.detach() + bias
    experts = scores.topk(top_k, dim=-1).indices  # the selection has no gradient; the weights have
    if softmax == "after":
        return experts, logits.gather(-1, experts).softmax(-1)
    weights = probabilities.gather(-1, experts)
    return experts, weights / weights.sum(-1, keepdim=True) if renormalize else weights


def _capacity(n_token: int, n_expert: int, top_k: int, factor: float) -> int:
    """Return the capacity of each expert: its equal share of the k N assignments, times a factor, rounded up.

    Source: Fedus et al. 2022, equation 3.
    """
    return math.ceil(factor * n_token * top_k / n_expert)


@checked
def within_capacity(experts: Int[Tensor, "B T k"], n_expert: Count, places: Natural) -> Bool[Tensor, "B T k"]:
    """Return which assignments are processed if each expert has a capacity of `places`.

    Earlier positions come first; among equal positions, earlier sequences; for one token, its best expert. With a given
    number of places, no token displaces an earlier one. A capacity, however, grows with the number of tokens, so that a
    longer text may keep an assignment that its beginning drops, and the result depends on the other sequences.
    """
    _require_experts(experts, n_expert)
    in_time = experts.transpose(0, 1)  # (T, B, k): the order of precedence
    order = in_time.flatten().argsort(stable=True)  # by expert; within one, in time
    counts = in_time.flatten().bincount(minlength=n_expert)
    first = counts.cumsum(0) - counts  # where each expert's assignments begin
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device) - first.repeat_interleave(counts)
    return (rank < places).view_as(in_time).transpose(0, 1)


class Router(nn.Linear):
    """A linear map from a token to the scores of the experts, and the selection of the experts.

    It computes in at least float32, since rounding changes the selection (Fedus et al. 2022, section 2.4). In training
    with balance="bias", each forward pass updates the biases outside autograd, as batch norm updates its averages.
    If several processes share a batch, load is counted over all of it; a capacity is that of a process's own part.

    Args:
        d_model: width C.
        config: the shape of the layer.
    """

    sum_over_processes: Callable[[Tensor], Tensor] | None = None
    """Sums counts over the processes that share a batch; `train` sets it if there are several."""

    @checked
    def __init__(self, d_model: Count, config: MoEConfig):
        super().__init__(d_model, config.n_expert, bias=False)
        self.config = config
        self.register_buffer("selection_bias", torch.zeros(config.n_expert) if config.balance == "bias" else None)

    @property
    def capacity_factor(self) -> float | None:
        """The capacity factor of the current mode; None for no limit."""
        return self.config.capacity_factor if self.training else self.config.eval_capacity_factor

    def forward(self, x: Float[Tensor, "B T C"]) -> Routing:
        """Select the experts of each token."""
        require_width("x", x, self.in_features)
        c = self.config
        with torch.autocast(x.device.type, enabled=False):
            logits = F.linear(at_least_float32(x), at_least_float32(self.weight))  # (B, T, E)
        finite = logits.detach().isfinite()
        if not finite.all():
            worst = logits[~finite][0]
            raise ValueError(f"a router's logit of x is {worst}, not a number: did the training of this model diverge?")
        experts, weights = route(
            logits,
            c.top_k,
            gates=c.gates,
            softmax=c.softmax,
            renormalize=c.normalizes,
            bias=self.selection_bias,
        )
        if self.training and self.selection_bias is not None:
            self.selection_bias.copy_(rebalanced(self.selection_bias, experts, c.bias_rate, self._load(experts)))
        if self.capacity_factor is None:
            kept = torch.ones_like(experts, dtype=torch.bool)
        else:
            places = _capacity(experts[..., 0].numel(), c.n_expert, c.top_k, self.capacity_factor)
            kept = within_capacity(experts, c.n_expert, places)
        return Routing(logits, experts, weights, kept)

    def _load(self, experts: Int[Tensor, "B T k"]) -> Float[Tensor, " E"]:
        return _load(experts, self.config.n_expert, self.sum_over_processes)

    def loss(self, routing: Routing) -> Float[Tensor, ""]:
        """Return the weighted auxiliary losses of a routing."""
        c = self.config
        total = routing.logits.new_zeros(())
        if c.balance == "aux":
            total = total + c.aux_weight * balance_loss(
                probabilities_of(routing.logits, c.gates), routing.experts, self._load(routing.experts)
            )
        return total + c.z_loss * _z_loss(routing.logits) if c.z_loss else total
