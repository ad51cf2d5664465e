"""The shape of a sparse mixture of experts as data."""

import math
from dataclasses import dataclass

from lecture21._support.validation import require_choice, require_number, require_switch, require_whole

_BALANCES = ("aux", "bias", "none")
"""How the load is balanced: by an auxiliary loss, by a selection bias, or not at all."""
_GATES, _SOFTMAX = ("softmax", "sigmoid"), ("before", "after")


@dataclass(frozen=True)
class MoEConfig:
    """The shape of a sparse layer: number of experts, routing, load balancing and capacity.

    The width of an expert is not a field: it is that of the feed-forward layer that the sparse layer replaces.
    """

    n_expert: int = 8
    """Number of experts E."""
    top_k: int = 2
    """Number k of experts that are selected for each token; at most E."""
    n_shared: int = 0
    """Number of additional experts that process every token (DeepSeek; Dai et al. 2024)."""
    gates: str = "softmax"
    """softmax: the experts share one unit of probability; sigmoid: each is scored on its own (DeepSeek-AI 2024)."""
    softmax: str = "before"
    """Softmax before the selection, over all experts, or after it, over the k selected (Shazeer et al. 2017)."""
    renormalize: bool | None = None
    """Whether the k gate weights are divided by their sum; by default if k > 1. With softmax="after" they sum to 1."""
    balance: str = "aux"
    """aux: an auxiliary loss that is 1 at balance (Fedus et al. 2022); bias: a bias for each expert in the selection
    (Wang et al. 2024); none."""
    aux_weight: float = 0.01
    """Weight of the auxiliary loss of each layer, with balance="aux"."""
    bias_rate: float = 0.001
    """Step size of the selection biases in training, with balance="bias"."""
    z_loss: float = 0.0
    """Weight of the squared log-sum-exp of the router's logits (Zoph et al. 2022: 0.001)."""
    capacity_factor: float | None = None
    """Capacity of an expert in training, as a multiple of its equal share; tokens beyond it are dropped. No limit if
    not given."""
    eval_capacity_factor: float | None = None
    """The same in evaluation mode, where a limit makes predictions depend on the other sequences of the batch and the
    length of the text, so that the model has no cache."""

    def __post_init__(self) -> None:
        require_whole("n_expert", self.n_expert)
        require_whole("top_k", self.top_k)
        require_whole("n_shared", self.n_shared, least=0)
        if self.top_k > self.n_expert:
            raise ValueError(f"top_k must be at most n_expert={self.n_expert}, got {self.top_k}")
        require_choice("gates", self.gates, _GATES)
        require_choice("softmax", self.softmax, _SOFTMAX)
        if self.gates == "sigmoid" and self.softmax == "after":
            raise ValueError('softmax="after" needs gates="softmax": with gates="sigmoid" there is no softmax')
        if self.renormalize is not None:
            require_switch("renormalize", self.renormalize)
        if self.softmax == "after" and self.renormalize is False:
            raise ValueError('renormalize=False needs softmax="before": with softmax="after" the weights sum to 1')
        if self.normalizes and self.top_k == 1 < self.n_expert:
            raise ValueError(
                "top_k=1 needs softmax='before' and renormalize=False: a single weight divided by itself is always 1, "
                "and the router would get no gradient from the task"
            )
        require_choice("balance", self.balance, _BALANCES)
        for name in ("aux_weight", "bias_rate", "z_loss"):
            require_number(name, getattr(self, name), "a number >= 0", lambda x: 0 <= x < math.inf)
        for name in ("capacity_factor", "eval_capacity_factor"):
            if getattr(self, name) is not None:
                require_number(name, getattr(self, name), "a positive number", lambda x: 0 < x < math.inf)

    @property
    def normalizes(self) -> bool:
        """Whether the gate weights of the selected experts sum to 1."""
        if self.softmax == "after":
            return True
        return self.top_k > 1 if self.renormalize is None else self.renormalize
