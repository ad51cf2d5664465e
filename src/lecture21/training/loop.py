"""The training loop for long runs: maximum likelihood on windows of a text, evaluated on a whole validation split."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Annotated

import torch
from accelerate import Accelerator
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import Count, Natural, Seed, checked
from lecture21._support.modes import kept_random_state
from lecture21._support.tensors import require_vocabulary
from lecture21.training.checkpoints import RunDirectory, Tokenizer
from lecture21.training.config import TrainConfig, learning_rate
from lecture21.training.evaluation import WITH_LOSS, TrainableModel
from lecture21.training.history import History
from lecture21.training.processes import SharedRun
from lecture21.training.run import Run

_MOST_PASSES = 10**7  # the seed of a pass is drawn after those of all earlier ones

OnEvaluation = Callable[[int, TrainableModel, History], None]


def _require_window(tokens: Int[Tensor, " N"], block_size: int) -> None:
    if len(tokens) <= block_size:
        raise ValueError(
            f"{len(tokens)} tokens are too few for a block of {block_size}; at least {block_size + 1} are needed"
        )


@checked
def sample_windows(
    tokens: Int[Tensor, " N"], block_size: Count, batch_size: Count, generator: torch.Generator | None = None
) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """Draw random windows from a sequence: the model's input, and the targets, which are the same shifted by one.

    Raises:
        ValueError: if the sequence is too short for one window and its targets.
    """
    _require_window(tokens, block_size)
    return _windows(tokens, block_size, torch.randint(len(tokens) - block_size, (batch_size,), generator=generator))


@checked
def shuffled_windows(
    tokens: Int[Tensor, " N"], block_size: Count, batch_size: Count, number: Natural, seed: Seed = 0
) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """Return batch `number` (0, 1, ...) of passes over a sequence, each of which has every window once, shuffled.

    Windows that `sample_windows` draws overlap: after as many as would fill the sequence once, 37 % of it is still
    unread (1/e). The windows of a pass do not. Every pass begins at another place of the sequence; less than two
    windows at its ends are left out.

    Raises:
        ValueError: if the sequence is too short for one window and its targets.
    """
    _require_window(tokens, block_size)
    per_pass = max(len(tokens) // block_size - 1, 1)
    if number * batch_size // per_pass >= _MOST_PASSES:
        wanted = f"in the first {_MOST_PASSES:,} passes, of {per_pass / batch_size:g} batches each"
        raise ValueError(f"number must be {wanted}, got {number}")
    windows = torch.arange(number * batch_size, (number + 1) * batch_size)  # counted over all passes
    passes = windows // per_pass
    seeds = torch.randint(2**62, (int(passes[-1]) + 1,), generator=torch.Generator().manual_seed(seed))
    starts = torch.empty_like(windows)
    for n in passes.unique():
        generator = torch.Generator().manual_seed(int(seeds[n]))
        first = torch.randint(len(tokens) - per_pass * block_size, (), generator=generator)
        order = torch.randperm(per_pass, generator=generator)
        starts[passes == n] = first + block_size * order[windows[passes == n] % per_pass]
    return _windows(tokens, block_size, starts)


def _windows(
    tokens: Int[Tensor, " N"], block_size: int, starts: Int[Tensor, " B"]
) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    windows = tokens[starts[:, None] + torch.arange(block_size + 1)].long()  # (B, T+1)
    return windows[:, :-1], windows[:, 1:]


def update(run: Run, tokens: Int[Tensor, " N"], number: int, rate: Callable[[float], float]) -> Float[Tensor, ""]:
    """Update the weights once, and return the loss before.

    Args:
        run: one that was entered.
        tokens: the training sequence.
        number: of the update (0, 1, ...); with `shuffle`, it says which windows are read.
        rate: returns the learning rate of now, given the peak, of which each group of parameters has its own.
    """
    model, config = run.model, run.config

    # The loss of a batch and its gradient; or the mean of several, if one large batch would not fit into memory.
    model.zero_grad()
    loss = 0.0
    for n in range(config.accumulate):
        if config.shuffle:
            batch = number * config.accumulate + n
            ids, targets = shuffled_windows(tokens, model.block_size, config.batch_size, batch, config.seed)
        else:
            ids, targets = sample_windows(tokens, model.block_size, config.batch_size, run.batches)
        part = run.loss(ids, targets) / config.accumulate
        run.scaler.scale(part).backward()
        loss = loss + part.detach()

    # Clip the gradient, set the learning rates, and update the weights.
    if config.clip is not None:
        for optimizer in run.optimizers:
            run.scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate(group["initial_lr"])
        run.scaler.step(optimizer)
    run.scaler.update()
    return loss


def loop(
    run: Run, tokens: Int[Tensor, " N"], val: Int[Tensor, " M"] | None, after_evaluation: Callable[[], None]
) -> History:
    """Train the model of a run on windows of a text, and evaluate it at intervals.

    This is the loop of every run of so many updates; `timed` has that of a run of so many seconds. Where a loss is
    computed is up to the run, and what is kept up to `after_evaluation`.
    """
    config, history = run.config, run.history
    losses = []  # of the updates since the last evaluation
    for step in run.steps():
        # Evaluate and save. A run that continues an earlier one starts where that was done.
        due = step % config.eval_every == 0 or step == config.steps
        if due and step not in history.step[-1:]:
            train_loss, val_loss = run.measure(losses, val)
            history.append(step, train_loss, val_loss, learning_rate(step, config))
            after_evaluation()
            losses = []
        if step == config.steps:
            break
        losses.append(update(run, tokens, step, partial(learning_rate, step, config)))
    return history


@checked
def train(
    model: Annotated[TrainableModel, WITH_LOSS],
    tokens: Int[Tensor, " N"],
    config: TrainConfig | None = None,
    *,
    val: Int[Tensor, " M"] | None = None,
    out: str | os.PathLike[str] | None = None,
    tokenizer: Tokenizer | None = None,
    resume: bool = False,
    on_evaluation: OnEvaluation | None = None,
    accelerator: Accelerator | None = None,
) -> History:
    """Train a model on a token sequence, in place, and return the measurements.

    The seed determines batches and dropout; the caller's random state is left unchanged. A run that was stopped and is
    resumed from `out` gives the same losses, to the last digit, as one that was not. Train in one thread at a time:
    torch's random state is shared by all threads. A second `train` in another thread is refused, random numbers that it
    draws otherwise are not noticed.

    With an accelerator, several processes train one model: each computes the loss on its part of every batch and of the
    validation split, gradients are averaged, and the main process writes the files. Each process has its own dropout.

    Args:
        model: trained in place; afterwards it is on the device of the run. With `config.shard`, each process then holds
            only a part of it; the complete model is in `out`.
        tokens: the training sequence.
        config: `TrainConfig()` if not given.
        val: a sequence that is evaluated as a whole every `eval_every` steps.
        out: a directory for checkpoint, model, tokenizer and `history.csv`, written at each evaluation.
        tokenizer: saved beside the model.
        resume: continue from the checkpoint in `out`, in the precision of its weights. The model must have the same
            parameters frozen.
        on_evaluation: called with step, model and history after each evaluation, in the main process. The random
            numbers that it draws do not change the run. It must not compute with a sharded model, which needs all
            processes.
        accelerator: connects the processes that torchrun or `accelerate launch` started; each of them calls `train`
            with the same arguments. By default this process trains alone.

    Raises:
        ValueError: if the data are too short, `out` already holds a run or is in use, the checkpoint to resume from
            does not match, or training diverges; what diverged is not saved.
        OSError: from the file system; the last checkpoint is then still complete.
    """
    config = TrainConfig() if config is None else config
    _require_window(tokens, model.block_size)
    require_vocabulary(tokens, model.vocab_size)
    if val is not None:
        require_vocabulary(val, model.vocab_size)
    if out is not None and not os.fspath(out):
        raise ValueError(f"out must be a directory, got {out!r}")
    if resume and out is None:
        raise ValueError("resume=True needs out, the directory of the run to continue")
    run = Run(model, config) if accelerator is None else SharedRun(model, config, accelerator)
    directory = None if out is None else RunDirectory(out, run, tokens, val, tokenizer, resume)

    def save_and_report() -> None:
        if directory is not None:
            directory.save()
        if on_evaluation is not None and run.is_main:
            with kept_random_state(run.device):  # what it draws at random does not change the run
                on_evaluation(run.step, model, run.history)

    with directory or nullcontext(), run:
        if resume:
            directory.load()
        return loop(run, tokens, val, save_and_report)
