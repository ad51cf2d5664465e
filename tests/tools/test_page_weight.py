"""The table of `make weight` marks what the first page has over its limits."""

import page_weight


def test_only_what_is_over_a_limit_is_marked():
    seen = {"requests": 500, "kB": 400.4, "first paint (s)": 3.0, "interactive (s)": 1.99}
    assert page_weight.row("book/intro", seen).split() == ["book/intro", "500", "400*", "3.00", "1.99"]
    assert page_weight.row("book/intro", seen | {"kB": 400, "interactive (s)": 2.01}).split()[2:] == [
        "400",
        "3.00",
        "2.01*",
    ]
    assert "*" not in page_weight.row("book/notation", seen)
