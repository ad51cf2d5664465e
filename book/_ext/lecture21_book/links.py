"""Links from running text to the glossary, the chapters, the bibliography and the API pages, made when a page is built.

The sources stay plain text, which reads the same in Jupyter and on Colab.
"""

import functools
import itertools
from collections import defaultdict
from collections.abc import Iterable

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

from .chapters import chapters
from .mentions import Chapters, Mention, Names, Papers, Target, Terms

# Text in these nodes is left unchanged: headings, code, formulas, signatures, and existing links.
_UNTOUCHED = (
    addnodes.desc_signature,
    addnodes.pending_xref,
    nodes.FixedTextElement,
    nodes.caption,
    nodes.citation,
    nodes.field_name,
    nodes.label,
    nodes.literal,
    nodes.math,
    nodes.raw,
    nodes.reference,
    nodes.rubric,
    nodes.system_message,
    nodes.term,
    nodes.thead,
    nodes.title,
)
# The classes that Sphinx itself gives to such links, so that both look alike.
_CLASSES = {"term": ["xref", "std", "std-term"], "chapter": ["doc"], "paper": ["xref", "cite"], "code": ["xref", "py"]}


class Finders:
    """What running text can mention in one book."""

    def __init__(self, terms: Terms, chapters: Chapters, papers: Papers, names: Names):
        """Take the four finders."""
        self._in_text = (papers, chapters, terms)
        self.names = names

    def find(self, text: str) -> list[Mention]:
        """Return the mentions in a text in order; where two overlap, a paper goes before a chapter and a term."""
        kept: list[Mention] = []
        for mention in itertools.chain.from_iterable(finder.find(text) for finder in self._in_text):
            if all(mention.end <= other.start or other.end <= mention.start for other in kept):
                kept.append(mention)
        return sorted(kept)


@functools.lru_cache(maxsize=1)
def finders(env: BuildEnvironment) -> Finders:
    """Return the finders of a book, filled from what Sphinx has collected."""
    by_hand = set(env.config.terms_linked_by_hand)
    terms = {
        name: Target("term", docname, anchor)
        for (kind, name), (docname, anchor) in env.get_domain("std").objects.items()
        if kind == "term" and name not in by_hand
    }
    papers = [
        (citation.entry, Target("paper", citation.bibliography_key.docname, citation.citation_id))
        for citation in env.get_domain("cite").citations
    ]
    names = [
        (name, entry.objtype, Target("code", entry.docname, entry.node_id))
        for name, entry in env.get_domain("py").objects.items()
        if not entry.aliased
    ]
    return Finders(Terms(terms), Chapters(chapters(env)), Papers(papers), Names(names))


def _merge_text(document: nodes.document) -> None:
    """Join the pieces of text that the parser made of several lines, so that a mention may cross a line break."""
    for parent in {node.parent for node in document.findall(nodes.Text)}:
        joined: list[nodes.Node] = []
        for child in parent.children:
            if joined and isinstance(child, nodes.Text) and isinstance(joined[-1], nodes.Text):
                joined[-1] = nodes.Text(joined[-1] + child)
            else:
                joined.append(child)
        parent.children = []
        parent.extend(joined)


def _is_untouched(node: nodes.Node) -> bool:
    """Return whether a node is inside a node whose text is left unchanged."""
    parent = node.parent
    while parent is not None:
        if isinstance(parent, _UNTOUCHED) or "cell_output" in getattr(parent, "attributes", {}).get("classes", ()):
            return True
        parent = parent.parent
    return False


class LinkMentions(SphinxPostTransform):
    """Link terms and names where a page first mentions them, chapters and papers wherever it does."""

    default_priority = 8  # before the references are resolved: links written by hand are still told apart
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        self.link(finders(self.env))

    def link(self, finders: Finders) -> None:
        """Link what these finders recognize in the document."""
        self._finders = finders
        self._seen: dict[bool, set[Target]] = defaultdict(set)
        self._seen[False] = set(self._linked_by_hand())
        _merge_text(self.document)
        folds = 0
        for node in list(self.document.findall(self._matters)):
            if isinstance(node, nodes.raw):
                folds += node.astext().count("<details") - node.astext().count("</details")
            elif not _is_untouched(node):
                self._replace(node, folded=folds > 0)

    @staticmethod
    def _matters(node: nodes.Node) -> bool:
        return isinstance(node, nodes.Text | nodes.literal | nodes.raw)

    def _linked_by_hand(self) -> Iterable[Target]:
        """Yield the terms that the page links itself."""
        objects = self.env.get_domain("std").objects
        for node in self.document.findall(addnodes.pending_xref):
            if node["reftype"] == "term" and ("term", node["reftarget"]) in objects:
                yield Target("term", *objects["term", node["reftarget"]])

    def _wanted(self, target: Target, folded: bool) -> bool:
        """Return whether to link a mention, and remember it; a first mention inside a folded answer does not count."""
        if (target.docname, target.anchor) == (self.env.docname, ""):
            return False
        if target.kind in ("chapter", "paper"):
            return True
        if target.kind == "term" and target.docname == self.env.docname:
            return False
        if target in self._seen[False] or (folded and target in self._seen[True]):
            return False
        self._seen[folded].add(target)
        return True

    def _replace(self, node: nodes.Text | nodes.literal, folded: bool) -> None:
        """Put links in place of the mentions of one node."""
        parent = node.parent
        if isinstance(node, nodes.literal):
            target = self._finders.names.find(node.astext())
            if target is not None and self._wanted(target, folded):
                parent.replace(node, self._link(target, node))
            return
        text = node.astext()
        pieces: list[nodes.Node] = []
        end = 0
        for mention in self._finders.find(text):
            if self._wanted(mention.target, folded):
                words = text[mention.start : mention.end]
                inner = nodes.inline("", words, classes=_CLASSES[mention.target.kind])
                pieces += [nodes.Text(text[end : mention.start]), self._link(mention.target, inner)]
                end = mention.end
        if pieces:
            parent.replace(node, [*pieces, nodes.Text(text[end:])])

    def _link(self, target: Target, inner: nodes.Node) -> nodes.reference:
        """Return a link with the class `to-term`, `to-chapter`, `to-paper` or `to-code`."""
        link = make_refnode(self.app.builder, self.env.docname, target.docname, target.anchor, inner.deepcopy())
        link["classes"].append(f"to-{target.kind}")
        return link


def setup(app: Sphinx) -> dict[str, object]:
    """Register the transform, and the list of terms that are too common a word to be linked at each first use."""
    app.add_config_value("terms_linked_by_hand", [], "env", [list])
    app.add_post_transform(LinkMentions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
