"""Serve figures on a plain page, without the book, to look at them, test them, and take their pictures.

Usage: python tools/live_page.py 'Attention(query=1)' 'Context()' [PORT]     serve these figures until Ctrl-C
       python tools/live_page.py --pictures [NAME ...]     take the pictures that stand in for figures (make pictures)
       python tools/live_page.py --look 'Context()' [FOLDER]     take pictures of it: wide, phone, dark
"""

import contextlib
import functools
import http.server
import io
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import find_browser
from PIL import Image
from playwright.sync_api import sync_playwright

from lecture21.course import live
from lecture21.course.live import assets, bundle
from lecture21.course.live.figure import Figure

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
STYLE = (
    "body { font-family: sans-serif; max-width: 46rem; margin: 1rem auto; padding: 0 0.75rem } "
    "html[data-theme=dark] body { background: #121212; color: #eee } .live-on > :not(.live-place) { display: none }"
)
SCALE = 1.5
"""Pixels per CSS pixel of the pictures that stand in for figures."""

STATES = {"wide": (900, 1), "phone": (390, 2), "dark": (900, 1)}


def write(folder: Path, figures: list[Figure], theme: str = "light") -> None:
    """Write a page with some figures, and everything that they load, into a folder."""
    elements = []
    for i, figure in enumerate(figures):
        number = f"-{i + 1}" if i else ""
        elements.append(figure.element().replace("<div ", f'<div id="live-{figure.figure}{number}" ', 1))
    files = {name: assets.read(name) for figure in figures for name in figure.assets().values()}
    bundle.write_files(folder, {figure.figure: figure.parameters() for figure in figures}, files)
    page = f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>Figures</title>'
    page += '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
    page += f"<style>{STYLE}</style></head>"
    page += f"<body><main><h1>Figures</h1>{''.join(elements)}</main>"
    page += '<script defer src="host.js"></script></body></html>'
    (folder / "index.html").write_text(page, encoding="utf-8")


class _Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        """Let no browser keep a file, which may be another one a moment later."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *arguments: object) -> None:
        """Stay quiet."""


@contextlib.contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve a folder at 127.0.0.1 for a while; yields the address, which ends with a slash."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(_Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def evaluate(expression: str) -> Figure:
    """Return the figure that an expression such as `Attention(query=1)` describes."""
    match = re.fullmatch(r"(\w+)\((.*)\)", expression)
    if not match or not hasattr(live, match[1]):
        raise SystemExit(
            f"{expression!r} is no figure; name a class of lecture21.course.live with its arguments: Context()"
        )
    return eval(expression, {name: getattr(live, name) for name in dir(live)})


def shoot(figures: list[Figure], theme: str, width: int, scale: int) -> list[bytes]:
    """Return a picture of each figure in its first state, as PNG."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write(Path(folder), figures, theme)
        browser = playwright.chromium.launch(executable_path=find_browser.find(), args=FLAGS)
        page = browser.new_page(
            viewport={"width": width, "height": 1200}, device_scale_factor=scale, color_scheme=theme
        )
        page.on("pageerror", lambda error: print(f"page error: {error}", file=sys.stderr))
        page.on("console", lambda message: print(f"console: {message.text}", file=sys.stderr))
        with serve(Path(folder)) as address:
            page.goto(address)
            pictures = []
            for element in page.locator(".live-figure").all():
                element.scroll_into_view_if_needed()
                element.locator(".live-place section.figure").wait_for()
                page.wait_for_load_state("networkidle")
                element.locator("section.figure:not([aria-busy=true])").wait_for()
                page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
                pictures.append(element.screenshot())
        browser.close()
    return pictures


def take_pictures(names: list[str]) -> None:
    """Write the pictures that stand in for figures, as lossless WebP."""
    figures = {figure.fallback_image(): figure for figure in live.examples() if figure.fallback_image()}
    for name in names or sorted(figures):
        (picture,) = shoot([figures[name]], "light", 760, SCALE)
        with Image.open(io.BytesIO(picture)) as image:
            path = bundle.ROOT / figures[name].figure / f"{name}.webp"
            image.convert("RGB").save(path, lossless=True, quality=100, method=6)
        print(f"{name}: {path.stat().st_size // 1000} kB")


def main() -> None:
    """Serve, or take pictures."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--pictures"]:
        take_pictures(arguments[1:])
    elif arguments[:1] == ["--look"]:
        figure, folder = evaluate(arguments[1]), Path(arguments[2] if len(arguments) > 2 else ".")
        for state, (width, scale) in STATES.items():
            (picture,) = shoot([figure], "dark" if state == "dark" else "light", width, scale)
            (folder / f"{figure.fallback_image()}_{state}.png").write_bytes(picture)
    else:
        port = int(arguments.pop()) if arguments and arguments[-1].isdecimal() else 8000
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), [evaluate(expression) for expression in arguments])
            with serve(Path(folder), port) as address, contextlib.suppress(KeyboardInterrupt):
                print(f"The figures are at {address} (press Ctrl-C to stop)", flush=True)
                threading.Event().wait()


if __name__ == "__main__":
    main()
