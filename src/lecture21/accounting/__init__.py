"""The cost of a transformer: parameters by part, FLOPs, memory, days of training, serving.

Costs are computed from sizes and never measured: the speed of this package's own code is in `benchmarks`.

Every function takes the configuration of a GPT (`GPTConfig`) or the sizes of another model (a `Shape`, for example
`published.get("mixtral-8x7b")`) and builds no model, so a model of a trillion parameters is counted as fast as GPT-0.
Three conventions hold throughout:

- A tied output layer has no parameters of its own: its matrix is counted once, among the embeddings, and multiplied
  once more.
- FLOPs are those of matrix products, with a multiplication and an addition counted as two operations, as torch's
  `FlopCounterMode` counts them. Norms, activation functions and softmaxes are not counted.
- The causal mask saves no FLOPs: every query is multiplied with every key, and half of the products are masked. A
  window does save FLOPs: the next token attends to at most that many keys, and a long sequence is processed in blocks.
"""

from lecture21.accounting import published
from lecture21.accounting.counting import parameters
from lecture21.accounting.flops import DEVICES, flops_per_token, sequence_flops, training_days, training_flops
from lecture21.accounting.memory import activation_bytes, kv_cache_bytes, training_bytes, weight_bytes
from lecture21.accounting.serving import (
    BANDWIDTHS,
    all_to_all_bytes,
    arithmetic_intensity,
    distinct_experts,
    ridge_batch,
    ridge_point,
    tokens_per_second,
    weights_read,
)
from lecture21.accounting.shapes import Grouped, Latent, Shape
