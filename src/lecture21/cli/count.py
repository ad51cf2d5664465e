"""`lecture21 count`."""

import math
from typing import Annotated

import typer

from lecture21 import accounting, presets
from lecture21.cli.options import Changes, parse_changes
from lecture21.config import GPTConfig

PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(number: int | float, unit: str) -> str:
    """Write a number in three digits with a decimal prefix: 349 GB."""
    size, prefix = next(((size, prefix) for size, prefix in PREFIXES if number >= size), (1, ""))
    return f"{float(f'{number / size:.3g}'):,g} {prefix}{unit}"


def parameter_rows(config: GPTConfig) -> list[tuple[str, str, str]]:
    """Return the parameters by part: name, number, share."""
    counts = accounting.parameters_by_formula(config)
    parts = {
        "table of tokens": counts.embeddings,
        "table of positions": counts.positions,
        "attention": counts.attention,
        "feed-forward": counts.feed_forward,
        "norms": counts.norms,
        "head": counts.head,
        "all": counts.total,
        "without tables and head": counts.non_embedding,
    }
    rows = [(name, f"{number:,}", f"{number / counts.total:.1%}") for name, number in parts.items()]
    if config.tied_head:
        rows[5] = ("head", "0", "is the table of tokens")
    return rows


def flops_rows(config: GPTConfig, context: int) -> list[tuple[str, str, str]]:
    """Return the FLOPs of one token."""
    flops = accounting.flops_per_token(config, context)
    each = flops.training / accounting.parameters_by_formula(config).total
    numbers = {
        "forward, weights": flops.linear,
        "forward, attention": flops.attention,
        "forward": flops.forward,
        "backward": flops.backward,
    }
    rows = [(name, f"{number:,}", short(number, "FLOP")) for name, number in numbers.items()]
    return [*rows, ("training", f"{flops.training:,}", f"{each:.2f} for each parameter")]


def memory_rows(config: GPTConfig, context: int, batch: int, dtype: str) -> list[tuple[str, str, str]]:
    """Return the bytes of everything that has to be held."""
    numbers = {
        f"weights, {dtype}": accounting.weight_bytes(config, dtype),
        "weights, gradients, Adam": accounting.training_bytes(config),
        f"activations, {dtype}": accounting.activation_bytes(config, context, batch, dtype),
        f"key/value cache, {dtype}": accounting.kv_cache_bytes(config, context, batch, dtype),
    }
    return [(name, f"{number:,}", short(number, "B")) for name, number in numbers.items()]


def training_rows(
    config: GPTConfig, context: int, tokens: int, device: str | None, devices: int, utilisation: float
) -> list[tuple[str, str, str]]:
    """Return the FLOPs of a whole training run, and the days that it takes."""
    estimate = accounting.training_flops(config, tokens)
    exact = accounting.flops_per_token(config, context).training * tokens
    numbers = {"6 N D": estimate, "with attention, exactly": exact}
    if device is None:
        return [(name, f"{number:.4g}", short(number, "FLOP")) for name, number in numbers.items()]
    days = [accounting.training_days(number, device, devices, utilisation) for number in numbers.values()]
    rows = [
        (name, f"{number:.4g}", f"{time:.3g} days") for (name, number), time in zip(numbers.items(), days, strict=True)
    ]
    peak = short(accounting.DEVICES[device], "FLOP/s")
    return [*rows, ("days on", f"{devices:,} x {device}", f"at {utilisation:.1%} of {peak} each")]


def count(
    preset: Annotated[str, typer.Argument(metavar="NAME", help=f"Model: {', '.join(presets.names())}.")],
    changes: Changes = None,
    context: Annotated[int | None, typer.Option(help="Tokens of context.", show_default="the block size")] = None,
    batch: Annotated[int, typer.Option(help="Sequences side by side.")] = 1,
    dtype: Annotated[str, typer.Option(help=f"Of the numbers in memory: {', '.join(accounting.BITS)}.")] = "bf16",
    tokens: Annotated[
        float | None, typer.Option(help="Tokens to train on, such as 300e9.", show_default="none")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help=f"To train on: {', '.join(accounting.DEVICES)}.", show_default="none")
    ] = None,
    devices: Annotated[int, typer.Option(help="How many of them.")] = 8,
    utilisation: Annotated[float, typer.Option(help="Share of their stated peak that is reached.")] = 0.4,
) -> None:
    """Count what a GPT costs: parameters, FLOPs, memory, and with --tokens the compute of training it."""
    config = presets.get(preset, **parse_changes(changes))
    context = config.block_size if context is None else context
    if tokens is not None and not math.isfinite(tokens):
        raise ValueError(f"tokens must be a finite number, got {tokens}")
    if tokens is None and device is not None:
        raise ValueError(f"--device {device} needs --tokens: how long depends on how much there is to read")
    sequences = f"{batch:,} sequence{'s' if batch > 1 else ''} of {context:,} tokens"
    tables = {
        "Parameters": parameter_rows(config),
        f"FLOPs of one token, {context:,} tokens of context": flops_rows(config, context),
        f"Memory in bytes, {sequences}": memory_rows(config, context, batch, dtype),
    }
    if tokens is not None:
        rows = training_rows(config, context, int(tokens), device, devices, utilisation)
        tables[f"Training on {tokens:,.0f} tokens"] = rows
    size = f"{config.n_layer} layers, width {config.d_model:,}, {config.n_head} heads of width {config.d_head}"
    typer.echo(f"{preset}: {size}, feed-forward {config.d_ff:,}, vocabulary {config.vocab_size:,}")
    left, middle = (max(len(row[i]) for rows in tables.values() for row in rows) for i in (0, 1))
    for title, rows in tables.items():
        typer.echo(f"\n{title}")
        for name, number, note in rows:
            typer.echo(f"  {name:{left}}  {number:>{middle}}  {note}")
