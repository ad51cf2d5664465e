"""The Python examples of the README run as they are printed, with fewer updates."""

import functools
import re
from pathlib import Path

import pytest
import torch
from said import check_said
from transformers import AutoModelForCausalLM, AutoTokenizer

from lecture21 import presets
from lecture21.cli import main
from lecture21.course.chapters import results
from lecture21.tokenizers import load_tokenizer

PATH = Path(__file__).resolve().parents[1] / "README.md"
README = PATH.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
said = functools.partial(check_said, "README")


def test_the_example_trains_a_gpt_and_writes_with_it(capsys):
    torch.manual_seed(0)
    short = {"steps=1000": 'steps=3, device="cpu"', "split(text)": "split(text[:20_000])"}
    code = EXAMPLES[0]
    for long, part in short.items():
        assert code.count(long) == 1
        code = code.replace(long, part)
    exec(code, {})
    loss, *text = capsys.readouterr().out.split("\n")
    assert 3 < float(loss) < 4.4
    assert "\n".join(text).startswith("ROMEO:")
    assert len("\n".join(text).rstrip("\n")) >= 150


IMPORTS = "\n".join(line for line in EXAMPLES[1].splitlines() if "import" in line)


def test_the_second_example_imports_what_it_names():
    assert len(EXAMPLES) == 3
    exec(IMPORTS, {})


def test_the_third_example_exports_a_model_that_transformers_loads_with_its_tokenizer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"`lecture21 (train --tokenizer [^`]+)`", README)
    assert main([*command.split(), "--text", str(PATH), "--steps", "1", "--device", "cpu"]) == 0
    tokenizer = load_tokenizer("runs/mine/tokenizer.json")
    names = {}
    exec(f"{IMPORTS}\n{EXAMPLES[2]}", names)
    prompt = AutoTokenizer.from_pretrained("exported")("the cat", return_tensors="pt")
    assert prompt["input_ids"][0].tolist() == tokenizer.encode("the cat")
    logits = AutoModelForCausalLM.from_pretrained("exported")(**prompt).logits
    torch.testing.assert_close(logits, names["model"](prompt["input_ids"]), rtol=1e-4, atol=1e-4)


def test_the_numbers_of_the_records_are_those_of_the_tables():
    record = results.load("record").query("edition == 'char-rnn'")
    last = record[record.step == record.step.max()]
    said("reaches {:.3f} nats per character on Tiny Shakespeare with {:.1f} million parameters in {:.0f} minutes of "
         "two cores (tables `record` and `record_time`, {:words} seeds)", last.nats.mean(), last.parameters.max() / 1e6,
         results.load("record_time").set_index("threads").minutes[2], len(last))  # fmt: skip
    runs = results.load("minutes").query("part == 'run' and share == 1").groupby("arm").nats
    pairs = runs.mean().filter(like="pairs").idxmin()
    said("reach {:.3f} (table `minutes`, {:words} seeds)", runs.mean()[pairs], runs.size()[pairs])
    tuned = results.load("modern_char_rnn").groupby("arm").nats.mean().filter(regex="^nanogpt, ")
    said("its recipe reaches {:.3f} with its rate tuned", tuned.min())


def test_the_loss_of_the_small_modern_model_is_between_the_two_5_grams():
    text = " ".join(README.split())
    assert "better than a 5-gram with Witten-Bell smoothing (but not better than one with Kneser-Ney smoothing" in text
    assert "within a minute of one core it predicts" in text
    model = results.load("pretrained_models").set_index("model").loc["modern-gpt0"]
    five = results.load("kneser_ney").query("order == 5 and window == 32").set_index("smoothing").nats
    assert five["Kneser-Ney"] < model.val_loss < five["Witten-Bell"]
    assert model.seconds < 60


def test_the_mixture_of_the_first_screen_is_that_of_its_table_and_trains(tmp_path, monkeypatch):
    runs = results.load("mixed_text").query("part == 'run'").groupby("arm")
    sparse, dense = "learned, two of 16", "dense, equal active"
    assert presets.get("moe").moe.n_expert == 8
    assert presets.get("moe").moe.top_k == 2
    assert runs.parameters.first()[dense] == runs.active.first()[dense]
    assert runs.active.first()[sparse] == pytest.approx(runs.active.first()[dense], rel=0.03)
    said("after {:.0f} seconds of one core, two of sixteen experts reach {:.3f} nats per character, and a dense "
         "network with the same arithmetic {:.3f} (table `mixed_text`, {:words} seeds)", runs.seconds.mean()[sparse],
         runs.nats.mean()[sparse], runs.nats.mean()[dense], runs.size()[sparse])  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"`lecture21 (train --preset moe [^`]+)`", README)
    assert main([*command.split(), "--text", str(PATH), "--steps", "1", "--device", "cpu"]) == 0
