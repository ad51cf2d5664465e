"""The figure that scores a model: its loss is that of `lecture21 eval`, and a file that is no such model is refused."""

import json
import struct

import pytest
import torch
from engine_page import open_engine
from playwright.sync_api import expect
from safetensors.torch import save
from until import until
from variants import CONFIGS, make

from lecture21 import GPT, GPTConfig
from lecture21.course import live
from lecture21.course.live.assets import HELD_OUT
from lecture21.data import shakespeare, split
from lecture21.pretrained import storage
from lecture21.tokenizers import BPETokenizer, CharTokenizer, characters_per_token
from lecture21.training import evaluate

TRAINING, HELD = split(shakespeare())
PART = HELD[:3000]
ROWS = [
    {"recipe": "good", "minutes": 5, "nats": 1.5, "seeds": 3},
    {"recipe": "middle", "minutes": 5, "nats": 3.9, "seeds": 3},
    {"recipe": "bad", "minutes": 5, "nats": 9.0, "seeds": 3},
]
PLAYS = CharTokenizer.from_text(shakespeare())
PAIRS = BPETokenizer.from_text(TRAINING[:20_000], 300, ["<|endoftext|>", "BRUTUS:"])


def nats_per_character(model: GPT, tokenizer: CharTokenizer | BPETokenizer, text: str) -> float:
    """What `lecture21 eval` prints for a text."""
    ids = tokenizer.encode(text)
    return evaluate(model, torch.tensor(ids)) / characters_per_token(tokenizer, text, ids)


def spelled(tokenizer: CharTokenizer | BPETokenizer) -> str:
    """The content of a tokenizer's file."""
    data = storage.to_bytes(GPT(GPTConfig(vocab_size=tokenizer.vocab_size, n_layer=1)), tokenizer)
    end = 8 + struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:end])["__metadata__"]["tokenizer"]


@pytest.fixture(scope="module")
def scoring(browser, tmp_path_factory):
    with open_engine(browser, tmp_path_factory.mktemp("scoring"), modules=["score/scoring.js"]) as page:
        yield page


def score(scoring, model: GPT, tokenizer: CharTokenizer | BPETokenizer, text: str, workers: int = 1) -> float:
    return scoring.run(
        """const weights = await read(file);
        const given = { weights, tokenizer: null, text, workers, onProgress() {} };
        return (await module.startScoring(given).done).nats;""",
        file=scoring.weights(model, tokenizer),
        text=text,
        workers=workers,
    )


CAPACITY = [
    {"eval_capacity_factor": 0.5},
    {"eval_capacity_factor": 1.25, "top_k": 3, "n_shared": 1, "gates": "sigmoid"},
]
CHECKED = {name: config for name, config in CONFIGS.items() if config.causal} | {
    f"capacity {change}": GPTConfig(vocab_size=11, block_size=12, n_layer=2, n_head=2, d_model=8, moe=change)
    for change in CAPACITY
}


def test_the_loss_of_every_kind_of_model_is_that_of_torch(scoring):
    symbols = "".join(sorted(set(PART)))
    tokenizer = CharTokenizer(symbols)
    worst = {}
    for name, config in CHECKED.items():
        model = make(config.changed(vocab_size=tokenizer.vocab_size), dtype=torch.float32)
        actual = score(scoring, model, tokenizer, PART)
        worst[name] = abs(actual - nats_per_character(model, tokenizer, PART))
    assert {name: error for name, error in worst.items() if not error < 2e-5} == {}


@pytest.mark.parametrize("change", [{"block_size": 200}, {"block_size": 200, "window": 70}])
def test_attention_that_is_computed_in_parts_is_that_of_torch(scoring, change):
    config = GPTConfig(vocab_size=PLAYS.vocab_size, n_layer=2, n_head=2, d_model=24, n_kv_head=1, **change)
    model = make(config, dtype=torch.float32)
    assert score(scoring, model, PLAYS, PART) == pytest.approx(nats_per_character(model, PLAYS, PART), abs=2e-5)


def test_the_loss_of_byte_pairs_is_per_character_and_does_not_depend_on_the_number_of_workers(scoring):
    config = GPTConfig(vocab_size=PAIRS.vocab_size, n_layer=2, n_head=2, d_model=24)
    model = make(config, dtype=torch.float32)
    one, two = (score(scoring, model, PAIRS, PART, workers) for workers in (1, 2))
    assert one == two
    assert one == pytest.approx(nats_per_character(model, PAIRS, PART), abs=2e-5)


def test_the_ids_are_those_of_the_package(load_module):
    page = load_module("engine/tokenizer.js")
    texts = [HELD, "Straße, naïve café; 日本語 🎭🎭  \n\n they've 1984's", "x<|endoftext|>BRUTUS:BRUTUS: y", ""]
    for tokenizer in (PAIRS, PLAYS):
        content = json.loads(spelled(tokenizer))
        actual = page.evaluate(
            """([content, vocabulary, texts]) => {
                const tokenizer = module.makeTokenizer(content, vocabulary);
                return texts.map((text) => [[...tokenizer.encode(text)], tokenizer.missing(text).join("")]);
            }""",
            [content, tokenizer.vocab_size, texts],
        )
        for text, (ids, missing) in zip(texts, actual, strict=True):
            assert ids == tokenizer.encode(text)
            assert missing == tokenizer.unknown(text)


class Dropped:
    """The figure with files dropped on it."""

    def __init__(self, open_figures, *figures: live.Score, **options):
        self.stage = open_figures(*(figures or [live.Score(rows=ROWS)]), **options)
        self.figure = self.stage.figure("score")
        self.requests = []
        self.stage.page.on("request", lambda request: self.requests.append(request.url))

    def choose(self, **files: bytes) -> None:
        self.figure.locator("input[type=file]").set_input_files(
            [
                {"name": name.replace("_", "."), "mimeType": "application/octet-stream", "buffer": content}
                for name, content in files.items()
            ]
        )

    def refusal(self, **files: bytes) -> str:
        """Return why files are refused; the figure is at rest then."""
        self.choose(**files)
        message = self.figure.locator(".message")
        expect(message).not_to_be_empty()
        expect(self.figure.locator("section.figure")).to_have_attribute("aria-busy", "false")
        expect(self.figure.get_by_role("button", name="Cancel")).to_be_hidden()
        return message.inner_text()


def small_model(vocab_size: int = PLAYS.vocab_size, **change) -> GPT:
    return make(
        GPTConfig(**{"vocab_size": vocab_size, "n_layer": 1, "n_head": 1, "d_model": 8, "block_size": 64} | change),
        dtype=torch.float32,
    )


def test_a_dropped_model_has_the_loss_of_the_whole_text_and_its_place_among_the_rows_and_no_request_is_made(
    open_figures,
):
    dropped = Dropped(open_figures)
    model = small_model()
    dropped.choose(model_safetensors=storage.to_bytes(model, PLAYS))
    expect(dropped.figure.locator(".number")).to_be_visible(timeout=120_000)
    expected = nats_per_character(model, PLAYS, HELD)
    assert 3.9 < expected < 9
    actual = float(dropped.figure.locator(".number b").inner_text())
    assert actual == pytest.approx(expected, abs=1e-4)
    places = [row.split()[0] for row in dropped.figure.locator("tbody tr").all_inner_texts()]
    assert places == ["good", "middle", "→", "bad"]
    expect(dropped.figure.locator(".reading")).to_contain_text(
        "✓ It beats 1 of 3 rows, the best of them bad in 5 minutes with 9.0000; ahead of it is middle in 5 minutes"
    )
    expect(dropped.figure.locator(".reading")).to_contain_text("118,904 characters of held-out text")
    assert [url for url in dropped.requests if not url.startswith("blob:")] == [dropped.stage.address + HELD_OUT]
    dropped.figure.get_by_role("button", name="Reset").click()
    expect(dropped.figure.locator(".number")).to_have_count(0)


def with_header(content: bytes, change) -> bytes:
    """Return a file whose header was changed by `change(header)`."""
    end = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:end])
    text = (change(header) or json.dumps(header)).encode()
    return struct.pack("<Q", len(text)) + text + content[end:]


def with_metadata(content: bytes, **changes) -> bytes:
    def change(header):
        for name, values in changes.items():
            header["__metadata__"][name] = json.dumps(json.loads(header["__metadata__"][name]) | values)

    return with_header(content, change)


def deep(header: dict) -> str:
    header["__metadata__"]["tokenizer"] = '{"tokenizer": "bpe", "tokens": ' + "[" * 100_000 + "]" * 100_000 + "}"
    return json.dumps(header)


def test_what_is_no_such_file_is_refused_in_one_sentence(open_figures):
    dropped = Dropped(open_figures)
    whole = storage.to_bytes(small_model(), PLAYS)
    pairs = storage.to_bytes(small_model(PAIRS.vocab_size), PAIRS)
    broken = small_model()
    broken.head.weight.data[1, 2] = float("nan")
    large = small_model()
    large.head.weight.data.fill_(3e38)
    other = CharTokenizer("abc")
    without = with_header(whole, lambda header: header["__metadata__"].pop("tokenizer") and None)
    rotary = storage.to_bytes(small_model(position="rotary"), PLAYS)
    wrong = {
        "no safetensors": (b"PK\x03\x04" + b"\0" * 100, "This is not a complete safetensors file"),
        "truncated": (whole[:-7], "This is not a complete safetensors file: it ends within"),
        "a huge header": (struct.pack("<Q", 2**60) + whole[8:], "its header would have"),
        "a missing tensor": (
            save({"a": torch.zeros(1)}, {"config": spelled_config(whole)}),
            "The file lacks the tensor",
        ),
        "another shape": (with_metadata(whole, config={"d_model": 16}), "The tensor token.weight has the shape"),
        "no number": (storage.to_bytes(broken, PLAYS), "The tensor head.weight contains NaN"),
        "no loss": (storage.to_bytes(large, PLAYS), "The loss of this model is no number: did its training diverge?"),
        "another vocabulary": (storage.to_bytes(small_model(4), other), "The vocabulary of this model is another one"),
        "no tokenizer": (without, "This file has no tokenizer; choose the tokenizer.json"),
        "a huge block": (with_metadata(rotary, config={"block_size": 10**9}), "reads 118,903 tokens at once"),
        "no mask": (storage.to_bytes(small_model(causal=False), PLAYS), "This model has no causal mask"),
        "deep JSON": (with_header(pairs, deep), ""),
        "another pattern": (with_metadata(pairs, tokenizer={"pattern": "(a+)+b"}), "another pattern than GPT-2's"),
        "a token twice": (with_metadata(pairs, tokenizer={"tokens": ["a"] * 298}), "has a token twice"),
        "no bytes": (
            with_metadata(pairs, tokenizer={"tokens": [f"a{'b' * i}" for i in range(298)]}),
            "no token for the byte",
        ),
        "tokens that are none": (with_metadata(pairs, tokenizer={"tokens": {"length": 3}}), "are not a list of texts"),
    }
    for name, (content, why) in wrong.items():
        message = dropped.refusal(model_safetensors=content)
        assert why in message, name
        assert message[0].isupper(), name
        assert message[-1] in ".?", name
        assert len(message) < 220, name
    assert "There is no model here" in dropped.refusal(tokenizer_json=b"{}")
    assert "These are several models" in dropped.refusal(one_safetensors=whole, two_safetensors=whole)
    dropped.choose(model_safetensors=without, tokenizer_json=spelled(PLAYS).encode(), checkpoint_safetensors=b"")
    expect(dropped.figure.locator(".number")).to_be_visible(timeout=120_000)


def spelled_config(whole: bytes) -> str:
    end = 8 + struct.unpack("<Q", whole[:8])[0]
    return json.loads(whole[8:end])["__metadata__"]["config"]


# Counts the workers that run, and those that ever began.
COUNTED = """
globalThis.alive = globalThis.begun = 0;
globalThis.Worker = class extends Worker {
  constructor(...given) {
    super(...given);
    alive++;
    begun++;
  }
  terminate() {
    alive--;
    super.terminate();
  }
};
"""


def test_a_scoring_that_is_canceled_ends_its_workers_and_shows_nothing(open_figures):
    dropped = Dropped(open_figures, script=COUNTED)
    dropped.choose(model_safetensors=storage.to_bytes(small_model(d_model=64, n_layer=4, block_size=256), PLAYS))
    until(lambda: dropped.stage.page.evaluate("alive") > 0)
    dropped.figure.get_by_role("button", name="Cancel").click()
    expect(dropped.figure.locator(".reading")).to_have_text("Canceled.")
    until(lambda: dropped.stage.page.evaluate("alive") == 0)
    expect(dropped.figure.locator(".number")).to_have_count(0)
    expect(dropped.figure.locator(".message")).to_be_empty()


def test_a_scoring_that_is_canceled_before_its_file_is_read_does_not_begin(open_figures):
    dropped = Dropped(open_figures, script=COUNTED)
    page, held = dropped.stage.page, []
    page.route("**/models/*", lambda route: held.append(route))
    with page.expect_request("**/models/*"):
        dropped.figure.get_by_role("button", name="I have none").click()
    dropped.figure.get_by_role("button", name="Cancel").click()
    with page.expect_event("requestfinished"):
        held[0].continue_()
    assert "There is no model here" in dropped.refusal(tokenizer_json=b"{}")
    begun = page.evaluate("begun")  # the file that was held is there, and another one was read after it
    assert begun == 0


def test_a_held_out_text_that_arrives_incomplete_is_not_scored(open_figures):
    dropped = Dropped(open_figures, break_files=True)
    message = dropped.refusal(model_safetensors=storage.to_bytes(small_model(), PLAYS))
    assert message == "The held-out text arrived incomplete; check the connection, and try again."


def test_a_reader_without_a_file_scores_the_model_of_the_book_and_a_table_without_rows_says_so(open_figures):
    dropped = Dropped(open_figures, live.Score(rows=[]))
    dropped.figure.get_by_role("button", name="I have none").click()
    until(lambda: "left" in dropped.figure.locator(".left").inner_text())
    until(lambda: dropped.figure.get_by_role("progressbar").evaluate("bar => bar.value") > 0)
    expect(dropped.figure.locator(".number")).to_have_text("1.7473 nats per character", timeout=300_000)
    expect(dropped.figure.locator(".reading")).to_contain_text("The speedrun's table has no rows yet.")


def test_the_place_for_a_file_is_no_wider_than_a_phone(open_figures):
    dropped = Dropped(open_figures, viewport={"width": 390, "height": 844})
    until(lambda: dropped.stage.page.evaluate("document.documentElement.scrollWidth") == 390)
