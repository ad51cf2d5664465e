"""Aligned or not: the judge in the page is the package's, and the figure shows the stored and the sampled responses."""

import json
import math
import random

import pytest
from playwright.sync_api import expect
from until import until

from lecture21 import pretrained
from lecture21.alignment import grammar, judge
from lecture21.course import live
from lecture21.course.chapters import results
from lecture21.pretrained import storage

STORED = live.Aligned().stored
STOPS = [stop["name"] for stop in STORED["stops"]]


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


def test_the_slider_reads_the_stored_results(open_figures):
    figure = open_figures(live.Aligned()).figure("aligned")
    slider, reading = figure.get_by_role("slider"), figure.locator(".reading")
    runs = results.load("alignment_runs").query("seed == 0 and method == 'ppo' and step == 80").set_index("weight")
    samples = results.load("alignment_samples").query(
        "seed == 0 and method == 'ppo' and prompt == 'Please find the blue lamp.'"
    )
    for weight, presses in ((0.0, 0), (0.1, STOPS.index("PPO, KL weight 0") - STOPS.index("PPO, KL weight 0.1"))):
        for _ in range(presses):
            slider.press("ArrowLeft")
        row, response = runs.loc[weight], samples.set_index("weight").loc[weight]
        expect(reading).to_contain_text(f"PPO, KL weight {weight:g}, {row.kl:.1f} nats")
        expect(reading).to_contain_text(
            f"learned reward is {row.learned_reward:.2f} and the judge's score {row.score:.2f}"
        )
        expect(reading).to_contain_text(f"“{response.response}” (learned reward {response.learned_reward:.2f}, score")
    figure.get_by_role("button", name="Reset").click()
    expect(reading).to_contain_text("PPO, KL weight 0, 62.8 nats")


def test_a_click_on_a_point_shows_the_response_of_its_policy(open_figures):
    """The places are computed from the data and the margins of `lineChart`, apart from the figure's own script."""
    stage = open_figures(live.Aligned())
    figure = stage.figure("aligned")
    answer, slider = figure.locator(".answer"), figure.get_by_role("slider")
    for chart, value, (low, high) in ((0, 1, (0, 1)), (1, 2, (-0.5, 2.5))):
        canvas = figure.locator(".chart").nth(chart)
        for name in ("PPO, KL weight 0.1", "fine-tuned"):
            measured = STORED["stops"][STOPS.index(name)]["measured"]
            box = canvas.bounding_box()
            x = 46 + math.log1p(measured[0]) / math.log1p(70) * (box["width"] - 56)
            y = 24 + (high - measured[value]) / (high - low) * (box["height"] - 62)
            canvas.click(position={"x": x, "y": y})
            response = STORED["stops"][STOPS.index(name)]["responses"].splitlines()[2].split(" ", 2)[2]
            until(lambda: answer.inner_text().startswith(name[0].upper() + name[1:]))
            expect(answer).to_contain_text(response, use_inner_text=True)
            expect(slider).to_have_value(str(STOPS.index(name)))
        canvas.click(position={"x": 60, "y": 5})  # far from every point
        expect(slider).to_have_value(str(STOPS.index("fine-tuned")))


def test_best_of_n_chooses_the_highest_learned_reward(open_figures):
    figure = open_figures(live.Aligned(policy="best of 8")).figure("aligned")
    draws = results.load("alignment_best_of_n").query("prompt == 'Please find the blue lamp.' and draw <= 8")
    picked = draws.loc[draws["learned_reward"].idxmax()]
    expect(figure.locator(".reading")).to_contain_text(
        f"“{picked.response}” (learned reward {picked.learned_reward:.2f}, score {picked.score:.2f})"
    )
    assert picked.score < draws["score"].max()  # what makes the example worth showing
    figure.get_by_text("All 8 responses from which it chooses").click()
    judged = draws.loc[draws["score"].idxmax()]
    expect(figure.locator(".response", has_text="best according to the judge")).to_contain_text(
        judged.response, use_inner_text=True
    )
    expect(figure.locator(".response", has_text="chosen by the learned reward")).to_contain_text(
        picked.response, use_inner_text=True
    )
    figure.get_by_label("Prompt").select_option("Where is the white lamp?")
    draws = results.load("alignment_best_of_n").query("prompt == 'Where is the white lamp?' and draw <= 8")
    expect(figure.locator(".reading")).to_contain_text(draws.loc[draws["learned_reward"].idxmax()].response)


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
    expect(figure.locator(".response")).to_have_count(3)
    expect(button.or_(figure.get_by_role("button", name="Sample again"))).to_be_enabled()


def test_the_stored_data_are_those_of_one_seed():
    assert STOPS[0] == "fine-tuned"
    assert STOPS[-1] == "PPO, KL weight 0"
    runs = results.load("alignment_runs")
    kl = [stop["measured"][0] for stop in STORED["stops"]]
    assert kl == sorted(kl)
    for stop in STORED["stops"]:
        same = runs[
            (runs["seed"] == 0)
            & ((runs["kl"] - stop["measured"][0]).abs() < 0.0051)
            & (runs["method"] == stop["method"])
        ]
        assert len(same) == 1
        assert stop["measured"] == pytest.approx(
            [same.kl.item(), same.score.item(), same.learned_reward.item()], abs=0.006
        )
        assert len(stop["responses"].splitlines()) == (0 if stop["n"] else 10)
