"""Speed of the engine in the page against torch with one thread.

Usage: python benchmarks/live.py        (about a minute)

An update of 16 windows of 32 characters is timed for GPT-0 with AdamW and for `modern-gpt0` with Muon, in turn: some
updates in torch, then as many in headless Chromium, in the worker of the page. So a load of the machine slows both, and
only the ratios are comparable. Text is written with the key/value cache by `modern-gpt0`, 31 characters at a time.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import common
import torch
from playwright.sync_api import Page, sync_playwright
from torch import Tensor

from lecture21 import GPT, presets
from lecture21.course.live import bundle
from lecture21.training import recipe, sample_windows
from lecture21.training.optimizers import make_optimizers

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import find_browser
import live_page

ROUNDS, UPDATES, BATCH = 7, 30, 16
OPTIONS = {
    "gpt0": {"optimizer": "adamw", "learningRate": 1e-3},
    "modern-gpt0": {
        "optimizer": "muon",
        "learningRate": 3e-3,
        "embeddingLearningRate": 1e-2,
        "muonLearningRate": 0.02,
    },
}


@contextmanager
def opened() -> Iterator[Page]:
    """Open a page with an engine in its worker."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        (Path(folder) / "engine.js").write_text(bundle.module("engine/client.js"), encoding="utf-8")
        (Path(folder) / "index.html").write_text("<!doctype html><title>engine</title><link rel=icon href=data:,>")
        browser = playwright.chromium.launch(executable_path=find_browser.find(), args=live_page.FLAGS)
        page = browser.new_page()
        page.set_default_timeout(0)
        with live_page.serve(Path(folder)) as address:
            page.goto(address)
            page.evaluate(
                """async () => {
                    const { startEngine } = await import("./engine.js");
                    globalThis.engine = await startEngine();
                }"""
            )
            yield page
        browser.close()


def in_page(page: Page, name: str, tokens: Tensor) -> Callable[[], float]:
    """Return a function that makes updates in the page, and returns the seconds of one."""
    page.evaluate(
        """async ({ name, config, tokens }) => {
            globalThis.tokens = Int32Array.from(tokens);
            globalThis[name] = await engine.create(config, 0);
        }""",
        {"name": name, "config": asdict(presets.get(name)), "tokens": tokens.tolist()},
    )

    def update() -> float:
        return page.evaluate(
            """async ({ name, options, steps }) => {
                const seconds = [];
                const report = (at) => seconds.push(at.seconds);
                await globalThis[name].train({ tokens, steps, evalEvery: 5, ...options }, report).done;
                const first = seconds[1]; // without the compilation of what runs for the first time
                return (seconds.at(-1) - first) / (steps - 5);
            }""",
            {"name": name, "options": OPTIONS[name], "steps": UPDATES},
        )

    return update


def in_torch(name: str, tokens: Tensor) -> Callable[[], float]:
    """Return the same function for torch."""
    config = recipe(name, batch_size=BATCH)
    model = GPT(presets.get(name)).train()
    optimizers = make_optimizers(model, config, torch.device("cpu"))

    def update() -> float:
        start = time.perf_counter()
        for _ in range(UPDATES):
            ids, targets = sample_windows(tokens, model.block_size, BATCH)
            model.zero_grad()
            model.loss(ids, targets).backward()
            for optimizer in optimizers:
                optimizer.step()
        return (time.perf_counter() - start) / UPDATES

    update()  # warm up
    return update


def compare_updates(page: Page, tokens: Tensor) -> None:
    """Print the times of an update and their ratios."""
    ways = {name: (in_torch(name, tokens), in_page(page, name, tokens)) for name in OPTIONS}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (slow, fast) in ways.items():
            times[name].append((slow(), fast()))
    for name, pairs in times.items():
        ratios = [reference / mine for reference, mine in pairs]
        reference, mine = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
        optimizer = OPTIONS[name]["optimizer"]
        print(
            f"update of {name} with {optimizer}: torch {reference:.1f} ms, page {mine:.1f} ms; speed of the page "
            f"{statistics.median(ratios):.2f} of torch's ({min(ratios):.2f} to {max(ratios):.2f})"
        )


def time_writing(page: Page) -> None:
    """Print how many characters the page writes in a second, each of which arrives as a message."""
    seconds = page.evaluate(
        """async () => {
            const model = globalThis["modern-gpt0"];
            const write = async (texts) => {
                for (let seed = 0; seed < texts; seed++) await model.generate([0], { count: 31, seed }).done;
            };
            await write(20);
            const start = performance.now();
            await write(100);
            return (performance.now() - start) / 1000;
        }"""
    )
    print(f"writing with the cache: {3100 / seconds:,.0f} characters in a second")


def main() -> None:
    """Time updates and writing."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    _, tokens, _ = common.encoded_plays()
    with opened() as page:
        compare_updates(page, tokens)
        time_writing(page)


if __name__ == "__main__":
    main()
