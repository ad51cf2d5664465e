"""Modules are joined into one file, and what the joiner does not understand is refused."""

import pytest

from lecture21.course.live import bundle


@pytest.fixture
def js(tmp_path, monkeypatch):
    """An empty folder of modules, and a function that writes one."""
    monkeypatch.setattr(bundle, "ROOT", tmp_path)

    def write(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)

    return write


def run(browser, text: str, expression: str):
    """Return the value of an expression of `found`, the exports of a module text."""
    page = browser.new_page()
    url = "URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))"
    value = page.evaluate(f"text => import({url}).then(found => ({expression}))", text)
    page.close()
    return value


def test_modules_keep_their_own_names(js, browser):
    js("kit/a.js", "const hidden = 1;\nexport const a = hidden;\nexport function twice(x) {\n  return 2 * x;\n}\n")
    js(
        "kit/b.js",
        'import { a as other, twice } from "./a.js";\nconst hidden = 10;\nexport const b = twice(hidden) + other;\n',
    )
    js(
        "f/f.js",
        'import { b } from "../kit/b.js";\nimport {\n  a,\n  twice,\n} from "../kit/a.js";\n'
        "export default { value: [a, b, twice(4)] };\n",
    )
    text = bundle.bundle("f")
    assert text.count("function twice") == 1  # a module that two others import is there once
    assert run(browser, text, "found.default.value") == [1, 21, 8]


def test_figures_share_the_kit_and_the_engine_but_for_what_few_use_and_have_their_own_limits(js, browser):
    js("host.js", "// Starts figures.\n")
    js("kit/count.js", "let calls = 0;\nexport function count() {\n  return ++calls;\n}\n")
    js("kit/rare.js", 'import { count } from "./count.js";\nexport const rare = () => `rare ${count()}`;\n')
    js("engine/two.js", "export const two = 2;\n")
    both = 'import { count } from "../kit/count.js";\nimport { two } from "../engine/two.js";\n'
    js("f/f.js", f"{both}export default {{ render: ({{ fields }}) => [count(), two, fields] }};\n")
    rare = 'import { rare } from "../kit/rare.js";\n'
    js("g/g.js", f"{both}{rare}export default {{ render: () => [count(), two, rare()] }};\n")
    scripts = bundle.scripts({"g": None, "f": {"x": 1}})
    assert scripts["host"].startswith('self.liveScripts = {"f": ["kit", "engine", "f"], "g": ["kit", "engine", "g"]};')
    assert "".join(scripts.values()).count("function count") == 1
    assert [name for name, text in scripts.items() if "const rare" in text] == ["g"]
    page = browser.new_page()
    for name in ("kit", "engine", "f", "g"):
        page.add_script_tag(content=scripts[name])
    expected = [[1, 2, {"x": 1}], [2, 2, "rare 3"]]
    actual = page.evaluate("[liveFigures.f.render({}), liveFigures.g.render({})]")
    assert actual == expected
    page.close()


def test_a_worker_runs_the_same_code_in_a_thread_or_here(js, browser):
    js("engine/sum.js", "export function sum(a, b) {\n  return a + b;\n}\n")
    serve = "export function serve(port) {\n  port.postMessage(sum(1, 2));\n}\n"
    worker = f'import {{ sum }} from "./sum.js";\n{serve}export const here = sum(3, 4);\n'
    js("engine/worker.js", worker)
    js(
        "engine/client.js",
        'import { source, inline } from "./worker.js?worker";\n'
        "export const text = source;\nexport const start = inline;\n",
    )
    text = bundle.module("engine/client.js")
    assert text.count("function sum") == 1
    assert run(browser, text, "found.start().here") == 7
    answer = """new Promise((done) => {
        const url = URL.createObjectURL(new Blob([found.text]));
        new Worker(url).onmessage = (event) => done(event.data);
    })"""
    assert run(browser, text, answer) == 3


def test_comments_are_left_out(js, browser):
    js(
        "f/f.js",
        "// About the module.\n\n/**\n * Add.\n * @param {number} a\n */\nfunction add(a, b) {\n  // the sum\n"
        "  return /** @type {any} */ (a) + b; // of both of a caller's\n}\n\n  /** One line. */\n"
        "export default { value: [add(1, 2), 'http://a /** not one */', \"not // one\"] };\n",
    )
    text = bundle.bundle("f")
    for comment in ("About", "Add.", "the sum", "@type", "One line", "of both"):
        assert comment not in text
    assert run(browser, text, "found.default.value") == [3, "http://a /** not one */", "not // one"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('import a from "./a.js";\n', 'f/f.js has a line that is not understood: import a from "./a.js";'),
        ("export { a };\n", "f/f.js has a line that is not understood: export { a };"),
        ('import { a } from "./none.js";\n', "f/f.js imports ./none.js, which does not exist"),
        ('import { b } from "../kit/a.js";\n', "f/f.js imports b, which kit/a.js does not export"),
        ('import { c } from "../kit/c.js";\n', "f/f.js imports itself: f/f.js -> kit/c.js -> f/f.js"),
    ],
)
def test_what_is_not_understood_is_refused(js, text, message):
    js("kit/a.js", "export const a = 1;\n")
    js("kit/c.js", 'import { d } from "../f/f.js";\nexport const c = 1;\n')
    js("f/f.js", text)
    with pytest.raises(ValueError, match=message.replace("{", r"\{").replace(".", r"\.")):
        bundle.bundle("f")
