"""The glossary: its terms are used in the book, are in order, and name the chapter, lab or page that treats them."""

import re
from pathlib import Path

import nbformat
import pytest
import repository
from lecture21_book.mentions import term_forms

from lecture21.chapters import FOLDERS, questions

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
TEXTS = pages()
# Terms whose subject a chapter treats in other words.
OTHER_WORDS = {
    "autoregressive", "Bradley–Terry model", "compute-optimal", "context length", "cosine schedule", "denoising",
    "early stopping", "encoder memory", "generalization", "gradient clipping", "hierarchical mixture of experts",
    "Kneser–Ney smoothing", "Kullback–Leibler divergence", "learned position embedding", "learning rate schedule",
    "load balancing", "majority vote", "maximum likelihood", "padding mask", "reference model", "router collapse",
    "vanishing gradient",
}  # fmt: skip


def test_every_term_is_used_in_the_book():
    assert unused(list(ENTRIES), list(pages().values())) == []


def test_the_standard_terms_are_there():
    names = {name for names in ENTRIES for name in names}
    assert sorted({" ".join(term.split()) for term in EXPECTED.split(";")} - names) == []


def test_entries_are_in_alphabetical_order():
    first = [names[0].casefold() for names in ENTRIES]
    assert first == sorted(first)


@pytest.mark.parametrize("names", ENTRIES, ids=lambda names: names[0])
def test_a_definition_is_short_and_ends_with_what_treats_it(names: tuple[str, ...]):
    definition = ENTRIES[names]
    ending = re.search(r"[.)] (?:Chapter (\d\d)|\[[^\]]+\]\(([^)]+)\))\.$", definition)
    assert ending, definition
    if ending[1]:
        (path,) = (ROOT / "notebooks").glob(f"{ending[1]}_*.ipynb")
    else:
        path = (GLOSSARY.parent / ending[2]).resolve()
    assert path.exists()
    if names[0] not in OTHER_WORDS:
        texts = [text for name, text in TEXTS.items() if name in (path.stem, f"questions of {path.stem[:2]}")]
        assert unused([names], texts) == [], path.stem
    assert len(definition.split()) <= 65


def test_the_check_reports_a_term_that_no_page_uses():
    terms = [("causal mask",), ("byte-pair encoding (BPE)",), ("flux capacitor", "flux")]
    assert unused(terms, ["Causal masks are", "BPE; influx"]) == ["flux capacitor"]
