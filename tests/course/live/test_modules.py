"""What holds for every JavaScript module, without Node: `make js-check` has the rest."""

import re

from lecture21.course.live import bundle

FILES = sorted(bundle.ROOT.rglob("*.js"))
FORBIDDEN = {
    r"\binnerHTML\b|\binsertAdjacentHTML\b|\bdocument\.write\b": "text from outside could become markup",
    r"\beval\(|\bnew Function\(": "text from outside could become code",
    r"\b(window|globalThis)\.\w+ =[^=]": "a figure leaves nothing behind on the page",
    r"\bconsole\.(log|debug|info)\b": "left over from development",
    r"https?://(?!www\.w3\.org/2000/svg\")": "no figure asks another host",
    r"\blocalStorage\b|\bsessionStorage\b|\bindexedDB\b|\bdocument\.cookie\b": "kit/store.js alone stores anything",
}


def test_no_module_lets_foreign_text_become_code_or_leaves_anything_behind():
    found = {
        f"{path.relative_to(bundle.ROOT)}: {reason}"
        for path in FILES
        for pattern, reason in FORBIDDEN.items()
        if re.search(pattern, path.read_text(encoding="utf-8"))
    }
    assert found == {"kit/store.js: kit/store.js alone stores anything"}
