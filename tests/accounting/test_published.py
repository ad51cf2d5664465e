"""Counts of published mixtures of experts against models of transformers on the meta device.

The counts are computed from a `Shape`; transformers builds the model, and torch counts its parameters and FLOPs.
"""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from drawn_configs import configs
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    DeepseekV2Config,
    DeepseekV2ForCausalLM,
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedModel,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
    SwitchTransformersConfig,
    SwitchTransformersForConditionalGeneration,
)

from lecture21 import GPT, accounting
from lecture21.accounting import Grouped, Latent, Shape, published

# Counted on the models of transformers; GLaM is not among them.
COUNTED = {
    "switch-base-128": (7_415_217_408, 224_083_200),
    "switch-c": (1_571_308_972_448, 1_728_326_048),
    "mixtral-8x7b": (46_702_792_704, 12_879_925_248),
    "mixtral-8x22b": (140_630_071_296, 39_161_468_928),
    "deepseek-v2": (235_741_434_880, 21_375_800_320),
    "deepseek-v3": (671_026_404_352, 37_552_282_624),
    "qwen3-30b-a3b": (30_532_122_624, 3_353_032_704),
    "qwen3-235b-a22b": (235_093_634_560, 22_190_763_520),
    "gpt-oss-20b": (20_914_757_184, 4_187_440_704),
    "gpt-oss-120b": (116_829_156_672, 5_711_982_912),
}


# From a shape to a model of transformers. Every value is passed, as the defaults belong to another model.


def grouped_fields(shape: Shape) -> dict[str, object]:
    return {
        "vocab_size": shape.vocab_size,
        "hidden_size": shape.d_model,
        "num_hidden_layers": shape.n_layer,
        "num_attention_heads": shape.attention.n_head,
        "num_key_value_heads": shape.attention.n_kv_head,
        "head_dim": shape.attention.d_head,
        "num_experts_per_tok": shape.top_k,
        "tie_word_embeddings": False,
        "pad_token_id": 0,
    }


def mixtral(shape: Shape, **changes: object) -> PreTrainedModel:
    sizes = {"intermediate_size": shape.d_expert, "num_local_experts": shape.n_expert}
    return MixtralForCausalLM(MixtralConfig(**grouped_fields(shape), **sizes, **changes))


def qwen3(shape: Shape, **changes: object) -> PreTrainedModel:
    sizes = {"moe_intermediate_size": shape.d_expert, "num_experts": shape.n_expert, "decoder_sparse_step": 1}
    return Qwen3MoeForCausalLM(Qwen3MoeConfig(**grouped_fields(shape), **sizes, mlp_only_layers=[], **changes))


def gpt_oss(shape: Shape, **changes: object) -> PreTrainedModel:
    sizes = {"intermediate_size": shape.d_expert, "num_local_experts": shape.n_expert}
    window = {"sliding_window": shape.attention.window}
    return GptOssForCausalLM(GptOssConfig(**grouped_fields(shape), **sizes, **window, **changes))


def latent_fields(shape: Shape) -> dict[str, object]:
    attention = shape.attention
    return {
        "vocab_size": shape.vocab_size,
        "hidden_size": shape.d_model,
        "num_hidden_layers": shape.n_layer,
        "first_k_dense_replace": shape.first_dense,
        "intermediate_size": shape.d_ff or 1,
        "moe_intermediate_size": shape.d_expert,
        "n_routed_experts": shape.n_expert,
        "num_experts_per_tok": shape.top_k,
        "n_shared_experts": shape.n_shared,
        "n_group": 1,
        "topk_group": 1,
        "num_attention_heads": attention.n_head,
        "num_key_value_heads": attention.n_head,
        "q_lora_rank": attention.q_rank,
        "kv_lora_rank": attention.kv_rank,
        "qk_nope_head_dim": attention.d_plain,
        "qk_rope_head_dim": attention.d_rotary,
        "v_head_dim": attention.d_value,
        "tie_word_embeddings": False,
        "pad_token_id": 0,
    }


def deepseek2(shape: Shape, **changes: object) -> PreTrainedModel:
    head = {"head_dim": shape.attention.d_rotary}
    return DeepseekV2ForCausalLM(DeepseekV2Config(**latent_fields(shape), **head, **changes))


def deepseek3(shape: Shape, **changes: object) -> PreTrainedModel:
    return DeepseekV3ForCausalLM(DeepseekV3Config(**latent_fields(shape), **changes))


def switch(shape: Shape, **changes: object) -> PreTrainedModel:
    config = SwitchTransformersConfig(
        vocab_size=shape.vocab_size,
        d_model=shape.d_model,
        d_kv=shape.attention.d_head,
        d_ff=shape.d_expert,
        num_layers=shape.n_encoder_layer,
        num_decoder_layers=shape.n_layer,
        num_heads=shape.attention.n_head,
        num_experts=shape.n_expert,
        num_sparse_encoder_layers=shape.n_encoder_layer // shape.sparse_every,
        num_sparse_decoder_layers=shape.n_layer // shape.sparse_every,
        relative_attention_num_buckets=shape.relative_buckets,
        tie_word_embeddings=True,
        **{"expert_capacity": 10_000, **changes},  # what is dropped would not be computed
    )
    assert (config.encoder_sparse_step, config.decoder_sparse_step) == (shape.sparse_every, shape.sparse_every)
    return SwitchTransformersForConditionalGeneration(config)


def on_meta(build: Callable[..., PreTrainedModel], shape: Shape) -> tuple[int, int]:
    """Return the parameters of a transformers model, and those of its routed experts."""
    with torch.device("meta"):
        model = build(shape)
    named = list(model.named_parameters())
    routed = sum(p.numel() for name, p in named if ".experts." in name)
    return sum(p.numel() for _, p in named), routed


# Shapes that are in no table


def counts(largest: int) -> st.SearchStrategy[int]:
    return st.integers(1, largest)


@st.composite
def experts(draw: Callable, **fixed: object) -> dict[str, object]:
    n_expert = draw(st.integers(2, 7))
    sizes = {"n_expert": n_expert, "top_k": draw(counts(n_expert)), "d_expert": draw(counts(11))}
    return {"vocab_size": draw(st.integers(3, 40)), "n_layer": draw(counts(4)), **sizes, **fixed}


@st.composite
def grouped_shapes(draw: Callable, **features: object) -> Shape:
    groups, d_head = draw(counts(3)), 2 * draw(counts(4))
    names = {f.name for f in dataclasses.fields(Grouped)}
    attention = Grouped(
        groups * draw(counts(3)), groups, d_head, **{k: v for k, v in features.items() if k in names and k != "bias"},
        bias=bool(features.get("bias")),
    )  # fmt: skip
    others = {k: v for k, v in features.items() if k not in names or k == "bias"}
    return Shape(d_model=2 * draw(counts(9)), attention=attention, **draw(experts()), **others)


@st.composite
def latent_shapes(draw: Callable) -> Shape:
    """Transformers requires that the heads divide the width and that rotated parts have even width."""
    pairs = {name: 2 * draw(counts(5)) for name in ("kv_rank", "d_plain", "d_rotary")}
    attention = Latent(draw(counts(5)), q_rank=draw(counts(9)), d_value=draw(counts(9)), **pairs)
    n_layer = draw(st.integers(2, 4))
    dense = {"first_dense": draw(st.integers(0, n_layer - 1)), "d_ff": draw(counts(11))}
    others = draw(experts(n_layer=n_layer, n_shared=draw(counts(3)), **dense))
    return Shape(d_model=2 * attention.n_head * draw(counts(4)), attention=attention, **others)


@st.composite
def switch_shapes(draw: Callable) -> Shape:
    every, n_head = draw(counts(2)), draw(counts(3))
    layers = every * draw(counts(2))
    return Shape(
        d_model=2 * draw(counts(6)), attention=Grouped(n_head, n_head, draw(counts(5))), gated=False, tied_head=True,
        relative_buckets=2 * draw(st.integers(2, 16)), n_encoder_layer=every * draw(counts(2)), sparse_every=every,
        **draw(experts(n_layer=layers, top_k=1, d_ff=5, d_expert=5)),
    )  # fmt: skip


OSS = {"qkv_bias": True, "bias": True, "sinks": True, "router_bias": True}
FAMILIES = {
    "mixtral": (mixtral, grouped_shapes()),
    "qwen3": (qwen3, grouped_shapes(qk_norm=True)),
    "gpt_oss": (gpt_oss, grouped_shapes(**OSS, window=64, window_every=2)),
    "deepseek2": (deepseek2, latent_shapes()),
    "deepseek3": (deepseek3, latent_shapes()),
    "switch": (switch, switch_shapes()),
}


# Parameters


def test_published_shapes_have_the_parameters_that_were_counted():
    for name, total_and_active in COUNTED.items():
        counted = accounting.parameters(published.get(name))
        assert (counted.total, counted.active) == total_and_active, name


def test_glam_by_hand():
    """32 of 64 layers are sparse; a dense layer has a gate, an expert has none; 256,000 tokens, one table."""
    attention, expert, dense = 4 * 8192 * 128 * 128, 2 * 8192 * 32768, 3 * 8192 * 32768
    rest = 64 * attention + 32 * dense + 256_000 * 8192 + 32 * 64 * 8192 + (2 * 64 + 1) * 8192
    counted = accounting.parameters(published.get("glam-64b-64e"))
    assert (counted.total, counted.active) == (rest + 32 * 64 * expert, rest + 32 * 2 * expert)
    assert (round(counted.total / 1e9), round(counted.active / 1e8)) == (1162, 966)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=25)
@given(data=st.data())
def test_unpublished_shapes_have_the_parameter_counts_of_the_transformers_models(family, data):
    build, shapes = FAMILIES[family]
    shape = data.draw(shapes)
    counted = accounting.parameters(shape)
    assert (counted.total, counted.experts) == on_meta(build, shape)
    assert counted.idle_experts * shape.n_expert == counted.experts * (shape.n_expert - shape.top_k)
    assert counted.active_without_embedding == counted.active - shape.vocab_size * shape.d_model


@pytest.mark.parametrize("name", published.names())
def test_printed_totals_are_the_computed_ones_rounded(name):
    assert published._rounds_to(accounting.parameters(published.get(name)).total, published.get(name).printed_total)


def test_printed_active_parameters_follow_two_conventions():
    fits = {name: published.get(name).conventions for name in published.names()}
    assert [name for name, words in fits.items() if words == ("without",)] == [
        "deepseek-v3", "gpt-oss-20b", "gpt-oss-120b"
    ]  # fmt: skip
    assert [name for name, words in fits.items() if words == ("with",)] == ["glam-64b-64e", "mixtral-8x7b"]
    # 3.35 is printed as 3.3, and the papers of Switch print no number.
    assert [name for name, words in fits.items() if not words] == ["switch-base-128", "switch-c", "qwen3-30b-a3b"]


def test_parameter_counts_of_switch_match_the_table_in_its_paper():
    """The row of Switch-XXL says 64 experts and 395 B; 64 experts in every second layer give half of that."""

    def total(n_layer: int, d_model: int, n_head: int, hidden: int, gated: bool, n_expert: int) -> float:
        shape = dataclasses.replace(
            published.get("switch-base-128"), n_layer=n_layer, n_encoder_layer=n_layer, d_model=d_model, gated=gated,
            attention=Grouped(n_head, n_head, 64), n_expert=n_expert, d_expert=hidden, d_ff=hidden, gated_dense=gated,
        )  # fmt: skip
        return round(accounting.parameters(shape).total / 1e9, 1)

    assert total(24, 4096, 64, 10240, True, 128) == 394.5
    assert total(24, 4096, 64, 10240, True, 64) == 201.3
    assert total(24, 1024, 16, 2816, True, 128) == 27.1  # printed as 26 B


# FLOPs


EAGER = {"attn_implementation": "eager", "experts_implementation": "eager"}


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=10)
@given(data=st.data())
def test_flops_of_every_family_are_exactly_what_torch_counts(family, data):
    build, shapes = FAMILIES[family]
    shape, context = data.draw(shapes), data.draw(st.integers(1, 9))
    model = build(shape, **EAGER).eval()
    ids = torch.randint(shape.vocab_size, (1, context))
    both = {"decoder_input_ids": ids} if shape.n_encoder_layer else {}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(ids, use_cache=False, **both)
    assert accounting.flops_per_token(shape, context).forward * context == counter.get_total_flops()


def test_flops_per_token_of_published_models_are_twice_the_active_parameters():
    for name, billions in {"mixtral-8x7b": 25.5, "qwen3-235b-a22b": 43.1, "deepseek-v3": 73.2}.items():
        counted = accounting.parameters(published.get(name))
        linear = accounting.flops_per_token(published.get(name), 1).linear
        assert linear == 2 * (counted.active_without_embedding - counted.norms - counted.biases)
        assert round(linear / 1e9, 1) == billions


# Memory


def test_the_memory_of_gpt_oss_matches_its_model_card():
    """Experts at 4.25 bits, all else at 16; the card prints 60.8 and 12.8 GiB."""
    for name, size in {"gpt-oss-120b": 60.77, "gpt-oss-20b": 12.82}.items():
        assert accounting.weight_bytes(published.get(name), "mxfp4") / 2**30 == pytest.approx(size, abs=0.005)


def test_memory_is_bits_times_parameters():
    shape = published.get("mixtral-8x7b")
    assert accounting.weight_bytes(shape) == 2 * COUNTED["mixtral-8x7b"][0]
    assert accounting.weight_bytes(shape, "fp32") == 4 * COUNTED["mixtral-8x7b"][0]
    assert accounting.weight_bytes(shape, "int4") == COUNTED["mixtral-8x7b"][0] // 2


KIB = {
    "mixtral-8x7b": 128, "mixtral-8x22b": 224, "qwen3-30b-a3b": 96, "qwen3-235b-a22b": 188, "gpt-oss-120b": 72,
    "gpt-oss-20b": 48, "deepseek-v2": 67.5, "deepseek-v3": 68.625, "glam-64b-64e": 4096,
}  # fmt: skip


def test_cache_bytes_per_token_of_published_models():
    assert {name: accounting.kv_cache_bytes(published.get(name), 1) / 1024 for name in KIB} == KIB


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=10)
@given(data=st.data())
def test_cache_size_equals_that_of_the_transformers_cache(family, data):
    build, shapes = FAMILIES[family]
    shape, context, batch = data.draw(shapes), data.draw(st.integers(1, 9)), data.draw(st.integers(1, 3))
    model = build(shape, **EAGER).eval()
    ids = torch.randint(shape.vocab_size, (batch, context))
    with torch.no_grad():
        read = {"input_ids": ids}
        if shape.n_encoder_layer:
            read = {"decoder_input_ids": ids, "encoder_outputs": model.get_encoder()(ids)}
        cache = model(use_cache=True, **read).past_key_values
    parts = (cache.self_attention_cache, cache.cross_attention_cache) if shape.n_encoder_layer else (cache,)
    held = [tensor for part in parts for layer in part.layers for tensor in (layer.keys, layer.values)]
    assert accounting.kv_cache_bytes(shape, context, batch, "fp32") == sum(4 * tensor.numel() for tensor in held)


def test_a_window_bounds_the_cache_and_the_keys_of_every_other_layer():
    shape = published.get("gpt-oss-120b")
    at = {context: accounting.kv_cache_bytes(shape, context) for context in (127, 128, 129, 1000, 1001)}
    assert at[128] - at[127] == 72 * 1024
    assert at[129] - at[128] == at[1001] - at[1000] == 36 * 1024
    key = shape.attention.flops_per_key
    assert accounting.flops_per_token(shape, 1000).attention == 18 * key * 128 + 18 * key * 1000
    odd = dataclasses.replace(shape, n_layer=5)  # the first, third and fifth are short
    assert accounting.flops_per_token(odd, 1000).attention == 3 * key * 128 + 2 * key * 1000


# Our own


@given(configs(), st.data())
def test_a_gpt_and_its_shape_have_the_same_counts(config, data):
    context, shape = data.draw(st.integers(1, config.block_size)), Shape.of(config)
    with torch.device("meta"):
        model = GPT(config)
    assert accounting.parameters(config) == accounting.parameters(shape) == accounting.parameters(model)
    assert accounting.flops_per_token(config, context) == accounting.flops_per_token(shape, context)
    assert accounting.kv_cache_bytes(config, context, 3, "fp32") == accounting.kv_cache_bytes(shape, context, 3, "fp32")
    held = sum(p.numel() for p in model.parameters())
    assert (accounting.weight_bytes(config, "fp16"), accounting.training_bytes(shape)) == (2 * held, 16 * held)
    assert accounting.training_flops(shape, 10) == 60 * accounting.parameters(config).active


@given(configs())
def test_active_parameters_are_those_of_a_gpt_with_k_experts_plus_the_unused_router_rows(config):
    counted = accounting.parameters(config)
    if config.moe is None:
        assert counted.active == counted.total
    else:
        few = accounting.parameters(config.changed(moe={"n_expert": config.moe.top_k}))
        assert counted.active == few.total - few.routers + counted.routers


# Invalid arguments

SMALL = {"vocab_size": 9, "d_model": 4, "n_layer": 2, "attention": Grouped(2, 1, 2)}
SPARSE = {**SMALL, "n_expert": 4, "top_k": 2, "d_expert": 3}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Shape(**SMALL), "d_ff must be a whole number >= 1, got None"),
        (lambda: Shape(**{**SPARSE, "d_expert": None}), "d_expert must be a whole number >= 1, got None"),
        (lambda: Shape(**SPARSE, first_dense=1), "d_ff must be a whole number >= 1, got None"),
        (lambda: Shape(**{**SPARSE, "top_k": 5}), "top_k must be between 1 and the 4 experts, got 5"),
        (lambda: Shape(**{**SPARSE, "top_k": 0}), "top_k must be between 1 and the 4 experts, got 0"),
        (lambda: Shape(**SMALL, d_ff=3, top_k=1), "top_k and n_shared must be 0 without experts, got 1 and 0"),
        (lambda: Shape(**SPARSE, n_encoder_layer=1, layernorm=True), "beside an encoder, attention must be Grouped"),
        (lambda: accounting.flops_per_token(Shape(**SPARSE)), "context must be a whole number >= 1, got None"),
        (lambda: accounting.kv_cache_bytes(Shape(**SPARSE)), "context must be a whole number >= 1, got None"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_an_invalid_argument_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
