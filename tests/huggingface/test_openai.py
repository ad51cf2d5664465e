"""The formats of GPT-1 and GPT-2, and the errors; that the converted models agree is in test_parity."""

import json
import pickle

import huggingface_hub
import pytest
import torch

from lecture21 import GPT, GPTConfig, presets
from lecture21._support.storage import load_tensors, save_tensors
from lecture21.gpt.checkpoints.formats import config_from, config_to, tensors_from, tensors_to
from lecture21.gpt.checkpoints.hub import REVISIONS

# The configurations of the hub, less what has no bearing on the model.
GPT1 = {
    "afn": "gelu", "attn_pdrop": 0.1, "embd_pdrop": 0.1, "initializer_range": 0.02, "layer_norm_epsilon": 1e-05,
    "model_type": "openai-gpt", "n_ctx": 512, "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 512,
    "n_special": 0, "predict_special_tokens": True, "resid_pdrop": 0.1, "vocab_size": 40478,
}  # fmt: skip
GPT2 = {
    "activation_function": "gelu_new", "attn_pdrop": 0.1, "embd_pdrop": 0.1, "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12,
    "n_positions": 1024, "resid_pdrop": 0.1, "vocab_size": 50257,
}  # fmt: skip
SMALL = {"vocab_size": 7, "block_size": 4, "n_layer": 2, "n_head": 2, "d_model": 6, "qkv_bias": True, "tied_head": True}
POST = {"norm_position": "post", "final_norm": False, "activation": "gelu_tanh"}
BOTH = pytest.mark.parametrize("config", [GPTConfig(**SMALL), GPTConfig(**SMALL, **POST)], ids=["gpt2", "openai-gpt"])


def random_tensors(config: GPTConfig) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {name: torch.randn_like(tensor) for name, tensor in GPT(config).state_dict().items()}


@pytest.fixture
def checkpoint(tmp_path):
    """Write a small GPT-2 in Hugging Face's form, the tied head stored once, as `transformers` does."""
    config = GPTConfig(**SMALL)
    tensors = tensors_to(random_tensors(config), config)
    del tensors["lm_head.weight"]
    save_tensors(tmp_path / "model.safetensors", tensors)
    (tmp_path / "config.json").write_text(json.dumps(config_to(config)))
    return tmp_path


def rewrite(directory, **changes):
    values = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**values, **changes}))


@pytest.mark.parametrize(
    ("values", "preset"),
    [
        (GPT1, "gpt1"),
        (GPT2, "gpt2"),
        ({**GPT2, "n_embd": 1024, "n_head": 16, "n_layer": 24}, "gpt2-medium"),
        ({**GPT2, "n_embd": 1280, "n_head": 20, "n_layer": 36}, "gpt2-large"),
        ({**GPT2, "n_embd": 1600, "n_head": 25, "n_layer": 48}, "gpt2-xl"),
    ],
)
def test_the_published_configurations_are_the_presets(values, preset):
    assert GPTConfig(**config_from(values)) == presets.get(preset)
    back = config_to(presets.get(preset))
    assert {key: back[key] for key in back.keys() & values.keys()} == {
        key: values[key] for key in back.keys() & values.keys()
    }
    assert back.keys() - values.keys() <= {"n_inner", "tie_word_embeddings"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "llama"}, "unknown model_type 'llama'; known are openai-gpt, gpt2"),
        ({"model_type": None}, "unknown model_type None"),
        ({"activation_function": "silu"}, "unknown activation_function 'silu'; known are gelu_new, .*relu2"),
        ({"model_type": "openai-gpt", "afn": "swish"}, "unknown afn 'swish'; known are gelu, relu"),
        ({"scale_attn_weights": False}, "scale_attn_weights is False, .* supports only True"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx is True, .* supports only False"),
        ({"reorder_and_upcast_attn": True}, "reorder_and_upcast_attn is True"),
        ({"add_cross_attention": True}, "add_cross_attention is True"),
        ({"attn_pdrop": 0.2}, "only one dropout rate .*'resid_pdrop': 0.1.*'attn_pdrop': 0.2"),
    ],
)
def test_an_unsupported_setting_is_named_by_its_key(values, message):
    with pytest.raises(ValueError, match=message):
        config_from({**GPT2, **values})


@pytest.mark.parametrize("key", ["vocab_size", "n_positions", "n_layer", "n_head", "n_embd"])
def test_a_configuration_without_a_size_is_refused(key):
    with pytest.raises(ValueError, match=f"lacks {key}"):
        config_from({name: value for name, value in GPT2.items() if name != key})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"position": "rotary", "d_model": 8},
            "position='rotary' is not supported by .* gpt2, which has position='learned'",
        ),
        ({"position": "sinusoidal"}, "position='sinusoidal'"),
        ({"position": "none"}, "position='none'"),
        ({"norm": "rmsnorm"}, "norm='rmsnorm'"),
        ({"qk_norm": True}, "qk_norm=True"),
        ({"final_norm": False}, "final_norm=False .* gpt2, which has final_norm=True"),
        ({**POST, "final_norm": True}, "final_norm=True .* openai-gpt, which has final_norm=False"),
        ({"activation": "swiglu"}, "activation='swiglu' .* activation='relu2' or 'relu' or 'gelu' or 'gelu_tanh'"),
        ({**POST, "activation": "relu2"}, "activation='relu2' .* openai-gpt"),
        ({**POST, "activation": "gelu"}, "activation='gelu' .* openai-gpt"),
        ({**POST, "d_ff": 25}, "d_ff=25 .* openai-gpt, which has d_ff=24"),
        ({"n_kv_head": 1}, "n_kv_head=1 .* n_kv_head=2"),
        ({"d_head": 2}, r"d_head=2 .* d_head=3\.0"),
        ({"n_head": 4, "d_head": 1}, r"d_head=1 .* d_head=1\.5"),
    ],
)
def test_a_field_without_an_equivalent_in_the_format_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        config_to(GPTConfig(**{**SMALL, **changes}))


def test_a_head_with_a_bias_is_refused_unless_it_is_zero():
    config = GPTConfig(**{**SMALL, "tied_head": False})
    tensors = random_tensors(config)
    with pytest.raises(ValueError, match="tied_head=False with bias=True"):
        tensors_to(tensors, config)
    tensors["head.bias"].zero_()
    back = tensors_from(tensors_to(tensors, config), config)
    assert all(torch.equal(back[name], tensors[name]) for name in tensors)


@BOTH
def test_tensors_survive_a_round_trip_bit_for_bit(config):
    ours = random_tensors(config)
    back = tensors_from(tensors_to(ours, config), config)
    assert back.keys() == ours.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in ours.items())


@BOTH
@pytest.mark.parametrize(
    "spell",
    [
        lambda name: name.removeprefix("transformer."),
        lambda name: name.replace("ln_1.weight", "ln_1.gamma").replace("ln_1.bias", "ln_1.beta"),
        lambda name: (
            name.replace("ln_2.weight", "ln_2.g").replace("ln_2.bias", "ln_2.b").replace("c_fc.weight", "c_fc.w")
        ),
    ],
    ids=["no prefix", "gamma and beta", "g, b and w"],
)
def test_tensor_names_of_older_files_are_understood(config, spell):
    ours = random_tensors(config)
    reference = {spell(name): tensor for name, tensor in tensors_to(ours, config).items()}
    prefix = "" if "h.0.ln_1.weight" in reference else "transformer."
    for buffer in ("h.0.attn.bias", "h.1.attn.masked_bias", "position_ids"):
        reference[prefix + buffer] = torch.zeros(1)
    actual = tensors_from(reference, config)
    assert actual.keys() == ours.keys()
    assert all(torch.equal(actual[name], tensor) for name, tensor in ours.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"h.0.ln_1.weight": None}, r"there lacks the tensor h\.0\.ln_1\.weight, shape \(6,\)"),
        ({"ln_f.bias": None}, r"lacks the tensor ln_f\.bias"),
        ({"h.2.ln_1.weight": torch.zeros(6)}, r"has a tensor h\.2\.ln_1\.weight, which a gpt2"),
        ({"h.0.attn.c_attn.weight": torch.zeros(18, 6)}, r"c_attn\.weight of shape \(18, 6\), not \(6, 18\)"),
        ({"h.1.mlp.c_fc.weight": torch.zeros(24, 6)}, r"h\.1\.mlp\.c_fc\.weight of shape \(24, 6\), not \(6, 24\)"),
        ({"wte.weight": torch.zeros(8, 6)}, r"wte\.weight of shape \(8, 6\), not \(7, 6\)"),
        ({"lm_head.weight": torch.zeros(7, 6)}, r"lm_head\.weight unlike wte\.weight"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(change, message):
    config = GPTConfig(**SMALL)
    reference = {name.removeprefix("transformer."): t for name, t in tensors_to(random_tensors(config), config).items()}
    if "wte.weight" in change:
        del reference["lm_head.weight"]
    reference = {name: tensor for name, tensor in {**reference, **change}.items() if tensor is not None}
    with pytest.raises(ValueError, match=message):
        tensors_from(reference, config, source="there")


def test_an_untied_head_that_is_missing_is_refused():
    config = GPTConfig(**{**SMALL, "tied_head": False, "bias": False})
    reference = tensors_to(random_tensors(config), config)
    del reference["lm_head.weight"]
    with pytest.raises(ValueError, match=r"lacks the tensor lm_head\.weight, shape \(7, 6\)"):
        tensors_from(reference, config)


def test_a_complete_checkpoint_loads(checkpoint):
    model = GPT.from_pretrained(checkpoint)
    expected = random_tensors(GPTConfig(**SMALL))
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("change", [{"model_type": "llama"}, {"activation_function": "silu"}, {"n_head": 4}])
def test_a_configuration_that_does_not_fit_is_refused_with_its_file(checkpoint, change):
    rewrite(checkpoint, **change)
    with pytest.raises(ValueError, match=rf"config\.json: .*{next(iter(change))}"):
        GPT.from_pretrained(checkpoint)


def test_a_checkpoint_of_another_size_is_refused_with_its_file(checkpoint):
    rewrite(checkpoint, n_layer=3)
    with pytest.raises(ValueError, match=r"model\.safetensors lacks the tensor h\.2\."):
        GPT.from_pretrained(checkpoint)


def test_a_pickle_is_never_read(checkpoint, tmp_path):
    (checkpoint / "model.safetensors").unlink()

    class Bomb:
        def __reduce__(self):
            return open, (str(tmp_path / "boom"), "w")

    (checkpoint / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match=r"no model\.safetensors.*Only safetensors are read.*pytorch_model\.bin"):
        GPT.from_pretrained(checkpoint)
    assert not (tmp_path / "boom").exists()


@pytest.fixture
def sharded(checkpoint):
    """Cut the checkpoint into two files, with an index."""
    tensors = load_tensors(checkpoint / "model.safetensors")[0]
    (checkpoint / "model.safetensors").unlink()
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    where = {name: names[i % 2] for i, name in enumerate(tensors)}
    for file in names:
        save_tensors(checkpoint / file, {n: t for n, t in tensors.items() if where[n] == file})
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    return checkpoint


def test_a_model_in_several_files_loads(sharded):
    expected = random_tensors(GPTConfig(**SMALL))
    assert all(torch.equal(t, expected[name]) for name, t in GPT.from_pretrained(sharded).state_dict().items())


def test_a_missing_shard_is_refused_by_name(sharded):
    (sharded / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ValueError, match=r"lacks model-00002-of-00002\.safetensors, which .*index\.json names"):
        GPT.from_pretrained(sharded)


@pytest.mark.parametrize(
    "index",
    [
        "{",
        "[]",
        "{}",
        "\xff",
        '{"weight_map": []}',
        '{"weight_map": {}}',
    ],
)
def test_a_corrupt_index_is_an_error_that_names_it(sharded, index):
    (sharded / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ValueError, match=r"index\.json (is not JSON|must (hold|have))"):
        GPT.from_pretrained(sharded)


@pytest.mark.parametrize("value", [[1], {"a": 1}, "2", 2.5, True, None, -1, float("inf")], ids=str)
@pytest.mark.parametrize("key", ["n_embd", "n_layer", "n_head", "n_positions", "vocab_size"])
def test_an_invalid_size_is_an_error_that_names_its_key(checkpoint, key, value):
    rewrite(checkpoint, **{key: value})
    with pytest.raises(ValueError, match=rf"config\.json: {key} must be a whole number >= 1"):
        GPT.from_pretrained(checkpoint)


@pytest.mark.parametrize("config", ["", "{", "[]", '{"model_type": {"a": 1}}'])
def test_a_malformed_configuration_is_an_error_that_names_its_file(checkpoint, config):
    (checkpoint / "config.json").write_text(config)
    with pytest.raises(ValueError, match=r"config\.json"):
        GPT.from_pretrained(checkpoint)


def test_a_directory_comes_before_the_hub(checkpoint, monkeypatch):
    checkpoint.rename(checkpoint.parent / "gpt2")
    monkeypatch.chdir(checkpoint.parent)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)
    assert GPT.from_pretrained("gpt2").config.d_model == 6


@pytest.mark.parametrize("name", ["gpt3", "gpt", "a b/c", "/no/such/place", "./run", "a/b/c", "../x"])
def test_an_invalid_model_name_is_refused_without_network_access(name, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"is not a checkpoint: no such directory.*openai-gpt, gpt2, .*owner/name"):
        GPT.from_pretrained(name)


@pytest.mark.parametrize("offline", [True, False])
@pytest.mark.parametrize(("name", "repository"), [("gpt2", "openai-community/gpt2"), ("runs/gpt0", "runs/gpt0")])
def test_without_a_network_or_a_cache_the_message_says_what_to_do(monkeypatch, tmp_path, name, repository, offline):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", offline)
    if not offline:  # a network that is there but does not answer

        def fail(*args, **kwargs):
            raise ConnectionError("no route to host")

        monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(
        FileNotFoundError, match=rf"{name} is not a local directory.*{repository}.*network.*name a directory"
    ):
        GPT.from_pretrained(name)


@pytest.fixture
def downloads(monkeypatch, checkpoint):
    """Record each download from the hub, and give the checkpoint in its place."""
    requested = []

    def download(repository, **options):
        requested.append((repository, options))
        return str(checkpoint)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return requested


def test_only_what_a_model_needs_is_downloaded(downloads):
    GPT.from_pretrained("gpt2-xl")
    ((repository, options),) = downloads
    patterns = options["allow_patterns"]
    assert repository == "openai-community/gpt2-xl"
    assert not any("bin" in pattern or pattern.startswith("*") for pattern in patterns)
    assert {"config.json", "model.safetensors", "model.safetensors.index.json"} <= set(patterns)


@pytest.mark.parametrize(
    ("name", "revision", "expected"),
    [
        *((name, None, commit) for name, commit in REVISIONS.items()),
        *((f"openai-community/{name}", None, commit) for name, commit in REVISIONS.items()),
        ("gpt2", "v1", "v1"), ("gpt2", "main", "main"), ("someone/a-gpt", None, "main"), ("someone/gpt2", None, "main"),
        ("someone/a-gpt", "v1", "v1"),
    ],
)  # fmt: skip
def test_a_download_names_its_revision(downloads, name, revision, expected):
    GPT.from_pretrained(name, revision)
    assert [options["revision"] for _, options in downloads] == [expected]


def test_a_revision_of_a_local_directory_is_an_error(checkpoint):
    with pytest.raises(ValueError, match=r"revision='v1' names a commit on the hub, and .* is a local directory"):
        GPT.from_pretrained(checkpoint, revision="v1")
