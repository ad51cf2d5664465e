"""A sparse mixture of experts that stands in for the feed-forward layer of any GPT (slides 29 and 35)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lecture21.layers.feed_forward import FeedForward
from lecture21.moe.config import MoEConfig
from lecture21.moe.experts import Experts
from lecture21.moe.routing import Router, Routing


class SparseMoE(nn.Module):
    """Many feed-forward layers of which each token is read by k: sum over the chosen experts of weight times output.

    Unlike the mixture of slide 30 it mixes hidden vectors, not distributions.

    `forward` sorts the tokens by expert, so that each expert multiplies one matrix. `explicit` lets every expert read
    every token and weighs most of them by 0; it is what to read first. The tests prove them equal.

    Args:
        d_model: width C.
        d_hidden: width of each expert's hidden layer.
        n_expert: number of experts E.
        top_k: number of experts that read a token.
        activation: a key of `lecture21.layers.feed_forward.ACTIVATIONS`.
        bias: whether the maps of the experts have a bias.
        dropout: probability of dropping an output while training.
        routing: the other fields of `MoEConfig`.

    Raises:
        ValueError: naming a field, its value and what is allowed.

    Source: Shazeer et al. 2017, section 2; Fedus et al. 2022, section 2. Shared experts: Dai et al. 2024, 3.2.
    """

    def __init__(
        self,
        d_model: int,
        d_hidden: int,
        n_expert: int = 8,
        top_k: int = 2,
        *,
        activation: str = "relu",
        bias: bool = True,
        dropout: float = 0.0,
        **routing: object,
    ):
        super().__init__()
        c = self.config = MoEConfig(n_expert, top_k, **routing)
        self.router = Router(d_model, c)
        self.experts = Experts(d_model, d_hidden, n_expert, activation=activation, bias=bias)
        # Layers that all tokens pass add up to one layer of their joint width.
        shared = c.n_shared * d_hidden
        self.shared = FeedForward(d_model, shared, activation=activation, bias=bias) if shared else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Transform each position by the experts chosen for it; a token that none has a place for becomes 0."""
        return self._finish(x, self._dispatch(x, self.router(x)))

    def explicit(self, x: Float[Tensor, "B T C"]) -> tuple[Float[Tensor, "B T C"], Routing]:
        """Compute the same output without sorting, E / k times the work, and return the routing beside it."""
        routing = self.router(x)
        outputs = torch.stack([expert(x) for expert in self.experts.layers()], dim=-2)  # (B, T, E, C)
        weights = torch.zeros_like(routing.logits)  # (B, T, E)
        weights = weights.scatter(-1, routing.experts, routing.weights * routing.kept)
        return self._finish(x, (weights[..., None].to(outputs.dtype) * outputs).sum(-2)), routing

    def _finish(self, x: Float[Tensor, "B T C"], mixed: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        return self.dropout(mixed if self.shared is None else mixed + self.shared(x))

    def _dispatch(self, x: Float[Tensor, "B T C"], routing: Routing) -> Float[Tensor, "B T C"]:
        """Sort the assignments of tokens to experts by expert, let each expert read its own, and sort them back."""
        expert, k = routing.experts.flatten(), routing.experts.shape[-1]  # (N k)
        order = expert.argsort(stable=True)
        if self.config.capacity_factor is not None:
            order = order[routing.kept.flatten()[order]]
        counts = expert[order].bincount(minlength=self.config.n_expert).tolist()
        read = self.experts(x.flatten(0, 1).index_select(0, order // k), counts)  # (A, C), A = N k where all are kept
        read = read * routing.weights.flatten()[order, None].to(read.dtype)
        # Back to one row for each assignment, 0 for the dropped. Added up row by row the sum has the same order on
        # every device, which index_add has not.
        rows = read.new_zeros(len(expert), read.shape[-1]).index_put((order,), read)
        return rows.view(*routing.experts.shape, x.shape[-1]).sum(-2)  # (B, T, C)
