"""`lecture21 grade`: honest answers get their points, and no attack gets one."""

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

from lecture21.cli import main
from lecture21.exercises import grading
from lecture21.exercises.grading import grade
from lecture21.exercises.registry import exercises_of

pytestmark = pytest.mark.usefixtures("warm")

MASK = "def causal_mask(n):\n    return torch.ones(n, n, dtype=torch.bool).tril()\n"
SETUP = "import math\nimport torch\nfrom lecture21.exercises import check"


def notebook(folder: Path, *cells: str, name: str = "04_answers.ipynb", solutions: bool = False) -> Path:
    """Write a notebook with these exercise cells, each followed by a check that prints a success."""
    codes = [new_code_cell(SETUP)]
    for source in cells:
        codes.append(new_code_cell(source, metadata={"tags": ["exercise"]}))
        codes.append(new_code_cell("print('4.1: correct')\ncheck('4.1', causal_mask)"))
    if solutions:
        for exercise in exercises_of("04"):
            source = exercise.text(exercise.solution)
            codes.append(new_code_cell(source, metadata={"tags": ["solution"]}))
    path = folder / name
    path.write_text(writes(new_notebook(cells=[new_markdown_cell("# Mine"), *codes])), encoding="utf-8")
    return path


def points(path: Path, **options) -> dict[str, int]:
    return {each.number: each.points for each in grade(path, **options)}


def test_solutions_get_all_points_and_stubs_none(tmp_path):
    exercises = exercises_of("04")
    solved = notebook(tmp_path, *(each.text(each.solution) for each in exercises), name="solved.ipynb")
    stubs = notebook(tmp_path, *(each.stub for each in exercises), name="stubs.ipynb", solutions=True)
    assert points(solved) == {each.number: each.points for each in exercises}
    assert {each.text for each in grade(stubs)} == {"not written yet"}


def test_an_answer_may_build_on_a_function_of_an_earlier_chapter(tmp_path):
    attention, *rest = exercises_of("03")
    answer = (
        "def attention(q, k, v):\n"
        "    weights = softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]))\n"
        "    return weights @ v, weights"
    )
    taken = "from lecture21.exercises import solved\nsoftmax = ...\nsoftmax = solved('2.1', softmax)\nsolved('9.99', 1)"
    names = f"{taken}\nself_attention = solved('3.2', ...)\ncheck('3.1', attention)"
    path = tmp_path / "03_mine.ipynb"
    written = new_code_cell(answer, metadata={"tags": ["exercise"]})
    codes = [new_code_cell(SETUP), new_code_cell(names), written]
    path.write_text(writes(new_notebook(cells=codes)), encoding="utf-8")
    assert points(path) == {attention.number: 1} | {each.number: 0 for each in rest}


def test_the_table_the_csv_file_and_gradescopes_results(tmp_path, capsys):
    wrong = "def masked_weights(scores, mask):\n    return scores.softmax(dim=-1) * mask"
    path = notebook(tmp_path, MASK, wrong)
    table, results = tmp_path / "grades.csv", tmp_path / "results.json"
    assert main(["grade", str(path), "--csv", str(table), "--gradescope", str(results)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{path}: 1 of 5 points\n")
    assert "  4.1   1 of 1  the causal mask: correct\n" in out
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [(row["exercise"], row["points"]) for row in rows] == [
        ("4.1", "1"), ("4.2", "0"), ("4.3", "0"), ("4.4", "0"), ("4.5", "0"),
    ]  # fmt: skip
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


FORGED = (
    '{"state": "done", "number": "NUMBER", "problem": "", "written": true, '
    '"outcomes": [[{"value": true}, "", "", false]]}'
)
# NAME and NUMBER are those of the exercise that is attacked; each exercise of four chapters suffers one attack.
ATTACKS = {
    "redefines check": """
def check(*arguments):
    print('NUMBER: correct')
def NAME(*arguments):
    return None""",
    "exits": """
import os
os._exit(0)
def NAME(*arguments):
    return None""",
    "exits politely": """
def NAME(*arguments):
    raise SystemExit(0)""",
    "loops and catches everything": """
def NAME(*arguments):
    while True:
        try:
            pass
        except BaseException:
            pass""",
    "takes all memory": """
def NAME(*arguments):
    return bytearray(1 << 42)""",
    "monkeypatches the judge": """
import sys
for module in list(sys.modules.values()):
    for attribute in ("judge", "same", "_agrees", "allclose", "equal"):
        if hasattr(module, attribute):
            setattr(module, attribute, lambda *a, **k: True)
def NAME(*arguments):
    return torch.zeros(2, 2, dtype=torch.bool)""",
    "equals everything": """
class Equal(torch.Tensor):
    def __eq__(self, other): return True
def NAME(*arguments):
    return torch.zeros(2, 2, dtype=torch.bool).as_subclass(Equal)""",
    "writes forged results": f"""
import os
for descriptor in range(3, 50):
    try:
        os.write(descriptor, {FORGED!r}.encode() + b"\\n")
    except OSError:
        pass
def NAME(*arguments):
    return None""",
    "floods the channel": """
import os
def NAME(*arguments):
    while True:
        for descriptor in range(3, 20):
            try:
                os.write(descriptor, b'{"state": "ready"}\\n' * 100)
            except OSError:
                pass""",
    "imports a solution": """
def NAME(*arguments):
    from lecture21.exercises.registry import find
    return find("NUMBER").solution(*arguments)""",
    "imports a solution of its chapter": """
def NAME(*arguments):
    from importlib import import_module
    from lecture21.chapters import FOLDERS
    chapter = import_module("lecture21.chapters." + FOLDERS["0NUMBER"[:2]].name + ".exercises")
    (solved,) = [each for each in vars(chapter).values() if getattr(each, "number", "") == "NUMBER"]
    return solved.solution(*arguments)""",
    "finds the chapter in its package": """
def NAME(*arguments):
    import lecture21
    (chapter,) = [each for name, each in vars(lecture21.chapters).items() if name.startswith("c0NUMBER"[:3])]
    (solved,) = [each for each in vars(chapter.exercises).values() if getattr(each, "number", "") == "NUMBER"]
    return solved.solution(*arguments)""",
    "is not Python": """
def NAME(*arguments):
    return (""",
}


def test_an_attack_gets_no_point_and_the_other_exercise_its_own(tmp_path):
    *exercises, honest = [each for chapter in ("01", "02", "03", "04") for each in exercises_of(chapter)]
    assert len(exercises) >= len(ATTACKS)
    cells = [
        attack.replace("NAME", each.name).replace("NUMBER", each.number)
        for attack, each in zip(ATTACKS.values(), exercises, strict=False)
    ]
    calls = "\n".join(f"check('{number}', 1)" for number in ("1.1", "2.1", "3.1", "4.1"))
    path = notebook(tmp_path, *cells, honest.text(honest.solution), calls, name="attacks.ipynb")
    expected = {each.number: 0 for each in exercises} | {honest.number: 1}
    grades = grade(path, seconds=2.0)
    assert {each.number: each.points for each in grades} == expected
    texts = dict(zip(ATTACKS, [each.text for each in grades], strict=False))
    assert texts["exits"] == "ends the process"
    assert texts["exits politely"].startswith("raises SystemExit for")
    assert texts["loops and catches everything"] == "does not end within 2 seconds"
    assert texts["floods the channel"] == "does not end within 2 seconds"
    assert texts["takes all memory"].startswith("raises MemoryError for")
    assert texts["is not Python"] == "the cell raises SyntaxError"
    assert texts["imports a solution"].startswith("raises ModuleNotFoundError for")
    assert texts["imports a solution of its chapter"].startswith("raises ModuleNotFoundError for")
    assert texts["finds the chapter in its package"].startswith("raises AttributeError for")


HARM = [
    "__import__('os').remove(VICTIM)",
    "__import__('os').truncate(VICTIM, 0)",
    "__import__('os').rename(VICTIM, VICTIM + 'x')",
    "__import__('shutil').rmtree(FOLDER)",
    "__import__('pathlib').Path(VICTIM).write_text('5 of 5')",
    "__import__('os').system('echo x > ' + VICTIM)",
    "__import__('subprocess').run(['rm', VICTIM])",
    "__import__('multiprocessing.util').util.spawnv_passfds(b'/bin/rm', [b'rm', VICTIM.encode()], [])",
    "__import__('os').fork() or open(VICTIM, 'w').close()",
    "torch.save({}, VICTIM)",
    "torch.from_file(VICTIM, shared=True, size=4, dtype=torch.uint8).zero_()",
    "__import__('ctypes').CDLL(None).unlink(VICTIM.encode())",
    "__import__('os').kill(PARENT, 9)",
    "resource.prlimit(PARENT, resource.RLIMIT_CORE, resource.prlimit(PARENT, resource.RLIMIT_CORE))",
    "os.setpriority(os.PRIO_PROCESS, PARENT, os.getpriority(os.PRIO_PROCESS, PARENT))",
    "os.sched_setaffinity(PARENT, os.sched_getaffinity(PARENT))",
    # A process in a session of its own would survive the end of its parent, and keep the grader's pipe open.
    "sys.audit = lambda *_: None; subprocess.Popen('x', start_new_session=True, preexec_fn=lambda: os._exit(0))",
    "__import__('socket').create_connection(('127.0.0.1', PORT), 5)",
    "open(FOLDER + '/new', 'w').close()",
]


def test_files_and_processes_survive(tmp_path):
    folder = tmp_path / "victims"
    folder.mkdir()
    victim = folder / "grades.csv"
    victim.write_text("0 of 5")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        values = {"VICTIM": str(victim), "FOLDER": str(folder), "PARENT": os.getpid(), "PORT": server.getsockname()[1]}
        source = f"""
import os, resource, subprocess, sys, torch
globals().update({values!r})
succeeded = []
def causal_mask(n):
    for line in {HARM!r}:
        try:
            exec(line, globals())
            succeeded.append(line)
        except BaseException:
            pass
    raise RuntimeError(str(succeeded))"""
        result = grade(notebook(tmp_path, source), seconds=30.0)[0]
        with pytest.raises(BlockingIOError):
            server.accept()
    assert result.points == 0
    assert victim.read_text() == "0 of 5"
    assert [each.name for each in folder.iterdir()] == ["grades.csv"]
    if sys.platform == "linux":
        assert "raises RuntimeError for n = 1: []" in result.text


def test_a_child_starts_as_a_process_of_its_own_too(tmp_path, monkeypatch):
    monkeypatch.setattr(grading, "subprocess", subprocess)
    assert points(notebook(tmp_path, MASK))["4.1"] == 1


def test_no_attack_changes_the_grade_of_the_next_notebook(tmp_path, capsys):
    bad = notebook(tmp_path, "import os\nos._exit(0)\ndef causal_mask(n): ...", name="bad.ipynb")
    good = notebook(tmp_path, MASK, name="good.ipynb")
    assert main(["grade", str(bad), str(good)]) == 0
    out = capsys.readouterr().out
    assert f"{bad}: 0 of 5 points" in out
    assert f"{good}: 1 of 5 points" in out


def test_a_cell_without_its_tag_is_found_and_a_solution_is_not_taken(tmp_path):
    cells = [new_code_cell(SETUP), new_code_cell(MASK), new_code_cell(MASK, metadata={"tags": ["solution"]})]
    path = tmp_path / "04_untagged.ipynb"
    path.write_text(writes(new_notebook(cells=cells)), encoding="utf-8")
    assert points(path)["4.1"] == 1
    path.write_text(writes(new_notebook(cells=[cells[0], cells[2]])), encoding="utf-8")
    assert grade(path)[0].text == "no cell defines causal_mask"


def test_an_answer_from_the_package_is_named(tmp_path):
    path = notebook(tmp_path, "from lecture21 import attention\ncausal_mask = lambda n: attention.causal_mask(n)")
    assert grade(path)[0].text == "correct; the cell uses lecture21"


def test_what_is_no_notebook_is_refused_in_a_line(tmp_path, capsys):
    for name, text in (
        ("a.ipynb", "[]"),
        ("b.ipynb", "{"),
        ("c.ipynb", '{"cells": [1]}'),
        ("d.ipynb", '{"cells": []}'),
    ):
        path = tmp_path / name
        path.write_text(text)
        assert main(["grade", str(path)]) == 2
        assert capsys.readouterr().err.startswith(f"lecture21: {path} ")
    assert main(["grade", str(tmp_path / "none.ipynb")]) == 2


def test_the_parent_reads_no_verdict(monkeypatch, tmp_path):
    """Whatever a child says, points come from the comparison of its outputs."""
    outcome = [grading.Outcome(value=True)] * 9
    monkeypatch.setattr(grading, "_child", lambda job, numbers, seconds: (dict.fromkeys(numbers, outcome), ""))
    assert points(notebook(tmp_path, MASK))["4.1"] == 0
