"""The lab inside a GPT: its last section runs on a GPT-2, and the model answer to its open exercise is computed."""

import itertools
import math
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
import torch

from lecture21 import GPT, presets
from lecture21.huggingface import to_huggingface
from lecture21.layers import attention_weights

LAB = Path(__file__).resolve().parents[4] / "notebooks" / "labs" / "inside_a_gpt.ipynb"


def run(gpt2: str = "") -> dict[str, object]:
    """Run the code of the lab, which opens a GPT-2, and return its variables."""
    cells = [cell.source for cell in nbformat.read(LAB, as_version=4).cells if cell.cell_type == "code"]
    code = "\n".join(cells)
    assert 'GPT2 = ""' in code
    names: dict[str, object] = {"__name__": "lab"}
    exec(compile(code.replace('GPT2 = ""', f"GPT2 = {gpt2!r}"), str(LAB), "exec"), names)
    plt.close("all")
    return names


def small_gpt2() -> GPT:
    torch.manual_seed(0)
    return GPT(presets.get("gpt2", n_layer=3, n_head=2, d_model=16, vocab_size=97, block_size=64)).eval()


def test_it_finds_and_removes_the_heads_of_a_gpt2_that_attend_to_what_followed(tmp_path, capsys):
    gpt2 = small_gpt2()
    for block in gpt2.blocks:  # large enough for attention that is not uniform
        block.attention.query.weight.data *= 20
        block.attention.key.weight.data *= 20
    to_huggingface(gpt2).save_pretrained(tmp_path)
    scores = run(str(tmp_path))["scores"]
    *_, loss, line1, line2, line3, line4, line5, together = capsys.readouterr().out.splitlines()

    ids = torch.randint(97, (4, 30), generator=torch.Generator().manual_seed(0)).repeat(1, 2)
    maps = attention_weights(gpt2, ids)
    actual = torch.stack([maps[..., t, t - 29] for t in range(30, 59)]).mean(dim=(0, 2))
    torch.testing.assert_close(scores, actual)
    assert "nats the first time" in loss
    best = [divmod(i, 2) for i in actual.flatten().argsort(descending=True)[:5].tolist()]
    for line, (layer, head) in zip((line1, line2, line3, line4, line5), best, strict=True):
        assert line.startswith(f"{layer + 1}.{head + 1}: attention to the targets {actual[layer, head]:.2f}")
    assert together.startswith(", ".join(f"{layer + 1}.{head + 1}" for layer, head in best) + ": rise without ")


def test_without_a_network_it_says_so_and_goes_on(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    run("gpt2")
    assert "GPT-2 is neither here nor on the network" in capsys.readouterr().out


def test_the_shares_of_the_heads_are_those_of_the_model_answer():
    lab = run()
    heads = [(1, head) for head in range(4)]
    losses = {frozenset(some): lab["loss"](*some) for size in range(5) for some in itertools.combinations(heads, size)}

    def share(head: tuple[int, int]) -> float:
        others = [some for some in losses if head not in some]
        weights = {some: math.factorial(len(some)) * math.factorial(3 - len(some)) / 24 for some in others}
        return sum(weights[some] * (losses[some | {head}] - losses[some]) for some in others)

    assert [share(head) for head in heads] == pytest.approx([1.51, 0.51, -0.05, 1.36], abs=0.01)
