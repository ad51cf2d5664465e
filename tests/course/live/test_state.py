"""The state of a figure: what passes its checks is taken, from a notebook, a page or a link, and nothing else."""

import base64
import json

NONSENSE = [None, "", "x" * 50, -1, 1e300, 0.5, True, [], [[["a"]]], {"a": 1}, [1, 2], [[1, 2], [3, "4"]]]
CHECKS = {
    "numberIn(0, 1)": lambda value: type(value) in (int, float) and 0 <= value <= 1,
    "integerIn(-2, 3)": lambda value: type(value) is int and -2 <= value <= 3,
    "oneOf(['', -1])": lambda value: value in ("", -1) and type(value) in (str, int),
    "oneOf([false, true])": lambda value: type(value) is bool,
    "textUpTo(10)": lambda value: type(value) is str and len(value) <= 10,
    "textUpTo(60, 1)": lambda value: type(value) is str and 1 <= len(value) <= 60,
    "arrayOf([2], 0, 5)": lambda value: value == [1, 2],
    "arrayOf([2, 2], 0, 5)": lambda value: False,
}


LIMITS = {
    "numberIn(0, 1)": {"min": 0, "max": 1},
    "integerIn(-2, 3)": {"min": -2, "max": 3, "integer": True},
    "oneOf([false, true])": {"choices": [False, True]},
    "textUpTo(10)": {"shortest": 0, "longest": 10},
    "textUpTo(60, 1)": {"shortest": 1, "longest": 60},
}


def test_a_check_takes_what_it_names_and_nothing_else(load_module):
    page = load_module("kit/state.js")
    for check, takes in CHECKS.items():
        taken = page.evaluate(f"values => [...values, NaN].map((value) => module.{check}(value))", NONSENSE)
        assert taken == [takes(value) for value in NONSENSE] + [False], check


def test_the_limits_of_a_parameter_become_its_check(load_module):
    page = load_module("kit/state.js")
    for check, limits in LIMITS.items():
        start, taken = page.evaluate(
            """([limits, values]) => {
                const { x } = module.fieldsFrom({ x: limits });
                return [x.start, [...values, NaN].map((value) => x.check(value))];
            }""",
            [{"start": "s", **limits}, NONSENSE],
        )
        assert (start, taken) == ("s", [CHECKS[check](value) for value in NONSENSE] + [False]), check


STATE = """([given, linked, changes]) => {
    const values = { ...given, _linked: linked };
    let calls = 0;
    const model = { get: (name) => values[name], set: (name, value) => (values[name] = value), save_changes() {} };
    const size = { start: 3, check: module.integerIn(1, 9) };
    const fields = { size, name: { start: "a", check: module.textUpTo(3) } };
    const state = module.createState(model, fields, () => (calls += 1));
    const first = structuredClone(state.values);
    for (const change of changes) state.set(change);
    const then = structuredClone(state.values);
    state.reset();
    return { first, then, reset: state.values, model: { size: values.size, name: values.name }, calls };
}"""


def test_a_link_goes_before_the_page_and_reset_returns_to_the_page(load_module):
    page = load_module("kit/state.js")
    changes = [{"size": 99}, {"name": "b", "other": 1}]
    actual = page.evaluate(STATE, [{"size": 5}, {"size": 7, "name": "much too long"}, changes])
    assert actual["first"] == {"size": 7, "name": "a"}
    assert actual["then"] == {"size": 7, "name": "b"}
    assert actual["reset"] == actual["model"] == {"size": 5, "name": "a"}
    assert actual["calls"] == 3


def test_nonsense_from_anywhere_leaves_the_start(load_module):
    page = load_module("kit/state.js")
    for value in NONSENSE:
        actual = page.evaluate(STATE, [{"size": value}, {"size": value, "__proto__": value}, [{"size": value}]])
        assert actual["first"] == actual["then"] == {"size": 3, "name": "a"}, value


def test_a_state_comes_back_from_its_link(load_module):
    page = load_module("kit/state.js")
    values = {"text": "naïve 🙂 ~~~???>>>", "numbers": [1.5, -2, 1e-9]}
    text = page.evaluate("module.encodeState", values)
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    assert json.loads(base64.b64decode(padded)) == values
