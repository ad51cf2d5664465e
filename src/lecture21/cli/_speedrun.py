"""`lecture21 speedrun`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from lecture21.cli._options import Changes, fields_as_options, parse_changes
from lecture21.training import TrainConfig


@fields_as_options(TrainConfig, without=("steps", "warmup", "eval_every", "device", "shard", "seed"))
def speedrun_command(
    minutes: Annotated[float, typer.Option(help="On the clock; the book has rows for 5 and for 20.")] = 5.0,
    preset: Annotated[str, typer.Option(help="nanogpt, nanogpt-tuned, the default, or a preset.")] = "modern-minutes",
    seed: Annotated[int, typer.Option(help="Seed of weights, batches and dropout.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Empty directory.", show_default="a temporary one")
    ] = None,
    changes: Changes = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="char, or bpe:SIZE, which learns SIZE tokens.", show_default="the preset's")
    ] = None,
    warmup: Annotated[
        int | None, typer.Option(min=0, max=100, help="Percent of the clock.", show_default="the preset's")
    ] = None,
    threads: Annotated[int, typer.Option(help="One, or two.")] = 2,
    edition: Annotated[str | None, typer.Option(hidden=True)] = None,
    text: Annotated[Path | None, typer.Option(hidden=True)] = None,
    **settings: object,
) -> None:
    """Train a model on the nine plays until the clock ends, and say which rows of the book its loss beats.

    The clock begins before the model is made. The number of updates follows from it, and the learning rate ends at 0
    with it. The directory then has the log, the model with its tokenizer, and the row.
    """
    from lecture21.course import speedrun

    if text is not None or edition not in (None, speedrun.EDITION):
        raise ValueError(f"the speedrun has one text, the edition {speedrun.EDITION}; train takes others")
    given = {name: value for name, value in settings.items() if value is not None}
    if warmup is not None:
        given |= {"steps": 100, "warmup": warmup}
    made, fields = speedrun.recipe_of(preset), parse_changes(changes)
    if "vocab_size" in fields:
        raise ValueError("--set vocab_size: the text determines the number of symbols")
    changed = replace(
        made,
        model=made.model.changed(**fields),
        training=replace(made.training, **given),
        tokenizer=made.tokenizer if tokenizer is None else tokenizer,
    )
    words = [f"{name}={value}" for name, value in (fields | given).items() if name != "steps"]
    words += [tokenizer] if tokenizer is not None else []
    name = ", ".join([preset, *words])
    shown = sys.stderr is not None and sys.stderr.isatty()
    layout = "{l_bar}{bar}| {n:.0f} of {total:.0f} s{postfix}"
    with tqdm(total=60 * minutes, dynamic_ncols=True, disable=not shown, bar_format=layout) as bar:

        def report(updates: int, seconds: float, loss: float) -> None:
            bar.set_postfix({"updates": f"{updates:,}", "loss": f"{loss:.4f}"}, refresh=False)
            bar.update(seconds - bar.n)

        row = speedrun.speedrun(name, minutes, seed, out, made=changed, threads=threads, on_second=report)
    typer.echo(
        f"{row['nats']:.4f} nats per character on the held-out text after {row['updates']:,} updates in"
        f" {row['seconds']:g} s; {row['parameters']:,} parameters, {row['characters']:,} characters read"
    )
    typer.echo(f"an update of nanoGPT's recipe takes {row['nanogpt_ms']:g} ms here; {row['cores']} cores")
    typer.echo(speedrun.standing(row))
