"""What every figure does: start, respond to keyboard and touch, and survive themes, sizes and nonsense."""

import base64
import gzip
import json
import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from lecture21 import live
from lecture21.live import bundle
from lecture21.live.figure import Figure

EXAMPLES = {figure.twin() or repr(figure): figure for figure in live.examples()}
BROKEN = re.compile(r"\b(NaN|undefined|null|Infinity|\[object)\b")
NONSENSE = [None, "", "x" * 5000, -1, 1e300, 0.5, True, [], [[["a"]]], {"a": 1}, [1e308] * 4]
NUMBERS = ["1e999", "-5", "0", ""]
TEXTS = ["<img src=x onerror=alert(1)>", "日本語 \u202e🙂", "", "a" * 3000]

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


def start(stage, figure):
    """Return the figure once it has started and shows its first state."""
    found = stage.figure(figure.figure)
    stage.page.locator("section.figure:not([aria-busy=true])").first.wait_for()
    return found


def words(found) -> str:
    """Return everything a figure says."""
    return found.locator("section.figure").inner_text()


class EveryPicture:
    """The tests of one first state: a class of its own, so that several processes share the figures."""

    shown: Figure

    @pytest.fixture
    def figure(self):
        return self.shown

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_a_figure_starts_and_anyone_can_use_it(self, open_figures, figure, theme):
        stage = open_figures(figure, theme=theme)
        found = start(stage, figure)
        assert len(words(found).split()) > 20
        assert not BROKEN.search(words(found))
        assert found.locator(".message").inner_text() == ""
        stage.page.evaluate(AXE_SCRIPT)
        problems = stage.page.evaluate("axe.run('.live-figure')")["violations"]
        assert [(problem["id"], problem["nodes"][0]["html"]) for problem in problems] == []

    def test_a_figure_fits_a_phone_and_can_be_touched(self, open_figures, figure):
        # As wide as a figure of the book on a phone of 360 pixels.
        phone = {"viewport": {"width": 352, "height": 844}, "has_touch": True, "is_mobile": True}
        stage = open_figures(figure, script=WATCH_TEXTS, **phone)
        found = start(stage, figure)
        stage.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert stage.page.evaluate("cutTexts") == []
        assert stage.page.evaluate("document.documentElement.scrollWidth") <= 352
        cut = found.locator("section.figure").evaluate(
            """figure => [...figure.querySelectorAll("*")].filter((node) => {
                const box = node.getBoundingClientRect();
                const outside = box.right > figure.getBoundingClientRect().right + 1;
                return box.width && outside && !node.closest(".scroll, .hidden");
            }).map((node) => node.outerHTML.slice(0, 80))"""
        )
        assert cut == []
        for button in found.get_by_role("button").all():
            if button.is_visible():
                box = button.bounding_box()
                assert box["height"] >= 24, button.inner_text()
                assert box["width"] >= 24, button.inner_text()
        reset = found.get_by_role("button", name="Reset")
        if reset.count():
            reset.tap()

    def test_a_figure_is_small(self, figure):
        added = [figure.scripts[figure.figure], (bundle.ROOT / "host.js").read_text(), figure.element()]
        assert sum(len(gzip.compress(text.encode())) for text in added) < 60_000  # as servers send them


class EveryFigure(EveryPicture):
    """The tests of one class of figures: what does not depend on its first state."""

    def test_a_figure_survives_resizing_themes_and_a_hidden_tab(self, open_figures, figure):
        stage = open_figures(figure)
        found = start(stage, figure)
        before = words(found)
        for width in (320, 1600, 900):
            stage.page.set_viewport_size({"width": width, "height": 1000})
        ink = "figure => getComputedStyle(figure).color"
        light = found.locator("section.figure").evaluate(ink)
        stage.page.evaluate("document.documentElement.dataset.theme = 'dark'")
        stage.page.evaluate("new Promise(requestAnimationFrame)")
        assert found.locator("section.figure").evaluate(ink) != light
        for hidden in (True, False):
            stage.page.evaluate(
                """hidden => {
                    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
                    document.dispatchEvent(new Event("visibilitychange"));
                }""",
                hidden,
            )
        assert words(found) == before

    def test_the_keyboard_reaches_every_control(self, open_figures, figure):
        stage = open_figures(figure)
        found = start(stage, figure)
        wanted = found.locator("section.figure").evaluate(
            """figure => {
                const all = [...figure.querySelectorAll("button, input, select, textarea, summary, a[href]")];
                const shown = all.filter((node) => !node.disabled && node.tabIndex >= 0 && node.checkVisibility());
                // The arrows reach the other radio buttons of a group: Tab stops at the checked one, or at the first.
                const group = (node) => shown.filter(({ type, name }) => type === "radio" && name === node.name);
                const stop = (node) => group(node).find(({ checked }) => checked) ?? group(node)[0];
                const radios = shown.filter((node) => node.type === "radio" && stop(node) !== node);
                return shown.length - radios.length;
            }"""
        )
        seen = set()
        stage.page.locator("h1").evaluate("heading => { heading.tabIndex = -1; heading.focus(); }")
        for _ in range(wanted + 3):
            stage.page.keyboard.press("Tab")
            focused = stage.page.evaluate(
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

    def test_the_description_follows_the_controls(self, open_figures, figure):
        """The first slider, choice or list that is moved changes what the figure says."""
        stage = open_figures(figure)
        found = start(stage, figure)
        before = words(found)
        controls = found.locator("input[type=range]:visible, input[type=radio]:checked, select:visible")
        if not controls.count():
            pytest.skip("the figure has no such control")  # a question, and figures with buttons and text only
        control = controls.first
        control.press("ArrowLeft" if control.get_attribute("type") == "range" else "ArrowDown")
        stage.page.wait_for_function("([figure, before]) => figure.innerText !== before", arg=[
            found.locator("section.figure").element_handle(), before])  # fmt: skip

    def test_a_link_with_nonsense_leaves_the_first_state(self, open_figures, figure):
        names = sorted(type(figure)._state_names())
        links = ["%%%", "x" * 100_000]
        for first_value in range(0, len(NONSENSE), 3):
            state = {name: NONSENSE[(first_value + i) % len(NONSENSE)] for i, name in enumerate(names)}
            links.append(base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("="))
        stage = open_figures(figure)
        for link in links:
            stage.page.goto("about:blank")  # otherwise only the end of the address changes, and nothing starts again
            stage.page.goto(f"{stage.address}#live-{figure.figure}={link}")
            assert not BROKEN.search(words(start(stage, figure))), link[:500]

    def test_nonsense_in_every_input_is_answered_in_words(self, open_figures, figure):
        stage = open_figures(figure)
        found = start(stage, figure)
        for summary in found.locator("section.figure summary:visible").all():
            summary.click()
        fields = [
            field
            for field in found.locator("input[type=number], input[type=text], textarea").all()
            if field.is_visible() and field.is_enabled()
        ]
        for field in fields[:: 1 + len(fields) // 12]:  # a matrix has dozens of the same field
            number = field.get_attribute("type") == "number"
            for text in NUMBERS if number else TEXTS:
                field.fill(text)
            assert not BROKEN.search(words(found)), field.evaluate("node => node.labels[0]?.innerText")
        assert found.locator("img").count() == 0

    def test_a_broken_file_gives_one_sentence(self, open_figures, figure):
        if not figure.assets() or figure.figure in ("aligned", "train"):  # these load on request: see their own tests
            pytest.skip("the figure loads no file at first")
        stage = open_figures(figure, break_files=True)
        found = stage.figure(figure.figure)
        sentence = found.locator(".message:not(:empty)")
        sentence.wait_for()
        assert re.fullmatch(r"[A-Z].{15,160}\.", sentence.inner_text())
        assert found.locator(":scope > p").is_visible()  # what stands in for the figure is back
        assert not found.locator(".stage").is_visible()

    def test_nothing_is_left_when_a_figure_is_removed(self, open_figures, figure):
        stage = open_figures(figure)
        start(stage, figure)
        left = stage.page.evaluate(
            """async () => {
                const { state, assets, figure } = document.querySelector(".live-figure").dataset;
                const { default: widget } = await import(`./${figure}.js`);
                const el = document.createElement("div");
                document.body.append(el);
                const values = JSON.parse(state);
                for (const [name, file] of Object.entries(JSON.parse(assets))) values[`${name}_url`] = file;
                const model = { get: (key) => values[key], set() {}, save_changes() {}, on() {}, off() {} };
                const remove = await widget.render({ model, el });
                remove();
                return el.childNodes.length;
            }"""
        )
        assert left == 0


first = {shown.figure: shown for shown in reversed(EXAMPLES.values())}
for name, shown in EXAMPLES.items():
    title = re.sub(r"\W+", "_", name)
    # Levels of the attention playground are figures of their own; questions have different inputs.
    whole = shown is first[shown.figure] or isinstance(shown, live.Attention | live.Question)
    globals()[f"Test_{title}"] = type(f"Test_{title}", (EveryFigure if whole else EveryPicture,), {"shown": shown})
