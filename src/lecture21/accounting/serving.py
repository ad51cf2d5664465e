"""The cost of serving a mixture of experts: experts activated by a batch, bytes read, bytes sent, the roofline model.

Each decoding step writes one token for each sequence of a batch, so it processes `batch` tokens and reads every weight
that some token needs once. Tokens are assumed to choose their experts uniformly and independently.
"""

import math
from dataclasses import replace
from typing import Annotated

from lecture21._support.contract import Count, checked
from lecture21._support.validation import one_of
from lecture21.accounting.counting import parameters
from lecture21.accounting.flops import DEVICES, flops_per_token
from lecture21.accounting.memory import BITS, Format, Plain, _expert_bytes, _weight_bits
from lecture21.accounting.shapes import Shape
from lecture21.gpt.config import GPTConfig

BANDWIDTHS: dict[str, float] = {"T4": 320e9, "V100": 900e9, "A100": 2.039e12, "H100": 3.35e12}
"""Peak memory bandwidth in bytes/s, as stated by the vendor, for the boards of `DEVICES`.

Source: NVIDIA's data sheets; the A100 is the one with 80 GB.
"""
Device = Annotated[str, one_of(BANDWIDTHS)]


@checked
def distinct_experts(n_expert: Count, top_k: Count, batch: Count) -> float:
    """Return the expected number of distinct experts of a layer that a batch activates: E (1 - (1 - k/E)^B).

    One token does not select a given expert with probability 1 - k/E, and B tokens with the B-th power of it. Uniform
    routing activates the most: if expert e processes a fraction p_e of the tokens, the expectation is the sum of
    1 - (1 - p_e)^B, which is concave in p_e and therefore largest if all p_e are equal.
    """
    if top_k > n_expert:
        raise ValueError(f"top_k must be at most n_expert={n_expert}, got {top_k}")
    if top_k == n_expert or batch == 1:
        return float(top_k)
    # 1 - (1 - k/E)^B, which loses its digits where k/E is small.
    return n_expert * -math.expm1(batch * math.log1p(-top_k / n_expert))


@checked
def weights_read(model: GPTConfig | Shape, batch: Count = 1, dtype: Format = "bf16") -> float:
    """Return the bytes of weights that one decoding step reads: the shared weights, and the activated experts.

    The token embedding is read only if it is also the output layer; the rows that are looked up, the cache and the
    activations are not counted. The encoder of an encoder-decoder has run before.
    """
    shape = _with_experts(model)
    decoder = replace(shape, n_encoder_layer=0)
    experts = decoder.n_sparse * distinct_experts(shape.n_expert, shape.top_k, batch)
    counts = parameters(decoder)
    shared = counts.total - counts.experts - shape.positions * shape.d_model
    if not shape.tied_head:
        shared -= counts.embeddings
    shared += _cross_weights(shape) + shape.n_cross * shape.d_model  # the cross-attention's norm
    return experts * _expert_bytes(shape, dtype) + shared * _weight_bits(dtype)[1] / 8


def _decode_flops(model: GPTConfig | Shape) -> int:
    """Return the FLOPs of one decoded token in the weights of the decoder; attention comes on top."""
    shape = _with_experts(model)
    return flops_per_token(replace(shape, n_encoder_layer=0), 1).linear + 2 * _cross_weights(shape)


@checked
def all_to_all_bytes(
    model: GPTConfig | Shape, *, dispatch: Plain = "bf16", combine: Plain = "bf16", n_devices: Count | None = None
) -> float:
    """Return the bytes that one token sends in the forward pass of one sparse layer, with experts on other devices.

    Its vector of C numbers is sent to k experts, and k results are sent back. The backward pass sends as much again,
    and all layers send `model.n_sparse` times as much. Shared experts are on every device and send nothing.

    Args:
        model: a configuration or shape.
        dispatch: data type sent to the experts: fp32, bf16, fp16, fp8, int8 or int4.
        combine: data type sent back.
        n_devices: number of devices that share the experts evenly, the token's own included; if None, every expert is
            on another device.
    """
    shape = _with_experts(model)
    remote = 1.0 if n_devices is None else 1 - 1 / n_devices
    return remote * shape.top_k * shape.d_model * (BITS[dispatch] + BITS[combine]) / 8


@checked
def arithmetic_intensity(batch: Count, dtype: Format = "bf16", *, model: GPTConfig | Shape | None = None) -> float:
    """Return the FLOPs per byte of feed-forward weights read: in the routed experts of a model, or in a dense layer.

    A weight of a dense layer serves all B tokens of the batch with two FLOPs each. A weight of an activated expert
    serves on average B k / (number of distinct experts) tokens.
    """
    dense = 2 * batch / (_weight_bits(dtype)[0] / 8)
    if model is None:
        return dense
    shape = _with_experts(model)
    return shape.top_k / distinct_experts(shape.n_expert, shape.top_k, batch) * dense


@checked
def ridge_point(device: Device) -> float:
    """Return the arithmetic intensity (FLOPs per byte) above which a device reaches its peak at 16 bits.

    Below this intensity, also called the machine balance, memory bandwidth limits the speed.

    Source: Williams, Waterman & Patterson 2009.
    """
    return DEVICES[device] / BANDWIDTHS[device]


@checked
def ridge_batch(model: GPTConfig | Shape, device: Device, dtype: Format = "bf16") -> int:
    """Return the smallest batch at which the routed experts reach the ridge point.

    It is E/k times the batch of a dense layer, since each expert processes only k/E of the tokens. Weights are read as
    `dtype` and multiplied at 16 bits.
    """
    shape = _with_experts(model)
    # At this batch all but a fraction below e^-30 of the experts are activated, so that B k / E tokens share a weight.
    return math.ceil(ridge_point(device) * (_weight_bits(dtype)[0] / 8) / 2 * shape.n_expert / shape.top_k)


@checked
def tokens_per_second(model: GPTConfig | Shape, device: Device, batch: Count = 1, dtype: Format = "bf16") -> float:
    """Return an upper bound on the tokens per second of one device: the time to read and multiply the weights.

    Attention, its cache, communication, and whether the weights fit in memory are not considered.
    """
    reading = weights_read(model, batch, dtype) / BANDWIDTHS[device]
    computing = batch * _decode_flops(model) / DEVICES[device]
    return batch / max(reading, computing)


def _with_experts(model: GPTConfig | Shape) -> Shape:
    shape = Shape.of(model)
    if not shape.n_sparse:
        raise ValueError("the model has no experts: every one of its layers is dense")
    return shape


def _cross_weights(shape: Shape) -> int:
    """Return the weights of the cross-attentions' query and output projections.

    Their keys and values are computed once, after the encoder has run.
    """
    if not shape.n_cross:
        return 0
    return 2 * shape.d_model * shape.attention.n_head * shape.attention.d_head * shape.n_cross
