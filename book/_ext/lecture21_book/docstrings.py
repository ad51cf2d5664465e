"""Docstrings as napoleon should read them."""

from sphinx.application import Sphinx


def _free_colons(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep napoleon from parsing prose before a colon as a type; type hints give the types here.

    It does so in the first line of "Returns:" and of an attribute's docstring. An empty type in front prevents it.
    """
    starts = [n + 1 for n, line in enumerate(lines[:-1]) if line.strip() == "Returns:"]
    if what in ("attribute", "data", "property") and lines:
        starts.append(0)
    for n in starts:
        text = lines[n].lstrip()
        if ":" in text:
            lines[n] = " " * (len(lines[n]) - len(text)) + ": " + text


def setup(app: Sphinx) -> dict[str, object]:
    """Connect before napoleon, which connects at the default priority of 500."""
    app.connect("autodoc-process-docstring", _free_colons, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
