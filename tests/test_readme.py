"""The Python examples of the README run as they are printed, with fewer updates."""

import re
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lecture21.cli import main
from lecture21.tokenizers import load_tokenizer

PATH = Path(__file__).resolve().parents[1] / "README.md"
README = PATH.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


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
