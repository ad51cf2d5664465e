"""`lecture21 train`."""

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import psutil
import torch
import typer
from tqdm import tqdm

from lecture21 import accounting, presets
from lecture21.cli.options import (
    Changes,
    Device,
    Edition,
    TextFile,
    characters_per_token,
    choose_threads,
    complain,
    parse_changes,
    read_text,
)
from lecture21.config import GPTConfig
from lecture21.data import split
from lecture21.gpt import GPT
from lecture21.rnn import KINDS, RNN, RNNConfig
from lecture21.tokenizers import BPETokenizer, CharTokenizer
from lecture21.tokenizers.encodings import gpt2
from lecture21.training import History, TrainableModel, TrainConfig, choose_device, train
from lecture21.training._checkpoints import CHECKPOINT


def make_tokenizer(name: str, text: str, seen: str) -> CharTokenizer | BPETokenizer:
    """Return the tokenizer of that name: char knows the symbols of the whole text, bpe learns from what is trained on.

    Raises:
        ValueError: if there is none of that name, or its vocabulary cannot be made.
    """
    kind, colon, size = name.partition(":")
    if name == "char":
        return CharTokenizer.from_text(text)
    if name == "gpt2":
        return BPETokenizer(gpt2())
    if kind == "bpe" and colon and size.isdecimal():
        return BPETokenizer.from_text(seen, int(size))
    raise ValueError(f"tokenizer must be char, gpt2, or bpe with the size of its vocabulary (bpe:512), got {name!r}")


def make_shape(preset: str, changes: dict[str, object]) -> GPTConfig | RNNConfig:
    """Return the shape of a preset, or of a kind of RNN, with some fields changed; the text decides the vocabulary.

    Raises:
        ValueError: naming an unknown preset or field, or a value that does not fit.
    """
    if "vocab_size" in changes:
        raise ValueError("--set vocab_size: the text decides how many symbols there are")
    if preset in KINDS:
        return RNNConfig.from_dict({"kind": preset, **changes}, source=f"--set for {preset}")
    if preset not in presets.names():
        raise ValueError(f"unknown preset {preset!r}; choose from {', '.join((*presets.names(), *KINDS))}")
    return presets.get(preset, **changes)


def refuse_what_no_memory_holds(shape: GPTConfig | RNNConfig, name: str) -> None:
    """Raise ValueError if weights, gradients and Adam's averages alone are more than this machine's memory.

    Else a machine would swap for an hour before it says no.
    """
    if isinstance(shape, GPTConfig):
        needed, there = accounting.training_bytes(shape), psutil.virtual_memory().total
        if needed > there:
            sizes = f"training it takes {needed / 1e9:,.0f} GB, this machine has {there / 1e9:,.0f} GB"
            raise ValueError(f"{name} is too large for this machine: {sizes}; --set n_layer=... makes it smaller")


def train_command(
    out: Annotated[Path, typer.Option(help="Directory for the run.", show_default=False)],
    preset: Annotated[str, typer.Option(help=f"Model: {', '.join((*presets.names(), *KINDS))}.")] = "gpt0",
    changes: Changes = None,
    edition: Edition = "plays",
    text: TextFile = None,
    tokenizer: Annotated[str, typer.Option(help="char, gpt2, or bpe:SIZE, which learns SIZE tokens.")] = "char",
    steps: Annotated[int, typer.Option(help="Number of updates.")] = TrainConfig.steps,
    batch_size: Annotated[int, typer.Option(help="Windows in a batch.")] = TrainConfig.batch_size,
    learning_rate: Annotated[float, typer.Option(help="Highest step size of Adam.")] = TrainConfig.learning_rate,
    weight_decay: Annotated[float, typer.Option(help="Decay of weight matrices (AdamW).")] = TrainConfig.weight_decay,
    warmup: Annotated[int, typer.Option(help="Steps of linear warm-up.")] = TrainConfig.warmup,
    schedule: Annotated[str, typer.Option(help="After the warm-up: constant or cosine.")] = TrainConfig.schedule,
    clip: Annotated[float | None, typer.Option(help="Largest gradient norm.", show_default="none")] = TrainConfig.clip,
    accumulate: Annotated[int, typer.Option(help="Batches in one update.")] = TrainConfig.accumulate,
    eval_every: Annotated[int, typer.Option(help="Updates between evaluations.")] = TrainConfig.eval_every,
    seed: Annotated[int, typer.Option(help="Seed of weights, batches and dropout.")] = TrainConfig.seed,
    device: Device = None,
    precision: Annotated[
        str | None, typer.Option(help="fp32, bf16 or fp16.", show_default="the best that the device has")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped run: the same command again.")] = False,
) -> None:
    """Train a model on the first nine tenths of a text; the rest is for validation."""
    config = TrainConfig(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        warmup=warmup,
        schedule=schedule,
        clip=clip,
        accumulate=accumulate,
        eval_every=eval_every,
        seed=seed,
        device=device,
        precision=precision,
    )
    shape = make_shape(preset, parse_changes(changes))
    content, name = read_text(edition, text)
    parts = split(content)
    reader = make_tokenizer(tokenizer, content, parts[0])
    ids = [reader.encode(part) for part in parts]
    tokens, val = map(torch.tensor, ids)
    shape = replace(shape, vocab_size=reader.vocab_size)
    if choose_device(device).type == "cpu":
        refuse_what_no_memory_holds(shape, preset)
    torch.manual_seed(seed)
    model = RNN(shape) if isinstance(shape, RNNConfig) else GPT(shape)
    choose_threads(model)
    unit = "character" if tokenizer == "char" else "token"

    def report(step: int, model: TrainableModel, history: History) -> None:
        if step == 0:
            counts = f"{len(tokens):,} {unit}s to train on, {len(val):,} to validate, {reader.vocab_size:,} symbols"
            tqdm.write(f"{preset}: {model.num_parameters():,} parameters; {name}: {counts}", file=sys.stderr)
        losses = f"train {history.train_loss[-1]:.4f}  val {history.val_loss[-1]:.4f}"
        tqdm.write(f"step {step:>{len(str(steps))}}  {losses}  nats per {unit}", file=sys.stderr)

    try:
        history = train(model, tokens, config, val=val, out=out, tokenizer=reader, resume=resume, on_evaluation=report)
    except KeyboardInterrupt:
        kept = (out / CHECKPOINT).exists()
        resume_hint = f"the same command with --resume goes on from the last checkpoint in {out}"
        complain(f"stopped; {resume_hint}" if kept else f"stopped before the first checkpoint; nothing is in {out}")
        raise typer.Exit(130) from None
    loss = history.val_loss[-1] / characters_per_token(reader, parts[1], ids[1])
    typer.echo(f"{out}: {loss:.4f} nats ({loss / math.log(2):.4f} bits) per character after {history.step[-1]:,} steps")
