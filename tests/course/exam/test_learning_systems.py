"""The files for Canvas and Moodle are read back: their structure is checked, and each question compared."""

import html
import io
import re
import zipfile
from xml.etree import ElementTree

import pytest

from lecture21.course.exam.documents import markdown, mathjax, solution, to_html
from lecture21.course.exam.drawing import Question, draw
from lecture21.course.exam.learning_systems import canvas, moodle

CP = "{http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1}"
QTI = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
KINDS = {"multiple_choice_question": "choice", "numerical_question": "number", "essay_question": "text"}


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    from lecture21.course.chapters.questions import load

    return draw(load("exam"), 5)


def plain(text: str) -> str:
    """The words of HTML or Markdown, with formulas as LaTeX, for comparison."""
    text = re.sub(r'<img[^>]*data-equation-content="([^"]*)"[^>]*>', r"\1", text)
    text = html.unescape(re.sub(r"<[^>]+>", "", text))
    return re.sub(r"[`*$\s]|\\\(|\\\)", "", text.replace("’", "'"))  # text2qti sets typographic apostrophes


def read_canvas(data: bytes) -> list[tuple]:
    """Check a QTI package and return its questions: kind, text, and choices with the right one, or the range."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        manifest = ElementTree.fromstring(archive.read("imsmanifest.xml"))
        files = [file.get("href") for file in manifest.iter(f"{CP}file")]
        assert set(files) <= set(names)
        resources = {each.get("identifier") for each in manifest.iter(f"{CP}resource")}
        assert {each.get("identifierref") for each in manifest.iter(f"{CP}dependency")} <= resources
        (path,) = [each.find(f"{CP}file").get("href") for each in manifest.iter(f"{CP}resource")
                   if each.get("type") == "imsqti_xmlv1p2"]  # fmt: skip
        root = ElementTree.fromstring(archive.read(path))
    assert root.tag == f"{QTI}questestinterop"
    items = list(root.iter(f"{QTI}item"))
    assert len({item.get("ident") for item in items}) == len(items)
    return [read_item(item) for item in items]


def read_item(item: ElementTree.Element) -> tuple:
    assert [child.tag.removeprefix(QTI) for child in item][:2] == ["itemmetadata", "presentation"]
    fields = {
        each.find(f"{QTI}fieldlabel").text: each.find(f"{QTI}fieldentry").text
        for each in item.iter(f"{QTI}qtimetadatafield")
    }
    kind = KINDS[fields["question_type"]]
    text = item.find(f"{QTI}presentation/{QTI}material/{QTI}mattext").text
    condition = item.find(f"{QTI}resprocessing/{QTI}respcondition/{QTI}conditionvar")
    if kind == "text":
        return kind, text, None
    if kind == "number":
        low, high = (float(next(condition.iter(f"{QTI}{name}")).text) for name in ("vargte", "varlte"))
        return kind, text, (low, high)
    labels = {each.get("ident"): each.find(f".//{QTI}mattext").text for each in item.iter(f"{QTI}response_label")}
    return kind, text, (list(labels.values()), labels[condition.find(f"{QTI}varequal").text])


def test_canvas_gets_every_question_and_no_worked_answer(questions):
    data = canvas("Test & quiz", questions)
    assert data == canvas("Test & quiz", questions)
    for question, (kind, text, right) in zip(questions, read_canvas(data), strict=True):
        assert kind == question["kind"]
        assert plain(text) == plain(markdown(question, question["text"])), question["id"]
        if kind == "number":
            expected = [question["answer"] + sign * question["tolerance"] for sign in (-1, 1)]
            assert right == pytest.approx(expected, rel=1e-6)
        elif kind == "choice":
            choices, answer = right
            assert list(map(plain, choices)) == [plain(markdown(question, each)) for each in question["choices"]]
            assert plain(answer) == plain(markdown(question, question["answer"]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}  # at any time
        everything = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert not any(question["explanation"][:40] in everything for question in questions if "explanation" in question)


# The elements of a question in Moodle's format, by its type, in addition to those that every question has.
FIELDS = {
    "multichoice": {"single", "shuffleanswers", "answernumbering", "answer"},
    "numerical": {"answer"},
    "essay": {"responseformat", "responserequired", "responsefieldlines", "attachments", "graderinfo"},
}


def test_moodle_gets_every_question(questions):
    category, *items = ElementTree.fromstring(moodle("Test & quiz", questions))
    assert category.get("type") == "category"
    assert category.find("category/text").text == "$course$/top/Test & quiz"
    types = {"multichoice": "choice", "numerical": "number", "essay": "text"}
    assert len({item.find("name/text").text for item in items}) == len(items)
    for question, item in zip(questions, items, strict=True):
        assert types[item.get("type")] == question["kind"]
        common = {"name", "questiontext", "defaultgrade", "penalty", "hidden"}
        assert {child.tag for child in item} == common | FIELDS[item.get("type")]
        assert item.find("questiontext").get("format") == "html"
        text = item.find("questiontext/text").text
        assert plain(text) == plain(markdown(question, question["text"]))
        ElementTree.fromstring(f"<p>{text.replace('&nbsp;', ' ')}</p>")  # well-formed
        answers = item.findall("answer")
        if question["kind"] == "number":
            (answer,) = answers
            assert float(answer.find("text").text) == question["answer"]
            assert float(answer.find("tolerance").text) == question["tolerance"]
        elif question["kind"] == "choice":
            right = [answer.find("text").text for answer in answers if answer.get("fraction") == "100"]
            assert list(map(plain, right)) == [plain(markdown(question, question["answer"]))]
            assert len(answers) == len(question["choices"])
            assert item.find("shuffleanswers").text == "false"  # the key has the letters of this order
        else:
            assert plain(item.find("graderinfo/text").text) == plain(to_html(solution(question), mathjax))


def test_formulas_are_kept_from_markdown():
    assert to_html("*a* `$x$` $w_{ij}*v_{j}*$ and $$a<b$$", mathjax) == (
        r"<p><em>a</em> <code>$x$</code> \(w_{ij}*v_{j}*\) and \[a&lt;b\]</p>"
    )
