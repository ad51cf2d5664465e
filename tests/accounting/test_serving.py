"""The cost of serving against simulation, enumeration and calculations by hand."""

import dataclasses
import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture21 import GPTConfig, accounting
from lecture21.accounting import Grouped, Shape, distinct_experts, published
from lecture21.accounting.memory import BITS
from lecture21.accounting.serving import BANDWIDTHS, _decode_flops

MIXTRAL, QWEN, V3 = (published.get(name) for name in ("mixtral-8x7b", "qwen3-30b-a3b", "deepseek-v3"))
OSS = published.get("gpt-oss-120b")
SMALL = Shape(20, 6, 3, Grouped(2, 1, 4), n_expert=4, top_k=2, d_expert=5, bias=True, router_bias=True)
OURS = GPTConfig(moe={"n_expert": 8, "top_k": 2}, d_ff=128)


def simulated(popularity: torch.Tensor, top_k: int, batch: int, trials: int, seed: int) -> float:
    """Draw k distinct experts for each token, and return the mean number of distinct experts of a batch."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.multinomial(popularity.expand(trials * batch, -1), top_k, generator=generator)
    drawn = torch.zeros(trials, len(popularity)).scatter_(1, chosen.view(trials, -1), 1.0)
    return drawn.sum(1).mean().item()


# Distinct experts


@pytest.mark.parametrize(
    ("n_expert", "top_k", "batch"), [(8, 2, 8), (256, 8, 64), (128, 4, 32), (5, 3, 2), (16, 1, 16)]
)
def test_the_expected_number_of_distinct_experts_agrees_with_a_simulation(n_expert, top_k, batch):
    mean = simulated(torch.ones(n_expert), top_k, batch, trials=2000, seed=0)
    # The standard deviation over batches is at most sqrt(E)/2, as the counts are negatively correlated.
    assert distinct_experts(n_expert, top_k, batch) == pytest.approx(mean, abs=4 * math.sqrt(n_expert) / 2 / 2000**0.5)


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=9), st.integers(1, 50))
def test_uniform_routing_touches_the_most_experts(shares, batch):
    """For any fractions of the tokens over the experts that sum to k."""
    top_k = max(1, round(sum(shares)))
    moved = [share + (top_k - sum(shares)) / len(shares) for share in shares]
    if all(0 <= share <= 1 for share in moved):
        touched = sum(1 - (1 - share) ** batch for share in moved)
        assert touched <= distinct_experts(len(shares), top_k, batch) + 1e-9


def test_distinct_experts_by_enumeration():
    """All ways in which three tokens can each choose two of four experts."""
    pairs = list(itertools.combinations(range(4), 2))
    touched = [len(set().union(*choice)) for choice in itertools.product(pairs, repeat=3)]
    assert distinct_experts(4, 2, 3) == pytest.approx(sum(touched) / len(touched))


@given(st.integers(1, 300), st.data())
def test_distinct_experts_range_from_k_for_one_token_to_all_experts(n_expert, data):
    top_k, batch = data.draw(st.integers(1, n_expert)), data.draw(st.integers(1, 500))
    assert distinct_experts(n_expert, top_k, 1) == pytest.approx(top_k)
    touched = distinct_experts(n_expert, top_k, batch)
    assert touched <= min(n_expert, batch * top_k) + 1e-9
    assert touched <= distinct_experts(n_expert, top_k, batch + 1) + 1e-9
    assert distinct_experts(n_expert, n_expert, batch) == n_expert


# Bytes read


def test_a_batch_that_uses_every_expert_reads_all_weights_but_the_token_embeddings():
    for shape in (MIXTRAL, QWEN, V3, SMALL):
        counts = accounting.parameters(shape)
        assert accounting.weights_read(shape, 10_000) == pytest.approx(2 * (counts.total - counts.embeddings))


def test_a_tied_embedding_is_read_by_the_output_layer():
    tied = dataclasses.replace(SMALL, tied_head=True)
    assert accounting.weights_read(tied, 3) == accounting.weights_read(SMALL, 3)


def test_bytes_read_by_hand():
    """Three layers of width 6 and four experts of width 5; two tokens use three of them on average."""
    attention, router, expert = 2 * 6 * 3 * 4, 6 * 4 + 4, 3 * 6 * 5 + 2 * 5 + 6
    always = 3 * (attention + router + 2 * 6) + 6 + 20 * 6
    assert accounting.weights_read(SMALL, 2, "fp32") == 4 * (always + 3 * 3 * expert)
    # At 4.25 bits the experts' weights; their biases, and all else, at 16.
    mixed = 2 * always + 3 * 3 * (3 * 6 * 5 * 4.25 / 8 + 2 * 16)
    assert accounting.weights_read(SMALL, 2, "mxfp4") == mixed


@pytest.mark.parametrize(
    ("shape", "gigabytes"),
    [(MIXTRAL, (25, 92, 93, 93)), (OSS, (10, 94, 202, 232)), (V3, (73, 553, 1169, 1340))],
)
def test_bytes_read_by_published_models(shape, gigabytes):
    read = [accounting.weights_read(shape, batch) / 1e9 for batch in (1, 16, 64, 256)]
    assert read == pytest.approx(gigabytes, abs=0.7)


def test_an_encoder_decoder_reads_its_decoder():
    """Without the encoder, and without the key and value projections of cross-attention."""
    shape = dataclasses.replace(
        SMALL, bias=False, router_bias=False, n_encoder_layer=5, relative_buckets=8, tied_head=True
    )
    decoder = accounting.parameters(dataclasses.replace(shape, n_encoder_layer=0)).total
    crossing = 3 * (2 * 6 * 2 * 4 + 6)
    assert accounting.weights_read(shape, 10_000) == pytest.approx(2 * (decoder + crossing))
    switch = published.get("switch-base-128")
    assert accounting.weights_read(switch) < 2 * accounting.parameters(switch).active
    # Queries and outputs of the attention between the stacks are the writer's work, keys and values the reader's: half
    # of the work each, but for the output layer.
    both, head = accounting.flops_per_token(switch, 1).linear, 2 * switch.vocab_size * switch.d_model
    assert _decode_flops(switch) == (both - head) / 2 + head


# Bytes sent


@pytest.mark.parametrize(
    ("name", "layer", "all_layers"),
    [("mixtral-8x7b", 32, 1.0), ("qwen3-30b-a3b", 64, 3.0), ("gpt-oss-120b", 45, 1.58), ("deepseek-v3", 224, 12.7)],
)
def test_bytes_sent_by_published_models(name, layer, all_layers):
    shape = published.get(name)
    sent = accounting.all_to_all_bytes(shape)
    assert sent == layer * 1024
    assert sent * shape.n_sparse / 2**20 == pytest.approx(all_layers, abs=0.05)


def test_bytes_sent_agree_with_a_simulation():
    """Eight experts on four devices, tokens in turn on each: a vector that leaves its device counts twice."""
    generator = torch.Generator().manual_seed(0)
    tokens = 20_000
    chosen = torch.multinomial(torch.ones(tokens, 8), 2, generator=generator)  # (tokens, k)
    home = torch.arange(tokens) % 4
    away = (chosen // 2 != home[:, None]).sum().item()
    sent = away * 2 * MIXTRAL.d_model * 2 / tokens
    assert accounting.all_to_all_bytes(MIXTRAL, n_devices=4) == pytest.approx(sent, rel=0.01)
    assert accounting.all_to_all_bytes(MIXTRAL, n_devices=1) == 0


def test_dispatch_and_combine_may_have_different_precisions():
    """DeepSeek-V3 sends at 8 bits and gets back 16."""
    assert accounting.all_to_all_bytes(V3, dispatch="fp8") == 168 * 1024
    assert accounting.all_to_all_bytes(V3, dispatch="fp8") == accounting.all_to_all_bytes(V3, combine="fp8")
    assert accounting.all_to_all_bytes(V3, dispatch="fp8", combine="fp8") == 112 * 1024
    assert accounting.all_to_all_bytes(V3) * V3.n_sparse == 224 * 1024 * 58  # the first three layers are dense


# The roofline


def test_intensity_is_one_flop_per_byte_at_batch_1_and_lower_than_a_dense_layers_beyond():
    for shape in (MIXTRAL, V3, OSS):
        assert accounting.arithmetic_intensity(1, model=shape) == pytest.approx(1)
        assert accounting.arithmetic_intensity(64, model=shape) < 64  # the dense layer's
    assert accounting.arithmetic_intensity(64, model=V3) == pytest.approx(2.3, abs=0.05)
    assert (
        accounting.arithmetic_intensity(64, "mxfp4", model=OSS)
        == accounting.arithmetic_intensity(64, model=OSS) * 16 / 4.25
    )


@pytest.mark.parametrize(
    ("name", "batch"), [("mixtral-8x7b", 1181), ("qwen3-30b-a3b", 4724), ("gpt-oss-120b", 9448), ("deepseek-v2", 7873)]
)
def test_batch_at_the_ridge(name, batch):
    """295 FLOPs for each byte on an H100, times E / k."""
    assert accounting.ridge_point("H100") == pytest.approx(295.2, abs=0.05)
    assert accounting.ridge_batch(published.get(name), "H100") == batch


@given(st.sampled_from(published.names()), st.sampled_from(sorted(BITS)), st.sampled_from(sorted(BANDWIDTHS)))
def test_intensity_reaches_the_ridge_at_the_ridge_batch(name, dtype, device):
    shape, top = published.get(name), accounting.ridge_point(device)
    batch = accounting.ridge_batch(shape, device, dtype)
    assert accounting.arithmetic_intensity(batch, dtype, model=shape) >= top * (1 - 1e-9)
    assert accounting.arithmetic_intensity(batch - 1, dtype, model=shape) < top


def test_devices_have_a_speed_and_a_bandwidth():
    assert BANDWIDTHS.keys() == accounting.DEVICES.keys()
    assert [round(accounting.ridge_point(device)) for device in BANDWIDTHS] == [203, 139, 153, 295]


@pytest.mark.parametrize(("shape", "most"), [(MIXTRAL, 131), (OSS, 326), (V3, 46)])
def test_tokens_per_second_at_batch_1_are_bandwidth_over_active_bytes(shape, most):
    assert accounting.tokens_per_second(shape, "H100") == pytest.approx(most, abs=0.5)
    assert accounting.tokens_per_second(shape, "H100") == pytest.approx(3.35e12 / accounting.weights_read(shape))


def test_tokens_per_second_are_limited_by_the_peak_flops():
    """A large batch is bound by arithmetic; sixteen tokens touch nearly all of Mixtral, and gain less than 16x."""
    peak = accounting.DEVICES["H100"] / accounting.flops_per_token(MIXTRAL, 1).linear
    assert accounting.tokens_per_second(MIXTRAL, "H100", 100_000) == pytest.approx(peak)
    gain = accounting.tokens_per_second(MIXTRAL, "H100", 16) / accounting.tokens_per_second(MIXTRAL, "H100")
    assert 4 < gain < 5


def test_serving_costs_of_a_gpt_are_those_of_its_shape():
    shape = Shape.of(OURS)
    assert accounting.weights_read(OURS, 4) == accounting.weights_read(shape, 4)
    assert accounting.all_to_all_bytes(OURS) == 2 * 2 * 64 * 2
    assert accounting.ridge_batch(OURS, "T4") == math.ceil(65e12 / 320e9 * 4)
    # One row of the learned positions is read.
    counts = accounting.parameters(OURS)
    assert accounting.weights_read(OURS) == 2 * (counts.active_without_embedding - 32 * 64)


def test_a_batch_of_few_tokens_activates_few_of_very_many_experts():
    assert accounting.distinct_experts(10**17, 1, 3) == pytest.approx(3)
    assert accounting.distinct_experts(4, 4, 3) == 4
