"""The service worker, which keeps a published book on the reader's device; _static/offline.js registers it."""

import gzip
import hashlib
import json
from pathlib import Path

from sphinx.application import Sphinx

_SCRIPT = Path(__file__).with_name("service_worker.js")
_NAME = "sw.js"
# What no page needs: sources, what Sphinx keeps for itself, translations, and the fonts that icons.py cuts down.
_LEFT_OUT = (
    *("_sources/", "_static/locales/", "_static/vendor/fontawesome/webfonts/", ".nojekyll", "objects.inv"),
    *("_static/searchtools.js", "_static/language_data.js", "_static/sphinx_highlight.js", _NAME),
)

_COMPRESSED = (".html", ".js", ".css", ".svg", ".json")  # by servers, as GitHub Pages


def _entry(path: Path) -> dict[str, str | int]:
    """Return what the service worker knows of a file: how its SHA-256 begins, and its bytes in transfer."""
    content = path.read_bytes()
    sent = gzip.compress(content) if path.suffix in _COMPRESSED else content
    return {"digest": hashlib.sha256(content).hexdigest()[:16], "bytes": len(sent)}


def files(folder: Path) -> dict[str, dict[str, str | int]]:
    """Return digest and size of each file of a built book that a page on a server may need, by its path.

    The scripts with the files of figures, FILE.js beside FILE, are for pages that are opened as files.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: _entry(path)
        for name, path in names.items()
        if not name.startswith(_LEFT_OUT)
        and path.suffix not in (".map", ".pdf", ".zip")
        and not (path.suffix == ".js" and name.removesuffix(".js") in names)
    }


def write(folder: Path) -> None:
    """Write the service worker of a built book, for the files that are in its folder now."""
    listed = json.dumps(files(folder), separators=(",", ":")).replace("},", "},\n")
    version = hashlib.sha256(listed.encode()).hexdigest()[:16]
    script = _SCRIPT.read_text(encoding="utf-8")
    (folder / _NAME).write_text(f'const FILES = {listed};\nconst VERSION = "{version}";\n{script}', encoding="utf-8")


def _write(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        # Sphinx's note of the settings, paths on this machine among them: another folder would give another site.
        Path(app.outdir, ".buildinfo").unlink(missing_ok=True)
        write(Path(app.outdir))


def setup(app: Sphinx) -> dict[str, object]:
    """Connect to the end of the build, after everything that writes or repairs files."""
    app.connect("build-finished", _write, priority=1000)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
