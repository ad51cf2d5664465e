"""What every figure does: start, respond to keyboard and touch, and survive themes, sizes and nonsense."""

import base64
import gzip
import json
import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect
from until import until

from lecture21.course import live
from lecture21.course.live import bundle

EXAMPLES = {figure.fallback_image() or repr(figure): figure for figure in live.examples()}
FIRST = {figure.figure: name for name, figure in reversed(EXAMPLES.items())}
"""The name of one example of each kind of figure; the others are repetitions."""
BROKEN = re.compile(r"\b(NaN|undefined|null|Infinity|\[object)\b")
NONSENSE = [None, "", "x" * 5000, -1, 1e300, 0.5, True, [], [[["a"]]], {"a": 1}, [1e308] * 4]
NUMBERS = ["1e999", "-5", "0", ""]
TEXTS = ["<img src=x onerror=alert(1)>", "日本語 \u202e🙂", "", "a" * 3000]
PHONE = {"viewport": {"width": 352, "height": 844}, "has_touch": True, "is_mobile": True}  # 352 of 360: as in the book
LOADS_ON_REQUEST = ("aligned", "score", "train")  # their own tests load broken files

# Notes each text that is drawn over an edge of its canvas.
WATCH_TEXTS = """
window.cutTexts = [];
const draw = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
  const size = this.measureText(text), place = this.getTransform();
  const corners = [
    { x: x - size.actualBoundingBoxLeft, y: y - size.actualBoundingBoxAscent },
    { x: x + size.actualBoundingBoxRight, y: y + size.actualBoundingBoxDescent },
  ].map((corner) => place.transformPoint(corner));
  const { width, height } = this.canvas;
  if (corners.some((corner) => corner.x < -1 || corner.y < -1 || corner.x > width + 1 || corner.y > height + 1))
    cutTexts.push(String(text));
  return draw.call(this, text, x, y, ...rest);
};"""

# Show the figure once more, in a state from a link or with files of which only the beginning arrived; return what it
# says, whether it gave up, and what is left of it when it is removed.
SHOW_AGAIN = """async ([linked, broken]) => {
  const { state, assets, figure } = document.querySelector(".live-figure").dataset;
  const widget = liveFigures[figure];
  const values = { ...JSON.parse(state), _linked: linked };
  for (const [name, file] of Object.entries(JSON.parse(assets))) {
    values[`${name}_url`] = file;
    if (broken) values[name] = new DataView(await (await fetch(file)).arrayBuffer(), 0, 10_000);
  }
  const model = {
    get: (name) => values[name], set: (name, value) => (values[name] = value), save_changes() {}, on() {}, off() {},
  };
  const el = document.createElement("div");
  document.querySelector("main").append(el);
  let stopped = false;
  el.addEventListener("live-stop", () => (stopped = true));
  const remove = await widget.render({ model, el });
  const section = el.firstChild?.shadowRoot.querySelector("section");
  while (section?.ariaBusy === "true") await new Promise(requestAnimationFrame);
  const said = section?.innerText ?? "", message = section?.querySelector(".message").innerText;
  const shown = Boolean(section?.querySelector(".stage")?.checkVisibility());
  const reading = section?.querySelector(".reading")?.innerText;
  remove?.();
  const left = el.childNodes.length;
  el.remove();
  return { said, reading, message, shown, stopped, left };
}"""

# Of some elements, return the text of those that have more than one line.
BROKEN_LINES = """all => all.filter((node) => {
    const text = document.createRange();
    text.selectNodeContents(node);
    const boxes = [...text.getClientRects()];
    return Math.max(...boxes.map(({ top }) => top)) >= Math.min(...boxes.map(({ bottom }) => bottom));
}).map((node) => node.textContent)"""


# Of the texts of charts, return those that are drawn over an edge.
TEXTS_OUTSIDE = """all => all.filter((node) => {
    const [text, chart] = [node.getBoundingClientRect(), node.ownerSVGElement.getBoundingClientRect()];
    const across = text.left < chart.left - 1 || text.right > chart.right + 1;
    return node.checkVisibility() && (across || text.top < chart.top - 1 || text.bottom > chart.bottom + 1);
}).map((node) => node.textContent)"""


def words(actual) -> str:
    """Return everything a figure says."""
    return actual.locator("section.figure").inner_text()


def two_frames(page) -> None:
    """Let the page draw what has changed."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def opened(stage, figure):
    """Return the figure once it shows its first state; it must say something, and nothing broken."""
    actual = stage.figure(figure.figure)
    stage.page.locator("section.figure:not([aria-busy=true])").first.wait_for()
    until(lambda: len(words(actual).split()) > 20)
    until(lambda: not BROKEN.search(words(actual)))
    expect(actual.locator(".message")).to_have_text("")
    return actual


def check_that_anyone_can_use_it(page) -> None:
    problems = page.evaluate("axe.run('.live-figure')")["violations"]
    assert [(problem["id"], problem["nodes"][0]["html"]) for problem in problems] == []


def check_that_it_fits_a_phone(page, actual) -> None:
    two_frames(page)
    until(lambda: page.evaluate("cutTexts") == [])
    until(lambda: actual.locator(".chart text").evaluate_all(TEXTS_OUTSIDE) == [])
    until(lambda: page.evaluate("document.documentElement.scrollWidth") <= 352)
    cut = actual.locator("section.figure").evaluate(
        """figure => [...figure.querySelectorAll("*")].filter((node) => {
            const box = node.getBoundingClientRect();
            const outside = box.right > figure.getBoundingClientRect().right + 1;
            return box.width && outside && node.checkVisibility() && !node.closest(".scroll, .hidden");
        }).map((node) => node.outerHTML.slice(0, 80))"""
    )
    assert cut == []
    until(lambda: actual.locator(".choice span").evaluate_all(BROKEN_LINES) == [])  # an option is one line
    for button in actual.get_by_role("button").all():
        if button.is_visible():
            box = button.bounding_box()
            assert box["height"] >= 24, button.inner_text()
            assert box["width"] >= 24, button.inner_text()


def check_that_the_keyboard_reaches_every_control(page, actual) -> None:
    wanted = actual.locator("section.figure").evaluate(
        """figure => {
            const names = "button, input, select, textarea, summary, a[href], [role=slider], .chart";
            const all = [...figure.querySelectorAll(names)];
            const shown = all.filter((node) => !node.disabled && node.tabIndex >= 0 && node.checkVisibility());
            // The arrows reach the other radio buttons of a group: Tab stops at the checked one, or at the first.
            const group = (node) => shown.filter(({ type, name }) => type === "radio" && name === node.name);
            const stop = (node) => group(node).find(({ checked }) => checked) ?? group(node)[0];
            const radios = shown.filter((node) => node.type === "radio" && stop(node) !== node);
            return shown.length - radios.length;
        }"""
    )
    seen = set()
    page.locator("h1").evaluate("heading => { heading.tabIndex = -1; heading.focus(); }")
    for _ in range(wanted + 3):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
                let node = document.activeElement;
                while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
                if (!node?.closest(".figure")) return null;
                const all = [...node.getRootNode().querySelectorAll("*")];
                return all.indexOf(node);
            }"""
        )
        if focused is not None:
            seen.add(focused)
    assert len(seen) == wanted


def check_that_a_hidden_tab_changes_nothing(page, actual) -> None:
    before = words(actual)
    for hidden in (True, False):
        page.evaluate(
            """hidden => {
                Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            hidden,
        )
    until(lambda: words(actual) == before)


def check_links_with_nonsense(page, figure) -> None:
    """A link with values of a wrong kind leaves the first state; and nothing is left of a figure that is removed."""
    names = sorted(type(figure)._state_names())
    for first_value in range(0, len(NONSENSE), 3):
        state = {name: NONSENSE[(first_value + i) % len(NONSENSE)] for i, name in enumerate(names)}
        actual = page.evaluate(SHOW_AGAIN, [state, False])
        assert len(actual["said"].split()) > 20, state
        assert not BROKEN.search(actual["said"]), state
        assert actual["left"] == 0


def check_broken_files(page, figure) -> None:
    """A file of which only the beginning arrives gives one sentence, and the picture comes back."""
    if figure.assets() and figure.figure not in LOADS_ON_REQUEST:
        actual = page.evaluate(SHOW_AGAIN, [{}, True])
        assert re.fullmatch(r"[A-Z].{15,160}\.", actual["message"])
        assert actual["stopped"]  # for which host.js brings the picture back: see `test_write.py`
        assert not actual["shown"]


def check_that_the_description_follows_the_controls(page, actual) -> None:
    """The first slider, choice or list that is moved changes what the figure says; it may be in a fold."""
    unfold(actual)
    before = words(actual)
    controls = actual.locator("input[type=range]:visible, input[type=radio]:checked, select:visible")
    if not controls.count():
        return  # a question, and figures with buttons and text only
    control = controls.first
    if control.get_attribute("type") == "range":
        at_its_end = control.input_value() == control.get_attribute("min")
        control.press("ArrowRight" if at_its_end else "ArrowLeft")
    else:
        control.press("ArrowDown")
    page.wait_for_function("([figure, before]) => figure.innerText !== before", arg=[
        actual.locator("section.figure").element_handle(), before])  # fmt: skip


def check_that_a_link_keeps_the_state(page, actual) -> None:
    """What the figure reports now, it reports again with the state of its link."""
    button = actual.get_by_role("button", name="Link to this state")
    if button.count():
        button.click()
        actual.get_by_text("address bar").wait_for()
        text = page.evaluate("location.hash.split('=', 2)[1]")
        state = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        again = page.evaluate(SHOW_AGAIN, [state, False])["reading"]
        expect(actual.locator(".reading").first).to_have_text(again, use_inner_text=True)


def unfold(actual) -> None:
    actual.locator("section.figure details").evaluate_all("all => all.forEach((fold) => (fold.open = true))")


def check_nonsense_in_every_input(actual) -> None:
    unfold(actual)
    fields = [
        field
        for field in actual.locator("input[type=number], input[type=text], textarea").all()
        if field.is_visible() and field.is_enabled()
    ]
    for field in fields[:: 1 + len(fields) // 12]:  # a matrix has dozens of the same field
        if field.is_disabled():
            continue  # by what an earlier field says now
        number = field.get_attribute("type") == "number"
        for text in NUMBERS if number else TEXTS:
            field.fill(text)
        until(lambda: not BROKEN.search(words(actual)), str(field.evaluate("node => node.labels[0]?.innerText")))
    expect(actual.locator("img")).to_have_count(0)


@pytest.mark.parametrize(
    "figure",
    [
        pytest.param(figure, marks=[] if name in FIRST.values() else pytest.mark.repetition, id=name)
        for name, figure in EXAMPLES.items()
    ],
)
def test_a_visit(open_figures, figure):
    """One visit in which everything is checked: wide, in the dark, and as narrow as on a phone."""
    stage = open_figures(figure)
    page = stage.page
    page.evaluate(f"() => {{{WATCH_TEXTS}}}")
    page.evaluate(AXE_SCRIPT)
    actual = opened(stage, figure)
    before = words(actual)
    check_that_anyone_can_use_it(page)
    check_that_a_hidden_tab_changes_nothing(page, actual)

    section = actual.locator("section.figure")
    ink = section.evaluate("figure => getComputedStyle(figure).color")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    two_frames(page)
    section.evaluate("figure => figure.getAnimations({ subtree: true }).forEach((transition) => transition.finish())")
    until(lambda: section.evaluate("figure => getComputedStyle(figure).color") != ink)
    check_that_anyone_can_use_it(page)

    for width in (1600, 320, 352):
        page.evaluate("cutTexts.length = 0")
        page.set_viewport_size({"width": width, "height": 1000})
        two_frames(page)
    check_that_it_fits_a_phone(page, actual)
    page.set_viewport_size({"width": 900, "height": 1200})
    until(lambda: words(actual) == before)

    check_that_the_keyboard_reaches_every_control(page, actual)
    check_links_with_nonsense(page, figure)
    check_broken_files(page, figure)
    check_that_the_description_follows_the_controls(page, actual)
    check_that_a_link_keeps_the_state(page, actual)
    check_nonsense_in_every_input(actual)


@pytest.mark.repetition
@pytest.mark.parametrize("figure", EXAMPLES.values(), ids=EXAMPLES)
def test_a_figure_starts_on_a_phone_and_can_be_touched(open_figures, figure):
    stage = open_figures(figure, script=WATCH_TEXTS, **PHONE)
    actual = opened(stage, figure)
    check_that_it_fits_a_phone(stage.page, actual)
    reset = actual.get_by_role("button", name="Reset")
    if reset.count():
        reset.tap()


def test_what_one_should_see_follows_the_first_act_and_moves_nothing_above_it(open_figures):
    figure = open_figures(live.Context()).figure("context")
    advice, controls, outcome = (figure.locator(each) for each in (".try span >> nth=0", ".controls", ".outcome"))
    top, end = controls.bounding_box()["y"], advice.bounding_box()["y"] + advice.bounding_box()["height"]
    assert top - end < 24  # less than an empty line
    expect(outcome).to_be_hidden()
    figure.get_by_role("slider").press("ArrowLeft")
    expect(outcome).to_be_visible()
    until(lambda: outcome.inner_text().startswith("You should see: with 32 characters"))
    until(lambda: controls.bounding_box()["y"] == top)
    figure.get_by_role("button", name="Reset").click()
    expect(outcome).to_be_hidden()


def test_a_link_of_no_sense_leaves_the_first_state(open_figures):
    """What the page's script makes of a link; what a figure makes of its values is checked in each visit."""
    for link in ("%%%", "x" * 100_000, "W10", "bnVsbA", "MQ"):  # the last three: [], null, 1
        actual = opened(open_figures(live.Context(), hash=f"#live-context={link}"), live.Context())
        until(lambda: "With 64 characters" in words(actual))


@pytest.mark.parametrize("figure", EXAMPLES.values(), ids=EXAMPLES)
def test_a_figure_is_small(figure):
    """With what it shares with the other figures of its page."""
    added = [*bundle.scripts({figure.figure: figure.parameters()}).values(), figure.element()]
    assert sum(len(gzip.compress(text.encode())) for text in added) < 65_000  # as servers send them
