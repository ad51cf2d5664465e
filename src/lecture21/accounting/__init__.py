"""What a transformer costs: its parameters by part, its arithmetic, its memory, the days that training takes, serving.

Everything follows from a shape, a `GPTConfig` or a `Shape`; no weight is ever made, so that a model of a trillion
parameters is counted as fast as GPT-0. Three conventions decide what the numbers mean, and are the same throughout:

- a tied head has no parameters of its own; its matrix is counted once, among the embeddings, and multiplied once more;
- FLOPs are those of matrix products, a multiplication and an addition each counted as one, as torch's
  `FlopCounterMode` counts them; norms, nonlinearities and softmaxes are left out, as there;
- the causal mask saves no FLOPs: every query is multiplied with every key, and half of the products are then masked.
  A window does save some: the next token meets no more keys than it sees, and a text read at once is read in blocks.

`parameters`, `flops_per_token`, `kv_cache_bytes` and their kind count the GPTs that this package builds. What is
counted by `weights`, `token_flops`, `cache_memory` and the functions of serving is a `Shape`, such as
`published.get("mixtral-8x7b")`, or one of those GPTs too; where both count the same, the tests hold them equal.
"""

from lecture21.accounting import published
from lecture21.accounting.flops import DEVICES, Flops, flops_per_token, sequence_flops, training_days, training_flops
from lecture21.accounting.memory import (
    BITS,
    activation_bytes,
    activations_per_token,
    kv_cache_bytes,
    sequence_activations,
    training_bytes,
    weight_bytes,
)
from lecture21.accounting.parameters import (
    WORDS,
    Parameters,
    active_parameters,
    parameters,
    parameters_by_formula,
    parameters_of,
)
from lecture21.accounting.serving import (
    BANDWIDTHS,
    all_to_all_bytes,
    decode_flops,
    dense_intensity,
    distinct_experts,
    ridge,
    ridge_batch,
    routed_intensity,
    tokens_per_second,
    weights_read,
)
from lecture21.accounting.shapes import Grouped, Latent, Shape, shape_of
from lecture21.accounting.weights import (
    PRECISIONS,
    Weights,
    cache_memory,
    expert_memory,
    token_flops,
    weight_memory,
    weights,
)

__all__ = [
    "BANDWIDTHS",
    "BITS",
    "DEVICES",
    "PRECISIONS",
    "WORDS",
    "Flops",
    "Grouped",
    "Latent",
    "Parameters",
    "Shape",
    "Weights",
    "activation_bytes",
    "activations_per_token",
    "active_parameters",
    "all_to_all_bytes",
    "cache_memory",
    "decode_flops",
    "dense_intensity",
    "distinct_experts",
    "expert_memory",
    "flops_per_token",
    "kv_cache_bytes",
    "parameters",
    "parameters_by_formula",
    "parameters_of",
    "published",
    "ridge",
    "ridge_batch",
    "routed_intensity",
    "sequence_activations",
    "sequence_flops",
    "shape_of",
    "token_flops",
    "tokens_per_second",
    "training_bytes",
    "training_days",
    "training_flops",
    "weight_bytes",
    "weight_memory",
    "weights",
    "weights_read",
]
