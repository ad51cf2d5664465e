"""Formulas, typeset when the book is built: pages need no MathJax script, only its style sheet and fonts.

The script, its fonts and its data are those of the package sphinx-mathjax-offline; V8 (mini-racer) runs it.
"""

import functools
import importlib.util
import shutil
from pathlib import Path

from docutils import nodes
from py_mini_racer import MiniRacer
from sphinx.application import Sphinx
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

_SCRIPTS = [
    "loader.js",
    "core.js",
    "adaptors/liteDOM.js",
    "input/tex.js",
    "output/chtml.js",
    "output/chtml/fonts/tex.js",
    "a11y/assistive-mml.js",
]
_logger = logging.getLogger(__name__)

_FONTS = "output/chtml/fonts/woff-v2"

# Text and mathematics match for the usual system fonts, whose letters are larger than TeX's.
_SCALE = 1.18

# A formula in a line of text with more characters than this scrolls on a phone; shorter ones always fit.
_LONG = 20

_SETUP = """
const adaptor = MathJax._.adaptors.liteAdaptor.liteAdaptor();
MathJax._.a11y["assistive-mml"].AssistiveMmlHandler(MathJax._.handlers.html_ts.RegisterHTMLHandler(adaptor));
const output = new MathJax._.output.chtml_ts.CHTML({
  font: new MathJax._.output.chtml.fonts.tex_ts.TeXFont({ fontURL: "mathjax" }),
  adaptiveCSS: true,
  matchFontHeight: false,
  scale: SCALE,
});
const input = new MathJax._.input.tex_ts.TeX({ packages: ["base", "ams", "newcommand", "configmacros"] });
const page = MathJax._.mathjax.mathjax.document("", { InputJax: input, OutputJax: output });
const typeset = (tex, display) => adaptor.outerHTML(page.convert(tex, { display }));
const styleSheet = () => adaptor.textContent(output.styleSheet(page));
"""


def _mathjax() -> Path:
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    return Path(spec.submodule_search_locations[0]) / "static" / "mathjax"


@functools.cache
def _engine() -> MiniRacer:
    engine = MiniRacer()
    engine.eval("var MathJax = { loader: { load: [] } };")
    for script in _SCRIPTS:
        engine.eval((_mathjax() / script).read_text(encoding="utf-8") + ";0")
    engine.eval(_SETUP.replace("SCALE", str(_SCALE)) + ";0")
    return engine


@functools.cache
def typeset(tex: str, display: bool) -> str:
    """Return the HTML of a formula, with MathML for screen readers."""
    html = _engine().call("typeset", tex, display)
    return html.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")  # HTML knows the namespace of <math>


def style_sheet() -> str:
    """Return the style sheet for the formulas that have been typeset so far."""
    return _engine().call("styleSheet")


def _html(node: nodes.math | nodes.math_block) -> str:
    tex = node.astext()
    if isinstance(node, nodes.math):
        return typeset(tex, display=False)
    if r"\\" in tex and not node["nowrap"]:
        tex = rf"\begin{{split}}{tex}\end{{split}}"  # Sphinx supports line breaks in every displayed formula
    return typeset(tex, display=True)


def _checked_html(node: nodes.math | nodes.math_block) -> str:
    html = _html(node)
    if "<mjx-merror" in html:
        _logger.warning("MathJax cannot typeset this formula: %s", node.astext(), location=node)
    return html


def _visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    html = _checked_html(node)
    long = " long" if html.count("<mjx-c ") > _LONG else ""
    self.body.append(self.starttag(node, "span", "", CLASS=f"math notranslate nohighlight{long}"))
    self.body.append(html + "</span>")
    raise nodes.SkipNode


def _visit_display(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append(_checked_html(node) + "</div>\n")
    raise nodes.SkipNode


def _is_formula(node: nodes.Node) -> bool:
    return isinstance(node, nodes.math | nodes.math_block)


def _write_assets(app: Sphinx, exception: Exception | None) -> None:
    """Write the fonts, and the style sheet of all formulas of the book, also of pages that were not built again."""
    if exception or app.builder.format != "html":
        return
    for name in app.env.all_docs:
        for node in app.env.get_doctree(name).findall(_is_formula):
            _html(node)
    static = Path(app.outdir) / "_static"
    shutil.copytree(_mathjax() / _FONTS, static / "mathjax", dirs_exist_ok=True)
    (static / "mathematics.css").write_text(style_sheet(), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the renderer; _config.yml chooses it (html_math_renderer)."""
    app.add_html_math_renderer("typeset", (_visit_inline, None), (_visit_display, None))
    app.add_css_file("mathematics.css")
    app.connect("build-finished", _write_assets)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
