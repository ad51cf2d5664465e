"""Ensemble error curves: what overfitting does to members and to their mean (Sollich & Krogh 1996)."""

import traitlets

from lecture21.live.figure import Figure


class EnsembleErrors(Figure):
    """The error of an ensemble of linear students, the average error of its members, and their ambiguity.

    Some students are fitted to drawn examples and shown as curves, with their mean and the teacher. Below, the errors
    are the closed form of `ensembles.sollich_krogh_error`, against the penalty or against the fraction of the examples
    that each member sees. The best values are marked.

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
        "Students that were fitted to drawn examples, as curves around their mean and the teacher. Below, three curves "
        "against the penalty, for 30 members that each see 65 % of the examples: the ensemble's error "
        "is the members' average error minus their ambiguity. Its best penalty is 0.014, that of a member 0.2: "
        "members that overfit make the better ensemble."
    )
    alpha = traitlets.Float(1.0, min=0.1, max=10).tag(sync=True)
    subset = traitlets.Float(0.65, min=0.05, max=1).tag(sync=True)
    noise = traitlets.Float(0.2, min=0, max=2).tag(sync=True)
    members = traitlets.Int(30, min=1, max=1000).tag(sync=True)
    penalty = traitlets.Float(0.2, min=1e-4, max=10).tag(sync=True)
    seed = traitlets.Int(0, min=0, max=999).tag(sync=True)
    """Of the drawn teacher and examples."""

    along = traitlets.Enum(("penalty", "subset"), "penalty").tag(sync=True)
