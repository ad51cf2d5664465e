"""GPTs with experts against Mixtral and Qwen3-MoE of `transformers`: same weights, same logits and gradients.

`transformers` computes norms, rotary angles and the router's softmax in float32, whatever the type of the model. So a
float64 model of theirs and one of ours differ by float32's rounding; run `in_float64` throughout, they agree as two
float64 programs do.
"""

import sys
from types import ModuleType

import pytest
import torch
from references import assert_the_same, in_float64, lay_in_cache, perturbed, some_ids
from safetensors import safe_open
from transformers import (
    AutoModelForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
)
from variants import make, random_ids

from lecture21 import GPT, GPTConfig
from lecture21.generation import generate
from lecture21.gpt.checkpoints.formats import tensors_to
from lecture21.huggingface import from_huggingface, to_huggingface

# Odd on purpose: no two sizes are alike, and the norm's epsilon is large enough to be seen.
SIZES = {
    "vocab_size": 97, "max_position_embeddings": 29, "hidden_size": 35, "num_hidden_layers": 3,
    "num_attention_heads": 10, "num_key_value_heads": 5, "head_dim": 6, "num_experts_per_tok": 3,
    "rms_norm_eps": 1e-3, "rope_parameters": {"rope_theta": 50.0, "rope_type": "default"},
    "bos_token_id": None, "eos_token_id": None,
    "experts_implementation": "eager",  # the other kernels refuse odd sizes
}  # fmt: skip


def mixtral(**changes: object) -> MixtralForCausalLM:
    return MixtralForCausalLM(MixtralConfig(**{**SIZES, "intermediate_size": 23, "num_local_experts": 7, **changes}))


def qwen(**changes: object) -> Qwen3MoeForCausalLM:
    values = {**SIZES, "intermediate_size": 41, "moe_intermediate_size": 23, "num_experts": 7}
    return Qwen3MoeForCausalLM(Qwen3MoeConfig(**{**values, "norm_topk_prob": True, **changes}))


REFERENCES = {
    "mixtral": mixtral,
    "mixtral, tied": lambda: mixtral(tie_word_embeddings=True),
    "mixtral, head of 35 // 10": lambda: mixtral(head_dim=None, num_attention_heads=8, num_key_value_heads=4),
    "mixtral, all experts": lambda: mixtral(num_experts_per_tok=7),
    "mixtral, one expert": lambda: mixtral(num_local_experts=1, num_experts_per_tok=1),
    "mixtral, auxiliary loss": lambda: mixtral(output_router_logits=True, router_aux_loss_coef=0.03),
    "mixtral, wide window": lambda: mixtral(sliding_window=29),
    "mixtral, window": lambda: mixtral(sliding_window=5),
    "mixtral, window that is read in blocks": lambda: mixtral(sliding_window=2),
    "mixtral, linear": lambda: mixtral(rope_parameters={"rope_theta": 50.0, "rope_type": "linear", "factor": 2.5}),
    "qwen3_moe, window": lambda: qwen(sliding_window=4, use_sliding_window=True, max_window_layers=0),
    "qwen3_moe": qwen,
    "qwen3_moe, tied": lambda: qwen(tie_word_embeddings=True),
    "qwen3_moe, weights as they are": lambda: qwen(norm_topk_prob=False),
    "qwen3_moe, one expert of 7": lambda: qwen(norm_topk_prob=False, num_experts_per_tok=1),
    "qwen3_moe, head of 35 // 7": lambda: qwen(head_dim=4, num_attention_heads=7, num_key_value_heads=1),
}
EVERY = pytest.mark.parametrize("kind", REFERENCES)
BOTH = pytest.mark.parametrize("kind", ["mixtral", "qwen3_moe", "qwen3_moe, weights as they are"])


@pytest.mark.sampled
@EVERY
def test_logits_and_gradients_equal_those_of_transformers_run_in_float64_throughout(kind):
    with in_float64():
        published = perturbed(REFERENCES[kind])
        ours = from_huggingface(published)
        assert ours.token.weight.dtype == published.lm_head.weight.dtype == torch.float64
        assert_the_same(ours, published, 1e-12)


@BOTH
def test_logits_and_gradients_equal_those_of_transformers_in_float32(kind):
    published = perturbed(REFERENCES[kind])
    assert_the_same(from_huggingface(published), published, 2e-5)


@pytest.mark.parametrize("kind", ["mixtral, tied", "qwen3_moe"])
@pytest.mark.parametrize("how", [{}, {"max_shard_size": "50KB"}], ids=["one file", "shards"])
def test_from_pretrained_loads_the_same_weights_from_the_hub_cache(offline, kind, how):
    published = perturbed(REFERENCES[kind])
    directory = lay_in_cache(offline, "someone/a-mixture", published, **how)
    files = list(directory.glob("*.safetensors"))
    assert (len(files) > 1) == bool(how)
    expected = from_huggingface(published)
    for name in ("someone/a-mixture", str(directory), directory):
        ours = GPT.from_pretrained(name)
        assert not ours.training
        assert ours.config == expected.config
        assert ours.state_dict().keys() == expected.state_dict().keys()
        for key, tensor in expected.state_dict().items():
            assert torch.equal(ours.state_dict()[key], tensor), key
    # In files each expert has separate tensors, under the names that we write.
    names = {name for file in files for name in safe_open(file, "pt").keys()}  # noqa: SIM118
    written = tensors_to(expected.state_dict(), expected.config).keys()
    assert names == written - ({"lm_head.weight"} if expected.config.tied_head else set())
    assert any(".experts.0." in name for name in names)


@pytest.mark.sampled
@EVERY
def test_import_and_export_preserve_every_bit(kind, tmp_path):
    published = perturbed(REFERENCES[kind])
    ours = from_huggingface(published)
    again = to_huggingface(ours)
    assert type(again) is type(published)
    assert again.state_dict().keys() == published.state_dict().keys()
    for name, tensor in published.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    ids = some_ids()
    assert torch.equal(again(ids).logits, published(ids).logits)
    mine, other = again.config.to_dict(), published.config.to_dict()
    # The window reaches as far as the context, head_dim may follow from the others, and no layer has the dense width.
    free = {"transformers_version", "sliding_window", "head_dim", "dtype"}
    free |= {"intermediate_size"} if mine["model_type"] == "qwen3_moe" else set()
    if not published.config.output_router_logits:
        free.add("router_aux_loss_coef")
    assert {k: v for k, v in mine.items() if k not in free} == {k: v for k, v in other.items() if k not in free}
    back = from_huggingface(again)
    assert back.config == ours.config
    for name, tensor in ours.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor), name
    # The same through their files.
    again.save_pretrained(tmp_path)
    assert GPT.from_pretrained(tmp_path).config == ours.config
    there = AutoModelForCausalLM.from_pretrained(tmp_path, experts_implementation="eager")
    assert all(torch.equal(there.state_dict()[name], tensor) for name, tensor in published.state_dict().items())


@BOTH
def test_the_two_models_share_no_memory(kind):
    published = perturbed(REFERENCES[kind])
    ours = from_huggingface(published)
    other = to_huggingface(ours)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.zero_()
    assert all(p.abs().sum() > 0 for p in [*published.parameters(), *other.parameters()])


@BOTH
def test_greedy_text_equals_that_of_transformers_generate(kind):
    published = perturbed(REFERENCES[kind]).double()
    prompt = some_ids(batch=3, length=4)
    mine = generate(from_huggingface(published), prompt, 25, greedy=True)
    reference = published.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=25, do_sample=False, pad_token_id=0
    )
    assert torch.equal(mine, reference)
    assert len(set(mine[:, 4:].flatten().tolist())) > 2  # not one token for ever


MODERN = {"norm": "rmsnorm", "activation": "swiglu", "position": "rotary", "bias": False}
EXPRESSIBLE = [
    {},
    {"qk_norm": True},
    {"tied_head": True},
    {"n_kv_head": 1, "d_head": 4, "rotary_base": 100.0, "norm_eps": 0.1, "initialization": "gpt2"},
    {"d_ff": 16},
    {"moe": {"n_expert": 5, "top_k": 5, "renormalize": False}},
    {"moe": {"n_expert": 5, "softmax": "after"}},
    {"moe": {"n_expert": 1, "top_k": 1}},
    {"moe": {"n_expert": 5, "balance": "bias", "bias_rate": 0.1}},
    {"moe": {"n_expert": 5, "balance": "none"}},
    {"qk_norm": True, "moe": {"n_expert": 5, "top_k": 1}},
    {"qk_norm": True, "moe": {"n_expert": 5, "top_k": 2, "renormalize": False, "aux_weight": 0.5}},
]


def modern(change: dict[str, object]) -> GPTConfig:
    values = {"vocab_size": 11, "block_size": 12, "n_layer": 2, "n_head": 2, "d_model": 12, "moe": {"n_expert": 4}}
    values |= {**MODERN, **change}
    return GPTConfig.from_dict(values)


@pytest.mark.parametrize("change", EXPRESSIBLE, ids=str)
def test_every_supported_configuration_is_exported(change):
    config = modern(change)
    with in_float64():
        model = make(config)
        published = to_huggingface(model)
        assert type(published) is (Qwen3MoeForCausalLM if config.qk_norm else MixtralForCausalLM)
        ids = random_ids(config)
        torch.testing.assert_close(published(ids).logits, model(ids), rtol=1e-10, atol=1e-10)
        back = from_huggingface(published)
        torch.testing.assert_close(back(ids), model(ids), rtol=1e-10, atol=1e-10)
    assert back.config.moe.balance == {"bias": "none"}.get(config.moe.balance, config.moe.balance)
    if config.moe.balance == "aux":
        assert back.config.moe.aux_weight == config.moe.aux_weight


@pytest.mark.parametrize(
    ("dtype", "width"),
    [
        (torch.float32, {"d_model": 12, "d_ff": 24}),
        (torch.float64, {"d_model": 16, "d_ff": 10}),
        (torch.bfloat16, {"d_model": 16, "d_ff": 24}),
    ],
    ids=str,
)
def test_an_export_runs_in_every_dtype_and_width(dtype, width):
    config = modern({"block_size": 500, **width})
    model = make(config, dtype=dtype)
    published = to_huggingface(model)
    assert {parameter.dtype for parameter in published.parameters()} == {dtype}
    # Rounded to bfloat16, an angle would be off by up to one part in 512: by a radian at position 512.
    assert torch.equal(published.model.rotary_emb.inv_freq, type(published)(published.config).model.rotary_emb.inv_freq)
    ids = random_ids(config)
    tolerance = {torch.float32: 1e-4, torch.float64: 1e-4, torch.bfloat16: 0.2}[dtype]
    difference = (published(ids).logits.float() - model(ids).float()).abs()
    # In bfloat16 a token whose experts are nearly tied may go to another one.
    assert difference.quantile(0.98 if dtype == torch.bfloat16 else 1.0) < tolerance


REAL = {
    "mixtral": (
        MixtralConfig(max_position_embeddings=32768),
        {"n_layer": 32, "d_model": 4096, "d_ff": 14336, "d_head": 128, "n_kv_head": 8, "rotary_base": 1e6},
        46_702_792_704,
    ),
    "qwen3_moe": (
        Qwen3MoeConfig(num_hidden_layers=48, head_dim=128, norm_topk_prob=True, rope_theta=1e6),
        {"n_layer": 48, "d_model": 2048, "d_ff": 768, "d_head": 128, "n_kv_head": 4, "qk_norm": True},
        30_532_122_624,
    ),
}


@pytest.mark.parametrize(("config", "fields", "count"), REAL.values(), ids=REAL.keys())
def test_the_published_models_have_matching_names_and_shapes(config, fields, count):
    with torch.device("meta"):  # shapes alone: the weights would need 93 and 61 GB in bfloat16
        published = (MixtralForCausalLM if config.model_type == "mixtral" else Qwen3MoeForCausalLM)(config)
        ours = from_huggingface(published)
        again = to_huggingface(ours)
    assert ours.num_parameters() == published.num_parameters() == again.num_parameters() == count
    assert {name: getattr(ours.config, name) for name in fields} == fields
    for name, tensor in published.state_dict().items():
        assert again.state_dict()[name].shape == tensor.shape, name
    assert (again.config.bos_token_id, again.config.eos_token_id) == (config.bos_token_id, config.eos_token_id)


def another_transformers(version: str, **names: object) -> ModuleType:
    """Return a stub for another release of transformers that has only these names."""
    module = ModuleType("transformers")
    vars(module).update(names, __version__=version)
    return module


@BOTH
def test_the_separate_expert_modules_of_transformers_4_are_converted(monkeypatch, kind):
    reference = perturbed(REFERENCES[kind])
    ours = from_huggingface(reference)
    apart = tensors_to(ours.state_dict(), ours.config)

    class Old(torch.nn.Module):
        """A model whose state has the names that transformers 4 gives it."""

        def __init__(self, config: object):
            super().__init__()
            self.config = config
            for name, tensor in apart.items():
                *path, last = name.split(".")
                module = self
                for part in path:
                    if not hasattr(module, part):
                        module.add_module(part, torch.nn.Module())
                    module = getattr(module, part)
                module.register_parameter(last, torch.nn.Parameter(torch.zeros_like(tensor)))

    config_class = type(reference.config)
    names = {config_class.__name__: config_class, type(reference).__name__: Old}
    monkeypatch.setitem(sys.modules, "transformers", another_transformers("4.57.1", **names))
    old = to_huggingface(ours)
    assert old.state_dict().keys() == apart.keys()
    back = from_huggingface(old)
    assert back.config == ours.config
    assert all(torch.equal(back.state_dict()[name], tensor) for name, tensor in ours.state_dict().items())


def test_a_transformers_release_without_the_architecture_is_named(monkeypatch):
    model = GPT(modern({"qk_norm": True}))
    monkeypatch.setitem(sys.modules, "transformers", another_transformers("4.45.0"))
    with pytest.raises(ImportError, match=r"newer transformers than 4\.45\.0: .*Qwen3MoeConfig"):
        to_huggingface(model)
