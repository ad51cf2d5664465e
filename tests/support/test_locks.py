"""One owner at a time, whoever comes and goes."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from lecture21._support.locks import locked_directory


def test_a_directory_has_one_owner(tmp_path):
    with locked_directory(tmp_path):
        with pytest.raises(ValueError, match="is in use: another process"), locked_directory(tmp_path):
            pass
        code = "import sys; from pathlib import Path; from lecture21._support.locks import locked_directory as lock\n"
        code += "with lock(Path(sys.argv[1])): pass"
        other = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
        assert "is in use: another process" in other.stderr
    with locked_directory(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_an_owner_who_leaves_does_not_remove_the_lock_of_the_next_one(tmp_path, monkeypatch):
    """The next one comes as soon as the file of the first is gone."""
    unlink = Path.unlink
    with ExitStack() as second:

        def unlink_and_enter(path, *arguments, **options):
            unlink(path, *arguments, **options)
            monkeypatch.undo()
            second.enter_context(locked_directory(tmp_path))

        with locked_directory(tmp_path):
            monkeypatch.setattr(Path, "unlink", unlink_and_enter)
        with pytest.raises(ValueError, match="is in use"), locked_directory(tmp_path):
            pass


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_owner_leaves_no_lock(tmp_path):
    code = "import os, sys; from pathlib import Path; from lecture21._support.locks import locked_directory as lock\n"
    code += "with lock(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    with locked_directory(tmp_path):
        pass
