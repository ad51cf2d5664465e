"""The lab inside GPT-2: its cells run on a GPT-2, and the model answer to its open exercise is what they compute."""

import itertools
import math
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
import torch

from lecture21 import GPT, presets

LAB = Path(__file__).resolve().parents[4] / "notebooks" / "labs" / "inside_gpt2.ipynb"


def run(model: str) -> dict[str, object]:
    """Run the code of the lab on a model, and return its variables."""
    cells = [cell.source for cell in nbformat.read(LAB, as_version=4).cells if cell.cell_type == "code"]
    code = "\n".join(cells)
    assert 'MODEL = "in-context"' in code
    names: dict[str, object] = {"__name__": "lab"}
    exec(compile(code.replace('MODEL = "in-context"', f"MODEL = {model!r}"), str(LAB), "exec"), names)
    plt.close("all")
    return names


def test_the_cells_run_on_a_gpt2_which_has_a_tied_head_and_positions_in_a_table(tmp_path):
    torch.manual_seed(0)
    small = {"n_layer": 3, "n_head": 2, "d_model": 16, "vocab_size": 97, "block_size": 64}
    GPT(presets.get("gpt2", **small)).save_pretrained(tmp_path)
    lab = run(str(tmp_path))
    assert lab["model"].head is None
    assert lab["damage"].shape == lab["previous"].shape == lab["direct"].shape == (3, 2)
    ids, targets = lab["ids"], lab["targets"]
    assert (ids[:, :30] == ids[:, 30:]).all()
    scored = targets.any(dim=-1)
    assert not scored[:, :30].any()
    assert scored[:, 30:-1].all()
    assert not scored[:, -1].any()
    assert all(targets[row, t, t - 29] for row in range(4) for t in range(30, 59))


def test_the_shares_of_the_heads_are_those_of_the_model_answer():
    lab = run("in-context")
    heads = [(1, head) for head in range(4)]
    losses = {frozenset(some): lab["loss"](*some) for size in range(5) for some in itertools.combinations(heads, size)}

    def share(head: tuple[int, int]) -> float:
        others = [some for some in losses if head not in some]
        weights = {some: math.factorial(len(some)) * math.factorial(3 - len(some)) / 24 for some in others}
        return sum(weights[some] * (losses[some | {head}] - losses[some]) for some in others)

    assert [share(head) for head in heads] == pytest.approx([1.51, 0.51, -0.05, 1.36], abs=0.01)
