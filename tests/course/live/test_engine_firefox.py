"""The engine in Firefox, which has its own WebAssembly compiler. It needs no driver: it opens a page that posts."""

import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from engine_page import HTML, EnginePage, difference
from variants import CONFIGS, make, random_ids

from lecture21 import TrainConfig
from lecture21.course.live import bundle
from lecture21.training import muon, sample_windows
from lecture21.training.tasks import minimize

NAMES = ("firefox-esr", "firefox", "/Applications/Firefox.app/Contents/MacOS/firefox")
MISSING = "there is no Firefox; on Debian: apt-get install firefox-esr, or name one: FIREFOX=/path/to/firefox"
SECONDS = 120  # for a browser that never answers
MODERN = {"optimizer": "muon", "learning_rate": 3e-3, "embedding_learning_rate": 1e-2, "schedule": "linear"}
PREFERENCES = """
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("app.update.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("browser.startup.homepage", "about:blank");
user_pref("browser.safebrowsing.downloads.remote.enabled", false);
"""
SCRIPT = """
<script type="module">
const post = (result) => fetch("result", { method: "POST", body: JSON.stringify(result, (_, value) =>
    ArrayBuffer.isView(value) ? [...value] : value) });
try {
    const found = {};
    for (const [name, options] of Object.entries({ worker: {}, simd: { fma: false }, here: { worker: false } })) {
        const engine = await startEngine(options);
        const given = await (await fetch("given.json")).json();
        const logits = [];
        for (const { file, ids } of given.models) {
            const model = await engine.load(await read(file));
            logits.push((await model.forward(ids)).logits);
        }
        const model = await engine.load(await read(given.models[0].file));
        const { losses } = await model.train(given.training).done;
        found[name] = { backend: engine.backend, inWorker: engine.inWorker, logits, losses };
        engine.close();
    }
    await post(found);
} catch (error) {
    await post({ error: String(error) });
}
</script>"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve a folder, and keep what a page posts."""

    def do_POST(self) -> None:
        """Keep the result, and say so."""
        self.server.result = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.posted.set()

    def log_message(self, *arguments: object) -> None:
        """Stay quiet."""


@pytest.fixture
def firefox() -> str:
    actual = next(filter(None, map(shutil.which, (os.environ.get("FIREFOX", ""), *NAMES))), None)
    if actual is None:
        pytest.skip(MISSING)
    return actual


@pytest.fixture
def server(tmp_path) -> Iterator[http.server.ThreadingHTTPServer]:
    folder = tmp_path / "site"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    server.folder, server.result, server.posted = folder, None, threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def open_page(firefox: str, address: str, home: Path, posted: threading.Event) -> None:
    """Open a page in a Firefox of its own until it has posted its result."""
    profile = home / "profile"
    profile.mkdir(parents=True)
    (profile / "user.js").write_text(PREFERENCES)
    process = subprocess.Popen(
        [firefox, "--headless", "--no-remote", "--profile", str(profile), address],
        env={**os.environ, "HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert posted.wait(SECONDS), "Firefox did not answer"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.repetition
def test_firefox_computes_and_trains_as_torch_does(firefox, server, tmp_path, monkeypatch):
    monkeypatch.setattr(muon, "matrix_dtype", lambda device: torch.float32)
    page = EnginePage(None, server.folder, "")
    models, given = [], []
    for name in ("modern-gpt0", "gpt0", "gpt1", "moe", "window=5"):
        model = make(CONFIGS[name].changed(dropout=0.0), dtype=torch.float32)
        ids = random_ids(model.config, batch=1)
        models.append((model, ids))
        given.append({"file": page.model(model), "ids": ids[0].tolist()})
    model = models[0][0]
    config = TrainConfig(**MODERN, steps=20, batch_size=4)
    tokens, block_size = random_ids(model.config, batch=1, length=500)[0], model.block_size
    generator = torch.Generator().manual_seed(config.seed)
    starts = [sample_windows(torch.arange(500), block_size, 4, generator)[0][:, 0] for _ in range(config.steps)]
    training = {
        "tokens": tokens.tolist(),
        "starts": torch.cat(starts).tolist(),
        "steps": 20,
        "batchSize": 4,
        "optimizer": "muon",
        "learningRate": 3e-3,
        "embeddingLearningRate": 1e-2,
    }
    (server.folder / "given.json").write_text(json.dumps({"models": given, "training": training}))
    (server.folder / "module0.js").write_text(bundle.module("engine/client.js"), encoding="utf-8")
    html = HTML.format(policy="", imports='import * as module0 from "./module0.js";', names="...module0")
    (server.folder / "index.html").write_text(html.replace("</head>", f"{SCRIPT}</head>"), encoding="utf-8")
    with torch.no_grad():
        logits = [model(ids) for model, ids in models]
    losses = minimize(model, lambda g: model.loss(*sample_windows(tokens, block_size, 4, g)), config)

    open_page(firefox, f"http://127.0.0.1:{server.server_port}/index.html", tmp_path / "home", server.posted)

    assert "error" not in server.result, server.result
    assert {name: actual["inWorker"] for name, actual in server.result.items()} == {
        "worker": True,
        "simd": True,
        "here": False,
    }
    assert server.result["simd"]["backend"] == "simd"
    for name, actual in server.result.items():
        for mine, reference in zip(actual["logits"], logits, strict=True):
            assert difference(mine, reference) < 1e-4, name
        assert difference(actual["losses"], losses) < 3e-5, name
