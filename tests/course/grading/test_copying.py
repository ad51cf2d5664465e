"""`lecture21 grade`: who copies the book earns nothing, or nothing unseen."""

import subprocess
import sys

import pytest
from grading_notebooks import MASK, grades, points, write

from lecture21.course.exercises.registry import exercises_of

# Each would be a right answer to 4.1 if a solution were within its reach. CHAPTER is the module of the exercises.
THIEVES = {
    "the registry, NotImplementedError": """
from lecture21.course.exercises.registry import find
solution = find("4.1").solution""",
    "the module of the chapter, AttributeError": "import CHAPTER as book\nsolution = book._causal_mask",
    "the frames, NotImplementedError": """
import sys
frame, solution = sys._getframe(), None
while frame is not None and solution is None:
    solution = getattr(frame.f_locals.get("exercise"), "solution", None)
    frame = frame.f_back""",
    "the garbage collector, IndexError": """
import gc
functions = [each for each in gc.get_objects() if isinstance(each, type(lambda: 0))]
functions = [each for each in functions if each.__name__ == "_causal_mask"]
solution = functions[0]""",
    "the mistakes and properties, IndexError": """
from lecture21.course.exercises.registry import exercises_of
solution = [each for each in exercises_of("04")[0].mistakes][0].wrong.__globals__["_causal_mask"]""",
    "the source of the chapter, PermissionError": """
import pathlib, lecture21
text = (pathlib.Path(lecture21.__file__).parent / "course/chapters/c04_causal_mask/exercises.py").read_text()
exec(text.split("# 4.2")[0])
solution = _causal_mask""",
    "the lines that Python keeps for tracebacks, IndexError": """
import linecache
solution = [entry for name, entry in linecache.cache.items() if "/exercises" in name][0]""",
    "the import of the chapter again, PermissionError": """
import importlib, sys
del sys.modules["CHAPTER"]
solution = importlib.import_module("CHAPTER")._causal_mask""",
}


@pytest.mark.parametrize(("name", "way"), THIEVES.items(), ids=THIEVES)
def test_no_solution_is_within_reach(name, way, tmp_path):
    """Each way ends in an exception, and in the one that it must: none fails for another reason."""
    way = way.replace("CHAPTER", "lecture21.course.chapters.c04_causal_mask.exercises").replace("\n", "\n    ")
    path = write(tmp_path / "04_thief.ipynb", f"def causal_mask(n):\n    {way}\n    return solution(n)")
    graded = grades(path, ["4.1"])[0]
    assert (graded.points, graded.text.split()[:2]) == (0, ["raises", name.split(", ")[1]]), graded.text


def test_nothing_of_a_solution_stays_in_a_child(tmp_path):
    """In a process of its own: after the solutions are removed, no function there has the code of one."""
    code = """
import gc, sys, types
from lecture21.course.grading.child import remove_solutions
from lecture21.course.grading.exercises import every_exercise
exercises = every_exercise()
def codes(secret):
    functions = vars(secret).values() if isinstance(secret, type) else [secret]
    return {each.__code__ for each in functions if isinstance(each, types.FunctionType)}
solutions = set().union(*(codes(each.solution) for each in exercises if not each.is_value))
assert len(solutions) > 60
remove_solutions(exercises)
left = [each for each in gc.get_objects() if isinstance(each, types.FunctionType) and each.__code__ in solutions]
assert not left, left
named = [each for each in gc.get_objects() if isinstance(each, types.FunctionType | type) and "source" in vars(each)]
assert not [each for each in named if each.__module__.startswith("lecture21")], named
assert not any(isinstance(each.solution, frozenset) for each in exercises)
print("none")"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.returncode) == ("none\n", 0), ran.stderr


FLAGGED = {
    "from lecture21.attention import causal_mask as package_mask\ndef causal_mask(n):\n    return package_mask(n)": (
        "correct; uses lecture21.attention.causal_mask"
    ),
    "from lecture21 import attention\ncausal_mask = lambda n: attention.causal_mask(n)": (
        "correct; uses lecture21.attention"
    ),
    "import lecture21 as l\nmine = l.attention.causal_mask\ncausal_mask = lambda n: mine(n)": (
        "correct; uses lecture21"
    ),
    "def causal_mask(n):\n    return __import__('lecture' + '21.attention').attention.causal_mask(n)": (
        "correct; uses __import__"
    ),
    "def causal_mask(n):\n    return torch.sys.modules['lecture' + '21.layers'].attention.causal_mask(n)": (
        "correct; uses sys"
    ),
    "import importlib\ndef causal_mask(n):\n    return importlib.import_module('lecture21.attention').causal_mask(n)": (
        "correct; uses importlib; names lecture21"
    ),
    "import pydoc\ncausal_mask = lambda n: pydoc.locate('lecture' + '21.attention.causal_mask')(n)": (
        "correct; uses pydoc"
    ),
    "import typing\nimport lecture21 as book\ndef causal_mask(n):\n"
    "    found = typing.ForwardRef('book.attention.causal_mask')\n"
    "    return eval(found.__forward_arg__, {'book': book})(n)": "correct; uses lecture21; uses ForwardRef; uses eval",
    "from operator import attrgetter\nimport lecture21\n"
    "causal_mask = lambda n: attrgetter('attention.causal_mask')(lecture21)(n)": (
        "correct; uses operator.attrgetter; uses lecture21"
    ),
    "import timeit\ndef causal_mask(n):\n    found = []\n"
    "    code = 'from lecture' + '21.attention import causal_mask; found.append(causal_mask)'\n"
    "    timeit.timeit(code, globals={'found': found}, number=1)\n    return found[0](n)": "correct; uses timeit",
    "import code\ndef causal_mask(n):\n    shell = code.InteractiveInterpreter({})\n"
    "    shell.runsource('from lecture' + '21.attention import causal_mask')\n"
    "    return shell.locals['causal_mask'](n)": "correct; uses code",
}


def test_an_answer_from_the_package_is_flagged(tmp_path):
    for source, expected in FLAGGED.items():
        assert grades(write(tmp_path / "04_mine.ipynb", source), ["4.1"])[0].text == expected
    assert not grades(write(tmp_path / "04_mine.ipynb", MASK), ["4.1"])[0].flags


def test_only_the_assignment_counts(tmp_path):
    """A notebook of chapter 04 with the solutions of other chapters appended has the points of chapter 04."""
    others = [each.text(each.solution) for chapter in ("01", "02", "03") for each in exercises_of(chapter)]
    path = write(tmp_path / "04_more.ipynb", MASK, *others, "check('1.1', rnn_step)\ncheck('2.1', softmax)")
    assert points(path, ["4.1", "4.3"]) == {"4.1": 1, "4.3": 0}
