"""The table of the speedrun: right with any number of recipes and seeds, and with none."""

import re
from pathlib import Path

import pandas as pd
import pytest
import speedrun_table

from lecture21.course import speedrun
from lecture21.course.chapters import results

PAGE = (Path(__file__).resolve().parents[2] / "book" / "speedrun.md").read_text(encoding="utf-8")
RUNS = [("nanogpt", seed, 1.9 + seed / 100, 8000) for seed in range(3)]
RUNS += [("modern", 0, 1.6, 4000), ("mine", 0, 1.95, 9000), ("mine", 1, 1.97, 9100)]


@pytest.fixture
def book(monkeypatch) -> pd.DataFrame:
    """Rows that nobody has run, in place of those of the book."""
    table = pd.DataFrame(RUNS, columns=["recipe", "seed", "nats", "updates"])
    table = table.assign(minutes=5.0, characters=6_144_000, parameters=805_248, nanogpt_ms=30.2)
    monkeypatch.setattr(results, "load", lambda name: table)
    monkeypatch.setattr(results, "names", lambda: ("speedrun",))
    return table


def test_the_best_recipe_is_first_with_its_gain_and_a_spread_where_there_are_seeds(book):
    head, *rows = speedrun_table.rows(5.0)
    cells = [dict(zip(head, row, strict=True)) for row in rows]
    assert [row["Recipe"] for row in cells] == ["`modern`", "`nanogpt`", "`mine`"]
    assert [row["Nats per character"] for row in cells] == ["1.600", "1.910 ± 0.010", "1.960 ± 0.014"]
    assert [row["Seeds"] for row in cells] == ["1", "3", "2"]
    assert [row["Gains on nanogpt"] for row in cells] == ["+0.310", "", "−0.050"]
    assert [row["Updates"] for row in cells] == ["4,000", "8,000", "9,050"]
    assert cells[0]["Characters read"] == "6.1 million"
    assert cells[0]["nanoGPT's update"] == "30 ms"
    assert [bool(row["What it tries"]) for row in cells] == [True, True, False]


def test_without_the_rows_of_nanogpt_nothing_is_said_of_a_gain(book, monkeypatch):
    monkeypatch.setattr(results, "load", lambda name: book[book.recipe != "nanogpt"])
    head, *rows = speedrun_table.rows(5.0)
    assert {row[head.index("Gains on nanogpt")] for row in rows} == {""}


def test_a_clock_without_rows_says_so(book):
    head, row = speedrun_table.rows(20.0)
    assert row[0] == "nobody has yet"
    assert len(row) == len(head)


def test_the_page_has_the_books_rows_and_ten_rules():
    for minutes in (5, 20):
        block = re.search(rf"% table speedrun_{minutes},.*?% end of table speedrun_{minutes}", PAGE, re.DOTALL)[0]
        stored = dict.fromkeys(speedrun.rows().query("minutes == @minutes").recipe)
        assert set(re.findall(r"^\| `([^`]+)` \|", block, re.MULTILINE)) == set(stored)
        assert ("nobody has yet" in block) == (not stored)
    assert re.findall(r"^(\d+)\. \*\*", PAGE, re.MULTILINE) == [str(n) for n in range(1, 11)]


def test_the_rules_are_those_of_the_command():
    assert speedrun.THREADS == 2
    assert "Two threads on two cores" in PAGE
    assert "--preset modern-minutes" in PAGE
    assert "modern-minutes" in speedrun.RECIPES
