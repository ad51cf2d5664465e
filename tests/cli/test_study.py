"""`lecture21 study`: it writes the notebooks for students, and never over their work."""

import os
import sys

import pytest
from commands import refusal

from lecture21.cli import main
from lecture21.course.study.folder import files


@pytest.fixture
def started(monkeypatch) -> list[list[str]]:
    """The programs that took the place of the command."""
    programs: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda path, arguments: programs.append(arguments))
    return programs


def test_a_folder_is_written_and_opened(tmp_path, capsys, started):
    folder = tmp_path / "a" / "course"
    assert main(["study", str(folder)]) == 0
    written = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    assert written == files()
    assert capsys.readouterr().out == f"{folder}: wrote {len(written)} files; README.md says how to begin\n"
    assert started == [[sys.executable, "-m", "jupyterlab", str(folder)]]


def test_the_work_of_a_student_is_kept(tmp_path, capsys, started):
    main(["study", str(tmp_path), "--no-open"])
    work, gone, link = (tmp_path / f"0{n}_{name}.ipynb" for n, name in (
        (4, "causal_mask"), (2, "basic_self_attention"), (7, "write_a_gpt")))  # fmt: skip
    work.write_text("my answers", encoding="utf-8")
    gone.unlink()
    link.unlink()
    link.symlink_to(tmp_path / "elsewhere")
    capsys.readouterr()
    assert main(["study", str(tmp_path), "--no-open"]) == 0
    assert work.read_text(encoding="utf-8") == "my answers"
    assert gone.read_bytes() == files()[gone.name]
    assert link.is_symlink()
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}: wrote 1 files; README.md says how to begin",
        f"{tmp_path}: kept {len(files()) - 1} files that were there",
        f"  changed by you or from another version: {work.name}, {link.name}",
        "  for fresh ones of this version, name another folder: lecture21 study FOLDER",
    ]
    assert started == []


def test_what_cannot_be_a_folder_is_refused(tmp_path, capsys, started):
    path = tmp_path / "notes.txt"
    path.touch()
    assert refusal(capsys, "study", path) == f"lecture21: {path} is a file; name a folder for the notebooks\n"
    assert started == []


def test_without_jupyterlab_the_command_says_how_to_get_it(tmp_path, capsys, started, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["study", str(tmp_path)]) == 0
    assert "pip install jupyterlab, and then: jupyter lab" in capsys.readouterr().out
    assert started == []
