"""Train a GPT in this page: data, runs, and what the figure shows, against the package."""

import math
import re

import pytest
import torch
from playwright.sync_api import expect

from lecture21 import GPT, evaluate, pretrained
from lecture21.baselines import NGram
from lecture21.cli import main
from lecture21.course.chapters import results
from lecture21.course.live import Train, assets
from lecture21.course.live.train.train import BLOCK_SIZE, ORDERS, SHAPES, WINDOWS
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer, load_tokenizer


def test_a_page_can_load_the_plays():
    assert assets.read("plays.txt").decode() == shakespeare()
    with pytest.raises(ValueError, match=r"unknown file of a figure: 'plays\.csv'"):
        assets.read("plays.csv")


TEXTS = {
    "play": "ROMEO:\nBut soft, what light through yonder window breaks?\n\n" * 12 + "JULIET:\nAy me!\n\n" * 9,
    "astral and private": "".join(chr(0x1F600 + i % 7) + chr(0xE000 + i * i % 5) + "aé\n" for i in range(160)),
    "line breaks": "\ufeffone\r\ntwo\rthree\n" * 40,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_split_and_encoded_as_in_python(load_module, name):
    page = load_module("train/corpus.js")
    text = TEXTS[name]
    actual = page.evaluate(
        """text => {
            const { symbols, vocabulary, tokens, validation } = module.prepare(text);
            return [symbols.join(""), vocabulary, [...tokens], [...validation]];
        }""",
        text,
    )
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    tokenizer = CharTokenizer.from_text(text)
    parts = [tokenizer.encode(part) for part in split(text)]
    assert actual == [tokenizer.symbols, tokenizer.vocab_size, *parts]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "A text needs at least 500 characters to train on; this one has 0."),
        ("🙂" * 499, "A text needs at least 500 characters to train on; this one has 499."),
        ("a" * 600, "A text needs at least two different characters, or there is nothing to learn."),
        (
            "".join(map(chr, range(0x4E00, 0x4E00 + 1200))),
            "at most 1000 different characters here; this one has 1,200.",
        ),
    ],
)
def test_a_text_of_no_use_is_refused_in_one_sentence(load_module, text, sentence):
    page = load_module("train/corpus.js")
    actual = page.evaluate("text => { try { module.prepare(text); } catch (error) { return error.message; } }", text)
    assert actual.endswith(sentence)


@pytest.mark.parametrize("name", ["play", "astral and private"])
def test_ngrams_in_the_page_are_those_of_the_package(load_module, name):
    page = load_module("train/ngram.js")
    text = TEXTS[name]
    tokenizer = CharTokenizer.from_text(text)
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in split(text))
    val = torch.cat([val, torch.full((3,), tokenizer.unknown_id), val.flip(0)])  # contexts that were never seen
    actual = page.evaluate(
        "([tokens, val, options]) => module.ngramLosses(Int32Array.from(tokens), Int32Array.from(val), options)",
        [tokens.tolist(), val.tolist(), {"order": 5, "vocabulary": tokenizer.vocab_size, "blockSize": 32}],
    )
    expected = [evaluate(NGram(n, tokenizer.vocab_size).fit(tokens), val, 32) for n in range(1, 6)]
    assert actual == pytest.approx(expected, rel=1e-6)


# The lines and the stored curve


@pytest.fixture(scope="module")
def plays():
    text = shakespeare()
    tokenizer = CharTokenizer.from_text(text)
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in split(text))
    start, length = WINDOWS
    return tokenizer, tokens, val, val[start : start + length]


def test_the_part_that_is_measured_has_the_losses_of_the_whole_split(plays):
    tokenizer, tokens, val, part = plays
    assert (len(part) - 1) % BLOCK_SIZE == 0
    for order in ORDERS.values():
        counts = NGram(order, tokenizer.vocab_size).fit(tokens)
        assert evaluate(counts, part, 32) == pytest.approx(evaluate(counts, val, 32), abs=0.003)
    model, _ = pretrained.load("modern-gpt0")
    assert evaluate(model, part) == pytest.approx(pretrained.storage.read_card("modern-gpt0").score, abs=0.003)


def test_the_lines_are_the_losses_of_the_package_s_ngrams(plays):
    _, tokens, val, _ = plays
    losses = {level["name"]: level["nats"] for level in Train().levels}
    assert list(losses) == ["uniform", "bigram", "trigram", "5-gram"]
    for name, order in ORDERS.items():
        assert losses[name] == pytest.approx(evaluate(NGram(order, 65).fit(tokens), val, 32), abs=1e-5)


def test_the_stored_curves_are_means_over_three_seeds():
    table = results.load("live_curve").query("model == 'torch'")
    assert sorted(table.seed.unique()) == [0, 1, 2]
    for curve in Train().curves:
        last = table.query("steps == @curve['steps'] and step == steps")
        assert (curve["x"][0], curve["x"][-1]) == (0, curve["steps"])
        assert curve["y"][-1] == pytest.approx(last.nats.mean(), abs=1e-4)
        assert last.nats.mean() == pytest.approx(last.whole.mean(), abs=0.03)


def test_the_page_has_the_settings_of_the_stored_runs(load_module, monkeypatch):
    monkeypatch.syspath_prepend("benchmarks")
    import c07_live_curve as live_curve

    page = load_module("train/recipe.js")
    for steps in live_curve.STEPS:
        config = live_curve.settings(steps, 0)
        actual = page.evaluate("steps => module.recipe(steps, 'muon')", steps)
        assert actual | {"evalEvery": 0} == {
            "steps": config.steps,
            "batchSize": config.batch_size,
            "optimizer": config.optimizer,
            "learningRate": config.learning_rate,
            "embeddingLearningRate": config.embedding_learning_rate,
            "muonLearningRate": config.muon_learning_rate,
            "evalEvery": 0,
        }


@pytest.mark.parametrize("budget", [30, 90, 300])
@pytest.mark.parametrize("per_step", [0.002, 0.031, 0.2])
def test_a_run_fits_into_the_time_that_is_granted(load_module, budget, per_step):
    page = load_module("train/recipe.js")
    steps, every = page.evaluate(
        "(given) => { const n = module.stepsIn(...given); return [n, module.recipe(n, 'muon').evalEvery]; }",
        [budget, per_step],
    )
    evaluations = 1 + steps / every
    assert 0.75 * budget < per_step * (steps + 3.5 * evaluations) < 1.05 * budget


@pytest.mark.parametrize("per_step", [0.9, 3, 40, 1000])
def test_a_run_on_the_slowest_machine_has_steps_nevertheless(load_module, per_step):
    page = load_module("train/recipe.js")
    assert page.evaluate("each => module.stepsIn(30, each)", per_step) >= 20


# The class


def test_a_text_of_one_s_own_has_its_own_lines():
    text = "\ufeff" + TEXTS["play"].replace("\n", "\r\n")
    figure = Train(text, steps=40, size="one", causal=False)
    assert figure.text.decode() == TEXTS["play"]
    tokenizer = CharTokenizer.from_text(TEXTS["play"])
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in split(TEXTS["play"]))
    expected = evaluate(NGram(3, tokenizer.vocab_size).fit(tokens), val, 32)
    assert figure.levels[2] == {"name": "trigram", "nats": pytest.approx(expected, abs=1e-5)}
    assert (figure.curves, figure.assets(), figure.windows) == ([], {}, [0, len(val)])
    assert repr(figure) == "Train(size='one', steps=40, causal=False)"
    assert (repr(Train()), Train().assets()) == ("Train()", {"text": "plays.txt"})
    assert len(Train().element()) < 8000  # the text itself is not in the page


def test_the_shapes_have_the_parameters_that_they_say():
    for shape in Train().shapes:
        for vocabulary in (3, 65):
            model = GPT(SHAPES[shape["name"]][1].changed(vocab_size=vocabulary))
            assert shape["fixed"] + vocabulary * shape["perSymbol"] == model.num_parameters()


# The figure


def begin(stage):
    figure = stage.figure("train")
    figure.get_by_role("button", name="Start training").click()
    return figure


def finished(figure, again: bool = False) -> str:
    """Wait for the end of a run; with `again`, keep its model in place of that of an earlier run."""
    figure.get_by_text("Finished after").wait_for()
    if again:
        figure.get_by_role("button", name="Keep this one").click()
    figure.get_by_text("now offer your model").wait_for()
    return figure.locator(".now").inner_text()


def downloaded(stage, figure, tmp_path):
    with stage.page.expect_download() as download:
        figure.get_by_role("button", name="Download").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    return path


def number_after(name: str, text: str) -> float:
    return float(re.search(rf"{name} (\d[\d.]*)(?<!\.)", text)[1])


def test_a_run_shows_the_loss_that_torch_computes_of_its_model(open_figures, plays, tmp_path, capsys):
    stage = open_figures(Train(size="one", steps=160, seed=3))
    figure = begin(stage)
    numbers = finished(figure)
    assert "Step 160 of 160" in numbers
    path = downloaded(stage, figure, tmp_path)
    model = GPT.from_pretrained(path)
    tokenizer, _, _, part = plays
    assert load_tokenizer(path) == tokenizer
    assert number_after("validation loss", numbers) == pytest.approx(evaluate(model, part), abs=1e-3)
    assert 2.0 < evaluate(model, part) < 3.3  # it has learned, and not copied
    said = figure.locator(".reading").first
    expect(said).to_contain_text(f"The validation loss is {number_after('validation loss', numbers):.3f} nats.")
    command = figure.locator("code").inner_text().split()
    assert command[:3] == ["lecture21", "sample", "gpt-from-the-page.safetensors"]
    assert main(["sample", str(path), *command[3:], "--seed", "0"]) == 0
    assert len(capsys.readouterr().out) > 300
    sample = figure.locator("p.text").inner_text()
    assert sample.startswith("ROMEO:")
    assert set(sample) <= set(tokenizer.symbols + "\ufffd")


def test_a_text_that_arrives_incomplete_gives_one_sentence(open_figures):
    figure = begin(open_figures(Train(size="one", steps=20), break_files=True))
    figure.get_by_text("The text arrived incomplete; check the connection, and press Start training again.").wait_for()
    expect(figure.get_by_role("button", name="Start training")).to_be_enabled()


def test_a_run_that_is_stopped_and_hidden_ends_as_one_that_is_not(open_figures):
    figures = Train(size="one", steps=600)
    stage = open_figures(figures)
    figure = begin(stage)
    figure.get_by_text(re.compile(r"Step \d+ of 600")).wait_for()
    figure.get_by_role("button", name="Stop").click()
    expect(figure.locator(".reading").first).to_contain_text("Stopped at step")
    expect(figure.get_by_role("button", name="Start again")).to_be_visible()
    figure.get_by_role("button", name="Resume").click()
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    stage.page.evaluate(hide, True)
    paused = figure.locator(".now")
    expect(paused).to_contain_text("Paused while this figure is off screen.")
    stage.page.evaluate(hide, False)
    expect(figure.locator(".now")).not_to_contain_text("Paused")
    interrupted = finished(figure)
    expect(figure.get_by_role("button", name="Start again")).to_be_hidden()
    begin(stage)
    figure.get_by_text("Finished after").wait_for(state="hidden")
    losses = [number_after("validation loss", text) for text in (interrupted, finished(figure, again=True))]
    assert losses[0] == losses[1]
    legend = figure.locator(".legend")
    expect(legend).to_contain_text("run 1: Muon, 1 layer, 600 steps")
    expect(legend).to_contain_text("run 2: Muon, 1 layer, 600 steps")
    figure.get_by_role("button", name="Reset").click()
    expect(figure.locator(".legend")).to_have_text("")


def test_earlier_runs_and_samples_stay_and_pytorch_s_run_is_shown_where_it_is_the_same(open_figures):
    stage = open_figures(Train(steps=30, size="gpt0"))
    figure = begin(stage)
    said, legend = figure.locator(".reading").first, figure.locator(".legend")
    finished(figure)
    expect(legend).to_contain_text("this recipe in PyTorch, 300 steps")
    end = next(curve["y"][-1] for curve in Train().curves if curve["steps"] == 300)
    expect(said).to_contain_text(f"The same recipe in PyTorch ends at {end:.3f} after 300 steps.")
    loss = number_after("validation loss", figure.locator(".now").inner_text())
    samples = figure.get_by_label("Sample after")
    last = figure.locator("p.text").inner_text()
    text = figure.locator("p.text")
    samples.fill("0")
    expect(text).not_to_have_text(last, use_inner_text=True)
    samples.fill(samples.get_attribute("max"))
    expect(text).to_have_text(last, use_inner_text=True)
    figure.locator("summary", has_text="More").click()
    figure.get_by_text("AdamW", exact=True).click()
    begin(stage)
    figure.get_by_text("Finished after").wait_for(state="hidden")
    finished(figure, again=True)
    expect(legend).to_contain_text("run 1: Muon, 30 steps")
    expect(legend).to_contain_text("run 2: AdamW, 30 steps")
    expect(said).to_contain_text(f"Run 1: Muon, 30 steps, ended at {loss:.3f}.")
    expect(figure.locator("section")).not_to_contain_text("PyTorch", use_inner_text=True)


def test_the_reader_draws_the_curve_that_is_expected(open_figures):
    stage = open_figures(Train(size="one", steps=30))
    figure = stage.figure("train")
    expect(figure.locator("section")).not_to_contain_text(
        "PyTorch", use_inner_text=True
    )  # nothing to copy the curve from
    place = figure.get_by_role("slider", name="The curve that you expect")
    box = place.bounding_box()
    stage.page.mouse.move(box["x"] + 70, box["y"] + 60)
    stage.page.mouse.down()
    stage.page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 140, steps=5)
    stage.page.mouse.up()
    drawn = place.get_attribute("aria-valuetext")
    assert re.fullmatch(r"1 s: \d\.\d\d nats", drawn)
    place.press("ArrowUp")
    raised = place.get_attribute("aria-valuetext")
    assert number_after("s:", raised) > number_after("s:", drawn)
    begin(stage)
    finished(figure)
    expect(figure.locator(".reading").first).to_contain_text(
        f"You expected {number_after('s:', raised):.2f} at the end."
    )
    expect(place).to_be_hidden()


def test_a_curve_that_was_drawn_and_the_run_share_the_seconds(open_figures):
    stage = open_figures(Train(size="one", budget=90))  # which no machine is too slow for
    figure = stage.figure("train")
    chart = figure.locator(".chart")
    ticks = chart.locator(".x.tick")
    before = ticks.all_text_contents()
    assert before[0] == "0"
    assert 30 < int(before[-1]) <= 90
    place = figure.get_by_role("slider", name="The curve that you expect")
    place.press("ArrowUp")
    place.press("ArrowRight")
    begin(stage)
    figure.get_by_text(re.compile(r"Step \d\d+ of")).wait_for()
    expect(ticks).to_have_text(before)
    expect(figure.locator(".legend")).to_contain_text("your guess")


SLOW = """
globalThis.Worker = class extends Worker {
  set onmessage(take) {
    super.onmessage = (event) => {
      const { event: report } = event.data;
      if (report?.seconds) report.seconds *= 1000;
      take(event);
    };
  }
};
"""


def test_a_slow_machine_is_offered_more_time_before_it_begins(open_figures):
    stage = open_figures(Train(size="one"), script=SLOW)
    figure = begin(stage)
    figure.get_by_text(re.compile(r"This machine is slow: 30 s are \d+ steps, too few")).wait_for()
    expect(figure.locator(".now")).not_to_contain_text("Step")
    figure.get_by_role("button", name="Train for 90 s").click()
    expect(figure.locator(".now")).to_contain_text("of about 90 s")
    expect(figure.get_by_label("90 s")).to_be_checked()


def test_the_end_says_which_lines_were_passed_and_which_not(open_figures):
    stage = open_figures(Train(size="one", steps=60))
    figure = begin(stage)
    loss = number_after("validation loss", finished(figure))
    levels = {level["name"]: level["nats"] for level in Train().levels if level["name"] != "uniform"}
    said = figure.locator(".reading").first
    (sentence,) = re.findall(r"It has passed .*?\.(?= |$)", said.inner_text())
    passed, _, missed = sentence.replace("none of the lines:", ", but not").partition(", but not")
    assert {name for name in levels if name in missed} == {name for name, nats in levels.items() if loss >= nats}
    assert {name for name in levels if name in passed} == {name for name, nats in levels.items() if loss < nats}
    assert missed  # a small model is not so good


def test_a_line_that_was_passed_and_lost_again_is_not_said_to_be_passed(load_module):
    page = load_module("train/words.js")
    said = page.evaluate(
        """validation => {
            const crossed = [
                { name: "bigram", nats: 2.5, seconds: 4 },
                { name: "trigram", nats: 2.1, seconds: 9 },
            ];
            const levels = [{ name: "uniform", nats: 4.2 }, ...crossed];
            const settings = { levels, config: { causal: true } };
            const numbers = { step: 60, planned: 60, seconds: 30, parameters: 1, workers: 1, learningRate: 0.02 };
            const run = { status: "finished", ...numbers, earlier: [], settings, crossed, validation };
            return module.describe(run, {});
        }""",
        [4.2, 2.0, 2.3],
    )
    assert "It has passed the bigram after 4.0 s, but not the trigram (2.100)." in said


def test_what_is_said_after_stop_is_true_of_the_model_that_is_kept(open_figures, plays, tmp_path):
    stage = open_figures(Train(size="one", steps=2000))
    figure = begin(stage)
    figure.get_by_text(re.compile(r"Step \d\d+ of 2,000")).wait_for()
    figure.get_by_role("button", name="Stop").click()
    expect(figure.locator(".reading").first).to_contain_text("Stopped at step")
    numbers = figure.locator(".now").inner_text()
    loss = number_after("validation loss", numbers)
    expect(figure.locator(".reading").first).to_contain_text(f"The validation loss is {loss:.3f} nats.")
    expect(figure.get_by_text("now offer your model")).to_contain_text(f"your model ({loss:.2f} after ")
    model = GPT.from_pretrained(downloaded(stage, figure, tmp_path))
    assert evaluate(model, plays[3]) == pytest.approx(loss, abs=1e-3)


def test_a_learning_rate_that_is_too_high_is_seen_and_one_press_leads_back(open_figures):
    stage = open_figures(Train(size="one", steps=200, doublings=Train.doublings.max))
    figure = begin(stage)
    figure.get_by_text(re.compile("worse than a blind guess|no number any more")).wait_for()
    figure.get_by_role("button", name="Start again with the recipe's learning rate").click()
    expect(figure.get_by_label("Learning rate")).to_have_value("0")
    finished(figure)
    expect(figure.locator(".legend")).to_contain_text("run 1")
    expect(figure.locator(".legend")).to_contain_text("run 2")


def asks_before_leaving(stage) -> bool:
    """Return whether the browser would ask now."""
    leave = "dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    return not stage.page.evaluate(leave)


def test_a_run_is_not_lost_by_leaving_the_page_without_a_question(open_figures):
    stage = open_figures(Train(size="one", steps=5000))
    figure = begin(stage)
    figure.get_by_text(re.compile(r"Step \d\d+ of 5,000")).wait_for()
    assert asks_before_leaving(stage)
    figure.get_by_role("button", name="Stop").click()
    figure.get_by_text("now offer your model").wait_for()
    assert not asks_before_leaving(stage)


@pytest.mark.parametrize("answer", ["Keep this one", "Drop this one"])
def test_a_model_that_is_not_kept_yet_is_not_lost_by_leaving_the_page_without_a_question(open_figures, answer):
    stage = open_figures(Train(size="one", steps=12))
    finished(begin(stage))
    assert not asks_before_leaving(stage)
    figure = begin(stage)
    choice = figure.get_by_role("button", name=answer)
    choice.wait_for()
    assert asks_before_leaving(stage)
    choice.click()
    expect(choice).to_be_hidden()
    assert not asks_before_leaving(stage)


def test_without_a_mask_the_loss_falls_below_what_is_honest(open_figures, plays, tmp_path):
    stage = open_figures(Train(size="two", steps=240))
    figure = stage.figure("train")
    figure.locator("summary", has_text="More").click()
    figure.get_by_label("Causal mask").uncheck()
    expect(figure.locator(".reading").first).to_contain_text("without a causal mask")
    begin(stage)
    loss = number_after("validation loss", finished(figure))
    assert loss < 1.0  # no model of this size reads Shakespeare so well
    expect(figure.locator(".reading").first).to_contain_text("There is no causal mask")
    model = GPT.from_pretrained(downloaded(stage, figure, tmp_path))
    assert not model.config.causal
    assert evaluate(model, plays[3]) == pytest.approx(loss, abs=2e-3)


def test_a_reader_s_own_text_has_its_lines_and_is_trained_on(open_figures, tmp_path):
    stage = open_figures(Train(size="one", steps=20))
    figure = stage.figure("train")
    figure.locator("summary", has_text="More").click()
    figure.get_by_label("Your own text").fill("too short")
    figure.get_by_text("A text needs at least 500 characters to train on; this one has 9.").wait_for()
    begin(stage)
    figure.get_by_text("this one has 9").wait_for()
    expect(figure.get_by_role("button", name="Start training")).to_be_enabled()
    file = tmp_path / "own.txt"
    file.write_bytes(b"")
    figure.get_by_label("Or a .txt file").set_input_files(file)
    figure.get_by_text("The file is empty").wait_for()
    file.write_bytes(b"\xff\xfe" * 400)
    figure.get_by_label("Or a .txt file").set_input_files(file)
    figure.get_by_text("The file is not text in UTF-8").wait_for()
    file.write_text(TEXTS["play"])
    figure.get_by_label("Or a .txt file").set_input_files(file)
    lines = Train(TEXTS["play"]).levels
    said = ", ".join(f"{level['name']} {level['nats']:.3f}" for level in lines[:3])
    figure.get_by_text(f"{said} and 5-gram {lines[3]['nats']:.3f}").wait_for()
    expect(figure.locator("section")).not_to_contain_text("PyTorch", use_inner_text=True)
    begin(stage)
    finished(figure)
    path = downloaded(stage, figure, tmp_path)
    assert load_tokenizer(path) == CharTokenizer.from_text(TEXTS["play"])
    assert GPT.from_pretrained(path).vocab_size == CharTokenizer.from_text(TEXTS["play"]).vocab_size
    figure.get_by_role("button", name="Reset").click()
    figure.get_by_text("nine plays by Shakespeare").wait_for()
    expect(figure.get_by_label("Your own text")).to_have_value("")
    expect(figure.locator(".now")).to_have_text("")


def test_readers_who_begin_see_no_word_of_a_later_chapter_and_what_the_loss_means(open_figures):
    stage = open_figures(Train(size="one", steps=160, plain=True))
    figure = stage.figure("train")
    section, now, said = (figure.locator(each) for each in ("section.figure", ".now", ".reading >> nth=0"))
    shown = [section.inner_text()]
    expect(figure.get_by_role("button", name=re.compile("^(Start|Stop|Resume)"))).to_have_count(1)
    begin(stage)
    figure.get_by_text("now offer your model").wait_for()
    shown.append(section.inner_text())
    loss = number_after("surprise per letter", now.inner_text())
    assert 2.0 < loss < 3.3
    likely = number_after("as unsure as between", shown[1])
    assert likely == pytest.approx(math.exp(loss), abs=0.5)
    expect(said).to_contain_text("Your model began as unsure as between 65 letters")
    expect(figure.locator(".legend")).to_have_text("text that the model has never seen")
    later = r"(?i)\b(nats?|uniform|\w*gram|pytorch|muon|validation|parameters|cross-entropy|recipe)\b"
    assert [re.findall(later, text) for text in shown] == [[], []]
