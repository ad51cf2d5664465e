"""`lecture21 grade`: a right answer gets its points, however the notebook is written."""

import json
import os
from types import SimpleNamespace

import pytest
from grading_notebooks import MASK, SETUP, grades, points, with_solutions, write
from nbformat.v4 import new_code_cell, new_notebook, writes

from lecture21.course.exercises.registry import chapters, exercises_of, find
from lecture21.course.grading import child, supervisor
from lecture21.course.grading.notebooks import read

STUB = find("4.1").stub


@pytest.mark.parametrize(
    "chapter",
    ["08", *(pytest.param(each, marks=pytest.mark.repetition) for each in chapters() if each != "08")],
)
def test_the_books_solutions_in_the_students_edition_get_all_points(chapter, tmp_path):
    exercises = exercises_of(chapter)
    graded = grades(with_solutions(chapter, tmp_path), [each.number for each in exercises])
    assert [(each.number, each.points, each.text) for each in graded] == [
        (each.number, each.points, "correct") for each in exercises
    ]


# Each is a list of cells of an honest notebook with a right answer to exercise 4.1.
HONEST = {
    "a test at the end of the cell": [f"{MASK}\nassert causal_mask(size)[0, 0]\nprint(causal_mask(size))"],
    "a new cell, with the stub kept": [STUB, MASK],
    "a new cell in front of the stub": [MASK, STUB],
    "a broken attempt in another cell": [MASK, "def causal_mask(n):\n    return torch.ones((n"],
    "a helper in another cell": [
        "def lower(x):\n    return x.tril()",
        "def causal_mask(n):\n    return lower(torch.ones(n, n, dtype=torch.bool))",
    ],
    "a constant in another cell": [
        "KIND = torch.bool",
        "def causal_mask(n):\n    return torch.ones(n, n, dtype=KIND).tril()",
    ],
    "a helper in a cell below": [
        "def causal_mask(n):\n    return lower(torch.ones(n, n, dtype=torch.bool))",
        "def lower(x):\n    return x.tril()",
    ],
    "a constant that is filled by a loop": [
        "kinds = []\nfor each in (torch.bool, torch.int64):\n    kinds.append(each)",
        "def causal_mask(n):\n    return torch.ones(n, n, dtype=kinds[0]).tril()",
    ],
    "a magic": [f"%matplotlib inline\n{MASK}"],
    "a magic for the whole cell": [f"%%time\n{MASK}"],
    "an expression that is continued with %": [
        "def causal_mask(n):\n    kept = (n\n% 100)\n    return torch.ones(kept, kept, dtype=torch.bool).tril()"
    ],
    "a question about a function": [f"torch.tril?\n{MASK}"],
    "a command of the shell in an import": [
        "try:\n    import torch as t\nexcept ImportError:\n    !pip install torch",
        "def causal_mask(n):\n    return t.ones(n, n, dtype=t.bool).tril()",
    ],
    "an import under if": [
        "if True:\n    import torch as t",
        "def causal_mask(n):\n    return t.ones(n, n, dtype=t.bool).tril()",
    ],
    "an import in the cell": [f"import numpy as np\n{MASK}".replace("torch.ones(n, n, dtype=torch.bool).tril()", (
        "torch.from_numpy(np.tri(n, dtype=bool))"))],
    "a function under if": ["if True:\n    " + MASK.replace("\n", "\n    ")],
    "a function in try": ["try:\n    " + MASK.replace("\n", "\n    ") + "\nexcept ValueError:\n    causal_mask = None"],
    "a lambda": ["causal_mask = lambda n: torch.ones(n, n, dtype=torch.bool).tril()"],
    "a lambda with a type": [
        "from collections.abc import Callable\n"
        "causal_mask: Callable = lambda n: torch.ones(n, n, dtype=torch.bool).tril()"
    ],
    "two names at once": ["other, causal_mask = 1, lambda n: torch.ones(n, n, dtype=torch.bool).tril()"],
    "a decorator": [f"@torch.no_grad()\n{MASK}"],
    "a byte order mark": [f"\ufeff{MASK}"],
    "solved, without tags": [STUB, MASK, 'causal_mask = solved("4.1", causal_mask)\ncausal_mask(4)'],
    "an import of everything": ["from torch import *", "def causal_mask(n):\n    return ones(n, n).tril() > 0"],
    "an import of everything below": ["def causal_mask(n):\n    return ones(n, n).tril() > 0", "from torch import *"],
    "annotations that are not evaluated": [
        "from __future__ import annotations",
        "def causal_mask(n: Size) -> Mask:\n    return torch.ones(n, n, dtype=torch.bool).tril()",
    ],
    "a helper that is mended below": [
        "def lower(x):\n    return x.triu()",
        "def causal_mask(n):\n    return lower(torch.ones(n, n, dtype=torch.bool))",
        "def lower(x):\n    return x.tril()",
    ],
    "a constant that is mended below, and changed": [
        "kinds = [torch.int64]\nfirst = kinds[0]",
        "def causal_mask(n):\n    return torch.ones(n, n, dtype=kinds[1]).tril()",
        "kinds = [first]\nkinds.append(torch.bool)",
    ],
    "a second thought": ["def causal_mask(n):\n    return torch.ones(n, n).triu()", MASK],
}  # fmt: skip


@pytest.mark.parametrize("cells", HONEST.values(), ids=HONEST)
def test_an_honest_notebook_gets_its_point(cells, tmp_path):
    path = write(tmp_path / "04_mine.ipynb", *cells)
    assert grades(path, ["4.1"])[0].text == "correct"


@pytest.mark.parametrize(
    ("computed", "patience", "ending"),
    [(0, 100, supervisor.REPLIED + b"right"), (60, 100, supervisor.LATE), (0, 50, supervisor.WAITING)],
)
def test_a_busy_machine_refuses_no_right_answer(computed, patience, ending, monkeypatch):
    """The limit of two seconds is that of the processor: an answer that takes a minute, but only waits, is right."""
    read_end, write_end = os.pipe()
    os.write(write_end, child.READY)
    wall, processor = iter([0, 0, 0, 60]), iter([0, computed])

    def monotonic():
        if (now := next(wall)) == 60:
            os.write(write_end, b"right\n")
        return now

    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=monotonic))
    monkeypatch.setattr(supervisor, "_processor_time", lambda process: next(processor))
    assert supervisor._collect(read_end, os.getpid(), 2, patience) == ending
    os.close(read_end)
    os.close(write_end)


def test_an_answer_that_waits_for_ever_is_ended(tmp_path):
    waits = "import threading\ndef causal_mask(n):\n    threading.Event().wait()"
    graded = grades(write(tmp_path / "04_mine.ipynb", waits), ["4.1"], patience=0.1)[0]
    assert graded.text == "computes nothing and does not end within 0.1 seconds"


def test_an_import_of_everything_defines_no_answer(tmp_path):
    """`from torch import *` has another softmax."""
    own = "def softmax(scores):\n    e = exp(scores - scores.amax(-1, True))\n    return e / e.sum(-1, True)"
    assert grades(write(tmp_path / "02_mine.ipynb", own, "from torch import *"), ["2.1"])[0].text == "correct"


@pytest.mark.parametrize("place", [2, -1])
def test_a_name_of_the_book_is_the_students_own(place, tmp_path):
    """A cell of chapter 04 has `table = results.load("leak")`; the student's `table` is another one, wherever it is."""
    path = with_solutions("04", tmp_path)
    content = json.loads(path.read_text())
    (answer,) = [cell for cell in content["cells"] if "def causal_mask" in "".join(cell["source"])]
    answer["source"] = "def causal_mask(n):\n    return table(n)"
    helper = "def table(n):\n    return torch.ones(n, n, dtype=torch.bool).tril()"
    content["cells"].insert(place % len(content["cells"]), answer | {"source": helper, "id": "own"})
    path.write_text(json.dumps(content))
    assert grades(path, ["4.1"])[0].text == "correct"


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    path = write(tmp_path / "04_mine.ipynb", MASK)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert points(path)["4.1"] == 1


def test_stubs_get_no_point_and_solutions_with_their_tag_do_not_count(tmp_path):
    exercises = exercises_of("04")
    codes = [new_code_cell(each.stub, metadata={"tags": ["exercise"]}) for each in exercises]
    solutions = [new_code_cell(each.text(each.solution), metadata={"tags": ["solution"]}) for each in exercises]
    path = tmp_path / "04_stubs.ipynb"
    path.write_text(writes(new_notebook(cells=[new_code_cell(SETUP), *codes, *solutions])))
    assert {each.text for each in grades(path)} == {"not written yet"}
    path.write_text(writes(new_notebook(cells=[new_code_cell(SETUP), *solutions])))
    assert grades(path)[0].text == "no cell defines causal_mask"


def test_solved_is_no_answer(tmp_path):
    path = write(tmp_path / "04_lost_tags.ipynb", STUB, 'causal_mask = solved("4.1", causal_mask)')
    assert grades(path, ["4.1"])[0].text == "not written yet"


def test_what_is_wrong_with_an_answer_is_said(tmp_path):
    cells = [
        "def causal_mask(n):\n    return (",
        "masked_weights = make(leaks)",
        "leaks = 5",
        "def padded_weights(scores, mask):\n    x = 1\n    return x / 0",
    ]
    texts = {each.number: each.text for each in grades(write(tmp_path / "04_mine.ipynb", *cells))}
    assert texts["4.1"] == "the cell raises SyntaxError in line 2: '(' was never closed"
    assert texts["4.2"] == "the cell raises NameError: name 'make' is not defined"
    assert texts["4.3"].startswith("raises TypeError")
    assert texts["4.4"] == "no cell defines leaking"
    assert texts["4.5"].endswith("division by zero (line 3: return x / 0)")


def test_the_cause_before_an_exception_is_named(tmp_path):
    path = write(tmp_path / "04_mine.ipynb", "import nowhere", "def causal_mask(n):\n    return nowhere.mask(n)")
    text = grades(path, ["4.1"])[0].text
    assert text.startswith("raises NameError for n = 1: name 'nowhere' is not defined")
    assert text.endswith("; before, cell 2 raises ModuleNotFoundError: No module named 'nowhere'")
    path = write(tmp_path / "04_mine.ipynb", "import nowhere", "def causal_mask(n):\n    nowhere\n    return n")
    assert "; before, cell 2 raises" in grades(path, ["4.1"])[0].text


def test_an_answer_may_build_on_a_function_of_an_earlier_chapter(tmp_path):
    answer = (
        "def attention(q, k, v):\n"
        "    weights = softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]))\n"
        "    return weights @ v, weights"
    )
    taken = "softmax = ...\nsoftmax = solved('2.1', softmax)\nsolved('9.99', 1)\nself_attention = solved('3.2', ...)"
    path = write(tmp_path / "03_mine.ipynb", taken, answer)
    assert points(path, ["3.1", "3.2"]) == {"3.1": 1, "3.2": 0}


def test_an_answer_that_builds_on_a_wrong_one_is_tested_on_the_books(tmp_path):
    wrong = "def masked_weights(scores, mask):\n    return scores.softmax(dim=-1)"
    right = (
        "def padded_weights(scores, mask):\n"
        "    return torch.where(mask, masked_weights(scores, mask | ~mask.any(-1, keepdim=True)), 0.0)"
    )
    earlier, later = grades(write(tmp_path / "04_mine.ipynb", wrong, right), ["4.2", "4.5"])
    assert earlier.points == 0
    assert (later.points, later.text) == (1, "correct; with the book's masked_weights")


def test_lines_of_a_cell_keep_their_numbers_after_a_magic(tmp_path):
    path = write(tmp_path / "04_mine.ipynb", f"%%time\n{MASK}")
    assert read(path).cells[1].source.splitlines()[1] == MASK.splitlines()[0]
    content = json.loads(path.read_text())
    content["cells"][2]["source"] = ["%%bash\n", "causal_mask = 1"]
    path.write_text(json.dumps(content))
    assert grades(path, ["4.1"])[0].text == "no cell defines causal_mask"
