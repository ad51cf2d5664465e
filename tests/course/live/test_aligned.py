"""Push the score: the judge in the page is the package's, and the figure shows stored and sampled responses."""

import json
import random

import pandas as pd
import pytest
from playwright.sync_api import expect
from until import until

from lecture21 import pretrained
from lecture21.alignment import grammar, judge
from lecture21.course import live
from lecture21.course.chapters import results
from lecture21.pretrained import storage

STORED = live.Aligned().stored
STEPS, (FREE, HELD) = STORED["steps"], STORED["arms"]
PROMPT = "Please find the blue lamp."


def responses() -> list[tuple[str, str]]:
    """Prompts with responses of the grammar, broken ones, and garbage."""
    chance = random.Random(0)
    actual = [grammar.overheard(chance) for _ in range(300)]
    actual += [(prompt, response) for prompt, response in map(_damaged, [chance] * 300, actual)]
    samples = results.load("alignment_samples")
    actual += list(zip(samples["prompt"], samples["response"], strict=True))
    prompt = "Where is the red cup?"
    answer = "The red cup is near the window."
    odd = [
        "",
        " ",
        ".",
        "?",
        "...",
        "\n",
        f"{answer} {answer}",
        answer[:-1],
        f" {answer}\x85",
        f"\x1f{answer}\ufeff",
        f"{answer}{answer}",
    ]
    odd += [
        "The red cup is near the window",
        "the red cup is near the window.",
        "日本語. 🙂",
        "$&. $1",
        "word " * 40,
        "Hurry up. Certainly.",
    ]
    actual += [(prompt, text) for text in odd]
    return [*actual, ("", answer), ("?.", answer), ("cup", answer), ("Find the red\u3000cup.", answer)]


def _damaged(chance: random.Random, pair: tuple[str, str]) -> tuple[str, str]:
    prompt, response = pair
    words = response.split(" ")
    words[chance.randrange(len(words))] = chance.choice(["", "the", "red cup", ".", "?", "\t", "Hurry up.", "\u2028"])
    return prompt, chance.choice([" ", "  ", "\u00a0"]).join(words)


def test_the_judge_in_the_page_is_that_of_the_package(load_module):
    page = load_module("aligned/judge.js")
    pairs = responses()
    page.evaluate("grammar => { globalThis.judge = module.createJudge(grammar); }", STORED["grammar"])
    actual = page.evaluate("pairs => pairs.map((pair) => judge(...pair))", pairs)
    for pair, verdict in zip(pairs, actual, strict=True):
        assert verdict == judge(*pair), pair
    assert len({verdict["score"] for verdict in actual}) > 30


def test_tokens_are_written_as_the_package_writes_them(load_module):
    _, tokenizer = pretrained.load("unaligned")
    page = load_module("aligned/live.js")
    tokens = [tokenizer.decode([i]) for i in range(tokenizer.vocab_size)]
    chance = random.Random(1)
    listed = json.loads((storage.FOLDER / "unaligned" / "tokenizer.json").read_text(encoding="utf-8"))["tokens"]
    assert len(listed) == len(tokens)
    texts = [[i] for i in range(len(tokens))] + [chance.choices(range(len(tokens)), k=20) for _ in range(50)]
    actual = page.evaluate("lists => lists.map(module.textOf)", [[listed[i] for i in ids] for ids in texts])
    assert actual == [tokenizer.decode(ids) for ids in texts]


def test_the_slider_pushes_both_policies_through_the_stored_results(open_figures):
    figure = open_figures(live.Aligned()).figure("aligned")
    slider, reading, answers = figure.get_by_role("slider"), figure.locator(".reading"), figure.locator(".answer")
    pushed = results.load("alignment_pushed").query("prompt == @PROMPT").set_index(["weight", "step"])
    measured = pd.concat([results.load("alignment_runs"), results.load("alignment_early")])
    measured = measured.query("seed == 0 and method == 'ppo'").set_index(["weight", "step"])
    said, button = answers.locator(".said"), figure.get_by_role("button", name="Sample both models now")
    until(lambda: said.first.inner_text() != said.last.inner_text())  # what the penalty changes is in sight at once
    place = button.bounding_box()["y"]
    slider.press("Home")
    expect(said.first).to_have_text(said.last.inner_text())  # one model
    expect(answers.locator(".who b")).to_have_text(["no penalty", "with the penalty"])  # before the first push, too
    for step in STEPS[1:]:
        slider.press("ArrowRight")
        for weight, answer, name in ((0.0, answers.first, "no penalty"), (0.1, answers.last, "with the penalty")):
            row, response = measured.loc[weight, step], pushed.loc[weight, step]
            reward = f"{row.learned_reward:.2f}"
            expect(reading).to_contain_text(f"{name}, learned reward {reward}, judge's score {row.score:.2f}")
            expect(answer.locator(".said")).to_have_text(response.response)
            expect(answer.locator(".who")).to_contain_text(f"this response: score {response.score:.2f}")
        until(lambda: button.bounding_box()["y"] == place)
    expect(slider).to_have_value(str(len(STEPS) - 1))
    figure.get_by_role("button", name="Reset").click()
    expect(reading).to_contain_text("After 8 iterations")


def test_what_one_should_see_is_true_of_the_state_on_the_screen(open_figures):
    figure = open_figures(live.Aligned()).figure("aligned")
    slider, outcome = figure.get_by_role("slider"), figure.locator(".outcome")
    slider.press("Home")
    expect(outcome).to_contain_text("they respond alike")
    for stop in range(1, len(STEPS)):
        slider.press("ArrowRight")
        assert FREE["reward"][stop] > FREE["reward"][0]
        fell = FREE["score"][stop] < FREE["score"][0]
        told = "the score is below where it began, and the reward higher" if fell else "reward and score are above"
        expect(outcome).to_contain_text(told)


def test_the_curves_end_where_the_reader_is(open_figures):
    """The next points of the curves would give the ending away."""
    figure = open_figures(live.Aligned(stop=3)).figure("aligned")
    curves = figure.locator(".chart").first.locator(".curve")
    expect(curves).to_have_count(2)
    chart = figure.locator(".chart").first
    until(lambda: 0.2 < curves.first.bounding_box()["width"] / chart.bounding_box()["width"] < 0.5)


def test_the_models_respond_in_the_page_and_the_judge_scores_them(open_figures):
    stage = open_figures(live.Aligned())
    figure = stage.figure("aligned")
    button = figure.get_by_role("button", name="Sample both models now")
    button.press("Enter")
    figure.get_by_role("button", name="Sample again").wait_for()
    stage.page.wait_for_function(
        "() => !document.querySelector('.live-place > div').shadowRoot.querySelector('[aria-busy]')"
    )
    rows = figure.locator(".responses").last.locator(".response")
    expect(rows).to_have_count(3)
    shown = []
    for row in rows.all():
        text = row.locator(".said").inner_text()
        score = float(row.locator(".who").inner_text().split("score ")[1])
        assert score == pytest.approx(judge("Please find the blue lamp.", text)["score"], abs=0.0051)
        shown.append(score)
    assert shown[1] >= shown[0]  # the best of n includes the first
    until(lambda: _is_language(rows.last.locator(".said").inner_text()))
    figure.get_by_label("Prompt").select_option("Show me the red shirt.")
    expect(rows).to_have_count(0)  # they answered another prompt


def _is_language(response: str) -> bool:
    """Whether most sentences are of the grammar: the model in the page is the one that was trained."""
    actual = grammar.sentences(response)
    return sum(map(grammar.is_sentence, actual)) >= len(actual) / 2 > 0


def test_a_broken_model_gives_one_sentence_and_the_stored_responses_stay(open_figures):
    stage = open_figures(live.Aligned(), break_files=True)
    figure = stage.figure("aligned")
    button = figure.get_by_role("button", name="Sample both models now")
    button.click()
    message = figure.locator(".message:not(:empty)")
    message.wait_for()
    until(lambda: message.inner_text().endswith("."))
    expect(figure.locator(".response")).to_have_count(2)
    expect(button.or_(figure.get_by_role("button", name="Sample again"))).to_be_enabled()


def test_the_stored_data_are_those_of_one_seed():
    runs = results.load("alignment_runs").query("seed == 0 and step == 80").set_index("weight")
    samples = results.load("alignment_samples").query("seed == 0 and method == 'ppo'")
    for arm, weight in ((FREE, 0.0), (HELD, 0.1)):
        assert (arm["score"][-1], arm["reward"][-1]) == pytest.approx(
            (runs.score[weight], runs.learned_reward[weight]), abs=0.006
        )
        last = [line.split(" ", 2)[2] for line in arm["responses"][-1].splitlines()]
        assert last == samples[samples["weight"] == weight]["response"].tolist()  # two scripts made the same policy
    assert FREE["responses"][0] == HELD["responses"][0]
    assert [len(arm["responses"]) for arm in (FREE, HELD)] == [len(STEPS)] * 2


def test_the_description_has_the_numbers_of_the_tables():
    told = " ".join(live.Aligned.description.split())
    assert f"the score rises from {HELD['score'][0]:.2f} to {HELD['score'][-1]:.2f}." in told
    top = FREE["score"].index(max(FREE["score"]))
    assert (
        f"it rises to {FREE['score'][top]:.2f} at iteration {STEPS[top]} and falls to {FREE['score'][-1]:.2f}" in told
    )
    assert min(arm["reward"][-1] for arm in (FREE, HELD)) > 2
