"""GPT-2's alphabet: its pattern for words, its order of the 256 bytes, and a printable character for each byte."""

PATTERN = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
"""GPT-2's pattern for words: English contractions; letters, digits or other symbols after at most one space; spaces.

Source: Radford et al. 2019; `encoder.py` of their code.
"""

_PRINTABLE = [byte for byte in range(256) if chr(byte).isprintable() and chr(byte) != " "]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
BYTES = bytes(_PRINTABLE + _OTHERS)
"""The 256 bytes in GPT-2's order, those that are printable in Latin-1 first: the byte at index i has id i."""

SYMBOLS = "".join(map(chr, _PRINTABLE)) + "".join(chr(256 + i) for i in range(len(_OTHERS)))
"""One printable character for each of `BYTES`, as used in vocabulary files: a space is Ġ, a line break is Ċ."""

_SYMBOL_OF = dict(zip(BYTES, SYMBOLS, strict=True))
_BYTE_OF = dict(zip(SYMBOLS, BYTES, strict=True))


def spell(token: bytes) -> str:
    """Return a token as written in vocabulary files: one character of `SYMBOLS` for each byte."""
    return "".join(_SYMBOL_OF[byte] for byte in token)


def unspell(symbols: str) -> bytes:
    """Invert `spell`; raises KeyError for a character that represents no byte."""
    return bytes(_BYTE_OF[symbol] for symbol in symbols)
