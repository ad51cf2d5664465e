"""The map in book/developers.md, CONTRIBUTING and README: what they name exists, and the GPT is as short as it says."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "book" / "developers.md", ROOT / "CONTRIBUTING.md", ROOT / "README.md"]
MAP = PAGES[0].read_text(encoding="utf-8")
FILE = r"`([\w./-]*(?:/|\.(?:py|js|json|csv|ipynb|md|toml|yml|css)))`"
NAMES = r"(?:`[\w.]+`(?:, )?)+"
READ = [line for line in MAP.splitlines() if re.match(rf"\| {FILE}", line)]
BESIDE = re.findall(rf"{FILE} \(({NAMES})\)", MAP)


def path_of(place: str) -> Path | None:
    """Return the file or folder of a place, None if there is none.

    NAME, NN and TABLE stand for anything; a file without a folder may be in any.
    """
    pattern = re.sub("NAME|NN|TABLE", "*", place).rstrip("/")
    found = [path for base in (ROOT, ROOT / "src" / "lecture21") for path in base.glob(pattern)]
    if not found and "/" not in place:
        found = [path for folder in ("src", "tests", "benchmarks") for path in (ROOT / folder).rglob(pattern)]
    return next(iter(found), None)


def defines(path: Path, name: str) -> bool:
    """Return whether a file has a name: in Python, as a definition; in a script, followed by `(` or `=`."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".js":
        return re.search(rf"\b{name} ?[(=]", text) is not None
    body = ast.parse(text).body
    for part in name.split("."):
        found = [node for node in body if part in (getattr(node, "name", None), *_targets(node))]
        if not found:
            return False
        body = getattr(found[0], "body", [])
    return True


def _targets(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.stem)
def test_every_file_and_folder_that_is_named_exists(document: Path):
    places = re.findall(FILE, document.read_text(encoding="utf-8"))
    assert places
    assert [place for place in places if path_of(place) is None] == []


@pytest.mark.parametrize(("place", "names"), BESIDE, ids=[place for place, _ in BESIDE])
def test_a_file_has_the_names_beside_it(place: str, names: str):
    assert [name for name in re.findall(r"[\w.]+", names) if not defines(path_of(place), name)] == []


def test_the_gpt_is_read_in_under_2000_lines_and_each_file_has_what_is_to_be_read_in_it():
    length = 0
    for line in READ:
        cells = line.split(" | ")
        files = [path_of(place) for place in re.findall(FILE, cells[0])]
        names = re.findall(r"`([A-Za-z_]+)`", cells[1])
        length += sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
        if cells[1].startswith("`"):
            assert any(defines(path, names[0]) for path in files), line
    print(f"{length} lines")
    assert "under 2,000 lines" in MAP.replace("\n", " ")
    assert 1000 < length < 2000


@pytest.mark.parametrize("document", PAGES[1:], ids=lambda path: path.stem)
def test_the_files_and_targets_of_every_command_exist(document: Path):
    commands = "\n".join(
        re.findall(r"^```bash\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    )
    files = re.findall(r"(?<!\S)(?:tests|tools|benchmarks|notebooks)/[^\s:]+", commands)
    targets = re.findall(r"^make ([\w.-]+)", commands, re.MULTILINE)
    assert targets
    assert [file for file in files if path_of(file) is None] == []
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [target for target in targets if not re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE)] == []


def test_what_a_translator_leaves_in_english_is_in_the_notebooks_and_where_programs_look_for_it():
    (paragraph,) = re.findall(r"\*\*Leave in English\*\*(.*?)\n\n", PAGES[1].read_text(encoding="utf-8"), re.DOTALL)
    words = re.findall(r"`([^`]+)`", paragraph)
    assert len(words) == 8
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "notebooks").rglob("*.ipynb")]
    assert [word for word in words if not any(word in text for text in texts)] == []
    code = [
        path
        for folder in ("tools", "book/_ext", "src/lecture21/course", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    programs = "\n".join(path.read_text(encoding="utf-8") for path in code if path != Path(__file__))
    for word in words:
        (known,) = re.findall(r"Summary|Exercise|Prediction|Reading|Time plan|Hint|Solution|Answer", word)
        assert re.search(rf"['\"`(|*> ]{known}", programs), word
