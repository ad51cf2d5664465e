"""Find Chromium or Chrome for the browser tests; install one where that is possible.

Usage: python3 tools/find_browser.py

Prints the path of the browser. Without one, it tries `playwright install chromium`, then apt-get. If neither can
work, it prints one line that says what to do, and exits with status 1. It needs only Python's standard library, so
`make test` calls it before anything slow.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_NAMES = (
    "chromium-headless-shell",  # the same engine without windows: a page costs half of the CPU seconds
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
# Where Playwright keeps the browsers that it installs, and the program in each build.
_CACHES = ("~/.cache/ms-playwright", "~/Library/Caches/ms-playwright", "~/AppData/Local/ms-playwright")
_BUILDS = (
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    "chromium-*/chrome-win*/chrome.exe",
)
_DEBIAN_PACKAGES = ("chromium-headless-shell", "chromium", "chromium-browser")
_ADVICE = "install Chromium or Chrome, or name one: make test CHROMIUM=/path/to/chromium"
# A HEAD request in a process of its own: looking up a host name cannot be given a time limit.
_PROBE = """
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="HEAD"), timeout=3)
except urllib.error.HTTPError as error:
    sys.exit(error.code in (403, 407))  # a proxy that forbids the host
"""


class BrowserError(Exception):
    """No browser can be used; the message says why."""


def find() -> str | None:
    """Return the path of $CHROMIUM, else of the first installed browser that starts, else None.

    Raises:
        BrowserError: if $CHROMIUM is set to something that does not start.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        if not _starts(named):
            raise BrowserError(f"CHROMIUM={named} is not a browser that can be started; {_ADVICE}")
        return shutil.which(named)
    for name in (*_NAMES, *_playwright_builds()):
        if _starts(name):
            return shutil.which(name)
    return None


def is_installed() -> bool:
    """Return whether `find` finds a browser."""
    try:
        return find() is not None
    except BrowserError:
        return False


def install() -> str:
    """Install a browser with Playwright, else with apt-get, and return its path.

    Raises:
        BrowserError: if neither can, or both fail.
    """
    reasons = []
    for attempt in (_install_with_playwright, _install_with_apt):
        failure = attempt()
        if failure is None:
            path = find()
            if path is not None:
                return path
            failure = "the installed browser does not start"
        reasons.append(failure)
    raise BrowserError(f"no browser for the tests ({'; '.join(reasons)}): {_ADVICE}")


def _starts(name: str) -> bool:
    """Check that a browser prints its version: Ubuntu's chromium-browser, for one, may only print an advertisement."""
    path = shutil.which(name)
    if path is None:
        return False
    return os.name == "nt" or _run([path, "--version"], limit=5)


def _playwright_builds() -> list[str]:
    """Return the browsers in Playwright's cache, the newest first."""
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    caches = [named] if named else list(_CACHES)
    if os.environ.get("XDG_CACHE_HOME"):
        caches.append(os.environ["XDG_CACHE_HOME"] + "/ms-playwright")
    actual = [path for cache in caches for build in _BUILDS for path in Path(cache).expanduser().glob(build)]
    return [str(path) for path in sorted(actual, key=lambda path: path.stat().st_mtime, reverse=True)]


def _install_with_playwright() -> str | None:
    """Run `playwright install chromium`; return None on success, else the reason why not."""
    host = os.environ.get("PLAYWRIGHT_DOWNLOAD_HOST", "https://cdn.playwright.dev")
    if not _run([sys.executable, "-c", _PROBE, host], limit=5):
        return "the host of Playwright's downloads does not answer"
    print("Installing Chromium with Playwright; this takes a minute or two.", file=sys.stderr)
    playwright = _playwright()
    if playwright is None:
        return "the package playwright cannot be installed"
    # Playwright installs system libraries with apt-get and would ask for a password.
    libraries = ["--with-deps"] if _root() is not None else []
    if not _run([playwright, "install", *libraries, "chromium"], limit=600):
        return "playwright install failed"
    return None


def _playwright() -> str | None:
    """Return the program playwright; without one, install the package into .venv, which the tests need anyway."""
    own = ROOT / ".venv" / "bin" / "playwright"
    if not own.is_file() and shutil.which("playwright"):
        return shutil.which("playwright")
    if not own.is_file():
        made = _run([sys.executable, "-m", "venv", str(ROOT / ".venv")], limit=120)
        pip = [str(ROOT / ".venv" / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        if not made or not _run([*pip, "pytest-playwright"], limit=300):
            return None
    return str(own)


def _install_with_apt() -> str | None:
    """Run `apt-get install`; return None on success, else the reason why not."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get"
    root = _root()
    if root is None:
        return "apt-get needs root or passwordless sudo"
    print("Installing Chromium with apt-get; this takes a minute or two.", file=sys.stderr)
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "--yes"]
    apt += ["-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=5", "-o", "Acquire::https::Timeout=5"]
    _run([*apt, "update"], limit=300)  # without fresh lists, the ones that are there may do
    for package in _DEBIAN_PACKAGES:
        if _run([*apt, "install", package], limit=600):
            return None
    return "apt-get install failed"


def _root() -> list[str] | None:
    """Return the prefix that runs a command as root without asking for a password, or None."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and _run(["sudo", "-n", "true"], limit=3):
        return ["sudo", "-n"]
    return None


def _run(command: list[str], limit: float) -> bool:
    """Run a command without input or output; return whether it succeeded within `limit` seconds."""
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    except OSError:
        return False
    try:
        return process.wait(limit) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # with the processes that it started
            process.wait()


def main() -> int:
    """Print the path of a browser, installed if need be; return 1 if there is none."""
    try:
        print(find() or install())
    except BrowserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
