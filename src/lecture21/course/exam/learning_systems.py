"""The questions of a test for learning systems: QTI 1.2 for Canvas, written by text2qti, and Moodle's own XML.

The worked answers are in neither where students could see them: a text question has its answer as a note for graders in
Moodle, and none in Canvas.
"""

import io
import zipfile
from collections.abc import Sequence
from xml.etree import ElementTree

from lecture21.course.exam.documents import letter, markdown, mathjax, solution, to_html
from lecture21.course.exam.drawing import Question

_TIME = (1980, 1, 1, 0, 0, 0)  # of every file in a zip: the same questions give the same bytes


def canvas(title: str, questions: Sequence[Question]) -> bytes:
    """Return a zip file with QTI 1.2, as Canvas imports it."""
    from text2qti.config import Config
    from text2qti.qti import QTI
    from text2qti.quiz import Quiz

    parts = [f"Quiz title: {title}"]
    for n, question in enumerate(questions, start=1):
        lines = [f"{n}. {_line(question, question['text'])}"]
        if question["kind"] == "choice":
            for i, choice in enumerate(question["choices"]):
                mark = "*" if choice == question["answer"] else ""
                lines.append(f"{mark}{letter(i)}) {_line(question, choice)}")
        elif question["kind"] == "number":
            lines.append(f"= {question['answer']} +- {question['tolerance']}")
        else:
            lines.append("____")
        parts.append("\n".join(lines))
    quiz = Quiz("\n\n".join(parts) + "\n", config=Config(), source_name=title)
    return _with_fixed_times(QTI(quiz).zip_bytes())


def _line(question: Question, text: str) -> str:
    return " ".join(markdown(question, text).split())


def _with_fixed_times(data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(zipfile.ZipInfo(entry.filename, _TIME), old.read(entry), zipfile.ZIP_DEFLATED)
    return target.getvalue()


def moodle(title: str, questions: Sequence[Question]) -> bytes:
    """Return a file in Moodle's XML format, whose questions go to a category of this title."""
    quiz = ElementTree.Element("quiz")
    _text(ElementTree.SubElement(quiz, "question", type="category"), "category", f"$course$/top/{title}")
    for n, question in enumerate(questions, start=1):
        kind = {"choice": "multichoice", "number": "numerical", "text": "essay"}[question["kind"]]
        item = ElementTree.SubElement(quiz, "question", type=kind)
        _text(item, "name", f"{n:02}, {question['id']}")
        _html(item, "questiontext", markdown(question, question["text"]))
        _values(item, defaultgrade="1", penalty="0", hidden="0")
        if kind == "multichoice":
            _values(item, single="true", shuffleanswers="false", answernumbering="abc")
            for choice in question["choices"]:
                answer = ElementTree.SubElement(item, "answer", fraction="100" if choice == question["answer"] else "0")
                answer.set("format", "html")
                ElementTree.SubElement(answer, "text").text = to_html(markdown(question, choice), mathjax)
        elif kind == "numerical":
            answer = ElementTree.SubElement(item, "answer", fraction="100", format="moodle_auto_format")
            ElementTree.SubElement(answer, "text").text = str(question["answer"])
            _values(answer, tolerance=str(question["tolerance"]))
        else:
            _values(item, responseformat="editor", responserequired="1", responsefieldlines="15", attachments="0")
            _html(item, "graderinfo", solution(question))
    ElementTree.indent(quiz)
    return ElementTree.tostring(quiz, encoding="utf-8", xml_declaration=True) + b"\n"


def _text(parent: ElementTree.Element, name: str, text: str, **attributes: str) -> None:
    ElementTree.SubElement(ElementTree.SubElement(parent, name, attributes), "text").text = text


def _html(parent: ElementTree.Element, name: str, text: str) -> None:
    _text(parent, name, to_html(text, mathjax), format="html")


def _values(parent: ElementTree.Element, **values: str) -> None:
    for name, value in values.items():
        ElementTree.SubElement(parent, name).text = value
