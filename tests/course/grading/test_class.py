"""`lecture21 grade` for a class: students, late days, Canvas, answers that are alike, Gradescope's autograder."""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from grading_notebooks import MASK, write

from lecture21.cli import main
from lecture21.course.exercises.registry import find
from lecture21.course.grading import autograder, students
from lecture21.course.grading.assignment import Assignment, assignment
from lecture21.course.grading.classroom import Submission
from lecture21.course.grading.exercises import every_exercise
from lecture21.course.grading.graders import Grade
from lecture21.course.grading.notebooks import Notebook, read
from lecture21.course.grading.similarity import THE_BOOK, similar


def submission(path: str, points: float = 1, number: str = "4.1", student: str = "") -> Submission:
    grade = Grade(number, "a title", points, 2, "a text", ("uses gc",) if points == 1 else ())
    return Submission(Path(path), (grade,), notebook=Notebook(Path(path), (), student))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize(
    ("paths", "way", "expected"),
    [
        (["ada/04_causal_mask.ipynb", "bob/04_causal_mask.ipynb"], "auto", ["ada", "bob"]),
        (["all/ada.ipynb", "all/bob.ipynb"], "auto", ["ada", "bob"]),
        (["all/04_causal_mask-ada.ipynb", "all/04_causal_mask_bob.ipynb"], "auto", ["ada", "bob"]),
        (
            ["all/04_causal_mask.ipynb", "all/04_causal_mask (1).ipynb"],
            "name",
            ["04_causal_mask", "04_causal_mask (1)"],
        ),
        (["a/lovelaceada_12_345_04_causal_mask.ipynb", "b/bob.ipynb"], "auto", ["a", "b"]),
        (["a/lovelaceada_12_345_04_causal_mask.ipynb", "b/bob_LATE_13_346_x.ipynb"], "auto", ["12", "13"]),
        (["ada/x.ipynb", "bob/x.ipynb"], "name", ["x", "x"]),
        (["all/x.ipynb", "all/y.ipynb"], "metadata", ["Ada L.", "Ada L."]),
    ],
)
def test_the_name_of_a_student_is_in_a_folder_a_file_name_or_metadata(paths, way, expected):
    assert students.names([submission(path, student="Ada L.") for path in paths], way) == expected


def test_what_canvas_calls_late_is_a_day_late_at_least(tmp_path):
    """The time of its file is that of the download, which may be before or long after the deadline."""
    paths = [tmp_path / name for name in ("ada_12_345_x.ipynb", "bob_LATE_13_346_x.ipynb", "eve_LATE_14_347_x.ipynb")]
    for path, days in zip(paths, (0, 0, 3), strict=True):
        path.touch()
        os.utime(path, (1e9 + 86_400 * days,) * 2)
    graded = [submission(str(path), 1) for path in paths]
    plan, due = Assignment(late_per_day=0.25), students.deadline_of("2001-09-09T01:46:40+00:00")
    for deadline, expected in ((None, [0, 1, 1]), (due, [0, 1, 3])):
        totals = students.totals(graded, plan, deadline=deadline)
        assert [each.days_late for each in totals] == expected
        assert [each.points for each in totals] == [1 - 0.25 * days for days in expected]


def test_a_link_to_the_notebook_of_another_is_named_and_not_graded(tmp_path, capsys):
    """An archive can contain symbolic and hard links; one file that is named twice is no link."""
    ada, bob, eve, own = (tmp_path / name / "04_a.ipynb" for name in ("ada", "bob", "eve", "own"))
    write(ada, MASK)
    write(own, MASK)
    for path in (bob, eve):
        path.parent.mkdir()
    bob.symlink_to(ada)
    os.link(ada, eve)
    assert main(["grade", *map(str, (ada, bob, eve, own, own)), "--exercises", "4.1"]) == 2
    out, err = capsys.readouterr()
    assert out.count(f"{own}: 1 of 1 points") == 2
    assert "2 of 5 notebooks graded" in out
    assert f"{bob} is a link to {ada}; hand in the notebook itself" in err
    assert f"{ada} is the same file as" in err  # who has the other's cannot be known
    assert f"{eve} is the same file as" in err


def test_a_total_has_the_best_of_several_notebooks_and_pays_for_late_days(tmp_path):
    made = [tmp_path / "ada" / "a.ipynb", tmp_path / "ada" / "b.ipynb", tmp_path / "bob" / "a.ipynb"]
    due = students.deadline_of("2026-12-01T18:00")
    for path, seconds in zip(made, (-5, 5, 86_405), strict=True):  # Ada's second one is late, and Bob's
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (due.timestamp() + seconds,) * 2)
    graded = [submission(str(path), points) for path, points in zip(made, (2, 1, 1.5), strict=True)]
    plan = Assignment(late_per_day=0.1)
    ada, bob = students.totals(graded, plan, deadline=due)
    assert (ada.name, ada.points, ada.most, ada.days_late) == ("ada", 2, 2, 0)  # the late one is worse
    assert (bob.name, bob.points, bob.days_late) == ("bob", 1.2, 2)
    assert students.totals(graded, plan)[1].points == 1.5
    table = rows(students.student_table([ada, bob]))
    assert [(row["student"], row["points"], row["days late"], row["4.1"]) for row in table] == [
        ("ada", "2", "0", "2"),
        ("bob", "1.2", "2", "1.5"),
    ]
    assert table[0]["notebooks"] == "a.ipynb; b.ipynb"


def test_each_of_several_notebooks_pays_for_its_own_late_days(tmp_path):
    """A late file earns its points with the deduction, and a blank one costs nothing."""
    due = students.deadline_of("2026-12-01T18:00")
    made = {"a.ipynb": (2, "4.1", -5), "b.ipynb": (2, "4.2", 5), "c.ipynb": (0, "4.3", 500_000)}
    for name, (_, _, seconds) in made.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (due.timestamp() + seconds,) * 2)
    graded = [submission(str(tmp_path / name), points, number) for name, (points, number, _) in made.items()]
    (ada,) = students.totals(graded, Assignment(late_per_day=0.25), way="folder", deadline=due)
    assert (ada.points, ada.most, ada.days_late) == (3.5, 6, 1)


def test_a_file_that_cannot_be_read_has_the_total_of_the_assignment(tmp_path, capsys):
    paths = [write(tmp_path / "ada" / "04_a.ipynb", MASK), tmp_path / "bob" / "04_a.ipynb"]
    paths[1].parent.mkdir()
    paths[1].write_text("{")
    named = {name: tmp_path / f"{name}.csv" for name in ("csv", "students")}
    options = [part for name, path in named.items() for part in (f"--{name}", str(path))]
    (tmp_path / "plan.toml").write_text('exercises = ["4.1", "4.3"]\n[weights]\n"4.3" = 2\n')
    assert main(["grade", *map(str, paths), *options, "--config", str(tmp_path / "plan.toml")]) == 2
    assert [(row["student"], row["points"], row["of"]) for row in rows(named["students"].read_text())] == [
        ("ada", "1", "3"),
        ("bob", "0", "3"),
    ]
    assert [row["of"] for row in rows(named["csv"].read_text())] == ["1", "2", "1", "2"]
    summary = "1 of 2 notebooks graded, 1 of 3 points on average; 0 with flags to look at, 1 could not be read"
    assert capsys.readouterr().out.splitlines()[-1] == summary


def test_a_deadline_is_a_date():
    assert students.deadline_of("2026-12-01").strftime("%H:%M:%S") == "23:59:59"
    assert students.deadline_of("2026-12-01T18:00+02:00") == datetime.fromisoformat("2026-12-01T16:00+00:00")
    with pytest.raises(ValueError, match=r"--deadline must be a date such as .*, got 'soon'"):
        students.deadline_of("soon")


def test_canvas_gets_its_own_columns(tmp_path):
    gradebook = tmp_path / "gradebook.csv"
    gradebook.write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Old (1)\n    Points Possible,,,,,10\n"
        '"Lovelace, Ada",12,u12,ada@x.edu,A,3\n"Noether, Emmy",13,u13,emmy@x.edu,A,\n"Gone, G.",14,u14,g@x.edu,A,5\n',
        encoding="utf-8-sig",
    )
    graded = [submission("all/12.ipynb", 2), submission("all/emmy@x.edu.ipynb", 1), submission("all/eve.ipynb", 1)]
    totals = students.totals(graded, Assignment())
    text, missing = students.canvas_table(totals, "Chapter 4 (7)", gradebook)
    assert missing == ["eve"]
    assert [(row["ID"], row["SIS Login ID"], row["Chapter 4 (7)"]) for row in rows(text)] == [
        ("12", "ada@x.edu", "2"),
        ("13", "emmy@x.edu", "1"),
        ("14", "g@x.edu", ""),
    ]
    by_name = students.totals(
        [submission("Ada Lovelace/x.ipynb", 2), submission("Emmy_Noether/x.ipynb", 1)], Assignment()
    )
    assert students.canvas_table(by_name, "C", gradebook)[1] == []
    plain = rows(students.canvas_table(totals, "C")[0])
    assert [(row["ID"], row["SIS Login ID"], row["C"]) for row in plain] == [
        ("12", "", "2"),
        ("", "emmy@x.edu", "1"),
        ("", "eve", "1"),
    ]
    twice = students.totals([submission("all/u13.ipynb", 1), submission("all/Emmy Noether.ipynb", 2)], Assignment())
    text, missing = students.canvas_table(twice, "C", gradebook)
    assert ([row["C"] for row in rows(text)], missing) == (["", "1", ""], ["Emmy Noether"])  # found by one id only
    (tmp_path / "other.csv").write_text("name\nada\n")
    with pytest.raises(
        ValueError, match=r"other.csv is not a gradebook exported from Canvas: it has no column Student"
    ):
        students.canvas_table(totals, "C", tmp_path / "other.csv")


LEAKS = """def leaks(attend, x):
    torch.manual_seed(3)
    other = torch.cat([x[:-1], torch.randn(1, x.shape[1], dtype=x.dtype)])
    before, after = attend(x), attend(other)
    differences = [(before[t] - after[t]).abs().max().item() for t in range(len(x) - 1)]
    return max(differences) > 1e-5
"""
OWN = """def leaks(attend, x):
    changed = x.clone()
    changed[-1] = 7 * torch.rand(x.shape[1]) - 3
    for first, second in zip(attend(x)[:-1], attend(changed)[:-1]):
        if ((first - second) ** 2).sum() > 1e-10:
            return True
    return False
"""


def test_the_command_writes_all_reports_of_a_class(tmp_path, capsys):
    """Bob has copied Ada's answer to 4.3 and changed its names; Eve has her own, and all have the same for 4.1."""
    bobs = LEAKS.replace("attend", "f").replace("differences", "d").replace("before", "old").replace("other", "y")
    answers = {"ada": LEAKS, "bob": f"# my own\n{bobs}", "eve": OWN}
    paths = [write(tmp_path / name / "04_causal_mask.ipynb", MASK, answer) for name, answer in answers.items()]
    named = {name: tmp_path / f"{name}.csv" for name in ("csv", "students", "canvas", "similar")}
    options = [part for name, path in named.items() for part in (f"--{name}", str(path))]
    late = ["--deadline", "2020-01-01", "--exercises", "4.1,4.3", "--jobs", "2"]
    assert main(["grade", *map(str, paths), *options, *late]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"Late after 2020-01-01 23:59:59[+-]\d\d:\d\d \(.+\)", first)
    assert sorted(line for line in lines if not line.startswith(" ")) == [
        *(f"{path}: 2 of 2 points" for path in paths),
        "3 of 3 notebooks graded, 2 of 2 points on average; 0 with flags to look at, 0 could not be read",
    ]
    assert [row["notebook"] for row in rows(named["csv"].read_text())] == [str(path) for path in paths for _ in "12"]
    table = rows(named["students"].read_text())
    assert [(row["student"], row["points"], row["4.1"]) for row in table] == [(name, "2", "1") for name in answers]
    assert all(int(row["days late"]) > 365 for row in table)
    assert [row["SIS Login ID"] for row in rows(named["canvas"].read_text())] == list(answers)
    assert rows(named["similar"].read_text()) == [
        {"student": "ada", "other student": "bob", "exercise": "4.3", "alike": "100%", "same names": ""}
    ]


@pytest.mark.parametrize(("copies", "pairs"), [(2, 1), (3, 0)])
def test_code_that_many_have_says_nothing(copies, pairs, tmp_path):
    """Two equal answers are a pair; what a tenth of the class has, and more than two, is from the lecture."""
    answers = [LEAKS] * copies + [OWN]
    paths = [write(tmp_path / f"{n}.ipynb", answer) for n, answer in enumerate(answers)]
    grade = Grade("4.3", "a title", 1, 1, "correct", ())
    made = [Submission(path, (grade,), notebook=read(path)) for path in paths]
    found = similar([str(n) for n in range(len(paths))], made, [find("4.3")])
    assert [(pair.first, pair.second) for pair in found] == [("0", "1")] * pairs
    assert similar(["0"] * len(paths), made, [find("4.3")]) == []  # notebooks of one student


def test_a_copy_of_the_book_with_other_names_is_a_pair_with_it(tmp_path):
    exercise = find("7.4")
    copied = exercise.text(exercise.solution).replace("losses", "found").replace("rise", "up")
    path = write(tmp_path / "07_a.ipynb", copied)
    made = Submission(path, (Grade("7.4", "a title", 1, 1, "correct", ()),), notebook=read(path))
    pairs = similar(["ada", "bob"], [made, made], [exercise])  # and none of the two who have copied it
    assert [(each.first, each.second, each.share, each.same_names) for each in pairs] == [
        ("ada", THE_BOOK, 1, False),
        ("bob", THE_BOOK, 1, False),
    ]


@pytest.mark.parametrize("partial", [0.5, {"4.1": 0.5, "4.3": 1}], ids=["a number", "a table"])
def test_an_assignment_is_the_same_after_it_was_written(tmp_path, partial):
    plan = Assignment(("4.1", "4.3"), 'A "title"', {"4.1": 2.5}, partial, 0.25, 0.1)
    (tmp_path / "plan.toml").write_text(plan.as_toml())
    assert assignment(every_exercise(), config=tmp_path / "plan.toml") == plan


def unpacked(folder: Path, chapter: str = "4", **options) -> Path:
    """Unpack an autograder where Gradescope does, and the wheel in it as pip does."""
    target = folder / "autograder"
    data = autograder.autograder(assignment(every_exercise(), chapter=chapter), **options)
    (folder / "autograder.zip").write_bytes(data)
    with zipfile.ZipFile(folder / "autograder.zip") as archive:
        assert archive.getinfo("run_autograder").external_attr >> 16 == 0o100755
        archive.extractall(target / "source")
    (wheel,) = (target / "source").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target / "installed")
        assert "lecture21/course/study/edition/04_causal_mask.ipynb" in archive.namelist()
        record = archive.read(next(name for name in archive.namelist() if name.endswith("RECORD"))).decode()
        assert [line.split(",")[0] for line in record.splitlines()] == archive.namelist()
    program = target / "venv" / "bin" / "lecture21"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexport PYTHONPATH={target}/installed\nexec {sys.executable} -P -m lecture21 "$@"\n')
    program.chmod(0o755)
    return target


def run_autograder(target: Path) -> dict:
    """Run what Gradescope runs, and return what it reads."""
    environment = os.environ | {"AUTOGRADER": str(target), "OMP_NUM_THREADS": "1"}
    command = ["bash", str(target / "source" / "run_autograder")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (target / "results" / "results.json").is_file(), ran.stderr
    return json.loads((target / "results" / "results.json").read_text())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Gradescope runs Linux")
def test_the_autograder_is_complete_and_grades_a_submission(tmp_path):
    target = unpacked(tmp_path)
    assert run_autograder(target) == {"score": 0, "output": "Hand in one notebook; there are 0."}
    write(target / "submission" / "my work.ipynb", MASK)
    results = run_autograder(target)
    assert results["score"] == 1
    assert [each["score"] for each in results["tests"]] == [1, 0, 0, 0, 0]
    setup = (target / "source" / "setup.sh").read_text()
    assert subprocess.run(["bash", "-n", "-c", setup], check=False).returncode == 0


@pytest.mark.parametrize("has_index", [True, False], ids=["with the index of torch", "without it"])
def test_gradescope_installs_the_sandbox_and_torch_for_processors(tmp_path, has_index):
    """Run setup.sh with a Python whose pip only writes down what it is asked for."""
    target = unpacked(tmp_path)
    programs, log = tmp_path / "bin", tmp_path / "log"
    programs.mkdir()
    pip = f'#!/bin/sh\necho "$@" >> {log}\ncase "$*" in *index-url*) exit {int(not has_index)};; esac\n'
    fake = f'#!/bin/sh\n[ "$1" = -c ] && exit 0\nmkdir -p "$3/bin" && cp {tmp_path}/pip "$3/bin/pip"\n'
    for path, text in ((tmp_path / "pip", pip), (programs / "python3.13", fake)):
        path.write_text(text)
        path.chmod(0o755)
    environment = os.environ | {"AUTOGRADER": str(target), "PATH": f"{programs}:{os.environ['PATH']}"}
    ran = subprocess.run(["bash", str(target / "source" / "setup.sh")], env=environment, check=False)
    assert ran.returncode == 0
    torch, package = log.read_text().splitlines()
    assert torch == "install torch --index-url https://download.pytorch.org/whl/cpu"
    assert re.fullmatch(rf"install {target}/source/lecture21-.*\.whl\[grade\]", package)


def test_the_autograder_has_the_private_exercises_and_the_same_bytes_again(tmp_path, capsys):
    private, path = tmp_path / "mine.py", tmp_path / "autograder.zip"
    private.write_text(
        "import dataclasses\nfrom lecture21.course.exercises.registry import find\n"
        "mine = dataclasses.replace(find('4.1'), number='4.9')\n"
    )
    digests = []
    for _ in range(2):
        options = ["--autograder", str(path), "--exercises", "4.9", "--private", str(private)]
        assert main(["grade", *options]) == 0
        digests.append(hashlib.sha256(path.read_bytes()).digest())
    assert digests[0] == digests[1]
    with zipfile.ZipFile(path) as archive:
        assert archive.read("private.py") == private.read_bytes()
        assert 'exercises = ["4.9"]' in archive.read("assignment.toml").decode()
        assert "--private private.py" in archive.read("run_autograder").decode()
    assert main(["grade", "--autograder", str(path)]) == 2
    assert "--autograder needs the exercises that count: --chapter 4" in capsys.readouterr().err
    assert main(["grade"]) == 2
    assert "nothing to grade: name notebooks" in capsys.readouterr().err
