"""The directive `command-help`."""

import contextlib
import io
import os
from unittest import mock

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class _CommandHelp(SphinxDirective):
    """Show what `lecture21 COMMAND --help` prints when the book is built."""

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
    """Register the directive."""
    app.add_directive("command-help", _CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
