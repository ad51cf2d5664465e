"""Print a page of HTML to PDF with Chromium or Chrome."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
_SECONDS = 120


def browser() -> str | None:
    """Return the path of $CHROMIUM, else of an installed Chromium or Chrome, else None."""
    named = os.environ.get("CHROMIUM")
    return next((path for name in ([named] if named else _NAMES) if (path := shutil.which(name))), None)


def to_pdf(page: str, program: str) -> bytes:
    """Return a page of HTML as a PDF."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source, target = folder / "page.html", folder / "page.pdf"
        source.write_text(page, encoding="utf-8")
        command = [program, "--headless", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder / 'profile'}"]
        command += ["--no-pdf-header-footer", f"--print-to-pdf={target}", source.as_uri()]
        if os.name == "posix" and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # without it, Chromium refuses to run as root; the page is our own
        run = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if not target.is_file():
            lines = run.stderr.strip().splitlines() or ["it says nothing"]
            raise OSError(f"{program} did not write a PDF: {lines[-1]}")
        return target.read_bytes()
