"""Ensemble error curves: what overfitting does to members and to their mean (Sollich & Krogh 1996)."""

import traitlets

from lecture21._support.validation import require_choice, require_number, require_whole
from lecture21.live.figure import Figure


class EnsembleErrors(Figure):
    """The error of an ensemble of linear students, the average error of its members, and their ambiguity.

    The curves are the closed form of `ensembles.sollich_krogh_error`, against the penalty or against the fraction of
    the examples that each member sees. The best values are marked.

    Args:
        alpha: examples for each weight, from 0.1 to 10.
        subset: fraction of the examples that each member sees, from 0.05 to 1.
        noise: variance of the noise, from 0 to 2.
        members: number of members, from 1 to 1,000.
        penalty: factor of the squared norm (weight decay), from 0.0001 to 10.
        along: what the horizontal axis shows: penalty or subset.

    Source: Sollich & Krogh 1996, "Learning with ensembles: How over-fitting can be useful".
    """

    figure = "ensemble_errors"
    description = (
        "Three curves against the penalty, for 30 members that each see 65 % of the examples: the ensemble's error "
        "is the members' average error minus their ambiguity. Its best penalty is 0.014, that of a member 0.2: "
        "members that overfit make the better ensemble."
    )
    alpha = traitlets.Float(1.0).tag(sync=True)
    subset = traitlets.Float(0.65).tag(sync=True)
    noise = traitlets.Float(0.2).tag(sync=True)
    members = traitlets.Int(30).tag(sync=True)
    penalty = traitlets.Float(0.2).tag(sync=True)
    along = traitlets.Unicode("penalty").tag(sync=True)

    def __init__(
        self,
        alpha: int | float = 1.0,
        subset: int | float = 0.65,
        noise: int | float = 0.2,
        members: int = 30,
        penalty: int | float = 0.2,
        along: str = "penalty",
    ) -> None:
        given = {"alpha": alpha, "subset": subset, "noise": noise, "penalty": penalty}
        limits = {"alpha": (0.1, 10), "subset": (0.05, 1), "noise": (0, 2), "penalty": (1e-4, 10)}
        for name, (low, high) in limits.items():
            require_number(name, given[name], f"from {low} to {high}", lambda x, low=low, high=high: low <= x <= high)
        require_whole("members", members)
        require_number("members", members, "at most 1000", lambda x: x <= 1000)
        require_choice("along", along, ("penalty", "subset"))
        super().__init__(**{name: float(value) for name, value in given.items()}, members=members, along=along)
        start = {name: trait.default_value for name, trait in self.class_traits().items()}
        self._shown = tuple(name for name in (*given, "members", "along") if getattr(self, name) != start[name])
