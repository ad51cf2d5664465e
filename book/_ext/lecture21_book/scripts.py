"""Scripts in the head of pages: without those that no page needs, and with one that chooses the colours early."""

from docutils import nodes
from sphinx.application import Sphinx

_UNUSED = ("design-tabs.js", "sphinx_highlight.js")  # the book uses the grid of sphinx-design, and its own search

# The theme chooses its colours after the page is drawn and then styles every element again; this does it before.
_CHOOSE_COLOURS = """{
  const root = document.documentElement;
  const mode = localStorage.getItem("mode") || "auto";
  const dark = mode === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : mode === "dark";
  root.dataset.mode = mode;
  root.dataset.theme = dark ? "dark" : "light";
}"""


def _drop_unused(
    app: Sphinx, page: str, template: str, context: dict[str, object], doctree: nodes.document | None
) -> None:
    """Remove the unused scripts from one page."""
    context["script_files"] = [
        script for script in context.get("script_files", []) if not str(script.filename or "").endswith(_UNUSED)
    ]


def setup(app: Sphinx) -> dict[str, object]:
    """Connect after the extensions that add scripts."""
    app.add_js_file(None, body=_CHOOSE_COLOURS, priority=0)
    app.connect("html-page-context", _drop_unused, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
