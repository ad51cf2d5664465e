"""Pages that the build writes, so that no copy of them is kept: the gallery of mistakes, the exam, the API pages."""

from pathlib import Path

import yaml
from sphinx.application import Sphinx
from sphinx.config import Config

from . import api, exam, gallery

API = "book/api"


def pages(root: Path) -> dict[str, str]:
    """Return the text of each generated page of the book in `root`, by its path without a suffix.

    Only the pages that the table of contents names: a small book may do without them.
    """
    contents = (root / "_toc.yml").read_text(encoding="utf-8")
    written = {}
    if "book/mistakes" in contents:
        written["book/mistakes"] = gallery.page()
    if "book/exam" in contents:
        written["book/exam"] = exam.page(root, yaml.safe_load(contents))
    if API in contents:
        written |= {f"{API}/{name}": text for name, text in api.pages(root).items()}
    return written


def write(root: Path) -> None:
    """Write the pages that have changed, and delete API pages of modules that are gone."""
    written = {root / f"{name}.md": text for name, text in pages(root).items()}
    for path in (root / API).glob("*.md"):
        if path not in written:
            path.unlink()
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:  # an unchanged page is not built again
            path.write_text(text, encoding="utf-8")


def _write(app: Sphinx, config: Config) -> None:
    """Write the pages before sphinx_external_toc and Sphinx list the sources."""
    write(Path(app.srcdir))


def setup(app: Sphinx) -> dict[str, object]:
    """Connect to the first event of a build."""
    app.connect("config-inited", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
