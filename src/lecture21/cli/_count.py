"""`lecture21 count`: what a model costs, as tables."""

from typing import Annotated

import typer

from lecture21 import accounting, presets
from lecture21._support.validation import in_range, require
from lecture21.accounting import Shape, published, tables
from lecture21.accounting.memory import BITS
from lecture21.cli._options import Changes, parse_changes


def count_command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help=f"Preset ({', '.join(presets.names())}) or published model ({', '.join(published.names())}).",
        ),
    ],
    changes: Changes = None,
    context: Annotated[
        int | None,
        typer.Option(help="Tokens of context.", show_default=f"the block size; {tables.CONTEXT} for published models"),
    ] = None,
    batch: Annotated[int, typer.Option(help="Number of sequences.")] = 1,
    dtype: Annotated[
        str,
        typer.Option(help=f"Data type in memory: {', '.join(BITS)} (the last for experts of published models only)."),
    ] = "bf16",
    tokens: Annotated[
        float | None, typer.Option(help="Number of training tokens, for example 300e9.", show_default="none")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help=f"Device for training, or for serving experts: {', '.join(accounting.DEVICES)}.",
            show_default="none, H100 for experts",
        ),
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option(help="Number of devices.", show_default="8 for training; one per expert for serving"),
    ] = None,
    utilization: Annotated[float, typer.Option(help="Fraction of the peak FLOP/s that is reached.")] = 0.4,
) -> None:
    """Count what a model costs: parameters, FLOPs, memory; serving, if it has experts; training, with --tokens."""
    if tokens is not None:
        require("tokens", tokens, in_range(1))
    if name in published.names():
        if changes:
            raise ValueError(f"--set {changes[0]} changes a preset, and {name} is a published model of fixed sizes")
        model = published.get(name)
    elif name in presets.names():
        model = presets.get(name, **parse_changes(changes))
    else:
        others = f"a published model: {', '.join(published.names())}"
        raise ValueError(f"unknown preset {name!r}; choose from {', '.join(presets.names())}; or {others}")

    rows = tables.cost_tables(model, context, batch, dtype, devices)
    if Shape.of(model).n_sparse:
        rows |= tables.serving_tables(model, device or "H100", batch, dtype, devices)
    elif device is not None and tokens is None:
        raise ValueError(f"--device {device} needs --tokens, the number of training tokens")
    if tokens is not None:
        n_devices = 8 if devices is None else devices
        rows |= tables.training_table(model, int(tokens), context, device, n_devices, utilization)
    typer.echo(tables.title(name, model))
    left, middle = (max(len(row[i]) for table in rows.values() for row in table) for i in (0, 1))
    for heading, table in rows.items():
        typer.echo(f"\n{heading}")
        for label, number, note in table:
            typer.echo(f"  {label:{left}}  {number:>{middle}}  {note}")
