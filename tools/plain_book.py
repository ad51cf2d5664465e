"""Build the book with a plain conf.py, without jupyter-book's command.

Usage: python tools/plain_book.py [PAGE ...]              only some pages: notebooks/04_causal_mask
       python tools/plain_book.py --newest [PAGE ...]     with the newest Sphinx, MyST and theme

Jupyter Book 1, which is in maintenance, holds Sphinx below 8. Its extensions live on without it: this shows what the
book needs to follow them. Their newest versions are installed into an environment of their own, _build/newest. The
pages are written to _build/plain.
"""

import argparse
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "_build" / "plain"
_OF_JUPYTER_BOOK = ("jupyter_book", "sphinx_comments", "sphinx_jupyterbook_latex", "sphinx_multitoc_numbering")
_NEWEST = (
    *("sphinx", "myst-nb", "myst-parser", "sphinx-book-theme", "sphinx-copybutton", "sphinx-design"),
    *("sphinx-external-toc", "sphinxcontrib-bibtex"),
)


def write_settings(pages: list[str]) -> None:
    """Write conf.py, with what _config.yml says, and a table of contents of some pages, if any are given."""
    from jupyter_book.config import get_final_config

    options = {"latex_individualpages": False}
    values, _ = get_final_config(user_yaml=ROOT / "_config.yml", cli_config=options, sourcedir=ROOT)
    values["extensions"] = [name for name in values["extensions"] if name not in _OF_JUPYTER_BOOK]
    lines = ["import sys", "sys.path.insert(0, 'book/_ext')"]
    lines += [f"{name} = {values[name]!r}" for name in sorted(values)]
    if pages:
        contents = {"format": "jb-book", "root": pages[0]}
        if pages[1:]:
            contents["chapters"] = [{"file": page} for page in pages[1:]]
        OUT.mkdir(parents=True, exist_ok=True)
        (OUT / "_toc.yml").write_text(yaml.safe_dump(contents), encoding="utf-8")
        lines.append(f"external_toc_path = {str(OUT / '_toc.yml')!r}")
    (ROOT / "conf.py").write_text("\n".join(lines) + "\n", encoding="utf-8")


def newest_python() -> Path:
    """Return a Python that has the newest packages; makes its environment if it is not there."""
    folder = ROOT / "_build" / "newest"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        book = [each for each in project["optional-dependencies"]["book"] if not each.startswith("jupyter-book")]
        venv.create(folder, with_pip=True)
        packages = [*_NEWEST, *book, "-e", f"{ROOT}[pretrained,exam,notebooks]"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def main() -> int:
    """Build the pages and return the exit code of Sphinx."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", metavar="PAGE")
    parser.add_argument("--newest", action="store_true")
    arguments = parser.parse_args()
    python = newest_python() if arguments.newest else sys.executable
    try:
        write_settings(arguments.pages)
        command = [python, "-m", "sphinx", "--builder", "html", "--keep-going", "--fresh-env", ROOT, OUT]
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    finally:
        (ROOT / "conf.py").unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
