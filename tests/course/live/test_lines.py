"""Exercises that are put together in the page."""

import itertools
import json
import random
import re

import pytest
from playwright.sync_api import expect
from until import until

from lecture21.course import live
from lecture21.course.exercises import check
from lecture21.course.exercises.page import lines
from lecture21.course.exercises.registry import chapters, exercises_of, find

NUMBER = "5.3"
REFUSE_MEMORY = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('refused'); } })"


def combinations(number: str) -> dict[tuple[int, ...], str]:
    """Return what the check says of each combination."""
    stored = lines.load(find(number).chapter)[number]
    places = itertools.product(*(range(len(part)) for part in stored["code"] if isinstance(part, list)))
    return dict(zip(places, (stored["verdicts"][n] for n in stored["of"]), strict=True))


def right(number: str) -> tuple[int, ...]:
    return next(chosen for chosen, verdict in combinations(number).items() if verdict == "correct")


def choose_by_keyboard(page, figure, chosen: tuple[int, ...]) -> None:
    """Choose an alternative of each part, and check, with the keyboard alone."""
    figure.locator("summary").first.focus()
    for place in chosen:
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        checked = figure.locator("details[open] input").all()
        at = next(n for n, radio in enumerate(checked) if radio.is_checked())
        for _ in range((place - at) % len(checked)):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def choose_by_finger(figure, chosen: tuple[int, ...]) -> None:
    for n, place in enumerate(chosen):
        part = figure.locator("details").nth(n)
        part.locator("summary").tap()
        part.locator("label").nth(place).tap()
        expect(part).not_to_have_attribute("open", "")
    figure.get_by_role("button", name="Check").tap()


def test_an_exercise_is_done_with_the_keyboard_and_taken_along(open_figures, capsys):
    stage = open_figures(live.Lines(NUMBER), permissions=["clipboard-read", "clipboard-write"])
    page, figure = stage.page, stage.figure("lines")
    reading, copy = figure.locator(".reading"), figure.get_by_role("button", name="Copy this code")
    expect(figure.locator("section.figure")).not_to_contain_text(
        "return", use_inner_text=True
    )  # no alternative is in sight
    expect(figure.locator(".try + p")).to_have_text(
        "Return the sinusoidal position vectors, a float32 tensor of shape (n_position, d_model). "
        "Choose the 3 missing parts, then check."
    )
    figure.get_by_role("button", name="Check").press("Enter")
    expect(figure.locator(".message")).to_have_text("Choose part 1 first.")

    hints = {mistake.hint for mistake in find(NUMBER).mistakes}
    chosen, hint = next((chosen, verdict) for chosen, verdict in combinations(NUMBER).items() if verdict in hints)
    choose_by_keyboard(page, figure, chosen)
    expect(reading).to_have_text(f"{NUMBER}: {hint}")
    expect(figure.locator(".message")).to_have_text("")
    expect(copy).to_be_hidden()
    expect(figure.locator(".foot")).to_contain_text(f"0 of {len(exercises_of('05'))} exercises of this chapter")

    choose_by_keyboard(page, figure, right(NUMBER))
    every = combinations(NUMBER).values()
    passing = sum(verdict == "correct" for verdict in every)
    only = "only this one passes" if passing == 1 else f"{passing} pass"
    expect(reading).to_have_text(f"✓ {NUMBER}: correctThe check ran all {len(every)} combinations, and {only}.")
    expect(figure.locator(".foot")).to_contain_text(
        f"1 of {len(exercises_of('05'))} exercises of this chapter: {NUMBER}"
    )
    copy.press("Enter")
    expect(figure.locator(".foot")).to_contain_text("The code is copied.")
    names = {"torch": __import__("torch")}
    exec(page.evaluate("navigator.clipboard.readText()"), names)
    check(NUMBER, names[find(NUMBER).name])
    assert capsys.readouterr().out == f"{NUMBER}: correct\n"


def clear(figure):
    """Clear everything with the one button that does so."""
    expect(figure.get_by_role("button", name=re.compile("Clear"))).to_have_count(0)  # it is in the fold
    figure.locator("summary", has_text="Kept in this browser").tap()
    figure.get_by_role("button", name=re.compile("Clear")).tap()
    figure.get_by_text("0 answers, 0 solved exercises").wait_for()


def test_what_is_solved_is_kept_for_all_pages_until_it_is_cleared(open_figures):
    number = len(exercises_of("04"))
    figures = live.Lines("4.1"), live.Lines("4.4"), live.Lines("5.3")
    stage = open_figures(*figures, has_touch=True, viewport={"width": 352, "height": 844})
    first, second, third = (stage.figure(f"lines{end}") for end in ("", "-2", "-3"))
    choose_by_finger(first, right("4.1"))
    choose_by_finger(second, right("4.4"))
    for figure in (first, second):
        expect(figure.locator(".foot")).to_contain_text(f"2 of {number} exercises of this chapter: 4.1, 4.4")
    expect(third.locator(".foot")).to_contain_text(f"0 of {len(exercises_of('05'))} exercises")
    stage.page.reload()
    figure = stage.figure("lines")
    expect(figure.locator(".reading")).to_have_text("")  # solved before, and to be done again
    expect(figure.locator(".foot")).to_contain_text(f"2 of {number}")
    clear(figure)
    expect(figure.locator(".foot")).to_contain_text(f"0 of {number} exercises of this chapter")
    until(lambda: stage.page.evaluate("localStorage.length") == 0)
    for garbage in ("{", '{"a": 1}', "[1, null]"):
        stage.page.evaluate("text => localStorage.setItem('lecture21-solved', text)", garbage)
        stage.page.reload()
        expect(stage.figure("lines").locator(".foot")).to_contain_text(f"0 of {number}")


# A full disk: what is kept can't become longer.
FULL = """
const set = Storage.prototype.setItem;
Storage.prototype.setItem = function (name, text) {
  if (globalThis.isFull && text.length > (this[name] ?? "").length) throw new DOMException("", "QuotaExceededError");
  set.call(this, name, text);
};
"""


def test_what_the_disk_has_no_room_for_is_on_the_page_and_in_the_file(open_figures):
    stage = open_figures(live.Lines("4.1"), script=FULL, has_touch=True)
    stage.page.evaluate("""localStorage.setItem("lecture21-solved", '["4.4"]')""")
    stage.page.evaluate("""localStorage.setItem("lecture21-answers", "of no version of this page")""")
    stage.page.evaluate("globalThis.isFull = true")
    figure = stage.figure("lines")
    choose_by_finger(figure, right("4.1"))
    expect(figure.locator(".foot")).to_contain_text(": 4.1, 4.4")
    figure.locator("summary", has_text="Kept in this browser").tap()
    expect(figure.locator(".kept p")).to_contain_text("2 solved exercises, no model. This browser keeps nothing")
    with stage.page.expect_download() as download:
        figure.get_by_role("button", name="Save everything to a file").tap()
    assert json.loads(download.value.path().read_text(encoding="utf-8"))["small"] == {"solved": '["4.4","4.1"]'}


def test_where_the_browser_keeps_nothing_the_page_still_counts(open_figures):
    number = len(exercises_of("04"))
    stage = open_figures(live.Lines("4.1"), script=REFUSE_MEMORY, has_touch=True)
    figure = stage.figure("lines")
    choose_by_finger(figure, right("4.1"))
    expect(figure.locator(".foot")).to_contain_text(f"1 of {number} exercises of this chapter: 4.1")
    clear(figure)
    expect(figure.locator(".foot")).to_contain_text(f"0 of {number}")


def test_another_choice_takes_the_verdict_away(open_figures):
    figure = open_figures(live.Lines("4.1"), has_touch=True).figure("lines")
    (place,) = right("4.1")
    choose_by_finger(figure, (place,))
    figure.locator("summary", has_not_text="Kept").tap()
    figure.locator("label").nth((place + 1) % 6).tap()
    expect(figure.locator(".reading")).to_have_text("")
    expect(figure.get_by_role("button", name="Copy this code")).to_be_hidden()


def test_the_page_looks_up_the_verdict_of_every_combination(load_module):
    page = load_module("lines/combination.js")
    rng = random.Random(0)
    for chapter in chapters():
        for number, stored in lines.load(chapter).items():
            every = combinations(number)
            sample = rng.sample(list(every), min(5, len(every)))
            found = page.evaluate(
                """([exercise, sample]) => sample.map((chosen) =>
                    [module.verdictOf(exercise, chosen), module.codeOf(exercise, chosen)])""",
                [stored, sample],
            )
            for chosen, (verdict, code) in zip(sample, found, strict=True):
                assert verdict == every[chosen]
                compile(code, number, "exec")
                options = [part for part in stored["code"] if isinstance(part, list)]
                assert all(part[n] in code for part, n in zip(options, chosen, strict=True))


@pytest.mark.parametrize("number", ["4.9", "99.1", "x"])
def test_an_unknown_exercise_is_an_error(number):
    with pytest.raises(ValueError, match="no such exercise"):
        live.Lines(number)


def test_an_exercise_without_stored_combinations_names_the_command(monkeypatch):
    monkeypatch.setattr(lines, "load", lambda chapter: {})
    with pytest.raises(ValueError, match="make lines"):
        live.Lines("4.1")


def test_every_exercise_has_a_figure():
    for chapter in chapters():
        for exercise in exercises_of(chapter):
            shown = live.Lines(exercise.number).exercise
            assert shown["chapter"] == [each.number for each in exercises_of(chapter)]
            assert re.fullmatch("[A-Z][^`\n]{10,100}[.]", shown["wanted"])
            assert shown["wanted"] in " ".join(exercise.stub.replace("`", "").replace("#", "").split())
