"""What running text mentions, found and linked in small documents."""

from typing import ClassVar

import pytest
from docutils import nodes
from docutils.utils import new_document
from lecture21_book import links, mentions
from lecture21_book.mentions import Target
from pybtex.database import parse_string

BIBLIOGRAPHY = r"""
@misc{vaswani2017, author = {Vaswani, Ashish and Shazeer, Noam and Parmar, Niki}, year = {2017}}
@misc{brown2020, author = {Brown, Tom B. and others}, year = {2020}}
@misc{krogh1995, author = {Krogh, Anders and Vedelsby, Jesper}, year = {1995}}
@misc{kool2019, author = {Kool, Wouter and van Hoof, Herke and Welling, Max}, year = {2019}}
@misc{buhlmann2003, author = {B{\"u}hlmann, Peter and Yu, Bin}, year = {2003}}
@misc{breiman1996, author = {Breiman, Leo}, year = {1996}}
@misc{openai2023a, author = {{OpenAI}}, year = {2023}}
@misc{openai2023b, author = {{OpenAI}}, year = {2023}}
"""
ENTRIES = (
    *("mask", "causal mask", "query", "loss", "entropy", "nat", "GPT-0"),
    *("mixture of experts", "byte-pair encoding (BPE)", "pre-norm, post-norm"),
)
TERMS = mentions.Terms({name: Target("term", "glossary", name) for name in ENTRIES})
CHAPTERS = mentions.Chapters({2: "notebooks/02_b", 3: "notebooks/03_c", 4: "notebooks/04_d", 12: "notebooks/12_l"})
PAPERS = mentions.Papers(
    (entry, Target("paper", "bibliography", key)) for key, entry in parse_string(BIBLIOGRAPHY, "bibtex").entries.items()
)
NAMES = mentions.Names(
    (f"lecture21.{name}", kind, Target("code", "api", name))
    for name, kind in (
        ("attention", "module"),
        ("attention.attention", "function"),
        ("attention.causal_mask", "function"),
        ("gpt.GPT", "class"),
        ("gpt.GPT.loss", "method"),
        ("gpt.GPT.n_head", "attribute"),
        ("config.GPTConfig", "class"),
        ("bpe.train", "function"),
        ("training.loop.train", "function"),
        ("pencil.X", "data"),
    )
)


def mentions_in(finder, text: str) -> list[tuple[str, str]]:
    """Return the words of each mention in a text, with the end of its target."""
    return [(text[m.start : m.end], m.target.anchor or m.target.docname) for m in finder.find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A causal mask.", [("causal mask", "causal mask")]),
        ("Causal\nmasks and the mask", [("Causal\nmasks", "causal mask"), ("mask", "mask")]),
        ("queries, losses, entropies", [("queries", "query"), ("losses", "loss"), ("entropies", "entropy")]),
        ("two mixtures of experts", [("mixtures of experts", "mixture of experts")]),
        ("BPE, or Byte-pair encoding", [(form, "byte-pair encoding (BPE)") for form in ("BPE", "Byte-pair encoding")]),
        ("with post-norm", [("post-norm", "pre-norm, post-norm")]),
        ("GPT-0’s loss", [("GPT-0", "GPT-0"), ("loss", "loss")]),
        ("a mask’s shape", [("mask", "mask")]),
        ("masked, unmask, mask-free, cross-entropy, nature, GPT-00, LOSS, bpe", []),
    ],
)
def test_terms_are_found_as_whole_words_in_plural_and_capitalised(text: str, expected: list[tuple[str, str]]):
    assert mentions_in(TERMS, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see chapter 04.", [("chapter 04", "notebooks/04_d")]),
        ("Chapter 4 and chapter\n12", [("Chapter 4", "notebooks/04_d"), ("chapter\n12", "notebooks/12_l")]),
        ("chapters 02 to 04", [("chapters 02", "notebooks/02_b"), ("04", "notebooks/04_d")]),
        (
            "Chapters 02, 03 and 12 say",
            [("Chapters 02", "notebooks/02_b"), ("03", "notebooks/03_c"), ("12", "notebooks/12_l")],
        ),
        ("chapters 03 and 09", [("chapters 03", "notebooks/03_c")]),
        ("chapter 99, a subchapter 04, 04, chapter four, Python, 3rd ed., chapter 12", []),
    ],
)
def test_chapters_are_found_where_they_exist(text: str, expected: list[tuple[str, str]]):
    assert mentions_in(CHAPTERS, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Vaswani et al. (2017) showed", [("Vaswani et al. (2017)", "vaswani2017")]),
        ("(Vaswani et al. 2017, section 5.1)", [("Vaswani et al. 2017", "vaswani2017")]),
        ("Vaswani et al. (2017, table 1) sum", [("Vaswani et al. (2017, table 1)", "vaswani2017")]),
        ("Vaswani et al. (2017; and see 3)", [("Vaswani et al.", "vaswani2017")]),
        ("(2017; Vaswani et al.)", [("2017; Vaswani et al.", "vaswani2017")]),
        ("Vaswani, Shazeer and\nParmar (2017)", [("Vaswani, Shazeer and\nParmar (2017)", "vaswani2017")]),
        ("Brown et al. 2020", [("Brown et al. 2020", "brown2020")]),
        ("Krogh & Vedelsby 1995", [("Krogh & Vedelsby 1995", "krogh1995")]),
        ("Krogh and Vedelsby’s, 1995", [("Krogh and Vedelsby’s, 1995", "krogh1995")]),
        ("Kool, van Hoof & Welling 2019", [("Kool, van Hoof & Welling 2019", "kool2019")]),
        ("Bühlmann and Yu 2003", [("Bühlmann and Yu 2003", "buhlmann2003")]),
        ("which is what Breiman (1996) averages", [("Breiman (1996)", "breiman1996")]),
        ("Vaswani et al. 2018; Krogh et al. 1995; Vaswani 2017; Breiman 19967; Breiman", []),
        ("OpenAI 2023", []),
    ],
)
def test_papers_are_found_by_authors_and_year_unless_two_share_them(text: str, expected: list[tuple[str, str]]):
    assert mentions_in(PAPERS, text) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("causal_mask", "attention.causal_mask"),
        ("causal_mask(4)", "attention.causal_mask"),
        ("attention.causal_mask", "attention.causal_mask"),
        ("lecture21.attention", "attention"),
        ("lecture21.attention.attention", "attention.attention"),
        ("attention(q, k, v)", "attention.attention"),
        ("GPT", "gpt.GPT"),
        ("GPT(GPTConfig())", "gpt.GPT"),
        ("GPT.loss", "gpt.GPT.loss"),
        ("loop.train", "training.loop.train"),
        ("training.train", "training.loop.train"),
        ("lecture21.training.train(model)", "training.loop.train"),
    ],
)
def test_names_of_the_package_are_found(code: str, expected: str):
    assert NAMES.find(code) == Target("code", "api", expected)


@pytest.mark.parametrize(
    "code",
    [
        *(
            "attention",
            "train",
            "train(x)",
            "lecture21.train",
            "loss",
            "n_head",
            "X",
            "x = GPT()",
            "",
            "GPT(",
            "gpt.py",
        ),
        *("model.loss(ids)", "torch.attention", "GPT.n_layer"),
    ],
)
def test_ambiguous_and_foreign_names_are_left_alone(code: str):
    assert NAMES.find(code) is None


class Environment:
    """The parts of Sphinx's environment and builder that the transform uses."""

    objects: ClassVar = {}

    def __init__(self, docname: str):
        self.docname = docname
        self.app = self.builder = self

    def get_domain(self, name: str) -> "Environment":
        return self

    def get_relative_uri(self, start: str, end: str) -> str:
        return f"{end}.html"


def linked(*children: nodes.Node, docname: str = "page") -> nodes.document:
    """Return a document of these nodes after the transform."""
    document = new_document("page")
    document += list(children)
    document.settings.env = Environment(docname)
    links.LinkMentions(document).link(links.Finders(TERMS, CHAPTERS, PAPERS, NAMES))
    return document


def addresses(document: nodes.document) -> list[tuple[str, str]]:
    """Return the text and the address of each link."""
    return [(link.astext(), link["refuri"]) for link in document.findall(nodes.reference)]


def paragraph(*children: str | nodes.Node) -> nodes.paragraph:
    """Return a paragraph of texts and nodes."""
    return nodes.paragraph("", "", *(nodes.Text(child) if isinstance(child, str) else child for child in children))


def test_a_term_is_linked_once_and_a_chapter_each_time_and_the_text_stays():
    text = "The causal mask of chapter 04, a mask, and a causal mask as in chapter 04."
    document = linked(paragraph(text), paragraph("One more mask."))
    assert addresses(document) == [
        ("causal mask", "glossary.html#causal mask"),
        ("chapter 04", "notebooks/04_d.html"),
        ("mask", "glossary.html#mask"),
        ("chapter 04", "notebooks/04_d.html"),
    ]
    assert document.astext() == f"{text}\n\nOne more mask."


def test_a_mention_may_span_lines_and_contain_markup():
    document = linked(paragraph("a causal", "\n", "mask ", nodes.strong("", "Mask"), " (Breiman", "\n", "1996)"))
    assert [text for text, _ in addresses(document)] == ["causal\nmask", "Mask", "Breiman\n1996"]


@pytest.mark.parametrize(
    "untouched",
    [
        nodes.title("", "The mask of chapter 04"),
        nodes.paragraph("", "", nodes.reference("", "mask", refuri="x")),
        nodes.paragraph("", "", nodes.math("", "mask")),
        nodes.literal_block("", "mask, Breiman 1996"),
        nodes.container("", nodes.paragraph("", "mask"), classes=["cell_output"]),
        nodes.caption("", "mask"),
    ],
    ids=lambda node: type(node).__name__,
)
def test_headings_links_formulas_code_and_output_stay_as_they_are(untouched: nodes.Node):
    before = untouched.pformat()
    assert linked(untouched, paragraph("no more")).children[0].pformat() == before


def test_inline_code_is_linked_once():
    document = linked(paragraph(nodes.literal("", "causal_mask"), " and ", nodes.literal("", "causal_mask")))
    assert addresses(document) == [("causal_mask", "api.html#attention.causal_mask")]
    assert len(list(document.findall(nodes.literal))) == 2


def test_a_term_of_a_folded_answer_is_linked_again_where_it_is_visible():
    fold = nodes.raw("", "<details><summary>Answer</summary>", format="html")
    end = nodes.raw("", "</details>", format="html")
    document = linked(fold, paragraph("a mask, a mask"), end, paragraph("the mask, a mask"))
    assert len(addresses(document)) == 2
    assert [node.parent.astext()[:4] for node in document.findall(nodes.reference)] == ["a ma", "the "]


def test_a_chapter_does_not_link_to_itself_nor_the_glossary_to_its_terms():
    assert addresses(linked(paragraph("chapter 04, chapter 03"), docname="notebooks/04_d")) == [
        ("chapter 03", "notebooks/03_c.html")
    ]
    assert addresses(linked(paragraph("a mask"), docname="glossary")) == []
