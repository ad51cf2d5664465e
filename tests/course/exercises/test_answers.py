"""Answers in unusual style that are right, and answers that only seem right: what `check` says of each of them."""

import re

import numpy as np
import pytest
import torch
from readers import printed

from lecture21.course.exercises.answers.running import Outcome
from lecture21.course.exercises.exercise import Case, Exercise
from lecture21.course.exercises.hints.differences import in_words
from lecture21.course.exercises.judging import judge
from lecture21.course.exercises.registry import find
from lecture21.training import evaluate, sample_windows


def written(number: str, body: str):
    """Return the answer whose signature is that of the exercise."""
    exercise = find(number)
    head = exercise.stub.partition('"""')[0]
    names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "evaluate": evaluate}
    names |= {"sample_windows": sample_windows, "re": re}
    exec(head + body.replace("\n", "\n    "), names)
    return names[exercise.name]


CONVOLUTION = """layer = nn.Conv2d(images.shape[1], len(weight), patch_size, stride=patch_size)
del layer.weight, layer.bias
layer.weight, layer.bias = weight.view(len(weight), images.shape[1], patch_size, patch_size), bias
return layer(images).flatten(2).mT"""
RNN = """layer = nn.RNN(xs.shape[1], len(h))
with torch.no_grad():
    layer.weight_ih_l0.copy_(w_x), layer.weight_hh_l0.copy_(w_h), layer.bias_ih_l0.copy_(b), layer.bias_hh_l0.zero_()
    return layer(xs, h[None])[0]"""
TRANSPOSED = """tall = x.shape[0] > x.shape[1]
x = x.T if tall else x
gram = x @ x.T
x = 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram @ gram @ x
return {}"""
EVALUATED = """device, mode, n = next(model.parameters()).device, model.training, (len(tokens) - 1) // block_size
ids, targets = (tokens[i : n * block_size + i].view(n, block_size) for i in (0, 1))
total = 0
model.eval()
with torch.no_grad():
    for a, b in zip(ids.split({size}), targets.split({size})):
        total = total + model.loss(a.to(device), b.to(device)){item} * len(a)
model.train(mode)
return total / n"""
LOOP = """device, g = next(model.parameters()).device, torch.Generator().manual_seed(config.seed)
groups = [dict(params=[p for p in model.parameters() if p.dim() > 1], weight_decay=config.weight_decay),
          dict(params=[p for p in model.parameters() if p.dim() < 2], weight_decay=0.0)]
optimizer = torch.optim.AdamW(groups, betas=config.betas)
losses, pairs = [], []
model.train()
for s in range(config.steps):
    ids, targets = sample_windows(tokens, block_size, config.batch_size, g)
    loss = model.loss(ids.to(device), targets.to(device))
    losses.append(loss.item())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    share = min((s + 1) / config.warmup, (config.steps - s) / (config.steps - config.warmup))
    for group in optimizer.param_groups: group['lr'] = config.learning_rate * share
    optimizer.step()
    if (s + 1) % config.eval_every == 0: pairs.append((s + 1, evaluate(model, val, block_size)))
return losses, pairs"""
STEPS = "for s in range(config.steps):"
PAIR = "(s + 1, evaluate(model, val, block_size))"
DECODED = """ids, ended = torch.full((n_row, 1), bos), torch.zeros(n_row, dtype=torch.bool)
for _ in range(max_new):
    token = next_logits(ids).argmax(-1).masked_fill(ended, pad)
    ids = torch.cat([ids, token[:, None]], 1)
    ended |= token == eos
    if ended.all(): break
return ids[:, 1:]"""
UNROLLED = """states = []
for x in xs:
    h = torch.tanh(w_x @ x + w_h @ h + b)
    states.append(h)
return torch.stack(states)"""
MERGED = """pairs = list(zip(ids, ids[1:]))
a, b = min(set(pairs), key=lambda each: (-pairs.count(each), each))
text = {}
return (a, b), [int(each) for each in re.split(' +', text.strip())]"""

RIGHT = [
    ("6.1", DECODED),
    ("15.1", CONVOLUTION),
    ("1.1", RNN),
    ("10.2", TRANSPOSED.format("x.T if tall else x")),
    ("7.3", EVALUATED.format(size="batch_size", item=".item()")),
    ("7.4", LOOP),
    ("7.4", LOOP.replace("return losses, pairs", "return [losses, pairs]")),
    ("9.1", MERGED.format("re.sub(f' {a}  {b} ', f' {new_id} ', ' ' + '  '.join(map(str, ids)) + ' ')")),
]


@pytest.mark.parametrize(("number", "body"), RIGHT, ids=[number for number, _ in RIGHT])
def test_a_right_answer_is_accepted_in_unusual_style(capsys, number, body):
    assert printed(capsys, number, written(number, body)) == f"{number}: correct"


@pytest.mark.parametrize("weights", [np.array([0.8, 0.1, 0.1]), np.array([1, 0, 0]), torch.tensor([0.8, 0.1, 0.1])])
def test_a_list_of_numbers_may_be_an_array(capsys, weights):
    assert printed(capsys, "13.4", weights) == "13.4: correct"


WRONG = [
    ("6.1", DECODED.replace("argmax", "argmin"), "the first token of a row is not the most probable one"),
    ("6.1", DECODED.replace("ids[:, 1:]", "ids"), "begins with `bos`"),
    ("6.1", DECODED.replace("ended.all()", "ended[0]"), "when the first row has ended"),
    ("1.1", UNROLLED.replace("in xs", "in xs.flip(0)"), "in reverse order"),
    ("10.2", TRANSPOSED.format("x"), "Transposed, it is right"),
    ("7.3", EVALUATED.format(size="n", item=".item()"), "must have batch_size windows"),
    ("7.3", EVALUATED.format(size="1", item=".item()"), "must have batch_size windows"),
    ("7.3", EVALUATED.format(size="batch_size", item=""), "it is a tensor"),
    ("9.1", MERGED.format("' '.join(map(str, ids)).replace(f'{a} {b}', str(new_id))"), "wrong for ids"),
    ("7.4", LOOP.replace(STEPS, f"{STEPS}\n    g.manual_seed(config.seed)"),
     "seeded inside the loop?"),
    ("7.4", LOOP.replace("AdamW(groups, betas=config.betas)", "SGD(groups)"), "the losses of SGD"),
    ("7.4", LOOP.replace("AdamW", "Adam"), "the losses of Adam,"),
    ("7.4", LOOP.replace("grad_norm_", "grad_value_"), "each number of the gradient is clipped by itself"),
    ("7.4", LOOP.replace("torch.Generator()", "torch.random.default_generator"), "draws random numbers"),
    ("7.4", LOOP.replace(PAIR, PAIR[7:-1]), "have pairs"),
    ("2.1", "powers = scores.exp()\nreturn powers / powers.sum(dim=0)", "your columns sum to 1"),
    ("2.1", "powers = (scores - scores.amax(1, True)).exp()\nreturn powers / powers.sum(0)", "your columns sum to 1"),
    ("10.3", "return x / (x.square().mean(-1, True) + 1e-6).sqrt() * gain", "or m / (m + 1e-5)"),
    ("15.1", CONVOLUTION.replace("del layer.weight, layer.bias\n", "return layer(images.float()).flatten(2).mT\n"),
     "draws random numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "body", "part"), WRONG, ids=[f"{number} {part}" for number, _, part in WRONG])
def test_a_wrong_answer_is_refused_for_what_is_wrong_with_it(capsys, number, body, part):
    said = printed(capsys, number, written(number, body))
    assert not said.startswith(f"{number}: correct")
    assert part in said


def test_a_property_that_cannot_be_computed_accuses_nobody(capsys):
    """The logarithm of a weight of 0 is no multiple of a score."""
    hard = "s = q @ k.mT\nweights = (s == s.amax(-1, True)).to(q.dtype)\nreturn weights @ v, weights"
    assert "another number than sqrt(D)" not in printed(capsys, "3.1", written("3.1", hard))
    causal = "s = (x @ x.T).masked_fill(torch.ones(len(x), len(x)).triu(1).bool(), -torch.inf)\n"
    said = printed(capsys, "2.2", written("2.2", f"{causal}return s.softmax(1) @ x, s.softmax(1)"))
    assert "multiple of the dot products" not in said


def test_the_entry_that_is_named_is_a_wrong_one():
    """A large number may differ by more, and only by rounding."""
    exercise = Exercise("0.1", "same", "the same", lambda x: x)
    case = Case((torch.tensor([[1e6, 0.0]]),), "two numbers")
    verdict = judge(exercise, [case], [Outcome(torch.tensor([[1e6 + 20, 0.5]]))])
    assert "1 of 2 entries are wrong, most of all [0, 1]" in verdict.text


def test_one_wrong_row_is_not_said_to_have_moved():
    right = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.25, 0.75]])
    words = in_words(right, torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]))
    assert words == "is wrong in the last row only"


def test_a_factor_is_named_only_if_it_is_one_in_every_case():
    """One case may be a multiple of the right one by chance."""
    exercise = Exercise("0.1", "same", "the same", lambda x: x)
    a, b = torch.tensor([1.0, 2, 4]), torch.tensor([3.0, 1, 5])
    cases = [Case((a,), "one"), Case((b,), "another")]
    assert "up to a factor" in judge(exercise, cases, [Outcome(2 * a), Outcome(2 * b)]).text
    assert "up to a factor" not in judge(exercise, cases, [Outcome(2 * a), Outcome(b.square())]).text
