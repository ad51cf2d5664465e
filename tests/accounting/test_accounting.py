"""Every count against a measurement: a model's parameters, torch's FLOP counter, the tensors that torch saves."""

from collections.abc import Callable

import pytest
import torch
from drawn_configs import configs
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lecture21 import GPT, GPTConfig, accounting, presets
from lecture21.accounting.counting import _Parameters
from lecture21.layers import MultiHeadAttention
from lecture21.objectives import token_cross_entropy

# Parameters


PUBLISHED = {
    "gpt0": 209_729,
    "gpt1": 116_534_784,
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "gpt3": 174_604_259_328,
}


@pytest.mark.parametrize(("name", "total"), PUBLISHED.items())
def test_presets_have_the_published_number_of_parameters(name, total):
    assert accounting.parameters(presets.get(name)).total == total


def test_parameters_by_hand():
    """One layer, width 2, one head, everything with a bias and written out."""
    config = GPTConfig(vocab_size=5, block_size=3, n_layer=1, n_head=1, d_model=2, d_ff=4, qkv_bias=True)
    attention = 4 * (2 * 2 + 2)
    feed_forward = (2 * 4 + 4) + (4 * 2 + 2)
    biases = 4 * 2 + (4 + 2) + 5
    expected = _Parameters(5 * 2, 3 * 2, attention, feed_forward, 3 * (2 + 2), 5 * 2 + 5, biases=biases)
    assert accounting.parameters(config) == expected
    assert expected.total == 10 + 6 + 24 + 22 + 12 + 15
    assert expected.non_embedding == 24 + 22 + 12


def test_memory_of_weights():
    config = presets.get("gpt3")
    assert accounting.weight_bytes(config, "bf16") == 2 * PUBLISHED["gpt3"]
    assert accounting.weight_bytes(config, "fp32") == 4 * PUBLISHED["gpt3"]
    assert accounting.weight_bytes(config, "int4") == PUBLISHED["gpt3"] // 2


def test_kv_cache_of_gpt3():
    config = presets.get("gpt3")
    assert accounting.kv_cache_bytes(config, 1) == 4.5 * 2**20
    assert accounting.kv_cache_bytes(config) == 9 * 2**30


@pytest.mark.parametrize("name", presets.names())
def test_the_formula_counts_every_preset(name):
    config = presets.get(name)
    assert accounting.parameters(config) == accounting.parameters(_on_meta(config))


@given(configs())
def test_the_formula_counts_every_part_of_every_shape(config):
    model = GPT(config)
    counted = accounting.parameters(config)
    assert counted == accounting.parameters(model) == accounting.parameters(_on_meta(config))
    assert counted.total == sum(p.numel() for p in model.parameters())


def test_a_parameter_that_belongs_to_no_part_is_named():
    with pytest.raises(ValueError, match=r"parameter 0\.weight belongs to no part"):
        accounting.parameters(torch.nn.Sequential(torch.nn.Linear(1, 1)))


def _on_meta(config: GPTConfig) -> GPT:
    with torch.device("meta"):
        return GPT(config)


# FLOPs


def count_flops(config: GPTConfig, batch: int, context: int) -> tuple[int, int]:
    """Run a model forward and backward, and return what torch counted for each."""
    model = GPT(config)
    ids = torch.randint(config.vocab_size, (batch, context))
    with sdpa_kernel(SDPBackend.MATH):
        with FlopCounterMode(display=False) as forward:
            loss = model.loss(ids, ids)
        with FlopCounterMode(display=False) as backward:
            loss.backward()
    return forward.get_total_flops(), backward.get_total_flops()


@settings(max_examples=40)
@given(configs(), st.integers(1, 3), st.data())
def test_flops_are_exactly_what_torch_counts(config, batch, data):
    context = data.draw(st.integers(1, config.block_size))
    flops = accounting.sequence_flops(config, context)
    counted = count_flops(config, batch, context)
    assert counted == (flops.forward * batch, flops.backward * batch)
    assert flops.training == flops.forward + flops.backward == 3 * flops.forward


@given(configs(), st.data())
def test_flops_of_the_next_token_with_a_cache(config, data):
    context = data.draw(st.integers(1, config.block_size))
    model = GPT(config).eval()
    ids = torch.randint(config.vocab_size, (1, context))
    cache = model.new_cache()
    with sdpa_kernel(SDPBackend.MATH):
        if context > 1:
            model(ids[:, :-1], cache)
        with FlopCounterMode(display=False) as counter:
            model(ids[:, -1:], cache)
    assert counter.get_total_flops() == accounting.flops_per_token(config, context).forward


def test_a_window_by_hand():
    """Two layers, two heads of width 3, a window of 4: blocks of 4 queries with 8 keys, the first with 4."""
    config = GPTConfig(block_size=20, n_layer=2, n_head=2, d_model=6, window=4)
    key = 4 * 2 * 6
    seen = [accounting.flops_per_token(config, context).attention for context in (1, 3, 4, 5, 20)]
    assert seen == [key, 3 * key, 4 * key, 4 * key, 4 * key]
    read = {context: accounting.sequence_flops(config, context).attention for context in (3, 4, 15, 16, 17, 20)}
    assert read == {
        3: 9 * key,
        4: 16 * key,
        15: 225 * key,  # under a mask
        16: (16 + 3 * 32) * key,
        17: (16 + 4 * 32) * key,  # the last block is filled up
        20: (16 + 4 * 32) * key,
    }
    assert accounting.kv_cache_bytes(config, 3, dtype="fp32") == 3 * 2 * 2 * 6 * 4
    assert accounting.kv_cache_bytes(config, 20, dtype="fp32") == 4 * 2 * 2 * 6 * 4


def test_training_takes_six_flops_per_weight_and_twelve_for_attention():
    """Parameters that multiply are all but positions, biases and norms, and a tied table does."""
    config = presets.get("gpt2")
    total = accounting.parameters(config).total
    multiplying = total - 1024 * 768 - 12 * (9 * 768 + 4 * 768) - 2 * 768
    training = accounting.flops_per_token(config).training
    assert training == 6 * multiplying + 12 * config.n_layer * 1024 * 768
    assert training / (6 * total) == pytest.approx(1.144, abs=5e-4)


# Memory


def saved_numbers(run: Callable[[], object], model: torch.nn.Module) -> int:
    """Count the floating-point numbers that autograd saves during `run`, each once, without the weights."""
    own = {p.untyped_storage().data_ptr() for p in [*model.parameters(), *model.buffers()]}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_floating_point() and tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor  # held, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = run()
    assert result is not None
    return sum(tensor.untyped_storage().nbytes() // tensor.element_size() for tensor in kept.values())


def numbers_in_the_mask(config: GPTConfig, context: int) -> int:
    """Count the mask that the kernel saves as floating-point numbers, once for all sequences."""
    if config.window is None or config.window >= context:
        return 0
    return 2 * config.window**2 if accounting.flops._is_blocked(config, context) else context**2


WIDE = {"d_model": 24, "n_head": 6, "n_kv_head": 3, "vocab_size": 50, "block_size": 9}


@settings(max_examples=60)
@given(configs(**WIDE, d_head=None, n_layer=2, dropout=0.0), st.integers(1, 3), st.data())
def test_activations_are_exactly_what_torch_saves_for_backward(config, batch, data):
    context = data.draw(st.integers(2, config.block_size))
    model = GPT(config)
    ids = torch.randint(config.vocab_size, (batch, context))
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        # Without the routers' losses, which save a few more numbers.
        kept = saved_numbers(lambda: token_cross_entropy(model(ids), ids), model)
    kept -= config.n_layer * numbers_in_the_mask(config, context)
    # Besides the numbers of the tokens, the mean over them saves one.
    assert 4 * kept - accounting.activation_bytes(config, context, batch) in (0, 4)


@pytest.mark.parametrize("context", [2, 9])
def test_activations_without_the_fused_kernel_include_all_attention_weights(context, monkeypatch):
    monkeypatch.setattr(MultiHeadAttention, "forward", lambda self, x, cache=None, **_: self.explicit(x)[0])
    config = GPTConfig(**WIDE)
    model = GPT(config)
    ids = torch.randint(config.vocab_size, (2, context))
    kept = saved_numbers(lambda: model.loss(ids, ids), model)
    assert 4 * kept - accounting.activation_bytes(config, context, 2, fused=False) in (0, 4)


def test_training_memory_is_that_of_weights_gradients_and_adam():
    model = GPT(GPTConfig(n_layer=1))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.zeros(1, 4, dtype=torch.long)).sum().backward()
    optimizer.step()
    state = [t for values in optimizer.state.values() for t in values.values() if t.dim()]  # without step counts
    held = [*model.parameters(), *(p.grad for p in model.parameters()), *state]
    unused = sum(p.numel() for p in model.parameters() if p.grad is None)
    assert unused == 0
    assert sum(t.numel() * t.element_size() for t in held) == accounting.training_bytes(model.config)


@settings(max_examples=30)
@given(configs(), st.integers(1, 3))
def test_kv_cache_counts_the_keys_the_newest_token_attends_to_and_those_that_stay_in_the_window(config, batch):
    model = GPT(config).eval()
    cache = model.new_cache()
    met = []

    def keep(append: Callable) -> Callable:
        return lambda k, v: met.append(append(k, v)) or met[-1]

    with torch.no_grad():
        for ids in torch.randint(config.vocab_size, (batch, config.block_size)).split([config.block_size - 1, 1], 1):
            met.clear()
            for layer in cache:
                layer.append = keep(type(layer).append.__get__(layer))
            model(ids, cache)
    held = sum(t.numel() * t.element_size() for pair in met for t in pair)
    assert accounting.kv_cache_bytes(config, batch=batch, dtype="fp32") == held
    stays = min(config.block_size, config.window - 1) if config.window else config.block_size
    assert {layer.k.shape[-2] for layer in cache} == {stays}


# Training


def test_the_training_compute_of_gpt3_matches_its_paper():
    flops = accounting.training_flops(presets.get("gpt3"), 300_000_000_000)
    assert flops == 6 * PUBLISHED["gpt3"] * 300_000_000_000
    assert flops == pytest.approx(3.14e23, rel=2e-3)
    assert flops / (1e15 * 86400) == pytest.approx(3.64e3, rel=1e-3)  # petaFLOP/s-days


def test_four_days_on_eight_a100_match_the_124_m_model():
    """nanoGPT: 600,000 updates of 491,520 tokens in about four days."""
    tokens = 600_000 * 12 * 1024 * 40
    assert tokens == 294_912_000_000
    small = accounting.training_flops(presets.get("gpt2"), tokens)
    utilization = small / (accounting.DEVICES["A100"] * 8 * 4 * 86400)
    assert utilization == pytest.approx(0.255, abs=5e-4)
    assert accounting.training_days(small, "A100", 8) == pytest.approx(4 * utilization / 0.4)  # what is usual
    large = accounting.training_flops(presets.get("gpt2-xl"), tokens)
    assert accounting.training_days(large, "A100", 8, utilization) == pytest.approx(50, abs=0.5)
