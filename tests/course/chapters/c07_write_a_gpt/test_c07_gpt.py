"""The file `gpt.py` of chapter 07, which a reader downloads: alone it trains, goes on, samples and reads GPT-2."""

import ast
import inspect
import io
import os
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest
import torch

from lecture21 import GPT
from lecture21.course.chapters.c07_write_a_gpt import gpt
from lecture21.course.exercises.registry import find
from lecture21.data import shakespeare
from lecture21.generation import generate
from lecture21.gpt.config import GPTConfig
from lecture21.training import TrainConfig

SMALL = ["block_size=8", "d_model=16", "n_head=2", "n_layer=2", "batch_size=4", "warmup=2", "eval_every=3"]
TEXT = shakespeare()[:4010]  # whose last tenth is 50 windows of 8, and a target


def called(folder: Path, *arguments: str, code: int = 0) -> str:
    """Run a copy of the file in a folder, as a reader does, without this package; return what it prints."""
    copy = folder / "gpt.py"
    copy.write_bytes(Path(gpt.__file__).read_bytes())
    command = [sys.executable, "-S", copy.name, *arguments]
    libraries = os.pathsep.join(each for each in sys.path if each.endswith("site-packages"))
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), libraries]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def reference(model: gpt.GPT, config: GPTConfig) -> GPT:
    """Return the package's model with the weights of the file's."""
    weights, package = model.state_dict(), GPT(config)
    names = {"position.table": "position", "feed_forward.up": "feed_forward.0", "feed_forward.down": "feed_forward.2"}

    def weight(name: str) -> torch.Tensor:
        for kind, part in (("query", 0), ("key", 1), ("value", 2)):
            if f".{kind}." in name:
                return weights[name.replace(kind, "qkv")].chunk(3)[part]
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        return weights[name]

    package.load_state_dict({name: weight(name) for name in package.state_dict()})
    return package


def randomized(model: torch.nn.Module) -> torch.nn.Module:
    """Change all weights: untrained norms and biases are equal, and one in the wrong place would not be noticed."""
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.2 * torch.randn_like(weight)
    return model


@pytest.mark.parametrize("gpt2", [False, True])
def test_its_logits_and_loss_are_those_of_the_package(gpt2):
    model = randomized(gpt.GPT(gpt.Config(vocab_size=11, block_size=8, d_model=12, n_head=3, n_layer=2, gpt2=gpt2)))
    changes = {"qkv_bias": True, "activation": "gelu_tanh", "tied_head": True} if gpt2 else {}
    package = reference(model, GPTConfig(vocab_size=11, block_size=8, d_model=12, n_head=3, n_layer=2, **changes))
    assert sum(p.numel() for p in model.parameters()) == package.num_parameters()
    ids, targets = torch.randint(11, (2, 3, 8), generator=torch.Generator().manual_seed(2))
    for n in (1, 5, 8):
        torch.testing.assert_close(model(ids[:, :n]), package(ids[:, :n]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model.loss(ids, targets), package.loss(ids, targets))
    torch.manual_seed(3)
    text = model.generate(ids[:1, :4], 20, temperature=0.7)
    torch.manual_seed(3)
    assert torch.equal(text, generate(package, ids[:1, :4], 20, temperature=0.7))


def test_it_trains_as_the_loop_that_the_reader_writes(tmp_path, monkeypatch):
    config = gpt.Config(block_size=8, d_model=16, n_head=2, n_layer=1, steps=8, batch_size=4, warmup=3, eval_every=8)
    starts = []
    construct = gpt.GPT

    def kept(config: gpt.Config) -> gpt.GPT:
        model = construct(config)
        starts.append({name: weight.clone() for name, weight in model.state_dict().items()})
        return model

    monkeypatch.setattr(gpt, "GPT", kept)
    losses = gpt.train(TEXT, str(tmp_path / "gpt.pt"), config)
    characters = "".join(sorted(set(TEXT[:3609]))) + "\N{REPLACEMENT CHARACTER}"
    tokens, val = (torch.tensor(gpt.Characters(characters).encode(part)) for part in (TEXT[:3609], TEXT[3609:]))
    model = construct(gpt.Config(**torch.load(tmp_path / "gpt.pt")["config"]))
    model.load_state_dict(starts[0])
    model.block_size = config.block_size  # which the package's functions read
    recipe = TrainConfig(
        steps=8, batch_size=4, learning_rate=0.016, warmup=3, clip=1.0, betas=(0.9, 0.95), weight_decay=0.3,
        eval_every=8, seed=0, device="cpu",
    )  # fmt: skip
    others, [(_, val_loss)] = find("7.4").solution(model, tokens, val, 8, recipe)
    assert losses == pytest.approx(others, abs=1e-6)
    measured = gpt.evaluate(model, val)
    assert measured == pytest.approx(val_loss)
    trained = torch.load(tmp_path / "gpt.pt")["model"]
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(trained[name], weight)


def test_alone_it_trains_and_a_break_changes_nothing(tmp_path):
    for name in ("through", "broken"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "text.txt").write_text(TEXT, encoding="utf-8")
    printed = called(tmp_path / "through", "train", "text.txt", "steps=6", *SMALL)
    assert re.findall(r"step (\d+)", printed) == ["3", "6"]
    stop = "import gpt\nsave = gpt.os.replace\ndef once(*given):\n    save(*given)\n    raise KeyboardInterrupt\n"
    stop += f"gpt.os.replace = once\ngpt.main('train', 'text.txt', 'steps=6', *{SMALL})\n"
    (tmp_path / "broken" / "gpt.py").write_bytes(Path(gpt.__file__).read_bytes())
    broken = subprocess.run([sys.executable, "-c", stop], cwd=tmp_path / "broken", capture_output=True, text=True)
    assert "KeyboardInterrupt" in broken.stderr
    assert torch.load(tmp_path / "broken" / "gpt.pt")["step"] == 3
    resumed = called(tmp_path / "broken", "resume", "text.txt")
    assert resumed.splitlines()[-1] == printed.splitlines()[-1]
    through, again = (torch.load(tmp_path / name / "gpt.pt") for name in ("through", "broken"))
    assert through["config"] == again["config"]
    assert all(torch.equal(weight, again["model"][name]) for name, weight in through["model"].items())
    assert torch.equal(through["generator"], again["generator"])


def test_alone_it_samples_and_does_not_write_over_a_model(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    called(tmp_path, "train", "text.txt", "steps=3", "model=small.pt", *SMALL)
    text = called(tmp_path, "sample", "First\u00e9", "model=small.pt", "n=30", "temperature=0.5")
    assert text.startswith("First\N{REPLACEMENT CHARACTER}")
    assert len(text) == 6 + 30 + 1
    before = (tmp_path / "small.pt").read_bytes()
    assert "resume it" in called(tmp_path, "train", "text.txt", "model=small.pt", code=1)
    assert (tmp_path / "small.pt").read_bytes() == before
    assert "python gpt.py resume" in called(tmp_path, code=1)


@pytest.mark.parametrize(
    "changes",
    [["steps=1"], ["steps=2"], ["steps=3", "warmup=50"], ["steps=2", "warmup=0"], ["steps=4", "block_size=400"]],
)
def test_it_trains_for_any_number_of_steps(changes, tmp_path, monkeypatch):
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    rates, step = [], torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: (rates.append(self.param_groups[0]["lr"]), step(self)))
    losses = gpt.main("train", "text.txt", *SMALL, *changes)
    assert len(losses) == len(rates) == int(changes[0].split("=")[1])
    assert min(rates) > 0
    assert max(rates) <= 0.016
    assert max(losses) < 6


def test_a_model_of_gpt2s_form_begins_at_the_loss_of_a_guess(tmp_path, monkeypatch):
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for value in (True, False):
        first = gpt.main("train", "text.txt", f"gpt2={value}", "steps=1", f"model={value}=.pt", *SMALL)[0]
        kept = torch.load(f"{value}=.pt")
        assert kept["config"]["gpt2"] is value
        assert abs(first - torch.tensor(kept["config"]["vocab_size"]).log()) < (0.1 if value else 0.5)


def test_at_temperature_0_it_generates_the_likeliest_token():
    model = randomized(gpt.GPT(gpt.Config(vocab_size=11, block_size=8, d_model=12, n_head=3, n_layer=2)))
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(model.generate(ids, 1, temperature=0.0)[:, -1], model(ids)[:, -1].argmax(dim=-1))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sample", "x"], "no file gpt.pt"),
        (["train", "other.txt"], "no file other.txt"),
        (["resume", "text.txt"], "no file gpt.pt"),
        (["train", "text.txt", "steps=many"], "steps=many is no value such as 600"),
        (["sample", "", "model=small.pt"], "at least one character"),
        (["sample", "x", "model=small.pt", "top_k=3"], "top_k is none of n, temperature"),
        (["sample", "x", "model=small.pt", "30"], "NAME=VALUE"),
        (["train", "text.txt", "width=3"], "width is none of"),
        (["train", "short.txt"], "shorter than a window"),
        (["resume", "short.txt", "model=small.pt", "steps=9"], "another text"),
        (["resume", "text.txt", "model=small.pt"], "all 3 steps are done"),
        (["resume", "text.txt", "model=small.pt", "steps=9", "d_model=32"], "resume changes only"),
    ],
)
def test_it_says_what_is_wrong(arguments, sentence, tmp_path, monkeypatch):
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "short.txt").write_text(TEXT[:329], encoding="utf-8")  # the last tenth is 33 characters with one more
    monkeypatch.chdir(tmp_path)
    gpt.main("train", "text.txt", "steps=3", "model=small.pt", *SMALL)
    with pytest.raises(SystemExit, match=sentence):
        gpt.main(*arguments)
    assert not (tmp_path / "gpt.pt").exists()


def test_the_shortest_text_fills_one_window(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT[:330], encoding="utf-8")
    assert len(gpt.main("train", "text.txt", "steps=2", "d_model=8")) == 2


@pytest.mark.parametrize("prefix", ["transformer.", ""])
def test_it_reads_a_gpt2_of_hugging_face(tmp_path, prefix):
    transformers = pytest.importorskip("transformers")
    safetensors = pytest.importorskip("safetensors.torch")
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=17, n_positions=9, n_embd=12, n_layer=2, n_head=3)
    theirs = randomized(transformers.GPT2LMHeadModel(config)).eval()
    theirs.save_pretrained(tmp_path)
    if not prefix:  # as OpenAI's own files name their tensors
        weights = safetensors.load_file(tmp_path / "model.safetensors")
        weights = {name.removeprefix("transformer."): weight for name, weight in weights.items()}
        safetensors.save_file(weights, tmp_path / "model.safetensors")
    model = gpt.read_gpt2(str(tmp_path))
    ids = torch.randint(17, (2, 9), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(model(ids), theirs(ids).logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model(ids), GPT.from_pretrained(tmp_path)(ids), rtol=1e-4, atol=1e-5)


def test_alone_it_continues_a_prompt_with_a_gpt2_in_a_folder(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=128, n_positions=9, n_embd=12, n_layer=1, n_head=3)
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path / "folder")
    coder = "class get_encoding:\n    def __init__(self, name):\n        assert name == 'gpt2'\n"
    coder += "    encode = staticmethod(lambda text: list(text.encode()))\n    decode = staticmethod(len)\n"
    (tmp_path / "tiktoken.py").write_text(coder)  # GPT-2's own byte pairs need a network
    assert called(tmp_path, "sample", "The key", "model=folder", "n=12") == f"{7 + 12}\n"


def code_lines(source: str) -> int:
    """Return the number of lines besides imports, comments and docstrings."""
    blank = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in blank:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        if isinstance(node, ast.Import | ast.ImportFrom):
            lines.discard(node.lineno)
    return len(lines)


def test_a_gpt_has_a_hundred_lines_and_the_file_ninety_more():
    model, loop = (
        sum(code_lines(inspect.getsource(find(number).solution)) for number in numbers)
        for numbers in (("7.5", "7.6", "7.7", "7.8"), ("7.1", "7.3", "7.4"))
    )
    assert loop < model < 60
    assert 95 <= model + loop <= 105
    assert 185 <= code_lines(Path(gpt.__file__).read_text(encoding="utf-8")) <= 195
