"""Set the repository's address in every place that needs it.

Usage: python3 tools/repository.py [ADDRESS]          (make address)

Without ADDRESS, takes the address of the GitHub repository that a workflow runs in, else of the git remote `origin`.
pyproject.toml holds the address. Colab badges, install cells, the book's buttons and the README follow it, and
tests/test_packaging.py finds any that does not. Until an address is known, the owner in pyproject.toml is OWNER, and
badges, buttons and Colab links are left out.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_UNKNOWN_OWNER = "OWNER"
_GITHUB = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^@/]+@)?(?:ssh\.)?github\.com(?::\d+)?/|(?:[^@/]+@)?github\.com:/?)"
    r"([\w.-]+)/([\w.-]+?)(?:\.git)?/?"
)
_BADGE = "[![Open in Colab]("
_COLAB_LINKS = re.compile(r"(<!-- Colab links: [^\n]* -->\n).*?(<!-- end of the Colab links -->)", re.DOTALL)


def url(root: Path = ROOT) -> str:
    """Return the repository's address in pyproject.toml, such as https://github.com/OWNER/NAME."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].rstrip("/")


def slug(root: Path = ROOT) -> str:
    """Return OWNER/NAME."""
    return "/".join(url(root).split("/")[-2:])


def is_known(root: Path = ROOT) -> bool:
    """Return whether pyproject.toml has a real address."""
    return slug(root).split("/")[0] != _UNKNOWN_OWNER


def notebooks(root: Path = ROOT) -> list[Path]:
    """Return the chapters in their order, then the labs."""
    return [*sorted((root / "notebooks").glob("*.ipynb")), *sorted((root / "notebooks" / "labs").glob("*.ipynb"))]


def name_of(path: Path) -> str:
    """Return a notebook's name below notebooks/, such as "04_causal_mask" or "labs/generation_speed"."""
    return f"labs/{path.stem}" if path.parent.name == "labs" else path.stem


def colab(name: str, root: Path = ROOT) -> str:
    """Return the address that opens a notebook on Colab."""
    return f"https://colab.research.google.com/github/{slug(root)}/blob/main/notebooks/{name}.ipynb"


def badge(name: str, root: Path = ROOT) -> str:
    """Return the Markdown badge in a notebook's first cell."""
    up = "../" * (1 + name.count("/"))
    return f"{_BADGE}{up}book/images/open-in-colab.svg)]({colab(name, root)})"


def first_cell(source: str, name: str, root: Path = ROOT) -> str:
    """Return the source of a notebook's first cell with the badge below the title, or without one."""
    paragraphs = [paragraph for paragraph in source.split("\n\n") if not paragraph.startswith(_BADGE)]
    if is_known(root):
        paragraphs.insert(1, badge(name, root))
    return "\n\n".join(paragraphs)


def install_cell(root: Path = ROOT) -> str:
    """Return the source of a notebook's first code cell."""
    if is_known(root):
        return (
            "try:\n"
            "    import lecture21  # noqa: F401\n"
            "except ImportError:  # on Colab: the package and the little that Colab lacks\n"
            f"    %pip install --quiet git+{url(root)}"
        )
    return (
        "try:\n"
        "    import lecture21  # noqa: F401\n"
        "except ImportError:\n"
        '    message = "lecture21 is not installed; run %pip install WHEEL, and in place of WHEEL name "\n'
        '    message += "the wheel, folder or address that your course gives you"\n'
        "    raise ImportError(message) from None"
    )


def places(root: Path = ROOT) -> list[Path]:
    """Return the files that depend on the address."""
    return [root / "README.md", root / "_config.yml", *notebooks(root)]


def carry(root: Path = ROOT) -> list[Path]:
    """Write pyproject's address to every place; return the files that changed."""
    changed = []
    for path in places(root):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            new = _notebook(text, name_of(path), root)
        elif path.suffix == ".yml":
            new = _config(text, root)
        else:
            new = _readme(text, root)
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def set_url(address: str, root: Path = ROOT) -> list[Path]:
    """Write an address to pyproject.toml and to every place; return the files that changed."""
    path = root / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    new = re.sub(r'^Repository = ".*"$', f'Repository = "{address}"', text, flags=re.MULTILINE)
    path.write_text(new, encoding="utf-8")
    return ([path] if new != text else []) + carry(root)


def normalized(address: str) -> str | None:
    """Return https://github.com/OWNER/NAME for any form of a GitHub address, or None for another one."""
    actual = _GITHUB.fullmatch(address.strip())
    return f"https://github.com/{actual[1]}/{actual[2]}" if actual else None


def origin(root: Path = ROOT) -> str:
    """Return the address of the git remote `origin`, or an empty string if there is none."""
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


def _notebook(text: str, name: str, root: Path) -> str:
    notebook = json.loads(text)
    first, install = notebook["cells"][:2]
    first["source"] = first_cell("".join(first["source"]), name, root).splitlines(keepends=True)
    install["source"] = install_cell(root).splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _config(text: str, root: Path) -> str:
    known = is_known(root)
    values = {
        r"repository:\n  url:": url(root) if known else '""',
        r"  colab_url:": "https://colab.research.google.com" if known else '""',
        r"  use_repository_button:": str(known).lower(),
        r"  use_issues_button:": str(known).lower(),
    }
    for key, value in values.items():
        text = re.sub(rf"^({key}) .*$", rf"\1 {value}", text, flags=re.MULTILINE)
    return text


def _readme(text: str, root: Path) -> str:
    if is_known(root):
        lines = ["| Chapter | |", "|---|---|"]
        for path in notebooks(root):
            title = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"]).splitlines()[0]
            picture = "[![Open in Colab](book/images/open-in-colab.svg)]"
            number = "Lab:" if path.parent.name == "labs" else path.stem.split("_")[0]
            lines.append(f"| {number} {title.removeprefix('# ')} | {picture}({colab(name_of(path), root)}) |")
    else:
        lines = ["The links appear here once the repository's address is known: `make address` takes it from git."]
    links = "\n".join(lines)
    text = _COLAB_LINKS.sub(lambda actual: f"{actual[1]}{links}\n{actual[2]}", text)
    return re.sub(r"git clone https://github\.com/\S+", f"git clone {url(root)}", text)


def main() -> int:
    """Set the address and print the files that changed; return 1 if there is no GitHub address."""
    workflow = os.environ.get("GITHUB_REPOSITORY")
    if len(sys.argv) > 1:
        given = sys.argv[1]
    elif workflow:
        given = f"https://github.com/{workflow}"
    else:
        given = origin()
    address = normalized(given)
    if address is None:
        shown = re.sub(r"//[^@/]*@", "//", given)  # without a password
        problem = f"{shown} is not an address on GitHub" if given else "the git remote origin is not set"
        print(f"{problem}; name one: make address ADDRESS=https://github.com/OWNER/NAME", file=sys.stderr)
        return 1
    changed = set_url(address)
    for path in changed:
        print(f"{path.relative_to(ROOT)}: set to {address}")
    if not changed:
        print(f"The address is {address} already.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
