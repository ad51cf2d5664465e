"""Every explorer works on ipywidgets 8, which a reader installs, and on 7.7.1, which Colab has.

The cell with the widgets is run alone, and the arguments of each drawing are recorded. The drawing itself is checked by
nbval in the preceding cell.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import repository

NOTEBOOKS = [path for path in repository.notebooks() if "ipywidgets" in path.read_text(encoding="utf-8")]

# The names from earlier cells that the widgets need.
RUN = """
import json, sys, types
import ipywidgets

calls, explorers = [], []
real = ipywidgets.interact

def interact(function, **widgets):
    result = real(function, **widgets)
    explorers.append(result.widget)
    return result

ipywidgets.interact = interact

def record(*positional, **named):
    calls.append([*positional, *named.values()])

tokenizer = types.SimpleNamespace(vocab_size=65, encode=lambda text: [0], decode=lambda ids: "")
names = {
    "explore": record,
    "show_next": record,
    "tokenizer": tokenizer,
    "generate": lambda *arguments, **settings: [[0]],
    "model": None,
    "torch": types.SimpleNamespace(tensor=list),
}
exec(compile(json.loads(sys.stdin.read()), "explorer", "exec"), names)

changed = []
for explorer in explorers:
    for widget in explorer.children:
        if not hasattr(widget, "value"):
            continue
        before = len(calls)
        if hasattr(widget, "options"):
            widget.value = next(option for option in widget.options if option != widget.value)
        elif hasattr(widget, "min"):
            widget.value = widget.min if widget.value != widget.min else widget.max
        else:
            widget.value = "something else"
        changed.append([widget.description, len(calls) > before])
sys.stdout = sys.__stdout__
print("RESULT", json.dumps({"version": ipywidgets.__version__, "changed": changed}))
"""


@pytest.fixture(scope="module")
def ipywidgets_7(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("ipywidgets")
    packages = ["ipywidgets==7.7.1", "ipython_genutils==0.2.0"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), *packages]
    subprocess.run(command, check=True)
    return target


def explorer(path: Path) -> str:
    """Return the source of the one cell of a notebook that holds widgets."""
    (cell,) = (cell for cell in nbformat.read(path, as_version=4).cells if "ipywidgets" in cell.source)
    return cell.source


@pytest.mark.parametrize("major", [7, 8])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_widget_draws_again_when_it_is_changed(path, major, request):
    where = {"PYTHONPATH": str(request.getfixturevalue("ipywidgets_7"))} if major == 7 else {}
    result = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(explorer(path)),
        env={**os.environ, **where},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout.rsplit("RESULT", 1)[1])
    assert report["version"].startswith(f"{major}.")
    assert len(report["changed"]) >= 2
    for description, drawn in report["changed"]:
        assert drawn, f"changing {description!r} draws nothing"
