"""Which experts read a token, and how much each counts: plain functions, and the router that holds the weights."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lecture21.moe.balance import balance_loss, rebalanced, z_loss
from lecture21.moe.config import MoEConfig
from lecture21.objectives import at_least_float32


class Routing(NamedTuple):
    """What a router decided for every token of a batch."""

    logits: Float[Tensor, "B T E"]
    """Scores of all experts."""
    experts: Int[Tensor, "B T k"]
    """The chosen experts, best first."""
    weights: Float[Tensor, "B T k"]
    """How much each of them counts."""
    kept: Bool[Tensor, "B T k"]
    """Whether the token found a place in that expert; all true without a capacity."""


def route(
    logits: Float[Tensor, "*N E"],
    top_k: int,
    *,
    softmax: str = "before",
    renormalise: bool = True,
    bias: Float[Tensor, " E"] | None = None,
) -> tuple[Int[Tensor, "*N k"], Float[Tensor, "*N k"]]:
    """Choose the k most probable experts of each token, and weigh them.

    Args:
        logits: scores of the experts.
        top_k: number of experts k.
        softmax: before the selection, over all experts, or after it, over the k. After it is the same as before it
            with renormalisation: the exponentials of the others cancel.
        renormalise: divide the k probabilities by their sum.
        bias: added to the probabilities where experts are compared, never to the weights (Wang et al. 2024).

    Returns:
        The experts, best first, and their weights.

    Source: Shazeer et al. 2017, section 2.1 (after); Fedus et al. 2022, section 2.1 (before, k = 1); Jiang et al. 2024,
    section 2.1.
    """
    probabilities = logits.softmax(-1)
    scores = probabilities.detach() if bias is None else probabilities.detach() + bias
    experts = scores.topk(top_k, dim=-1).indices  # a choice has no gradient; the weights have
    if softmax == "after":
        return experts, logits.gather(-1, experts).softmax(-1)
    weights = probabilities.gather(-1, experts)
    return experts, weights / weights.sum(-1, keepdim=True) if renormalise else weights


def capacity(n_token: int, n_expert: int, top_k: int, factor: float) -> int:
    """Return the number of places in each expert: its equal share of the k N assignments, times a factor, rounded up.

    Source: Fedus et al. 2022, equation 3.
    """
    return math.ceil(factor * n_token * top_k / n_expert)


def within_capacity(experts: Int[Tensor, "B T k"], n_expert: int, places: int) -> Bool[Tensor, "B T k"]:
    """Tell which assignments find a place when each expert has so many.

    Places go to the earliest positions first (of equal positions, to the first sequence; of one token, to its best
    expert). So no token takes the place of an earlier one, and what a model says stays a function of the past. It is,
    however, a function of the other sequences of the batch.
    """
    in_time = experts.transpose(0, 1)  # (T, B, k): the order in which places are given
    order = in_time.flatten().argsort(stable=True)  # by expert; within one, in time
    counts = in_time.flatten().bincount(minlength=n_expert)
    first = counts.cumsum(0) - counts  # where each expert's assignments begin
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device) - first.repeat_interleave(counts)
    return (rank < places).view_as(in_time).transpose(0, 1)


class Router(nn.Linear):
    """A linear map from a token to the scores of the experts, and the choice that follows from them.

    It computes in float32 at least: rounded scores choose other experts (Fedus et al. 2022, section 2.4). While it
    trains with balance="bias", each forward pass moves the biases, outside autograd, as batch norm moves its averages.

    Args:
        d_model: width C.
        config: the shape of the layer.
    """

    def __init__(self, d_model: int, config: MoEConfig):
        super().__init__(d_model, config.n_expert, bias=False)
        self.config = config
        self.register_buffer("selection_bias", torch.zeros(config.n_expert) if config.balance == "bias" else None)

    def forward(self, x: Float[Tensor, "B T C"]) -> Routing:
        """Choose the experts of each token.

        Raises:
            ValueError: if a score is not finite.
        """
        c = self.config
        with torch.autocast(x.device.type, enabled=False):
            logits = F.linear(at_least_float32(x), at_least_float32(self.weight))  # (B, T, E)
        finite = logits.detach().isfinite()
        if not finite.all():
            worst = logits[~finite][0]
            raise ValueError(f"a router's logit is {worst}, not a number: did the training of this model diverge?")
        experts, weights = route(logits, c.top_k, softmax=c.softmax, renormalise=c.normalises, bias=self.selection_bias)
        if self.training and self.selection_bias is not None:
            self.selection_bias.copy_(rebalanced(self.selection_bias, experts, c.bias_rate))
        if c.capacity_factor is None:
            kept = torch.ones_like(experts, dtype=torch.bool)
        else:
            places = capacity(experts[..., 0].numel(), c.n_expert, c.top_k, c.capacity_factor)
            kept = within_capacity(experts, c.n_expert, places)
        return Routing(logits, experts, weights, kept)

    def loss(self, routing: Routing) -> Float[Tensor, ""]:
        """Return what a routing adds to the loss of the model, each part with its weight."""
        c = self.config
        total = routing.logits.new_zeros(())
        if c.balance == "aux":
            total = total + c.aux_weight * balance_loss(routing.logits.softmax(-1), routing.experts)
        return total + c.z_loss * z_loss(routing.logits) if c.z_loss else total
