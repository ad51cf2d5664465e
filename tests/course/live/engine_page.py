"""The engine of the figures in a browser, for the tests that compare it with torch."""

import base64
import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import live_page
import torch
from playwright.sync_api import Browser, Page
from torch import Tensor

from lecture21 import GPT
from lecture21.course.live import bundle
from lecture21.pretrained import storage
from lecture21.tokenizers import CharTokenizer

HTML = """<!doctype html><html><head><title>engine</title><link rel=icon href=data:,>{policy}
<script type="module">
{imports}
globalThis.module = {{ {names} }};
globalThis.startEngine = globalThis.module.startEngine;
globalThis.read = async (name) => (await fetch(name)).arrayBuffer();
</script></head></html>"""


class EnginePage:
    """A page with `startEngine`, an engine as `engine`, `read(name)`, the bytes of a file of `folder`, and `module`."""

    def __init__(self, page: Page, folder: Path, address: str):
        self.page, self.folder, self.address = page, folder, address
        self._count = 0

    def start(self, **options: bool) -> dict[str, Any]:
        """Start the engine, in place of an earlier one; return its backend, and whether it is in a worker."""
        return self.page.evaluate(
            """async (options) => {
                globalThis.engine?.close();
                const { backend, inWorker } = globalThis.engine = await startEngine(options);
                return { backend, inWorker };
            }""",
            options,
        )

    def run(self, body: str, **values: Any) -> Any:
        """Run the body of an async function of the values, with two helpers; arrays of numbers come back as lists.

        `failure(promise)` is the message that it is rejected with, `base64(buffer)` a text for `loaded_from`.
        """
        names = ", ".join(values)
        return self.page.evaluate(
            f"""async ({{ {names} }}) => {{
                const plain = (value) => ArrayBuffer.isView(value) ? [...value]
                    : Array.isArray(value) ? value.map(plain)
                    : value && typeof value === "object"
                        ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]))
                    : value;
                const base64 = (buffer) => new Promise((resolve) => {{
                    const reader = new FileReader();
                    reader.onload = () => resolve(reader.result.split(",")[1]);
                    reader.readAsDataURL(new Blob([buffer]));
                }});
                const failure = async (promise) => promise.then(() => null, (error) => error.message);
                return plain(await (async () => {{ {body} }})());
            }}""",
            values,
        )

    def file(self, content: bytes) -> str:
        """Put a file where `read` finds it, and return its name."""
        self._count += 1
        name = f"{self._count}.safetensors"
        (self.folder / name).write_bytes(content)
        return name

    def loaded_from(self, content: str) -> GPT:
        """Load a file that the engine saved with the package."""
        path = self.folder / "saved.safetensors"
        path.write_bytes(base64.b64decode(content))
        return GPT.from_pretrained(path)

    def weights(self, model: GPT, tokenizer: CharTokenizer | None = None) -> str:
        """Write a model as a file in the precision of its weights."""
        if tokenizer is None:
            tokenizer = CharTokenizer("".join(chr(0x4E00 + i) for i in range(model.vocab_size - 1)))
        return self.file(storage.to_bytes(model, tokenizer))

    def model(self, model: GPT) -> str:
        """Round a model to float16 in place, and write it."""
        for tensor in model.state_dict().values():  # not the tables of positions
            tensor.copy_(tensor.half())
        return self.weights(copy.deepcopy(model).half())


@contextmanager
def open_engine(
    browser: Browser, folder: Path, policy: str = "", modules: Sequence[str] = ("engine/client.js",)
) -> Iterator[EnginePage]:
    """Open a page with the engine, or other modules; with a content security policy, if there is one."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
    for i, module in enumerate(modules):
        (folder / f"module{i}.js").write_text(bundle.module(module), encoding="utf-8")
    imports = "\n".join(f'import * as module{i} from "./module{i}.js";' for i in range(len(modules)))
    names = ", ".join(f"...module{i}" for i in range(len(modules)))
    html = HTML.format(policy=meta, imports=imports, names=names)
    (folder / "index.html").write_text(html, encoding="utf-8")
    page, errors, foreign = browser.new_page(), [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with live_page.serve(folder) as address:
        page.on("request", lambda request: foreign.append(request.url) if address not in request.url else None)
        page.goto(address)
        page.wait_for_function("!!globalThis.module")
        yield EnginePage(page, folder, address)
        page.close()
    assert errors == []
    assert [url for url in foreign if not url.startswith(("blob:", "data:"))] == []


def difference(actual: list[float], expected: Tensor) -> float:
    """Return the largest difference between numbers of the page and a tensor of as many."""
    return (torch.tensor(actual) - expected.detach().flatten().float()).abs().max().item()
