"""One formula for mixtures of experts, bagging and boosting: P(Y|X) = sum_m g_m(X) P_m(Y|X) (slides 30 and 31)."""

from collections.abc import Sequence
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.contract import NOT_EMPTY, checked
from lecture21.mixtures._checks import Targets


class Mixture(nn.Module):
    """M members, each a distribution of y given x, and a gate that gives their weights at x.

    A member has two methods, `log_prob(x, y)` of shape (N,) and `mean(x)` of shape (N,), or (N, K) for K classes. A
    gate is called as `gate(x)`, returns log g_m(x) of shape (N, M), and has the attribute `n_member`, M. Neither needs
    parameters. A `Mixture` has both methods and so is a member itself: a hierarchical mixture of experts is a mixture
    of mixtures.

    Throughout, x has the shape (N, D), and y (N,): numbers for regression, integers 0..K-1 for classes. Logarithms are
    natural.

    Args:
        members: the M members.
        gate: a gate for M members.

    Source: slide 30; Jacobs et al. 1991, equation 1.3; Jordan & Jacobs 1994 for the hierarchy.
    """

    @checked
    def __init__(self, members: Annotated[Sequence[nn.Module] | nn.ModuleList, NOT_EMPTY], gate: nn.Module):
        super().__init__()
        size = getattr(gate, "n_member", None)
        if size != len(members):
            raise ValueError(f"gate must have n_member={len(members)}, one for each member, got {size}")
        self.members = nn.ModuleList(members)
        self.gate = gate

    def gate_probabilities(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N M"]:
        """Return g_m(x), the weight of each member before y is known; each row sums to 1."""
        return self.gate(x).exp()

    @checked
    def member_log_prob(self, x: Float[Tensor, "N D"], y: Targets) -> Float[Tensor, "N M"]:
        """Return log P_m(y|x) of each member."""
        return torch.stack([member.log_prob(x, y) for member in self.members], dim=1)

    def _joint(self, x: Tensor, y: Tensor) -> Tensor:
        return self.gate(x) + self.member_log_prob(x, y)

    @checked
    def log_prob(self, x: Float[Tensor, "N D"], y: Targets) -> Float[Tensor, " N"]:
        """Return log P(y|x) of the mixture, by a logsumexp over members that cannot underflow."""
        return self._joint(x, y).logsumexp(dim=1)

    @checked
    def responsibilities(self, x: Float[Tensor, "N D"], y: Targets) -> Float[Tensor, "N M"]:
        """Return g_m P_m(y|x) / sum_k g_k P_k(y|x), the weight of each member once y is known; each row sums to 1.

        A row is NaN where y is impossible under every member.
        """
        return self._joint(x, y).softmax(dim=1)

    @torch.no_grad()
    def gate_logit_gradient(self, x: Float[Tensor, "N D"], y: Targets) -> Float[Tensor, "N M"]:
        """Return d log P(y|x) / d logit_m of a softmax gate: the responsibility minus the gate's probability.

        The gradient moves the gate from its weights before y is known to those after. For a `LinearGate` with weight V
        it gives d log-likelihood / dV = (R - G)^T X.

        Source: Jordan & Jacobs 1994.
        """
        return self.responsibilities(x, y) - self.gate_probabilities(x)

    def member_means(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N M ..."]:
        """Return f_m(x), each member's expected y, or its probability of each class."""
        return torch.stack([member.mean(x) for member in self.members], dim=1)

    @checked
    def mean(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N ..."]:
        """Return f-bar(x) = sum_m g_m(x) f_m(x), the mixture's expected y, or its probability of each class."""
        return torch.einsum("nm,nm...->n...", self.gate_probabilities(x), self.member_means(x))
