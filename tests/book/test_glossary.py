"""The glossary: its terms are used in the book, are in order, and name the chapter, lab or page that treats them."""

import re
from pathlib import Path

import nbformat
import repository
from lecture21_book.mentions import term_forms

from lecture21.course.chapters import FOLDERS, questions

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "book" / "glossary.md"
# Terms of the lecture and of its subject that a student looks up.
EXPECTED = """
    ALiBi; all-to-all; ambiguity decomposition; attention sink; best-of-n; Bradley–Terry model; capacity; causal
    mask; direct preference optimization (DPO); expert choice; expert parallelism; gate; group-relative policy
    optimization (GRPO); grouped-query attention (GQA); in-context learning; Jensen's inequality; KL penalty; KV
    cache; load balancing loss; mixture of experts; multi-head latent attention (MLA); needle in a haystack;
    over-optimization; patch embedding; perplexity; position interpolation; prefix mask; proximal policy
    optimization (PPO); responsibility; reward model; RLHF; router; shared expert; sliding window; supervised
    fine-tuning (SFT); system-level safety; top-k; YaRN; z-loss
"""


def entries(text: str) -> dict[tuple[str, ...], str]:
    """The entries of a glossary: the names of a term, and its definition."""
    actual = {}
    for chunk in re.search(r"```\{glossary\}\n(.*?)```", text, re.DOTALL)[1].strip().split("\n\n"):
        names = [line for line in chunk.splitlines() if not line.startswith(" ")]
        actual[tuple(names)] = " ".join(chunk.split("\n", len(names))[-1].split())
    return actual


def pages() -> dict[str, str]:
    """The text of every chapter, lab, question and page, except for the glossary and the API."""
    actual = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("*.md") if path != GLOSSARY}
    for path in repository.notebooks():
        actual[path.stem] = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    for name in (*FOLDERS, questions.EXAM):
        actual[f"questions of {name}"] = str(questions.load(name))
    return actual


def unused(terms: list[tuple[str, ...]], texts: list[str]) -> list[str]:
    """The terms of which no text has a name."""
    missing = []
    for names in terms:
        forms = {form for name in names for form in term_forms(name)}
        spelled = "|".join(re.escape(form).replace(r"\ ", r"\s+") for form in forms)
        pattern = re.compile(rf"(?<![\w-])(?:{spelled})(?!\w)", re.IGNORECASE)
        if not any(pattern.search(text) for text in texts):
            missing.append(names[0])
    return missing


ENTRIES = entries(GLOSSARY.read_text(encoding="utf-8"))


def test_every_term_is_used_in_the_book():
    assert unused(list(ENTRIES), list(pages().values())) == []


def test_the_standard_terms_are_there():
    names = {name for names in ENTRIES for name in names}
    assert sorted({" ".join(term.split()) for term in EXPECTED.split(";")} - names) == []
