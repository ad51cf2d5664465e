"""The paper and the answers as Markdown, and Markdown with formulas as HTML."""

import html
import re
from collections.abc import Callable, Sequence

from lecture21.course.chapters.questions import answer_of
from lecture21.course.exam.drawing import Question

_CODE = re.compile(r"(`[^`]*`)")
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$]+)\$", re.DOTALL)
_BLANK = "\\_" * 12
STYLE = """
@page { margin: 20mm 18mm }
body { font: 11.5pt/1.4 Georgia, 'DejaVu Serif', serif }
h1 { font-size: 1.5em } h2 { font-size: 1.05em; margin: 1.4em 0 0.3em; break-after: avoid }
p, li { orphans: 3; widows: 3 } ul { list-style: none; padding-left: 1em } li { margin: 0.3em 0; break-inside: avoid }
code { font: 0.9em 'DejaVu Sans Mono', monospace } math { font-size: 1.05em } sup { line-height: 0 }
[mathvariant='bold'] { font-weight: bold; text-transform: none }
.space { height: 7.5em }
"""


def markdown(question: Question, text: str) -> str:
    """Return a text of a question as Markdown; those of numbers and choices have superscripts such as W^q."""
    if question["kind"] == "text":
        return text
    parts = _CODE.split(text)
    parts[::2] = [re.sub(r"\^(\w+)", r"<sup>\1</sup>", part.replace("<", "&lt;")) for part in parts[::2]]
    return "".join(parts)


def letter(n: int) -> str:
    """Return the letter of choice number `n`, from 0."""
    return "abcdefghij"[n]


def paper(title: str, questions: Sequence[Question]) -> str:
    """Return what students get."""
    parts = [f"# {title}", f"Name: {_BLANK * 2}"]
    for n, question in enumerate(questions, start=1):
        parts += [f"## Question {n}", markdown(question, question["text"])]
        if question["kind"] == "choice":
            choices = (markdown(question, choice) for choice in question["choices"])
            parts.append("\n".join(f"- ({letter(i)}) {choice}" for i, choice in enumerate(choices)))
        elif question["kind"] == "number":
            parts.append(f"Answer: {_BLANK} {question.get('unit', '')}".rstrip())
        else:
            parts.append('<div class="space"></div>')
    return "\n\n".join(parts) + "\n"


def answers(title: str, questions: Sequence[Question], seed: int) -> str:
    """Return what instructors get: the answers, with the ranges that are accepted, and the number in the book."""
    parts = [f"# {title}: answers", f"Drawn with the seed {seed}, which is not on the paper."]
    for n, question in enumerate(questions, start=1):
        parts += [
            f"## Question {n}",
            solution(question),
            f"Question {question['id'].removeprefix('exam.')} of the book.",
        ]
    return "\n\n".join(parts) + "\n"


def solution(question: Question) -> str:
    """Return the worked answer of a question as Markdown."""
    if question["kind"] == "text":
        return question["answer"]
    right, accepted = answer_of(question), ""
    if question["kind"] == "choice":
        right = f"({letter(question['choices'].index(right))}) {right}"
    elif question["tolerance"]:
        low, high = (question["answer"] + sign * question["tolerance"] for sign in (-1, 1))
        accepted = f" (accept {low:.4g} to {high:.4g})"
    return f"**{markdown(question, right)}**{accepted}. {markdown(question, question['explanation'])}"


def to_html(text: str, formula: Callable[[str, bool], str]) -> str:
    """Return Markdown as HTML; `formula` returns the HTML of a formula, given as LaTeX and whether it is displayed."""
    from markdown_it import MarkdownIt

    formulas: list[str] = []

    def hide(match: re.Match[str]) -> str:  # from Markdown, which would read `_` and `*` in it
        formulas.append(formula((match[1] or match[2]).strip(), match[1] is not None))
        return f"\N{OBJECT REPLACEMENT CHARACTER}{len(formulas) - 1};"

    parts = _CODE.split(text)
    parts[::2] = [_FORMULA.sub(hide, part) for part in parts[::2]]
    body = MarkdownIt().render("".join(parts))
    return re.sub("\N{OBJECT REPLACEMENT CHARACTER}(\\d+);", lambda match: formulas[int(match[1])], body).strip()


def mathjax(latex: str, displayed: bool) -> str:
    """Return a formula as LaTeX between the delimiters that MathJax reads, which learning systems have."""
    left, right = (r"\[", r"\]") if displayed else (r"\(", r"\)")
    return f"{left}{html.escape(latex, quote=False)}{right}"


def mathml(latex: str, displayed: bool) -> str:
    """Return a formula as MathML, which browsers show by themselves."""
    from latex2mathml.converter import convert

    return convert(latex, display="block" if displayed else "inline")


def page(title: str, text: str) -> str:
    """Return Markdown as a complete HTML page for printing."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>{to_html(text, mathml)}</body></html>"
    )
