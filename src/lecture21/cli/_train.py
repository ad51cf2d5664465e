"""`lecture21 train`, in one process or in several."""

import math
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import psutil
import torch
import typer
from accelerate import Accelerator
from tqdm import tqdm

from lecture21 import accounting, presets
from lecture21.baselines.rnn import KINDS, RNN, RNNConfig
from lecture21.cli._inputs import choose_threads, read_text
from lecture21.cli._messages import print_error
from lecture21.cli._options import Changes, Edition, TextFile, fields_as_options, parse_changes
from lecture21.data import split
from lecture21.gpt import GPT
from lecture21.gpt.config import GPTConfig
from lecture21.tokenizers import characters_per_token, make_tokenizer
from lecture21.training import History, TrainConfig, recipe, train
from lecture21.training.checkpoints import CHECKPOINT
from lecture21.training.devices import choose_device
from lecture21.training.evaluation import TrainableModel
from lecture21.training.processes import is_lost, join_processes


def _make_config(preset: str, changes: dict[str, object]) -> GPTConfig | RNNConfig:
    """Return the configuration of a preset, or of a kind of RNN, with some fields changed."""
    if "vocab_size" in changes:
        raise ValueError("--set vocab_size: the text determines the number of symbols")
    if preset in KINDS:
        return RNNConfig.from_dict({"kind": preset, **changes}, source=f"--set for {preset}")
    if preset not in presets.names():
        raise ValueError(f"unknown preset {preset!r}; choose from {', '.join((*presets.names(), *KINDS))}")
    return presets.get(preset, **changes)


def _check_fits_in_memory(config: GPTConfig | RNNConfig, name: str, copies: int) -> None:
    """Raise ValueError if weights, gradients and Adam's averages alone need more than this machine's memory.

    Otherwise the machine would swap for an hour before it fails. Each of several processes may have its own copy.
    """
    if isinstance(config, GPTConfig):
        needed = accounting.training_bytes(config)
    else:
        gates = {"rnn": 1, "gru": 3, "lstm": 4}[config.kind]
        layer = gates * 2 * config.d_model * (config.d_model + 1)
        needed = 16 * (2 * config.vocab_size * config.d_model + config.n_layer * layer)
    needed *= copies
    available = psutil.virtual_memory().total
    if needed > available:
        sizes = f"training it takes {needed / 1e9:,.0f} GB, this machine has {available / 1e9:,.0f} GB"
        raise ValueError(f"{name} is too large for this machine: {sizes}; --set n_layer=... makes it smaller")


@contextmanager
def _stopping(out: Path) -> Iterator[None]:
    """End the command with one line on Ctrl-C, on SIGTERM, and when another process of the run has ended."""
    try:
        yield
        return
    except (KeyboardInterrupt, SystemExit) as stop:
        code, reason = stop.code if isinstance(stop, SystemExit) else 130, ""
    except RuntimeError as error:
        if not is_lost(error):
            raise
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the launcher sends it to the processes that are left
        code, reason = 1, ", because another process has ended"
    if (out / CHECKPOINT).exists():
        print_error(f"stopped{reason}; the same command with --resume continues from the last checkpoint in {out}")
    else:
        print_error(f"stopped before the first checkpoint{reason}; nothing is in {out}")
    raise typer.Exit(code)


def _main_process_first(accelerator: Accelerator | None) -> AbstractContextManager[None]:
    """Let the other processes wait, so that an error in the input is reported once."""
    return nullcontext() if accelerator is None else accelerator.main_process_first()


@fields_as_options(TrainConfig)
def train_command(
    out: Annotated[str, typer.Option(metavar="PATH", help="Directory for the run.", show_default=False)],
    preset: Annotated[
        str,
        typer.Option(
            help=f"Model: {', '.join((*presets.names(), *KINDS))}. "
            "modern, modern-laptop and modern-gpt0 have other defaults for the settings below."
        ),
    ] = "gpt0",
    changes: Changes = None,
    edition: Edition = None,
    text: TextFile = None,
    tokenizer: Annotated[str, typer.Option(help="char, gpt2, or bpe:SIZE, which learns SIZE tokens.")] = "char",
    resume: Annotated[bool, typer.Option("--resume", help="Continue a stopped run: the same command again.")] = False,
    **settings: object,
) -> None:
    """Train a model on the first nine tenths of a text; the rest is for validation."""
    if not out:
        raise ValueError("--out must be a directory, got ''")
    config = recipe(preset, **{name: value for name, value in settings.items() if value is not None})
    if config.warmup > config.steps:
        raise ValueError(f"--warmup must be at most --steps, {config.steps}, got {config.warmup}")
    device = choose_device(config.device)
    model_config = _make_config(preset, parse_changes(changes))
    accelerator = join_processes(config.device)
    with _stopping(Path(out)), _main_process_first(accelerator):
        content, name = read_text(edition, text)
        parts = split(content)
        encoder = make_tokenizer(tokenizer, content, parts[0])
    ids = [encoder.encode(part) for part in parts]
    tokens, val = map(torch.tensor, ids)
    model_config = replace(model_config, vocab_size=encoder.vocab_size)
    if device.type == "cpu":
        copies = 1 if config.shard else int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        _check_fits_in_memory(model_config, preset, copies if accelerator else 1)
    torch.manual_seed(config.seed)
    model = RNN(model_config) if isinstance(model_config, RNNConfig) else GPT(model_config)
    choose_threads(model)
    unit = "character" if tokenizer == "char" else "token"

    def report(step: int, model: TrainableModel, history: History) -> None:
        lines = []
        if step == 0:
            counts = f"{len(tokens):,} {unit}s to train on, {len(val):,} to validate, {encoder.vocab_size:,} symbols"
            lines.append(f"{preset}: {model.num_parameters():,} parameters; {name}: {counts}")
            if accelerator is not None:
                lines.append(f"{accelerator.num_processes} processes{', sharded' if config.shard else ''}")
        train_loss = f"{history.train_loss[-1]:.4f}" if step else "–"
        losses = f"train {train_loss:>6}  val {history.val_loss[-1]:.4f}"
        lines.append(f"step {step:>{len(str(config.steps))}}  {losses}  nats per {unit}")
        with suppress(OSError, ValueError):  # training goes on if nobody reads the messages any more
            # One write: a signal between a line and its end would put the last message on the same line.
            tqdm.write("\n".join(lines) + "\n", file=sys.stderr, end="")

    with _stopping(Path(out)):
        history = train(
            model,
            tokens,
            config,
            val=val,
            out=out,
            tokenizer=encoder,
            resume=resume,
            on_evaluation=report,
            accelerator=accelerator,
        )
    if accelerator is not None:
        accelerator.end_training()
        if not accelerator.is_main_process:
            return
    loss = history.val_loss[-1] / characters_per_token(encoder, parts[1], ids[1])
    typer.echo(f"{out}: {loss:.4f} nats ({loss / math.log(2):.4f} bits) per character after {history.step[-1]:,} steps")
