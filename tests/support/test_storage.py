"""Files are whole or absent, whatever stops a save."""

import errno
import os
import pickle
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lecture21 import GPT, GPTConfig
from lecture21._support import files
from lecture21._support.files import parse_json, write_atomic
from lecture21._support.storage import load_tensors, load_weights, save_tensors


@pytest.fixture
def old_file(tmp_path):
    """A file that a failed save must leave exactly as it is, alone in its directory."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"old")
    yield path
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_write_atomic_makes_and_replaces_a_file(tmp_path):
    path = tmp_path / "file"
    for data in (b"first", b"", b"a longer second"):
        write_atomic(path, data)
        assert path.read_bytes() == data
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_write_atomic_leaves_the_mode_to_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "file", b"data")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~umask


def test_the_bytes_reach_the_disk_before_the_name_does(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    seen = []

    def fsync(descriptor):
        seen.append((path.read_bytes(), os.fstat(descriptor).st_size))

    monkeypatch.setattr(files.os, "fsync", fsync)
    write_atomic(path, b"new data")
    assert seen == [(b"old", len(b"new data"))]
    assert path.read_bytes() == b"new data"


@pytest.mark.parametrize("stop", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["os.fsync", "Path.replace"])
def test_a_stopped_save_leaves_the_old_file_and_no_other(old_file, monkeypatch, stop, where):
    def fail(*args):
        raise stop

    monkeypatch.setattr(f"lecture21._support.files.{where}", fail)
    with pytest.raises(type(stop)) as caught:
        save_tensors(old_file, {"x": torch.ones(3)})
    assert caught.value is stop


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of a file")
def test_a_save_that_the_file_system_cuts_short_leaves_the_old_file(old_file):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_atomic(old_file, bytes(1_000_001))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_saving_where_there_is_no_directory_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_atomic(tmp_path / "nowhere" / "file", b"")


@pytest.mark.parametrize("metadata", [None, {"step": "5", "name": "Ωmega"}])
def test_tensors_and_metadata_come_back(tmp_path, metadata):
    shared = torch.arange(6.0).view(2, 3)
    tensors = {
        "shared": shared,
        "shared again": shared,
        "transposed": shared.T,
        "slice": shared[:, 1:],
        "expanded": torch.tensor([1.0]).expand(4),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "scalar": torch.tensor(7),
        "empty": torch.empty(0, 3),
        "half": torch.tensor([1.5], dtype=torch.bfloat16),
        "bytes": torch.arange(5, dtype=torch.uint8),
        "mask": torch.tensor([True, False]),
        "double": torch.tensor([0.1], dtype=torch.float64),
    }
    path = tmp_path / "file"
    save_tensors(path, tensors, metadata)
    loaded, loaded_metadata = load_tensors(path)
    assert loaded_metadata == (metadata or {})
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype, name
        assert torch.equal(loaded[name], tensor), name
    loaded["shared"].zero_()  # a loaded tensor can be written to, and owns its memory
    assert torch.equal(loaded["shared again"], shared)


def test_no_tensors_are_still_a_file(tmp_path):
    save_tensors(tmp_path / "file", {}, {"only": "metadata"})
    assert load_tensors(tmp_path / "file") == ({}, {"only": "metadata"})


def test_a_file_cut_anywhere_is_refused_by_name(tmp_path):
    path = tmp_path / "whole"
    save_tensors(path, {"a": torch.ones(3), "b": torch.zeros(2, 2)}, {"key": "value"})
    whole = path.read_bytes()
    truncated = tmp_path / "truncated.safetensors"
    for length in range(len(whole)):
        truncated.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"truncated\.safetensors is not a complete safetensors file"):
            load_tensors(truncated)
    truncated.write_bytes(whole)
    load_tensors(truncated)


@pytest.mark.parametrize("content", [b'{"a": 1}', b"PK\x03\x04" + bytes(100), pickle.dumps([1, 2]), bytes(64)])
def test_a_foreign_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="foreign is not a complete safetensors file"):
        load_tensors(path)


def test_a_missing_file_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        load_tensors(tmp_path / "absent")


def test_an_error_of_a_full_disk_names_the_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path / 'file'}'"):
        write_atomic(tmp_path / "file", b"data")


KILLED_WRITE = """
import os, signal, sys
from lecture21._support import files
files.os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
files.write_atomic(sys.argv[1], b"part")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_the_next_write_removes_what_a_killed_one_left_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "history.csv"
    path.write_bytes(b"old")
    others = [
        tmp_path / name for name in (".history.csv.tmp", ".other.0123.9.0123abcd.tmp", ".history.csv.0123abcd.tmp")
    ]
    for file in others:
        file.write_bytes(b"other")
    assert subprocess.run([sys.executable, "-c", KILLED_WRITE, path]).returncode == -signal.SIGKILL
    (abandoned,) = {*tmp_path.iterdir()} - {path, *others}
    assert abandoned.read_bytes() == b"part"
    assert path.read_bytes() == b"old"
    monkeypatch.setattr(files.socket, "gethostname", lambda: "another machine")
    write_atomic(path, b"new")  # the number of a process says nothing about one of another machine
    assert sorted(tmp_path.iterdir()) == sorted([path, abandoned, *others])
    monkeypatch.undo()
    write_atomic(path, b"newer")
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


@pytest.mark.parametrize("step", ["open", "write", "sync"])
def test_a_file_that_is_being_written_is_not_removed_by_another_write(tmp_path, monkeypatch, step):
    """Two writers at the same time, the second within any step of the first one."""
    path, opened, fsync, nested = tmp_path / "file", Path.open, os.fsync, []

    def write_again():
        if not nested:
            nested.append(True)
            write_atomic(path, b"second")

    class Interrupting:
        def __init__(self, file):
            self.file = file
            if step == "open":
                write_again()

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, data):
            self.file.write(data[:2])
            if step == "write":
                write_again()
            self.file.write(data[2:])

    monkeypatch.setattr(Path, "open", lambda self, *mode: Interrupting(opened(self, *mode)))
    monkeypatch.setattr(files.os, "fsync", lambda d: (fsync(d), write_again() if step == "sync" else None))
    write_atomic(path, b"first")
    monkeypatch.undo()
    assert nested
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    path = tmp_path / ("Ω" * 127)
    write_atomic(path, b"data")
    assert path.read_bytes() == b"data"


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DEEP, "is not JSON: "),
        ("\x1b[31m", "is not JSON: "),
        (b"\xff\xfe\xfa", "is not JSON: "),
        ("[3]", "must hold an object, got list"),
    ],
)
def test_json_of_any_kind_is_one_error_that_names_its_source(text, message):
    with pytest.raises(ValueError, match=f"there {message}") as caught:
        parse_json(text, "there")
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


SMALL_GPT = GPTConfig(vocab_size=5, block_size=4, n_layer=1, n_head=1, d_model=4)


class Killed(BaseException):
    pass


def test_a_save_over_another_model_that_is_killed_anywhere_leaves_one_of_the_two(tmp_path, monkeypatch):
    """From the fatal operation on, every one fails, so that nothing is cleaned up either."""
    old, new = GPT(SMALL_GPT), GPT(SMALL_GPT.changed(d_model=8, n_layer=2))
    outcomes = []
    for fatal in range(100):
        run = tmp_path / str(fatal)
        old.save_pretrained(run)
        operations = []

        def before(operation, operations=operations, fatal=fatal):
            def wrapper(*arguments, **options):
                operations.append(operation)
                if len(operations) > fatal:
                    raise Killed
                return operation(*arguments, **options)

            return wrapper

        with monkeypatch.context() as patch:
            for owner, name in ((files.os, "fsync"), (Path, "replace"), (Path, "unlink")):
                patch.setattr(owner, name, before(getattr(owner, name)))
            try:
                new.save_pretrained(run)
            except Killed:
                pass
            else:
                break
        loaded = GPT.from_pretrained(run)
        expected = new if loaded.config == new.config else old
        assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), expected.parameters(), strict=True))
        outcomes.append(loaded.config == new.config)
    assert outcomes == sorted(outcomes)
    assert {False, True} == set(outcomes)
    assert GPT.from_pretrained(run).config == new.config
    assert sorted(path.name for path in run.iterdir()) == ["config.json", "model.safetensors"]


# Models that their weights do not fit


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64, torch.uint8])
def test_weights_that_are_not_floating_point_numbers_are_refused(dtype):
    model = torch.nn.Linear(2, 1)
    tensors = {**model.state_dict(), "bias": torch.ones(1).to(dtype)}
    with pytest.raises(
        ValueError, match=f"here does not match the model: bias is {dtype} in the file and torch.float32"
    ):
        load_weights(model, tensors, source="here")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_weights_of_any_floating_point_type_are_loaded(dtype):
    model = torch.nn.Linear(2, 1)
    load_weights(model, {"weight": torch.full((1, 2), 0.5, dtype=dtype), "bias": torch.ones(1)}, source="here")
    assert model.weight.tolist() == [[0.5, 0.5]]
    assert model.weight.dtype == torch.float32


@pytest.mark.parametrize("default", [torch.float64, torch.bfloat16])
def test_a_model_is_loaded_in_float32_whatever_the_default_is(default, tmp_path):
    GPT(SMALL_GPT.changed(position="rotary")).save_pretrained(tmp_path)
    expected = GPT.from_pretrained(tmp_path)
    before = torch.get_default_dtype()
    torch.set_default_dtype(default)
    try:
        loaded = GPT.from_pretrained(tmp_path)
        assert torch.get_default_dtype() == default
    finally:
        torch.set_default_dtype(before)
    assert {tensor.dtype for tensor in (*loaded.parameters(), *loaded.buffers())} == {torch.float32}
    ids = torch.arange(4)[None]
    assert torch.equal(loaded(ids), expected(ids))
