"""The tests that open a browser in `make test`; the others of this kind run in `make test-all`."""

from pathlib import Path

FILES = (
    "course/live/test_every_figure.py",
    "course/live/test_engine_files.py",
    "course/live/test_engine_firefox.py",
    "course/live/test_engine_forward.py",
    "course/live/test_engine_generation.py",
    "course/live/test_engine_training.py",
    "course/live/test_lines.py",
    "course/live/test_question.py",
    "course/live/test_opened_as_file.py",
    "course/live/test_bundle.py",
    "course/live/test_state.py",
    "browser/test_every_page.py",
    "browser/test_live.py",
    "browser/test_accessibility.py",
)
TESTS = (
    "browser/test_path.py::test_what_the_reader_trains_is_taken_apart_at_every_stop",
    "browser/test_search.py::test_a_search_for_a_standard_term_leads_to_the_page_that_explains_it",
)


for _name in (*FILES, *TESTS):
    _file, _, _test = _name.partition("::")
    if f"def {_test}" not in (Path(__file__).parent / _file).read_text(encoding="utf-8"):
        raise ValueError(f"there is no test tests/{_name}")


def opens_in_make_test(nodeid: str) -> bool:
    """Return whether `make test` runs this test, which opens a browser."""
    return nodeid.removeprefix("tests/").startswith((*FILES, *TESTS))
