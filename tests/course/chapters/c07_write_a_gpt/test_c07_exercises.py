"""Chapter 07: the solutions are a GPT and its training, equal to the package's; each is graded with those before."""

import copy
import math
import random
import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch
from grading_notebooks import grades as grades_of

from lecture21 import GPT, presets
from lecture21.course.exercises import check
from lecture21.course.exercises.answers.running import draw
from lecture21.course.exercises.registry import exercises_of
from lecture21.generation import generate
from lecture21.training import TrainConfig, minimize, sample_windows, train

NOTEBOOK = next((Path(__file__).resolve().parents[4] / "notebooks").glob("07_*.ipynb"))
pytestmark = pytest.mark.usefixtures("warm")
EXERCISES = {each.number: each for each in exercises_of("07")}


def typed() -> dict[str, object]:
    """Run the solutions as a reader types them, one after the other, and return the names."""
    names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "math": __import__("math")}
    exec("from lecture21.attention import causal_mask", names)
    for exercise in EXERCISES.values():
        exec(exercise.text(exercise.solution), names)
    return names


def packaged(weights: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    """Return the weight of the package's GPT-0 with this name, from those of the typed GPT."""
    if name.endswith(("query.weight", "key.weight", "value.weight")):
        attention, kind, _ = name.rsplit(".", 2)
        return torch.cat([weights[f"{attention}.heads.{head}.{kind}.weight"] for head in range(4)])
    for ours, reference in (("position", "position.table"), ("ward.0", "ward.up"), ("ward.2", "ward.down")):
        name = name.replace(reference, ours)
    return weights[name]


def test_the_solutions_are_a_gpt_with_the_packages_logits_loss_and_texts():
    torch.manual_seed(0)
    mine = typed()["GPT"](65, 32, 64, 4, 4)
    package = GPT(presets.get("gpt0"))
    with torch.no_grad():  # norms and biases are 1 and 0 at initialization, where one norm is as good as another
        for weight in mine.parameters():
            weight += 0.1 * torch.randn_like(weight)
    weights = mine.state_dict()
    package.load_state_dict({name: packaged(weights, name) for name in package.state_dict()})
    assert sum(p.numel() for p in mine.parameters()) == package.num_parameters() == 209_729
    ids, targets = torch.randint(65, (2, 3, 32), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(mine(ids), package(ids), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(mine(ids[:, :5]), package(ids[:, :5]), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(mine.loss(ids, targets), package.loss(ids, targets))
    torch.manual_seed(2)
    text = mine.generate(ids[:1, :4], 60, temperature=0.7)
    torch.manual_seed(2)
    assert torch.equal(text, generate(package, ids[:1, :4], 60, temperature=0.7))


@pytest.mark.parametrize("seed", range(4))
def test_each_draw_of_7_3_has_a_text_of_whole_windows(seed):
    texts = [case.arguments[1:3] for case in draw(EXERCISES["7.3"], seed)]
    assert any(len(tokens) % block_size == 0 for tokens, block_size in texts)


# The training loop


def trained_twice(**changes) -> tuple[list[float], list[float], list[float], list[float], GPT, GPT]:
    """Train two equal models with the typed loop and the package's; return losses, validation losses and models."""
    config = TrainConfig(
        steps=12, batch_size=4, learning_rate=0.02, warmup=3, schedule="linear", clip=0.5, betas=(0.9, 0.95),
        weight_decay=0.3, eval_every=4, seed=5, device="cpu",
    )  # fmt: skip
    config = replace(config, **changes)
    torch.manual_seed(0)
    mine = GPT(presets.get("gpt0", n_layer=1)).double()
    models = mine, copy.deepcopy(mine), copy.deepcopy(mine)
    tokens, val = torch.randint(65, (2, 500), generator=torch.Generator().manual_seed(1))
    val = val[: 32 * 5 + 1]
    losses, pairs = typed()["train"](mine, tokens, val, 32, config)
    others = minimize(models[1], lambda rng: models[1].loss(*sample_windows(tokens, 32, 4, rng)), config)
    history = train(models[2], tokens, config, val=val)
    assert [steps for steps, _ in pairs] == history.step[1:]
    return losses, others.tolist(), [loss for _, loss in pairs], history.val_loss[1:], mine, models[2]


@pytest.mark.parametrize("changes", [{}, {"weight_decay": 0.0, "clip": 100.0}, {"warmup": 1, "steps": 8}])
def test_the_typed_loop_has_the_losses_of_the_packages_loops(changes):
    losses, others, val_losses, val_others, mine, package = trained_twice(**changes)
    assert losses == pytest.approx(others, rel=1e-9)
    assert val_losses == pytest.approx(val_others, rel=1e-9)
    for name, weight in mine.state_dict().items():
        torch.testing.assert_close(weight, package.state_dict()[name])


def test_the_typed_sampler_draws_the_windows_of_the_package():
    tokens = torch.randint(65, (200,), generator=torch.Generator().manual_seed(1))
    mine, package = (
        function(tokens, 7, 40, torch.Generator().manual_seed(2))
        for function in (typed()["sample_windows"], sample_windows)
    )
    assert all(map(torch.equal, mine, package))


@pytest.mark.parametrize("name", [each.name for each in EXERCISES["7.4"].mistakes])
def test_a_hint_names_the_first_step_whose_loss_differs(name):
    exercise = EXERCISES["7.4"]
    (mistake,) = [each for each in exercise.mistakes if each.name == name]
    first = math.inf
    for seed in range(3):
        for case in exercise.cases(random.Random(seed)):
            right, wrong = (exercise.run(answer, case.arguments)[-1] for answer in (exercise.solution, mistake.wrong))
            differ = (right - wrong).abs() > 3e-6
            first = min([first, *differ.nonzero().flatten().tolist()])
    said = re.search(r"the loss of step (\d) is the first|all losses are right", mistake.hint)
    assert first == (int(said[1]) if said[1] else math.inf)


def test_weights_that_do_not_fit_are_named(capsys):
    wrong = {
        "7.5": "class CausalHead(CausalHead):\n"
        "    def __init__(self, d_model, d_head):\n"
        "        nn.Module.__init__(self)\n"
        "        self.query = self.key = self.value = nn.Linear(d_model, d_head)",
        "7.6": "class MultiHead(MultiHead):\n"
        "    def __init__(self, d_model, n_head):\n"
        "        nn.Module.__init__(self)\n"
        "        self.heads = [CausalHead(d_model, d_model // n_head)]\n"
        "        self.output = nn.Linear(d_model, d_model)",
        "7.7": "class Block(Block):\n"
        "    def __init__(self, d_model, n_head):\n"
        "        super().__init__(d_model, n_head)\n"
        "        self.feed_forward = nn.Sequential(nn.Linear(d_model, 3), nn.ReLU(), nn.Linear(3, d_model))",
        "7.8": "class GPT(GPT):\n"
        "    def __init__(self, *sizes):\n"
        "        super().__init__(*sizes)\n"
        "        self.norm_last = self.norm\n"
        "        del self.norm",
    }
    expected = {
        "7.5": "query.bias is a weight too many",
        "7.6": "heads is a plain list, which hides its modules from PyTorch",
        "7.7": "feed_forward.0.weight must have the shape (8, 2), and has (3, 2)",
        "7.8": "no weight is named norm.weight, but one is named norm_last.weight",
    }
    for number, source in wrong.items():
        names = typed()
        exec(source, names)
        check(number, names[EXERCISES[number].name])
        said = f"{number}: the weights of your module are not those of the task: {expected[number]}"
        assert " ".join(capsys.readouterr().out.split()) == said


def said_of(capsys, number: str, source: str) -> str:
    """Return what `check` prints of an answer that begins as the solution."""
    names = typed()
    exec(source, names)
    capsys.readouterr()
    check(number, names[EXERCISES[number].name])
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("size", "verdict"), [(2000, "7.5: correct"), (32, "your mask has a fixed size")])
def test_a_mask_that_is_stored_as_a_buffer_must_be_long_enough(capsys, size, verdict):
    source = EXERCISES["7.5"].text(EXERCISES["7.5"].solution)
    stored = f"super().__init__()\n        self.register_buffer('tril', torch.ones({size}, {size}).tril().bool())"
    source = source.replace("super().__init__()", stored)
    source = source.replace("causal_mask(x.shape[1], device=x.device)", "self.tril[: x.shape[1], : x.shape[1]]")
    assert verdict in said_of(capsys, "7.5", source)


CPU = "right, but only on the CPU: a tensor that you create"
BATCHES = "right, but only on the CPU: the batches stay there"
ZEROS = "out = torch.zeros(len(ids), len(ids[0]) + n_new).long(); out[:, : len(ids[0])] = ids; ids = out[:, :-n_new]"
# Changes of a solution, each with words of what is said of it.
WRONG = {
    "7.1": [
        (", generator=generator", "", "draws random numbers"),
        (
            "(batch_size, 1), generator=generator)",
            "(2 * batch_size, 1), generator=generator)[::2]",
            "by one torch.randint",
        ),
        ("starts + torch.arange(block_size + 1)", "starts + 2 * torch.arange(block_size + 1)", "raises IndexError"),
    ],
    "7.3": [
        ("    model.train(was_training)\n", "    model.train()\n", "left in the mode in which it was"),
        ("with torch.no_grad():", "if True:", "autograd records every operation"),
        (" * targets.numel()", "", "the right value"),
        ("ids.to(device)", "ids", BATCHES),
    ],
    "7.4": [
        ("manual_seed(config.seed)", "manual_seed(0)", "the first loss is the first that differs"),
        ("betas=config.betas", "betas=config.betas, eps=1e-2", "the loss of step 1 is the first that differs"),
        ("min(rise, fall)", "rise", "the loss of step 4 is the first that differs"),
        ("min(rise, fall)", "fall", "the loss of step 1 is the first that differs"),
        ("(config.steps - s) /", "(config.steps - s - 1) /", "the loss of step 4 is the first that differs"),
        (
            "            val_losses",
            "            model.eval()\n            val_losses",
            "in evaluation mode in some steps",
        ),
        ("s + 1, evaluate", "s, evaluate", "must be pairs of the number of updates"),
        ("return losses, val_losses", "return losses", "must return two lists"),
        ("ids.to(device), targets.to(device)", "ids, targets", BATCHES),
    ],
    "7.2": [
        ("return self.token(ids)", "return self.token(ids).detach()", "no gradient passes back to the weights"),
    ],
    "7.5": [
        ("scores.softmax(dim=-1) @ v", "(scores.softmax(dim=-1) @ v).detach()", "no gradient passes back to"),
        ("        return", "        k = 0\n        with torch.no_grad(): return", "no gradient passes back to"),
        ("/ math.sqrt(q.shape[-1])", "/ q.shape[-1]", "your scores are too large or too small by a factor"),
        ("/ math.sqrt(q.shape[-1])", "* math.sqrt(q.shape[-1])", "your scores are too large or too small by a factor"),
        ("self.query(x), self.key(x), self.value(x)", "self.query(x), self.key(x), x", "no gradient reaches value."),
        ("scores = q @ k", "scores = q.detach() @ k", "no gradient passes back to query.weight"),
        ("scores.softmax(dim=-1) @ v", "torch.from_numpy((scores.softmax(dim=-1) @ v).numpy())", "numpy() leaves"),
        ("causal_mask(x.shape[1], device=x.device)", "causal_mask(8)[:len(x[0]), :len(x[0])]", "a fixed size"),
        ("causal_mask(x.shape[1], device=x.device)", "torch.ones(8, 8).tril().bool()[:len(x[0]), :len(x[0])]", "fixed"),
        ("causal_mask(x.shape[1], device=x.device)", "causal_mask(x.shape[1])", CPU),
    ],
    "7.6": [
        ("joined)", "torch.from_numpy(joined.detach().numpy()))", "no gradient passes back to the heads"),
        ("self.output(joined)", "self.output(joined).detach()", "no gradient passes back to the weights and x"),
    ],
    "7.7": [
        ("return x + self.feed_forward", "return x.detach() + self.feed_forward", "gradient"),
        ("self.norm_attention(x)", "x", "no gradient reaches norm_attention. Is it used?"),
        ("self.norm_feed_forward(x)", "x", "no gradient reaches norm_feed_forward. Is it used?"),
        ("self.norm_feed_forward(x)", "self.norm_attention(x)", "no gradient reaches norm_feed_forward. Is it used?"),
        ("nn.LayerNorm(d_model)\n        up", "self.norm_attention\n        up", "are the same module and share"),
    ],
    "7.8": [
        (
            "return self.head(self.norm(x))",
            "return self.head(self.norm(x)).detach()",
            "no gradient passes back to the w",
        ),
        (
            "return self.head(self.norm(x))",
            "return self.head(self.norm(x)).softmax(-1)",
            "forward returns probabilities",
        ),
        ("x = block(x)", "block(x)", "no gradient reaches blocks. Is it used?"),
        (
            "[Block(d_model, n_head) for _ in range(n_layer)]",
            "[Block(d_model, n_head)] * n_layer",
            "are the same module",
        ),
        (
            "Block(d_model, n_head)",
            "Block(d_model, n_layer)",
            "query.weight must have the shape (2, 6), and has (3, 6)",
        ),
        ("ids[:, -self.block_size :]", "ids if len(ids[0]) <= self.block_size else ids[:, 1:]", "more than block_size"),
        ("temperature=1.0", "temperature=0.8", "generate must draw at a temperature of 1 if it is given none"),
        ("        with torch", "        torch.manual_seed(0)\n        with torch", "Is a seed fixed in it?"),
        ("num_samples=1", "num_samples=1, generator=torch.Generator().manual_seed(1)", "Is a seed fixed in it?"),
        ("ids.shape[1]]  # (B, T, C)", "ids.shape[1]] + torch.zeros(ids.shape[1], 1)", CPU),
        ("        with torch", f"        {ZEROS}\n        with torch", CPU),
        ("weight[: ids.shape[1]]", "weight[: ids.shape[1]].detach()", "no gradient passes back to position.weight"),
        ("position.weight[: ids.shape[1]]", "position(torch.arange(self.block_size))", "vectors of all block_size"),
        ("position.weight[: ids.shape[1]]", "position(torch.arange(ids.shape[1]))", CPU),
        ("(logits / temperature).softmax(dim=-1)", "logits", "you draw from the logits themselves"),
        ("(logits / temperature).softmax(dim=-1)", "logits / temperature", "you draw from the logits themselves"),
        (
            "        with torch.no_grad():\n",
            "        self.eval()\n        if True:\n",
            "leave the model in training mode",
        ),
        ("        return ids", "", "generate must return a tensor"),
        ("        return ids", "        self.token.weight.data += 1\n        return ids", "changes its input"),
    ],
    "7.9": [
        ("self.output(joined)", "self.output(joined).detach()", "no gradient passes back to the weights and x"),
        ("k, v, is_causal=True", "k, v, scale=1.0, is_causal=True", "entries are wrong"),
        ("d_model, bias=False", "d_model", "qkv.bias"),
    ],
}


@pytest.mark.sampled
@pytest.mark.parametrize(("number", "change"), [(number, each) for number in WRONG for each in WRONG[number]])
def test_a_wrong_change_of_a_solution_is_refused_with_the_reason(capsys, number, change):
    old, new, words = change
    source = EXERCISES[number].text(EXERCISES[number].solution)
    assert old in source
    assert words in said_of(capsys, number, source.replace(old, new))


def test_norms_and_layers_in_another_order_are_named(capsys):
    source = EXERCISES["7.7"].text(EXERCISES["7.7"].solution)
    swapped = source.replace("attention(self.norm_attention(x))", "attention(self.norm_feed_forward(x))")
    swapped = swapped.replace("feed_forward(self.norm_feed_forward(x))", "feed_forward(self.norm_attention(x))")
    assert "each of your layers receives the other one's norm" in said_of(capsys, "7.7", swapped)
    first, second = source.splitlines()[-2:]
    body = f"{second.replace('return', 'x =')}\n{first.replace('x =', 'return')}"
    said = said_of(capsys, "7.7", source.replace(f"{first}\n{second}", body))
    assert "your block applies the feed-forward network first" in said


def test_a_block_without_residual_connections_is_named(capsys):
    source = EXERCISES["7.7"].text(EXERCISES["7.7"].solution).replace("x + self.", "self.")
    assert "your block returns only what its layers compute" in said_of(capsys, "7.7", source)


RIGHT = {
    "7.1": [
        (
            "windows = tokens[starts + torch.arange(block_size + 1)]",
            "windows = tokens.unfold(0, block_size + 1, 1)[starts[:, 0]]",
        ),
        ("(batch_size, 1), generator=generator)", "(batch_size,), generator=generator)[:, None]"),
        (
            "windows = tokens[starts + torch.arange(block_size + 1)]",
            "windows = torch.stack([tokens[i : i + block_size + 1] for i in starts])",
        ),
    ],
    "7.3": [("        for i in range", "        for i in range(0):\n            pass\n        for i in range")],
    "7.4": [
        (
            "        optimizer.zero_grad()\n        loss.backward()",
            "        optimizer.zero_grad()\n        (2 * loss / 2).backward()",
        ),
        ("optimizer.zero_grad()", "model.zero_grad()"),
        ("p.dim() < 2", "p.ndim == 1"),
    ],
    "7.2": [("F.cross_entropy(self(ids).flatten(0, 1), targets.flatten())", "F.cross_entropy(self(ids).mT, targets)")],
    "7.5": [
        ("~causal_mask(x.shape[1], device=x.device)", "torch.ones_like(scores).triu(1) > 0"),
        ("causal_mask(x.shape[1], device=x.device)", "causal_mask(x.shape[1]).to(x.device)"),
        ("-math.inf", "torch.finfo(x.dtype).min"),
    ],
    "7.6": [("torch.cat([head(x) for head in self.heads], dim=-1)", "torch.cat(tuple(h(x) for h in self.heads), 2)")],
    "7.8": [
        ("self.position.weight[: ids.shape[1]]", "self.position(torch.arange(ids.shape[1], device=ids.device))"),
        ("        with torch.no_grad():\n", "        if True:\n"),
        (
            "        with torch.no_grad():\n",
            "        self.train()\n        with torch.inference_mode():\n",
        ),
        ("ids[:, -self.block_size :]", "ids[:, max(0, ids.shape[1] - self.block_size) :]"),
        (
            "torch.multinomial(probabilities, num_samples=1)",
            "torch.distributions.Categorical(probs=probabilities).sample()[:, None]",
        ),
    ],
    "7.9": [
        (".view(b, t, 3, self.n_head, c // self.n_head)", ".unflatten(-1, (3, self.n_head, -1))"),
        (
            "F.scaled_dot_product_attention(q, k, v, is_causal=True)",
            "(q @ k.mT / q.shape[-1] ** 0.5 + (torch.ones_like(q @ k.mT).triu(1) * -1e9)).softmax(-1) @ v",
        ),
    ],
}


@pytest.mark.sampled
@pytest.mark.parametrize(("number", "change"), [(number, each) for number in RIGHT for each in RIGHT[number]])
def test_a_right_change_of_a_solution_is_correct(capsys, number, change):
    source = EXERCISES[number].text(EXERCISES[number].solution)
    assert change[0] in source
    assert said_of(capsys, number, source.replace(*change)) == f"{number}: correct"


GENERATE = """class GPT(GPT):
    def generate(self, ids, n_new, temperature=1.0):
        for step in range(n_new):
            logits = self(ids[:, -self.block_size :])[:, -1]
            p = PROBABILITIES
            ids = torch.cat([ids, torch.multinomial(p, 1)], dim=1)
        return ids
"""
ONE_HOT = "F.one_hot(logits.argmax(-1), logits.shape[-1]).float()"


@pytest.mark.parametrize(
    ("probabilities", "verdict"),
    [
        ("(logits / temperature).softmax(-1)", "correct"),
        ("(logits / temperature).exp()", "raises RuntimeError"),  # exp(1000) is infinite
        ("(logits / temperature**2).softmax(-1)", "generate must draw each token with the probabilities"),
        ("(logits / temperature**0.5).softmax(-1)", "generate must draw each token with the probabilities"),
        ("(logits * temperature).softmax(-1)", "generate must draw each token with the probabilities"),
        (f"(logits / temperature).softmax(-1) if step % 2 else {ONE_HOT}", "generate must draw each token"),
        (f"{ONE_HOT} if step % 2 else (logits / temperature).softmax(-1)", "generate must draw each token"),
        (ONE_HOT, "generate always takes the most likely token"),
        ("logits.softmax(-1)", "your probabilities do not depend on the temperature"),
        ("logits.softmax(-1) / temperature", "your probabilities do not depend on the temperature"),
    ],
)
def test_samples_must_have_the_probabilities_at_their_temperature(capsys, probabilities, verdict):
    said = said_of(capsys, "7.8", GENERATE.replace("PROBABILITIES", probabilities))
    assert verdict in said


@pytest.mark.parametrize("name", ["vocab_size", "block_size"])
def test_a_gpt_must_store_the_sizes_that_training_uses(capsys, name):
    source = (
        f"class GPT(GPT):\n    def __init__(self, *sizes):\n        super().__init__(*sizes)\n        del self.{name}\n"
    )
    source += GENERATE.partition("\n")[2].replace("PROBABILITIES", "(logits / temperature).softmax(-1)")
    source = source.replace(" -self.block_size", " -len(self.position.weight)")
    assert "the model must store the integers vocab_size and block_size" in said_of(capsys, "7.8", source)


def test_the_values_of_a_gpt_are_named(capsys):
    logits = "class GPT(GPT):\n    def forward(self, ids):\n        return 2 * super().forward(ids)"
    loss = "class GPT(GPT):\n    def loss(self, ids, targets):\n        return 2 * super().loss(ids, targets)"
    assert "but in the logits, " in said_of(capsys, "7.8", logits)
    assert "but in the loss, " in said_of(capsys, "7.8", loss)


def submitted(folder: Path, answers: dict[str, str]) -> Path:
    """Write the chapter's notebook with some answers in place of stubs, and no solutions."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    stubs = [cell for cell, actual in zip(notebook.cells, tags, strict=True) if "exercise" in actual]
    for cell, number in zip(stubs, EXERCISES, strict=True):
        cell.source = answers.get(number, cell.source)
    notebook.cells = [cell for cell, actual in zip(notebook.cells, tags, strict=True) if "solution" not in actual]
    path = folder / NOTEBOOK.name
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def solutions() -> dict[str, str]:
    return {number: each.text(each.solution) for number, each in EXERCISES.items()}


def test_an_answer_that_uses_an_unsolved_one_is_graded_with_the_books(tmp_path, solutions):
    del solutions["7.5"]
    solutions["7.7"] = solutions["7.7"].replace("x = x + self.attention", "x = x - self.attention")
    grades = {each.number: each for each in grades_of(submitted(tmp_path, solutions), list(EXERCISES))}
    assert [each.points for each in grades.values()] == [1, 1, 1, 1, 0, 1, 0, 1, 1]
    assert grades["7.5"].text == "not written yet"
    assert grades["7.6"].text == "correct; with the book's CausalHead"
    assert re.search(r"^wrong for T = 1 .* entries are wrong.*; with the book's CausalHead$", grades["7.7"].text)
    assert grades["7.8"].text == "correct; with the book's CausalHead and Block"


def test_a_process_that_knows_solutions_of_earlier_exercises_gives_no_points_for_them(tmp_path, solutions):
    """The second run of an answer holds the solutions of earlier exercises only, and judges this answer only."""
    stub = EXERCISES["7.5"].stub
    thief = (
        "import gc\n"
        "def make():\n"
        "    found = [part for each in gc.get_objects() if isinstance(each, tuple) for part in each]\n"
        "    sources = [part for part in found if isinstance(part, str) and 'class ' + 'MultiHead(nn.' in part]\n"
        "    own = 'class ' + 'MultiHead(CausalHead):\\n    def forward(self, x):\\n        return x'\n"
        "    names = dict(globals())\n"
        "    exec(sources[0] if sources else own, names)\n"
        "    return names['MultiHead']\n"
        "MultiHead = make()"
    )
    grades = grades_of(submitted(tmp_path, {"7.5": stub, "7.6": thief}), list(EXERCISES))
    assert "uses gc" in grades[5].flags
    assert [each.points for each in grades] == [0] * 9
