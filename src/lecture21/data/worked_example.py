"""The worked example of chapters 02 to 04: one sentence, with vectors and matrices small enough to compute by hand.

The values are chosen by hand; none is learned. The columns of `X` have names here, so that a reader can follow what
each matrix does. The columns of a trained embedding have none.
"""

import torch
from jaxtyping import Float
from torch import Tensor

TOKENS: tuple[str, ...] = ("the", "cat", "sat", "down")
"""The sentence, one token for each word."""

FEATURES: tuple[str, ...] = ("thing", "action", "place", "article")
"""The names of the C = 4 columns of `X`."""

X: Float[Tensor, "T C"] = torch.tensor(
    [
        [1.0, 0.0, 0.0, 1.0],  # the: an article, which announces a thing
        [2.0, 1.0, 0.0, 0.0],  # cat: a thing, and one that acts
        [0.0, 1.0, 1.0, 0.0],  # sat: an action that has a place
        [0.0, 0.0, 2.0, 0.0],  # down: a place
    ]
)
"""The token vectors, (T, C) = (4, 4), one row for each token.

Related words share a column: "the" and "cat" share *thing*, "sat" and "down" *place*, "cat" and "sat" *action*. The
vectors of "cat" and "down" are long and those of "the" and "sat" short, so that the effect of length is visible. All
dot products are the integers 0, 1, 2, 4 and 5.
"""

SLOTS: tuple[str, ...] = ("noun", "verb", "place", "article")
"""The names of the D = 4 components of a query (what it looks for) and of a key (what it offers)."""

VALUE_SLOTS: tuple[str, ...] = ("who", "does", "where", "article")
"""The names of the Dv = 4 components of a value (what it carries)."""

W_QUERY: Float[Tensor, "D C"] = torch.tensor(
    [
        [-1.0, 2.0, 0.0, 3.0],  # looks for a noun: articles and actions do, things do not
        [0.0, 0.0, 1.0, 0.0],  # looks for a verb: places do
        [0.0, 0.0, 0.0, 0.0],  # looks for a place: no token does
        [0.0, 0.0, 0.0, 0.0],  # looks for an article: no token does
    ]
)
"""The slide's W^q, (D, C) = (4, 4): q_i = W^q x_i is what token i looks for.

The queries are the (2, 0, 0, 0), cat (0, 0, 0, 0), sat (2, 1, 0, 0) and down (0, 2, 0, 0): "sat" looks mainly
for its subject, "down" for its verb, and "cat" for nothing.
"""

W_QUERY_PLACE: Float[Tensor, "D C"] = torch.tensor(
    [
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [-1.0, 2.0, 0.0, 1.0],  # looks for a place: articles and actions do, things do not
        [0.0, 0.0, 0.0, 0.0],
    ]
)
"""The W^q of a second head, with the same keys and values: "sat" looks for its place, other tokens for nothing."""

W_KEY: Float[Tensor, "D C"] = torch.tensor(
    [
        [1.0, 0.0, 0.0, -1.0],  # is a noun: a thing that is not an article
        [-1.0, 2.0, 0.0, 1.0],  # is a verb: an action that is not a thing's
        [0.0, 0.0, 1.0, 0.0],  # is a place
        [0.0, 0.0, 0.0, 1.0],  # is an article
    ]
)
"""The slide's W^k, (D, C) = (4, 4): k_i = W^k x_i is what token i offers.

The keys are the (0, 0, 0, 1), cat (2, 0, 0, 0), sat (0, 2, 1, 0) and down (0, 0, 2, 0). With D = 4 the scores are
divided by sqrt(4) = 2 and become 0, 1 or 2: the score of "sat" is 2 for "cat" and 1 for itself.
"""

W_VALUE: Float[Tensor, "Dv C"] = torch.tensor(
    [
        [2.0, 0.0, 0.0, -2.0],  # carries who: a thing, unless it is an article
        [0.0, 1.0, 0.0, 0.0],  # carries what is done
        [0.0, 0.0, 0.5, 0.0],  # carries where
        [0.0, 0.0, 0.0, 1.0],  # carries that something is announced
    ]
)
"""The slide's W^v, (Dv, C) = (4, 4): v_i = W^v x_i is what token i carries.

The values are the (0, 0, 0, 1), cat (4, 1, 0, 0), sat (0, 1, 1/2, 0) and down (0, 0, 1, 0). None of the three
matrices is symmetric, so that a forgotten transpose changes the result.
"""
