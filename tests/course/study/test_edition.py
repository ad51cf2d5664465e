"""The student's edition of all notebooks: what it leaves out, and where its links lead."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

from lecture21.course.exercises import registry
from lecture21.course.exercises.exercise import show
from lecture21.course.study import edition

ROOT = Path(__file__).resolve().parents[3]
ADDRESS = "https://ada.github.io/engine/"


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return edition.make(ROOT / "notebooks", "https://github.com/Ada/engine", "1.2.3")


@pytest.fixture(scope="module")
def notebooks(files) -> dict[str, nbformat.NotebookNode]:
    return {name: nbformat.reads(data.decode(), 4) for name, data in files.items() if name.endswith(".ipynb")}


def test_it_has_every_notebook_and_two_texts(files):
    names = {path.relative_to(ROOT / "notebooks").as_posix() for path in (ROOT / "notebooks").rglob("*.ipynb")}
    assert set(files) == names | {"README.md", "AGENTS.md"}
    assert f"of lecture21 1.2.3, without solutions and without outputs. The published book ({ADDRESS})" in str(
        files["README.md"], "utf-8"
    )


def test_a_notebook_is_valid_and_laid_out_as_jupyter_writes_it(files, notebooks):
    for name, notebook in notebooks.items():
        nbformat.validate(notebook)
        assert files[name].decode() == nbformat.writes(notebook) + "\n", name


def test_no_cell_has_run_and_none_reveals_an_answer(files, notebooks):
    for name, notebook in notebooks.items():
        for cell in notebook.cells:
            assert not {"solution", "teaching"} & set(cell.metadata.get("tags", []))
            if cell.cell_type == "code":
                assert (cell.outputs, cell.execution_count) == ([], None), name
                assert "outputs_hidden" not in str(cell.metadata)
                assert ("hide-input" in cell.metadata.get("tags", [])) <= ("source_hidden" in str(cell.metadata))
    for exercise in (each for chapter in registry.chapters() for each in registry.exercises_of(chapter)):
        if exercise.is_value:
            (name,) = [name for name in notebooks if name.startswith(f"{exercise.chapter}_")]
            text = "\n".join(cell.source for cell in notebooks[name].cells)
            assert show(exercise.solution) not in text, exercise.number


def test_what_a_notebook_asks_for_is_written_nowhere_in_it(notebooks):
    """Neither as code nor as an example in a text, and no fold of a text has the name of a solution."""
    for name, notebook in notebooks.items():
        text = "\n".join(cell.source for cell in notebook.cells)
        assert not re.search(r"<summary>(?!Hint)[^<]*(solution|answer)", text, re.IGNORECASE), name
        for cell in notebook.cells:
            for stub in stubs(cell.source) if cell.cell_type == "code" else ():
                others = re.findall(rf"^ *(?:def|class) {stub}\b.*(?:\n+ +.*|\n+\).*)*", text, re.MULTILINE)
                assert all(re.search(r"\.\.\.\s*$", other) for other in others), f"{name}: {stub}"


def stubs(code: str) -> list[str]:
    """Return the names of functions and classes that a cell of code leaves to the reader."""
    if code.lstrip().startswith(("%", "!")):
        return []
    found = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [each.name for each in found if ast.unparse(each.body[-1]).rstrip().endswith("...")]


def test_links_lead_to_the_edition_or_to_pages_of_the_published_book(notebooks):
    published = set()
    for name, notebook in notebooks.items():
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        assert "Open in Colab" not in text
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`|\$[^$]*\$", "", text)):
            path = target.partition("#")[0]
            if target.startswith(ADDRESS):
                published.add(path.removeprefix(ADDRESS))
            elif not target.startswith("https://"):
                assert (Path("/", name).parent / path).resolve().relative_to("/").as_posix() in notebooks, target
    assert {"book/mistakes.html", "book/gpt1_to_gpt4.html", "book/transformer_against_gpt.html"} <= published
    made = {"book/mistakes.html", "notebooks/07_write_a_gpt.html"}  # by the build; a notebook, whose page offers a file
    source = [ROOT / path.replace(".html", ".md") for path in published - made]
    assert [path for path in source if not path.is_file()] == []


def linked(source: str, name: str = "04_a.ipynb", address: str = ADDRESS) -> str:
    notebook = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": source}]}
    return edition.link(notebook, name, {"04_a.ipynb", "labs/b.ipynb"}, address)["cells"][0]["source"]


def test_a_link_outside_the_edition_says_where_it_leads_if_no_address_is_known():
    assert linked("see [all](../book/x.md#y)!") == f"see [all]({ADDRESS}book/x.html#y)!"
    assert linked("see [all](../book/x.md#y)!", address="") == "see all (a page of the book)!"
    page = f"{ADDRESS}notebooks/04_a.html"
    assert linked("[a file](../src/x/y.py)") == f"[a file]({page})"  # which the book's page of the notebook offers
    assert linked("[b](labs/b.ipynb#C) `f[0](x)`") == "[b](labs/b.ipynb#C) `f[0](x)`"
    assert linked("[a](../04_a.ipynb)", "labs/b.ipynb") == "[a](../04_a.ipynb)"
    assert linked("[c](../05_c.ipynb)", "labs/b.ipynb") == f"[c]({ADDRESS}notebooks/05_c.html)"


@pytest.mark.parametrize(
    ("repository", "address"),
    [
        ("https://github.com/Ada/engine", ADDRESS),
        ("https://github.com/Ada/ada.github.io", "https://ada.github.io/"),
        ("https://github.com/OWNER/lecture21", ""),
        ("https://example.org/lecture21", ""),
    ],
)
def test_the_address_of_the_published_book_follows_from_that_of_the_repository(repository: str, address: str):
    assert edition.published(repository) == address


def test_the_badge_that_opens_the_solutions_is_left_out():
    source = ["# Title\n", "\n", "[![Open in Colab](../a.svg)](https://colab)\n", "\n", "Text"]
    cell = {"cell_type": "markdown", "metadata": {}, "source": source}
    assert edition.student({"cells": [cell]})["cells"][0]["source"] == "# Title\n\nText"


def test_a_folder_without_notebooks_is_refused(tmp_path):
    with pytest.raises(ValueError, match=f"{tmp_path} has no notebooks"):
        edition.make(tmp_path, "", "1")


def test_the_edition_for_instructors_keeps_everything_but_links_that_lead_nowhere():
    files = edition.make(ROOT / "notebooks", "https://github.com/OWNER/lecture21", "1", solutions=True)
    name = "02_basic_self_attention.ipynb"
    stored, actual = json.loads((ROOT / "notebooks" / name).read_text(encoding="utf-8")), json.loads(files[name])
    different = [n for n, pair in enumerate(zip(stored["cells"], actual["cells"], strict=True)) if pair[0] != pair[1]]
    assert ["book/mistakes.md" in "".join(stored["cells"][n]["source"]) for n in different] == [True]


def test_no_text_speaks_of_an_output_that_is_folded(notebooks):
    """In the book an output may be folded; after a run in JupyterLab none is."""
    for name, notebook in notebooks.items():
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        assert not re.search(r"open the (output|figure|result)", text), name


def test_the_first_cell_and_the_readme_name_the_same_ways_to_install(files):
    notebook = json.loads(files["02_basic_self_attention.ipynb"])
    names: dict = {}
    source = "".join(notebook["cells"][1]["source"]).replace("import lecture21", "import lecture21_is_missing")
    if "%pip" not in source.partition("message")[0]:  # no address is known
        with pytest.raises(ImportError, match="run %pip install WHEEL, and in place of WHEEL name the wheel"):
            exec(source, names)
    ways = "the wheel, folder or address that your course gives you"
    assert ways in " ".join(files["README.md"].decode().split())


def test_students_and_instructors_read_the_same_rule_which_definition_counts(files):
    page = (ROOT / "book" / "teach.md").read_text(encoding="utf-8")
    (rule,) = re.findall(r"\*\*(The last definition of a name counts.*?)\*\*", page, re.DOTALL)
    assert " ".join(rule.split()) in " ".join(files["README.md"].decode().split())


def test_what_jupyter_keeps_beside_a_notebook_is_no_notebook(tmp_path):
    for name in ("a.ipynb", "labs/b.ipynb", ".ipynb_checkpoints/a-checkpoint.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list(edition.find(tmp_path)) == ["a.ipynb", "labs/b.ipynb"]
