"""Files are whole or absent, whatever stops a save."""

import errno
import os
import pickle
import signal
import stat
import subprocess
import sys

import pytest
import torch

from lecture21._support import storage
from lecture21._support.storage import load_tensors, save_tensors, write_atomic


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

    monkeypatch.setattr(storage.os, "fsync", fsync)
    write_atomic(path, b"new data")
    assert seen == [(b"old", len(b"new data"))]
    assert path.read_bytes() == b"new data"


@pytest.mark.parametrize("stop", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["os.fsync", "Path.replace"])
def test_a_stopped_save_leaves_the_old_file_and_no_other(old_file, monkeypatch, stop, where):
    def fail(*args):
        raise stop

    monkeypatch.setattr(f"lecture21._support.storage.{where}", fail)
    with pytest.raises(type(stop)) as caught:
        save_tensors(old_file, {"x": torch.ones(3)})
    assert caught.value is stop


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of a file")
def test_a_save_that_the_file_system_cuts_short_leaves_the_old_file(old_file):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_atomic(old_file, bytes(1_000_001))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    code = (
        "import os, signal, sys; from lecture21._support import storage;"
        "storage.os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL);"
        "storage.write_atomic(sys.argv[1], b'new')"
    )
    assert subprocess.run([sys.executable, "-c", code, path]).returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


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
    torn = tmp_path / "torn.safetensors"
    for length in range(len(whole)):
        torn.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"torn\.safetensors is not a whole safetensors file"):
            load_tensors(torn)
    torn.write_bytes(whole)
    load_tensors(torn)


@pytest.mark.parametrize("content", [b'{"a": 1}', b"PK\x03\x04" + bytes(100), pickle.dumps([1, 2]), bytes(64)])
def test_a_foreign_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="foreign is not a whole safetensors file"):
        load_tensors(path)


def test_a_missing_file_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        load_tensors(tmp_path / "absent")
