"""Boosting: members that are fitted one after another, each to what those before it got wrong (slide 31).

AdaBoost's weighted vote can be written as the lecture's mixture, once its weights are divided by their sum. L2 boosting
cannot: there the members' predictions are added, and each member but the first predicts an error, not y.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.validation import require_number, require_whole
from lecture21.mixtures.formula import Mixture
from lecture21.mixtures.gates import ConstantGate, normalised
from lecture21.mixtures.learners import Learner, require_weights


class Vote(nn.Module):
    """A member that is sure: all its probability on the class that another member finds most probable.

    Args:
        member: a member with K classes; of two equal ones the lower wins.
    """

    def __init__(self, member: nn.Module):
        super().__init__()
        self.member = member

    def mean(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N K"]:
        """Return 1 for the class it votes for and 0 for the others."""
        probabilities = self.member.mean(x)
        return nn.functional.one_hot(probabilities.argmax(dim=-1), probabilities.shape[-1]).to(x.dtype)

    def log_prob(self, x: Float[Tensor, "N D"], y: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
        """Return 0 where it votes for y, and minus infinity where it does not."""
        return self.mean(x).gather(-1, y[:, None].long())[:, 0].log()


class AdaBoost(nn.Module):
    """A weighted vote of two-class members, as `adaboost` fits it.

    Attributes:
        members: the M members that count.
        alphas: (M,) the weight of each vote, 1/2 ln((1 - error) / error); of any sum.
        errors: (M,) each member's error on the weights that it was fitted to.
        weights: (M + 1, N) those weights, of sum 1, and in the last row what the next member would have got.
        stopped: why there are fewer members than asked for, or None.
    """

    def __init__(self, members: list[nn.Module], alphas: Tensor, errors: Tensor, weights: Tensor, stopped: str | None):
        super().__init__()
        self.members = nn.ModuleList(members)
        for name, values in {"alphas": alphas, "errors": errors, "weights": weights}.items():
            self.register_buffer(name, values)
        self.stopped = stopped

    def votes(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N M"]:
        """Return h_m(x), -1 for class 0 and +1 for class 1."""
        return torch.stack([_signs(member, x) for member in self.members], dim=1)

    def decision(self, x: Float[Tensor, "N D"]) -> Float[Tensor, " N"]:
        """Return F(x) = sum_m alpha_m h_m(x)."""
        return self.votes(x) @ self.alphas.to(x.dtype)

    def predict(self, x: Float[Tensor, "N D"]) -> Int[Tensor, " N"]:
        """Return the class on whose side F lies: 1 where it is above 0, else 0."""
        return (self.decision(x) > 0).long()

    def mean(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N 2"]:
        """Return the probability of each class, sigmoid(2 F) for class 1 (Friedman et al. 2000, section 4)."""
        twice = 2 * self.decision(x)
        return torch.stack([(-twice).sigmoid(), twice.sigmoid()], dim=1)

    def log_prob(self, x: Float[Tensor, "N D"], y: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
        """Return the logarithm of the probability of class y under `mean`."""
        return nn.functional.logsigmoid(2 * self.decision(x) * (2 * y - 1))

    def mixture(self) -> Mixture:
        """Return the votes as the slide's formula, with the constant gate alpha_m / sum of the alphas.

        It gives the same classes. Its probabilities are shares of votes, which nothing fits to how often a class comes
        true; where all members agree on the wrong class, `log_prob` is minus infinity.
        """
        return Mixture([Vote(member) for member in self.members], ConstantGate(normalised(self.alphas)))

    @property
    def bound(self) -> float:
        """What the share of wrong training points cannot exceed: the product of 2 sqrt(error (1 - error)).

        A member whose alpha is 0 contributes a factor of 1.
        """
        factors = 2 * (self.errors * (1 - self.errors)).sqrt()
        return torch.where(self.alphas > 0, factors, 1.0).prod().item()


def adaboost(learner: Learner, x: Float[Tensor, "N D"], y: Int[Tensor, " N"], *, rounds: int = 8) -> AdaBoost:
    """Fit members one after another, each to weights that have grown where the last one was wrong.

    After each round the weights are multiplied by exp(-alpha_m y h_m(x)) and divided by their sum. Under them the
    member just fitted is wrong on exactly half the weight, so that the next has to find something else.

    Args:
        learner: fits a two-class member to weighted points.
        x: the points.
        y: their classes, 0 and 1, or -1 and +1.
        rounds: how many members at most.

    Returns:
        the vote. A member with a weighted error of 1/2 or more is left out, and ends it: its vote would be worth
        nothing or less. If that is the first one, it is kept with alpha 0: both classes have probability 1/2
        everywhere. A member without an error also ends it, and alone is kept: its alpha would be infinite, and is
        computed as if it were wrong on half a point of N equal ones.

    Raises:
        ValueError: if `rounds` is below 1, there is no point, or y has other classes.

    Source: slide 31; Freund & Schapire 1997, figure 2 and theorem 6.
    """
    require_whole("rounds", rounds)
    require_weights(x, y, torch.ones(y.shape[:1]))
    present = set(y.unique().tolist())
    if not present <= {0, 1} and not present <= {-1, 1}:
        raise ValueError(f"AdaBoost takes the classes 0 and 1, or -1 and 1, got {sorted(present)[:5]}")
    classes = (y > 0).long()
    signs = 2.0 * classes.double() - 1
    weights = [torch.full((len(x),), 1 / len(x), dtype=torch.float64)]
    members, alphas, errors, stopped = [], [], [], None
    for m in range(rounds):
        member = learner(x, classes, weights[-1].to(x.dtype))
        agrees = signs * _signs(member, x).double()
        error = weights[-1][agrees < 0].sum().item()
        if error >= 0.5 - 1e-12:
            stopped = f"member {m + 1} is wrong on {error:.3f} of the weight, no better than chance"
            if not members:
                members, alphas, errors, weights = [member], [0.0], [error], 2 * weights
            break
        perfect = error == 0
        if perfect:
            stopped = f"member {m + 1} is right on every point, and decides alone"
            members, alphas, errors, weights = [], [], [], weights[-1:]
        alpha = 0.5 * math.log((1 - error) / error) if not perfect else 0.5 * math.log(2 * len(x) - 1)
        members.append(member)
        alphas.append(alpha)
        errors.append(error)
        grown = weights[-1] * (-alpha * agrees).exp()
        weights.append(grown / grown.sum())
        if perfect:
            break
    numbers = (torch.tensor(values, dtype=torch.float64) for values in (alphas, errors))
    return AdaBoost(members, *numbers, torch.stack(weights), stopped)


class L2Boost(nn.Module):
    """A sum of regression members, as `l2_boost` fits it: f(x) = shrinkage * sum_m f_m(x).

    It is not a mixture: its weights sum to shrinkage * M, and its members are not distributions of y given x.

    Attributes:
        members: the M members, each but the first fitted to what the sum of those before it leaves over.
        shrinkage: the share of each that is added.
        sd: the standard deviation of what is left over in training.
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

    def log_prob(self, x: Float[Tensor, "N D"], y: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
        """Return the log density of a normal around the sum, of standard deviation `sd`: one way to score it."""
        return torch.distributions.Normal(self.mean(x), self.sd.to(x.dtype)).log_prob(y)


def l2_boost(
    learner: Learner, x: Float[Tensor, "N D"], y: Float[Tensor, " N"], *, rounds: int = 8, shrinkage: float = 1.0
) -> L2Boost:
    """Fit members one after another, each to the residuals of the sum so far.

    Args:
        learner: fits a regression member to weighted points; all weights are 1 here.
        x: the points.
        y: one number for each.
        rounds: M, how many members.
        shrinkage: the share of each member that is added, above 0 and at most 1.

    Raises:
        ValueError: if `rounds` is below 1, there is no point, or the shrinkage is out of range.

    Source: Friedman 2001, section 4.1; Bühlmann & Yu 2003 for the name.
    """
    require_whole("rounds", rounds)
    require_number("shrinkage", shrinkage, "above 0 and at most 1", lambda value: 0 < value <= 1)
    ones = torch.ones(y.shape[:1], dtype=x.dtype)
    require_weights(x, y, ones)
    members, left = [], y
    for _ in range(rounds):
        members.append(learner(x, left, ones))
        left = left - shrinkage * members[-1].mean(x).detach()
    return L2Boost(members, shrinkage, left.square().mean().sqrt().item())


def _signs(member: nn.Module, x: Tensor) -> Tensor:
    """Return -1 where a two-class member finds class 0 more probable, or both the same, and +1 elsewhere."""
    probabilities = member.mean(x)
    return torch.where(probabilities[:, 1] > probabilities[:, 0], 1.0, -1.0).to(x.dtype)
