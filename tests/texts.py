"""Texts for the tests of tokenizers: any assigned characters, and pieces on which tokenizers tend to differ."""

from hypothesis import strategies as st

# Characters that no Unicode table names yet are letters to one library and not to another.
assigned = st.characters(exclude_categories=("Cs", "Cn"))
PIECES = ["'s", "'LL", "don't", " they're", "''", " ", "  ", "\n", "\r\n", "\t", "\u3000", "\xa0", "1", " ２", "½", "_"]
PIECES += [
    "é",
    "e\u0301",
    "ß",
    "Ω",
    "中文",
    "한",
    "👩\u200d🚀",
    "🏳️",
    "\x00",
    "\x1c",
    "\xad",
    "\u2028",
    "Ġ",
    "--",
    " a",
    "A",
]
