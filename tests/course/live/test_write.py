"""Write with a GPT: what the figure shows equals what torch computes with the shipped float16 weights."""

import math
import re
from pathlib import Path

import pytest
import torch
from playwright.sync_api import expect
from tiktoken import Encoding
from until import until

from lecture21 import GPT, GPTConfig, pretrained
from lecture21.baselines import NGram
from lecture21.course import live
from lecture21.course.live.figure import weights_of
from lecture21.data import shakespeare, split
from lecture21.generation import generate, next_token_probabilities
from lecture21.layers import attention_weights
from lecture21.tokenizers import BPETokenizer, CharTokenizer
from lecture21.training import TrainConfig, train

NAMES = {" ": "␣ space", "\n": "⏎ newline"}


@pytest.fixture(scope="module")
def gpt():
    return pretrained.load("modern-gpt0")


def started(stage):
    figure = stage.figure("write")
    ready(figure)
    return figure


def ready(figure):
    """Wait until everything that was asked for is computed."""
    figure.locator("section.figure:not([aria-busy=true])").wait_for()


def box(figure):
    return figure.get_by_role("textbox", name="Your text")


def shown_bars(figure, name="Probabilities of the next character"):
    rows = figure.get_by_role("list", name=name).get_by_role("listitem")
    pairs = [text.split("\n") for text in rows.all_inner_texts()]
    return {each[0]: each[-1].replace("\u00a0", " ") for each in pairs}


def logits_of(gpt, text):
    model, tokenizer = gpt
    with torch.no_grad():
        return model(torch.tensor([tokenizer.encode(text)[-model.block_size :]]))[0, -1]


def expect_bars(gpt, actual, text, **sampling):
    tokenizer = gpt[1]
    plain = next_token_probabilities(logits_of(gpt, text))
    kept = next_token_probabilities(logits_of(gpt, text), **sampling)
    top = plain.topk(12).indices.tolist()
    for token in top:
        symbol = tokenizer.decode([token])
        number = actual[NAMES.get(symbol, symbol)]
        if kept[token] == 0:
            assert number == "cut"
        elif number.startswith("<"):
            assert kept[token] < 0.001
        else:
            assert float(number.removesuffix(" %")) / 100 == pytest.approx(kept[token].item(), abs=1e-3)


def test_the_bars_follow_the_text_and_the_sampling_rules(open_figures, gpt):
    figure = started(open_figures(live.Write(prompt="ROMEO:\n")))
    expect_bars(gpt, shown_bars(figure), "ROMEO:\n")
    box(figure).press_sequentially("Is she a ")
    expect(figure.locator(".reading")).to_contain_text("s␣she␣a␣”")
    ready(figure)
    expect_bars(gpt, shown_bars(figure), "ROMEO:\nIs she a ")
    figure.locator("summary", has_text="Leave out the improbable").click()
    for name, key, times in (("Temperature", "ArrowRight", 10), ("top-k", "Home", 1), ("top-k", "ArrowRight", 7)):
        for _ in range(times):
            figure.get_by_role("slider", name=name).press(key)
    figure.get_by_text("Leave out the improbable: top-k 8").wait_for()
    ready(figure)
    expect_bars(gpt, shown_bars(figure), "ROMEO:\nIs she a ", temperature=1.5, top_k=8)
    for _ in range(8):
        figure.get_by_role("slider", name="top-p").press("ArrowLeft")
    figure.get_by_text("Leave out the improbable: top-k 8, top-p 0.60").wait_for()
    ready(figure)
    expect_bars(gpt, shown_bars(figure), "ROMEO:\nIs she a ", temperature=1.5, top_k=8, top_p=0.6)
    figure.get_by_role("button", name="Reset").click()
    ready(figure)
    expect(box(figure)).to_have_value("ROMEO:\n")
    expect_bars(gpt, shown_bars(figure), "ROMEO:\n")


def attention_of(gpt, text):
    model, tokenizer = gpt
    return attention_weights(model, torch.tensor([tokenizer.encode(text)]))[:, 0]


def test_a_head_is_chosen_with_the_mouse_or_the_arrow_keys(open_figures, gpt):
    text = "ROMEO:\nI take thee at thy word"
    figure = started(open_figures(live.Write(prompt=text, view="attention")))
    maps = attention_of(gpt, text)

    def expected(layer, head):
        weight, place = maps[layer, head, -1].max(0)
        back = len(text) - 1 - place.item()
        return f"Layer {layer + 1}, head {head + 1}.*\\({back or 'itself'}( back)?\\), weight {weight:.2f}"

    figure.locator(".maps label").nth(4 * 1 + 2).click()
    ready(figure)
    until(lambda: re.search(expected(1, 2), figure.locator(".reading").inner_text()))
    figure.get_by_role("radio", name="layer 2, head 3").press("ArrowRight")
    ready(figure)
    until(lambda: re.search(expected(1, 3), figure.locator(".reading").inner_text()))
    # The pixels of the small maps are the weights.
    last_rows = """all => all.map((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, canvas.height - 1, canvas.width, 1);
        return [...data].filter((_, i) => i % 4 === 0);
    })"""
    shades = figure.locator(".maps canvas").evaluate_all(last_rows)
    assert len(shades) == 16
    for i, row in enumerate(shades):
        weights = maps[i // 4, i % 4, -1]
        assert len(row) == len(text)
        assert row[weights.argmax()] == min(row)  # the darkest
        assert row[weights.argmin()] == max(row) > min(row)


def test_a_character_shows_its_attention_as_arcs(open_figures, gpt):
    """Pointing shows it for a moment, a click keeps it, the arrow keys move it, and typing returns to the end."""
    text = "ROMEO:\nI take thee at thy word"
    stage = open_figures(live.Write(prompt=text, view="attention", head=0))
    figure = started(stage)
    maps = attention_of(gpt, text)[0, 0]
    row = figure.get_by_role("slider", name="Character whose attention")
    width = figure.locator(".arcs canvas").bounding_box()["width"]
    step = min(20, (width - 4) / len(text))
    left = (width - step * len(text)) / 2

    def expect_query(query):
        weight, place = maps[query].max(0)
        said = row.get_attribute("aria-valuetext")
        assert f"“{NAMES.get(text[query], text[query])[0]}”, character {query + 1}, attends" in said
        assert f"weight {weight:.2f}" in said
        assert (f"{query - place} back" if place < query else "itself") in said

    def shades(query):
        """The colors of the characters, below their signs."""
        pixel = """([canvas, xs]) => xs.map((x) => {
            const scale = canvas.width / canvas.clientWidth;
            return canvas.getContext("2d").getImageData(x * scale, 187 * scale, 1, 1).data[2]; })"""
        places = [left + (i + 0.25) * step for i in range(len(text))]
        return row.page.evaluate(pixel, [figure.locator(".arcs canvas").element_handle(), places])

    expect_query(len(text) - 1)
    row.hover(position={"x": left + 11.5 * step, "y": 150})
    expect_query(11)
    stage.page.mouse.move(0, 0)
    expect_query(len(text) - 1)
    row.click(position={"x": left + 11.5 * step, "y": 150})
    ready(figure)
    stage.page.mouse.move(0, 0)
    expect_query(11)
    row.evaluate("""node => { for (const key of ["ArrowRight", "ArrowRight"])
        node.dispatchEvent(new KeyboardEvent("keydown", { key })); }""")  # faster than the model computes
    expect_query(13)
    ready(figure)
    expect_query(13)
    stage.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    blue = shades(13)  # the more weight, the less blue is the orange of a key
    others = [i for i in range(14) if i != 13]  # the query itself has an outline
    assert min(others, key=blue.__getitem__) == max(others, key=maps[13].__getitem__)
    assert set(blue[14:]) == {255}  # later characters have no weight
    box(figure).press_sequentially("s")
    ready(figure)
    until(lambda: f"character {len(text) + 1}, attends" in row.get_attribute("aria-valuetext"))


def test_the_layers_show_what_the_head_would_predict(open_figures, gpt):
    text = "ROMEO:\nI take thee at thy word"
    figure = started(open_figures(live.Write(prompt=text)))
    figure.get_by_text("Layers", exact=True).click()
    ready(figure)
    model, tokenizer = gpt
    streams = []
    norms = [norm for block in model.blocks for norm in (block.norm_attention, block.norm_feed_forward)]
    hooks = [norm.register_forward_pre_hook(lambda m, x: streams.append(x[0])) for norm in [*norms, model.norm]]
    with torch.no_grad():
        model(torch.tensor([tokenizer.encode(text)]))
        for hook in hooks:
            hook.remove()
        cap = model.config.logit_cap
        all_logits = [cap * torch.tanh(model.head(model.norm(x[0, -1])) / cap) for x in streams]
    rows = figure.locator("tbody tr").all_inner_texts()
    assert len(rows) == len(all_logits) == 9
    for row, logits in zip(rows, all_logits, strict=True):
        p = logits.softmax(-1)
        actual = [float(number) / 100 for number in re.findall(r"([\d.]+)\u00a0%", row)]
        assert actual == pytest.approx(p.topk(3).values.tolist(), abs=1e-3)
    expect(figure.locator(".reading")).to_contain_text("on.")
    figure.page.set_viewport_size({"width": 382, "height": 844})  # as on a phone of 390: no pair is broken or cut
    expect(figure.locator(".layers td")).to_have_count(3 * 9)
    is_one_line = "pair => pair.textContent.includes('%') && getComputedStyle(pair).whiteSpace === 'nowrap'"
    until(lambda: figure.locator(".layers td").evaluate_all(f"all => all.every({is_one_line})"))
    fits = "each => each.scrollWidth <= each.clientWidth"
    until(lambda: figure.locator(".scroll:visible").evaluate(fits))


def test_the_price_is_that_of_torch_and_of_the_ngrams(open_figures, gpt):
    text = "The telephone is ringing, and nobody is here to answer."
    figure = started(open_figures(live.Write(prompt=text, view="price")))
    tokenizer = gpt[1]
    ids = tokenizer.encode(text)
    logs = [logits_of(gpt, text[:t]).log_softmax(-1)[ids[t]] for t in range(1, len(ids))]
    counts = NGram(5, 65).fit(torch.tensor(tokenizer.encode(split(shakespeare())[0])))
    wanted = {"blind guess": math.log(65), "this GPT": -sum(logs).item() / len(logs)}
    for name, order in {"bigram": 2, "trigram": 3, "5-gram": 5}.items():
        shorter = NGram(order, 65)
        shorter._counts = counts._counts[:order]
        wanted[name] = shorter.loss(torch.tensor([ids[:-1]]), torch.tensor([ids[1:]])).item()
    actual = {name: float(text) for name, text in shown_bars(figure, "Surprise per letter").items()}
    assert actual == pytest.approx(wanted, abs=6e-3)  # two digits are shown
    worst = torch.stack(logs).argmin()
    said = f"“{text[worst + 1]}” (character {worst + 2}) surprises the GPT most, {-logs[worst]:.2f}: it had"
    expect(figure.locator(".reading")).to_contain_text(said)
    expect(figure.locator("section.figure")).to_contain_text(
        "uses only the last 32 of these 55 characters", use_inner_text=True
    )


def test_writing_on_streams_stops_and_repeats_with_its_seed(open_figures):
    options = {"prompt": "ROMEO:\n", "temperature": 0.8}
    figure = started(open_figures(live.Write(**options)))
    reading = figure.locator(".reading")
    expect(reading).to_contain_text("After “ROMEO:⏎”")
    figure.get_by_role("button", name="Write on").click()
    expect(reading).to_be_empty()  # what was said was of another text
    expect(box(figure)).to_have_value(re.compile(r"ROMEO:\n.{5,}", re.DOTALL))
    figure.get_by_role("button", name="Stop").click()
    stopped = box(figure).input_value()
    last = stopped[-8:].replace(" ", "␣").replace("\n", "⏎")
    expect(reading).to_contain_text(f"After “{last}” the next character is")
    assert 7 < len(stopped) < 127
    figure.get_by_role("button", name="Write on").wait_for()
    figure.get_by_role("button", name="Reset").click()
    expect(box(figure)).to_have_value("ROMEO:\n")
    again = started(open_figures(live.Write(**options), reduced_motion="reduce"))
    again.get_by_role("button", name="Write on").click()
    expect(box(again)).to_have_value(re.compile(r".{127}", re.DOTALL))
    until(lambda: box(again).input_value().startswith(stopped))
    again.get_by_role("button", name="Write on").wait_for()


def test_what_writes_is_in_sight_where_something_is_written(open_figures):
    figure = started(open_figures(live.Write(prompt="To be", temperature=0.8)))
    parts = [figure.get_by_role("slider", name="Temperature"), figure.get_by_role("button", name="Write on")]
    parts.append(figure.locator("summary", has_text="Leave out the improbable"))
    expect(figure.get_by_role("slider", name="top-k")).to_be_hidden()
    for view, title in {"Surprise": "How surprised is a GPT?", "Next character": "Write with a GPT"}.items():
        figure.get_by_text(view, exact=True).click()
        ready(figure)
        expect(figure.locator(".title")).to_have_text(title)
        for part in parts:
            expect(part).to_be_visible(visible=view != "Surprise")
    parts[1].click()
    figure.get_by_text("Attention", exact=True).click()  # while it writes
    figure.get_by_role("button", name="Stop").click()
    expect(figure.get_by_role("button", name=re.compile("Write on|Stop"))).to_be_hidden()


def test_typing_stops_the_writing(open_figures):
    figure = started(open_figures(live.Write()))
    figure.get_by_role("button", name="Write on").click()
    expect(box(figure)).to_have_value(re.compile(r"ROMEO:\n.{2,}", re.DOTALL))
    # At once: `fill` selects the text and replaces it a moment later, and the next character may come between.
    box(figure).evaluate("box => { box.value = 'My own words'; box.dispatchEvent(new Event('input')); }")
    figure.get_by_role("button", name="Write on").wait_for()
    ready(figure)
    expect(box(figure)).to_have_value("My own words")


def test_unknown_characters_and_an_empty_text_get_one_sentence_and_the_last_state_stays(open_figures):
    figure = started(open_figures(live.Write(prompt="ROMEO:\n")))
    before = shown_bars(figure)
    box(figure).fill("Señor 7 <b>")
    ready(figure)
    said = "The model has no “ñ”, “7”, “<”, “>”; its alphabet is 52 letters and ⏎ ␣ !"
    expect(figure.locator(".control:has(textarea)").get_by_role("alert")).to_contain_text(said)  # at what caused it
    expect(figure.locator(".stage.old")).to_have_count(1)  # the bars are those of another text
    box(figure).fill("")
    ready(figure)
    expect(figure.get_by_role("alert")).to_contain_text("at least one character")
    until(lambda: shown_bars(figure) == before)
    box(figure).fill("O")
    ready(figure)
    expect(figure.locator(".message")).to_be_empty()
    expect(figure.locator(".stage.old")).to_have_count(0)


@pytest.fixture(scope="module")
def own():
    torch.manual_seed(0)
    tokenizer = CharTokenizer("\n abcdé")
    config = GPTConfig(vocab_size=8, block_size=6, n_layer=1, n_head=2, d_model=8, tied_head=True)
    return GPT(config).half().float().eval(), tokenizer


def test_a_model_of_the_readers_own_is_loaded_from_a_file(open_figures, own, tmp_path):
    model, tokenizer = own
    (tmp_path / "own.safetensors").write_bytes(weights_of(model, tokenizer))
    model.save_pretrained(tmp_path / "bare")
    tokenizer.save(tmp_path / "bare" / "tokenizer.json")
    figure = started(open_figures(live.Write()))
    figure.get_by_text("A model from a file").click()
    files = figure.locator("input[type=file]")
    alert = figure.get_by_role("alert")
    files.set_input_files(tmp_path / "bare" / "model.safetensors")
    expect(alert).to_contain_text("has no alphabet")
    files.set_input_files([tmp_path / "bare" / "model.safetensors", tmp_path / "bare" / "tokenizer.json"])
    expect(alert).to_contain_text("The model has no “R”")
    box(figure).fill("abcdé abcdé")
    ready(figure)
    expect_bars_of_all(own, figure, "abcdé abcdé")
    expect(figure.locator("section.figure")).to_contain_text("last 6 of these 11 characters", use_inner_text=True)
    figure.get_by_role("button", name="Reset").click()
    ready(figure)
    expect(box(figure)).to_have_value("ROMEO:\n")
    files.set_input_files(tmp_path / "own.safetensors")
    expect(alert).to_contain_text("The model has no “R”")


def expect_bars_of_all(own, figure, text):
    p = next_token_probabilities(logits_of(own, text))
    actual = shown_bars(figure)
    for token, symbol in enumerate(own[1].symbols):
        number = float(actual[NAMES.get(symbol, symbol)].removesuffix(" %")) / 100
        assert number == pytest.approx(p[token].item(), abs=1e-3)


@pytest.fixture(scope="module")
def byte_pairs():
    torch.manual_seed(0)
    text = shakespeare()[:40_000]
    tokenizer = BPETokenizer.from_text(text, 400, special_tokens=["<|endoftext|>"])
    model = GPT(GPTConfig(vocab_size=400, block_size=24, n_layer=2, n_head=2, d_model=32))
    train(model, torch.tensor(tokenizer.encode(text)), TrainConfig(steps=60, learning_rate=1e-2, device="cpu"))
    return model.half().float().eval(), tokenizer


def name_of(tokenizer, token):
    """Return how the figure writes a token: what is no text by the numbers of its bytes."""
    bytes_ = tokenizer.encoding.decode_single_token_bytes(token)
    try:
        text = bytes_.decode()
    except UnicodeDecodeError:
        return "".join(f"⟨{byte}⟩" for byte in bytes_)
    return NAMES.get(text, text.replace(" ", "␣").replace("\n", "⏎"))


def expect_tokens(byte_pairs, figure, text):
    p = next_token_probabilities(logits_of(byte_pairs, text))
    actual = shown_bars(figure, "Probabilities of the next token")
    for token in p.topk(6).indices.tolist():
        number = float(actual[name_of(byte_pairs[1], token)].removesuffix(" %")) / 100
        assert number == pytest.approx(p[token].item(), abs=1e-3)


def with_file(figure, path, model, tokenizer):
    """Let the figure take a model from a file."""
    path.write_bytes(weights_of(model, tokenizer))
    figure.get_by_text("A model from a file").click()
    figure.locator("input[type=file]").set_input_files(path)
    figure.get_by_role("list", name="Probabilities of the next token").wait_for()
    ready(figure)


def test_a_model_of_byte_pairs_is_read_and_writes_on(open_figures, byte_pairs, tmp_path):
    model, tokenizer = byte_pairs
    text = "ROMEO:\n'Tis späte, good night: we'll  meet 42 times.\x85\ufeff<|endoftext|>The king"
    figure = started(open_figures(live.Write(prompt=text), reduced_motion="reduce"))
    with_file(figure, tmp_path / "own.safetensors", model, tokenizer)
    ids = tokenizer.encode(text)
    section = figure.locator("section.figure")
    expect(section).to_contain_text(f"uses only the last 24 of these {len(ids)} tokens", use_inner_text=True)
    expect_tokens(byte_pairs, figure, text)
    figure.locator("summary", has_text="Leave out the improbable").click()
    figure.get_by_role("slider", name="top-k").press("Home")
    figure.get_by_text("Attention", exact=True).click()
    ready(figure)
    weight, place = attention_weights(model, torch.tensor([ids[-24:]]))[0, 0, 0, -1].max(0)
    back = f"{23 - place} back" if place < 23 else "itself"
    name = name_of(tokenizer, ids[-24:][place])
    said = f"“{name_of(tokenizer, ids[-1])}”, token 24, attends most to “{name}” ({back}), weight {weight:.2f}"
    expect(figure.locator(".reading")).to_contain_text(said)

    figure.get_by_text("Next token", exact=True).click()
    figure.get_by_role("button", name="Write on").click()
    greedy = generate(model, torch.tensor([ids]), 20, top_k=1, seed=0)[0, len(ids) :]
    expect(box(figure)).to_have_value(re.compile(f"^{re.escape(text + tokenizer.decode(greedy))}"))


def test_the_price_of_byte_pairs_is_that_of_the_characters_after_the_first_token(open_figures, byte_pairs, tmp_path):
    model, tokenizer = byte_pairs
    text = "The telephone is ringing, and nobody is here."
    figure = started(open_figures(live.Write(prompt=text)))
    with_file(figure, tmp_path / "own.safetensors", model, tokenizer)
    figure.get_by_text("Surprise", exact=True).click()
    ready(figure)
    ids = tokenizer.encode(text)
    first = len(tokenizer.decode(ids[:1]))
    assert first > 1
    count = len(text) - first
    logs = [logits_of(byte_pairs, tokenizer.decode(ids[:t])).log_softmax(-1)[ids[t]] for t in range(1, len(ids))]
    characters = CharTokenizer.from_text(shakespeare())
    letters = torch.tensor([characters.encode(text)])
    bigram = NGram(2, 65).fit(torch.tensor(characters.encode(split(shakespeare())[0])))
    all_but_first = bigram.loss(letters[:, :-1], letters[:, 1:]) * (len(text) - 1)
    before = bigram.loss(letters[:, : first - 1], letters[:, 1:first]) * (first - 1)
    wanted = {
        "blind guess": len(logs) * math.log(400) / count,
        "bigram": (all_but_first - before).item() / count,
        "this GPT": -sum(logs).item() / count,
    }
    actual = {name: float(mean) for name, mean in shown_bars(figure, "Surprise per letter").items()}
    assert {name: actual[name] for name in wanted} == pytest.approx(wanted, abs=6e-3)  # two digits are shown


def test_byte_pairs_may_be_in_a_file_beside_the_model(open_figures, byte_pairs, tmp_path):
    model, tokenizer = byte_pairs
    model.save_pretrained(tmp_path)
    tokenizer.save(tmp_path / "tokenizer.json")
    figure = started(open_figures(live.Write(prompt="Good night")))
    figure.get_by_text("A model from a file").click()
    files = [tmp_path / "model.safetensors", tmp_path / "tokenizer.json"]
    figure.locator("input[type=file]").set_input_files(files)
    figure.get_by_role("list", name="Probabilities of the next token").wait_for()
    ready(figure)
    expect_tokens(byte_pairs, figure, "Good night")
    figure.get_by_role("button", name="Reset").click()
    figure.get_by_role("list", name="Probabilities of the next character").wait_for()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "This is not a complete safetensors file"),
        (b"PK\x03\x04 no weights at all", "This is not a complete safetensors file"),
        ("cut", "This is not a complete safetensors file"),
        ("pattern", "This tokenizer splits a text by another pattern than GPT-2's"),
    ],
)
def test_a_wrong_file_gets_one_sentence(open_figures, gpt, content, sentence, tmp_path):
    if content == "cut":
        content = weights_of("modern-gpt0")[:200_000]
    elif content == "pattern":
        ranks = {bytes([byte]): byte for byte in range(256)}
        tokenizer = BPETokenizer(Encoding("bytes", pat_str=r"\w+|\W", mergeable_ranks=ranks, special_tokens={}))
        content = weights_of(GPT(GPTConfig(vocab_size=tokenizer.vocab_size, n_layer=1)), tokenizer)
    path = Path(tmp_path) / "wrong.safetensors"
    path.write_bytes(content)
    figure = started(open_figures(live.Write()))
    before = shown_bars(figure)
    figure.get_by_text("A model from a file").click()
    figure.locator("input[type=file]").set_input_files(path)
    expect(figure.get_by_role("alert")).to_contain_text(sentence)
    until(lambda: shown_bars(figure) == before)


def test_python_refuses_what_the_figure_cannot_show():
    tokenizer = BPETokenizer.from_text("the cat sat down, the dog sat up", 260)
    model = GPT(GPTConfig(vocab_size=tokenizer.vocab_size, n_layer=1))
    with pytest.raises(ValueError, match="reads characters"):
        live.ResidualStream(model, tokenizer)
    assert live.Write(model, tokenizer).weights == weights_of(model, tokenizer)
    with pytest.raises(ValueError, match="0 to 600 characters, got 601"):
        live.Write(prompt="x" * 601)
    with pytest.raises(ValueError, match="view must be one of next, attention, layers, price, got 'bars'"):
        live.Write(view="bars")
    with pytest.raises(ValueError, match="needs its tokenizer"):
        live.Write(model)
    with pytest.raises(ValueError, match="unknown model"):
        live.Write("gpt5")
