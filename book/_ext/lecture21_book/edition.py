"""The edition of the book: the version in the footer, a BibTeX entry, and links to the files beside a published one."""

import os
import re
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective


def _read_version(app: Sphinx, config: Config) -> None:
    """Take the version from pyproject.toml, which is where it is changed."""
    project = tomllib.loads(Path(app.confdir, "pyproject.toml").read_text(encoding="utf-8"))["project"]
    config.version = config.release = project["version"]


def bibtex(title: str, author: str, year: str, version: str, address: str) -> str:
    """Return the BibTeX entry of the book; `address` may be empty."""
    fields = {
        "author": f"{{{author}}}",
        "title": re.sub(r"\b([A-Z]\w*[A-Z]\w*)", r"{\1}", title),
        "year": year,
        "version": version,
        "url": address,
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return "@book{lecture21,\n" + ",\n".join(lines) + "\n}"


class _CiteThisBook(SphinxDirective):
    """Show the BibTeX entry of this edition."""

    def run(self) -> list[nodes.Node]:
        """Return the entry as a literal block."""
        config = self.config
        entry = bibtex(
            config.html_title, config.author, config.copyright, f"lecture21 {config.release}", config.html_baseurl
        )
        return [nodes.literal_block(entry, entry, language="bibtex")]


# What `make site` puts beside the first page; no other build has these files.
_DOWNLOADS = (
    '<p class="downloads">To keep: <a href="{root}lecture21.pdf">the book as one PDF</a> · '
    '<a href="{root}lecture21-offline.zip">all pages, to read offline</a></p>'
)
_KEEP = '<div class="keep-book"></div>'  # for _static/offline.js


class _Downloads(SphinxDirective):
    """Offer to keep the book: on the device, and as files in a build that will have them (LECTURE21_SITE is set)."""

    def run(self) -> list[nodes.Node]:
        """Return the button's place, and a paragraph."""
        root = "../" * self.env.docname.count("/")
        links = _DOWNLOADS.format(root=root) if os.environ.get("LECTURE21_SITE") else ""
        return [nodes.raw("", links + _KEEP, format="html")]


def setup(app: Sphinx) -> dict[str, object]:
    """Read the version and register the directives."""
    app.connect("config-inited", _read_version)
    app.add_directive("cite-this-book", _CiteThisBook)
    app.add_directive("downloads", _Downloads)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
