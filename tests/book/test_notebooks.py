"""The linter over the chapters, and small bad notebooks that prove the linter."""

import base64
import io
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import nbformat
import notebook_lint
import pytest
import repository
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, ImageChops

import notebooks

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = repository.notebooks()
KNOWN = "https://github.com/ada/engine"
UNKNOWN = "https://github.com/OWNER/engine"
with mock.patch.object(repository, "url", return_value=KNOWN):
    BADGE = repository.badge("00_good")
    OTHER_BADGE = repository.badge("01_other")
    INSTALL = repository.install_cell()
ALT = "a small white square that stands for a picture"


def test_the_expected_chapters_exist():
    assert [repository.name_of(path) for path in NOTEBOOKS] == [
        "01_from_rnn_to_attention",
        "02_basic_self_attention",
        "03_learnable_attention",
        "04_causal_mask",
        "05_transformer_block",
        "06_encoder_and_decoder",
        "07_write_a_gpt",
        "08_gpt_as_probability",
        "09_gpt0_to_gpt1",
        "10_modern_gpt",
        "11_scale",
        "12_mixture_of_experts",
        "13_ensemble_vs_average",
        "14_moe_in_gpt",
        "15_images_as_tokens",
        "16_long_context",
        "17_alignment",
        "labs/em_in_depth",
        "labs/generation_speed",
        "labs/inside_gpt2",
        "labs/long_distance_head",
        "labs/on_a_gpu",
        "labs/ridge_ensembles",
        "labs/rnn_against_gpt",
        "labs/which_method",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_linter_finds_no_problem_in_the_chapters(path: Path):
    assert notebook_lint.lint(path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_keeps_its_budgets(path: Path):
    used = notebook_lint.budget(nbformat.read(path, as_version=4))
    assert {name: number for name, number in used.items() if number > notebook_lint.BUDGETS[name]} == {}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_has_exercises_questions_and_a_summary_of_three_sentences(path: Path):
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    figures = set(re.findall(r"live\.(\w+)\(", code))
    summary = next(cell.source for cell in cells if "## Summary\n" in cell.source).split("## Summary\n")[1]
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z$*])", summary.strip().split("\n\n")[0])
    assert len(re.findall(r"^(?:\d\.|-) ", summary, re.MULTILINE)) == 3 or len(sentences) == 3
    if path.parent.name != "labs":
        assert sum("exercise" in notebook_lint.tags(cell) for cell in cells) >= 3
        assert len(re.findall(r"live\.Question\(", code)) >= 3
        assert figures - {"Question"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_an_open_exercise_is_the_last_text_of_its_section(path: Path):
    cells = nbformat.read(path, as_version=4).cells
    text = [
        cell.source for cell in cells if cell.cell_type == "markdown" and "teaching" not in notebook_lint.tags(cell)
    ]
    for source, following in itertools.pairwise(text):
        level, title = [("", ""), *re.findall(r"^(#+) (.*)", source, re.MULTILINE)][-1]
        if title.startswith("Open exercise"):
            assert re.match(rf"#{{1,{len(level)}}} ", following), f"under {title!r}: {following[:80]!r}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_cell_names_one_slide_or_several_slides(path: Path):
    label, slides = re.search(r"\*\*(Slides?)\*\* (.*?) · ", nbformat.read(path, as_version=4).cells[0].source).groups()
    assert (label == "Slide") == slides.isdecimal()


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.parent.name != "labs"], ids=lambda path: path.stem)
def test_the_first_note_for_instructors_has_a_time_plan(path: Path):
    cells = nbformat.read(path, as_version=4).cells
    notes = [cell.source for cell in cells if "teaching" in notebook_lint.tags(cell)]
    assert notebook_lint.TIME_PLAN.search(notes[0])


def png(color: tuple[int, int, int, int] = (255, 255, 255, 255)) -> str:
    buffer = io.BytesIO()
    Image.new("RGBA", (4, 4), color).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def picture(data: str | None = None) -> NotebookNode:
    return new_output("display_data", data={"image/png": data or png(), "text/plain": ["<Figure>"]})


def good() -> NotebookNode:
    """A notebook that breaks no rule."""
    cells = [
        new_markdown_cell(f"# Title\n\n{BADGE}\n"),
        new_code_cell(INSTALL),
        new_code_cell("import matplotlib.pyplot as plt"),
        new_code_cell("2 + 2", outputs=[new_output("execute_result", data={"text/plain": "4"}, execution_count=3)]),
        new_markdown_cell("Text.\n\n<details>\n<summary>Answer</summary>\n\nYes.\n\n</details>"),
        new_code_cell(
            "plt.plot([1, 2])\nplt.show()", outputs=[picture()], metadata={"mystnb": {"image": {"alt": ALT}}}
        ),
    ]
    for n, cell in enumerate(cell for cell in cells if cell.cell_type == "code"):
        cell.execution_count = n + 1
    for n, cell in enumerate(cells):
        cell.id = f"c{n:02}"
    metadata = {"kernelspec": notebook_lint.KERNEL, "language_info": {"name": "python"}}
    return new_notebook(cells=cells, metadata=metadata)


def lint(notebook: NotebookNode, folder: Path, address: str = KNOWN) -> list[str]:
    path = folder / "00_good.ipynb"
    nbformat.write(notebook, path)
    with mock.patch.object(repository, "url", return_value=address):
        return notebook_lint.lint(path)


def test_the_linter_accepts_a_good_notebook(tmp_path: Path):
    assert lint(good(), tmp_path) == []


def put(cell: int, **values) -> Callable[[NotebookNode], None]:
    """Set fields of one cell."""
    return lambda notebook: notebook.cells[cell].update(nbformat.from_dict(values))


def stream(name: str, text: str) -> NotebookNode:
    return new_output("stream", name=name, text=text)


def raises() -> NotebookNode:
    return new_output("error", ename="ValueError", evalue="no", traceback=["ValueError: no"])


def metadata(**values) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.metadata.update(nbformat.from_dict(values))


BAD = {
    "not run": (put(3, execution_count=None), "was not run from top to bottom"),
    "run out of order": (put(3, execution_count=9), "was not run from top to bottom"),
    "another kernel": (metadata(kernelspec={"name": "conda-env", "display_name": "x"}), "kernelspec is"),
    "machine's Python": (metadata(language_info={"name": "python", "version": "3.11.7"}), "language_info"),
    "widget state": (metadata(widgets={"state": {}}), "metadata holds ['widgets']"),
    "GPU without a type": (metadata(accelerator="GPU"), "asks Colab for"),
    "execution times": (put(3, metadata={"execution": {}}), "has metadata ['execution']"),
    "unknown tag": (put(3, metadata={"tags": ["nbval-skip"]}), "has tags ['nbval-skip']"),
    "unfolded in Jupyter": (put(3, metadata={"tags": ["hide-output"]}), "is not folded in Jupyter"),
    "folded in Jupyter only": (put(3, metadata={"jupyter": {"source_hidden": True}}), "is not folded in Jupyter"),
    "stored error": (put(3, outputs=[raises()]), "stores an error"),
    "promised error": (put(3, metadata={"tags": ["raises-exception"]}), "raises nothing"),
    "stderr": (put(3, outputs=[stream("stderr", "Warning: x")]), "writes to stderr"),
    "svg": (put(3, outputs=[new_output("display_data", data={"image/svg+xml": "<svg/>"})]), "SVG"),
    "dead widget": (
        put(3, outputs=[new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {}})]),
        "dead without a kernel",
    ),
    "no title": (put(0, source=f"Title\n\n{BADGE}"), "does not open with"),
    "two titles": (put(4, source="# Another title"), "has 2 headings"),
    "no badge": (put(0, source="# Title"), "lacks its badge"),
    "badge of another chapter": (
        put(0, source=f"# Title\n\n{BADGE}\n{OTHER_BADGE}"),
        "links to",
    ),
    "no install cell": (put(1, source="import lecture21"), "not the install cell"),
    "no alt text": (put(5, metadata={}), "does not describe it"),
    "a path as alt text": (put(5, metadata={"mystnb": {"image": {"alt": "../a b c d.png"}}}), "does not describe it"),
    "not shown": (put(5, source="plt.plot([1, 2]);"), "end it with plt.show()"),
    "shown with its lines": (
        put(5, outputs=[new_output("execute_result", data={"text/plain": "[<Line2D>]"}, execution_count=4), picture()]),
        "end it with plt.show()",
    ),
    "transparent picture": (put(5, outputs=[picture(png((0, 0, 0, 0)))]), "white and opaque"),
    "dark picture": (put(5, outputs=[picture(png((30, 30, 30, 255)))]), "white and opaque"),
    "figure name": (
        put(5, metadata={"mystnb": {"image": {"alt": ALT}, "figure": {"name": "loss"}}}),
        "does not start with 'fig-'",
    ),
    "picture in prose without alt text": (put(4, source="![](a.png)"), "without alt text"),
    "MyST role": (put(4, source="See {term}`head`."), "MyST"),
    "MyST directive": (put(4, source="```{note}\nNo.\n```"), "MyST"),
    "answer without an empty line": (
        put(4, source="<details>\n<summary>A</summary>\n**Yes**\n</details>"),
        "</summary>",
    ),
    "path of a machine": (put(3, outputs=[stream("stdout", "saved in /home/ada/x")]), "names a path of one machine"),
    "path in the source": (put(3, source="open('/tmp/x')"), "names a path of one machine"),
    "open prediction": (put(2, cell_type="markdown", source="**Prediction.** Up or down?"), "is not folded"),
    "other minutes": (put(0, source=f"# Title\n\n{BADGE}\n\n**Reading** 40 minutes"), "not '**Reading** 5 minutes'"),
    "plan of other minutes": (put(4, source="**Time plan, 50 minutes.** 5 *Title*; 40 the rest."), "take [5, 40]"),
    "plan without minutes": (put(4, source="**Time plan, 5 minutes.** 5 *Title*; the rest."), "take [5]"),
    "plan of no section": (put(4, source="**Time plan, 5 minutes.** 5 *Other title*."), "not exist: 'Other title'"),
    "shell command": (put(3, source="!ls"), "a magic or command"),
    "magic": (put(3, source="%pip install x"), "a magic or command"),
    "broken Python": (put(3, source="2 +"), "is not Python"),
    "progress bar": (put(3, source="from tqdm import tqdm"), "uses tqdm"),
    "tolerance below rounding": (put(3, source="assert torch.allclose(a, b, rtol=0)"), "names no atol"),
}


@pytest.mark.parametrize(("spoil", "complaint"), BAD.values(), ids=BAD)
def test_the_linter_reports_each_kind_of_problem(spoil: Callable[[NotebookNode], None], complaint: str, tmp_path: Path):
    notebook = good()
    spoil(notebook)
    problems = lint(notebook, tmp_path)
    assert any(complaint in problem for problem in problems), problems


def test_the_linter_reports_a_different_json_layout(tmp_path: Path):
    path = tmp_path / "00_good.ipynb"
    nbformat.write(good(), path)
    path.write_text(path.read_text().replace("\n ", "\n  "))
    with mock.patch.object(repository, "url", return_value=KNOWN):
        problems = notebook_lint.lint(path)
    assert ["not laid out" in problem for problem in problems] == [True]


def test_before_an_address_is_known_a_badge_and_an_install_from_it_are_problems(tmp_path: Path):
    notebook = good()
    problems = lint(notebook, tmp_path, UNKNOWN)
    assert "on Colab before the repository's address is known" in problems[0]
    assert "is not the install cell" in problems[1]
    notebook.cells[0].source = "# Title"
    with mock.patch.object(repository, "url", return_value=UNKNOWN):
        notebook.cells[1].source = repository.install_cell()
    assert lint(notebook, tmp_path, UNKNOWN) == []


def test_a_compressed_picture_keeps_its_size_and_colors():
    ramp = Image.linear_gradient("L").resize((400, 300))
    drawn = Image.merge("RGBA", (ramp, ramp.rotate(180), ramp, Image.new("L", ramp.size, 255)))
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG", dpi=(144, 144))
    before = base64.b64encode(buffer.getvalue()).decode()
    after = notebooks.compress(before)
    shown = Image.open(io.BytesIO(base64.b64decode(after)))
    assert shown.size == drawn.size
    assert shown.info["dpi"] == pytest.approx((144, 144), abs=0.1)
    difference = ImageChops.difference(shown.convert("RGB"), drawn.convert("RGB"))
    assert max(most for _, most in difference.getextrema()) <= 2
    assert notebooks.compress(after) == after
    assert notebook_lint.white(notebooks.compress(png()))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_at_most_a_megabyte(path: Path):
    assert path.stat().st_size <= 1_000_000


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["hide-input"], {"jupyter": {"source_hidden": True}, "cellView": "form"}),
        (["hide-output"], {"jupyter": {"outputs_hidden": True}, "collapsed": True}),
        (
            ["hide-cell"],
            {"jupyter": {"source_hidden": True, "outputs_hidden": True}, "cellView": "form", "collapsed": True},
        ),
        ([], {}),
    ],
)
def test_running_a_notebook_again_folds_in_jupyter_what_the_book_folds(given: list[str], expected: dict):
    stale = {"cellView": "form", "jupyter": {"outputs_hidden": True}}
    notebook = new_notebook(cells=[new_code_cell("1", metadata={"tags": given, **stale})])
    notebooks.fold(notebook)
    assert notebook.cells[0].metadata == {"tags": given, **expected}
