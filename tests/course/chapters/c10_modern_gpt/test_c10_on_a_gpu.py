"""The lab on a GPU: what it does on a card, in its full sizes and on Colab, run on the CPU with everything small.

Simulated: what torch.cuda says of a card, Colab's Drive, a disconnect. Not simulated: how a card rounds, and its speed.
"""

import sys
import types
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch
from torch import Tensor

import lecture21.data
import lecture21.training
from lecture21 import GPT, GPTConfig, accounting, presets
from lecture21.course.chapters import results
from lecture21.data import shakespeare
from lecture21.training import History, TrainConfig, recipe, train

LAB = Path(__file__).resolve().parents[4] / "notebooks" / "labs" / "on_a_gpu.ipynb"
CELLS = [cell.source for cell in nbformat.read(LAB, as_version=4).cells if cell.cell_type == "code"]
FULL = 'full = device.type == "cuda"'
TRAINING = "history = train("  # the cell with this trains
DEVICE = "device = choose_device()"
ORIGINAL_GET = presets.get


def run(until: str = "", **values: object) -> dict[str, object]:
    """Run the lab in its full sizes, until the cell with that line or all of it, and return its variables."""
    last = next((n for n, cell in enumerate(CELLS) if until and until in cell), len(CELLS) - 1)
    code = "\n".join(CELLS[: last + 1]).replace(FULL, "full = True")
    for name, value in values.items():
        (line,) = [line for line in code.splitlines() if line.startswith(f"{name} = ")]
        code = code.replace(line, f"{name} = {value}")
    names: dict[str, object] = {"__name__": "lab"}
    exec(compile(code, str(LAB), "exec"), names)
    return names


@pytest.fixture(autouse=True)
def asked(monkeypatch, tmp_path) -> dict[str, object]:
    """Make text, model and run small, and return what the lab asks for."""
    assert sum(cell.count(FULL) for cell in CELLS) == 1
    asked = {"compiled": 0, "timed": []}

    def text(edition: str = "plays") -> str:
        asked["edition"] = edition
        return shakespeare()[-30_000:]

    def shape(name: str, /, **changes: object) -> GPTConfig:
        asked.setdefault("shape", ORIGINAL_GET(name, **changes))  # an exercise asks for another one
        return ORIGINAL_GET(name, **changes | {"n_layer": 1, "n_head": 2, "d_model": 16, "block_size": 16})

    def settings(name: str, /, **changes: object) -> TrainConfig:
        asked["settings"] = recipe(name, **changes)
        return replace(asked["settings"], batch_size=2, steps=8, warmup=2, compile=False)

    def compiled(function: object, **_: object) -> object:
        asked["compiled"] += 1
        return function

    def timed(model: GPT, tokens: Tensor, config: TrainConfig, **options: object) -> History:
        if "val" not in options:
            asked["timed"].append((config.eval_every, config.steps, config.batch_size))
            config = replace(config, steps=2, eval_every=1)
        return train(model, tokens, config, **options)

    monkeypatch.setattr(lecture21.training, "train", timed)
    monkeypatch.setattr(lecture21.data, "shakespeare", text)
    monkeypatch.setattr(presets, "get", shape)
    monkeypatch.setattr(lecture21.training, "recipe", settings)
    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.chdir(tmp_path)
    return asked


def test_on_a_t4_it_says_what_a_reader_should_see(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (7, 5))
    code = "\n".join(CELLS[: 1 + next(n for n, cell in enumerate(CELLS) if DEVICE in cell)])
    exec(code, {"__name__": "lab"})
    shown = capsys.readouterr().out.splitlines()[-1]
    assert shown == "Tesla T4, fp16, full sizes"
    assert f"`{shown}`" in LAB.read_text(encoding="utf-8")


def test_in_its_full_sizes_it_trains_the_preset_of_the_record_as_the_record_was(asked, capsys):
    names = run()
    assert asked["edition"] == "char-rnn"
    assert asked["shape"] == ORIGINAL_GET("modern-laptop", vocab_size=names["tokenizer"].vocab_size)
    assert asked["settings"] == recipe("modern-laptop", precision="fp32", compile=True)
    assert [*names["ladder"]] == ["float32", "fused attention", "compiled", "4 x the batch"]
    assert asked["compiled"] == 2  # of the last two rungs; the run's own compilation is switched off here
    assert asked["timed"] == [(100, 200, 2)] * 3 + [(100, 200, 8)]  # 100 updates are skipped, and 100 are timed
    shown = capsys.readouterr().out
    assert "Going on" not in shown
    assert f"{names['history'].val_loss[0]:.3f}\n" in shown  # in the column of the reader, at update 0


def test_half_precision_is_a_rung_where_the_device_has_it(monkeypatch):
    """In bfloat16, as on an A100; a CPU cannot train in float16."""
    monkeypatch.setattr("lecture21.training.devices.choose_precision", lambda device: "bf16")
    names = run()
    assert [*names["ladder"]] == ["float32", "fused attention", "bf16", "compiled", "4 x the batch"]
    assert names["settings"].precision == "bf16"


def test_the_switch_takes_37_plays_byte_pairs_a_large_batch_and_a_warm_up(asked):
    names = run(until=TRAINING, LARGE=True)
    assert asked["edition"] == "complete"
    assert type(names["tokenizer"]).__name__ == "BPETokenizer"
    shape, settings, plain = asked["shape"], asked["settings"], recipe("modern-laptop")
    assert (shape.d_model, shape.activation) == (384, "gelu")
    assert settings.batch_size * shape.block_size == 16_384
    assert settings.warmup > 0
    rates = ("learning_rate", "embedding_learning_rate", "muon_learning_rate")
    assert {getattr(settings, rate) / getattr(plain, rate) for rate in rates} == {2}
    assert names["folder"].name == "large-1"


def test_without_a_network_it_reads_the_nine_plays(monkeypatch, capsys):
    def text(edition: str = "plays") -> str:
        if edition == "char-rnn":
            raise FileNotFoundError("not stored, and not downloaded")
        return shakespeare()[-30_000:]

    monkeypatch.setattr(lecture21.data, "shakespeare", text)
    names = run(until="stored = results.load")
    assert names["history"].step[-1] == 8
    assert names["mine"] == {}  # the table does not compare other texts
    assert "the table below is not about them" in capsys.readouterr().out


def test_on_colab_a_run_survives_its_machine_in_the_drive(monkeypatch, tmp_path, capsys):
    """The cells up to the training, and the training, are run again on a new machine; then once more at the end."""
    mounted = []
    colab = types.ModuleType("google.colab")
    colab.drive = types.SimpleNamespace(mount=mounted.append)
    monkeypatch.setitem(sys.modules, "google.colab", colab)

    def taken_away(model, tokens, config, *, on_evaluation, **options):
        def report(step, model, history):
            on_evaluation(step, model, history)
            if step == 4:
                raise KeyboardInterrupt

        return train(model, tokens, config, on_evaluation=report, **options)

    monkeypatch.setattr(lecture21.training, "train", taken_away)
    with pytest.raises(KeyboardInterrupt):
        run(until=TRAINING)
    monkeypatch.setattr(lecture21.training, "train", train)
    assert "A new run." in capsys.readouterr().out
    resumed = run(until=TRAINING)["history"]
    shown = capsys.readouterr().out
    assert "Going on. Skip what you had done below." in shown
    assert "update     4" not in shown
    assert "update     8" in shown
    again = run(until=TRAINING)["history"]
    never_stopped = run(until=TRAINING, RUN=2)["history"]
    assert resumed.val_loss == again.val_loss == never_stopped.val_loss
    drive = tmp_path / "drive"
    assert mounted == [str(drive)] * 4
    assert sorted(path.name for path in (drive / "MyDrive" / "lecture21").iterdir()) == ["tiny-1", "tiny-2"]
    assert (drive / "MyDrive" / "lecture21" / "tiny-1" / "checkpoint.safetensors").is_file()


def test_the_cost_of_the_large_run_is_what_the_lab_says(asked):
    def flops(large: bool) -> float:
        asked.pop("shape", None)
        run(until=TRAINING, LARGE=large)
        vocab_size = 2048 if large else 66  # the texts of the test have fewer symbols
        config, settings = asked["shape"].changed(vocab_size=vocab_size), asked["settings"]
        tokens = settings.steps * settings.batch_size * config.block_size
        return tokens * accounting.flops_per_token(config).training

    small, large = flops(large=False), flops(large=True)
    text = LAB.read_text(encoding="utf-8")
    assert f"costs {large / small:.0f} times the FLOPs of the small run, {large / 1e15:.1f} · 10¹⁵" in text
    assert round(large / (0.1 * accounting.DEVICES["T4"]) / 60) == 6
    assert "six minutes of a T4 at a tenth of its peak" in text


def test_rates_and_warm_up_at_the_large_batch_are_those_of_the_table(said):
    table = results.load("large_batch")
    search = table.query("text == 'search'")
    best = search.loc[search.groupby("warmup")["nats"].idxmin(), "factor"]
    assert {*best} == {*table.query("text == 'validation'")["factor"]} == {16}
    nats = table.query("text == 'validation'").pivot(index="seed", columns="warmup", values="nats")
    cost = nats[25] - nats[0]
    assert len(cost) == 3
    assert (cost > 0).all()
    said("sixteen times the recipe's rates were best, and a warm-up over a quarter of the updates cost {:.2f} nats.",
         cost.mean(), on="on_a_gpu")  # fmt: skip
