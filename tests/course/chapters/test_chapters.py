"""The chapters ask the exercises of the package: the same stubs, each with its check, hints and solution."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

from lecture21.course.exercises import registry

NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"


def same_code(one: str, other: str) -> bool:
    return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))


@pytest.mark.parametrize("chapter", registry.chapters())
def test_a_chapter_asks_its_exercises(chapter: str):
    (path,) = NOTEBOOKS.glob(f"{chapter}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    tags = [set(cell.metadata.get("tags", [])) for cell in cells]
    places = [i for i, actual in enumerate(tags) if "exercise" in actual]
    exercises = registry.exercises_of(chapter)
    assert len(places) == len(exercises)
    for place, exercise in zip(places, exercises, strict=True):
        task, stub, check, hints, solution = cells[place - 1 : place + 4]
        assert task.source.startswith(f"### Exercise {exercise.number}: {exercise.title}")
        assert same_code(stub.source, exercise.stub)
        assert check.source == f'check("{exercise.number}", {exercise.name})'
        assert check.outputs[0].text == f"{exercise.number}: not written yet\n"
        assert hints.source.count("<details>") >= 2
        assert tags[place + 2 : place + 4] == [{"hint"}, {"hide-input", "solution"}]
        if not exercise.is_value:
            assert same_code(solution.source, f"{exercise.text(exercise.solution)}\n\n{check.source}")
        assert solution.outputs[0].text == f"{exercise.number}: correct\n"


def used_before_solved(cells, exercises) -> list[str]:
    """Return the exercises whose function a later cell uses before `NAME = solved("N.N", NAME)`.

    Such a cell would run on the stub in the student edition, which has no solutions.
    """
    actual = []
    for exercise in exercises:
        asked = False
        for cell in cells:
            tags = set(cell.metadata.get("tags", []))
            if cell.cell_type != "code":
                continue
            if "exercise" in tags:
                asked = asked or ast.dump(ast.parse(cell.source)) == ast.dump(ast.parse(exercise.stub))
            elif asked and not tags & {"solution", "teaching"} and "check(" not in cell.source:
                if f'solved("{exercise.number}", {exercise.name})' in cell.source:
                    break
                names = {node.id for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
                if exercise.name in names:
                    actual.append(exercise.number)
                    break
    return actual


@pytest.mark.parametrize("chapter", registry.chapters())
def test_a_chapter_runs_on_without_solutions(chapter: str):
    (path,) = NOTEBOOKS.glob(f"{chapter}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    assert used_before_solved(cells, registry.exercises_of(chapter)) == []


@pytest.mark.parametrize("chapter", [f"{n:02}" for n in range(1, 18) if n not in (8, 10, 16)])
def test_an_open_exercise_has_a_model_answer_for_the_teacher(chapter):
    (path,) = NOTEBOOKS.glob(f"{chapter}_*.ipynb")
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "markdown"]
    texts = ["".join(cell["source"]) for cell in cells]
    places = [n for n, text in enumerate(texts) if re.search("^#+ Open exercise", text, re.MULTILINE)]
    assert places
    for n in places:
        assert "teaching" in cells[n + 1]["metadata"].get("tags", [])
        assert "odel answer" in texts[n + 1]
