"""`lecture21 grade`: files that are not notebooks or too large, and reports that are safe to open."""

import csv
import json
import os
import stat
from pathlib import Path

import pytest
from grading_notebooks import MASK, grades, write

from lecture21.cli import main
from lecture21.course.grading import reports
from lecture21.course.grading.notebooks import read

BAD = {
    "empty": b"",
    "a list": b"[]",
    "not JSON": b"{",
    "deep": b"[" * 100_000,
    "a cell that is a number": b'{"cells": [1]}',
    "a source that is a number": b'{"cells": [{"cell_type": "code", "source": 1}]}',
    "cells that are a number": b'{"cells": 7}',
    "Latin-1": '{"cells": "é"}'.encode("latin-1"),
    "a picture": b"\x89PNG\r\n\x1a\n\x00",
    "an old notebook": b'{"worksheets": [{"cells": []}], "nbformat": 3}',
    "too much code": json.dumps({"cells": [{"cell_type": "code", "source": "a\n" * 15_000}] * 10}).encode(),
    "too many statements": json.dumps({"cells": [{"cell_type": "code", "source": "a;" * 5_001}]}).encode(),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_is_no_notebook_is_refused_by_name(content, tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path} (is not a notebook|has [0-9,]+ )"):
        read(path)


def test_a_file_that_is_cut_off_is_called_so(tmp_path):
    path = write(tmp_path / "a.ipynb", MASK)
    path.write_bytes(path.read_bytes()[:490])
    with pytest.raises(ValueError, match=r"the file is cut off, damaged or of another kind \(Unterminated string"):
        read(path)


def test_a_pipe_is_not_read_and_a_file_has_a_limit(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a regular file"):
        read(tmp_path / "pipe")
    monkeypatch.setattr("lecture21.course.grading.notebooks._MAX_FILE", 100)
    with pytest.raises(ValueError, match="at most 100 are read"):
        read(write(tmp_path / "a.ipynb", MASK))


ODD = {
    "blank lines": ("\n" * 39_000 + MASK, "correct"),
    "lines of blanks": (" \n" * 19_000 + MASK, "correct"),
    "a very long cell": ("a;" * 50_000, "no cell defines causal_mask"),
    "a very long answer": (MASK + "#" * 50_000, "the cell has 50,073 characters, at most 40,000 are read"),
    "deep brackets": ("causal_mask = " + "(" * 5_000, "the cell raises SyntaxError"),
    "many signs": ("causal_mask = " + "-" * 30_000 + "1", "the cell raises "),
    "many magics": ("%matplotlib inline\n" * 2_000 + "causal_mask = 1", "the cell raises SyntaxError"),
    "a null character": ("causal_mask = 1\0", "the cell raises "),
    "a lone surrogate": ("causal_mask = '\ud800'", "the cell raises UnicodeEncodeError"),
}


@pytest.mark.parametrize(("source", "expected"), ODD.values(), ids=ODD)
def test_an_odd_cell_is_read_in_linear_time(source, expected, tmp_path):
    """Each is refused or read within the usual time; some took minutes, or gigabytes."""
    path = tmp_path / "04_odd.ipynb"
    cells = [{"cell_type": "code", "source": "import torch"}, {"cell_type": "code", "source": source}]
    path.write_text(json.dumps({"cells": cells}))
    text = grades(path, ["4.1"])[0].text
    assert text.startswith(expected)


def test_magics_of_long_cells_are_left_to_the_limit_of_a_notebook(tmp_path):
    """IPython reads a cell again for each of its magics: all of these in ten seconds, the first two in three."""
    long = "%time x = 1\n" * 4 + "# a long text\n" * 2_000
    cells = [{"cell_type": "code", "source": source} for source in (f"%time\n{MASK}", *[long] * 6)]
    path = tmp_path / "04_odd.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    read_ones = [cell.tree is not None for cell in read(path).cells]
    assert read_ones == [True, True, True, False, False, False, False]


def test_a_file_that_is_no_notebook_has_a_row_and_no_cell_is_a_formula(tmp_path, monkeypatch, capsys):
    good, bad = write(tmp_path / "=cmd|calc_04_.ipynb", MASK), tmp_path / "bad\n4.1.ipynb"
    bad.write_text("{")
    table = tmp_path / "grades.csv"
    monkeypatch.chdir(tmp_path)
    assert main(["grade", good.name, bad.name, "none.ipynb", "--exercises", "4.1", "--csv", str(table)]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("=cmd|calc_04_.ipynb: 1 of 1 points\n  4.1   1 of 1  the causal mask: correct\n1 of 3 ")
    assert err.startswith("lecture21: bad\\n4.1.ipynb is not a notebook: ")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["notebook"] for row in rows] == ["'=cmd|calc_04_.ipynb", "bad\\n4.1.ipynb", "none.ipynb"]
    assert [row["points"] for row in rows] == ["1", "0", "0"]
    assert rows[2]["result"].startswith("not graded: ")


def test_a_report_goes_where_it_is_sent(tmp_path):
    """A link stays a link, a device a device, and a name may be as long as the file system allows."""
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    reports.write_output(link, b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    reports.write_output(Path(os.devnull), b"new")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    read_end, write_end = os.pipe()
    reports.write_output(Path(f"/dev/fd/{write_end}"), b"new")
    assert os.read(read_end, 10) == b"new"
    for descriptor in (read_end, write_end):
        os.close(descriptor)
    with (tmp_path / "output.txt").open("w") as printed:
        print("a table", file=printed, flush=True)
        reports.write_output(Path(f"/dev/fd/{printed.fileno()}"), b"new")
    assert (tmp_path / "output.txt").read_text() == "a table\nnew"
    longest = tmp_path / ("a" * 249 + ".csv")
    reports.write_output(longest, b"new")
    assert longest.read_text() == "new"


def test_a_table_holds_text_that_is_no_text(tmp_path):
    text = reports.table(["a"], [["=1+1"], ["@x"], ["a\nb"], ["\ud800"], [-1], ["-1"]])
    assert text.splitlines() == ["a", "'=1+1", "'@x", "a\\nb", "\\ud800", "-1", "'-1"]
