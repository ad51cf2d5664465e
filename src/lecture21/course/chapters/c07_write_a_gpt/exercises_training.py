"""Exercises of chapter 07: batches, the loss on a whole text, and the training loop."""

import random

import torch
import torch.nn.functional as F
from torch import nn

from lecture21.course.exercises.exercise import Case, Exercise, normal
from lecture21.training import evaluate


def random_text(rng: random.Random, length: int, vocab_size: int) -> torch.Tensor:
    """Return random tokens."""
    return normal(rng, length).mul(99).long() % vocab_size


# 7.1


def _sample_windows(tokens, block_size, batch_size, generator):
    """Draw windows of a text; return the model's input and its targets, (B, T).

    B is batch_size and T is block_size. A target is the token that follows. Every
    place is equally likely at which a window of T tokens and its last target are in
    the text. One call of torch.randint with this generator draws all places.
    """
    starts = torch.randint(len(tokens) - block_size, (batch_size, 1), generator=generator)  # (B, 1)
    windows = tokens[starts + torch.arange(block_size + 1)]  # (B, T + 1)
    return windows[:, :-1], windows[:, 1:]


def _sampler_cases(rng: random.Random) -> list[Case]:
    def case(length: int, block_size: int, batch_size: int) -> Case:
        about = f"{length} tokens, T = {block_size}, B = {batch_size}"
        return Case((random_text(rng, length, 50), block_size, batch_size, rng.getrandbits(30)), about)

    return [case(3, 2, 1), case(5, 3, 2), case(rng.randint(14, 18), 4, 5), case(60, rng.randint(5, 7), 8)]


def _use_sampler(answer, tokens, block_size, batch_size, seed):
    return answer(tokens, block_size, batch_size, torch.Generator().manual_seed(seed))


def _follows(arguments, batch):
    """Return whether each target is the next input of its window."""
    ids, targets = batch
    return torch.equal(ids[:, 1:], targets[:, :-1])


def _are_in_the_text(arguments, batch):
    tokens, block_size = arguments[:2]
    places = tokens.unfold(0, block_size, 1)
    return all((places == window).all(dim=1).any() for part in batch for window in part)


_SAMPLER = Exercise(
    number="7.1",
    name="sample_windows",
    title="a batch of windows",
    solution=_sample_windows,
    cases=_sampler_cases,
    call=_use_sampler,
    returns=("the input", "the targets"),
    in_order=True,
    properties=(
        ("a row of the input or of the targets is no stretch of the text", _are_in_the_text),
        ("the targets of a window must be its tokens from the second on, and the one after it", _follows),
        (
            "the windows are right, but their places are not drawn by one torch.randint(number of places, ..., "
            "generator=generator)",
            lambda arguments, batch: False,
        ),
    ),
)


@_SAMPLER.mistake(hint="your targets are the input itself. Which token should position t predict?")
def _targets_not_shifted(tokens, block_size, batch_size, generator):
    starts = torch.randint(len(tokens) - block_size, (batch_size, 1), generator=generator)
    windows = tokens[starts + torch.arange(block_size + 1)]
    return windows[:, :-1], windows[:, :-1]


@_SAMPLER.mistake(
    hint="your last place is too early by one: a window that ends just before the last token has a target for each of "
    "its tokens. How many places are there for T + 1 tokens in a row?",
)
def _last_place_missing(tokens, block_size, batch_size, generator):
    starts = torch.randint(len(tokens) - block_size - 1, (batch_size, 1), generator=generator)
    windows = tokens[starts + torch.arange(block_size + 1)]
    return windows[:, :-1], windows[:, 1:]


@_SAMPLER.mistake(
    hint="your targets come before the input: you predict the past. Which of the two slices is the input?"
)
def _input_and_targets_exchanged(tokens, block_size, batch_size, generator):
    starts = torch.randint(len(tokens) - block_size, (batch_size, 1), generator=generator)
    windows = tokens[starts + torch.arange(block_size + 1)]
    return windows[:, 1:], windows[:, :-1]


@_SAMPLER.mistake(hint="all windows of your batch begin at the same place. How many places must torch.randint draw?")
def _one_place_for_all(tokens, block_size, batch_size, generator):
    starts = torch.randint(len(tokens) - block_size, (1, 1), generator=generator).expand(batch_size, 1)
    windows = tokens[starts + torch.arange(block_size + 1)]
    return windows[:, :-1], windows[:, 1:]


# 7.3 and 7.4

BATCHES_STAY = "the batches stay there: move ids and targets to next(model.parameters()).device"


class RecordingModel(nn.Module):
    """A small language model that notes, whenever it is called, its mode, how many windows, and if autograd records.

    Its weights are those of a table of V tokens with C features, and of a linear map to V logits.
    """

    block_size = None  # any

    def __init__(self, weights: dict[str, torch.Tensor]):
        super().__init__()
        self.table, self.map, self.bias = (nn.Parameter(weights[name].clone()) for name in ("table", "map", "bias"))
        self.modes: list[bool] = []
        self.recorded: list[bool] = []
        self.sizes: list[int] = []

    def forward(self, ids):
        """Return logits, (B, T, V)."""
        self.modes.append(self.training)
        self.recorded.append(torch.is_grad_enabled())
        self.sizes.append(len(ids))
        return F.embedding(ids, self.table) @ self.map + self.bias

    def loss(self, ids, targets):
        """Return the mean cross-entropy in nats per token."""
        return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten())


def model_weights(rng: random.Random, v: int, c: int) -> dict[str, torch.Tensor]:
    """Return random weights of a recording model."""
    shapes = {"table": (v, c), "map": (c, v), "bias": (v,)}
    return {name: normal(rng, *shape, dtype=torch.float64) for name, shape in shapes.items()}


def on_the_cpu(tokens: torch.Tensor) -> torch.Tensor:
    """Return tokens on the CPU, where a text is, although the test of devices has moved all arguments."""
    return torch.zeros(tokens.shape, dtype=torch.long) if tokens.is_meta else tokens


def _evaluate(model, tokens, block_size, batch_size=256):
    """Return the mean loss on a text, in nats per token, as a Python number.

    The text is cut into windows of block_size tokens, one after the other; their
    targets are the tokens one place later. Tokens at the end that fill no window
    are left out. A batch has batch_size windows, or those that are left, on the
    device of the model. No gradient is recorded. The model is in evaluation mode
    meanwhile, and afterwards in the mode in which it was.
    """
    device, was_training = next(model.parameters()).device, model.training
    n = (len(tokens) - 1) // block_size * block_size  # targets
    all_ids = tokens[:n].view(-1, block_size)
    all_targets = tokens[1 : n + 1].view(-1, block_size)
    total = 0.0
    model.eval()
    with torch.no_grad():
        for i in range(0, len(all_ids), batch_size):
            ids, targets = all_ids[i : i + batch_size], all_targets[i : i + batch_size]
            total += model.loss(ids.to(device), targets.to(device)).item() * targets.numel()
    model.train(was_training)
    return total / n


def _evaluation_cases(rng: random.Random) -> list[Case]:
    """Draw cases; the second text has a multiple of T tokens, so that its last token is no input of a window."""

    def case(length: int, block_size: int, batch_size: int, training: bool) -> Case:
        about = (
            f"{length} tokens, T = {block_size}, B = {batch_size}, in {'training' if training else 'evaluation'} mode"
        )
        model = model_weights(rng, 5, 3) | {"training": torch.tensor(training)}
        return Case((model, random_text(rng, length, 5), block_size, batch_size), about)

    return [case(7, 2, 4, True), case(12, 3, 2, False), case(rng.randint(23, 26), 4, 4, True)]


def _use_evaluation(answer, model, tokens, block_size, batch_size):
    training = tokens.is_meta or bool(model["training"])
    model = RecordingModel(model).train(training)
    loss = answer(model, on_the_cpu(tokens), block_size, batch_size)
    n_window = (len(tokens) - 1) // block_size
    full = [batch_size] * (n_window // batch_size)
    batches = sorted(model.sizes, reverse=True) == [*full, *[n_window % batch_size] * (n_window > sum(full))]
    is_number = not isinstance(loss, torch.Tensor)
    return model.training == training, not any(model.modes), not any(model.recorded), batches, is_number, loss


_EVALUATION = Exercise(
    number="7.3",
    name="evaluate",
    title="the loss on a whole text",
    solution=_evaluate,
    cases=_evaluation_cases,
    call=_use_evaluation,
    any_device=True,
    device_hint=BATCHES_STAY,
    returns=(
        "the mode afterwards",
        "the mode meanwhile",
        "the recorded gradients",
        "the batches",
        "the type",
        "the loss",
    ),
    properties=(
        (
            "the loss is right, but the model is in training mode meanwhile, so dropout would be active. Which method "
            "of a module ends that?",
            lambda arguments, result: result[1] or not _is_right_loss(arguments, result),
        ),
        (
            "the loss is right, but autograd records every operation, which costs memory and time. Compute inside "
            "torch.no_grad()",
            lambda arguments, result: result[2] or not _is_right_loss(arguments, result),
        ),
        (
            "the loss is right, but the model must be left in the mode in which it was, whichever that is",
            lambda arguments, result: result[0] or not _is_right_loss(arguments, result),
        ),
        (
            "the loss is right, but a batch must have batch_size windows, and the last one those that are left: a long "
            "text needs too much memory at once, and too much time window by window",
            lambda arguments, result: result[3] or not _is_right_loss(arguments, result),
        ),
        (
            "the loss is right, but it is a tensor. Which method of it returns a Python number?",
            lambda arguments, result: result[4] or not _is_right_loss(arguments, result),
        ),
    ),
)


def _is_right_loss(arguments, result):
    weights, tokens, block_size = arguments[:3]
    n = (len(tokens) - 1) // block_size * block_size
    return abs(evaluate(RecordingModel(weights).eval(), tokens[: n + 1], block_size) - float(result[-1])) < 1e-6


_EVALUATION.wrong_lines(
    "mean of means",
    """
    - total += model.loss(ids.to(device), targets.to(device)).item() * targets.numel()
    + total += model.loss(ids.to(device), targets.to(device)).item()
    - return total / n
    + return total / -(-len(all_ids) // batch_size)
    """,
    hint="you average the means of the batches, but the last batch has fewer windows. By what is its loss weighted?",
)

_EVALUATION.wrong_lines(
    "left in evaluation mode",
    """
    - model.train(was_training)
    """,
    hint="your loss is right, but the model stays in evaluation mode. In which mode does its training loop need it?",
)

_EVALUATION.wrong_lines(
    "in training mode",
    """
    - model.eval()
    """,
    hint="your loss is right, but the model is in training mode meanwhile: dropout would be active. Which method of a "
    "module ends that?",
)

_EVALUATION.wrong_lines(
    "evaluated on its input",
    """
    - all_targets = tokens[1 : n + 1].view(-1, block_size)
    + all_targets = tokens[:n].view(-1, block_size)
    """,
    hint="your targets are the input itself. Which token should position t predict?",
)

_EVALUATION.wrong_lines(
    "last token without a target",
    """
    - n = (len(tokens) - 1) // block_size * block_size
    + n = len(tokens) // block_size * block_size
    """,
    hint="a text whose length is a multiple of block_size raises an error. The last token of a text has no target: how "
    "many tokens have one?",
)
