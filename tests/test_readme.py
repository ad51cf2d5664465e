"""The Python examples of the README run as they are printed, with fewer updates."""

import re
from pathlib import Path

import torch

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
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


def test_the_other_example_imports_what_it_names():
    assert len(EXAMPLES) == 2
    exec("\n".join(line for line in EXAMPLES[1].splitlines() if "import" in line), {})
