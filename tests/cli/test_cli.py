"""The command line as its user meets it: what it prints, what it leaves on disk, and how it refuses."""

import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from commands import QUICK, TEXT, contents, refusal

from lecture21 import GPT, GPTConfig, accounting, presets
from lecture21._support.storage import load_tensors, save_tensors
from lecture21.accounting import published
from lecture21.baselines import RNN, NGram
from lecture21.cli import main
from lecture21.cli._messages import escape_controls
from lecture21.data.plays import split
from lecture21.generation import generate
from lecture21.pretrained import storage
from lecture21.tokenizers import BPETokenizer, CharTokenizer, load_tokenizer
from lecture21.tokenizers.encodings import gpt2
from lecture21.training import TrainConfig, evaluate, recipe


@pytest.fixture(scope="module")
def trained(text, tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "romeo"
    assert main(["train", "--out", str(run), "--text", str(text), *QUICK]) == 0
    return run


# Train


def test_train_writes_a_run_and_says_its_loss(trained):
    assert set(contents(trained)) == {
        "checkpoint.safetensors",
        "config.json",
        "history.csv",
        "model.safetensors",
        "tokenizer.json",
    }
    model = GPT.from_pretrained(trained)
    assert (model.config.n_layer, model.config.d_model, model.config.d_ff) == (1, 8, 32)
    assert model.vocab_size == len(set(TEXT)) + 1


def test_train_resumes_and_more_steps_go_on(trained, text, tmp_path, capsys):
    straight = tmp_path / "straight"
    arguments = ["--text", str(text), *QUICK]
    longer = [*arguments, "--steps", "8"]
    assert main(["train", "--out", str(straight), *longer]) == 0
    parts = tmp_path / "parts"
    assert main(["train", "--out", str(parts), *arguments]) == 0
    assert main(["train", "--out", str(parts), *longer, "--resume"]) == 0
    assert (straight / "history.csv").read_text() == (parts / "history.csv").read_text()
    assert "nats" in capsys.readouterr().out


def test_train_uses_the_recipe_of_a_preset_where_no_option_is_given(text, tmp_path):
    small = ["--text", str(text), *QUICK]
    assert main(["train", "--out", str(tmp_path), "--preset", "modern", *small, "--learning-rate", "0.004"]) == 0
    _, metadata = load_tensors(tmp_path / "checkpoint.safetensors")
    settings = json.loads(metadata["lecture21.run"])["settings"]
    expected = recipe("modern", steps=4, eval_every=2, batch_size=2, learning_rate=0.004)
    assert TrainConfig(**{**settings, "betas": tuple(settings["betas"])}) == expected
    assert expected.optimizer == "muon"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "gpt9"], "unknown preset 'gpt9'; choose from gpt0"),
        (["--set", "n_layers=3"], "unknown fields n_layers"),
        (["--set", "n_layer"], "--set needs NAME=VALUE, got 'n_layer'"),
        (["--set", "n_layer=two"], "n_layer must be a whole number from 1 to 10,000, got 'two'"),
        (["--set", "n_head=3"], "n_head must divide d_model"),
        (["--edition", "folio"], "folio"),
        (["--steps", "-1"], "steps must be a whole number >= 0, got -1"),
        (["--steps", "many"], "many"),
        (["--device", "tpu"], "device 'tpu'"),
        (["--nonsense"], "--nonsense"),
        (["--resume"], "nothing to resume"),
        (["--text", "missing.txt"], "missing.txt"),
        (["--tokenizer", "words"], "tokenizer must be char, gpt2, or bpe with the size of its vocabulary"),
        (["--tokenizer", "bpe"], "got 'bpe'"),
        (["--tokenizer", "bpe:many"], "got 'bpe:many'"),
        (["--tokenizer", "bpe:7"], "7"),
        (["--preset", "rnn", "--set", "n_head=2"], "--set for rnn has unknown fields n_head"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_train_names_what_is_wrong_and_writes_nothing(arguments, message, text, tmp_path, capsys):
    out = tmp_path / "run"
    source = [] if {"--edition", "--text"} & set(arguments) else ["--text", text]
    assert message in refusal(capsys, "train", "--out", out, *source, *arguments)
    assert not out.exists()


def test_train_needs_a_text_longer_than_the_block(tmp_path, capsys):
    short = tmp_path / "short.txt"
    short.write_text("To be, or not to be")
    assert "17 tokens are too few for a block of 32" in refusal(
        capsys, "train", "--out", tmp_path / "run", "--text", short
    )
    assert not (tmp_path / "run").exists()


def test_train_names_a_text_that_is_not_utf8_and_one_that_is_empty(tmp_path, capsys):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"caf\xe9" * 100)
    assert "latin.txt is not UTF-8" in refusal(capsys, "train", "--out", tmp_path / "run", "--text", path)
    path.write_bytes(b"")
    assert "empty" in refusal(capsys, "train", "--out", tmp_path / "run", "--text", path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="Windows has no such device")
@pytest.mark.parametrize("command", ["train", "eval"])
def test_a_text_without_an_end_is_refused(command, trained, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("lecture21.cli._inputs._MAX_BYTES", 10**6)
    where = [trained] if command == "eval" else ["--out", tmp_path / "run"]
    message = refusal(capsys, command, *where, "--text", "/dev/zero")
    assert "/dev/zero is too long for this machine: it has more than 1,000,000 bytes" in message
    assert not (tmp_path / "run").exists()


def test_train_needs_somewhere_to_write(text, capsys):
    assert "--out" in refusal(capsys, "train", "--text", text)


def test_a_file_in_the_place_of_a_directory_is_named_and_kept(text, tmp_path, capsys):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    assert "taken" in refusal(capsys, "train", "--out", taken, "--text", text, *QUICK)
    assert taken.read_text() == "mine"


# Sample


def test_sample_writes_prompt_and_continuation(trained, capsys):
    assert main(["sample", str(trained), "--prompt", "ROMEO:", "--length", "20"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("ROMEO:")
    assert len(out) == len("ROMEO:") + 20 + 1  # echo ends the line


def test_sample_is_greedy_until_a_draw_is_asked_for(trained, capsys):
    def text_of(*arguments: str) -> str:
        assert main(["sample", str(trained), "--prompt", "ROMEO:", "--length", "60", *arguments]) == 0
        return capsys.readouterr().out

    assert text_of() == text_of() == text_of("--top-k", "1")
    assert text_of("--seed", "1") == text_of("--seed", "1")
    assert len({text_of("--seed", str(seed)) for seed in range(3)} | {text_of()}) == 4
    assert text_of("--temperature", "2", "--seed", "1") != text_of("--temperature", "0.5", "--seed", "1")


def test_sample_says_which_symbols_it_does_not_know_and_goes_on(trained, capsys):
    assert main(["sample", str(trained), "--prompt", "RO€MEO€ß", "--length", "5"]) == 0
    out, err = capsys.readouterr()
    assert err == "lecture21: not in the vocabulary, read as unknown: '€', 'ß'\n"
    assert out.startswith("RO€MEO€ß")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prompt", ""], "the prompt is empty"),
        (["--prompt", "RO€", "--strict"], "'€' at 2"),
        (["--temperature", "0"], "temperature must be a positive number; for the limit 0 use greedy=True, got 0.0"),
        (["--temperature", "-1"], "temperature must be a positive number; for the limit 0 use greedy=True, got -1.0"),
        (["--top-k", "0"], "top_k must be a whole number >= 1"),
        (["--top-k", "66"], "top_k must be at most the vocabulary size"),
        (["--top-p", "1.1"], "top_p must be a number in (0, 1] or None, got 1.1"),
        (["--length", "-1"], "n_new must be a whole number >= 0, got -1"),
        (["--seed", "x"], "'x'"),
    ],
)
def test_sample_names_what_is_wrong(trained, capsys, arguments, message):
    assert message in refusal(capsys, "sample", trained, *arguments)


@pytest.mark.parametrize("command", ["sample", "eval"])
def test_a_directory_that_is_not_a_checkpoint_is_named(command, tmp_path, capsys):
    assert f"{tmp_path} is not a checkpoint" in refusal(capsys, command, tmp_path)
    assert "is not a checkpoint" in refusal(capsys, command, tmp_path / "missing")


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_truncated_file_of_a_run_is_named(file, trained, tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    for name, data in contents(trained).items():
        (run / name).write_bytes(data[: len(data) // 2] if name == file else data)
    assert file in refusal(capsys, "sample", run)


def test_a_model_without_its_tokenizer_and_with_another_are_refused(trained, tmp_path, capsys):
    GPT(GPTConfig(n_layer=1)).save_pretrained(tmp_path)
    assert "has no tokenizer.json" in refusal(capsys, "sample", tmp_path)
    CharTokenizer.from_text("abc").save(tmp_path / "tokenizer.json")
    assert "the tokenizer has 4 tokens, the model has 65" in refusal(capsys, "sample", tmp_path)


# A model in one file, as a run has it and as the figures of the book save it


@pytest.fixture(scope="module")
def single(trained, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("single") / "gpt.safetensors"
    model = GPT.from_pretrained(trained)
    path.write_bytes(storage.to_bytes(model, load_tokenizer(trained / "tokenizer.json")))
    return path


@pytest.mark.parametrize("command", [["sample", "--length", "40", "--seed", "1"], ["eval"]])
def test_a_single_file_does_what_its_directory_does(command, trained, single, text, capsys):
    command = command + ["--text", str(text)] * (command == ["eval"])
    outputs = []
    for path in (trained, trained / "model.safetensors", single):
        assert main([*command, str(path)]) == 0
        outputs.append(capsys.readouterr().out.replace(str(path), "run").split())
    assert outputs[0] == outputs[1] == outputs[2]


def test_from_pretrained_reads_a_single_file_by_its_path_and_by_its_name(trained, single):
    weights = GPT.from_pretrained(trained).state_dict()
    for name in (single, str(single)):
        actual = GPT.from_pretrained(name)
        assert not actual.training
        assert all(torch.equal(tensor, weights[key]) for key, tensor in actual.state_dict().items())
    with pytest.raises(ValueError, match="names a commit on the hub"):
        GPT.from_pretrained(single, revision="main")


def test_what_is_wrong_with_a_single_file_is_named(trained, single, tmp_path, capsys):
    path = tmp_path / "gpt.safetensors"
    assert f"{path} is not a checkpoint: there is no such file" in refusal(capsys, "sample", path)
    with pytest.raises(ValueError, match="there is no such file"):
        GPT.from_pretrained("owner/gpt.safetensors")  # never looked up on the hub
    path.write_bytes(single.read_bytes()[:-100])
    assert f"{path} is not a complete safetensors file" in refusal(capsys, "sample", path)
    path.write_bytes(b"not weights")
    assert f"{path} is not a complete safetensors file" in refusal(capsys, "eval", path)
    tensors, metadata = load_tensors(single)
    weights = {"token.weight": tensors["token.weight"]}
    without = {"config": metadata["config"]}
    for strings, kept, message in [
        ({}, tensors, "is not a model by itself: it has no config in its metadata"),
        (without, tensors, "has no tokenizer in its metadata"),
        (metadata | {"config": "[1]"}, tensors, "must hold an object"),
        (metadata | {"config": "{"}, tensors, "is not JSON"),
        (metadata | {"config": '{"model": "gpt", "depth": 2}'}, tensors, "depth"),
        (metadata | {"config": '{"vocab_size": 65}'}, tensors, "must have 'model': 'gpt', got None"),
        (metadata | {"tokenizer": '{"symbols": 1}'}, tensors, "is not a saved tokenizer"),
        (metadata, weights, "lacks the tensor"),
    ]:
        save_tensors(path, kept, strings)
        line = refusal(capsys, "sample", path)
        assert str(path) in line
        assert message in line


# Eval


def test_eval_prints_the_model_beside_its_baselines(trained, text, capsys):
    assert main(["eval", str(trained), "--text", str(text)]) == 0
    title, _, *rows = capsys.readouterr().out.splitlines()
    assert f"{len(TEXT) // 10:,} characters of validation in windows of 32" in title
    losses = {row.split()[0]: [float(x) for x in row.split()[-2:]] for row in rows}
    assert list(losses) == ["uniform", "unigram", "bigram", "5-gram", str(trained)]
    for nats, bits in losses.values():
        assert nats == pytest.approx(bits * 0.6931472, abs=2e-4)
    assert losses["uniform"][0] == pytest.approx(torch.tensor(len(set(TEXT)) + 1.0).log().item(), abs=1e-4)
    assert losses["5-gram"][0] < losses["bigram"][0] < losses["unigram"][0] < losses["uniform"][0]


@pytest.mark.parametrize("block_size", ["0", "33"])
def test_eval_refuses_a_block_longer_than_the_model_s(trained, text, capsys, block_size):
    message = refusal(capsys, "eval", trained, "--text", text, "--block-size", block_size)
    assert f"block_size must be between 1 and the model's, 32, got {block_size}" in message


# Other tokenizers, other models


def counted(tokenizer: BPETokenizer, text: str) -> tuple[torch.Tensor, int]:
    """Return the ids of a text, and how many characters are predicted when the first token is only read."""
    ids = tokenizer.encode(text)
    return torch.tensor(ids), len(text) - len(tokenizer.decode(ids[:1]))


@pytest.fixture(scope="module")
def pieces(text, tmp_path_factory) -> Path:
    """A run on byte pairs."""
    run = tmp_path_factory.mktemp("runs") / "pieces"
    assert main(["train", "--out", str(run), "--text", str(text), "--tokenizer", "bpe:270", *QUICK]) == 0
    return run


def test_train_learns_byte_pairs_from_the_training_split(tmp_path):
    """The rest of this text would have taught other pairs."""
    content = TEXT[:900] + "z" * 100
    path, run = tmp_path / "text.txt", tmp_path / "run"
    path.write_text(content, encoding="utf-8")
    assert main(["train", "--out", str(run), "--text", str(path), "--tokenizer", "bpe:270", *QUICK]) == 0
    tokenizer = load_tokenizer(run / "tokenizer.json")
    assert tokenizer == BPETokenizer.from_text(content[:900], 270) != BPETokenizer.from_text(content, 270)
    assert GPT.from_pretrained(run).vocab_size == tokenizer.vocab_size == 270


def test_train_says_nats_per_token_on_the_way_and_per_character_at_the_end(text, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "--out", str(run), "--text", str(text), "--tokenizer", "bpe:270", *QUICK]) == 0
    out, err = capsys.readouterr()
    assert "nats per token" in err
    assert "nats per character" not in err
    val, characters = counted(load_tokenizer(run / "tokenizer.json"), split(TEXT)[1])
    loss = evaluate(GPT.from_pretrained(run), val) * (len(val) - 1) / characters
    assert f": {loss:.4f} nats ({loss / 0.69314718:.4f} bits) per character" in out


def test_eval_shares_the_loss_of_byte_pairs_among_their_characters(pieces, text, capsys):
    """The total of nats does not depend on how the text was cut; per token it would."""
    assert main(["eval", str(pieces), "--text", str(text)]) == 0
    table = printed(capsys)
    model, tokenizer = GPT.from_pretrained(pieces), load_tokenizer(pieces / "tokenizer.json")
    val, characters = counted(tokenizer, split(TEXT)[1])
    total = evaluate(model, val) * (len(val) - 1)
    assert table[str(pieces)] == pytest.approx(total / characters, abs=1e-4)
    assert len(val) < characters
    assert table["uniform"] == pytest.approx(torch.tensor(len(set(TEXT)) + 1.0).log().item(), abs=1e-4)
    # The 5-gram counts characters, in windows that hold as much text as the model's 32 tokens.
    symbols = CharTokenizer.from_text(TEXT)
    seen, unseen = (torch.tensor(symbols.encode(part)) for part in split(TEXT))
    window = round(32 * characters / (len(val) - 1))
    assert window > 33
    five = NGram(5, symbols.vocab_size).fit(seen)
    assert table["5-gram"] == pytest.approx(evaluate(five, unseen, window), abs=1e-4)
    assert table["5-gram"] != pytest.approx(evaluate(five, unseen, 32), abs=1e-4)


def test_sample_from_byte_pairs_writes_whole_characters(pieces, capsys):
    arguments = ["sample", str(pieces), "--prompt", "ROMEO: é", "--length", "40", "--seed", "3", "--temperature", "3"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert out.startswith("ROMEO: é")
    assert err == ""
    tokenizer = load_tokenizer(pieces / "tokenizer.json")
    ids = torch.tensor([tokenizer.encode("ROMEO: é")])
    expected = generate(GPT.from_pretrained(pieces), ids, 40, temperature=3.0, seed=3)
    assert out == escape_controls(tokenizer.decode(expected[0])) + "\n"


def test_train_on_the_vocabulary_of_gpt2(text, tmp_path):
    run = tmp_path / "run"
    assert main(["train", "--out", str(run), "--text", str(text), "--tokenizer", "gpt2", *QUICK]) == 0
    assert GPT.from_pretrained(run).vocab_size == 50257
    assert load_tokenizer(run / "tokenizer.json") == BPETokenizer(gpt2())


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_an_rnn_is_trained_scored_and_sampled_by_the_same_commands(kind, text, tmp_path, capsys):
    run = tmp_path / kind
    assert main(["train", "--preset", kind, "--out", str(run), "--text", str(text), *QUICK]) == 0
    model = RNN.from_pretrained(run)
    assert (model.config.kind, model.config.n_layer, model.config.d_model) == (kind, 1, 8)
    capsys.readouterr()
    assert main(["eval", str(run), "--text", str(text), "--block-size", "64"]) == 0  # no limit on its windows
    val = torch.tensor(load_tokenizer(run / "tokenizer.json").encode(split(TEXT)[1]))
    assert printed(capsys)[str(run)] == pytest.approx(evaluate(model, val, 64), abs=1e-4)
    assert main(["sample", str(run), "--prompt", "ROMEO:", "--length", "60"]) == 0
    assert len(capsys.readouterr().out) == len("ROMEO:") + 60 + 1


# Count


def table_of(capsys, *arguments: object) -> dict[str, list[str]]:
    """Return the rows that `count` prints: by name, what stands in the two columns to its right."""
    assert main(["count", *map(str, arguments)]) == 0
    rows = [re.split(r"\s{2,}", line.strip()) for line in capsys.readouterr().out.splitlines() if line[:2] == "  "]
    return {name: cells for name, *cells in rows}


@pytest.mark.parametrize("name", presets.names())
def test_count_prints_what_the_accounting_says_of_every_preset(name, capsys):
    table, config = table_of(capsys, name), presets.get(name)
    assert table["all"][0] == f"{accounting.parameters(config).total:,}"
    cost, unit = accounting.flops_per_token(config).training, "parameter" if config.moe is None else "active parameter"
    per_parameter = cost / accounting.parameters(config).active
    assert table["training"] == [f"{cost:,}", f"{per_parameter:.2f} for each {unit}"]
    assert table["weights, bf16"][0] == f"{2 * accounting.parameters(config).total:,}"
    assert table["key/value cache, bf16"][0] == f"{accounting.kv_cache_bytes(config):,}"
    assert ("experts touched in a layer" in table) == (config.moe is not None)


@pytest.mark.parametrize("name", published.names())
def test_count_prints_what_the_accounting_says_of_every_published_model(name, capsys):
    table, shape = table_of(capsys, name), published.get(name)
    counts = accounting.parameters(shape)
    assert table["all"][0] == f"{counts.total:,}"
    assert table["active"][0] == f"{counts.active:,}"
    assert table["active, without table of tokens"][0] == f"{counts.active_without_embedding:,}"
    assert table["weights, bf16"][0] == f"{2 * counts.total:,}"
    assert table["forward"][0] == f"{accounting.flops_per_token(shape, 4096).forward:,}"
    assert table["key/value cache of one token, bf16"][0] == f"{accounting.kv_cache_bytes(shape, 1):,}"
    assert table["experts touched in a layer"] == [
        f"{shape.top_k}.0",
        f"of {shape.n_expert:,}, if tokens choose uniformly",
    ]
    assert table["weights read, bf16"][0] == f"{accounting.weights_read(shape):,.0f}"
    sent = accounting.all_to_all_bytes(shape) * shape.n_sparse
    assert table["all-to-all of a token, bf16"][0] == f"{sent:,.0f}"
    assert table["batch at the ridge, routed experts"][0] == f"{accounting.ridge_batch(shape, 'H100'):,}"
    shares = [float(row[1].split("%")[0]) for part, row in table.items() if part in PARTS and row[1].endswith("%")]
    assert sum(shares) == pytest.approx(100, abs=0.4)


PARTS = {
    "table of tokens", "positions", "attention", "dense layers, shared experts", "routers", "routed experts",
    "norms, biases", "head",
}  # fmt: skip


def test_count_says_which_convention_gives_the_printed_number(capsys):
    active = ("active", "active, without table of tokens")
    said = {name: ["printed" in table_of(capsys, name)[row][1] for row in active] for name in published.names()}
    assert said["glam-64b-64e"] == said["mixtral-8x7b"] == [True, False]
    assert said["deepseek-v3"] == said["gpt-oss-120b"] == [False, True]
    assert said["deepseek-v2"] == said["qwen3-235b-a22b"] == [True, True]
    assert said["switch-c"] == [False, False]
    assert table_of(capsys, "qwen3-30b-a3b")["active"][1].endswith("printed: 3.3B, which is not this one rounded")


def test_count_of_a_published_model_with_every_option(capsys):
    options = ["--context", 1000, "--batch", 64, "--dtype", "mxfp4", "--device", "A100", "--devices", 4]
    table = table_of(capsys, "gpt-oss-120b", *options, "--tokens", "1e12", "--utilization", 0.5)
    shape = published.get("gpt-oss-120b")
    flops, active = accounting.flops_per_token(shape, 1000), accounting.parameters(shape).active
    assert table["forward, attention"][0] == f"{flops.attention:,}"
    assert table["weights, mxfp4"] == [f"{accounting.weight_bytes(shape, 'mxfp4'):,}", "65.2 GB"]
    assert table["on each of 4 devices"][1] == "16.3 GB"
    assert table["key/value cache"][0] == f"{accounting.kv_cache_bytes(shape, 1000, 64):,}"
    assert table["experts touched in a layer"][0] == "111.2"
    assert table["weights read, mxfp4"][0] == f"{accounting.weights_read(shape, 64, 'mxfp4'):,.0f}"
    assert table["all-to-all of a token, bf16"][0] == f"{0.75 * 45 * 1024 * 36:,.0f}"
    assert table["FLOPs for each byte at the ridge"][0] == "153"
    assert table["6 N D"][0] == f"{6 * active * 1e12:.4g}"
    days = accounting.training_days(flops.training * 10**12, "A100", 4, 0.5)
    assert table["with attention, exactly"][1] == f"{days:.3g} days"


def test_count_of_an_encoder_decoder_says_that_two_tokens_are_counted(capsys):
    assert main(["count", "switch-base-128"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("switch-base-128: 12 + 12 layers, 128 experts of width 3,072 in 12 of them, 1 for each token")
    assert "FLOPs of one token read and one written, 4,096 tokens" in out


def test_count_with_every_option(capsys):
    options = ["--context", 8, "--batch", 3, "--dtype", "fp32", "--tokens", "2e6", "--device", "H100", "--devices", 2]
    table = table_of(capsys, "gpt0", "--set", "n_kv_head=2", *options, "--utilization", 0.25)
    config = presets.get("gpt0", n_kv_head=2)
    flops = accounting.flops_per_token(config, 8)
    assert table["forward, attention"][0] == f"{flops.attention:,}"
    assert table["key/value cache, fp32"][0] == f"{accounting.kv_cache_bytes(config, 8, 3, 'fp32'):,}"
    assert table["activations, fp32"][0] == f"{accounting.activation_bytes(config, 8, 3, 'fp32'):,}"
    days = accounting.training_days(flops.training * 2_000_000, "H100", 2, 0.25)
    assert table["with attention, exactly"] == [f"{flops.training * 2_000_000:.4g}", f"{days:.3g} days"]
    assert table["days on"] == ["2 x H100", "at 25.0% of 989 TFLOP/s each"]


def test_count_with_a_window_tells_tokens_one_by_one_from_tokens_read_at_once(capsys):
    assert main(["count", "gpt2", "--set", "window=256", "--tokens", "1e9"]) == 0
    out = capsys.readouterr().out
    config = presets.get("gpt2", window=256)
    one, read = accounting.flops_per_token(config), accounting.sequence_flops(config)
    assert one.attention == 4 * 12 * 768 * 256
    assert read.attention == 4 * 12 * 768 * 256**2 * 7  # four blocks, of which all but the first meet two
    first, second = (re.search(f"FLOPs of {title}.*?\n\n", out, re.DOTALL)[0] for title in ("one", "1,024 tokens read"))
    assert f" {one.attention:,} " in first
    assert f" {one.training:,} " in first
    assert f" {read.attention:,} " in second
    assert f" {read.training:,} " in second
    assert f"{read.training / 1024 / 124439808:.2f} for each token and parameter" in second
    table = table_of(capsys, "gpt2", "--set", "window=256", "--tokens", "1e9")
    assert table["key/value cache, bf16"][0] == f"{2 * 12 * 768 * 256 * 2:,}"
    assert table["activations, bf16"][0] == f"{accounting.activation_bytes(config, dtype='bf16'):,}"
    assert table["with attention, exactly"][0] == f"{read.training * 10**9 / 1024:.4g}"
    assert main(["count", "gpt2", "--set", "window=1024"]) == 0
    assert "read at once" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gpt9"], "unknown preset 'gpt9'; choose from gpt0, "),
        (["gpt9"], f"; or a published model: {', '.join(published.names())}\n"),
        (["mixtral-8x7b", "--set", "n_layer=3"], "--set n_layer=3 changes a preset, and mixtral-8x7b is a published"),
        (["mixtral-8x7b", "--context", "0"], "context must be a whole number >= 1 or None, got 0"),
        (["mixtral-8x7b", "--devices", "0"], "devices must be a whole number >= 1, got 0"),
        (["mixtral-8x7b", "--tokens", "0"], "tokens must be a number >= 1, got 0"),
        (["mixtral-8x7b", "--tokens", "inf"], "tokens must be a number >= 1, got inf"),
        (["gpt0", "--dtype", "mxfp4"], "dtype must be one of fp32"),
        ([], "NAME"),
        (["gpt0", "--set", "n_layers=3"], "unknown fields n_layers"),
        (["gpt0", "--tokens", "nan"], "tokens must be a number >= 1, got nan"),
        (["gpt0", "--device", "A100"], "--device A100 needs --tokens"),
        (["gpt0", "--tokens", "1e9", "--device", "B52"], "device must be one of T4, V100, A100, H100, got 'B52'"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_count_names_what_is_wrong(arguments, message, capsys):
    assert message in refusal(capsys, "count", *arguments)


# The process around it


def run_process(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lecture21", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_no_command_and_an_unknown_one_are_one_line_too(capsys):
    assert "command" in refusal(capsys).lower()
    assert "fly" in refusal(capsys, "fly")


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(command in out for command in ("train", "sample", "eval", "count"))


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_harms_no_file(trained, text, tmp_path):
    """The kernel refuses to let any file grow past a few kilobytes, as a full disk would."""
    run = tmp_path / "run"
    arguments = ["train", "--out", run, "--text", text, *QUICK]
    assert main([str(a) for a in arguments]) == 0
    before = contents(run)

    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write fails as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    # Python 3.11 would leave compiled modules cut off at that size, and every later process would stumble over them.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    result = run_process(*arguments, "--resume", "--steps", "8", preexec_fn=fill, env=environment)
    assert result.returncode == 2, result.stderr
    assert result.stderr.splitlines()[-1].startswith("lecture21: [Errno")
    assert "Traceback" not in result.stderr
    assert contents(run) == before


@pytest.mark.slow
def test_a_reader_that_closes_the_pipe_ends_the_writing_quietly(trained):
    command = [sys.executable, "-m", "lecture21", "sample", str(trained), "--length", "5000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1


def test_there_is_no_progress_bar_outside_a_terminal(text, tmp_path, capfd):
    assert main(["train", "--out", str(tmp_path / "run"), "--text", str(text), *QUICK]) == 0
    err = capfd.readouterr().err
    steps = [line.split()[1] for line in err.splitlines()[1:]]
    assert steps == ["0", "2", "4"]
    assert "%" not in err
    assert "\r" not in err


@pytest.mark.slow
def test_there_is_a_progress_bar_in_a_terminal(text, tmp_path):
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "lecture21", "train", "--out", str(tmp_path / "run"), "--text", str(text), *QUICK]
    subprocess.run(command, stderr=follower, stdout=subprocess.DEVNULL, check=True)
    os.close(follower)
    assert b"4/4" in os.read(leader, 100_000)
    os.close(leader)


# Further cases


def printed(capsys) -> dict[str, float]:
    """Return the nats of each line of a table that `eval` printed."""
    return {row.split()[0]: float(row.split()[-2]) for row in capsys.readouterr().out.splitlines()[2:]}


def test_the_baselines_are_trained_on_the_training_split_only(trained, text, capsys):
    assert main(["eval", str(trained), "--text", str(text)]) == 0
    table = printed(capsys)
    tokenizer = CharTokenizer.load(trained / "tokenizer.json")
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in split(TEXT))
    for label, order in {"unigram": 1, "bigram": 2, "5-gram": 5}.items():
        by_hand = evaluate(NGram(order, tokenizer.vocab_size).fit(tokens), val, 32)
        assert table[label] == pytest.approx(by_hand, abs=1e-4)


def test_eval_scores_the_model_in_the_windows_that_were_asked_for(trained, text, capsys):
    assert main(["eval", str(trained), "--text", str(text), "--block-size", "8"]) == 0
    tokenizer = CharTokenizer.load(trained / "tokenizer.json")
    val = torch.tensor(tokenizer.encode(split(TEXT)[1]))
    assert printed(capsys)[str(trained)] == pytest.approx(evaluate(GPT.from_pretrained(trained), val, 8), abs=1e-4)


def test_windows_of_less_than_half_a_character_still_hold_one(pieces, tmp_path, capsys):
    """A token of a script that the model never saw is one byte of three."""
    path = tmp_path / "text.txt"
    path.write_text("漢字" * 60, encoding="utf-8")
    assert main(["eval", str(pieces), "--text", str(path), "--block-size", "1"]) == 0
    assert printed(capsys)["5-gram"] > 0


def test_a_run_may_be_called_like_a_baseline(trained, text, tmp_path, capsys, monkeypatch):
    shutil.copytree(trained, tmp_path / "uniform")
    monkeypatch.chdir(tmp_path)
    assert main(["eval", "uniform", "--text", str(text)]) == 0
    names = [row.split()[0] for row in capsys.readouterr().out.splitlines()[2:]]
    assert names == ["uniform", "unigram", "bigram", "5-gram", "uniform"]


def test_every_option_reaches_the_run(text, tmp_path):
    options = {
        "steps": 2,
        "batch_size": 3,
        "learning_rate": 0.002,
        "weight_decay": 0.1,
        "warmup": 1,
        "schedule": "cosine",
        "clip": 0.5,
        "accumulate": 2,
        "eval_every": 1,
        "seed": 7,
        "device": "cpu",
        "precision": "fp32",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    assert main(["train", "--out", str(tmp_path / "run"), "--text", str(text), *arguments]) == 0
    _, metadata = load_tensors(tmp_path / "run" / "checkpoint.safetensors")
    settings = json.loads(metadata["lecture21.run"])["settings"]
    assert {name: settings[name] for name in options} == options


def test_the_seed_decides_the_first_weights(text, tmp_path):
    weights = []
    for seed in (0, 0, 1):
        run = tmp_path / str(len(weights))
        assert main(["train", "--out", str(run), "--text", str(text), "--steps", "0", "--seed", str(seed)]) == 0
        weights.append(GPT.from_pretrained(run).head.weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "name=x"], "unknown fields name"),
        (["--set", "=3"], "--set needs NAME=VALUE"),
        (["--set", "vocab_size=5"], "the text determines"),
        (["--set", "dropout=false"], "dropout must be a number in [0, 1), got False"),
        (["--set", "d_model=10000000000"], "too large for this machine"),
        (["--preset", "gpt3"], "gpt3 is too large for this machine: training it takes 2,78"),
        (["--set", "d_model=1000000"], "gpt0 is too large for this machine"),
        (["--batch-size", "1000000000000"], "too large for this machine"),
        (["--seed", str(2**63)], "seed must be a whole number from 0 to 2 ** 63 - 1"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_what_is_too_large_or_odd_is_one_line_too(arguments, message, text, tmp_path, capsys):
    capsys.readouterr()
    assert main(["train", "--out", str(tmp_path / "run"), "--text", str(text), *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err


def test_ctrl_c_before_the_first_checkpoint_promises_nothing(text, tmp_path, monkeypatch, capsys):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lecture21.cli._train.train", interrupt)
    assert main(["train", "--out", str(tmp_path / "run"), "--text", str(text)]) == 130
    assert "stopped before the first checkpoint" in capsys.readouterr().err


def test_ctrl_c_while_a_loss_is_printed_leaves_the_last_message_a_line_of_its_own(text, tmp_path, monkeypatch):
    class Interrupted(io.StringIO):
        def write(self, piece: str) -> int:
            super().write(piece)
            if piece.startswith("step 2"):
                raise KeyboardInterrupt
            return len(piece)

    monkeypatch.setattr(sys, "stderr", Interrupted())
    assert main(["train", "--out", str(tmp_path / "run"), "--text", str(text), *QUICK]) == 130
    assert sys.stderr.getvalue().splitlines()[-1].startswith("lecture21: stopped;")


def test_a_pipe_that_cannot_show_a_symbol_gets_the_whole_text(trained):
    arguments = ["--prompt", "R€", "--length", "50"]
    result = run_process("sample", trained, *arguments, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0, result.stderr
    assert len(result.stdout) == 2 + 50 + 1


def test_a_byte_order_mark_is_not_a_symbol(tmp_path):
    path = tmp_path / "notepad.txt"
    path.write_text(TEXT, encoding="utf-8-sig")
    run = tmp_path / "run"
    assert main(["train", "--out", str(run), "--text", str(path), *QUICK]) == 0
    assert CharTokenizer.load(run / "tokenizer.json") == CharTokenizer.from_text(TEXT)
