"""Join ES modules into one text, so that a figure is a single file in the page and in Jupyter.

The modules are written in a subset of JavaScript's module syntax, which needs no parser: imports of names from relative
paths at the top of a file, and exports in front of a function, a class or a constant. Each module becomes a function
that returns its exports, so that names of different modules do not meet.
"""

import base64
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent
SHARED = ("kit", "engine")
"""Folders whose modules the figures of a page share, as one script each."""
MANY = 4
"""Figures that use a module of these, at least; what fewer use is in their own scripts."""

_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const|let) (\w+))", re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)
_WORKER = "?worker"
# Comments, types in the middle of a line, and white space: a third of the text, and of no use on a page.
_COMMENT = re.compile(
    r"""^\s*//[^\n]*\n | ^\s*/\*\*(?:(?!\*/).)*\*/\n | /\*\*\ @(?:(?!\*/).)*\*/\ ?
    | \ //\ (?:[^\n"'`]|\b'\b)*$ | ^\s+""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


def bundle(name: str, fields: dict[str, Any] | None = None) -> str:
    """Return one ES module with the figure `NAME/NAME.js` as its default export: all that a notebook needs.

    Args:
        name: of the figure.
        fields: what `render` gets as `fields` of its context: the limits of the figure's parameters.

    Raises:
        ValueError: if a module uses an import or export that is not understood here.
    """
    parts = _Parts()
    figure = parts.figure(name, fields)
    return "".join(parts.texts) + f"export default {figure};\n"


def module(path: str) -> str:
    """Return one ES module that exports everything that the module at `path`, relative to this folder, exports."""
    parts = _Parts()
    names = parts.add(ROOT / path)
    return "".join(parts.texts) + f"export const {{ {', '.join(names)} }} = {_identifier(ROOT / path)};\n"


def scripts(figures: dict[str, dict[str, Any] | None]) -> dict[str, str]:
    """Return the scripts of pages with some figures, by name: classic scripts, since pages may be opened as files.

    Args:
        figures: the limits of the parameters of each figure, by its name.

    A figure's script adds it to `liveFigures`, where host.js finds it, and takes what figures share from `liveShared`.
    The text of host.js begins with the scripts that each figure needs, in their order.
    """
    users = Counter(path for name in figures for path in _modules(ROOT / name / f"{name}.js"))
    shared = {path for path, count in users.items() if _folder(path) in SHARED and count >= min(MANY, len(figures))}
    texts, needed = {}, {}
    for name, fields in sorted(figures.items()):
        parts = _Parts(outside=shared)
        figure = parts.figure(name, fields)
        taken = f"const {{ {_identifiers(parts.taken)} }} = self.liveShared;\n"
        texts[name] = f'(self.liveFigures ??= {{}})["{name}"] = {_strict(taken, *parts.texts, f"return {figure};")};\n'
        needed[name] = [*(each for each in SHARED if each in map(_folder, parts.taken)), name]
    for folder in SHARED:
        parts, taken = _Parts(), {path for path in shared if _folder(path) == folder}
        for path in sorted(taken):
            parts.add(path)
        body = _strict(*parts.texts, f"return {{ {_identifiers(taken)} }};")
        texts[folder] = f"Object.assign((self.liveShared ??= {{}}), {body});\n"
    host = _COMMENT.sub("", (ROOT / "host.js").read_text(encoding="utf-8"))
    return {"host": f"self.liveScripts = {json.dumps(needed)};\n{host}", **texts}


def data_script(content: bytes) -> str:
    """Return a file as a classic script, for pages that are opened as files, which cannot fetch it.

    It adds the file to `liveData` by its own address, where `loadFile` in kit/files.js finds it.
    """
    return f'(self.liveData ??= {{}})[document.currentScript.src] = "{base64.b64encode(content).decode()}";\n'


def write_files(folder: Path, figures: dict[str, dict[str, Any] | None], files: dict[str, bytes]) -> None:
    """Write what pages with these figures load: `scripts`, and files, each as a script too."""
    written = {f"{name}.js": text.encode() for name, text in scripts(figures).items()}
    for name, content in files.items():
        written |= {name: content, f"{name}.js": data_script(content).encode()}
    for name, content in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@dataclass
class _Parts:
    """The modules so far, each after those that it imports, and those that are taken from outside."""

    outside: set[Path] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    exports: dict[Path, list[str]] = field(default_factory=dict)
    taken: set[Path] = field(default_factory=set)

    def figure(self, name: str, fields: dict[str, Any] | None) -> str:
        """Add a figure and what it imports; return it as an expression."""
        entry = ROOT / name / f"{name}.js"
        self.add(entry)
        figure = f"{_identifier(entry)}.default"
        if fields is None:
            return figure
        given = json.dumps(fields, ensure_ascii=False)
        return f"{{ render: (context) => {figure}.render({{ ...context, fields: {given} }}) }}"

    def add(self, path: Path, importers: tuple[Path, ...] = ()) -> list[str]:
        """Add a module and what it imports, unless it is there; return the names that it exports."""
        if path in importers:
            raise ValueError(f"{_relative(path)} imports itself: {' -> '.join(map(_relative, [*importers, path]))}")
        if path in self.exports:
            return self.exports[path]
        text = _COMMENT.sub("", path.read_text(encoding="utf-8"))
        if path in self.outside:
            self.taken.add(path)
            return _EXPORT.findall(text)
        body = _IMPORT.sub(lambda match: self._import(match, path, (*importers, path)), text)
        names = _EXPORT.findall(body)
        body = _EXPORT.sub("", body)
        if _DEFAULT.search(body):
            body, names = _DEFAULT.sub("const $default = ", body), [*names, "default"]
        if wrong := re.search(r"^(import|export)\b.*", body, re.MULTILINE):
            raise ValueError(f"{_relative(path)} has a line that is not understood: {wrong.group()}")
        returned = ", ".join("default: $default" if name == "default" else name for name in names)
        self.texts.append(f"const {_identifier(path)} = (() => {{\n{body}return {{ {returned} }};\n}})();\n")
        self.exports[path] = names
        return names

    def _import(self, match: re.Match[str], path: Path, importers: tuple[Path, ...]) -> str:
        names, source = match.groups()
        target = (path.parent / source.removesuffix(_WORKER)).resolve()
        if not target.is_file():
            raise ValueError(f"{_relative(path)} imports {source}, which does not exist")
        wanted = [name.split(" as ") for name in re.split(r",\s*", names.strip().rstrip(","))]
        renamed = ", ".join(": ".join(part.strip() for part in parts) for parts in wanted)
        if source.endswith(_WORKER):
            return f"const {{ {renamed} }} = {self._worker(target)};"
        found = self.add(target, importers)
        for name, *_ in wanted:
            if name.strip() not in found:
                raise ValueError(f"{_relative(path)} imports {name.strip()}, which {_relative(target)} does not export")
        return f"const {{ {renamed} }} = {_identifier(target)};"

    def _worker(self, path: Path) -> str:
        """Add a function that runs the worker's module, whose text a worker can be started from, and return its use."""
        identifier = f"{_identifier(path)}$worker"
        if identifier not in "".join(self.texts):
            inner = _Parts()
            inner.add(path)
            self.texts.append(f"function {identifier}() {{\n{''.join(inner.texts)}return {_identifier(path)};\n}}\n")
        return f"{{ source: `(${{{identifier}}})().serve(self);`, inline: {identifier} }}"


def _modules(path: Path) -> set[Path]:
    """Return a module and all that it imports."""
    parts = _Parts()
    parts.add(path)
    return set(parts.exports)


def _strict(*lines: str) -> str:
    """Return the value of a function's body as an expression."""
    return "(() => {\n" + '"use strict";\n' + "".join(lines) + "\n})()"


def _identifiers(paths: set[Path]) -> str:
    return ", ".join(sorted(map(_identifier, paths)))


def _identifier(path: Path) -> str:
    return "$" + re.sub(r"\W", "_", _relative(path).removesuffix(".js"))


def _folder(path: Path) -> str:
    return _relative(path).partition("/")[0]


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
