"""Two processes that train one model, on the CPU: equal to one process, and ended together."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import workers

from lecture21 import GPT
from lecture21._support.storage import load_tensors
from lecture21.training import History, sample_windows, train

pytestmark = pytest.mark.slow  # processes that import torch

WORKERS = Path(workers.__file__)
TEXT = "ROMEO:\nBut soft, what light through yonder window breaks?\n\n" * 20
FILES = ["checkpoint.safetensors", "config.json", "history.csv", "model.safetensors", "tokenizer.json"]


def start(job: str, folder: Path) -> list[subprocess.Popen]:
    """Start two processes that do a job together."""
    (folder / "store").unlink(missing_ok=True)
    return [
        subprocess.Popen(
            [sys.executable, WORKERS, job, str(rank), folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]


def finish(processes: list[subprocess.Popen]) -> list[tuple[int, str]]:
    """Wait for processes, and return the exit code and the standard error of each."""
    outputs = [process.communicate()[1] for process in processes]
    return [(process.returncode, output) for process, output in zip(processes, outputs, strict=True)]


def done(job: str, folder: Path) -> Path:
    """Let two processes do a job to its end, and return the folder of what they wrote."""
    for code, err in finish(start(job, folder)):
        assert code == 0, err
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What two processes wrote that trained `workers.RUNS`."""
    return done("equality", tmp_path_factory.mktemp("equality"))


@pytest.fixture(scope="module")
def resumed(tmp_path_factory) -> Path:
    """What two processes wrote that stopped and resumed."""
    return done("resuming", tmp_path_factory.mktemp("resuming"))


@pytest.fixture(scope="module")
def seen(folder) -> list[dict]:
    return [json.loads((folder / f"seen{rank}.json").read_text()) for rank in range(2)]


# Two processes are one


@pytest.mark.parametrize("name", workers.RUNS)
def test_two_processes_equal_one_to_rounding(folder, name):
    model_name, config = workers.RUNS[name]
    model = workers.fresh(workers.MODELS[model_name])
    history = train(model, workers.tokens(), replace(config, shard=False), val=workers.validation())
    weights, _ = load_tensors(folder / name / "model.safetensors")
    for key, tensor in model.state_dict().items():
        # Muon divides small matrices by their norms many times, and so amplifies rounding.
        torch.testing.assert_close(weights[key], tensor, rtol=0, atol=1e-7 if name == "muon" else 1e-13, msg=key)
    together = History.from_csv(folder / name / "history.csv")
    assert together.step == history.step
    assert together.val_loss == pytest.approx(history.val_loss, rel=1e-7 if name == "muon" else 1e-13)
    assert together.train_loss[1:] == pytest.approx(history.train_loss[1:], rel=1e-6)  # summed in float32


def test_the_parts_of_a_batch_are_the_batch_of_one_process(seen):
    generator = torch.Generator().manual_seed(0)
    parts = [[batch for batch in each["batches"] if len(batch) == 4] for each in seen]
    assert [len(each) for each in parts] == [20, 20]
    for first, second in zip(*parts, strict=True):
        whole, _ = sample_windows(workers.tokens(), 8, 8, generator)
        assert first + second == whole.tolist()


def test_the_batches_of_the_validation_split_are_shared(seen):
    sizes = [[len(batch) for batch in each["batches"] if len(batch) != 4] for each in seen]
    assert sizes == [
        [256, 88] * 3,
        [256, 88] * 3,
    ]  # of 256, 256 and 88 windows; the last is repeated, not counted twice


def test_the_main_process_alone_reports(seen):
    assert [each["evaluations"] for each in seen] == [2, 0]


def test_what_several_processes_cannot_do_is_refused_in_each(seen, folder):
    for each in seen:
        assert each["refused"]["batch"] == "batch_size must be a multiple of 2 processes, got 3"
        assert each["refused"]["muon"] == "optimizer muon needs complete matrices, and shard splits them; use adamw"
        assert each["refused"]["compile"] == "compile is for one process: leave it out, or start a single process"
        assert each["refused"]["diverged"].startswith("training diverged: ")
    assert not (folder / "refused" / "batch").exists()
    assert not (folder / "refused" / "muon").exists()


# Shards


@pytest.mark.parametrize("name", [name for name in workers.RUNS if name.endswith("sharded")])
def test_each_process_holds_half_of_a_sharded_model(seen, name):
    first, second = (each[name]["held"] for each in seen)
    whole = seen[0][name]["whole"]
    assert {key: first[key] + second[key] for key in first} == whole
    for held in (first, second):
        assert sum(held.values()) == pytest.approx(sum(whole.values()) / 2, rel=0.1)


@pytest.mark.parametrize("name", ["bias", "bias sharded"])
def test_any_run_is_in_the_same_files(folder, name):
    assert sorted(path.name for path in (folder / name).iterdir()) == [n for n in FILES if n != "tokenizer.json"]
    sharded, plain = (load_tensors(folder / each / "checkpoint.safetensors")[0] for each in (name, "bias"))
    assert {key: tensor.shape for key, tensor in sharded.items()} == {key: t.shape for key, t in plain.items()}
    assert GPT.from_pretrained(folder / name)(workers.tokens()[None, :8]).shape == (1, 8, 9)


# Resuming


@pytest.mark.parametrize("name", ["exact", "sharded", "mixed"])
def test_a_resumed_run_of_two_processes_equals_one_that_never_stopped(resumed, name):
    parts, whole = (resumed / each for each in (name, f"{name} whole"))
    actual, expected = (History.from_csv(path / "history.csv") for path in (parts, whole))
    weights, wanted = (load_tensors(path / "model.safetensors")[0] for path in (parts, whole))
    if name == "mixed":  # the sums of gradients are rounded differently in a sharded run
        assert actual.val_loss == pytest.approx(expected.val_loss, rel=1e-12)
    else:
        assert repr(actual) == repr(expected)
        assert all(torch.equal(weights[key], wanted[key]) for key in wanted)


def test_each_process_has_its_own_dropout(resumed):
    tensors, _ = load_tensors(resumed / "exact" / "checkpoint.safetensors")
    assert not torch.equal(tensors["random.torch"], tensors["random.torch.1"])
    assert torch.equal(tensors["random.batches"], tensors["random.batches.1"])


def test_another_number_of_processes_is_refused_by_name(folder):
    run = folder / "dense"
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    message = "does not match the run: the checkpoint has processes=2, the run has 1"
    with pytest.raises(ValueError, match=message):
        train(workers.fresh(workers.SHAPE), workers.tokens(), workers.CONFIG, out=run, resume=True)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


# Ends


@pytest.fixture
def run(tmp_path) -> Path:
    (tmp_path / "text.txt").write_text(TEXT)
    return tmp_path / "run"


STOPPED = "the same command with --resume continues from the last checkpoint in"


@pytest.mark.parametrize(
    ("job", "codes", "reason"),
    [
        ("killed", [1, -9], ", because another process has ended"),
        ("interrupted", [130, 130], ""),
    ],
)
def test_a_run_ends_with_one_line_and_complete_files(run, job, codes, reason):
    (code, err), (other_code, other_err) = finish(start(job, run.parent))
    assert [code, other_code] == codes
    lines = [line for line in err.splitlines() if not re.match(r"gpt0: |2 processes|step ", line)]
    assert lines == [f"lecture21: stopped{reason}; {STOPPED} {run}"]
    assert other_err == ""
    assert sorted(path.name for path in run.iterdir()) == FILES
    assert History.from_csv(run / "history.csv").step == [0, 2, 4]
    assert load_tensors(run / "checkpoint.safetensors")[0]["history.step"].tolist() == [0, 2, 4]
    GPT.from_pretrained(run)


# Launchers


LAUNCHERS = {
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"],
    "accelerate": [
        "-m",
        "accelerate.commands.launch",
        "--multi_gpu",
        "--main_process_port",
        "0",
        "--num_processes",
        "2",
    ],
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_launcher_trains_one_model(run, launcher):
    arguments = ["train", "--out", run, "--text", run.parent / "text.txt", "--steps", "4", "--eval-every", "2"]
    arguments += ["--device", "cpu", "--set", "n_layer=1", "--set", "d_model=8"]
    shard = ["--shard"] if launcher == "torchrun" else []
    result = subprocess.run(
        [sys.executable, *LAUNCHERS[launcher], "-m", "lecture21", *arguments, *shard],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("nats") == 1  # one process reports
    assert result.stderr.count("step 4") == 1
    assert f"2 processes{', sharded' if shard else ''}\n" in result.stderr
    assert sorted(path.name for path in run.iterdir()) == FILES
