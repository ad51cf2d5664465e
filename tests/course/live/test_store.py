"""What the reader leaves in the browser: the trained model in other figures, on other pages, in a file, and cleared."""

import json
import re

import pytest
from playwright.sync_api import expect
from until import until

from lecture21.course import live

REFUSE = """
for (const name of ["localStorage", "indexedDB"])
  Object.defineProperty(window, name, { get() { throw new DOMException("refused"); } });
"""


# A full disk: the request succeeds, and its transaction does not.
FULL = """
const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (...given) {
  const request = put.apply(this, given);
  if (globalThis.isFull) request.addEventListener("success", () => this.transaction.abort());
  return request;
};
"""

# A browser that keeps something else.
TRUNCATED = """
const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (model, key) {
  return put.call(this, { ...model, bytes: model.bytes.slice(0, -1) }, key);
};
"""

# A storage that never answers.
SILENT = "IDBFactory.prototype.open = () => ({});"


CHANGED = """([figure, text]) => {
  const bars = document.querySelector(`${figure} .live-place > div`).shadowRoot.querySelector(".bars");
  return bars.innerText !== text;
}"""


def train(stage):
    """Train a small model, and return the figure."""
    figure = stage.figure("train")
    figure.get_by_role("button", name="Start training").click()
    figure.get_by_text("now offer your model").wait_for()
    return figure


def ready(figure):
    figure.locator("section.figure:not([aria-busy=true])").wait_for()


def kept(figure):
    """Open the fold with what is kept, and return it."""
    fold = figure.locator("details.kept")
    fold.evaluate("fold => { fold.open = true; }")
    return fold


def test_the_trained_model_is_offered_by_other_figures_until_it_is_cleared(open_figures):
    figures = [live.Train(size="one", steps=30), live.Write(prompt="To be"), live.ResidualStream(), live.SideBySide()]
    stage = open_figures(*figures, viewport={"width": 900, "height": 1200})
    write = stage.figure("write-2")
    ready(write)
    expect(write.get_by_text("your model")).to_have_count(0)
    bars = write.get_by_role("list", name="Probabilities of the next character")
    book = bars.inner_text()
    figure = train(stage)
    loss = float(re.search(r"validation loss ([\d.]+\d)", figure.locator(".now").inner_text())[1])
    name = re.compile(rf"^your model \({loss:.2f} after 30 steps\)$")
    small = json.loads(stage.page.evaluate("localStorage['lecture21-model']"))
    assert small["steps"] == 30
    assert re.fullmatch(r"ROMEO:\n.{40,}", small["sample"], re.DOTALL)  # the end of the path shows it

    expect(write.get_by_label(name)).to_be_checked()  # the book's, until there is the reader's own
    stage.page.wait_for_function(CHANGED, arg=["#live-write-2", book])
    write.get_by_text("the book's").click()
    ready(write)
    expect(bars).to_have_text(re.sub(r"\s*\n\s*", "", book))

    stage.page.reload()  # as another page of the book
    write = stage.figure("write-2")
    ready(write)
    expect(write.get_by_label(name)).to_be_checked()  # where the reader writes, it is chosen
    expect(bars).not_to_have_text(book, use_inner_text=True)
    residual = stage.figure("residual-3")
    ready(residual)
    expect(residual.get_by_label(name)).to_be_checked()
    expect(residual.locator(".stream li")).to_have_count(3)  # one layer
    residual.get_by_role("button", name="Reset").click()
    expect(residual.locator(".stream li")).to_have_count(9)
    pair = stage.figure("side_by_side-4")
    ready(pair)
    expect(pair.get_by_label(name)).to_be_checked()
    expect(pair.locator(".reading")).to_contain_text("Your model (")

    fold = kept(stage.figure("train"))
    expect(fold).to_contain_text(f"your model ({loss:.2f} after 30 steps)", use_inner_text=True)
    fold.get_by_role("button", name="Clear all").click()
    expect(fold).to_contain_text("no model")
    expect(residual.get_by_text("your model")).to_have_count(0)
    ready(pair)
    expect(pair.locator(".reading")).not_to_contain_text("your model")
    until(lambda: stage.page.evaluate("localStorage.length") == 0)


def test_after_a_run_the_reader_keeps_its_model_or_drops_it(open_figures):
    stage = open_figures(live.Train(size="one", steps=30), viewport={"width": 900, "height": 1200})
    figure = train(stage)
    before = kept(figure).locator("p").inner_text()
    figure.locator("summary", has_text="More").click()
    figure.get_by_label("Steps, or 0").fill("40")
    for answer, expected in (("Drop this one", "30 steps"), ("Keep this one", "40 steps")):
        figure.get_by_role("button", name="Start training").click()
        figure.get_by_text("Finished after 40 steps").wait_for()
        expect(figure.get_by_text("The other figures have your model (")).to_contain_text("30 steps")
        expect(kept(figure).locator("p")).to_contain_text("30 steps")
        figure.get_by_role("button", name=answer).click()
        expect(figure.get_by_role("button", name=answer)).to_be_hidden()
        expect(kept(figure).locator("p")).to_contain_text(expected)
    expect(kept(figure).locator("p")).not_to_have_text(before, use_inner_text=True)


SMALL = {
    "answers": {"4.1": "7", "13.4": "0.5"},
    "solved": ["4.1"],
    "designs": {"copy": {"design": [0, 1], "solved": True}},
    "path": 4,
}


def write_small(stage, small):
    """Let the browser keep something, as pages did that were open before."""
    stage.page.evaluate(
        "small => Object.entries(small).forEach(([name, each]) => "
        "localStorage.setItem(`lecture21-${name}`, JSON.stringify(each)))",
        small,
    )
    stage.page.reload()


def saved(stage, figure):
    """Return what the file has that is saved, as text."""
    with stage.page.expect_download() as download:
        kept(figure).get_by_role("button", name="Save everything to a file").click()
    return download.value.path().read_text(encoding="utf-8")


def load(figure, text, folder):
    (folder / "mine.json").write_text(text, encoding="utf-8")
    kept(figure).locator("input[type=file]").set_input_files(folder / "mine.json")


def test_a_file_takes_everything_to_another_browser(open_figures, tmp_path):
    options = {"viewport": {"width": 900, "height": 1200}}
    stage = open_figures(live.Train(size="one", steps=30), **options)
    train(stage)
    write_small(stage, SMALL)
    figure = stage.figure("train")
    text = saved(stage, figure)
    said = kept(figure).locator("p").inner_text()
    has = "2 answers, 1 solved exercise, 1 designed head, the path up to stop 4, your model ("
    assert said.startswith(has)
    expect(kept(figure).get_by_role("status")).to_contain_text(f"my-lecture21.json has {has}")

    other = open_figures(live.Train(size="one", steps=30), live.Write(prompt="To be"), **options)
    figure = other.figure("train")
    for wrong in ("{", "[]", json.dumps({"kind": "other"})):
        load(figure, wrong, tmp_path)
        expect(kept(figure).get_by_role("status")).to_contain_text("This is not a complete file")
        length = other.page.evaluate("localStorage.length")  # the message is there: all is done
        assert length == 0
    load(figure, text, tmp_path)  # nothing is here, so that nothing is asked
    expect(kept(figure).get_by_role("status")).to_have_text("Loaded, and this browser keeps it.")
    expect(kept(figure).locator("p")).to_have_text(said)
    write = other.figure("write-2")
    ready(write)
    write.get_by_text(re.compile("^your model")).click()
    ready(write)
    expect(write.locator(".message")).to_have_text("")
    other.page.reload()
    assert json.loads(saved(other, other.figure("train"))) == json.loads(text)


def test_a_file_says_what_it_would_replace_and_does_so_when_it_is_told_to(open_figures, tmp_path):
    stage = open_figures(live.Train(size="one", steps=12))
    train(stage)
    write_small(stage, {"answers": {"4.1": "7"}})
    figure = stage.figure("train")
    before = saved(stage, figure)
    other = json.dumps({"kind": json.loads(before)["kind"], "small": {"solved": '["4.1", "4.2"]'}, "model": None})
    status = kept(figure).get_by_role("status")
    for answer, expected in (("Keep what is here", before), ("Replace what is here", other)):
        load(figure, other, tmp_path)
        expect(status).to_contain_text("The file has 0 answers, 2 solved exercises, no model.")
        expect(status).to_contain_text("It would replace what is here: 1 answer, 0 solved exercises, your model (")
        status.get_by_role("button", name=answer).click()
        expect(status).to_have_text(re.compile("^(Nothing was replaced|Loaded, and this browser keeps it)"))
        stage.page.reload()
        figure = stage.figure("train")
        assert json.loads(saved(stage, figure)) == json.loads(expected)
        status = kept(figure).get_by_role("status")


# A disk with room for so many characters of small things.
FULL_OF_SMALL = """
const set = Storage.prototype.setItem;
Storage.prototype.setItem = function (name, text) {
  const others = Object.keys(this).filter((each) => each !== name).map((each) => each.length + this[each].length);
  const size = others.reduce((sum, each) => sum + each, name.length + text.length);
  if (size > (globalThis.room ?? Infinity)) throw new DOMException("full", "QuotaExceededError");
  set.call(this, name, text);
};
"""


IN_USE = "Object.entries(localStorage).reduce((sum, [name, text]) => sum + name.length + text.length, 0)"


@pytest.mark.parametrize(
    "full", ["globalThis.isFull = true", f"globalThis.room = 20 + {IN_USE}"], ids=["models", "small"]
)
def test_a_file_that_the_disk_has_no_room_for_replaces_nothing(open_figures, tmp_path, full):
    stage = open_figures(live.Train(size="one", steps=12), script=FULL + FULL_OF_SMALL)
    figure = train(stage)
    write_small(stage, {"answers": {"4.1": "7"}})
    figure = stage.figure("train")
    before = json.loads(saved(stage, figure))
    after = {**before, "small": before["small"] | {"answers": json.dumps({f"4.{i}": "7" for i in range(30)})}}
    after["model"] = before["model"] | {"steps": 13}
    stage.page.evaluate(full)
    load(figure, json.dumps(after), tmp_path)
    status = kept(figure).get_by_role("status")
    status.get_by_role("button", name="Replace what is here").click()
    expect(status).to_have_text("This browser did not keep all that the file has, so what was here is still here.")
    expect(kept(figure).locator("p")).to_contain_text("1 answer, 0 solved exercises, your model (")
    stage.page.reload()
    assert json.loads(saved(stage, stage.figure("train"))) == before


def test_where_the_browser_keeps_nothing_the_page_does_and_says_so(open_figures):
    figures = live.Train(size="one", steps=30), live.Write(prompt="To be")
    stage = open_figures(*figures, script=REFUSE, viewport={"width": 900, "height": 1200})
    write = stage.figure("write-2")
    ready(write)
    bars = write.get_by_role("list", name="Probabilities of the next character")
    book = bars.inner_text()
    figure = train(stage)
    expect(figure.locator("section")).to_contain_text("until you leave this page", use_inner_text=True)
    expect(kept(figure)).to_contain_text("This browser keeps nothing more", use_inner_text=True)
    expect(write.get_by_label(re.compile("^your model"))).to_be_checked()  # it is chosen once there is one
    stage.page.wait_for_function(CHANGED, arg=["#live-write-2", book])
    ready(write)
    expect(write.locator(".message")).to_have_text("")


def test_a_model_that_the_disk_has_no_room_for_is_not_said_to_be_kept_and_replaces_none(open_figures):
    stage = open_figures(live.Train(size="one", steps=30), script=FULL)
    figure = train(stage)
    expect(figure.get_by_text("now offer your model")).to_contain_text("this browser keeps it")
    before = kept(figure).locator("p").inner_text()
    stage.page.evaluate("globalThis.isFull = true")
    figure.locator("summary", has_text="More").click()
    figure.get_by_label("Steps, or 0").fill("12")
    figure.get_by_role("button", name="Start training").click()
    figure.get_by_role("button", name="Keep this one").click()
    said = figure.get_by_text("now offer your model")
    expect(said).to_contain_text("12 steps) until you leave this page")
    expect(kept(figure).locator("p")).to_contain_text("12 steps")
    stage.page.reload()
    figure = stage.figure("train")
    expect(kept(figure).locator("p")).to_have_text(before)
    with stage.page.expect_download() as download:
        figure.get_by_role("button", name="Save everything to a file").click()
    assert json.loads(download.value.path().read_text(encoding="utf-8"))["model"]["steps"] == 30


def test_a_model_is_said_to_be_kept_once_there_is_room_again(open_figures):
    stage = open_figures(live.Train(size="one", steps=12), script=FULL)
    stage.page.evaluate("globalThis.isFull = true")
    figure = train(stage)
    said = figure.get_by_text("now offer your model")
    expect(said).to_contain_text("until you leave this page")
    stage.page.evaluate("globalThis.isFull = false")
    figure.locator("summary", has_text="More").click()
    figure.get_by_label("Steps, or 0").fill("6")
    figure.get_by_role("button", name="Start training").click()
    figure.get_by_role("button", name="Keep this one").click()
    expect(said).to_contain_text("6 steps); this browser keeps it")


def test_a_model_is_said_to_be_kept_when_it_has_been_read_back(open_figures):
    figure = train(open_figures(live.Train(size="one", steps=12), script=TRUNCATED))
    expect(figure.get_by_text("now offer your model")).to_contain_text("until you leave this page")


def test_a_storage_that_never_answers_does_not_keep_a_reader_waiting(open_figures):
    stage = open_figures(live.Train(size="one", steps=12), script=SILENT)
    stage.page.evaluate("""localStorage.setItem("lecture21-model", '{"nats": 2, "steps": 30}')""")
    stage.page.reload()
    stage.page.clock.install()
    figure = stage.figure("train")
    fold = kept(figure)
    said = fold.locator("p").inner_text()
    for name in ("Save everything to a file", "Clear all"):
        fold.get_by_role("button", name=name).click()
        expect(fold.get_by_role("status")).to_have_text("")
        stage.page.clock.fast_forward(16_000)
        expect(fold.get_by_role("status")).to_contain_text("The storage of this browser does not answer")
    expect(fold.locator("p")).to_have_text(said)  # nothing is said to be cleared that may be there
    figure.get_by_role("button", name="Start training").click()
    figure.get_by_text("Finished after").wait_for()
    figure.get_by_role("button", name="Keep this one").click()
    until(lambda: (stage.page.clock.fast_forward(16_000), figure.get_by_text("until you leave this page").count())[1])


def test_a_file_replaces_nothing_before_all_of_it_is_checked(open_figures, tmp_path):
    stage = open_figures(live.Train(size="one", steps=12))
    train(stage)
    write_small(stage, {"solved": ["4.1", "4.2"], "path": 3})
    figure = stage.figure("train")
    right = json.loads(saved(stage, figure))
    before = stage.page.evaluate("({ ...localStorage })")
    model, small = right["model"], right["small"]
    for wrong in (
        {"model": model | {"bytes": model["bytes"][:-8]}},
        {"model": model | {"bytes": "not base64"}},
        {"model": model | {"nats": None}},
        {"model": {}},
        {"small": small | {"answers": {"4.1": "7"}}},
        {"small": small | {"answers": '["7"]'}},
        {"small": small | {"answers": '{"4.1": 7}'}},
        {"small": small | {"solved": '"4.1"'}},
        {"small": small | {"path": "-1"}},
        {"small": small | {"designs": '{"copy": null}'}},
        {"small": small | {"later": "no JSON"}},
        {"small": None},
        {"small": ["1"]},
        {"kind": "other"},
    ):
        load(figure, json.dumps(right | wrong), tmp_path)
        expect(kept(figure).get_by_role("status")).to_contain_text("This is not a complete file")
        after = stage.page.evaluate("({ ...localStorage })")  # the message is there: all is done
        assert after == before
        load(figure, json.dumps(right), tmp_path)  # the right one asks; the message of the wrong one is gone
        kept(figure).get_by_role("button", name="Keep what is here").click()
        expect(kept(figure).get_by_role("status")).to_have_text("Nothing was replaced.")
