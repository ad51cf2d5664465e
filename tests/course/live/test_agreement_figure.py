"""Agreement at a distance: sentences, models and training are those of the package, and the page shows their scores."""

import pytest
import torch
from playwright.sync_api import expect
from torch import nn
from torch.nn.functional import cross_entropy
from until import until

from lecture21.attention import attention, basic_self_attention
from lecture21.baselines import RNN, RNNConfig
from lecture21.course import live
from lecture21.data.agreement import DISTANCES, VOCABULARY, Agreement, majority_score
from lecture21.layers.positions import sinusoidal
from lecture21.training import TrainConfig, learning_rate
from lecture21.training.tasks import minimize

V, C = len(VOCABULARY), 32
KINDS = ("rnn", "bag", "basic", "head", "positions")
MODEL = """({kind, parameters}) => ({ kind, width: 32,
    parameters: Object.fromEntries(Object.entries(parameters).map(([name, x]) => [name, Float64Array.from(x)])) })"""


class Reference(nn.Module):
    """The figure's models, written with the package."""

    def __init__(self, kind: str, seed: int):
        super().__init__()
        torch.manual_seed(seed)
        self.kind = kind
        if kind == "rnn":
            self.rnn = RNN(RNNConfig(vocab_size=V, kind="rnn", n_layer=1, d_model=C))
        else:
            self.vectors = nn.Parameter(torch.randn(V, C))
            self.matrices = nn.ModuleDict(
                {name: nn.Linear(C, C, bias=False) for name in ("query", "key", "value")}
                if kind in ("head", "positions")
                else {}
            )
            self.output = nn.Linear(C, V)
        self.double()

    def named(self) -> dict[str, nn.Parameter]:
        """The parameters by the names that the figure has for them."""
        if self.kind == "rnn":
            names = ("vectors", "input", "recurrent", "input_bias", "recurrent_bias", "output", "output_bias")
            return dict(zip(names, self.rnn.parameters(), strict=True))
        matrices = {name: layer.weight for name, layer in self.matrices.items()}
        return {"vectors": self.vectors, **matrices, "output": self.output.weight, "output_bias": self.output.bias}

    def forward(self, words):
        """Return the logits at the word before the verb, and its attention to all words."""
        if self.kind == "rnn":
            return self.rnn(words)[:, -1], None
        x = self.vectors[words]
        if self.kind == "positions":
            x = x + sinusoidal(words.shape[1], C).double()
        if self.matrices:
            out, weights = attention(*(self.matrices[name](x) for name in ("query", "key", "value")))
        else:
            out, weights = basic_self_attention(x)
        if self.kind == "bag":
            return self.output(x.mean(dim=1)), None
        return self.output(out[:, -1]), weights[:, -1]

    def given(self) -> dict:
        """The model as the page gets it."""
        parameters = {name: p.detach().flatten().tolist() for name, p in self.named().items()}
        return {"kind": self.kind, "parameters": parameters}


def drawn(distance: int, n_adjective: int, seed: int, batch: int = 8, rivals: str = "other kind"):
    """Sentences of the package, and the same as the page has them."""
    generator = torch.Generator().manual_seed(seed)
    words = Agreement(rivals).sentences(batch, distance, n_adjective=n_adjective, generator=generator)
    nouns = [1 + n_adjective + 3 * i for i in range(distance // 3 + 1)]
    sentences = [
        {"words": row[:-3], "rest": row[-3:], "nouns": nouns, "plural": bool(row[-3] % 2)} for row in words.tolist()
    ]
    return words, sentences


@pytest.mark.parametrize("kind", KINDS)
def test_logits_attention_scores_and_gradients_are_those_of_torch(load_module, kind):
    page = load_module("agreement/models.js")
    model = Reference(kind, 0)
    words, sentences = drawn(10, 2, seed=0)
    logits, weights = model(words[:, :-3])
    loss = cross_entropy(logits, words[:, -3])
    loss.backward()
    found = page.evaluate(
        f"""([given, sentences]) => {{
            const model = ({MODEL})(given);
            const list = (x) => x && Array.from(x);
            const {{ loss, gradients }} = module.lossAndGradients(model, sentences);
            const read = module.read(model, sentences);
            return {{
                loss, score: module.scoreOf(model, sentences),
                gradients: Object.fromEntries(Object.entries(gradients).map(([name, each]) => [name, list(each)])),
                logits: read.map(({{ logits }}) => list(logits)), weights: read.map(({{ weights }}) => list(weights)),
                plural: read.map(({{ logits }}) => module.pluralShare(logits)),
            }};
        }}""",
        [model.given(), sentences],
    )
    rel = 1e-6 if kind == "positions" else 1e-9  # the package computes sinusoids in float32
    close = {"rtol": rel, "atol": rel / 10}
    torch.testing.assert_close(torch.tensor(found["logits"], dtype=torch.float64), logits.detach(), **close)
    if weights is not None:
        torch.testing.assert_close(torch.tensor(found["weights"], dtype=torch.float64), weights.detach(), **close)
    assert found["loss"] == pytest.approx(loss.item(), rel=rel)
    verbs = logits.detach()[:, VOCABULARY.ids["is"] : VOCABULARY.ids["is"] + 6].softmax(-1)
    plural = verbs[:, 1::2].sum(-1)
    assert found["plural"] == pytest.approx(plural.tolist(), rel=rel)
    assert found["score"] == ((plural > 0.5) == (words[:, -3] % 2 == 1)).double().mean().item()
    wanted = {name: p.grad for name, p in model.named().items()}
    assert sorted(found["gradients"]) == sorted(wanted)
    for name, gradient in found["gradients"].items():
        actual = torch.tensor(gradient, dtype=torch.float64)
        torch.testing.assert_close(actual, wanted[name].flatten(), **close)


@pytest.mark.parametrize("kind", ["rnn", "head"])
def test_training_is_that_of_minimize(load_module, kind):
    """Adam with a cosine decay, on the same batches."""
    page = load_module("agreement/learn.js")
    model = Reference(kind, 1)
    given = model.given()
    batches = [drawn((1, 7)[step % 2], step % 3, seed=step) for step in range(12)]
    config = TrainConfig(steps=len(batches), learning_rate=0.01, schedule="cosine")
    rates = page.evaluate("n => Array.from({ length: n }, (_, i) => module.rateAt(i, n, 0.01))", len(batches))
    assert rates == pytest.approx([learning_rate(step, config) for step in range(len(batches))])
    losses, parameters = page.evaluate(
        f"""([given, batches, rates]) => {{
            const model = ({MODEL})(given);
            const update = module.updates(model);
            const losses = batches.map((batch, i) => update(batch, rates[i]));
            const entry = (name) => [name, Array.from(model.parameters[name])];
            return [losses, Object.fromEntries(Object.keys(model.parameters).map(entry))];
        }}""",
        [given, [sentences for _, sentences in batches], rates],
    )
    words = iter([words for words, _ in batches])

    def loss(generator):
        batch = next(words)
        return cross_entropy(model(batch[:, :-3])[0], batch[:, -3])

    torch.testing.assert_close(torch.tensor(losses, dtype=torch.float64), minimize(model, loss, config))
    assert losses[-1] < losses[0] - 0.1
    for name, values in parameters.items():
        actual = torch.tensor(values, dtype=torch.float64)
        torch.testing.assert_close(actual, model.named()[name].detach().flatten(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("people", [False, True], ids=["other kind", "people"])
def test_sentences_have_the_words_of_the_package_in_its_places(load_module, people):
    page = load_module("agreement/task.js")
    draw = """([distance, adjectives, people]) => {
        let state = 1 + distance;
        const random = () => ((state = (state * 48271) % 2147483647) - 1) / 2147483646;
        return Array.from({ length: 300 }, () => module.drawSentence(random, { distance, people, adjectives }));
    }"""
    for distance, adjectives in ((1, 0), (7, 2), (100, 1)):
        found = page.evaluate(draw, [distance, adjectives, people])
        words, reference = drawn(distance, adjectives, 0, 300, "people" if people else "other kind")
        actual = torch.tensor([each["words"] + each["rest"] for each in found])
        assert all(each["nouns"] == reference[0]["nouns"] for each in found)
        for column, wanted in zip(actual.T, words.T, strict=True):
            assert set(column.tolist()) == set(wanted.tolist())  # of 300, each of at most 24 words is drawn
        plural = actual[:, adjectives + 1] % 2
        assert torch.equal(plural, actual[:, -3] % 2)
        assert [each["plural"] for each in found] == (plural == 1).tolist()
        assert 100 < plural.sum() < 200
        is_thing = actual[:, adjectives + 1] >= VOCABULARY.ids["window"]
        assert not is_thing.any() if people else 100 < is_thing.sum() < 200
        for noun in reference[0]["nouns"][1:]:
            assert torch.equal(actual[:, noun] < VOCABULARY.ids["window"], is_thing | people)
        if distance > 1:
            assert 100 < (plural == actual[:, adjectives + 4] % 2).sum() < 200  # a rival's number is its own
        flipped = page.evaluate("([each, which]) => module.withFlipped(each, which)", [found[0], [0, 1, 99]])
        changed = [a != b for a, b in zip(flipped["words"] + flipped["rest"], actual[0].tolist(), strict=True)]
        where = [adjectives + 1, *([adjectives + 4] if distance > 1 else []), len(changed) - 3]
        assert [i for i, is_changed in enumerate(changed) if is_changed] == where
        assert flipped["plural"] is not found[0]["plural"]


def opened(open_figures, chapter: int, **options):
    return open_figures(live.Agreement(chapter), **options).figure("agreement")


def train(figure) -> None:
    figure.locator("button.main").click()
    expect(figure.locator("button.main")).to_be_enabled()
    expect(figure.locator("button.main")).to_contain_text("Train at")


def table(figure) -> dict[str, list[str]]:
    rows = figure.locator(".says tbody tr").all()
    return {row.locator("th").inner_text(): row.locator("td").all_inner_texts()[1:] for row in rows}


def test_the_page_trains_and_shows_the_scores_of_its_runs(open_figures, load_module):
    """The same training, without the figure, gives what the figure shows; and only the head finds a far subject."""
    page = load_module("agreement/runs.js")
    wanted = page.evaluate(
        """async () => {
            const run = module.newRun(["head", "basic", "bag"], 1, 7);
            await module.trainRun(run, { distances: [7], people: false, seed: 1, onProgress: () => true });
            return [7, 22].map((distance) => module.scoresAt(run, { distance, people: false }));
        }"""
    )
    figure = opened(open_figures, 3)
    until(lambda: {cells[1] for cells in table(figure).values()} == {"–"})
    far = figure.get_by_role("slider", name="From the subject to the verb")
    far.press("ArrowRight")
    train(figure)
    for scores, distance in zip(wanted, (7, 22), strict=True):
        while f"scored at {distance} words" not in figure.locator(".reading").inner_text():
            far.press("ArrowRight")
        shown = [float(cells[1]) for cells in table(figure).values()]
        assert shown == pytest.approx([scores[kind] for kind in ("head", "basic", "bag")], abs=0.0051)
    head, basic, bag = shown
    assert head > 0.95
    assert basic < 0.9
    assert bag == pytest.approx(majority_score(22), abs=0.06)  # three standard errors of 600 sentences


def test_what_one_should_see_follows_the_scores_at_the_distance_that_is_shown(load_module):
    page = load_module("agreement/readings.js")
    for score, verdict in {
        0.99: "it finds the subject",
        0.75: "better than counting",
        0.62: "no better than counting",
        0.51: "it tosses a coin",
    }.items():
        said = page.evaluate(
            """score => module.outcomeOf([{ name: "RNN", score }, { name: "bag of words", score: 0.6 }], 22, 0.64)""",
            score,
        ).replace("\u00a0", " ")
        assert said == (
            f"at 22 words, counting the nouns is right in 64 %. RNN: right in {100 * score:.0f} %, {verdict}."
        )


def test_what_is_said_of_the_other_distances_is_their_average(load_module):
    page = load_module("agreement/readings.js")
    models = [
        {"name": "RNN", "scores": [0.5, 0.55]},
        {"name": "head", "scores": [0.8, 0.9, 1.0]},
        {"name": "unscored", "scores": []},
    ]
    said = page.evaluate("models => module.otherDistances(models)", models).replace("\u00a0", " ")
    assert said == (
        " At the other distances on the chart, on average, RNN is near a coin toss, and head is right in 90 %."
    )
    assert page.evaluate("models => module.otherDistances(models)", models[2:]) == ""


def test_a_training_is_scored_at_other_distances_and_the_bag_of_words_is_a_line(open_figures):
    figure = opened(open_figures, 2)
    curves = figure.locator(".chart .curve[d*=L]")
    expect(curves).to_have_count(1)  # the majority of the nouns
    train(figure)
    dots = figure.locator(".chart .marks circle:not([style*=fill\\:\\ none])")
    expect(dots).to_have_count(8)  # of the model; the bag has none
    expect(curves).to_have_count(3)
    for name in ("bag of words", "basic self-attention", "majority of the nouns"):
        expect(figure.locator(f".chart .curve[data-name='{name}']")).to_have_count(1)
    figure.get_by_role("slider", name="From the subject to the verb").press("End")
    expect(figure.locator(".says tbody td:last-child")).not_to_contain_text(["–", "–"])


def test_a_click_changes_a_noun_and_the_keyboard_keeps_its_place(open_figures):
    figure = opened(open_figures, 1)
    nouns = figure.locator(".sentence button")
    subject, verb = nouns.first.inner_text(), figure.locator(".verb").inner_text()
    nouns.first.click()
    until(lambda: nouns.first.inner_text() in (f"{subject}s", subject.removesuffix("s")))
    expect(figure.locator(".verb")).not_to_have_text(verb)
    nouns.nth(1).focus()
    rival = nouns.nth(1).inner_text()
    figure.page.keyboard.press("Enter")
    expect(nouns.nth(1)).not_to_have_text(rival, use_inner_text=True)
    figure.page.keyboard.press("Space")
    expect(nouns.nth(1)).to_have_text(rival, use_inner_text=True)
    expect(figure.locator(".verb")).not_to_have_text(verb)  # a rival has no part in it
    figure.get_by_role("button", name="Another sentence").click()
    expect(figure.locator(".sentence")).not_to_have_text(subject, use_inner_text=True)


def test_the_reader_predicts_trains_by_keyboard_and_starts_again(open_figures):
    stage = open_figures(live.Agreement(1))
    figure = stage.figure("agreement")
    guess = figure.get_by_role("slider", name="The scores that you expect")
    expect(figure.locator(".chart")).to_contain_text("draw here")
    box = guess.bounding_box()
    stage.page.mouse.move(box["x"] + 60, box["y"] + 40)
    stage.page.mouse.down()
    stage.page.mouse.move(box["x"] + box["width"] - 30, box["y"] + box["height"] - 60, steps=4)
    stage.page.mouse.up()
    expect(figure.locator(".legend")).to_contain_text("your prediction")
    expect(figure.locator(".chart")).not_to_contain_text("draw here")
    expect(figure.locator(".outcome")).to_be_hidden()
    figure.locator("button.main").press("Enter")
    expect(figure.locator("button.main")).to_contain_text("Train at")
    expect(figure.locator(".outcome")).to_contain_text("at 4 words, counting the nouns is right in 75 %. RNN: right in")
    expect(figure.locator(".outcome")).to_contain_text("At the other distances on the chart, on average, RNN is")
    figure.get_by_role("checkbox", name="shorter distances too").press("Space")
    figure.locator("button.main").press("Enter")
    expect(figure.locator(".reading")).to_contain_text("Trained at 1 to 4 words")
    figure.get_by_role("button", name="Link to this state").click()
    again = open_figures(live.Agreement(1), hash=stage.page.evaluate("location.hash")).figure("agreement")
    expect(again.get_by_role("checkbox", name="shorter distances too")).to_be_checked()
    figure.get_by_role("button", name="Reset").click()
    expect(figure.locator(".legend")).not_to_contain_text("your prediction")
    figure.get_by_role("slider", name="From the subject to the verb").press("ArrowRight")
    expect(figure.locator(".reading")).to_contain_text("Not trained yet")
    expect(figure.locator(".outcome")).to_be_hidden()


def test_the_line_is_that_of_the_package_at_the_distances_of_the_slider(open_figures):
    figure = live.Agreement(1)
    assert tuple(1 + 3 * i for i in range(34)) == DISTANCES  # as agreement.js has them
    assert figure.majority == pytest.approx([majority_score(distance) for distance in DISTANCES], abs=1e-4)
    assert f"from {majority_score(4):.2f} at 4 words to {majority_score(100):.2f} at 100" in figure.description
    far = opened(open_figures, 1).get_by_role("slider", name="From the subject to the verb")
    for key, text in (("End", "100 words"), ("Home", "1 word")):
        far.press(key)
        expect(far).to_have_attribute("aria-valuetext", text)
