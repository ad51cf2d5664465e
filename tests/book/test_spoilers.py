"""No page gives an answer away before its question: each is looked for in what a reader has seen by then."""

import json
import math
import re
from collections.abc import Iterator

from bs4 import BeautifulSoup, Tag

Pages = dict[str, BeautifulSoup]

BLOCKS = ["p", "li", "td", "th", "pre", "figcaption", "h1", "h2", "h3", "h4", "dt", "dd", "img"]
COMMON = {
    "about", "after", "and", "any", "are", "before", "can", "could", "does", "down", "each", "for", "from", "has",
    "have", "how", "into", "its", "made", "many", "more", "most", "much", "not", "now", "one", "only", "than", "that",
    "the", "their", "them", "then", "there", "these", "this", "three", "two", "was", "what", "when", "where", "which",
    "with", "you",
}  # fmt: skip
NUMBER = re.compile(r"(?<![\w.,−-])([-−]?)(\d[\d,]*(?:\.\d+)?)(?![\w]|[.,]\d)( ?%)?")


def words(text: str) -> list[str]:
    """The words and numbers of a text, without plural endings."""
    found = re.findall(r"[-−]?\d+(?:[.,]\d+)*|[^\W\d_]+", text.lower())
    return [word if word[-1].isdigit() else word.removesuffix("s") for word in found]


def subjects(text: str) -> set[str]:
    """The words of a text that say what it is about."""
    return {word for word in words(text) if len(word) > 2 and word not in COMMON and not word[-1].isdigit()}


def contains(text: list[str], part: list[str]) -> bool:
    """Whether words occur in a text in their order, one after the other."""
    return any(text[n : n + len(part)] == part for n in range(len(text) - len(part) + 1))


def numbers(text: str) -> Iterator[tuple[float, int, int]]:
    """The numbers in a text: value, decimal places, significant digits. A percentage is a fraction, too."""
    for sign, digits, percent in NUMBER.findall(text):
        plain = digits.replace(",", "")
        decimals = len(plain.partition(".")[2])
        significant = len(plain.replace(".", "").strip("0"))
        value = float(plain) * (-1 if sign else 1)
        yield value, decimals, significant
        if percent:
            yield value / 100, decimals + 2, significant


def gives_away(sentence: str, question: dict) -> bool:
    """Return whether a sentence has the answer of a question and is about what the question is about.

    A number is the answer if it is that one, rounded to the places that are printed. Three digits are no coincidence;
    two must share two words with the question, the words of a choice three, and one digit half of the question's words.
    """
    asked = subjects(question["text"])
    shared = len(subjects(sentence) & asked)
    if question["kind"] == "number":
        answer = float(question["answer"])
        same = [
            digits
            for value, places, digits in numbers(sentence)
            if math.isclose(round(answer, places), value) and (digits >= 2 or value == answer)
        ]
        fewest = {0: max(3, len(asked) / 2), 1: max(3, len(asked) / 2), 2: 2}
        return any(shared >= fewest.get(digits, 0) for digits in same)
    answer = words(question["answer"])
    said = words(sentence)
    long = subjects(question["answer"])
    is_said = contains(said, answer) or (len(long) >= 3 and len(long & set(said)) >= 0.8 * len(long))
    return is_said and shared >= 3


def seen_before(element: Tag, since: Tag | None = None, kinds: list[str] = BLOCKS) -> Iterator[str]:
    """The sentences that a reader, also one who listens, has met before an element: no folds, no notes.

    With `since`, only those after that element; `kinds` are the blocks that count.
    """
    blocks = element.find_all_previous(kinds)
    if since is not None:
        earlier = {id(block) for block in since.find_all_previous(kinds)}
        blocks = [block for block in blocks if id(block) not in earlier]
    for block in reversed(blocks):
        if not block.find_parent("article") or block.find_parent(is_unseen):
            continue
        if block.name == "img":
            text = block.get("alt", "")
        elif block.find(BLOCKS[:-1]):
            continue  # its parts follow
        else:
            text = block.get_text()
        yield from re.split(r"(?<=[.:?!])\s+|\n", text)


def is_unseen(tag: Tag) -> bool:
    """Return whether nobody sees what is in an element before opening it, or sees it elsewhere."""
    if tag.name == "details":
        return not tag.has_attr("open")
    return tag.name == "template" or tag.get("data-figure") in ("question", "lines")


def questions(page: BeautifulSoup) -> list[tuple[Tag, dict]]:
    """The questions of a page, in their order."""
    figures = page.select(".live-figure[data-figure=question]")
    return [(figure, json.loads(figure["data-state"])["question"]) for figure in figures]


def test_no_answer_is_seen_before_its_question(pages: Pages):
    asked, spoiled = 0, []
    for name, page in pages.items():
        if not name.startswith("notebooks/"):
            continue
        for figure, question in questions(page):
            asked += 1
            spoiled += [
                f"{question['id']}: {question['answer']!r} in {sentence.strip()[:200]!r}"
                for sentence in seen_before(figure)
                if gives_away(sentence, question)
            ]
    assert asked > 60
    assert spoiled == []


def test_no_answer_is_seen_before_a_figure_that_waits_for_it(pages: Pages):
    waiting, spoiled = 0, []
    for page in pages.values():
        asked = {question["id"]: (figure, question) for figure, question in questions(page)}
        for figure in page.select(".live-figure[data-state]"):
            if (after := json.loads(figure["data-state"]).get("after")) in asked:
                waiting += 1
                start, question = asked[after]
                sentences = [each for each in seen_before(figure, start) if gives_away(each, question)]
                spoiled += [f"{after}: {question['answer']!r} in {each.strip()[:200]!r}" for each in sentences]
    assert waiting >= 4
    assert spoiled == []
