"""What the book needs from Sphinx and no packaged extension gives."""

import contextlib
import io
import os
from unittest import mock

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def free_colons(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep napoleon from reading the words before a colon as a type where ours are prose; the hints give the type.

    It does so in the first line of "Returns:" and of an attribute's docstring. An empty type in front stops it.
    """
    starts = [n + 1 for n, line in enumerate(lines[:-1]) if line.strip() == "Returns:"]
    if what in ("attribute", "data", "property") and lines:
        starts.append(0)
    for n in starts:
        text = lines[n].lstrip()
        if ":" in text:
            lines[n] = " " * (len(lines[n]) - len(text)) + ": " + text


def jupyter_slug(title: str) -> str:
    """Return the anchor that Jupyter gives a heading, so that one link works there and in the book."""
    return title.replace(" ", "-")


class CommandHelp(SphinxDirective):
    """Show what `lecture21 COMMAND --help` prints, asked when the book is built."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the help as a literal block."""
        from lecture21.cli import main

        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), mock.patch.dict(os.environ, {"COLUMNS": "80"}):
            main([*self.arguments, "--help"])
        text = printed.getvalue().strip()
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Sphinx) -> dict[str, object]:
    """Register with Sphinx; before napoleon, which connects at the default priority of 500."""
    app.connect("autodoc-process-docstring", free_colons, priority=400)
    app.add_directive("command-help", CommandHelp)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
