"""Carry the repository's address from pyproject.toml to every place that needs it.

Usage: python tools/repository.py          (after changing project.urls.Repository in pyproject.toml)

The address is written by hand once, there. Colab badges, install cells, the book's buttons and the README follow it,
and tests/test_packaging.py finds any that does not.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def url(root: Path = ROOT) -> str:
    """Return the repository's address as pyproject.toml has it, such as https://github.com/OWNER/NAME."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].rstrip("/")


def slug(root: Path = ROOT) -> str:
    """Return OWNER/NAME."""
    return "/".join(url(root).split("/")[-2:])


def colab(stem: str, root: Path = ROOT) -> str:
    """Return the address that opens the notebook `stem` on Colab."""
    return f"https://colab.research.google.com/github/{slug(root)}/blob/main/notebooks/{stem}.ipynb"


def badge(stem: str, root: Path = ROOT) -> str:
    """Return the Markdown badge that a notebook's first cell carries."""
    return f"[![Open in Colab](../book/images/open-in-colab.svg)]({colab(stem, root)})"


def install_cell(root: Path = ROOT) -> str:
    """Return the source of a notebook's first code cell."""
    return (
        "try:\n"
        "    import lecture21  # noqa: F401\n"
        "except ImportError:  # on Colab: the package and the little that Colab lacks\n"
        f"    %pip install --quiet git+{url(root)}"
    )


def places(root: Path = ROOT) -> list[Path]:
    """Return the files that repeat the address."""
    return [root / "README.md", root / "_config.yml", *sorted((root / "notebooks").glob("*.ipynb"))]


def carry(root: Path = ROOT) -> list[Path]:
    """Rewrite every place whose address is another one than pyproject's, and return those places."""
    config = (root / "_config.yml").read_text(encoding="utf-8")
    old = re.search(r"url: https://github\.com/([\w.-]+/[\w.-]+)", config).group(1)
    changed = []
    for path in places(root):
        text = path.read_text(encoding="utf-8")
        if old != slug(root) and old in text:
            path.write_text(text.replace(old, slug(root)), encoding="utf-8")
            changed.append(path)
    return changed


def main() -> None:
    """Say which places were rewritten."""
    for path in carry():
        print(f"{path.relative_to(ROOT)} now names {slug()}")


if __name__ == "__main__":
    main()
