"""`lecture21 exam`: which files it writes, and what it says without a browser or the packages of the extra."""

import importlib.util
import io

import find_browser
import pypdf
import pytest
from commands import contents, refusal

from lecture21.cli import main
from lecture21.course.exam import printing

COMMAND = ["exam", "--chapters", "2-7", "--questions", "12", "--seed", "5", "--out"]


@pytest.fixture
def no_browser(monkeypatch) -> None:
    monkeypatch.setattr(printing, "browser", lambda: None)


def test_a_test_is_written_as_markdown_pdf_and_for_learning_systems(tmp_path, capsys, monkeypatch):
    if not find_browser.is_installed():
        pytest.skip("there is no browser; run: python3 tools/find_browser.py")
    monkeypatch.setenv("CHROMIUM", find_browser.find())
    out = tmp_path / "a" / "exam"
    assert main([*COMMAND, str(out)]) == 0
    names = ["paper.md", "answers.md", "canvas.zip", "moodle.xml", "paper.pdf", "answers.pdf"]
    assert capsys.readouterr().out == f"{out}: wrote {', '.join(names)}\n"
    files = contents(out)
    assert set(files) == set(names)
    paper = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(files["paper.pdf"])).pages)
    assert paper.count("Question ") == files["paper.md"].count(b"## Question ") == 12
    assert "$" not in paper
    assert b"seed" not in files["paper.md"]  # with it, students could write the answers
    assert b"Drawn with the seed 5" in files["answers.md"]


def test_versions_ask_the_same_questions(tmp_path, capsys, no_browser):
    assert main([*COMMAND, str(tmp_path), "--versions", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == (
        "No PDF: install Chromium or Chrome, or name one in the variable CHROMIUM"
    )
    files = contents(tmp_path)
    assert set(files) == {
        f"{name}-{version}.{kind}"
        for version in "AB"
        for name, kind in (("paper", "md"), ("answers", "md"), ("canvas", "zip"), ("moodle", "xml"))
    }
    in_book = [
        [line for line in files[f"answers-{version}.md"].split(b"\n") if b" of the book." in line] for version in "AB"
    ]
    assert in_book[0] == in_book[1]
    assert len(in_book[0]) == 12
    assert files["paper-A.md"] != files["paper-B.md"]


def test_without_the_extra_there_is_markdown(tmp_path, capsys, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "text2qti" else real(name))
    assert main([*COMMAND, str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("lecture21[exam]: pip install '.[exam]'")
    assert set(contents(tmp_path)) == {"paper.md", "answers.md"}


def test_nothing_is_overwritten(tmp_path, capsys, no_browser):
    (tmp_path / "answers.md").write_text("with my notes")
    message = f"lecture21: {tmp_path / 'answers.md'} exists; name another folder with --out\n"
    assert refusal(capsys, *COMMAND, tmp_path) == message
    assert contents(tmp_path) == {"answers.md": b"with my notes"}


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--chapters", "5-19", "there is no chapter 18"),
        ("--questions", "22", "--questions must be from 1 to 21, which these chapters have; got 22"),
        ("--versions", "0", "Invalid value for '--versions': "),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path, capsys, option, value, message):
    assert message in refusal(capsys, *COMMAND, tmp_path / "x", option, value)
    assert not (tmp_path / "x").exists()


def test_a_browser_that_writes_nothing_is_named(tmp_path):
    with pytest.raises(OSError, match=r"false did not write a PDF: it says nothing"):
        printing.to_pdf("<p>", "/bin/false")
