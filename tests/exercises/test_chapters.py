"""The chapters ask the exercises of the package: the same stubs, each with its check, hints and solution."""

import ast
from pathlib import Path

import nbformat
import pytest

from lecture21.exercises import _registry

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def same_code(one: str, other: str) -> bool:
    return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))


@pytest.mark.parametrize("chapter", _registry.chapters())
def test_a_chapter_asks_its_exercises(chapter: str):
    (path,) = NOTEBOOKS.glob(f"{chapter}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    tags = [set(cell.metadata.get("tags", [])) for cell in cells]
    places = [i for i, found in enumerate(tags) if "exercise" in found]
    exercises = _registry.exercises_of(chapter)
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
