"""The figures in notebooks: in a real JupyterLab, and as outputs on ipywidgets 8 and on 7.7.1, which Colab has."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import jupyter_lab
import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from lecture21.course import live

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def ipywidgets_7(tmp_path_factory) -> str:
    target = tmp_path_factory.mktemp("ipywidgets")
    packages = ["ipywidgets==7.7.1", "ipython_genutils==0.2.0"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, *packages]
    subprocess.run(command, check=True)
    return str(target)


@pytest.mark.slow
@pytest.mark.parametrize("major", [7, 8])
def test_each_figure_is_a_widget_in_a_notebook(major, request, monkeypatch, tmp_path):
    if major == 7:
        monkeypatch.setenv("PYTHONPATH", request.getfixturevalue("ipywidgets_7"), prepend=os.pathsep)
    sources = ["import ipywidgets\nfrom lecture21.course import live\nprint(ipywidgets.__version__[0])"]
    sources += [f"live.examples()[{i}]" for i in range(len(live.examples()))]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute()
    first, *cells = notebook.cells
    assert first.outputs[0].text == f"{major}\n"
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"].state
    for cell, figure in zip(cells, live.examples(), strict=True):
        (output,) = cell.outputs
        state = states[output.data[WIDGET].model_id]
        assert state.model_module == "anywidget"
        assert not re.search(r"^import\b", state.state._esm, re.MULTILINE)  # one file, which imports nothing
        assert state.state._esm == figure._esm
        if major == 8:
            assert output.data["text/html"] == figure.element()
            assert output.data["text/plain"] == repr(figure)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[str]:
    """A JupyterLab with the notebook figures.ipynb; yields its address, which ends with a slash."""
    folder = tmp_path_factory.mktemp("lab")
    sources = ["from lecture21.course import live\nfigure = live.Context()\nfigure", "print('index', figure.index)"]
    sources += ["figure.index = 2"]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources], metadata=kernel)
    nbformat.write(notebook, folder / "figures.ipynb")
    with jupyter_lab.serving(folder, folder) as address:
        yield address


@pytest.mark.repetition
def test_a_figure_responds_in_jupyterlab_and_shares_its_state_with_python(lab, browser):
    with jupyter_lab.opened(browser, lab, "figures.ipynb") as page:
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # a key that comes earlier may run nothing
        editors = page.locator(".jp-Notebook .jp-CodeCell .cm-content")
        editors.first.click()
        page.keyboard.press("Shift+Enter")
        figure = page.locator("section.figure")
        figure.wait_for()
        expect(figure.locator(".reading")).to_contain_text("With 64 characters")
        expect(figure.get_by_role("button", name="Link to this state")).to_have_count(0)  # there is no page to link to

        figure.get_by_role("slider").press("Home")
        editors.nth(1).click()
        page.keyboard.press("Shift+Enter")
        page.get_by_text("index 0", exact=True).wait_for()  # Python has what the reader did

        page.keyboard.press("Shift+Enter")
        expect(figure.locator(".reading")).to_contain_text("With 4 characters")  # and the figure what Python did
