"""A sparse mixture of experts that replaces the feed-forward layer of any GPT (slides 29 and 35)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.contract import Count, Rate, checked
from lecture21.layers.dropout import Dropout
from lecture21.layers.feed_forward import Activation, FeedForward
from lecture21.moe._experts import Experts
from lecture21.moe.config import MoEConfig
from lecture21.moe.routing import Router, Routing


class SparseMoE(nn.Module):
    """E feed-forward experts of which k process each token: sum over the selected experts of gate weight times output.

    Unlike the mixture of slide 30 it mixes hidden vectors, not distributions.

    `forward` sorts the tokens by expert, so that each expert multiplies one matrix. `explicit` applies every expert to
    every token and gives most of them weight 0; read it first. The tests prove them equal.

    Args:
        d_model: width C.
        d_hidden: width of each expert's hidden layer.
        config: number of experts, routing, load balancing and capacity.
        activation: one of `lecture21.layers.FeedForward`.
        bias: whether the maps of the experts have a bias.
        dropout: probability of dropping an output in training.

    Source: Shazeer et al. 2017, section 2; Fedus et al. 2022, section 2. Shared experts: Dai et al. 2024, 3.2.
    """

    @checked
    def __init__(
        self,
        d_model: Count,
        d_hidden: Count,
        config: MoEConfig | None = None,
        *,
        activation: Activation = "relu",
        bias: bool = True,
        dropout: Rate = 0.0,
    ):
        super().__init__()
        c = self.config = MoEConfig() if config is None else config
        self.router = Router(d_model, c)
        self.experts = Experts(d_model, d_hidden, c.n_expert, activation=activation, bias=bias)
        # The sum of the shared experts is one feed-forward layer of their joint width.
        shared = c.n_shared * d_hidden
        self.shared = FeedForward(d_model, shared, activation=activation, bias=bias) if shared else None
        self.dropout = Dropout(dropout)

    def forward(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Transform each position by the experts selected for it; the output of a dropped token is 0."""
        return self._finish(x, self._dispatch(x, self.router(x)))

    def explicit(self, x: Float[Tensor, "B T C"]) -> tuple[Float[Tensor, "B T C"], Routing]:
        """Compute the same output without sorting, with E / k times the work, and return the routing with it."""
        routing = self.router(x)
        outputs = torch.stack([expert(x) for expert in self.experts.layers()], dim=-2)  # (B, T, E, C)
        weights = torch.zeros_like(routing.logits)  # (B, T, E)
        weights = weights.scatter(-1, routing.experts, routing.weights * routing.kept)[..., None].to(outputs.dtype)
        # In half precision an expert that is not selected may be infinite, and 0 times infinity is no number.
        outputs = outputs.masked_fill(weights == 0, 0.0)
        return self._finish(x, (weights * outputs).sum(-2)), routing

    def _finish(self, x: Float[Tensor, "B T C"], mixed: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        return self.dropout(mixed if self.shared is None else mixed + self.shared(x))

    def _dispatch(self, x: Float[Tensor, "B T C"], routing: Routing) -> Float[Tensor, "B T C"]:
        """Sort the assignments of tokens to experts by expert, apply each expert to its own, and restore the order."""
        expert, k = routing.experts.flatten(), routing.experts.shape[-1]  # (N k)
        order = expert.argsort(stable=True)
        if self.router.capacity_factor is not None:
            order = order[routing.kept.flatten()[order]]
        counts = expert[order].bincount(minlength=self.config.n_expert).tolist()
        outputs = self.experts(
            x.flatten(0, 1).index_select(0, order // k), counts
        )  # (A, C), A = N k where all are kept
        outputs = outputs * routing.weights.flatten()[order, None].to(outputs.dtype)
        # One row for each assignment, 0 for the dropped ones. Summed row by row, the order is the same on every device,
        # which index_add does not guarantee.
        rows = outputs.new_zeros(len(expert), outputs.shape[-1]).index_put((order,), outputs)
        return rows.view(*routing.experts.shape, x.shape[-1]).sum(-2)  # (B, T, C)
