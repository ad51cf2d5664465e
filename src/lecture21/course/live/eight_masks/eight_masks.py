"""Eight masks, seven of them mistakes: what each lets through, and which loss it reaches on dice."""

import math
from typing import Any, ClassVar

import traitlets
from jaxtyping import Float
from torch import Tensor

from lecture21.course.chapters import results
from lecture21.course.chapters.c04_causal_mask import masks as eight
from lecture21.course.live.figure import Figure
from lecture21.data.worked_example import TOKENS, W_KEY, W_QUERY, W_VALUE, X


class EightMasks(Figure):
    """The causal mask and seven mistakes, on the sentence of four words.

    The reader chooses a mask. The figure shows its weights, marks the pairs in which a later word changes an earlier
    output, and gives the loss that a model with this mask reaches on dice, whose honest price is known.

    Args:
        mask: one of the names in `lecture21.course.chapters.c04_causal_mask.masks`.
    """

    figure = "eight_masks"
    description: ClassVar[str] = (
        "Eight small masks to choose from: the causal mask, no mask, one key too many, the triangle upside down, no "
        "diagonal, scores of 0 in place of minus infinity, a mask after the softmax, and one that hides the next word "
        "only. For the chosen one: its weights on the sentence the cat sat down, the later words that change an "
        "earlier output, and the loss on dice, which is ln 26 or 3.26 nats for the causal mask."
    )
    mask = traitlets.Enum(eight.MASKS, eight.MASKS[0]).tag(sync=True)
    tokens = traitlets.List(list(TOKENS)).tag(sync=True)
    masks = traitlets.List().tag(sync=True)
    """Of each mask: its name, where it is True, its weights, what depends on what, and the loss on dice in nats."""

    def __init__(self, *values: Any, **state: Any) -> None:
        super().__init__(*values, masks=[_shown(name) for name in eight.MASKS], **state)


def _shown(name: str) -> dict[str, Any]:
    x, w_query, w_key, w_value = (each.double() for each in (X, W_QUERY, W_KEY, W_VALUE))

    def weigh(x: Float[Tensor, "T C"]) -> Float[Tensor, "T T"]:
        return eight.masked_softmax(name, (x @ w_query.T) @ (x @ w_key.T).T / math.sqrt(len(w_key)))

    dice = results.load("masks").query("mask == @name and seed < 100")["nats"]
    return {
        "name": name,
        "allowed": eight.allowed(name, len(x)).int().tolist(),
        "weights": [[None if math.isnan(w) else w for w in row] for row in weigh(x).tolist()],
        "depends": eight.depends(lambda x: weigh(x) @ (x @ w_value.T), x).int().tolist(),
        "nats": round(dice.mean(), 5) if len(dice) else None,
    }
