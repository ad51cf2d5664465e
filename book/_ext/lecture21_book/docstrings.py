"""Docstrings as napoleon should read them, and what parameters take: plain types in signatures, the rest in words."""

import inspect
import typing

from sphinx.application import Sphinx

from lecture21._support.contract import rule_of

_ALLOWED: dict[object, dict[str, str]] = {}
"""What the parameters of a function or the fields of a class may be, where their types do not say it."""


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


def _plain_types(app: Sphinx, obj: object, bound_method: bool) -> None:
    """Leave of the annotations of a function only types, which is what a signature shows."""
    _take_rules(obj, obj.__init__ if inspect.isclass(obj) else obj)


def _take_rules(owner: object, annotated: object) -> None:
    """Remember what annotations allow besides their types, and leave the types."""
    annotated = getattr(annotated, "__func__", annotated)
    found = annotated if inspect.isclass(annotated) else inspect.unwrap(annotated)
    if found in _ALLOWED or not hasattr(found, "__annotations__"):
        return
    try:
        full, plain = typing.get_type_hints(found, include_extras=True), typing.get_type_hints(found)
    except NameError:  # a type of an optional library, which only type checkers import
        return
    own = found.__annotations__
    _ALLOWED[found] = {
        name: rule_of(full[name]).words.replace("*", r"\*")
        for name in own
        if full[name] != plain[name] and rule_of(full[name])
    }
    if _ALLOWED[found]:
        found.__annotations__ = annotated.__annotations__ = {name: plain[name] for name in own}


def _say_what_is_allowed(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Add to a docstring what its parameters may be; a field of a class says it for itself."""
    if what == "class":
        _take_rules(obj, obj)
    if what == "attribute":
        owners = [each for each in _ALLOWED if name.startswith(f"{each.__module__}.{each.__qualname__}.")]
        allowed = {owner: _ALLOWED[owner].get(name.rpartition(".")[2]) for owner in owners if inspect.isclass(owner)}
        words = [f"Allowed: {each}." for each in allowed.values() if each]
    else:
        found = inspect.unwrap(obj) if callable(obj) and not inspect.isclass(obj) else None
        each = _ALLOWED.get(found, {}) if found else {}
        words = ["Allowed: " + "; ".join(f"``{name}`` {text}" for name, text in each.items()) + "."] if each else []
    if words:
        while lines and not lines[-1].strip():
            lines.pop()
        lines += ["", *words, ""]


def setup(app: Sphinx) -> dict[str, object]:
    """Connect before napoleon, which connects at the default priority of 500."""
    app.connect("autodoc-before-process-signature", _plain_types)
    app.connect("autodoc-process-docstring", _say_what_is_allowed, priority=300)
    app.connect("autodoc-process-docstring", _free_colons, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
