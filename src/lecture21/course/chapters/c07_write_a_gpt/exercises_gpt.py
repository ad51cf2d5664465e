"""Exercises of chapter 07: the GPT, with its loss and its method for generating text."""

import math
import random

import torch
import torch.nn.functional as F
from torch import nn

from lecture21.course.chapters.c07_write_a_gpt.exercises import _Block
from lecture21.course.exercises.answers.modules import random_weights, with_weights
from lecture21.course.exercises.exercise import Case, Exercise, normal

_SAMPLES = 2000

# 7.8


class _GPT(nn.Module):
    """A GPT on any device: embeddings, blocks, and a head that computes logits.

    `token` and `position` are `nn.Embedding`s with vocab_size and block_size rows
    of d_model numbers. `blocks` is an `nn.ModuleList`, `norm` is an `nn.LayerNorm`,
    and `head` is a linear map from d_model to vocab_size, with bias. The model also
    stores the integers `vocab_size` and `block_size`: your `generate` needs the
    second one, and the package's functions read both.
    """

    def __init__(self, vocab_size, block_size, d_model, n_head, n_layer):
        super().__init__()
        self.vocab_size, self.block_size = vocab_size, block_size
        self.token = nn.Embedding(vocab_size, d_model)
        self.position = nn.Embedding(block_size, d_model)
        self.blocks = nn.ModuleList([_Block(d_model, n_head) for _ in range(n_layer)])
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        """Map ids, (B, T), to the logits of the next tokens, (B, T, V)."""
        x = self.token(ids) + self.position.weight[: ids.shape[1]]  # (B, T, C)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    def loss(self, ids, targets):
        """Return the mean cross-entropy of targets (B, T), in nats per token."""
        return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten())

    def generate(self, ids, n_new, temperature=1.0):
        """Return ids, (B, T), followed by n_new sampled tokens.

        Each is drawn from softmax(logits / temperature). The input of the model is
        at most the last block_size tokens.
        """
        with torch.no_grad():
            for _ in range(n_new):
                logits = self(ids[:, -self.block_size :])[:, -1]  # (B, V), of the last position
                probabilities = (logits / temperature).softmax(dim=-1)
                token = torch.multinomial(probabilities, num_samples=1)  # (B, 1)
                ids = torch.cat([ids, token], dim=1)
        return ids


def _gpt_cases(rng: random.Random) -> list[Case]:
    def case(about: str, sizes: tuple[int, ...], b: int, t: int, n_prompt: int, n_new: int) -> Case:
        def tokens(*shape: int) -> torch.Tensor:
            return (normal(rng, *shape) * 99).long() % sizes[0]

        ids, targets, prompt = tokens(b, t), tokens(b, t), tokens(b, n_prompt)
        return Case((sizes, random_weights(rng, _GPT, *sizes), ids, targets, prompt, n_new), about)

    v, t = rng.randint(7, 9), rng.randint(5, 6)
    return [
        case("one token and one block", (5, 4, 4, 1, 1), 1, 1, 1, 2),
        case(f"V = {v}, block_size = {t}, C = 6, H = 3, two blocks", (v, t, 6, 3, 2), 2, t, 2, 2 * t),
        case("block_size = 3 and a prompt of 5 tokens", (5, 3, 4, 1, 1), 1, 2, 5, 2),
    ]


def _use_gpt(answer, sizes, weights, ids, targets, prompt, n_new):
    """Return the loss, the logits, a text whose next token is certain, and what is true of samples and sizes."""
    model = with_weights(answer, sizes, weights)
    loss, logits = model.loss(ids, targets), model(ids)
    if ids.is_meta:
        return loss, logits, model.generate(prompt, 1)
    if next(iter(weights.values())).requires_grad:
        return loss, logits  # a text has no gradient
    vocab_size, block_size = sizes[:2]
    # The same number for all tokens changes no probability. A negative one shows that logits are no probabilities.
    level = 3.0 if len(ids) == 1 else -3.0
    logit = 2 * math.log(vocab_size - 1)  # at a temperature of 2, token 1 has the probability 1/2

    def certain(ids):
        if ids.shape[1] > block_size:
            raise ValueError(f"generate gives the model {ids.shape[1]} tokens, and block_size is {block_size}")
        rule = (ids * torch.arange(1, ids.shape[1] + 1)).cumsum(dim=1) + ids.shape[1]
        return F.one_hot(rule % vocab_size, vocab_size).float()  # certain at a low temperature only

    def uneven(ids):
        return (torch.arange(vocab_size) == 1) * logit + torch.full((*ids.shape, 1), level)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model.forward = certain
        text = model.generate(prompt, n_new, temperature=1e-3)
        if not isinstance(text, torch.Tensor):
            raise TypeError("generate must return a tensor. Does it end with a return?")
        model.forward = uneven
        start = prompt[:1, :1].repeat(_SAMPLES, 1)
        drawn = model.generate(start, 2, temperature=2.0)[:, 1:] == 1
        at_default, again = (model.generate(start, steps)[:, 1:] for steps in (4, 1))
    shares = drawn.double().mean(dim=0)  # of token 1, in both steps
    varies, right = bool((shares < 1).any()), bool(((shares - 0.5).abs() < 0.05).all())
    varies_again = not torch.equal(at_default[:, :1], again)
    at_1 = abs((at_default == 1).double().mean().item() - (1 - 1 / vocab_size)) < 0.02
    stored = [getattr(model, name, None) for name in ("vocab_size", "block_size")] == [vocab_size, block_size]
    return stored, model.training, varies_again, at_1, right, varies, text, loss, logits


_EXERCISE = Exercise(
    number="7.8",
    name="GPT",
    title="a GPT that generates",
    solution=_GPT,
    cases=_gpt_cases,
    call=_use_gpt,
    differentiable=("weights",),
    any_device=True,
    returns=("the sizes", "the mode", *["the samples"] * 4, "the text of generate", "the loss", "the logits"),
    properties=(
        ("the model must store the integers vocab_size and block_size under these names", lambda _, result: result[0]),
        ("generate must leave the model in training mode, as it was. What undoes eval()?", lambda _, result: result[1]),
        (
            "generate must return the prompt, followed by the tokens that the model predicts from the last ones",
            lambda arguments, result: torch.equal(result[6][:, : arguments[4].shape[1]], arguments[4]),
        ),
        (
            "generate must draw each token with the probabilities softmax(logits / temperature)",
            lambda _, result: result[4],
        ),
        (
            "generate must draw other tokens when it is called again. Is a seed fixed in it?",
            lambda _, result: result[2],
        ),
        ("generate must draw at a temperature of 1 if it is given none", lambda _, result: result[3]),
    ),
)

_EXERCISE.wrong_lines(
    "softmax in forward",
    """
    - return self.head(self.norm(x))
    + return self.head(self.norm(x)).softmax(dim=-1)
    """,
    hint="your forward returns probabilities. Loss and generate both apply a softmax, so what must they be given?",
)

_EXERCISE.wrong_lines(
    "all positions",
    """
    - x = self.token(ids) + self.position.weight[: ids.shape[1]]
    + x = self.token(ids) + self.position.weight
    """,
    hint="you add the vectors of all block_size positions, and a text may be shorter. How many tokens does ids have?",
)

_EXERCISE.wrong_lines(
    "without positions",
    """
    - x = self.token(ids) + self.position.weight[: ids.shape[1]]
    + x = self.token(ids)
    """,
    hint="your logits do not depend on `position`. What is added to the vectors of the tokens?",
)

_EXERCISE.wrong_lines(
    "without the last norm",
    """
    - return self.head(self.norm(x))
    + return self.head(x)
    """,
    hint="the head receives the stream directly from the last block. Which of your layers is never called?",
)

_EXERCISE.wrong_lines(
    "context not cut",
    """
    - logits = self(ids[:, -self.block_size :])[:, -1]
    + logits = self(ids)[:, -1]
    """,
    hint="generate gives the model more than block_size tokens once the text is long. Which of them should it keep?",
)

_EXERCISE.wrong_lines(
    "first tokens instead of last",
    """
    - logits = self(ids[:, -self.block_size :])[:, -1]
    + logits = self(ids[:, : self.block_size])[:, -1]
    """,
    hint="once the text is longer than block_size, your model is given its beginning. Which tokens predict the next?",
)

_EXERCISE.wrong_lines(
    "most likely token",
    """
    - token = torch.multinomial(probabilities, num_samples=1)
    + token = probabilities.argmax(dim=-1, keepdim=True)
    """,
    hint="generate always takes the most likely token. Draw from the distribution instead, with torch.multinomial.",
)

_EXERCISE.wrong_lines(
    "drawn from the logits",
    """
    - token = torch.multinomial(probabilities, num_samples=1)
    + token = torch.multinomial(logits / temperature, num_samples=1)
    """,
    hint="you draw from the logits themselves. torch.multinomial needs probabilities: which function makes them?",
)

_EXERCISE.wrong_lines(
    "temperature after the softmax",
    """
    - probabilities = (logits / temperature).softmax(dim=-1)
    + probabilities = logits.softmax(dim=-1) / temperature
    """,
    hint="your probabilities do not depend on the temperature. Are the logits divided by it before the softmax?",
)
