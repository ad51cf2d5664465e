"""One formula for mixtures of experts, bagging and boosting: P(Y|X) = sum_m g_m(X) P_m(Y|X) (slides 30 and 31)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Mixture(nn.Module):
    """M members, each with a distribution of y given x, and a gate that says how much each counts at x.

    A member has two methods, `log_prob(x, y)` of shape (N,) and `mean(x)` of shape (N,), or (N, K) for K classes. A
    gate is called as `gate(x)`, returns log g_m(x) of shape (N, M), and says in `n_member` how large M is. Neither
    needs parameters. A `Mixture` has both methods too and so is a member itself: a hierarchical mixture of experts is
    a mixture of mixtures.

    Throughout, x has the shape (N, D), and y (N,): numbers for regression, whole numbers 0 ... K-1 for classes.
    Logarithms are natural.

    Args:
        members: the M members.
        gate: of the same M.

    Raises:
        ValueError: if there is no member, or the gate is of another size.

    Source: slide 30; Jacobs et al. 1991, equation 1.3; Jordan & Jacobs 1994 for the hierarchy.
    """

    def __init__(self, members: Sequence[nn.Module], gate: nn.Module):
        super().__init__()
        if not len(members):
            raise ValueError("a mixture needs at least one member, got none")
        size = getattr(gate, "n_member", None)
        if size != len(members):
            raise ValueError(f"the gate must have n_member={len(members)}, one for each member, got {size}")
        self.members = nn.ModuleList(members)
        self.gate = gate

    def gate_probabilities(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N M"]:
        """Return g_m(x): how much each member counts, before y is seen; not negative, and each row sums to 1."""
        return self.gate(x).exp()

    def member_log_prob(
        self, x: Float[Tensor, "N D"], y: Float[Tensor, " N"] | Int[Tensor, " N"]
    ) -> Float[Tensor, "N M"]:
        """Return log P_m(y|x): what each member thinks of what came."""
        return torch.stack([member.log_prob(x, y) for member in self.members], dim=1)

    def _joint(self, x: Tensor, y: Tensor) -> Tensor:
        return self.gate(x) + self.member_log_prob(x, y)

    def log_prob(self, x: Float[Tensor, "N D"], y: Float[Tensor, " N"] | Int[Tensor, " N"]) -> Float[Tensor, " N"]:
        """Return log P(y|x) of the mixture; the sum over members stays among logarithms, where nothing underflows."""
        return self._joint(x, y).logsumexp(dim=1)

    def responsibilities(
        self, x: Float[Tensor, "N D"], y: Float[Tensor, " N"] | Int[Tensor, " N"]
    ) -> Float[Tensor, "N M"]:
        """Return g_m P_m(y|x) / sum_k g_k P_k(y|x): which member it was, once y is seen; each row sums to 1.

        Where every member says that y is impossible, there is no answer and the row is not a number.
        """
        return self._joint(x, y).softmax(dim=1)

    def member_means(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N M ..."]:
        """Return f_m(x): what each member expects of y, or its probability of each class."""
        return torch.stack([member.mean(x) for member in self.members], dim=1)

    def mean(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N ..."]:
        """Return f-bar(x) = sum_m g_m(x) f_m(x): what the mixture expects of y, or its probability of each class."""
        return torch.einsum("nm,nm...->n...", self.gate_probabilities(x), self.member_means(x))
