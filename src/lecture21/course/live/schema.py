"""The fields of a GPT's configuration, as the engine of the figures checks them: `engine/schema.js`.

Usage: python -m lecture21.course.live.schema     write the file again, after a change of GPTConfig or MoEConfig
"""

import json
import re
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from lecture21.gpt.config import GPTConfig
from lecture21.moe import MoEConfig

FILE = Path(__file__).with_name("engine") / "schema.js"
_KINDS = {int: "number", float: "number", bool: "boolean", str: "string"}


def schema(kind: type) -> dict[str, dict[str, Any]]:
    """Return for each field of a configuration its default, the JavaScript type, and the words that are allowed."""
    found = {}
    for field in fields(kind):
        given = get_type_hints(kind)[field.name]
        types = get_args(given) or (given,)
        found[field.name] = {"start": field.default, "kind": _KINDS.get(types[0], "object")}
        if NoneType in types:
            found[field.name]["optional"] = True
        if types == (str,):
            found[field.name]["words"] = _words(kind, field.name)
    return found


def _words(kind: type, name: str) -> list[str]:
    """Return what a field may be: its error says so."""
    try:
        kind(**{name: "?"})
    except ValueError as error:
        return re.fullmatch(rf"{name} must be one of (.+), got '\?'", str(error))[1].split(", ")
    raise AssertionError(f"{kind.__name__} accepts any {name}")


def text() -> str:
    """Return the module with both schemas."""
    lines = ["// Written by `python -m lecture21.course.live.schema` from GPTConfig and MoEConfig: change those.", ""]
    lines += ["/** @typedef {{start: unknown, kind: string, optional?: boolean, words?: unknown[]}} Field */"]
    for name, kind in {"GPT": GPTConfig, "SPARSE": MoEConfig}.items():
        rows = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in schema(kind).items()]
        lines += ["", "// prettier-ignore", f"export const {name} = /** @type {{Record<string, Field>}} */ ({{"]
        lines += [*rows, "});"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
