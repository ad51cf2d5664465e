"""The order of the house: a room imports only what lies below it, and none is too long to read at a sitting."""

import ast
from pathlib import Path

import pytest

import lecture21

PACKAGE = Path(lecture21.__file__).parent
# From the ground up. Rooms in one tuple do not know each other.
FLOORS = [
    ("storage", "checks", "modes"),
    ("attention", "positions", "feed_forward", "likelihood", "ngram", "influence", "objectives", "ensembles"),
    ("corpus", "pencil", "numbers", "phrases", "results", "bpe", "moe", "mixtures"),
    ("encodings", "layers", "evaluation", "probability", "initialization"),
    ("tokenizers", "config"),
    ("huggingface",),
    ("gpt", "transformer", "rnn"),
    ("presets", "checkpoints"),
    ("generation", "training", "accounting", "pretrained"),
    ("fitting",),
    ("vision", "retrieval", "alignment"),
    ("figures",),
    ("cli",),
    ("__main__",),
]
DOOR = "__init__"  # shows what lies inside


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Return the rooms that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("lecture21.")}
    return found - {room(path)}


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_what_lies_below(path):
    floor = {name: level for level, names in enumerate(FLOORS) for name in names}
    name = room(path)
    if name == DOOR:
        return
    assert name in floor, f"{name} has no place in FLOORS: give it one"
    for imported in imports(path) - {"GPT", "GPTConfig"}:
        assert floor[imported] < floor[name], f"{name} imports {imported}, which is not below it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_can_be_read_at_a_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_the_door_leads_to_the_model():
    assert set(lecture21.__all__) == {"GPT", "GPTConfig", "presets"}
