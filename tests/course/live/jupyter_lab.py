"""A JupyterLab for tests, and a page in a browser that talks to it and to no other host."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route


@contextmanager
def serving(folder: Path, settings: Path) -> Iterator[str]:
    """Serve a folder with settings and data of its own; yields the address, which ends with a slash."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--no-browser"]
    options += ["--allow-root", f"--ServerApp.root_dir={folder}", "--LabApp.news_url="]
    environment = os.environ | {f"JUPYTER_{name}_DIR": str(settings / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "jupyterlab", *options]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment, text=True)
    lines = []
    for line in server.stderr:
        lines.append(line)
        if "is running at" in line:
            break
    else:
        pytest.fail("JupyterLab did not start:\n" + "".join(lines))
    threading.Thread(target=lambda: list(server.stderr), daemon=True).start()  # or it would wait for a reader
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def opened(browser: Browser, address: str, notebook: str) -> Iterator[Page]:
    """Open a notebook; at the end there must have been no error on the page, and no request to another host."""
    with browser.new_context(viewport={"width": 1300, "height": 1200}) as context:
        page, foreign = context.new_page(), []
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))

        def answer(route: Route) -> None:
            if route.request.url.startswith(address):
                route.continue_()
            else:
                foreign.append(route.request.url)
                route.abort()

        context.route("**/*", answer)
        page.goto(f"{address}lab/tree/{notebook}?reset")
        yield page
        assert errors == []
        assert foreign == []
