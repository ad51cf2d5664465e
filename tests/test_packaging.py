"""Dependencies, the wheel, and the workflows of continuous integration."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import lock
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from lecture21.course.study import edition

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK_FILES = ("constraints.txt", "torch.txt")
PYTHONS = [c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

# What Colab had in August 2026, on Python 3.13. A lower bound above one of these would make the install cell replace
# a package under a running kernel.
COLAB = {
    "ipykernel": "6.17",
    "ipywidgets": "7.7.1",
    "matplotlib": "3.10",
    "numpy": "2.1",
    "seaborn": "0.13.2",
    "tiktoken": "0.14",
    "torch": "2.11",
}


def requirements(*extras: str) -> list[Requirement]:
    groups = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    return [Requirement(text) for group in groups for text in group]


@pytest.mark.parametrize(
    "requirement", requirements("notebooks", "pretrained"), ids=lambda requirement: requirement.name
)
def test_installing_on_colab_replaces_nothing(requirement: Requirement):
    if requirement.name in COLAB:
        assert requirement.specifier.contains(Version(COLAB[requirement.name])), requirement
    if requirement in requirements():
        assert [bound.operator for bound in requirement.specifier] == [">="], "a lower bound only"


def test_a_student_installs_no_sandbox_and_who_grades_a_known_one():
    """Young packages, whose next minor version may forbid less; whoever runs the tests has them."""
    sandbox = {"landlockpy", "seccompy"}
    assert not sandbox & {each.name for each in requirements("pretrained", "notebooks")}
    bounds = {each.name: str(each.specifier) for each in requirements("grade") if each.name in sandbox}
    assert bounds == dict.fromkeys(sandbox, "<0.3,>=0.2")
    assert "grade" in lock.EXTRAS


def test_the_promised_pythons_are_those_that_the_tests_workflow_runs():
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert PYTHONS == ["3.11", "3.12", "3.13", "3.14"]
    matrix = jobs("tests")["test"]["strategy"]["matrix"]
    assert matrix["python"] == [job["python"] for job in matrix["include"]] == PYTHONS
    everything = [job["python"] for job in matrix["include"] if job["target"] == "test-all"]
    assert everything == [PYTHONS[0], PYTHONS[-1]]


@pytest.mark.sampled
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("locked", [False, True], ids=["newest", "locked"])
def test_the_requirements_resolve(python: str, locked: bool):
    options = [f"--constraint={name}" for name in LOCK_FILES] if locked else []
    resolved = dict(line.split("==") for line in lock.resolve(python, *options).split() if "==" in line)
    assert Version("1.0.4.post1") <= Version(resolved["jupyter-book"]) < Version("2")
    assert {"torch", "nbval", "sphinx-mathjax-offline"} <= resolved.keys()
    if locked:
        versions = locked_versions(python)
        assert {name: version for name, version in resolved.items() if versions[name] != version} == {}


def locked_versions(python: str) -> dict[str, str]:
    """The version of each package in the lock files on a Python version."""
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in LOCK_FILES]
    locked = [Requirement(pin) for text in texts for pin in lock.pins(text)]
    target = {"python_version": python, "python_full_version": f"{python}.0"}
    actual = [pin for pin in locked if pin.marker is None or pin.marker.evaluate(target)]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in actual}


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_has_a_version_of_each_requirement_that_pyproject_allows(python: str):
    versions = locked_versions(python)
    wrong = [
        str(requirement)
        for requirement in requirements(*lock.EXTRAS)
        if canonicalize_name(requirement.name) not in versions
        or not requirement.specifier.contains(versions[canonicalize_name(requirement.name)])
    ]
    assert wrong == [], "constraints.txt is out of date; run: make lock"


def test_the_lock_names_versions_and_hashes_only():
    for name in LOCK_FILES:
        text = (ROOT / name).read_text(encoding="utf-8")
        text = re.sub(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$", "", text, flags=re.MULTILINE)
        assert re.findall(r"://|--| @ |/", text) == []


def test_all_but_torch_and_its_libraries_is_locked_by_hash():
    hashed, with_torch = ((ROOT / name).read_text(encoding="utf-8") for name in LOCK_FILES)
    entries = re.split(r"\n(?=\S)", hashed)[1:]
    assert len(entries) == len(lock.pins(hashed)) > 150
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert {re.match(r"[a-z]+", pin)[0] for pin in lock.pins(with_torch)} == {"torch", "triton", "cuda", "nvidia"}
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    assert {Requirement(each).name for each in build} < {pin.split("==")[0] for pin in lock.pins(hashed)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel that an installation builds."""
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", *lock.index(), "--python", sys.executable, "--out-dir", folder, ROOT)
    return next(folder.glob("*.whl"))


def uv(*arguments: str | Path) -> None:
    command = [Path(sys.executable).with_name("uv"), "--quiet", *arguments]
    actual = subprocess.run(command, capture_output=True, text=True, check=False)
    assert actual.returncode == 0, actual.stderr


def test_the_wheel_carries_the_results_and_the_small_models(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    data = [
        path
        for folder in ("course/chapters", "pretrained", "course/live")
        for path in (ROOT / "src/lecture21" / folder).rglob("*")
        if path.suffix in {".csv", ".js", ".json", ".safetensors"}
    ]
    assert any(path.name == "model.safetensors" for path in data)
    assert [path for path in data if path.relative_to(ROOT / "src").as_posix() not in names] == []
    assert [path for path in data if path.stat().st_mode & 0o444 != 0o444] == []  # all may read them


@pytest.mark.slow
def test_an_installed_wheel_writes_the_notebooks_for_students(wheel: Path, tmp_path: Path):
    venv = tmp_path / "empty"
    uv("venv", "--python", sys.executable, venv)
    uv("pip", "install", "--python", venv, *lock.index(), "--no-deps", wheel)
    # The dependencies, whose installation takes minutes, come from this environment, in which lecture21 is editable.
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    command = [venv / "bin" / "lecture21", "study", "course", "--no-open"]
    actual = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (actual.returncode, actual.stderr) == (0, "")
    written = {
        path.relative_to(tmp_path / "course").as_posix(): path.read_bytes()
        for path in (tmp_path / "course").rglob("*")
        if path.is_file()
    }
    assert written == edition.make(ROOT / "notebooks", PROJECT["urls"]["Repository"], PROJECT["version"])
    assert wheel.stat().st_size < 8e6  # 4 MB of them for the model of chapter 07


def test_requirements_txt_installs_the_package_with_all_that_the_commands_need():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == [
        "-e .[pretrained,grade,exam,notebooks,book,test]"
    ]


def test_the_workflows_are_valid():
    actionlint = shutil.which("actionlint", path=Path(sys.executable).parent)
    actual = subprocess.run([actionlint, *WORKFLOWS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert actual.returncode == 0, actual.stdout


def jobs(name: str) -> dict[str, dict]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))["jobs"]


def commands(job: dict) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step and "git commit" not in step["run"]]


def test_what_the_workflows_call():
    tests, book = jobs("tests"), jobs("book")
    assert commands(tests["test"]) == ["make ${{ matrix.target }}"]
    assert commands(book["address"]) + commands(book["build"]) == ["make address", "make address", "make site"]
    assert {name for name, job in tests.items() if job.get("continue-on-error")} == {"newest"}
    # No make on Windows: each command is a program or a script that is there.
    for command in commands(tests["smoke"]):
        program, *arguments = command.split()
        assert program == "python" or Path(sys.executable).with_name(program).exists()
        paths = [word for word in arguments if re.search(r"[a-z]/|\.txt", word)]
        assert [word for word in paths if not (ROOT / word).exists() and not (ROOT / f"{word}.ipynb").exists()] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_to_a_commit_and_names_its_version(path: Path):
    uses = re.findall(r"uses: *(.*)", path.read_text(encoding="utf-8"))
    assert len(uses) == len([step for job in jobs(path.stem).values() for step in job["steps"] if "uses" in step])
    assert [use for use in uses if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_job_that_installs_packages_cannot_write_to_the_repository(path: Path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        runs = [step["run"] for step in job["steps"] if "run" in step]
        if any(run != "make address" and "git commit" not in run for run in runs):
            assert "permissions" not in job
            checkout = next(step for step in job["steps"] if "checkout" in step.get("uses", ""))
            assert checkout["with"]["persist-credentials"] is False


def test_what_is_published_is_what_make_site_builds_and_the_job_that_publishes_runs_nothing_else():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8"))
    built = re.search(r"^HTML := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1]
    build, upload = workflow["jobs"]["build"]["steps"][-2:]
    assert build == {"run": "make site"}
    assert upload["uses"].startswith("actions/upload-pages-artifact@")
    assert upload["with"] == {"path": built}
    publish = workflow["jobs"]["publish"]
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    (deploy,) = publish["steps"]
    assert deploy["uses"].startswith("actions/deploy-pages@")


def test_the_address_is_committed_once_and_never_in_a_fork():
    commit = next(step for step in jobs("book")["address"]["steps"] if "git commit" in step.get("run", ""))
    assert "!github.event.repository.fork" in commit["if"]
    assert commit["run"].startswith("git diff --quiet && exit 0\n")


def test_ci_calls_make_test_all():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    commands = [line for line in script.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert commands == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "exec make test-all"]
