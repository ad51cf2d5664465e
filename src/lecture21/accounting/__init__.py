"""What a GPT costs: its parameters by part, its arithmetic, its memory, and the days that training takes.

Everything follows from a `GPTConfig`; no weight is ever made, so GPT-3 is counted as fast as GPT-0. Three conventions
decide what the numbers mean, and are the same throughout:

- a tied head has no parameters of its own; its matrix is counted once, among the embeddings, and multiplied once more;
- FLOPs are those of matrix products, a multiplication and an addition each counted as one, as torch's
  `FlopCounterMode` counts them; norms, nonlinearities and softmaxes are left out, as there;
- the causal mask saves no FLOPs: every query is multiplied with every key, and half of the products are then masked.
"""

from lecture21.accounting.flops import DEVICES, Flops, flops_per_token, training_days, training_flops
from lecture21.accounting.memory import (
    BITS,
    activation_bytes,
    activations_per_token,
    kv_cache_bytes,
    training_bytes,
    weight_bytes,
)
from lecture21.accounting.parameters import WORDS, Parameters, parameters, parameters_by_formula, parameters_of

__all__ = [
    "BITS",
    "DEVICES",
    "WORDS",
    "Flops",
    "Parameters",
    "activation_bytes",
    "activations_per_token",
    "flops_per_token",
    "kv_cache_bytes",
    "parameters",
    "parameters_by_formula",
    "parameters_of",
    "training_bytes",
    "training_days",
    "training_flops",
    "weight_bytes",
]
