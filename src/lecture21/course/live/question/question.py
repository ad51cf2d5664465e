"""Questions that check: the reader's answer is compared with the right one and with foreseen mistakes."""

import html
import re
from typing import Any

import traitlets

from lecture21.course.chapters import questions
from lecture21.course.live.figure import Figure
from lecture21.course.live.parameters import Text

_EMPHASIS = re.compile(r"\*([^*]+)\*")
_CODE = re.compile(r"`([^`]+)`")
_SUPERSCRIPT = re.compile(r"\^(\w+)")


class Question(Figure):
    """A question with a number or a choice as its answer, which is checked where it is asked.

    A wrong answer gets the hint for its mistake. The right one, or "Show the answer" after one try, gets the
    explanation. Texts, answers and hints are in `questions.json` of the chapter, and those of the exam in `exam.json`.

    Args:
        id: chapter and number of the question, such as "2.1", or "exam.2".

    Raises:
        ValueError: if there is no such question, or if its answer is a text.
    """

    figure = "question"
    description = ""
    id = traitlets.Unicode("")
    question = traitlets.Dict().tag(sync=True)
    """The question as in its file."""

    given = Text("", longest=200).tag(sync=True)
    """The reader's last answer."""

    shown = traitlets.Bool(False).tag(sync=True)
    """Whether the reader has asked for the answer."""

    def __init__(self, id: str) -> None:
        super().__init__(question=_find(id))
        self.id = id
        self._given = {"id": id}

    def fallback_image(self) -> str:
        """Return no name: the question itself, with its answer folded, needs no picture."""
        return ""

    def fallback_html(self) -> str:
        """Return the question with its answer folded, as HTML."""
        question = self.question
        number = question["id"].removeprefix("exam.")
        parts = [f"<p><strong>Question {number}.</strong> {_markup(question['text'])}</p>"]
        if question["kind"] == "choice":
            parts.append(f"<ul>{''.join(f'<li>{_markup(each)}</li>' for each in question['choices'])}</ul>")
        if "section" not in question:  # the page of the exam has the answer below the question
            answer = f"<strong>{_markup(questions.sentence_of(question))}</strong> {_markup(question['explanation'])}"
            parts.append(f"<details><summary>Answer</summary>\n<p>{answer}</p>\n</details>")
        return "\n".join(parts)


def _find(id: str) -> dict[str, Any]:
    """Return the question with this id, if a page can check its answer."""
    question = questions.find(id)
    if question["kind"] == "text":
        raise ValueError(f"question {id!r} has a text as its answer, which is on the page of the exam")
    return question


def _markup(text: str) -> str:
    """Return text with *emphasis*, `code` and superscripts (W^q) as HTML."""
    text = html.escape(text, quote=False)
    for pattern, name in ((_EMPHASIS, "em"), (_CODE, "code"), (_SUPERSCRIPT, "sup")):
        text = pattern.sub(rf"<{name}>\1</{name}>", text)
    return text
