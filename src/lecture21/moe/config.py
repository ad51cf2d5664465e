"""The shape of a sparse mixture of experts as data."""

from dataclasses import dataclass
from typing import Annotated

from lecture21._support.contract import Count, Natural, NonNegative, checked
from lecture21._support.validation import in_range, one_of

_BALANCES = ("aux", "bias", "none")
Balance = Annotated[str, one_of(_BALANCES)]
"""How the load is balanced: by an auxiliary loss, by a selection bias, or not at all."""
Gates = Annotated[str, one_of(("softmax", "sigmoid"))]
When = Annotated[str, one_of(("before", "after"))]
Capacity = Annotated[float, in_range(0, 1_000_000, "(]")]


@checked
@dataclass(frozen=True)
class MoEConfig:
    """The shape of a sparse layer: number of experts, routing, load balancing and capacity.

    The width of an expert is not a field: it is that of the feed-forward layer that the sparse layer replaces.
    """

    n_expert: Count = 8
    """Number of experts E."""
    top_k: Count = 2
    """Number k of experts that are selected for each token; at most E."""
    n_shared: Natural = 0
    """Number of additional experts that process every token (DeepSeek; Dai et al. 2024)."""
    gates: Gates = "softmax"
    """softmax: the experts share one unit of probability; sigmoid: each is scored on its own (DeepSeek-AI 2024)."""
    softmax: When = "before"
    """Softmax before the selection, over all experts, or after it, over the k selected (Shazeer et al. 2017)."""
    renormalize: bool | None = None
    """Whether the k gate weights are divided by their sum; by default if k > 1. With softmax="after" they sum to 1."""
    balance: Balance = "aux"
    """aux: an auxiliary loss that is 1 at balance (Fedus et al. 2022); bias: a bias for each expert in the selection
    (Wang et al. 2024); none."""
    aux_weight: NonNegative = 0.01
    """Weight of the auxiliary loss of each layer, with balance="aux"."""
    bias_rate: NonNegative = 0.001
    """Step size of the selection biases in training, with balance="bias"."""
    z_loss: NonNegative = 0.0
    """Weight of the squared log-sum-exp of the router's logits (Zoph et al. 2022: 0.001)."""
    capacity_factor: Capacity | None = None
    """Capacity of an expert in training, as a multiple of its equal share; tokens beyond it are dropped. No limit if
    not given."""
    eval_capacity_factor: Capacity | None = None
    """The same in evaluation mode, where a limit makes predictions depend on the other sequences of the batch and the
    length of the text, so that the model has no cache."""

    def __post_init__(self) -> None:
        if self.top_k > self.n_expert:
            raise ValueError(f"top_k must be at most n_expert={self.n_expert}, got {self.top_k}")
        if self.gates == "sigmoid" and self.softmax == "after":
            raise ValueError('softmax="after" needs gates="softmax": with gates="sigmoid" there is no softmax')
        if self.softmax == "after" and self.renormalize is False:
            raise ValueError('renormalize=False needs softmax="before": with softmax="after" the weights sum to 1')
        if self.normalizes and self.top_k == 1 < self.n_expert:
            raise ValueError(
                "top_k=1 needs softmax='before' and renormalize=False: a single weight divided by itself is always 1, "
                "and the router would get no gradient from the task"
            )

    @property
    def normalizes(self) -> bool:
        """Whether the gate weights of the selected experts sum to 1."""
        if self.softmax == "after":
            return True
        return self.top_k > 1 if self.renormalize is None else self.renormalize
