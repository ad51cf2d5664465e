"""The training loop for long runs: maximum likelihood on windows of a text, evaluated on a whole validation split."""

import math
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from pathlib import Path

import torch
from accelerate import Accelerator
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.locks import locked_directory
from lecture21._support.modes import training
from lecture21._support.tensors import require_vocabulary
from lecture21.training._checkpoints import (
    Tokenizer,
    TrainingState,
    check_directory,
    export_run,
    load_run,
    remove_run,
    save_run,
)
from lecture21.training._devices import _mixed_precision
from lecture21.training._processes import Processes, _Loss, local_part
from lecture21.training.config import TrainConfig, learning_rate
from lecture21.training.evaluation import _evaluate, _require_tokens, _TrainableModel
from lecture21.training.history import History
from lecture21.training.optimizers import _make_optimizers, _progress_bar, _update

_OnEvaluation = Callable[[int, _TrainableModel, History], None]


def _require_window(tokens: Int[Tensor, " N"], block_size: int) -> None:
    _require_tokens(tokens)
    if len(tokens) <= block_size:
        raise ValueError(
            f"{len(tokens)} tokens are too few for a block of {block_size}; at least {block_size + 1} are needed"
        )


def sample_windows(
    tokens: Int[Tensor, " N"], block_size: int, batch_size: int, generator: torch.Generator | None = None
) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """Draw random windows from a sequence: the model's input, and the targets, which are the same shifted by one.

    Raises:
        ValueError: if the sequence is too short for one window and its targets.
    """
    _require_window(tokens, block_size)
    starts = torch.randint(len(tokens) - block_size, (batch_size, 1), generator=generator)
    windows = tokens[starts + torch.arange(block_size + 1)].long()  # (B, T+1)
    return windows[:, :-1], windows[:, 1:]


def train(
    model: _TrainableModel,
    tokens: Int[Tensor, " N"],
    config: TrainConfig | None = None,
    *,
    val: Int[Tensor, " M"] | None = None,
    out: str | os.PathLike[str] | None = None,
    tokenizer: Tokenizer | None = None,
    resume: bool = False,
    on_evaluation: _OnEvaluation | None = None,
    accelerator: Accelerator | None = None,
) -> History:
    """Train a model on a token sequence, in place, and return the measurements.

    The seed determines batches and dropout; the caller's random state is left unchanged. A run that was stopped and is
    resumed from `out` gives the same losses, to the last digit, as one that was not.

    With an accelerator, several processes train one model: each computes the loss on its part of every batch and of the
    validation split, gradients are averaged, and the main process writes the files. Each process has its own dropout.

    Args:
        model: trained in place; afterwards it is on the device of the run. With `config.shard`, each process then holds
            only a part of it; the whole model is in `out`.
        tokens: the training sequence.
        config: `TrainConfig()` if not given.
        val: a sequence that is evaluated as a whole every `eval_every` steps.
        out: a directory for checkpoint, model, tokenizer and `history.csv`, written at each evaluation.
        tokenizer: saved beside the model.
        resume: continue from the checkpoint in `out`.
        on_evaluation: called with step, model and history after each evaluation, in the main process. It must not
            compute with a sharded model, which needs all processes.
        accelerator: connects the processes that torchrun or `accelerate launch` started; each of them calls `train`
            with the same arguments. By default this process trains alone.

    Raises:
        ValueError: if the data are too short, `out` already holds a run or is in use, the checkpoint to resume from
            does not match, or training diverges; what diverged is not saved.
        OSError: from the file system; the last checkpoint is then still complete.
    """
    config = TrainConfig() if config is None else config
    # Everything that can be checked is checked before anything is written.
    processes = Processes(accelerator, config.shard)
    if config.batch_size % processes.count:
        raise ValueError(f"batch_size must be a multiple of {processes.count} processes, got {config.batch_size}")
    device = processes.device(config.device)
    autocast, scaler = _mixed_precision(device, config.precision)
    if config.shard and scaler.is_enabled():
        raise ValueError("precision fp16 cannot be sharded; use bf16 or fp32")
    if config.shard and config.optimizer == "muon":
        raise ValueError("optimizer muon needs whole matrices, and shard splits them; use adamw")
    _require_window(tokens, model.block_size)
    require_vocabulary(tokens, model.vocab_size)
    if val is not None:
        _require_tokens(val)
        require_vocabulary(val, model.vocab_size)
    if resume and out is None:
        raise ValueError("resume=True needs out, the directory of the run to continue")
    out = None if out is None else Path(out)
    with ExitStack() as stack:
        if out is not None and processes.is_main:
            check_directory(out, resume)
            stack.enter_context(locked_directory(out))
            check_directory(out, resume)  # once more: another process may have written until now
        loss = processes.share(model, device)
        state = TrainingState(
            model=model,
            optimizers=_make_optimizers(model, config, device),
            batches=torch.Generator().manual_seed(config.seed),
            scaler=scaler,
            settings=asdict(config),
            history=History(),
            tokens=tokens,
            tokenizer=tokenizer,
            processes=processes,
        )
        stack.enter_context(torch.random.fork_rng(devices=[device] if device.type == "cuda" else []))
        stack.enter_context(training(model))
        stack.enter_context(processes.balancing(model))
        torch.manual_seed(processes.seed(config.seed))
        if resume:
            load_run(out, state)
            export_run(out, state)  # the last save may have been killed between its checkpoint and these files
        try:
            _run(state, config, loss, device, autocast, val, out, on_evaluation)
        except (RuntimeError, MemoryError):
            # If not even one update fits into memory, the run of step 0 would only block the next attempt.
            if out is not None and processes.is_main and not resume and state.step == 0:
                remove_run(out)
            raise
        processes.wait()  # the main process may still write what another would then resume from
    return state.history


def _run(
    state: TrainingState,
    config: TrainConfig,
    loss: _Loss,
    device: torch.device,
    autocast: torch.autocast,
    val: Int[Tensor, " M"] | None,
    out: Path | None,
    on_evaluation: _OnEvaluation | None,
) -> None:
    model, history, processes = state.model, state.history, state.processes

    def batch_loss() -> Float[Tensor, ""]:
        ids, targets = sample_windows(state.tokens, model.block_size, config.batch_size, state.batches)
        with autocast:
            return loss(processes.part(ids).to(device), processes.part(targets).to(device))

    def unfinished() -> AbstractContextManager[None]:
        return processes.without_averaging(loss)

    def measure(train_loss: float) -> None:
        val_loss = math.nan
        if val is not None:
            with autocast:
                val_loss = _evaluate(model, loss, val, processes=processes)
            processes.reshard(loss)
        _require_finite(state, train_loss, val_loss, validated=val is not None)
        history.append(state.step, train_loss, val_loss, learning_rate(state.step, config))
        if out is not None:
            save_run(out, state)
        if on_evaluation is not None and processes.is_main:
            on_evaluation(state.step, model, history)

    if not history.step:
        measure(math.nan)
    total, since = torch.zeros((), device=device), state.step
    with _progress_bar(config.steps, done=state.step, shown=processes.is_main) as bar:
        while state.step < config.steps:
            total += _update(model, state.optimizers, batch_loss, state.step, config, state.scaler, unfinished)
            state.step += 1
            bar.update()
            if state.step % config.eval_every == 0 or state.step == config.steps:
                measure(processes.mean(total).item() / (state.step - since))
                bar.set_postfix(train=f"{history.train_loss[-1]:.4f}", val=f"{history.val_loss[-1]:.4f}")
                total.zero_()
                since = state.step


def _require_finite(state: TrainingState, train_loss: float, val_loss: float, validated: bool) -> None:
    """Raise ValueError if training diverged, before weights of no use replace the last good checkpoint."""
    found = None
    if state.step and not math.isfinite(train_loss):
        found = f"the loss before step {state.step} is {train_loss}"
    elif validated and not math.isfinite(val_loss):
        found = f"the validation loss at step {state.step} is {val_loss}"
    else:
        for name, parameter in state.model.named_parameters():
            if state.processes.sum((~local_part(parameter).isfinite()).sum()):
                found = f"{name} is not finite at step {state.step}"
                break
    if found:
        raise ValueError(f"training diverged: {found}; try a smaller learning_rate, or clip")
