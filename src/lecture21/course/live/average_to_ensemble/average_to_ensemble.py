"""One slider from average to ensemble: small models that are trained together on average error - kappa * ambiguity."""

import traitlets

from lecture21.course.live.figure import Figure

_POINTS = 16


class AverageToEnsemble(Figure):
    """Ten members that minimize their average error minus kappa times their ambiguity, on points that the reader drags.

    For kappa = 0 each member is trained alone, for kappa = 1 only the error of their mean counts. A member is a sum of
    four bumps at random places, so the minimum is exact; the loss is that of
    `lecture21.mixtures.negative_correlation_loss`, plus a penalty on the weights. The members and their mean are drawn
    as curves, three bars show average error, ambiguity and ensemble error, on the points and against the curve that
    the points were drawn around, and a map the ensemble error against that curve for every kappa and penalty.

    Args:
        kappa: the factor of the ambiguity, from 0 to 1.
        penalty: factor of a member's squared weights (ridge regression), from 0.001 to 1.
        seed: of the drawn points, from 0 to 999.

    Source: Liu & Yao 1999, "Ensemble learning via negative correlation".
    """

    figure = "average_to_ensemble"
    description = (
        "16 points around a sine curve, and ten members that were each fitted to them alone, as thin curves around "
        "their mean. Below, bars: the ensemble error is the average error minus the ambiguity, on the points and "
        "against the curve. A slider makes the members minimize more and more of their mean's error instead of their "
        "own, and another one is a penalty on their weights. A map shows where the mean is best."
    )
    kappa = traitlets.Float(0.0, min=0, max=1).tag(sync=True)
    penalty = traitlets.Float(0.01, min=0.001, max=1).tag(sync=True)
    seed = traitlets.Int(10, min=0, max=999).tag(sync=True)
    points = traitlets.List().tag(sync=True)
    """Pairs (x, y), once the reader has moved one; empty before."""

    selected = traitlets.Int(0, min=0, max=_POINTS - 1).tag(sync=True)
