"""What a mixture of experts costs where it is served: experts touched by a batch, bytes read, bytes sent, the roofline.

Decoding writes one token for each sequence of a batch in each step, so a step computes with `batch` tokens. It reads
every weight that some token needs once. Tokens are taken to choose their experts uniformly and apart from each other.
"""

import math
from dataclasses import replace

from lecture21._support.validation import require_choice, require_whole
from lecture21.accounting.flops import DEVICES
from lecture21.accounting.shapes import Shape, shape_of
from lecture21.accounting.weights import bits, expert_memory, token_flops, weights
from lecture21.config import GPTConfig

BANDWIDTHS: dict[str, float] = {"T4": 320e9, "V100": 900e9, "A100": 2.039e12, "H100": 3.35e12}
"""Most bytes in a second between memory and chip, as the vendor states them, for the boards of `DEVICES`.

Source: NVIDIA's data sheets of the four; the A100 is the one with 80 GB.
"""


def sparse(model: Shape | GPTConfig) -> Shape:
    """Return the shape of a model that has experts; raises ValueError if it has none."""
    shape = shape_of(model)
    if not shape.n_sparse:
        raise ValueError("the model has no experts: every one of its layers is dense")
    return shape


def distinct_experts(n_expert: int, top_k: int, batch: int) -> float:
    """Return how many different experts of a layer a batch of tokens needs, on average: E (1 - (1 - k/E)^B).

    A token passes one expert by with probability 1 - k/E, a batch of B tokens with its B-th power. That is for uniform
    routing, and no other routing touches more: with expert e chosen by a share p_e of the tokens, the mean is the sum
    of 1 - (1 - p_e)^B, which is concave in p_e and so largest where all are alike.

    Raises:
        ValueError: unless 1 <= k <= E, or if the batch is not a whole number >= 1.
    """
    require_whole("n_expert", n_expert)
    require_whole("batch", batch)
    require_whole("top_k", top_k)
    if top_k > n_expert:
        raise ValueError(f"top_k must be between 1 and the {n_expert} experts, got {top_k}")
    return n_expert * (1 - (1 - top_k / n_expert) ** batch)


def weights_read(model: Shape | GPTConfig, batch: int = 1, dtype: str = "bf16") -> float:
    """Return the bytes of weights that one decode step reads: what every token needs, and the experts touched.

    The table of tokens is read only where it is the output layer too, but for a row for each token, which is left out
    as are the cache and activations. An encoder has run before.

    Raises:
        ValueError: if the model has no experts, or naming a batch or dtype that does not fit.
    """
    shape = sparse(model)
    touched = shape.sparse_layers(shape.n_layer) * distinct_experts(shape.n_expert, shape.top_k, batch)
    return touched * expert_memory(shape, dtype) + always_read(shape) * bits(dtype)[1] / 8


def always_read(model: Shape | GPTConfig) -> int:
    """Return the number of parameters that a decode step reads whatever the routers say; raises as `weights_read`."""
    shape = sparse(model)
    counts = weights(replace(shape, n_encoder_layer=0))
    read = counts.total - counts.experts - shape.positions * shape.d_model
    if not shape.tied_head:
        read -= counts.embeddings
    return read + crossing(shape) + bool(shape.n_encoder_layer) * shape.n_layer * shape.d_model  # and its norm


def crossing(shape: Shape) -> int:
    """Return the weights that make queries and outputs of the attention to an encoder, 0 where there is none.

    Keys and values were made once, when the encoder had run.
    """
    attention = shape.attention
    return 2 * shape.d_model * attention.n_head * attention.d_head * shape.n_layer if shape.n_encoder_layer else 0


def decode_flops(model: Shape | GPTConfig) -> int:
    """Return the FLOPs of one written token in the weights of the decoder; attention comes on top.

    Raises:
        ValueError: if the model has no experts.
    """
    shape = sparse(model)
    return token_flops(replace(shape, n_encoder_layer=0), 1).linear + 2 * crossing(shape)


def all_to_all_bytes(
    model: Shape | GPTConfig, *, dispatch: str = "bf16", combine: str = "bf16", n_devices: int | None = None
) -> float:
    """Return the bytes that one token sends in one sparse layer, forward, when experts lie on other devices.

    Its vector of d numbers goes to k experts, and k results come back: 2 k d numbers. The backward pass sends as many
    again. All layers together send `model.n_sparse` times as much. Shared experts lie on every device, and send none.

    Args:
        model: its shape, or the configuration of a GPT.
        dispatch: precision on the way to the experts, a key of `PRECISIONS` other than mxfp4.
        combine: precision on the way back.
        n_devices: devices over which the experts are spread evenly; one of that many then lies at home. If not given,
            every expert lies elsewhere.

    Raises:
        ValueError: if the model has no experts, or naming what does not fit.
    """
    shape = sparse(model)
    away = 1.0
    if n_devices is not None:
        require_whole("n_devices", n_devices)
        away = 1 - 1 / n_devices
    return away * shape.top_k * shape.d_model * (bits(dispatch)[1] + bits(combine)[1]) / 8


def routed_intensity(model: Shape | GPTConfig, batch: int, dtype: str = "bf16") -> float:
    """Return the FLOPs for each byte of weights read in the routed experts, when a batch of tokens comes by.

    A weight that is read serves the tokens of its expert with two FLOPs each, on average B k / distinct of them; in a
    dense layer it serves all B.

    Raises:
        ValueError: if the model has no experts, or naming a batch or dtype that does not fit.
    """
    shape = sparse(model)
    share = shape.top_k / distinct_experts(shape.n_expert, shape.top_k, batch)
    return share * dense_intensity(batch, dtype)


def dense_intensity(batch: int, dtype: str = "bf16") -> float:
    """Return the FLOPs for each byte of weights read in a dense layer: two for each weight and each of the tokens.

    Raises:
        ValueError: naming a batch or dtype that does not fit.
    """
    require_whole("batch", batch)
    return 2 * batch / (bits(dtype)[0] / 8)


def ridge(device: str) -> float:
    """Return the FLOPs for each byte above which a device computes at its peak (at 16 bits), and below which it waits.

    Raises:
        ValueError: if the device is unknown.

    Source: Williams, Waterman & Patterson 2009.
    """
    require_choice("device", device, BANDWIDTHS)
    return DEVICES[device] / BANDWIDTHS[device]


def ridge_batch(model: Shape | GPTConfig, device: str, dtype: str = "bf16") -> int:
    """Return the smallest batch at which the routed experts are computed as fast as they are read.

    It is E/k times what a dense layer needs, as each expert serves only a k/E-th of the tokens. Weights are read as
    `dtype` and multiplied at 16 bits.

    Raises:
        ValueError: if the model has no experts, or naming a device or dtype that does not fit.
    """
    shape = sparse(model)
    # By then every expert is touched but for a share of less than e^-30, so that B k / E tokens share a weight.
    return math.ceil(ridge(device) * (bits(dtype)[0] / 8) / 2 * shape.n_expert / shape.top_k)


def tokens_per_second(model: Shape | GPTConfig, device: str, batch: int = 1, dtype: str = "bf16") -> float:
    """Return the most tokens that a device could write in a second: what reading and multiplying the weights allow.

    A ceiling, not a forecast: attention, its cache, communication and the room for the weights are left out.

    Raises:
        ValueError: if the model has no experts, or naming what does not fit.
    """
    require_choice("device", device, BANDWIDTHS)
    reading = weights_read(model, batch, dtype) / BANDWIDTHS[device]
    computing = batch * decode_flops(model) / DEVICES[device]
    return batch / max(reading, computing)
