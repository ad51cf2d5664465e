"""One sentence, small enough for a pencil: every dot product of chapters 02 to 04 can be done in one's head.

The numbers are chosen by hand, and none is learned. Each column of `X` has a name here so that a reader can follow
what a matrix does; the columns of a trained embedding have no names.
"""

import torch
from jaxtyping import Float
from torch import Tensor

TOKENS: tuple[str, ...] = ("the", "cat", "sat", "down")
"""The sentence, one token for each word."""

FEATURES: tuple[str, ...] = ("thing", "action", "place", "article")
"""What the C = 4 columns of `X` stand for."""

X: Float[Tensor, "T C"] = torch.tensor(
    [
        [1.0, 0.0, 0.0, 1.0],  # the: announces a thing, and is an article
        [2.0, 1.0, 0.0, 0.0],  # cat: a thing, and one that acts
        [0.0, 1.0, 1.0, 0.0],  # sat: an action that has a place
        [0.0, 0.0, 2.0, 0.0],  # down: a place
    ]
)
"""The token vectors, (T, C) = (4, 4), one row for each token.

Neighbours in meaning share a column: "the" and "cat" the thing, "sat" and "down" the place, "cat" and "sat" the
action. "cat" and "down" are long, "the" and "sat" are short, so that the effect of length shows as well. All dot
products are the integers 0, 1, 2, 4 and 5.
"""

SLOTS: tuple[str, ...] = ("noun", "verb", "place", "article")
"""What the D = 4 numbers of a query look for, and what those of a key offer."""

VALUE_SLOTS: tuple[str, ...] = ("who", "does", "where", "article")
"""What the Dv = 4 numbers of a value hand over."""

W_QUERY: Float[Tensor, "D C"] = torch.tensor(
    [
        [-1.0, 2.0, 0.0, 3.0],  # looks for a noun: an article does, an action does, a thing does not
        [0.0, 0.0, 1.0, 0.0],  # looks for a verb: a place does
        [0.0, 0.0, 0.0, 0.0],  # looks for a place: nobody does
        [0.0, 0.0, 0.0, 0.0],  # looks for an article: nobody does
    ]
)
"""The slide's W^q, (D, C) = (4, 4): q_i = W^q x_i is what token i looks for.

The queries are the (2, 0, 0, 0), cat (0, 0, 0, 0), sat (2, 1, 0, 0) and down (0, 2, 0, 0): "sat" looks for its
subject above all, "down" for its verb, and "cat" for nothing.
"""

W_KEY: Float[Tensor, "D C"] = torch.tensor(
    [
        [1.0, 0.0, 0.0, -1.0],  # is a noun: a thing that is not an article
        [-1.0, 2.0, 0.0, 1.0],  # is a verb: an action that is not a thing's
        [0.0, 0.0, 1.0, 0.0],  # is a place
        [0.0, 0.0, 0.0, 1.0],  # is an article
    ]
)
"""The slide's W^k, (D, C) = (4, 4): k_i = W^k x_i is what token i offers to be found by.

The keys are the (0, 0, 0, 1), cat (2, 0, 0, 0), sat (0, 2, 1, 0) and down (0, 0, 2, 0). With D = 4 the scores are
divided by sqrt(4) = 2 and become 0, 1 or 2: "sat" gives 2 to "cat" and 1 to itself.
"""

W_VALUE: Float[Tensor, "Dv C"] = torch.tensor(
    [
        [2.0, 0.0, 0.0, -2.0],  # hands over who: a thing, unless it is an article
        [0.0, 1.0, 0.0, 0.0],  # hands over what is done
        [0.0, 0.0, 0.5, 0.0],  # hands over where
        [0.0, 0.0, 0.0, 1.0],  # hands over that something is announced
    ]
)
"""The slide's W^v, (Dv, C) = (4, 4): v_i = W^v x_i is what token i hands over to whoever finds it.

The values are the (0, 0, 0, 1), cat (4, 1, 0, 0), sat (0, 1, 1/2, 0) and down (0, 0, 1, 0). None of the three
matrices equals its transpose, so that a forgotten transpose shows in the numbers.
"""
