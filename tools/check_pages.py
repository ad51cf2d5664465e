"""Check that every page of _toc.yml was built and has text.

Usage: python tools/check_pages.py          (make book calls it)
"""

import sys
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parent.parent
_FEWEST_WORDS = 20


def toc_files(root: Path = ROOT) -> list[str]:
    """Return the pages in _toc.yml, in order and without a suffix; a pattern gives each page that it adds."""
    pages: list[str] = []
    for entry in files(yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))):
        matching = sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.glob(f"{entry}.md"))
        pages += [page for page in matching if page not in pages] if "*" in entry else [entry]
    return pages


def problems(root: Path = ROOT) -> list[str]:
    """Return one line for each page that is missing or has almost no text."""
    html = root / "_build" / "html"
    lines = []
    if not (html / "index.html").is_file():
        lines.append("index.html was not built")
    for file in toc_files(root):
        path = html / f"{file}.html"
        if not path.is_file():
            lines.append(f"{file}.html was not built")
            continue
        article = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").find("article")
        words = len(article.get_text(" ").split()) if article else 0
        if words < _FEWEST_WORDS:
            lines.append(f"{file}.html has {words} words, expected at least {_FEWEST_WORDS}")
    return lines


def files(node: object) -> list[str]:
    """Return the pages and patterns in a part of _toc.yml, in order."""
    if isinstance(node, list):
        return [file for item in node for file in files(item)]
    if isinstance(node, dict):
        own = [node[key] for key in ("root", "file", "glob") if key in node]
        return own + [file for value in node.values() for file in files(value)]
    return []


def main() -> int:
    """Print each problem; return 1 if there is one."""
    lines = problems()
    for line in lines:
        print(f"error: {line}", file=sys.stderr)
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
