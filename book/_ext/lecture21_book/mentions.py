"""Find what running text mentions: terms of the glossary, chapters, papers, names of the package."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pybtex.database import Entry, Person


class Target(NamedTuple):
    """Where a mention leads: a kind ("term", "chapter", "paper" or "code"), a page, and an anchor on it."""

    kind: str
    docname: str
    anchor: str


class Mention(NamedTuple):
    """A piece of text, from `start` to before `end`, that mentions a target."""

    start: int
    end: int
    target: Target


def _plural(phrase: str) -> str:
    """Return the regular plural of a phrase; "mixture of experts" changes its first noun."""
    head, of, rest = phrase.partition(" of ")
    if re.search(r"[^aeiou]y$", head):
        head = head[:-1] + "ie"
    elif re.search(r"(s|x|ch|sh)$", head):
        head += "e"
    return f"{head}s{of}{rest}"


def term_forms(entry: str) -> set[str]:
    """Return how text may write an entry of the glossary.

    "byte-pair encoding (BPE)" is also written "BPE", and "pre-norm, post-norm" is two terms. Each form may be plural
    and may begin with a capital letter.
    """
    match = re.fullmatch(r"(.+) \(([A-Z]{2,})\)", entry)
    singular = [match[1], match[2]] if match else entry.split(", ")
    forms = {*singular, *(_plural(form) for form in singular)}
    return forms | {form[0].upper() + form[1:] for form in forms}


class Terms:
    """The terms of a glossary, the longest first, so that "causal mask" is not read as "mask"."""

    def __init__(self, entries: Mapping[str, Target]):
        """Take the target of each entry."""
        self._targets = {form: target for entry, target in entries.items() for form in term_forms(entry)}
        forms = sorted(self._targets, key=len, reverse=True)
        spelled = "|".join(re.escape(form).replace(r"\ ", r"\s+") for form in forms)
        self._pattern = re.compile(rf"(?<![\w-])(?:{spelled or '(?!)'})(?![\w-])")

    def find(self, text: str) -> Iterator[Mention]:
        """Yield each mention in the order of the text."""
        for match in self._pattern.finditer(text):
            yield Mention(*match.span(), self._targets[" ".join(match.group().split())])


class Chapters:
    """The chapters by number. "chapters 02 to 04" mentions two of them, "3rd ed., chapter 16" one of another book."""

    _LIST = re.compile(r"(?<!ed\., )\b[Cc]hapters?\s+\d+(?:(?:,|,?\s+(?:and|or|to)|–|-)\s*\d+)*")

    def __init__(self, pages: Mapping[int, str]):
        """Take the page of each chapter."""
        self._pages = pages

    def find(self, text: str) -> Iterator[Mention]:
        """Yield each mention of a chapter that exists; the first of a list includes the word "chapter"."""
        for match in self._LIST.finditer(text):
            numbers = list(re.finditer(r"\d+", match.group()))
            for number in numbers:
                page = self._pages.get(int(number.group()))
                start = 0 if number is numbers[0] else number.start()
                if page is not None:
                    span = match.start() + start, match.start() + number.end()
                    yield Mention(*span, Target("chapter", page, ""))


def _surname(person: Person) -> str:
    """Return a surname with its particles and without TeX, such as "van Hoof"."""
    return " ".join(str(part) for part in [*person.rich_prelast_names, *person.rich_last_names])


def paper_names(entry: Entry) -> set[str]:
    """Return how text may name the authors of a paper: "A", "A and B", "A, B & C" or "A et al."."""
    surnames = [_surname(person) for person in entry.persons.get("author", [])]
    if not surnames:
        return set()
    *others, last = surnames
    if not others:
        return {last}
    names = {f"{surnames[0]} et al."} if len(surnames) > 2 or last == "others" else set()
    if last != "others":
        names |= {f"{', '.join(others)}{comma} {word} {last}" for comma in ("", ",") for word in ("and", "&")}
    return names


class Papers:
    """The papers of a bibliography by authors and year; those that share both are not linked."""

    def __init__(self, entries: Iterable[tuple[Entry, Target]]):
        """Take each entry with its target."""
        all_targets: dict[tuple[str, str], set[Target]] = defaultdict(set)
        for entry, target in entries:
            for names in paper_names(entry):
                all_targets[names, entry.fields.get("year", "")].add(target)
        self._targets = {key: next(iter(targets)) for key, targets in all_targets.items() if len(targets) == 1}
        names = sorted({names for names, _ in self._targets}, key=len, reverse=True)
        spelled = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in names) or "(?!)"
        year = r"(?P<year>(?:19|20)\d\d)(?!\d)"
        inside = rf"\({year}(?P<rest>(?:,[^;()]*)?\))?"
        self._patterns = [
            re.compile(rf"(?<![\w-])(?P<names>{spelled})(?:['’]s)?,?\s+{year}"),
            re.compile(rf"(?<![\w-])(?P<names>{spelled})(?:['’]s)?\s+{inside}"),
            re.compile(rf"(?<=\(){year};\s+(?P<names>{spelled})(?=\))"),
        ]

    def find(self, text: str) -> Iterator[Mention]:
        """Yield each mention: authors and year, with the rest of the parentheses around the year."""
        for match in itertools.chain.from_iterable(pattern.finditer(text) for pattern in self._patterns):
            target = self._targets.get((" ".join(match["names"].split()), match["year"]))
            if target is not None:
                unclosed = match.groupdict().get("rest", "") is None
                yield Mention(match.start(), match.end("names") if unclosed else match.end(), target)


class Names:
    """The names of the package that inline code may mention, each as the end of a full name.

    `training.train` is a mention as well where it is `training.loop.train` that the package exports higher up.
    """

    _KINDS_WITHOUT_OWNER = ("class", "data", "exception", "function", "module")

    def __init__(self, objects: Iterable[tuple[str, str, Target]]):
        """Take the full name, the kind and the target of each object."""
        self._ends: dict[str, set[tuple[str, Target]]] = defaultdict(set)
        self._exported: dict[str, set[tuple[str, Target]]] = defaultdict(set)
        for name, kind, target in objects:
            parts = name.split(".")
            has_owner = kind not in self._KINDS_WITHOUT_OWNER
            for end in self._ends_of(parts, shortest=2 if has_owner else 1):
                self._ends[end].add((kind, target))
            if not has_owner:
                for depth in range(1, len(parts) - 1):
                    for end in self._ends_of([*parts[:depth], parts[-1]], shortest=2):
                        self._exported[end].add((kind, target))

    @staticmethod
    def _ends_of(parts: list[str], shortest: int) -> list[str]:
        """Return the ends of a dotted name that have at least so many parts."""
        return [".".join(parts[n:]) for n in range(len(parts) - shortest + 1)]

    def find(self, code: str) -> Target | None:
        """Return the target of a name, such as `causal_mask(4)` or `gpt.GPT`, or None if it is ambiguous.

        A single letter and a word in lower case (`X`, `train`) are often variables of the chapter: not linked.
        """
        match = re.fullmatch(r"([A-Za-z_]\w*(?:\.\w+)*)(\(.*\))?", code, re.DOTALL)
        if match is None or re.fullmatch(r"[A-Z]|[a-z]+\d*", code):
            return None
        named = self._ends.get(match[1]) or self._exported.get(match[1], set())
        if match[2]:
            named = {(kind, target) for kind, target in named if kind in ("class", "function", "method")}
        targets = {target for _, target in named}
        return targets.pop() if len(targets) == 1 else None
