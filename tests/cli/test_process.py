"""The command as a process: signals, closed streams, and what is refused before anything is done."""

import json
import os
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from commands import QUICK, refusal

from lecture21 import GPT
from lecture21.cli import main
from lecture21.tokenizers import CharTokenizer
from lecture21.training.checkpoints import RunDirectory


@pytest.fixture
def trained(text, tmp_path) -> Path:
    assert main(["train", "--out", str(tmp_path / "trained"), "--text", str(text), *QUICK]) == 0
    return tmp_path / "trained"


# What is printed


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "lecture21 0.1.0\n"


def test_there_is_no_training_loss_before_the_first_update(text, tmp_path, capsys):
    assert main(["train", "--out", str(tmp_path / "run"), "--text", str(text), *QUICK]) == 0
    err = capsys.readouterr().err
    assert "step 0  train      –  val " in err
    assert "nan" not in err


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "too large for this machine: not enough memory; try a smaller batch_size"),
        (ValueError("red \x1b[31m text\nof two lines"), r"red \x1b[31m text of two lines"),
        (ValueError("x" * 10**8), "x" * 200 + "..."),
    ],
)
def test_an_error_is_one_short_line_without_control_characters(monkeypatch, capsys, error, message):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("lecture21.cli.app.app", fail)
    err = refusal(capsys)
    assert message in err
    assert "\x1b" not in err
    assert len(err) < 2000


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", ""], "--out must be a directory, got ''"),
        (["--warmup", "5"], "--warmup must be at most --steps, 4, got 5"),
        (["--edition", "plays"], "--edition plays is an edition of Shakespeare, and --text"),
        (["--preset", "lstm", "--set", "d_model=1000000"], "lstm is too large for this machine"),
    ],
)
def test_train_refuses_what_does_not_fit_and_writes_nothing(arguments, message, text, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refusal(capsys, "train", "--text", text, "--out", "run", *QUICK, *arguments)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["eval", "sample"])
def test_a_device_is_checked_before_anything_is_read(command, tmp_path, capsys):
    assert "device 'foo' is not on this machine" in refusal(capsys, command, tmp_path / "missing", "--device", "foo")


def test_a_run_that_diverges_fails_and_keeps_finite_weights(text, tmp_path, capsys):
    run = tmp_path / "run"
    arguments = [*QUICK, "--steps", "1", "--learning-rate", "1e38"]
    assert main(["train", "--out", str(run), "--text", str(text), *arguments]) == 2
    assert "lecture21: training diverged: " in capsys.readouterr().err
    assert all(parameter.isfinite().all() for parameter in GPT.from_pretrained(run).parameters())


def test_a_hostile_vocabulary_cannot_write_to_the_terminal(trained, capsys):
    config = json.loads((trained / "config.json").read_text())
    hostile = "\x1b\x07\x9b\r\x7f\x08" + "]0;owned\t\n"
    symbols = "".join(
        sorted({*hostile, *map(chr, range(0x4E00, 0x4E00 + config["vocab_size"] - len(set(hostile)) - 1))})
    )
    CharTokenizer(symbols).save(trained / "tokenizer.json")
    assert main(["sample", str(trained), "--prompt", hostile, "--length", "500", "--seed", "0"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(r"\x1b\x07\x9b\x0d\x7f\x08]0;owned" + "\t\n")
    assert out.count(r"\x1b") > 1
    assert not [c for c in out if unicodedata.category(c) == "Cc" and c not in "\t\n"]


def test_line_ends_of_windows_are_read_as_those_of_unix_and_this_is_said(text, trained, tmp_path, capsys):
    windows = tmp_path / "windows.txt"
    windows.write_bytes(text.read_bytes().replace(b"\n", b"\r\n"))
    assert main(["train", "--out", str(tmp_path / "run"), "--text", str(windows), *QUICK]) == 0
    message = rf"lecture21: {windows} has carriage returns (\r); each line end is read as \n" + "\n"
    assert message in capsys.readouterr().err
    assert (tmp_path / "run" / "history.csv").read_text() == (trained / "history.csv").read_text()
    assert main(["eval", str(trained), "--text", str(text)]) == 0
    assert "carriage" not in capsys.readouterr().err


# Signals


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_training_names_the_checkpoint(number, text, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    arguments = ["train", "--out", str(run), "--text", str(text), *QUICK]
    save, saved = RunDirectory.save, []

    def save_and_interrupt(directory: RunDirectory) -> None:
        save(directory)
        saved.append(True)
        if len(saved) == 2:
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patched:
        patched.setattr(RunDirectory, "save", save_and_interrupt)
        assert main(arguments) == 128 + number
    stopped = f"lecture21: stopped; the same command with --resume continues from the last checkpoint in {run}"
    assert capsys.readouterr().err.splitlines()[-1] == stopped
    assert main([*arguments, "--resume"]) == 0


@pytest.mark.slow
def test_a_signal_where_python_discards_exceptions_ends_the_command_too():
    code = """
import os, signal, sys
import lecture21.cli.app as app
from lecture21.cli import main

class Interrupting:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(10))

def run(arguments, **options):
    del [Interrupting()][0]
    print("went on")
    return 0

app.app = run
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main([]))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "lecture21: stopped\n")


def test_an_ignored_signal_stays_ignored_and_other_handlers_come_back(monkeypatch):
    monkeypatch.setattr("lecture21.cli.app.app", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM) or 0)
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert main([]) == 0
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert main([]) == 143
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_the_entry_point_imports_nothing_that_takes_time():
    code = "import sys, lecture21.cli; print([m for m in ('torch', 'typer', 'numpy') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


@pytest.mark.slow
def test_a_module_in_the_working_directory_does_not_take_the_place_of_an_installed_one(tmp_path):
    for name in ("typer", "torch", "tiktoken", "lecture21.cli"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w')")
    command = [sys.executable, "-m", "lecture21", "--version"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "lecture21 0.1.0\n", "")
    assert not (tmp_path / "executed").exists()


# Closed streams


@pytest.mark.slow
def test_training_goes_on_where_standard_error_is_closed(text, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "lecture21", "train", "--out", str(run), "--text", str(text), *QUICK]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.close(2), check=False)
    assert result.returncode == 0
    assert "nats" in result.stdout
    assert main(["sample", str(run), "--length", "1"]) == 0


@pytest.mark.slow
def test_a_pipe_that_is_closed_from_the_start_ends_a_command_quietly():
    command = [sys.executable, "-m", "lecture21", "count", "gpt0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1


def test_a_full_disk_behind_standard_output_is_one_line():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "lecture21", "count", "gpt0"]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "lecture21: [Errno 28] No space left on device\n"
