"""Pages as plain text for search results, page descriptions and previews."""

import functools
import re
from collections.abc import Iterator

from docutils import nodes
from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db
from pylatexenc.latexwalker import LatexGroupNode
from sphinx import addnodes

# Nodes that are left out: code and its output, markup of other formats, pictures, the index.
_LEFT_OUT = (
    nodes.comment,
    nodes.image,
    nodes.literal_block,
    nodes.raw,
    nodes.system_message,
    addnodes.index,
    addnodes.toctree,
)


def _fraction(node: object, l2tobj: LatexNodes2Text) -> str:
    """Return a fraction on one line, with parentheses where they are needed; the library sets the arguments' names."""
    arguments = node.nodeargd.argnlist
    groups = [each.nodelist if each.isNodeType(LatexGroupNode) else [each] for each in arguments]
    parts = [l2tobj.nodelist_to_text(group).strip() for group in groups]
    simple = r"[\w.]*(\([^()]*\))?"
    return "/".join(part if re.fullmatch(simple, part) else f"({part})" for part in parts)


@functools.cache
def _converter() -> LatexNodes2Text:
    """Return the converter from TeX to Unicode."""
    macros = get_default_latex_context_db()
    macros.add_context_category("fractions", prepend=True, macros=[MacroTextSpec("frac", simplify_repl=_fraction)])
    return LatexNodes2Text(
        latex_context=macros, math_mode="text", strict_latex_spaces="based-on-source", keep_braced_groups=True
    )


def _without_braces(match: re.Match) -> str:
    """Return a group without its braces, in parentheses where it is more than a word above or below the line."""
    script, group = match.groups()
    return f"{script}({group})" if script and re.search(r"\W", group) else f"{script}{group}"


@functools.cache
def tex_as_text(tex: str) -> str:
    """Return a formula as a line of Unicode, such as `softmax(q·k/√(d_k))`."""
    tex = re.sub(r"\\[td]frac(?![a-zA-Z])", r"\\frac", tex)
    text = _converter().latex_to_text(re.sub(r"(\\(?:exp|ln|log))\\", r"\1~\\", tex))
    while "{" in text and (plainer := re.sub(r"([_^]?)\{([^{}]*)\}", _without_braces, text)) != text:
        text = plainer
    return " ".join(re.sub(r"[\\{}$]", "", text).split())


def _pieces(node: nodes.Node, skip: tuple[type, ...]) -> Iterator[str]:
    """Yield the text below a node, piece by piece, without what is left out or folded."""
    folds = 0
    for child in node.children:
        if isinstance(child, nodes.raw):
            folds += child.astext().count("<details") - child.astext().count("</details")
        if folds > 0 or isinstance(child, (*_LEFT_OUT, *skip)):
            continue
        if isinstance(child, nodes.Text):
            yield child.astext()
        elif isinstance(child, nodes.math | nodes.math_block):
            yield tex_as_text(child.astext())
        else:
            yield from _pieces(child, skip)
        if not isinstance(child, nodes.Inline | nodes.Text):
            yield " "


def plain_text(node: nodes.Node, skip: tuple[type, ...] = ()) -> str:
    """Return the text of a node on one line, formulas in Unicode; no code, pictures, folds and types of `skip`."""
    return " ".join("".join(_pieces(node, skip)).split())


def shorten(text: str, width: int) -> str:
    """Return the text, cut between words to at most `width` characters."""
    if len(text) <= width:
        return text
    return text[: width - 1].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"
