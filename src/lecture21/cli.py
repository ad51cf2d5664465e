"""The `lecture21` command: train a model, let it write, score it beside its baselines.

A mistake in the input gives one line on standard error and exit code 2; Ctrl-C gives 130.
"""

import io
import math
import os
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer
from tqdm import tqdm

from lecture21 import corpus, generation, presets
from lecture21.checkpoints import CHECKPOINT, TOKENIZER
from lecture21.config import GPTConfig
from lecture21.evaluation import History, evaluate
from lecture21.gpt import GPT
from lecture21.ngram import NGram
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig, choose_device, train

TINY = 1_000_000  # parameters below which a second thread costs more in waiting than it does in work

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Train a GPT on Shakespeare, let it write, and score it beside n-grams.",
)

Edition = Annotated[str, typer.Option(help="Edition of Shakespeare: plays, or char-rnn where there is a network.")]
TextFile = Annotated[Path | None, typer.Option(help="A UTF-8 text file to use instead of Shakespeare.")]
Run = Annotated[Path, typer.Argument(help="Directory of a trained model.", show_default=False)]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or mps.", show_default="the best that is there")]


def _read(edition: str, text: Path | None) -> tuple[str, str]:
    """Return a text and what to call it."""
    if text is None:
        return corpus.shakespeare(edition), f"Shakespeare, edition {edition}"
    try:
        return text.read_text(encoding="utf-8-sig"), str(text)  # a byte order mark is not a symbol
    except UnicodeDecodeError as error:
        raise ValueError(f"{text} is not UTF-8 text: {error}") from error


def _load(run: Path) -> tuple[GPT, CharTokenizer]:
    model = GPT.from_pretrained(run)
    if not (run / TOKENIZER).is_file():
        raise ValueError(f"{run} has no {TOKENIZER}: a model alone cannot read text")
    tokenizer = CharTokenizer.load(run / TOKENIZER)
    if tokenizer.vocab_size != model.vocab_size:
        sizes = f"{tokenizer.vocab_size} tokens in its tokenizer, {model.vocab_size} in its model"
        raise ValueError(f"{run} does not fit together: {sizes}")
    _choose_threads(model)
    return model, tokenizer


def _choose_threads(model: GPT) -> None:
    if "OMP_NUM_THREADS" not in os.environ and model.num_parameters() < TINY:
        torch.set_num_threads(1)


def _changes(assignments: list[str]) -> dict[str, object]:
    """Parse `n_layer=6` and the like; a value is an int, a float, true or false, or else a word."""
    changes: dict[str, object] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise ValueError(f"--set needs NAME=VALUE, got {assignment!r}")
        if name == "vocab_size":
            raise ValueError("--set vocab_size: the text decides how many symbols there are")
        for parse in (int, float, {"true": True, "false": False}.__getitem__, str):
            try:
                changes[name] = parse(value)
                break
            except (ValueError, KeyError):
                continue
    return changes


@app.command("train")
def train_command(
    out: Annotated[Path, typer.Option(help="Directory for the run.", show_default=False)],
    preset: Annotated[str, typer.Option(help=f"Model: {', '.join(presets.names())}.")] = "gpt0",
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a field of the preset; repeatable.")
    ] = None,
    edition: Edition = "plays",
    text: TextFile = None,
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
    shape = presets.get(preset, **_changes(changes or []))
    content, name = _read(edition, text)
    tokenizer = CharTokenizer.from_text(content)
    shape = GPTConfig(**{**vars(shape), "vocab_size": tokenizer.vocab_size})
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in corpus.split(content))
    torch.manual_seed(seed)
    model = GPT(shape)
    _choose_threads(model)

    def report(step: int, model: GPT, history: History) -> None:
        if step == 0:
            counts = f"{len(tokens):,} characters to train on, {len(val):,} to validate, {tokenizer.vocab_size} symbols"
            tqdm.write(f"{preset}: {model.num_parameters():,} parameters; {name}: {counts}", file=sys.stderr)
        losses = f"train {history.train_loss[-1]:.4f}  val {history.val_loss[-1]:.4f}"
        tqdm.write(f"step {step:>{len(str(steps))}}  {losses}  nats per character", file=sys.stderr)

    try:
        history = train(model, tokens, config, val=val, out=out, tokenizer=tokenizer, resume=resume, on_eval=report)
    except KeyboardInterrupt:
        kept = (out / CHECKPOINT).exists()
        resume_hint = f"the same command with --resume goes on from the last checkpoint in {out}"
        _complain(f"stopped; {resume_hint}" if kept else f"stopped before the first checkpoint; nothing is in {out}")
        raise typer.Exit(130) from None
    loss = history.val_loss[-1]
    typer.echo(f"{out}: {loss:.4f} nats ({loss / math.log(2):.4f} bits) per character after {history.step[-1]:,} steps")


@app.command()
def sample(
    run: Run,
    prompt: Annotated[str, typer.Option(help="Text to go on from.", show_default="a line break")] = "\n",
    length: Annotated[int, typer.Option(help="Characters to add.")] = 500,
    temperature: Annotated[
        float | None, typer.Option(help="Draw, with logits divided by this.", show_default="greedy")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw from the k most likely.", show_default="greedy")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw from the most likely that reach p.", show_default="greedy")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Makes a draw repeatable.", show_default="none")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse symbols that the model does not know.")] = False,
    device: Device = None,
) -> None:
    """Let a model write: greedily, or drawn as soon as temperature, top-k, top-p or a seed is given."""
    model, tokenizer = _load(run)
    if not prompt:
        raise ValueError("the prompt is empty: give at least one character")
    unknown = tokenizer.unknown(prompt)
    ids = tokenizer.encode(prompt, strict=strict)
    if unknown:
        typer.echo(f"lecture21: the model does not know {', '.join(map(repr, unknown))}: read as unknown", err=True)
    greedy = temperature is None and top_k is None and top_p is None and seed is None
    new = generation.stream(
        model.to(choose_device(device)),
        torch.tensor([ids]),
        length,
        temperature=1.0 if temperature is None else temperature,
        top_k=top_k,
        top_p=top_p,
        greedy=greedy,
        seed=seed,
    )
    pieces = (tokenizer.decode(token[0].tolist()) for token in new)
    first = next(pieces, "")  # what is out of range is refused before anything is written
    typer.echo(prompt + first, nl=False)
    for piece in pieces:
        typer.echo(piece, nl=False)
    typer.echo()


@app.command("eval")
def eval_command(
    run: Run,
    edition: Edition = "plays",
    text: TextFile = None,
    block_size: Annotated[
        int | None, typer.Option(help="Length of the windows.", show_default="the model's block size")
    ] = None,
    device: Device = None,
) -> None:
    """Score a model on the whole validation split, beside uniform, unigram, bigram and 5-gram."""
    model, tokenizer = _load(run)
    block_size = model.block_size if block_size is None else block_size
    if not 1 <= block_size <= model.block_size:
        raise ValueError(f"block_size must be between 1 and the model's, {model.block_size}, got {block_size}")
    content, name = _read(edition, text)
    unknown = tokenizer.unknown(content)
    if unknown:
        typer.echo(f"lecture21: the model does not know {', '.join(map(repr, unknown))}: read as unknown", err=True)
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in corpus.split(content))
    losses = [("uniform", math.log(tokenizer.vocab_size))]
    for label, order in (("unigram", 1), ("bigram", 2), ("5-gram", 5)):
        losses.append((label, evaluate(NGram(order, tokenizer.vocab_size).fit(tokens), val, block_size)))
    losses.append((str(run), evaluate(model.to(choose_device(device)), val, block_size)))
    width = max(len(label) for label, _ in losses)
    typer.echo(f"{name}: {len(val):,} characters of validation in windows of {block_size}")
    typer.echo(f"{'':{width}}  nats/char  bits/char")
    for label, loss in losses:
        typer.echo(f"{label:{width}}  {loss:9.4f}  {loss / math.log(2):9.4f}")


# Newer typers carry a click of their own, so that its base class of usage errors is reached through typer itself.
UsageError = typer.BadParameter.__mro__[1]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal or pipe that cannot show a symbol shows a question mark, instead of ending the text.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        return app(arguments, standalone_mode=False, prog_name="lecture21") or 0
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); Python must not try to flush the rest at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except UsageError as error:
        # Newer typers leave out what was typed; pydantic, which refused it, still knows.
        refused = getattr(error.__cause__, "errors", list)()
        _complain(error.format_message() + "".join(f", got {value['input']!r}" for value in refused))
    except (ValueError, OSError) as error:
        _complain(str(error))
    except (RuntimeError, MemoryError, OverflowError) as error:
        if not isinstance(error, MemoryError | OverflowError) and "memory" not in str(error).lower():
            raise
        _complain(f"too large for this machine: {error}; try a smaller batch_size, block_size or model")
    return 2


def _complain(message: str) -> None:
    print("lecture21:", " ".join(message.split()), file=sys.stderr)
