"""The shape of a sparse mixture of experts as data."""

import math
from dataclasses import dataclass

from lecture21._support.validation import require_choice, require_number, require_switch, require_whole

BALANCES = ("aux", "bias", "none")
"""How the experts are given equal work: by a loss, by a bias that only selects, or not at all."""
SOFTMAX = ("before", "after")
"""Whether the router's softmax runs over all experts, before k are selected, or over the k alone."""


@dataclass(frozen=True)
class MoEConfig:
    """The shape of a sparse layer: how many experts, which of them read a token, and what keeps them all at work.

    The width of an expert is not among the fields: it is that of the feed-forward layer which it stands in for.

    Raises:
        ValueError: naming the field, its value and what is allowed.
    """

    n_expert: int = 8
    """Number of experts E."""
    top_k: int = 2
    """Number of experts that read each token; at most E."""
    n_shared: int = 0
    """Number of experts on top that read every token, without being chosen (DeepSeek; Dai et al. 2024)."""
    softmax: str = "before"
    """before the selection, over all experts, or after it, over the k that were chosen (Shazeer et al. 2017)."""
    renormalise: bool | None = None
    """Whether the k weights are divided by their sum; if not given, where k > 1. After the selection they sum to 1."""
    balance: str = "aux"
    """aux: a loss that is 1 at balance (Fedus et al. 2022); bias: a number for each expert that counts in the selection
    alone (Wang et al. 2024); none."""
    aux_weight: float = 0.01
    """What the auxiliary loss counts beside the cross-entropy, in each layer, with balance="aux"."""
    bias_rate: float = 0.001
    """By how much a bias moves in one training step, with balance="bias"."""
    z_loss: float = 0.0
    """What the squared log-sum of the router's logits counts in the loss (Zoph et al. 2022: 0.001)."""
    capacity_factor: float | None = None
    """Places in an expert, as a multiple of its equal share; tokens beyond them are dropped. No limit if not given."""

    def __post_init__(self) -> None:
        require_whole("n_expert", self.n_expert)
        require_whole("top_k", self.top_k)
        require_whole("n_shared", self.n_shared, least=0)
        if self.top_k > self.n_expert:
            raise ValueError(f"top_k must be at most n_expert={self.n_expert}, got {self.top_k}")
        require_choice("softmax", self.softmax, SOFTMAX)
        if self.renormalise is not None:
            require_switch("renormalise", self.renormalise)
        if self.softmax == "after" and self.renormalise is False:
            raise ValueError('renormalise=False needs softmax="before": after the selection, weights sum to 1 anyway')
        if self.normalises and self.top_k == 1 < self.n_expert:
            raise ValueError(
                "top_k=1 needs softmax='before' and renormalise=False: a single weight that is divided by itself is 1 "
                "whatever the router says, and the router would get no gradient from the task"
            )
        require_choice("balance", self.balance, BALANCES)
        for name in ("aux_weight", "bias_rate", "z_loss"):
            require_number(name, getattr(self, name), "a number >= 0", lambda x: 0 <= x < math.inf)
        if self.capacity_factor is not None:
            require_number("capacity_factor", self.capacity_factor, "a positive number", lambda x: 0 < x < math.inf)

    @property
    def normalises(self) -> bool:
        """Whether the weights of the chosen experts sum to 1."""
        if self.softmax == "after":
            return True
        return self.top_k > 1 if self.renormalise is None else self.renormalise
