"""The command `lecture21 grade`: its tables, its options, and what they say of wrong values."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading

import pytest
from grading_notebooks import MASK, NOTEBOOKS, grades, write

from lecture21.cli import main
from lecture21.course.exercises.answers.running import call_once, draw
from lecture21.course.exercises.judging import judge
from lecture21.course.exercises.registry import exercises_of, find
from lecture21.course.grading import graders, reports
from lecture21.course.grading.assignment import assignment
from lecture21.course.grading.exercises import every_exercise


def test_the_table_the_csv_file_and_gradescopes_results(tmp_path, capsys):
    wrong = "def masked_weights(scores, mask):\n    return scores.softmax(dim=-1) * mask"
    path = write(tmp_path / "04_answers.ipynb", MASK, wrong)
    table, results = tmp_path / "grades.csv", tmp_path / "results.json"
    assert main(["grade", str(path), "--csv", str(table), "--gradescope", str(results)]) == 0
    out = capsys.readouterr().out
    numbers = [exercise.number for exercise in exercises_of("04")]
    assert out.startswith(f"{path}: 1 of {len(numbers)} points\n")
    assert "  4.1   1 of 1  the causal mask: correct\n" in out
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [(row["exercise"], row["points"]) for row in rows] == [
        (each, "1" if each == "4.1" else "0") for each in numbers
    ]
    assert "rows sum to less than 1" in rows[1]["result"]
    assert rows[2]["result"] == "no cell defines leaks"
    content = json.loads(results.read_text())
    assert content["score"] == 1
    assert content["tests"][0] == {
        "number": "4.1",
        "name": "the causal mask",
        "score": 1,
        "max_score": 1,
        "status": "passed",
        "output": "correct",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--chapter", "99"], "--chapter: there is no chapter '99' with exercises; there are 01, 02"),
        (["--exercises", "4.1,4.9"], "--exercises: there is no exercise '4.9'; there are 1.1, 1.2"),
        (["--seconds", "0"], "--seconds must be a number in (0, 3,600], got 0.0"),
        (["--seconds", "nan"], "--seconds must be a number in (0, 3,600], got nan"),
        (["--memory", "0"], "Invalid value for '--memory': "),
        (["--jobs", "0"], "Invalid value for '--jobs': "),
        (["--private", "none.py"], "none.py"),
        (["--private", "notes.txt"], "the private exercises are a Python file, NAME.py, got notes.txt"),
        (["--private", "empty.py"], "empty.py defines no exercise"),
        (["--private", "broken.py"], "broken.py cannot be run: ZeroDivisionError: division by zero"),
        (["--config", "none.toml"], "none.toml"),
        (["--config", "broken.toml"], "broken.toml is not TOML: "),
        (["--config", "unknown.toml"], "unknown.toml has unknown keys weight; known are chapter, exercises, title"),
        (["--config", "partial.toml"], "partial.toml: partial must be a number from 0 to 1, got 2"),
        (["--config", "weights.toml"], "weights.toml: the weight of 4.1 must be a number >= 0, got 'two'"),
        (["--config", "wrong.toml"], "wrong.toml: there is no exercise '4.9'"),
        (["--students", "list.csv"], "--students list.csv would replace a file that is not a table of lecture21"),
        (["--csv", "list.csv"], "--csv list.csv would replace a file"),
        (["--canvas", "list.csv"], "--canvas list.csv would replace a file"),
        (["--similar", "list.csv"], "--similar list.csv would replace a file"),
        (["--canvas", "g.csv", "--gradebook", "g.csv"], "--canvas would replace g.csv, which --gradebook reads"),
        (["two.ipynb", "--gradescope", "r.json"], "--gradescope needs exactly one notebook, got 2"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_graded(options, message, tmp_path, monkeypatch, capsys, untyped):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(graders.Grader, "run", None)
    for name, text in {
        "notes.txt": "", "empty.py": "", "broken.py": "1 / 0", "broken.toml": "=", "unknown.toml": "weight = 1",
        "partial.toml": "chapter = 4\npartial = 2", "weights.toml": '[weights]\n"4.1" = "two"',
        "wrong.toml": 'exercises = ["4.9"]', "list.csv": "student,e-mail\nAda,ada@x.edu\n",
        "g.csv": "Student,ID,SIS User ID,SIS Login ID,Section\n",
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    assert main(["grade", "one.ipynb", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("lecture21: ")
    assert message in err
    assert err.count("\n") == 1


def test_a_system_without_fork_is_refused(monkeypatch, capsys):
    monkeypatch.delattr(os, "fork")
    assert main(["grade", "one.ipynb", "--chapter", "4"]) == 2
    assert capsys.readouterr().err.startswith("lecture21: lecture21 grade needs Linux or macOS")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have another warning")
def test_a_system_that_cannot_confine_answers_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("lecture21.course.grading.sandbox.landlockpy.supported", lambda: False)
    assert main(["grade", str(write(tmp_path / "04_a.ipynb", MASK)), "--exercises", "4.1"]) == 0
    warning = (
        "lecture21: warning: this kernel cannot protect files (Landlock); grade in a container or virtual machine\n"
    )
    assert capsys.readouterr().err == warning


def test_the_examples_on_the_teachers_page_work(tmp_path):
    page = (NOTEBOOKS.parent / "book" / "teach.md").read_text(encoding="utf-8")
    plan, private = (re.search(rf"```{kind}\n(.*?)```", page, re.DOTALL)[1] for kind in ("toml", "python"))
    (tmp_path / "plan.toml").write_text(plan)
    (tmp_path / "mine.py").write_text(private)
    exercises = {each.number: each for each in every_exercise(tmp_path / "mine.py")}
    assert assignment(list(exercises.values()), config=tmp_path / "plan.toml").numbers == ("4.1", "4.2", "4.3")
    for number, count in (("4.1", 3), ("4.9", 2)):
        cases = draw(exercises[number], 0)
        outcomes = [call_once(exercises[number], exercises[number].solution, case) for case in cases]
        assert sum(case.observed == "value" for case in cases) == count
        assert judge(exercises[number], cases, outcomes).correct


def test_a_table_of_the_command_is_replaced(tmp_path):
    table = tmp_path / "grades.csv"
    for _ in range(2):
        path = write(tmp_path / "04_a.ipynb", MASK)
        assert main(["grade", str(path), "--exercises", "4.1", "--csv", str(table), "--students", "/dev/null"]) == 0
    assert len(table.read_text().splitlines()) == 2


@pytest.mark.parametrize("body", ["raise ValueError('no')", "return True", "return 5"])
def test_an_answer_that_always_does_the_same_gets_no_partial_credit(body, tmp_path):
    """`leaks` is right in some cases if it always returns True, and what returns no tensor is on no wrong device."""
    head = find("7.5").text(find("7.5").solution)
    head = f"{head[: head.index('    def forward')]}    def forward(self, x):\n        {body}"
    path = write(tmp_path / "04_a.ipynb", f"def leaks(attend, x):\n    {body}", head)
    assert [each.right for each in grades(path, ["4.3", "7.5"])] == [0, 0]


def test_a_notebook_that_does_not_say_what_counts_is_refused(tmp_path, capsys):
    path = write(tmp_path / "mine.ipynb", MASK, "check('4.1', causal_mask)\ncheck('2.1', softmax)")
    assert main(["grade", str(path)]) == 2
    assert "which exercises count? it has checks of chapters 02, 04; name them: --chapter 4" in capsys.readouterr().err
    assert main(["grade", str(path), "--exercises", "4.1"]) == 0
    assert capsys.readouterr().out.startswith(f"{path}: 1 of 1 points\n")


def test_a_sandbox_that_is_not_installed_is_named(monkeypatch, tmp_path, capsys):
    """In a process of its own, in which the two packages cannot be imported; what grades nothing needs none."""
    path = write(tmp_path / "04_a.ipynb", MASK)
    code = (
        "import sys\nsys.modules |= dict.fromkeys(['landlockpy', 'seccompy'])\nfrom lecture21.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    for options, status in ((["grade", str(path)], 2), (["grade", "--autograder", "a.zip", "--chapter", "4"], 0)):
        command = [sys.executable, "-c", code, *options]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == status, ran.stderr
        message = "a sandbox, which is not installed: install lecture21[grade], with pip install '.[grade]'"
        assert (message in ran.stderr) == (status == 2 and sys.platform == "linux")
        assert "Traceback" not in ran.stderr


def test_partial_credit_may_be_for_some_exercises(tmp_path, capsys):
    """4.2 and 4.5 are right in some cases."""
    body = "(scores, mask):\n    return scores.softmax(dim=-1) * mask"
    path = write(tmp_path / "04_a.ipynb", f"def masked_weights{body}", f"def padded_weights{body}")
    (tmp_path / "plan.toml").write_text('exercises = ["4.2", "4.5"]\n[partial]\n"4.2" = 0.5\n')
    assert main(["grade", str(path), "--config", str(tmp_path / "plan.toml")]) == 0
    partly, none = re.findall(r"4\.[25]   (\S+) of 1", capsys.readouterr().out)
    assert 0 < float(partly) < 0.5
    assert none == "0"
    for table, message in (
        ('"4.2" = 2', "partial of 4.2 must be a number from 0 to 1, got 2"),
        ('"4.7" = 1', "no exercise '4.7'"),
    ):
        (tmp_path / "plan.toml").write_text(f"[partial]\n{table}\n")
        assert main(["grade", str(path), "--config", str(tmp_path / "plan.toml")]) == 2
        assert message in capsys.readouterr().err


def test_weights_partial_credit_and_flags(tmp_path, capsys):
    """4.1 is right and flagged, 4.2 is right in some cases, and 4.3 is left out."""
    some = "def masked_weights(scores, mask):\n    return scores.softmax(dim=-1).masked_fill(~mask, 0.0)"
    copied = "from lecture21 import attention\ncausal_mask = attention.causal_mask"
    path = write(tmp_path / "mine.ipynb", copied, some)
    config = tmp_path / "plan.toml"
    config.write_text('exercises = ["4.1", "4.2"]\npartial = 0.5\nflagged = 0.25\n[weights]\n"4.1" = 2\n"4.2" = 10\n')
    assert main(["grade", str(path), "--config", str(config)]) == 0
    first, mask, weights = capsys.readouterr().out.splitlines()
    assert mask == "  4.1   0.5 of 2  the causal mask: correct; uses lecture21.attention"
    share = float(weights.split()[1])
    assert 0 < share <= 5
    assert first == f"{path}: {0.5 + share:g} of 12 points"


@pytest.mark.usefixtures("ctrl_c")
def test_results_are_written_after_each_notebook(tmp_path, monkeypatch):
    """Ctrl-C while the second notebook is graded: what is known of the first one is in the file."""
    paths = [write(tmp_path / f"04_{name}.ipynb", MASK) for name in ("a", "b", "c")]
    table, written, closed = tmp_path / "grades.csv", threading.Event(), threading.Event()
    run, write_output = graders.Grader.grade, reports.write_output

    def write_and_tell(path, text):
        write_output(path, text)
        written.set()

    def stop_at_the_second(self, notebook, numbers):
        if notebook.path == paths[1]:
            written.wait()
            os.kill(os.getpid(), signal.SIGINT)
            closed.wait()
        return run(self, notebook, numbers)

    monkeypatch.setattr(graders.Grader, "grade", stop_at_the_second)
    monkeypatch.setattr(reports, "write_output", write_and_tell)
    monkeypatch.setattr(graders.Grader, "close", lambda self: closed.set())
    assert main(["grade", *map(str, paths), "--exercises", "4.1", "--csv", str(table)]) == 130
    assert [row["notebook"] for row in csv.DictReader(table.read_text().splitlines())] == [str(paths[0])]


PRIVATE = """
import dataclasses, torch
from lecture21.course.exercises.exercise import Case, Exercise
from lecture21.course.exercises.registry import exercises_of, find

def _double(x):
    '''Return 2 x.'''
    return 2 * x

def _use(answer, x):
    return answer(_shifted(x))

def _shifted(x):
    return x + 1

mine = Exercise(number="4.9", name="double", title="doubling", solution=_double, call=_use,
                cases=lambda rng: [Case((torch.arange(3.0),), "three numbers")])
again = dataclasses.replace(mine, number="4.8", name="twice")
third = dataclasses.replace(mine, number="4.7", name="read")
large = dataclasses.replace(find("4.1"), points=3, cases=lambda rng: [Case((77,), "n = 77")])
"""


@pytest.mark.slow
def test_what_the_exercise_makes_torch_import_is_imported_once_for_all_answers(tmp_path):
    """In a process of its own, which has graded nothing yet: 7.5 runs on the device `meta`."""
    (tmp_path / "mine.py").write_text(PRIVATE)
    answer = "def CausalHead(d_model, d_head):\n    import sys\n    raise RuntimeError('torch._dynamo' in sys.modules)"
    path = write(tmp_path / "04_mine.ipynb", answer)
    assert "raises RuntimeError for T = 1: True" in grades(path, ["7.5"], private=tmp_path / "mine.py")[0].text


def test_private_exercises_count_and_their_solutions_stay_with_the_instructor(tmp_path, capsys):
    private, results = tmp_path / "mine.py", tmp_path / "results.json"
    private.write_text(PRIVATE)
    wide = "def causal_mask(n):\n    return torch.ones(n, n, dtype=torch.bool).tril() if n < 77 else None"
    thief = "def twice(x):\n    import private_exercises\n    return private_exercises._double(x)"
    reader = f"def read(x):\n    return open({str(private)!r}).read()"
    path = write(tmp_path / "04_mine.ipynb", wide, "def double(x):\n    return x + x", thief, reader)
    options = ["--private", str(private), "--exercises", "4.1,4.7,4.8,4.9", "--gradescope", str(results)]
    assert main(["grade", str(path), *options]) == 0
    _, mask, reads, twice, double = capsys.readouterr().out.splitlines()
    assert mask.startswith("  4.1   0 of 3  the causal mask: wrong for n = 77")
    assert reads.startswith("  4.7   0 of 1  doubling: raises PermissionError")
    assert twice.startswith("  4.8   0 of 1  doubling: raises AttributeError")
    assert double == "  4.9   1 of 1  doubling: correct"
    outputs = [each["output"] for each in json.loads(results.read_text())["tests"]]
    assert outputs == ["not correct", "not correct", "not correct", "correct"]
