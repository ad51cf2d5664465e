"""Maximum likelihood on windows of a long token sequence: one loop, evaluated on the whole validation split.

Device, precision, gradient accumulation and clipping are accelerate's; what is written here is what a student should
read: which windows, which loss, which step size, and when to look.
"""

import math
import os
import sys
from collections.abc import Callable
from dataclasses import asdict

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from jaxtyping import Int
from torch import Tensor
from tqdm import tqdm

from lecture21.objectives import require_vocabulary
from lecture21.training.checkpoints import Tokenizer, TrainingState, load_run, refuse_to_overwrite, save_run
from lecture21.training.config import PRECISIONS, TrainConfig, learning_rate
from lecture21.training.devices import choose_device, choose_precision
from lecture21.training.evaluation import History, TrainableModel, evaluate
from lecture21.training.optimizers import make_optimizer


def _require_a_window(tokens: Int[Tensor, " N"], block_size: int) -> None:
    if len(tokens) <= block_size:
        raise ValueError(
            f"{len(tokens)} tokens are too few for a block of {block_size}; at least {block_size + 1} are needed"
        )


def sample_windows(
    tokens: Int[Tensor, " N"], block_size: int, batch_size: int, generator: torch.Generator | None = None
) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """Cut random windows out of a sequence: what the model reads, and the same shifted by one.

    Raises:
        ValueError: if the sequence is too short for one window and its targets.
    """
    _require_a_window(tokens, block_size)
    starts = torch.randint(len(tokens) - block_size, (batch_size, 1), generator=generator)
    windows = tokens[starts + torch.arange(block_size + 1)].long()  # (B, T+1)
    return windows[:, :-1], windows[:, 1:]


def _accelerator(config: TrainConfig) -> Accelerator:
    device = choose_device(config.device)
    # accelerate keeps one state for the process, and would refuse a second run on another device or precision.
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(
        cpu=device.type == "cpu",
        mixed_precision=PRECISIONS[config.precision or choose_precision(device)],
        gradient_accumulation_steps=config.accumulate,
    )
    if accelerator.gradient_accumulation_steps != config.accumulate:
        # accelerate prefers the environment, and would then skip updates that we count.
        found = f"ACCELERATE_GRADIENT_ACCUMULATION_STEPS={accelerator.gradient_accumulation_steps}"
        raise ValueError(f"{found} contradicts accumulate={config.accumulate}: unset it")
    return accelerator


def train(
    model: TrainableModel,
    tokens: Int[Tensor, " N"],
    config: TrainConfig | None = None,
    *,
    val: Int[Tensor, " M"] | None = None,
    out: str | os.PathLike[str] | None = None,
    tokenizer: Tokenizer | None = None,
    resume: bool = False,
    on_eval: Callable[[int, TrainableModel, History], None] | None = None,
) -> History:
    """Fit a model to a token sequence, in place, and return what was measured.

    The seed decides batches and dropout, and the caller's random state is left alone. A run that was stopped and is
    resumed from `out` gives the same losses, to the last digit, as one that was not.

    Args:
        model: trained in place; it is then on the device of the run.
        tokens: the training sequence.
        config: `TrainConfig()` if not given.
        val: a sequence that is evaluated whole, every `eval_every` steps.
        out: a directory for checkpoint, model, tokenizer and `history.csv`, written at each evaluation.
        tokenizer: saved beside the model, so that it can be asked for text later.
        resume: go on from the checkpoint in `out`.
        on_eval: called with step, model and history after each evaluation.

    Raises:
        ValueError: if the data are too short, `out` holds a run that is not to be resumed, or its checkpoint is torn,
            of another model, tokenizer, text or configuration.
        OSError: what the file system says; the last checkpoint is then still whole.
    """
    config = TrainConfig() if config is None else config
    # All that can be known to be wrong, before anything is written.
    _require_a_window(tokens, model.block_size)
    for part in (tokens, val):
        if part is not None:
            require_vocabulary(part, model.vocab_size)
    if resume and out is None:
        raise ValueError("resume=True needs out, the directory of the run to go on with")
    if out is not None and not resume:
        refuse_to_overwrite(out)
    accelerator = _accelerator(config)
    device = accelerator.device
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(config.seed)
        state = TrainingState(
            model=model,
            optimizer=make_optimizer(model.to(device), config, device),
            batches=torch.Generator().manual_seed(config.seed),
            scaler=accelerator.scaler,
            settings=asdict(config),
            history=History(),
            tokens=tokens,
            tokenizer=tokenizer,
        )
        if resume:
            load_run(out, state)
            save_run(out, state)  # the last save may have been killed after its checkpoint, before what follows from it
        _loop(state, config, accelerator, val, out, on_eval)
    return state.history


def _loop(
    state: TrainingState,
    config: TrainConfig,
    accelerator: Accelerator,
    val: Int[Tensor, " M"] | None,
    out: str | os.PathLike[str] | None,
    on_eval: Callable[[int, TrainableModel, History], None] | None,
) -> None:
    model, history, device = state.model, state.history, accelerator.device
    # Accelerate wraps the forward pass in autocast where the precision asks for it.
    prepared, optimizer = accelerator.prepare(model, state.optimizer)

    def look(train_loss: float) -> None:
        if state.step and not math.isfinite(train_loss):
            # The last good checkpoint stays: weights that are NaN are of no use to anyone.
            advice = "try a smaller learning_rate, or clip"
            raise ValueError(f"training diverged: the loss before step {state.step} is {train_loss}; {advice}")
        val_loss = math.nan if val is None else evaluate(model, val)
        history.append(state.step, train_loss, val_loss, learning_rate(state.step, config))
        if out is not None:
            save_run(out, state)
        if on_eval is not None:
            on_eval(state.step, model, history)

    try:
        if not history.step:
            look(math.nan)
        prepared.train()
        seen = torch.zeros((), device=device)
        since = state.step
        bar = tqdm(
            total=config.steps,
            initial=state.step,
            unit="step",
            dynamic_ncols=True,
            disable=not sys.stderr.isatty(),
        )
        with bar:
            while state.step < config.steps:
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(state.step, config)
                for _ in range(config.accumulate):
                    ids, targets = sample_windows(state.tokens, model.block_size, config.batch_size, state.batches)
                    with accelerator.accumulate(prepared):
                        loss = model.loss(ids.to(device), targets.to(device))
                        accelerator.backward(loss)
                        if accelerator.sync_gradients and config.clip is not None:
                            accelerator.clip_grad_norm_(prepared.parameters(), config.clip)
                        optimizer.step()
                        optimizer.zero_grad()
                    seen += loss.detach() / config.accumulate
                state.step += 1
                bar.update()
                if state.step % config.eval_every == 0 or state.step == config.steps:
                    look(seen.item() / (state.step - since))
                    bar.set_postfix(train=f"{history.train_loss[-1]:.4f}", val=f"{history.val_loss[-1]:.4f}")
                    prepared.train()
                    seen.zero_()
                    since = state.step
    finally:
        # However the loop ends, the model is left without the wrapper.
        accelerator.unwrap_model(prepared, keep_fp32_wrapper=False)
