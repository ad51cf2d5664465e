"""Exercise 7.4: the training loop, which is compared step by step with that of the package."""

import inspect
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from lecture21.course.chapters.c07_write_a_gpt.exercises_training import (
    BATCHES_STAY,
    RecordingModel,
    model_weights,
    on_the_cpu,
    random_text,
)
from lecture21.course.exercises.exercise import Case, Exercise
from lecture21.training import TrainConfig, evaluate, sample_windows

_WARMUP = 3


def _train(model, tokens, val, block_size, config):
    """Train a model in place with AdamW; return its losses by step, and on val.

    Step s = 0, 1, ..., config.steps - 1 draws config.batch_size windows with
    sample_windows and one generator for all steps, seeded with config.seed. It
    clips the gradient of all weights together to the norm config.clip. Its learning
    rate is config.learning_rate times the smaller one of (s + 1) / config.warmup
    and (config.steps - s) / (config.steps - config.warmup). AdamW has config.betas.
    Its weight decay is config.weight_decay for weights of two dimensions or more,
    and 0 for all others, such as biases. The model is in training mode in each
    step, and stays on its device; tokens are on the CPU.

    The first result has the loss of each step, a number, before its update. The
    second one has a pair after every config.eval_every steps: the number of steps
    so far, and evaluate(model, val, block_size).
    """
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(config.seed)
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, betas=config.betas)
    losses, val_losses = [], []
    model.train()
    for s in range(config.steps):
        ids, targets = sample_windows(tokens, block_size, config.batch_size, generator)
        loss = model.loss(ids.to(device), targets.to(device))
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        rise = (s + 1) / config.warmup
        fall = (config.steps - s) / (config.steps - config.warmup)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * min(rise, fall)
        optimizer.step()
        if (s + 1) % config.eval_every == 0:
            val_losses.append((s + 1, evaluate(model, val, block_size)))
    return losses, val_losses


def config_of(seed: int, weight_decay: float) -> TrainConfig:
    """Return the settings of a case."""
    return TrainConfig(
        steps=9,
        batch_size=3,
        learning_rate=0.1,
        warmup=_WARMUP,
        schedule="linear",
        clip=0.05,
        betas=(0.9, 0.95),
        weight_decay=weight_decay,
        eval_every=3,
        seed=seed,
    )


def _cases(rng: random.Random) -> list[Case]:
    def case(v: int, length: int, block_size: int, weight_decay: float) -> Case:
        val = random_text(rng, 3 * block_size + 1, v)  # complete windows
        arguments = model_weights(rng, v, 3), random_text(rng, length, v), val, block_size
        about = f"9 steps of {length} tokens with V = {v}, T = {block_size}, weight decay {weight_decay}"
        return Case((*arguments, (rng.getrandbits(30), weight_decay)), about)

    return [case(4, 12, 2, 0.0), case(rng.randint(5, 7), 40, 4, 0.1)]


def _use(answer, model, tokens, val, block_size, config):
    """Return what is compared: what the list holds, the modes, the final weights, and both kinds of losses."""
    model = RecordingModel(model).eval()
    result = answer(model, on_the_cpu(tokens), on_the_cpu(val), block_size, config_of(*config))
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise TypeError("train must return two lists: the losses of the steps, and the pairs of the validation")
    losses, val_losses = result
    if not all(isinstance(each, list) for each in result):
        raise TypeError(f"train must return two lists, got {type(losses).__name__} and {type(val_losses).__name__}")
    if not all(isinstance(each, tuple | list) and len(each) == 2 for each in val_losses):
        raise TypeError("the second list must have pairs: the number of steps so far, and the loss on val")
    are_numbers = not any(isinstance(each, torch.Tensor) for each in losses)
    modes = [mode for mode, recorded in zip(model.modes, model.recorded, strict=True) if recorded]
    weights = torch.cat([each.detach().flatten() for each in model.parameters()])
    pairs = torch.tensor([[float(each) for each in pair] for pair in val_losses], dtype=torch.float64)
    return (
        are_numbers,
        tuple(modes[: config_of(*config).steps]),
        weights,
        pairs,
        torch.tensor([each.item() if isinstance(each, torch.Tensor) else each for each in losses], dtype=torch.float64),
    )


_CAUSES = (
    "It is computed before any update: is the batch drawn by sample_windows, with a generator seeded with config.seed, "
    "and is this the loss before the update?",
    "So the first update is wrong. Adam's first step has the same size for large and small gradients, so clipping and "
    "betas do not show yet: look at the optimizer, the learning rate of step 0, and the weight decay.",
    "The first update is right, the second is not: gradients that are not set to zero add up, and clipping and betas "
    "show for the first time. Is it the order zero_grad, backward, clip, step?",
    *["The warm-up goes on: look at the learning rate of the step before, and at what Adam remembers."] * (_WARMUP - 2),
    "The warm-up ends here: at its end, both fractions of the learning rate are 1.",
    *["The warm-up is right, the decay is not: which fraction of steps is left after the warm-up?"] * 4,
)


_OPTIMIZER = "torch.optim.AdamW(groups, betas=config.betas)"
_CLIP = "nn.utils.clip_grad_norm_(model.parameters(), config.clip)"
_DRAW = "ids, targets = sample_windows"
_OTHER_LOOPS = (  # what is said of the losses of the loop in which a piece of code is replaced
    (
        "each step draws the same batch. Is the generator seeded inside the loop? The task names one for all steps",
        (_DRAW, f"generator.manual_seed(config.seed); {_DRAW}"),
    ),
    (
        "each step draws from a generator with another seed. The task names one for all steps, seeded with config.seed",
        (_DRAW, f"generator.manual_seed(config.seed + s); {_DRAW}"),
    ),
    ("these are the losses of SGD. Which optimizer does the task name?", (_OPTIMIZER, "torch.optim.SGD(groups)")),
    (
        "these are the losses of Adam, in which the weight decay is part of the gradient. Which optimizer does the "
        "task name?",
        (_OPTIMIZER, _OPTIMIZER.replace("AdamW", "Adam")),
    ),
    (
        "each number of the gradient is clipped by itself, so its direction changes. Which function clips the norm?",
        (_CLIP, _CLIP.replace("norm", "value")),
    ),
    (
        "the gradient of each weight is clipped by itself. The task clips that of all weights together",
        (_CLIP, f"[{_CLIP.replace('model.parameters()', 'each')} for each in model.parameters()]"),
    ),
)


def _is_another_loop(old: str, new: str) -> Callable[[tuple[Any, ...], Any], bool]:
    """Return a test whether the losses are not those of the book's loop with a replacement."""
    source = inspect.getsource(_train)
    if old not in source:
        raise ValueError(f"the training loop has no {old!r}")
    names = dict(globals())
    exec(source.replace(old, new), names)

    def holds(arguments: tuple[Any, ...], result: Any) -> bool:
        others = _use(names["_train"], *arguments)[4]
        return torch.allclose(others, _expected(arguments)[4]) or not torch.allclose(result[4], others, atol=1e-6)

    return holds


def _expected(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return _use(_train, *arguments)


def _agrees(step: int) -> Callable[[tuple[Any, ...], Any], bool]:
    """Return a test whether the losses up to a step are those of the book's loop."""

    def holds(arguments: tuple[Any, ...], result: Any) -> bool:
        right = _expected(arguments)[4][: step + 1]
        return torch.allclose(result[4][: step + 1], right, rtol=1e-6, atol=1e-6)

    return holds


_LOOP = Exercise(
    number="7.4",
    name="train",
    title="the training loop",
    solution=_train,
    cases=_cases,
    call=_use,
    any_device=True,
    device_hint=BATCHES_STAY,
    returns=("the losses", "the modes", "the weights at the end", "the losses on val", "the losses of the steps"),
    properties=(
        *((sentence, _is_another_loop(*replaced)) for sentence, replaced in _OTHER_LOOPS),
        *(
            (
                f"{'the first loss' if not step else f'the loss of step {step}'} is the first that differs from that "
                f"of the package's loop. {cause}",
                _agrees(step),
            )
            for step, cause in enumerate(_CAUSES)
        ),
        (
            "the losses of all steps are right. Those on val must be pairs of the number of updates made and the loss "
            "after them",
            lambda arguments, result: torch.allclose(result[3], _expected(arguments)[3]),
        ),
        (
            "all losses are right, but the model is in evaluation mode in some steps, where dropout would be off. "
            "Which method of a module ends that?",
            lambda arguments, result: all(result[1]),
        ),
        (
            "all losses are right, but the list holds tensors, each with the graph of its step, so memory grows. "
            "Which method returns a number?",
            lambda arguments, result: result[0],
        ),
    ),
)

_LOOP.wrong_lines(
    "gradients add up",
    """
    - optimizer.zero_grad()
    """,
    hint="the loss of step 2 is the first that differs from that of the package's loop: the second update has the "
    "first gradient in it. backward() adds to .grad, so what must happen before it?",
)

_LOOP.wrong_lines(
    "gradients cleared too early",
    """
    - optimizer.zero_grad()
      loss.backward()
    + model.zero_grad()
    """,
    hint="the loss of step 1 is the first that differs from that of the package's loop: it equals the one before the "
    "update, as all later ones do, since no step changes the model. Is the gradient still there when step reads it?",
)

_LOOP.wrong_lines(
    "not clipped in time",
    """
    - nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    """,
    hint="the loss of step 2 is the first that differs from that of the package's loop, as without clipping: the "
    "gradient is not clipped when it is used. Between which two lines does this belong?",
)

_LOOP.wrong_lines(
    "warm up from 0",
    """
    - rise = (s + 1) / config.warmup
    + rise = s / config.warmup
    """,
    hint="the loss of step 1 is the first that differs from that of the package's loop: it equals the one before "
    "the update, so the learning rate of step 0 is 0. The warm-up is off by one step.",
)

_LOOP.wrong_lines(
    "learning rate set too late",
    """
      nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    + optimizer.step()
    - optimizer.step()
    """,
    hint="the loss of step 1 is the first that differs from that of the package's loop: each step uses the "
    "learning rate that you computed in the step before. When must it be set?",
)

_LOOP.wrong_lines(
    "without decay",
    """
    - group["lr"] = config.learning_rate * min(rise, fall)
    + group["lr"] = config.learning_rate * min(rise, 1)
    """,
    hint="the loss of step 5 is the first that differs from that of the package's loop: the learning rate stays at"
    " its peak after the warm-up. Which of the two fractions is the smaller one there?",
)

_LOOP.wrong_lines(
    "default betas",
    """
    - optimizer = torch.optim.AdamW(groups, betas=config.betas)
    + optimizer = torch.optim.AdamW(groups)
    """,
    hint="the loss of step 2 is the first that differs from that of the package's loop: your optimizer averages "
    "gradients over other times. Which arguments of AdamW have you left at their defaults?",
)

_LOOP.wrong_lines(
    "vectors decayed",
    """
    - {"params": others, "weight_decay": 0.0},
    + {"params": others, "weight_decay": config.weight_decay},
    """,
    hint="the loss of step 1 is the first that differs from that of the package's loop, and only with weight decay: "
    "you shrink biases too. Which weights does the task name?",
)

_LOOP.wrong_lines(
    "never in training mode",
    """
    - model.train()
    """,
    hint="all losses are right, but a model that comes in evaluation mode stays in it: dropout would be off. Which"
    " method of a module ends that?",
)

_LOOP.wrong_lines(
    "losses with their graphs",
    """
    - losses.append(loss.item())
    + losses.append(loss)
    """,
    hint="all losses are right, but your list holds tensors, each with the graph of its step, so memory grows. "
    "Which method returns a number?",
)
