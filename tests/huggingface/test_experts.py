"""The formats of Mixtral and Qwen3-MoE, and the errors; that the converted models agree is in test_parity_moe."""

import json

import pytest
import torch

from lecture21 import GPT, GPTConfig
from lecture21._support.storage import load_tensors, save_tensors
from lecture21.gpt.checkpoints.formats import config_from, config_to, is_foreign, tensors_from, tensors_to
from lecture21.moe import MoEConfig

# The configurations of mistralai/Mixtral-8x7B-v0.1 and Qwen/Qwen3-30B-A3B, less what has no bearing on the model.
MIXTRAL = {
    "attention_dropout": 0.0, "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 14336,
    "max_position_embeddings": 32768, "model_type": "mixtral", "num_attention_heads": 32, "num_experts_per_tok": 2,
    "num_hidden_layers": 32, "num_key_value_heads": 8, "num_local_experts": 8, "output_router_logits": False,
    "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "router_aux_loss_coef": 0.02, "sliding_window": None,
    "tie_word_embeddings": False, "vocab_size": 32000,
}  # fmt: skip
QWEN = {
    "attention_bias": False, "attention_dropout": 0.0, "decoder_sparse_step": 1, "head_dim": 128, "hidden_act": "silu",
    "hidden_size": 2048, "intermediate_size": 6144, "max_position_embeddings": 40960, "max_window_layers": 48,
    "mlp_only_layers": [], "model_type": "qwen3_moe", "moe_intermediate_size": 768, "norm_topk_prob": True,
    "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
    "num_key_value_heads": 4, "output_router_logits": False, "rms_norm_eps": 1e-06, "rope_scaling": None,
    "rope_theta": 1000000.0, "router_aux_loss_coef": 0.001, "sliding_window": None, "tie_word_embeddings": False,
    "use_sliding_window": False, "vocab_size": 151936,
}  # fmt: skip
MODERN = {"norm": "rmsnorm", "activation": "swiglu", "position": "rotary", "bias": False}
SMALL = {"vocab_size": 7, "block_size": 4, "n_layer": 2, "n_head": 2, "n_kv_head": 1, "d_model": 8, "d_ff": 3, **MODERN}
THREE = MoEConfig(n_expert=3, top_k=2, balance="none")
CONFIGS = {
    "mixtral": GPTConfig(**SMALL, moe=THREE),
    "qwen3_moe": GPTConfig(**{**SMALL, "d_head": 6}, qk_norm=True, tied_head=True, moe=THREE),
}
BOTH = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def random_tensors(config: GPTConfig) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {name: torch.randn_like(tensor) for name, tensor in GPT(config).state_dict().items()}


def test_published_configurations_become_the_expected_fields():
    assert GPTConfig(**config_from(MIXTRAL)) == GPTConfig(
        vocab_size=32000, block_size=32768, n_layer=32, n_head=32, n_kv_head=8, d_model=4096, d_ff=14336, **MODERN,
        rotary_base=1e6, norm_eps=1e-5, moe=MoEConfig(n_expert=8, top_k=2, renormalize=True, balance="none"),
    )  # fmt: skip
    assert GPTConfig(**config_from(QWEN)) == GPTConfig(
        vocab_size=151936, block_size=40960, n_layer=48, n_head=32, n_kv_head=4, d_head=128, d_model=2048, d_ff=768,
        **MODERN, qk_norm=True, rotary_base=1e6, norm_eps=1e-6,
        moe=MoEConfig(n_expert=128, top_k=8, renormalize=True, balance="none"),
    )  # fmt: skip


@pytest.mark.parametrize("values", [MIXTRAL, QWEN], ids=["mixtral", "qwen3_moe"])
def test_a_published_configuration_survives_a_round_trip(values):
    config = GPTConfig(**config_from(values))
    back = config_to(config)
    assert back.keys() - values.keys() <= {"head_dim"}
    assert {key: value for key, value in back.items() if key in values and value != values[key]} == {}
    assert GPTConfig(**config_from(back)) == config


@pytest.mark.parametrize(
    ("values", "field", "expected"),
    [
        ({"head_dim": 64}, "d_head", 64),
        ({"head_dim": None}, "d_head", 128),
        ({"num_attention_heads": 24, "num_key_value_heads": 24}, "d_head", 170),  # 4096 // 24
        ({"num_key_value_heads": None}, "n_kv_head", 32),
        ({"tie_word_embeddings": True}, "tied_head", True),
        ({"rms_norm_eps": 0.5}, "norm_eps", 0.5),
        ({"rope_theta": 5.0}, "rotary_base", 5.0),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 5.0}}, "rotary_base", 5.0),
        ({"rope_parameters": {"rope_theta": 5.0}, "rope_theta": 7.0}, "rotary_base", 5.0),
        ({"rope_scaling": {"rope_type": "default"}}, "rotary_base", 1e6),
        ({"sliding_window": 32768}, "window", None),  # reaches as far as the context
        ({"sliding_window": 32767}, "window", 32767),
        ({"sliding_window": 4096, "use_sliding_window": False}, "window", 4096),  # a switch of Qwen's alone
        ({"rope_scaling": {"rope_type": "linear", "factor": 2.0}}, "rotary_factor", 2.0),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rotary_base", 1e6),
        ({"rope_parameters": {"rope_type": "linear", "factor": 3.0, "rope_theta": 5.0}}, "rotary_factor", 3.0),
        ({"router_jitter_noise": 0.0}, "dropout", 0.0),
    ],
)
def test_each_key_sets_a_field(values, field, expected):
    assert getattr(GPTConfig(**config_from({**MIXTRAL, **values})), field) == expected


@pytest.mark.parametrize(
    ("values", "field", "expected"),
    [
        ({"norm_topk_prob": False}, "renormalize", False),
        ({"norm_topk_prob": False, "num_experts_per_tok": 1}, "top_k", 1),
        ({"num_experts": 1, "num_experts_per_tok": 1}, "n_expert", 1),
        ({"output_router_logits": True}, "balance", "aux"),
        ({"output_router_logits": True, "router_aux_loss_coef": 0.5}, "aux_weight", 0.5),
        ({"sliding_window": 4096, "use_sliding_window": False}, "n_expert", 128),
        ({"num_local_experts": 16}, "n_expert", 128),
    ],
)
def test_each_mixture_key_sets_a_moe_field(values, field, expected):
    assert getattr(GPTConfig(**config_from({**QWEN, **values})).moe, field) == expected


@pytest.mark.parametrize("values", [MIXTRAL, QWEN], ids=["mixtral", "qwen3_moe"])
def test_the_number_of_experts_has_two_names(values):
    # transformers 5 writes num_local_experts for both, 4 writes num_experts for Qwen3.
    values = {key: value for key, value in values.items() if key not in ("num_experts", "num_local_experts")}
    assert config_from({**values, "num_local_experts": 9})["moe"].n_expert == 9


def test_missing_keys_take_the_defaults_of_the_transformers_classes():
    left = ("rms_norm_eps", "rope_theta", "sliding_window", "tie_word_embeddings", "hidden_act", "attention_dropout")
    left += ("output_router_logits", "norm_topk_prob", "mlp_only_layers", "decoder_sparse_step", "attention_bias")
    for values, eps, base, renormalize in ((MIXTRAL, 1e-5, 1e6, True), (QWEN, 1e-6, 1e4, False)):
        few = {key: value for key, value in values.items() if key not in left and key != "router_aux_loss_coef"}
        config = GPTConfig(**config_from(few))
        assert config_from({**few, "output_router_logits": True})["moe"].aux_weight == 0.001
        assert (config.norm_eps, config.rotary_base, config.tied_head) == (eps, base, False)
        assert (config.moe.renormalize, config.moe.balance) == (renormalize, "none")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu', .* supports only 'silu'"),
        ({"attention_dropout": 0.1}, "attention_dropout is 0.1"),
        ({"router_jitter_noise": 0.01}, "router_jitter_noise is 0.01"),
        ({"sliding_window": 0}, "window must be a whole number >= 1, got 0"),
        ({"rope_scaling": {"type": "linear"}}, "rope_scaling is .*'linear'.* 'default', or 'linear' with a factor"),
        ({"rope_scaling": {"rope_type": "default", "factor": 2.0}}, "rope_scaling is .*'default'"),
        ({"rope_scaling": {"rope_type": "linear", "factor": 0.5}}, "rotary_factor must be a number >= 1, got 0.5"),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}, "rope_scaling is .*'dynamic'"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 5.0}}, "rope_parameters is .*'yarn'"),
        ({"rope_parameters": {"rope_theta": 5.0, "partial_rotary_factor": 0.5}}, "partial_rotary_factor"),
        ({"rope_parameters": "default"}, "rope_parameters is 'default'"),
        ({"num_experts_per_tok": 1}, "num_experts_per_tok is 1, and mixtral then gives .* weight 1"),
        ({"num_experts_per_tok": 9}, "top_k must be at most n_expert=8, got 9"),
        ({"num_key_value_heads": 5}, "n_kv_head must divide n_head"),
        ({"head_dim": 7}, "even d_head"),
        ({"num_attention_heads": 0}, "n_head"),
    ],
)
def test_an_unsupported_setting_is_named_by_its_key(values, message):
    with pytest.raises(ValueError, match=message):
        GPTConfig(**config_from({**MIXTRAL, **values}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"attention_bias": True}, "attention_bias is True, .* supports only False"),
        ({"decoder_sparse_step": 2}, "decoder_sparse_step is 2, .* supports only 1"),
        ({"mlp_only_layers": [0]}, r"mlp_only_layers is \[0\], .* experts in every block"),
        ({"use_sliding_window": True, "sliding_window": 4096}, "max_window_layers is 48, .* window in every layer"),
        ({"num_experts_per_tok": 1}, "num_experts_per_tok is 1, and qwen3_moe"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
    ],
)
def test_an_unsupported_setting_of_qwen_is_named_by_its_key(values, message):
    with pytest.raises(ValueError, match=message):
        config_from({**QWEN, **values})


@pytest.mark.parametrize("first", [{"max_window_layers": 0}, {}])
def test_a_window_in_every_layer_may_come_from_the_class_defaults(first):
    values = {key: value for key, value in QWEN.items() if key not in ("sliding_window", "max_window_layers")}
    assert config_from({**values, **first, "use_sliding_window": True})["window"] == 4096
    assert config_from({**values, **first})["window"] is None


def test_windows_and_interpolation_have_their_keys():
    ours = GPTConfig(**{**SMALL, "moe": THREE, "window": 3, "rotary_factor": 2.5})
    reference = config_to(ours)
    assert (reference["sliding_window"], reference["rope_scaling"]) == (3, {"rope_type": "linear", "factor": 2.5})
    assert "use_sliding_window" not in reference
    back = GPTConfig(**config_from(reference))
    assert (back.window, back.rotary_scaling, back.rotary_factor) == (3, "interpolation", 2.5)
    qwen = config_to(ours.changed(qk_norm=True))
    assert (qwen["sliding_window"], qwen["use_sliding_window"], qwen["max_window_layers"]) == (3, True, 0)
    assert GPTConfig(**config_from(qwen)).window == 3
    plain = config_to(ours.changed(window=None, rotary_factor=1.0))
    assert not {"sliding_window", "rope_scaling"} & plain.keys()


NEEDED = ("vocab_size", "max_position_embeddings", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
NEEDED += ("hidden_size", "num_experts_per_tok")


@pytest.mark.parametrize(
    ("values", "key"),
    [
        *((values, key) for values in (MIXTRAL, QWEN) for key in NEEDED),
        (MIXTRAL, "num_local_experts"), (MIXTRAL, "intermediate_size"),
        (QWEN, "num_experts"), (QWEN, "moe_intermediate_size"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["model_type"],
)  # fmt: skip
def test_a_configuration_without_a_size_is_refused(values, key):
    with pytest.raises(ValueError, match=f"lacks {key}"):
        config_from({name: value for name, value in values.items() if name != key})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm": "layernorm"}, "norm='layernorm' is not supported by .* mixtral, which has norm='rmsnorm'"),
        ({"norm_position": "post"}, "norm_position='post' .* norm_position='pre'"),
        ({"final_norm": False}, "final_norm=False"),
        ({"position": "learned"}, "position='learned' .* position='rotary'"),
        ({"activation": "gelu"}, "activation='gelu' .* activation='swiglu'"),
        ({"bias": True}, "bias=True .* bias=False"),
        ({"qkv_bias": True}, "qkv_bias=True"),
        ({"dropout": 0.1}, r"dropout=0\.1 .* dropout=0\.0"),
        ({"rotary_scaling": "ntk", "rotary_factor": 2.0}, "rotary_scaling='ntk' .* rotary_scaling='interpolation'"),
        ({"moe": MoEConfig(gates="sigmoid")}, r"moe\.gates='?sigmoid'? .* moe\.gates='?softmax'?"),
        ({"moe": MoEConfig(n_shared=1)}, r"moe\.n_shared=1 .* moe\.n_shared=0"),
        ({"moe": MoEConfig(capacity_factor=1.5)}, r"moe\.capacity_factor=1\.5 .* moe\.capacity_factor=None"),
        ({"moe": MoEConfig(z_loss=0.5)}, r"moe\.z_loss=0\.5 .* moe\.z_loss=0\.0"),
        ({"moe": MoEConfig(renormalize=False)}, r"moe\.normalizes=False .* mixtral, .* moe\.normalizes=True"),
        ({"moe": MoEConfig(top_k=1)}, r"moe\.normalizes=False .* mixtral"),
        ({"moe": MoEConfig(n_shared=1), "qk_norm": True}, r"moe\.n_shared=1 .* qwen3_moe"),
    ],
)
def test_a_field_without_an_equivalent_in_the_format_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        config_to(GPTConfig(**{**SMALL, "moe": THREE, **changes}))


def test_a_dense_gpt_with_rms_norm_is_refused():
    with pytest.raises(ValueError, match=r"norm='rmsnorm' is not supported by .* gpt2"):
        config_to(GPTConfig(**SMALL))


@pytest.mark.parametrize("packed", [False, True])
@BOTH
def test_tensors_survive_a_round_trip_bit_for_bit(config, packed):
    ours = random_tensors(config)
    reference = tensors_to(ours, config, packed=packed)
    assert any(name.endswith("gate_up_proj") for name in reference) == packed
    back = tensors_from(reference, config)
    assert back.keys() == ours.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in ours.items())


def test_a_selection_bias_is_refused_unless_it_is_zero():
    config = CONFIGS["mixtral"].changed(moe={"balance": "bias"})
    ours = random_tensors(config)
    with pytest.raises(ValueError, match=r"moe\.balance='bias': the router of block 0 .* mixtral has none"):
        tensors_to(ours, config)
    ours["blocks.0.feed_forward.router.selection_bias"].zero_()
    with pytest.raises(ValueError, match="the router of block 1"):
        tensors_to(ours, config)
    ours["blocks.1.feed_forward.router.selection_bias"].zero_()
    back = tensors_from(tensors_to(ours, config), config)
    assert back.keys() == ours.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in ours.items())
    assert config_to(config)["output_router_logits"] is False


LAYER = "model.layers.1"
OF_MIXTRAL, OF_QWEN = "which a mixtral", "which a qwen3_moe"
BAD = [
    ("mixtral", False, {f"{LAYER}.block_sparse_moe.experts.2.w3.weight": None},
     r"there lacks the tensor model\.layers\.1\.block_sparse_moe\.experts\.2\.w3\.weight, shape \(3, 8\)"),
    ("mixtral", False, {f"{LAYER}.block_sparse_moe.experts.3.w1.weight": torch.zeros(3, 8)},
     r"has a tensor model\.layers\.1\.block_sparse_moe\.experts\.3\.w1\.weight, which a mixtral"),
    ("mixtral", False, {f"{LAYER}.block_sparse_moe.experts.0.w2.weight": torch.zeros(3, 8)},
     r"experts\.0\.w2\.weight of shape \(3, 8\), not \(8, 3\)"),
    ("mixtral", False, {f"{LAYER}.block_sparse_moe.gate.weight": None}, r"lacks .*block_sparse_moe\.gate\.weight"),
    ("mixtral", False, {"lm_head.weight": None}, r"lacks the tensor lm_head\.weight, shape \(7, 8\)"),
    ("mixtral", False, {f"{LAYER}.self_attn.q_norm.weight": torch.ones(4)}, r"q_norm\.weight, which a mixtral"),
    ("mixtral", False, {"model.layers.2.input_layernorm.weight": torch.ones(8)}, r"layers\.2\..*, which a mixtral"),
    ("mixtral", False, {f"{LAYER}.self_attn.q_proj.bias": torch.ones(8)}, r"q_proj\.bias, which a mixtral"),
    ("mixtral", True, {f"{LAYER}.mlp.experts.down_proj": None}, r"lacks .*mlp\.experts\.down_proj, shape \(3, 8, 3\)"),
    ("mixtral", True, {f"{LAYER}.mlp.experts.gate_up_proj": None}, r"lacks .*gate_up_proj, shape \(3, 6, 8\)"),
    ("mixtral", True, {f"{LAYER}.mlp.experts.gate_up_proj": torch.zeros(4, 6, 8)},
     r"gate_up_proj of shape \(4, 6, 8\), not \(3, 6, 8\)"),
    ("mixtral", True, {f"{LAYER}.block_sparse_moe.gate.weight": torch.zeros(3, 8)}, OF_MIXTRAL),
    ("qwen3_moe", False, {f"{LAYER}.mlp.experts.1.down_proj.weight": None}, r"lacks .*experts\.1\.down_proj"),
    ("qwen3_moe", False, {f"{LAYER}.mlp.gate_proj.weight": torch.zeros(3, 8)}, OF_QWEN),
    ("qwen3_moe", False, {f"{LAYER}.self_attn.k_norm.weight": None}, r"lacks .*k_norm\.weight, shape \(6,\)"),
    ("qwen3_moe", False, {f"{LAYER}.self_attn.k_proj.weight": torch.zeros(12, 8)}, r"k_proj.* \(12, 8\), not \(6, 8\)"),
    ("qwen3_moe", True, {"lm_head.weight": torch.zeros(7, 8)}, r"lm_head\.weight unlike model\.embed_tokens\.weight"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "packed", "change", "message"), BAD, ids=[f"{bad[0]} {next(iter(bad[2]))}" for bad in BAD]
)
def test_a_tensor_that_does_not_fit_is_named(kind, packed, change, message):
    config = CONFIGS[kind]
    reference = {**tensors_to(random_tensors(config), config, packed=packed), **change}
    reference = {name: tensor for name, tensor in reference.items() if tensor is not None}
    with pytest.raises(ValueError, match=message):
        tensors_from(reference, config, source="there")


@pytest.fixture(params=CONFIGS)
def checkpoint(request, tmp_path):
    """Write a small model in Hugging Face's form."""
    config = CONFIGS[request.param]
    tensors = tensors_to(random_tensors(config), config)
    save_tensors(tmp_path / "model.safetensors", tensors)
    (tmp_path / "config.json").write_text(json.dumps(config_to(config)))
    return tmp_path


def test_a_complete_checkpoint_loads(checkpoint):
    model = GPT.from_pretrained(checkpoint)
    assert is_foreign(checkpoint)
    expected = random_tensors(model.config)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "gelu"}, r"config\.json: hidden_act is 'gelu'"),
        ({"num_experts_per_tok": 4}, r"config\.json: top_k must be at most"),
        ({"hidden_size": "8"}, r"config\.json: hidden_size must be"),
        ({"hidden_size": "8", "head_dim": None}, r"config\.json: hidden_size must be a whole number >= 1, got '8'"),
        ({"rope_parameters": [1]}, r"config\.json: rope_parameters is \[1\]"),
        ({"rope_theta": [1]}, r"config\.json: rotary_base must be"),
        ({"rms_norm_eps": {}}, r"config\.json: norm_eps must be"),
        ({"sliding_window": [1], "use_sliding_window": True}, r"config\.json: sliding_window must be a whole number"),
        ({"num_hidden_layers": 1e300}, r"config\.json: num_hidden_layers must be a whole number >= 1, got 1e\+300"),
        ({"model_type": ["mixtral"]}, r"config\.json: unknown model_type \['mixtral'\]; known are .*, qwen3_moe"),
        ({"num_hidden_layers": 3}, r"model\.safetensors lacks the tensor model\.layers\.2\."),
        ({"num_local_experts": 4, "num_experts": 4}, r"model\.safetensors lacks the tensor .*experts\.3\."),
    ],
)  # fmt: skip
def test_a_checkpoint_that_does_not_fit_is_refused_with_its_file(checkpoint, untyped, change, message):
    values = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps({**values, **change}))
    with pytest.raises(ValueError, match=message):
        GPT.from_pretrained(checkpoint)


def test_an_expert_missing_from_all_files_is_refused_by_name(checkpoint):
    tensors = load_tensors(checkpoint / "model.safetensors")[0]
    lost = next(name for name in tensors if ".experts.1." in name)
    halves = [{n: t for n, t in tensors.items() if ("layers.0" in n) == first and n != lost} for first in (True, False)]
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for name, half in zip(names, halves, strict=True):
        save_tensors(checkpoint / name, half)
    where = {n: name for name, half in zip(names, halves, strict=True) for n in half}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=rf"model-00001-of-00002\.safetensors lacks the tensor {lost}, shape"):
        GPT.from_pretrained(checkpoint)
