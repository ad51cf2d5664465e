"""Scripts that extensions add to every page and that no page of this book needs."""

from docutils import nodes
from sphinx.application import Sphinx

_UNUSED = ("design-tabs.js",)  # tabs of sphinx-design, of which the book uses the grid


def _drop_unused(
    app: Sphinx, page: str, template: str, context: dict[str, object], doctree: nodes.document | None
) -> None:
    """Remove the unused scripts from one page."""
    context["script_files"] = [
        script for script in context.get("script_files", []) if not str(script.filename).endswith(_UNUSED)
    ]


def setup(app: Sphinx) -> dict[str, object]:
    """Connect after the extensions that add the scripts."""
    app.connect("html-page-context", _drop_unused, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
