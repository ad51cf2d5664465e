"""GPTs of this package against those of `transformers`: equal weights give equal logits, gradients and text.

The checkpoints are small and random, and `transformers` writes them. They are read from a cache with the layout
of the hub's client, so that everything that OpenAI's weights need is tested, except the download.
"""

import os
import re
import subprocess
import sys
from operator import attrgetter

import pytest
import torch
from references import assert_the_same, in_float64, lay_in_cache, perturbed, some_ids
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    OpenAIGPTConfig,
    OpenAIGPTLMHeadModel,
)
from variants import CONFIGS, make, random_ids

from lecture21 import GPT, GPTConfig
from lecture21.generation import generate
from lecture21.gpt.checkpoints.hub import REVISIONS
from lecture21.huggingface import (
    from_huggingface,
    to_huggingface,
    tokenizer_from_pretrained,
    tokenizer_to_huggingface,
)
from lecture21.tokenizers import BPETokenizer
from lecture21.tokenizers.encodings import END_OF_TEXT
from lecture21.training import TrainConfig, train

# Odd on purpose: no two sizes are alike, none is a power of two, and the norm's epsilon is large enough to be seen.
SIZES = {"vocab_size": 97, "n_positions": 29, "n_embd": 35, "n_layer": 3, "n_head": 5, "layer_norm_epsilon": 1e-3}
NO_END = {"bos_token_id": None, "eos_token_id": None}
REFERENCES = {
    "openai-gpt": lambda: OpenAIGPTLMHeadModel(OpenAIGPTConfig(**SIZES)),
    "openai-gpt, relu": lambda: OpenAIGPTLMHeadModel(OpenAIGPTConfig(**SIZES, afn="relu")),
    "openai-gpt, untied": lambda: OpenAIGPTLMHeadModel(OpenAIGPTConfig(**SIZES, tie_word_embeddings=False)),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(**SIZES, **NO_END)),
    "gpt2, untied": lambda: GPT2LMHeadModel(GPT2Config(**SIZES, **NO_END, tie_word_embeddings=False)),
    "gpt2, d_ff 51": lambda: GPT2LMHeadModel(GPT2Config(**SIZES, **NO_END, n_inner=51)),
    **{
        f"gpt2, {name}": lambda name=name: GPT2LMHeadModel(GPT2Config(**SIZES, **NO_END, activation_function=name))
        for name in ("gelu", "gelu_pytorch_tanh", "relu", "relu2")
    },
}
EVERY = pytest.mark.parametrize("kind", REFERENCES)
BOTH = pytest.mark.parametrize("kind", ["openai-gpt", "gpt2"])


@EVERY
def test_logits_and_gradients_equal_those_of_transformers_in_float64(kind):
    published = perturbed(REFERENCES[kind]).double()
    ours = from_huggingface(published)
    assert ours.token.weight.dtype == torch.float64
    assert_the_same(ours, published, 1e-12)


@pytest.mark.parametrize("kind", ["openai-gpt", "gpt2, untied"])
@pytest.mark.parametrize("how", [{}, {"max_shard_size": "20KB"}], ids=["one file", "shards"])
def test_from_pretrained_loads_the_same_weights_from_the_hub_cache(offline, kind, how):
    published = perturbed(REFERENCES[kind])
    directory = lay_in_cache(offline, "someone/a-gpt", published, **how)
    assert (len(list(directory.glob("*.safetensors"))) > 1) == bool(how)
    for name in ("someone/a-gpt", str(directory), directory):
        ours = GPT.from_pretrained(name)
        assert not ours.training
        for key, tensor in from_huggingface(published).state_dict().items():
            assert torch.equal(ours.state_dict()[key], tensor), key
    assert_the_same(ours.double(), published.double(), 1e-12)


@pytest.mark.parametrize("name", REVISIONS)
def test_a_short_name_resolves_to_a_repository_of_openai(offline, name):
    published = perturbed(REFERENCES["openai-gpt" if name == "openai-gpt" else "gpt2"])
    lay_in_cache(offline, f"openai-community/{name}", published)
    logits = published(some_ids()).logits
    torch.testing.assert_close(GPT.from_pretrained(name)(some_ids()), logits, rtol=1e-4, atol=3e-4)


def test_a_cached_head_of_main_is_not_the_commit_that_is_loaded(offline):
    first, second = perturbed(REFERENCES["gpt2"], seed=0), perturbed(REFERENCES["gpt2"], seed=1)
    lay_in_cache(offline, "openai-community/gpt2", first)
    repo = offline / "hub" / "models--openai-community--gpt2"
    second.save_pretrained(repo / "snapshots" / "0123456789abcdef0123456789abcdef01234567")
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0123456789abcdef0123456789abcdef01234567")
    for revision, published in ((None, first), ("main", second)):
        logits = GPT.from_pretrained("gpt2", revision)(some_ids())
        torch.testing.assert_close(logits, published(some_ids()).logits, rtol=1e-4, atol=3e-4)
    with pytest.raises(FileNotFoundError, match="openai-community/gpt2 at revision v1"):
        GPT.from_pretrained("gpt2", "v1")


@EVERY
def test_import_and_export_preserve_every_bit(kind, tmp_path):
    published = perturbed(REFERENCES[kind])
    ours = from_huggingface(published)
    again = to_huggingface(ours)
    assert type(again) is type(published)
    assert again.state_dict().keys() == published.state_dict().keys()
    for name, tensor in published.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    for key in ("n_inner", "activation_function", "afn", "layer_norm_epsilon", "tie_word_embeddings", "attn_pdrop"):
        mine, other = getattr(again.config, key, None), getattr(published.config, key, None)
        same = {(140, None), ("gelu_new", "gelu_pytorch_tanh")}  # two spellings
        assert mine == other or (mine, other) in same, key
    back = from_huggingface(again)
    assert back.config == ours.config
    for name, tensor in ours.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor), name


@BOTH
def test_the_two_models_share_no_memory(kind):
    published = perturbed(REFERENCES[kind])
    ours = from_huggingface(published)
    copy = to_huggingface(ours)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.zero_()
    assert all(p.abs().sum() > 0 for p in [*published.parameters(), *copy.parameters()])


@pytest.mark.sampled
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_every_model_of_the_family_is_exported_exactly_or_refused_by_a_field(config):
    with in_float64():
        model = make(config)
        if model.head is not None and model.head.bias is not None:
            torch.nn.init.zeros_(model.head.bias)
        try:
            published = to_huggingface(model)
        except ValueError as error:
            field, value, allowed = re.fullmatch(
                r"(\S+?)=(.*) is not supported by .* which has \1=(.*)", str(error)
            ).groups()
            assert repr(attrgetter(field)(config)) == value
            assert value not in allowed.split(" or ")
            return
        ids = random_ids(config)
        torch.testing.assert_close(published(ids).logits, model(ids), rtol=1e-10, atol=1e-10)


EXPRESSIBLE = [
    *({"activation": name} for name in ("relu", "gelu", "gelu_tanh", "relu2")),
    {"qkv_bias": True},
    {"bias": False},
    {"tied_head": True},
    {"d_ff": 10},
    {"dropout": 0.3},
    {"norm_eps": 0.1},
    {"initialization": "gpt2"},
    {"norm_position": "post", "final_norm": False},
    {"norm_position": "post", "final_norm": False, "activation": "gelu_tanh", "tied_head": True, "bias": False},
]


@pytest.mark.parametrize("change", EXPRESSIBLE, ids=str)
def test_every_supported_configuration_is_exported(change):
    config = GPTConfig(**{"vocab_size": 11, "block_size": 12, "n_layer": 2, "n_head": 3, "d_model": 9, **change})
    model = make(config)
    if not config.tied_head and config.bias:
        torch.nn.init.zeros_(model.head.bias)
    ids = random_ids(config)
    published = to_huggingface(model)
    torch.testing.assert_close(published(ids).logits, model(ids), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(from_huggingface(published)(ids), model(ids), rtol=1e-10, atol=1e-10)


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


@pytest.mark.parametrize("change", [{}, {"norm_position": "post", "final_norm": False}], ids=["gpt2", "openai-gpt"])
def test_a_trained_model_generates_the_same_text_after_export(tmp_path, change):
    text = "the cat sat on the mat, and the rat that the cat sat on sat still. " * 30
    tokenizer = BPETokenizer.from_text(text, 270, [END_OF_TEXT])
    sizes = {"vocab_size": 270, "block_size": 16, "n_layer": 2, "n_head": 2, "d_model": 24}
    config = GPTConfig(**sizes, activation="gelu_tanh", tied_head=True, initialization="gpt2", **change)
    torch.manual_seed(0)
    model = GPT(config)
    run = TrainConfig(steps=100, eval_every=25, learning_rate=1e-2, device="cpu")
    history = train(model, torch.tensor(tokenizer.encode(text)), run)
    assert history.train_loss[-1] < 2  # it has learned something, from ln 270 = 5.6
    to_huggingface(model).save_pretrained(tmp_path)
    tokenizer_to_huggingface(tokenizer.encoding).save_pretrained(tmp_path)

    there, words = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    prompt = words("the c", return_tensors="pt")
    written = there.generate(**prompt, max_new_tokens=12, do_sample=False, pad_token_id=0)
    mine = generate(model, torch.tensor([tokenizer.encode("the c")]), 12, greedy=True)
    assert words.decode(written[0]) == tokenizer.decode(mine[0])
    assert tokenizer_from_pretrained(tmp_path).encode("the c").ids == tokenizer.encode("the c")
    assert torch.equal(GPT.from_pretrained(tmp_path)(mine), model.eval()(mine))


@pytest.mark.slow
def test_weights_load_from_the_cache_quietly_and_without_transformers(tmp_path):
    for kind in ("openai-gpt", "gpt2"):
        lay_in_cache(tmp_path, f"openai-community/{kind}", perturbed(REFERENCES[kind]))
    code = (
        "import sys; from lecture21 import GPT; from lecture21.huggingface import to_huggingface;"
        "models = [GPT.from_pretrained(name) for name in ('openai-gpt', 'gpt2')];"
        "assert 'transformers' not in sys.modules;"
        "print(*(type(to_huggingface(model)).__name__ for model in models))"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["OpenAIGPTLMHeadModel", "GPT2LMHeadModel"]
