"""What holds for every JavaScript module, without Node: `make js-check` has the rest."""

import re

import pytest

from lecture21.live import bundle

FILES = sorted(bundle.ROOT.rglob("*.js"))
FORBIDDEN = {
    r"\binnerHTML\b|\binsertAdjacentHTML\b|\bdocument\.write\b": "text from outside could become markup",
    r"\beval\(|\bnew Function\(": "text from outside could become code",
    r"\b(window|globalThis)\.\w+ =[^=]": "a figure leaves nothing behind on the page",
    r"\bconsole\.(log|debug|info)\b": "left over from development",
    r"https?://": "no figure asks another host",
    r"\blocalStorage\b|\bsessionStorage\b|\bindexedDB\b|\bdocument\.cookie\b": "kit/store.js alone stores anything",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(bundle.ROOT).as_posix())
def test_a_module_follows_the_rules(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0].startswith("// "), "the first line says what the module is"
    assert len(lines) <= 300
    assert max(map(len, lines)) <= 160 or "style" in path.name  # prettier's 120, except for text and rules of CSS
    for pattern, reason in FORBIDDEN.items():
        if path.name == "store.js" and "localStorage" in pattern:
            continue
        assert not re.search(pattern, text), f"{pattern}: {reason}"
