"""Two built sites are compared file by file."""

from pathlib import Path

import compare_sites
import pytest


@pytest.fixture
def sites(tmp_path: Path) -> tuple[Path, Path]:
    """Two sites with the same files, made in another order."""
    files = {"index.html": "first page", "notebooks/01.html": "chapter", "_static/a.js": ""}
    folders = tmp_path / "one", tmp_path / "two"
    for folder, names in zip(folders, (sorted(files), sorted(files, reverse=True)), strict=True):
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name])
    return folders


def test_the_same_files_have_no_difference(sites, capsys):
    assert compare_sites.main([str(folder) for folder in sites]) == 0
    assert capsys.readouterr().out == "3 files, none not the same in both\n"


def test_each_file_that_differs_or_is_missing_is_named(sites, capsys):
    one, two = sites
    (one / "notebooks" / "01.html").write_text("Chapter")  # as long as before
    (one / "new.html").touch()
    (two / "_static" / "old.js").touch()
    assert compare_sites.main([str(folder) for folder in sites]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"only in {two}: _static/old.js",
        f"only in {one}: new.html",
        "differs: notebooks/01.html",
        "4 files, 3 not the same in both",
    ]


def test_a_folder_without_a_site_is_an_error_and_not_a_difference(sites, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    for folders in ([sites[0], empty], [empty, empty], [empty, sites[0]]):
        assert compare_sites.main([str(folder) for folder in folders]) == 2
        assert f"no built site in {empty}" in capsys.readouterr().err
    assert compare_sites.main([]) == 2
