"""The path: the sections below the heading "The path" of the landing page, of which path.js shows one at a time."""

from docutils import nodes
from sphinx.application import Sphinx


def _add_script(
    app: Sphinx, page: str, template: str, context: dict[str, object], doctree: nodes.document | None
) -> None:
    if page == app.config.root_doc:
        app.add_js_file("path.js", defer="defer")


def setup(app: Sphinx) -> dict[str, object]:
    """Give the script to the landing page."""
    app.connect("html-page-context", _add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
