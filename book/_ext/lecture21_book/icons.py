"""Icons: fonts that hold only the icons of the book, instead of the theme's whole fonts and its script."""

import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

_VENDOR = Path("vendor", "fontawesome", "webfonts")
_FONTS = {  # the theme's files, the family to which they belong, and their weights
    "fa-solid-900": ("Font Awesome 6 Free", 900),
    "fa-regular-400": ("Font Awesome 6 Free", 400),
    "fa-brands-400": ("Font Awesome 6 Brands", 400),
}


def used_icons(texts: list[str]) -> set[str]:
    """Return the icons that pages and scripts show, as classes: fa-bars."""
    return {name for text in texts for name in re.findall(r"\bfa-[a-z0-9-]+", text)}


def code_points(style_sheet: str, icons: set[str]) -> set[int]:
    """Return the code points of icons, and of those that a style sheet shows by itself."""
    codes = set()
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", style_sheet):
        code = re.search(r'content:"\\([0-9a-f]{3,})"', body)
        named = icons & set(re.findall(r"\.(fa-[a-z0-9-]+):before", selectors))
        if code and (named or "Font Awesome" in body.replace("\\", "")):
            codes.add(int(code.group(1), 16))
    return codes


def _write_fonts(static: Path, codes: set[int]) -> str:
    """Write the small fonts, and return the rules that put them before the theme's own for these code points."""
    rules = []
    for name, (family, weight) in _FONTS.items():
        path = static / _VENDOR / f"{name}.ttf"
        if not path.exists():  # newer themes have WOFF2 alone, which fontTools reads only with brotli: leave theirs
            continue
        font = TTFont(path, recalcTimestamp=False)  # the same bytes in every build
        here = sorted(codes & set(font.getBestCmap()))
        if not here:
            continue
        subsetter = subset.Subsetter()
        subsetter.populate(unicodes=here)
        subsetter.subset(font)
        font.flavor = "woff"
        font.save(static / f"{name}-used.woff")
        used = ", ".join(f"U+{code:x}" for code in here)
        rules.append(
            f'@font-face {{ font-family: "{family}"; font-weight: {weight}; font-display: block;'
            f' src: url("{name}-used.woff") format("woff"); unicode-range: {used}; }}'
        )
    return "\n".join(rules)


def _use_small_fonts(app: Sphinx, exception: Exception | None) -> None:
    """Write the fonts and their style sheet."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    pages = [path for path in out.rglob("*.html") if static not in path.parents]
    texts = [path.read_text(encoding="utf-8") for path in [*pages, *static.rglob("*.js")]]
    icons = used_icons(texts)
    sheets = [path.read_text(encoding="utf-8") for path in (static / "styles").glob("*.css")]
    codes = code_points("".join(sheets), icons)
    (static / "icons.css").write_text(_write_fonts(static, codes), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    """Link the style sheet of the small fonts; it is written when all pages are."""
    app.add_css_file("icons.css", priority=900)
    app.connect("build-finished", _use_small_fonts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
