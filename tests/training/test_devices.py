import json
import os
import subprocess
import sys

import pytest
import torch
from simulated_mps import MPS, OnMPS, mps

from lecture21 import GPT, GPTConfig
from lecture21._support.storage import load_tensors
from lecture21.generation import generate
from lecture21.moe import statistics_of
from lecture21.training import History, TrainConfig, evaluate, minimize, train
from lecture21.training.devices import choose_device, choose_precision, matrix_dtype, multiplies_bfloat16

SHAPE = {"vocab_size": 9, "block_size": 8, "n_layer": 1, "n_head": 2, "d_model": 8, "dropout": 0.2}
SETTINGS = {"steps": 6, "batch_size": 4, "eval_every": 2, "accumulate": 2, "clip": 0.5, "optimizer": "muon"}
TOKENS = torch.randint(9, (200,), generator=torch.Generator().manual_seed(0))


def fresh(**changes: object) -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(**{**SHAPE, **changes}))


def config(device: str, **changes: object) -> TrainConfig:
    return TrainConfig(**{**SETTINGS, **changes}, device=device)


@pytest.mark.parametrize(
    ("cuda", "has_mps", "expected"), [(False, False, "cpu"), (False, True, "cpu"), (True, True, "cuda")]
)
def test_cuda_is_used_where_it_is_and_mps_only_on_request(monkeypatch, cuda, has_mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
    assert choose_device().type == expected
    for name, there in (("cpu", True), ("cuda", cuda), ("mps", has_mps)):
        if there:
            assert choose_device(name).type == name
        else:
            with pytest.raises(ValueError, match=f"'{name}' is not on this machine; available: .*cpu"):
                choose_device(name)


@pytest.mark.parametrize(("capability", "best"), [((7, 5), "fp16"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_a_t4_trains_in_fp16_and_an_a100_in_bf16(monkeypatch, capability, best):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision(torch.device("cuda")) == best
    assert choose_precision(torch.device("cpu")) == choose_precision(torch.device("mps")) == "fp32"


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [((6, 0), torch.float32), ((7, 0), torch.float16), ((7, 5), torch.float16), ((8, 0), torch.bfloat16)],
)
def test_matrices_are_multiplied_in_a_type_that_the_card_has_units_for(monkeypatch, capability, dtype):
    """A P100, a V100, a T4 and an A100; a T4 says that it supports bfloat16, which it emulates."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)
    matrix_dtype.cache_clear()
    assert matrix_dtype(torch.device("cuda")) == dtype
    assert multiplies_bfloat16(torch.device("cuda")) == (dtype == torch.bfloat16)
    assert matrix_dtype(torch.device("mps")) == torch.float32
    matrix_dtype.cache_clear()


@pytest.mark.parametrize("clip", [None, 0.05])
def test_scaled_gradients_as_in_fp16_give_the_same_run(monkeypatch, clip):
    """The scaler of a T4, on the CPU: gradients are clipped and used at their own size."""
    settings = {"optimizer": "adamw", "clip": clip}
    plain = train(fresh(), TOKENS, config("cpu", **settings), val=TOKENS[:50])
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12)
    autocast = torch.autocast("cpu", enabled=False)
    monkeypatch.setattr("lecture21.training.run.mixed_precision", lambda device, name: (autocast, scaler))
    scaled = train(fresh(), TOKENS, config("cpu", **settings), val=TOKENS[:50])
    assert scaled.val_loss == pytest.approx(plain.val_loss, rel=1e-6)
    assert scaler.get_scale() == 2.0**12


def test_a_resumed_run_goes_on_with_the_scale_of_its_gradients(monkeypatch, tmp_path):
    """Here the scale doubles at every update, as it does in fp16 after some thousand."""

    def mixed_precision(device: torch.device, name: str | None) -> tuple[torch.autocast, torch.amp.GradScaler]:
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=1)
        return torch.autocast("cpu", enabled=False), scaler

    def scale() -> float:
        return json.loads(load_tensors(tmp_path / "checkpoint.safetensors")[1]["lecture21.run"])["scaler"]["scale"]

    monkeypatch.setattr("lecture21.training.run.mixed_precision", mixed_precision)
    train(fresh(), TOKENS, config("cpu", steps=4), out=tmp_path)
    assert scale() == 8.0 * 2**4
    train(fresh(), TOKENS, config("cpu", steps=6), out=tmp_path, resume=True)
    assert scale() == 8.0 * 2**6


def test_a_run_on_mps_that_is_resumed_equals_one_that_was_not_stopped(tmp_path, monkeypatch):
    """On simulated MPS, whose dropout comes from a generator of its own, and where float64 raises."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"

    def report(step: int, model: GPT, history: History) -> None:
        assert all(isinstance(p, OnMPS) for p in model.parameters())
        torch.zeros(3, device="mps").uniform_()  # must not change the run

    def stop(step: int, model: GPT, history: History) -> None:
        if step == 4:
            raise KeyboardInterrupt

    with mps(monkeypatch):
        train(fresh(), TOKENS, config("mps"), val=TOKENS[:50], out=whole, on_evaluation=report)
        with pytest.raises(KeyboardInterrupt):
            train(fresh(), TOKENS, config("mps"), val=TOKENS[:50], out=stopped, on_evaluation=stop)
        train(fresh(), TOKENS, config("mps"), val=TOKENS[:50], out=stopped, resume=True)
    for name in ("checkpoint.safetensors", "model.safetensors", "history.csv"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes(), name


def test_training_on_mps_leaves_the_caller_s_random_numbers_alone(monkeypatch):
    with mps(monkeypatch):
        model = fresh()
        state = torch.mps.get_rng_state()
        train(model, TOKENS, config("mps"))
        minimize(
            model, lambda generator: model.loss(TOKENS[None, :8].to(MPS), TOKENS[None, 1:9].to(MPS)), config("mps")
        )
        assert torch.equal(torch.mps.get_rng_state(), state)


def test_a_run_may_be_resumed_on_another_device(tmp_path, monkeypatch):
    """Without dropout, it is the run of one device, to rounding."""
    settings = {"optimizer": "adamw", "learning_rate": 0.01}
    whole = train(fresh(dropout=0.0), TOKENS, config("cpu", **settings), val=TOKENS[:50])
    train(fresh(dropout=0.0), TOKENS, config("cpu", **settings, steps=2), val=TOKENS[:50], out=tmp_path)
    with mps(monkeypatch):
        longer = config("mps", **settings, steps=4)
        train(fresh(dropout=0.0), TOKENS, longer, val=TOKENS[:50], out=tmp_path, resume=True)
    resumed = train(fresh(dropout=0.0), TOKENS, config("cpu", **settings), val=TOKENS[:50], out=tmp_path, resume=True)
    assert resumed.step == whole.step == [0, 2, 4, 6]
    assert resumed.val_loss == pytest.approx(whole.val_loss, rel=1e-5)


def test_a_model_on_mps_gives_the_results_of_the_cpu_without_float64(monkeypatch):
    """Of what computes in float64 on the CPU: rotary angles, the counts of a router, a loss on a whole text."""
    model = fresh(position="rotary", moe={"n_expert": 3, "top_k": 1}).eval()

    def results(device: str) -> tuple[object, ...]:
        return (
            evaluate(model, TOKENS),
            generate(model, TOKENS[None, :4], 4, greedy=True).tolist(),
            [each.information for each in statistics_of(model, TOKENS[None, :8].to(device))],
        )

    expected = results("cpu")
    with mps(monkeypatch):
        model.to(MPS)
        assert results("mps") == expected


@pytest.mark.slow
def test_bfloat16_is_not_faster_where_onednn_may_not_use_it():
    code = (
        "import torch; from lecture21.training.devices import multiplies_bfloat16 as f; print(f(torch.device('cpu')))"
    )
    limited = os.environ | {"ONEDNN_MAX_CPU_ISA": "SSE41"}
    assert subprocess.run([sys.executable, "-c", code], env=limited, capture_output=True, text=True).stdout == "False\n"
