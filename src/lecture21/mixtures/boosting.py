"""Boosting: members are fitted one after another, each to the errors of those before it (slide 31).

AdaBoost's weighted vote is an instance of the lecture's mixture, once its weights are divided by their sum. L2 boosting
is not: the members' predictions are added, and every member but the first predicts a residual instead of y.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import Count, Share, checked
from lecture21.mixtures._checks import Points, require_classes, require_points
from lecture21.mixtures.formula import Mixture
from lecture21.mixtures.gates import ConstantGate, _normalize
from lecture21.mixtures.learners import _Learner


class _Vote(nn.Module):
    """A member with all its probability on the class that another member finds most probable (the lower one if tied).

    Args:
        member: a member with K classes.
    """

    def __init__(self, member: nn.Module):
        super().__init__()
        self.member = member

    def mean(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N K"]:
        """Return 1 for the class it votes for and 0 for the others."""
        probabilities = self.member.mean(x)
        return nn.functional.one_hot(probabilities.argmax(dim=-1), probabilities.shape[-1]).to(x.dtype)

    @checked
    def log_prob(self, x: Float[Tensor, "N D"], y: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
        """Return 0 where it votes for y, and minus infinity elsewhere."""
        votes = self.mean(x)
        require_classes(y, votes.shape[1])
        return votes.gather(-1, y[:, None].long())[:, 0].log()


class _AdaBoost(nn.Module):
    """A weighted vote of two-class members, as `adaboost` fits it.

    Attributes:
        members: the M members that were kept.
        alphas: (M,) the weight of each vote, 1/2 ln((1 - error) / error); they sum to any number.
        errors: (M,) each member's error under the weights that it was fitted to.
        weights: (M + 1, N) those weights, each row of sum 1; the last row is for the next member.
        stopped: why there are fewer members than requested, or None.
    """

    def __init__(self, members: list[nn.Module], alphas: Tensor, errors: Tensor, weights: Tensor, stopped: str | None):
        super().__init__()
        self.members = nn.ModuleList(members)
        self.register_buffer("alphas", alphas)
        self.register_buffer("errors", errors)
        self.register_buffer("weights", weights)
        self.stopped = stopped

    def votes(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N M"]:
        """Return h_m(x), -1 for class 0 and +1 for class 1."""
        return torch.stack([_signs(member, x) for member in self.members], dim=1)

    def decision(self, x: Float[Tensor, "N D"]) -> Float[Tensor, " N"]:
        """Return F(x) = sum_m alpha_m h_m(x)."""
        return self.votes(x) @ self.alphas.to(x.dtype)

    def predict(self, x: Float[Tensor, "N D"]) -> Int[Tensor, " N"]:
        """Return class 1 where F(x) > 0, else class 0."""
        return (self.decision(x) > 0).long()

    def mean(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N 2"]:
        """Return the probability of each class, sigmoid(2 F) for class 1 (Friedman et al. 2000, section 4)."""
        twice = 2 * self.decision(x)
        return torch.stack([(-twice).sigmoid(), twice.sigmoid()], dim=1)

    @checked
    def log_prob(self, x: Float[Tensor, "N D"], y: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
        """Return the logarithm of the probability of class y under `mean`."""
        require_classes(y, 2)
        return nn.functional.logsigmoid(2 * self.decision(x) * (2 * y - 1))

    def mixture(self) -> Mixture:
        """Return the votes as the slide's formula, with the constant gate alpha_m / sum of the alphas.

        It predicts the same classes. Its probabilities are fractions of the votes and not calibrated; where all
        members agree on the wrong class, `log_prob` is minus infinity.
        """
        return Mixture([_Vote(member) for member in self.members], ConstantGate(_normalize(self.alphas)))

    @property
    def bound(self) -> float:
        """Upper bound of the training error, the product of 2 sqrt(error (1 - error)) over members with alpha > 0."""
        factors = 2 * (self.errors * (1 - self.errors)).sqrt()
        return torch.where(self.alphas > 0, factors, 1.0).prod().item()


@checked
def adaboost(learner: _Learner, x: Points, y: Int[Tensor, " N"], *, rounds: Count = 8) -> _AdaBoost:
    """Fit members one after another, each to weights that are increased where the previous member was wrong.

    After each round the weights are multiplied by exp(-alpha_m y h_m(x)) and divided by their sum. Under the new
    weights the member just fitted has an error of exactly 1/2, so the next one must learn something else.

    A member whose weighted error is at least 1/2 is dropped and ends the fit; if it is the first, it is kept with alpha
    0, and both classes have probability 1/2 everywhere. A member without an error also ends the fit and is the only one
    kept. Its alpha would be infinite; it is computed as if the member were wrong on half a point of N equal ones.

    Args:
        learner: fits a two-class member to weighted points.
        x: inputs.
        y: their classes, 0 and 1.
        rounds: largest number of members.

    Raises:
        ValueError: if y has other labels; map -1 and +1 to 0 and 1 with `(y > 0).long()`.

    Source: slide 31; Freund & Schapire 1997, figure 2 and theorem 6.
    """
    require_points(x, y)
    if set(y.unique().tolist()) == {-1, 1}:
        raise ValueError("y must be class labels 0 and 1 for AdaBoost, got -1 and 1: pass (y > 0).long()")
    require_classes(y, 2)
    signs = 2.0 * y.double() - 1
    weights = [torch.full((len(x),), 1 / len(x), dtype=torch.float64)]
    members, alphas, errors, stopped = [], [], [], None
    for m in range(rounds):
        member = learner(x, y, weights[-1].to(x.dtype))
        agreement = signs * _signs(member, x).double()  # +1 where the member is right, -1 where it is wrong
        error = weights[-1][agreement < 0].sum().item()
        if error >= 0.5 - 1e-12:
            stopped = f"member {m + 1} has a weighted error of {error:.3f}, no better than chance"
            if not members:
                members, alphas, errors, weights = [member], [0.0], [error], 2 * weights
            break
        perfect = error == 0
        if perfect:
            stopped = f"member {m + 1} is right on every point and decides alone"
            members, alphas, errors, weights = [], [], [], weights[-1:]
        alpha = 0.5 * math.log((1 - error) / error) if not perfect else 0.5 * math.log(2 * len(x) - 1)
        members.append(member)
        alphas.append(alpha)
        errors.append(error)
        updated = weights[-1] * (-alpha * agreement).exp()
        weights.append(updated / updated.sum())
        if perfect:
            break
    alphas, errors = (torch.tensor(values, dtype=torch.float64) for values in (alphas, errors))
    return _AdaBoost(members, alphas, errors, torch.stack(weights), stopped)


class _L2Boost(nn.Module):
    """A sum of regression members, as `l2_boost` fits it: f(x) = shrinkage * sum_m f_m(x).

    It is not a mixture: its weights sum to shrinkage * M, and its members are not distributions of y given x.

    Attributes:
        members: the M members, each fitted to the residuals of the sum of those before it.
        shrinkage: the factor of each member.
        sd: the standard deviation of the final residuals on the training points.
    """

    def __init__(self, members: list[nn.Module], shrinkage: float, sd: float):
        super().__init__()
        self.members = nn.ModuleList(members)
        self.shrinkage = shrinkage
        self.register_buffer("sd", torch.tensor(sd, dtype=torch.float64))

    def member_means(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N M"]:
        """Return f_m(x), before shrinkage."""
        return torch.stack([member.mean(x) for member in self.members], dim=1)

    def mean(self, x: Float[Tensor, "N D"]) -> Float[Tensor, " N"]:
        """Return the sum."""
        return self.shrinkage * self.member_means(x).sum(dim=1)

    @checked
    def log_prob(self, x: Float[Tensor, "N D"], y: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
        """Return the log density at y of a normal distribution around the sum, with standard deviation `sd`."""
        return torch.distributions.Normal(self.mean(x), self.sd.to(x.dtype)).log_prob(y)


@checked
def l2_boost(
    learner: _Learner, x: Points, y: Float[Tensor, " N"], *, rounds: Count = 8, shrinkage: Share = 1.0
) -> _L2Boost:
    """Fit members one after another, each to the residuals of the sum so far.

    Args:
        learner: fits a regression member to weighted points; all weights are 1 here.
        x: inputs.
        y: one number for each.
        rounds: number of members M.
        shrinkage: factor of each member, above 0 and at most 1.

    Source: Friedman 2001, section 4.1; Bühlmann & Yu 2003 for the name.
    """
    require_points(x, y)
    ones = torch.ones(len(x), dtype=x.dtype)
    members, residuals = [], y
    for _ in range(rounds):
        members.append(learner(x, residuals, ones))
        residuals = residuals - shrinkage * members[-1].mean(x).detach()
    return _L2Boost(members, shrinkage, residuals.square().mean().sqrt().item())


def _signs(member: nn.Module, x: Tensor) -> Tensor:
    """Return +1 where a two-class member finds class 1 more probable than class 0, and -1 elsewhere."""
    probabilities = member.mean(x)
    return torch.where(probabilities[:, 1] > probabilities[:, 0], 1.0, -1.0).to(x.dtype)
