"""`lecture21 count`."""

import math
from typing import Annotated

import typer

from lecture21 import accounting, presets
from lecture21.accounting import published
from lecture21.cli.experts import Row, describe, published_memory_rows, published_parameter_rows, serving_tables, short
from lecture21.cli.options import Changes, parse_changes
from lecture21.config import GPTConfig

CONTEXT = 4096  # tokens of context at which a published model is counted


def parameter_rows(config: GPTConfig) -> list[Row]:
    """Return the parameters by part: name, number, share."""
    counts = accounting.parameters_by_formula(config)
    parts = {
        "table of tokens": counts.embeddings,
        "table of positions": counts.positions,
        "attention": counts.attention,
        "feed-forward": counts.feed_forward,
        "routers": counts.router,
        "norms": counts.norms,
        "head": counts.head,
        "all": counts.total,
        "without tables and head": counts.non_embedding,
    }
    if config.moe is None:
        del parts["routers"]
    else:
        active = accounting.weights(config)
        parts |= {"active": active.active, "active, without table of tokens": active.active_without_embedding}
    rows = {name: (name, f"{number:,}", f"{number / counts.total:.1%}") for name, number in parts.items()}
    if config.tied_head:
        rows["head"] = ("head", "0", "is the table of tokens")
    return list(rows.values())


def flops_rows(flops: accounting.Flops, parameters: int, which: str) -> list[Row]:
    """Return the FLOPs of one token; `which` says which of a model's parameters are given."""
    numbers = {
        "forward, weights": flops.linear,
        "forward, attention": flops.attention,
        "forward": flops.forward,
        "backward": flops.backward,
    }
    rows = [(name, f"{number:,}", short(number, "FLOP")) for name, number in numbers.items()]
    return [*rows, ("training", f"{flops.training:,}", f"{flops.training / parameters:.2f} for each {which}")]


def memory_rows(config: GPTConfig, context: int, batch: int, dtype: str) -> list[Row]:
    """Return the bytes of everything that has to be held."""
    numbers = {
        f"weights, {dtype}": accounting.weight_bytes(config, dtype),
        "weights, gradients, Adam": accounting.training_bytes(config),
        f"activations, {dtype}": accounting.activation_bytes(config, context, batch, dtype),
        f"key/value cache, {dtype}": accounting.kv_cache_bytes(config, context, batch, dtype),
    }
    return [(name, f"{number:,}", short(number, "B")) for name, number in numbers.items()]


def preset_tables(config: GPTConfig, context: int, batch: int, dtype: str) -> dict[str, list[Row]]:
    """Return the tables of a GPT of ours, by their titles."""
    which = "parameter" if config.moe is None else "active parameter"
    active = accounting.active_parameters(config).total
    tables = {
        "Parameters": parameter_rows(config),
        f"FLOPs of one token, {context:,} tokens of context": flops_rows(
            accounting.flops_per_token(config, context), active, which
        ),
    }
    if config.window is not None and config.window < context:  # read at once they meet more keys than one by one
        tables[f"FLOPs of {context:,} tokens read at once"] = flops_rows(
            accounting.sequence_flops(config, context), context * active, f"token and {which}"
        )
    return tables | {memory_title(batch, context): memory_rows(config, context, batch, dtype)}


def published_tables(name: str, context: int, batch: int, dtype: str, devices: int | None) -> dict[str, list[Row]]:
    """Return the tables of a published model, by their titles."""
    shape = published.get(name)
    token = "one token read and one written" if shape.n_encoder_layer else "one token"
    return {
        "Parameters": published_parameter_rows(name),
        f"FLOPs of {token}, {context:,} tokens of context": flops_rows(
            accounting.token_flops(shape, context), accounting.weights(shape).active, "active parameter"
        ),
        memory_title(batch, context): published_memory_rows(name, context, batch, dtype, devices),
    }


def memory_title(batch: int, context: int) -> str:
    """Return the heading of what has to be held."""
    return f"Memory in bytes, {batch:,} sequence{'s' if batch > 1 else ''} of {context:,} tokens"


def training_rows(
    model: GPTConfig | accounting.Shape, context: int, tokens: int, device: str | None, devices: int, utilisation: float
) -> list[Row]:
    """Return the FLOPs of a whole training run, by the usual estimate and exactly, and the days that it takes."""
    if isinstance(model, GPTConfig):  # which may have a window
        exactly = accounting.sequence_flops(model, context).training * tokens // context
    else:
        exactly = accounting.token_flops(model, context).training * tokens
    numbers = {"6 N D": 6 * accounting.weights(model).active * tokens, "with attention, exactly": exactly}
    if device is None:
        return [(name, f"{number:.4g}", short(number, "FLOP")) for name, number in numbers.items()]
    days = [accounting.training_days(number, device, devices, utilisation) for number in numbers.values()]
    rows = [
        (name, f"{number:.4g}", f"{time:.3g} days") for (name, number), time in zip(numbers.items(), days, strict=True)
    ]
    peak = short(accounting.DEVICES[device], "FLOP/s")
    return [*rows, ("days on", f"{devices:,} x {device}", f"at {utilisation:.1%} of {peak} each")]


def count(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help=f"Model: {', '.join(presets.names())}; or published by others: {', '.join(published.names())}.",
        ),
    ],
    changes: Changes = None,
    context: Annotated[
        int | None,
        typer.Option(help="Tokens of context.", show_default=f"the block size; {CONTEXT} for published models"),
    ] = None,
    batch: Annotated[int, typer.Option(help="Sequences side by side.")] = 1,
    dtype: Annotated[
        str,
        typer.Option(
            help=f"Of the numbers in memory: {', '.join(accounting.BITS)}; mxfp4 for experts of published models."
        ),
    ] = "bf16",
    tokens: Annotated[
        float | None, typer.Option(help="Tokens to train on, such as 300e9.", show_default="none")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help=f"To train on, or to serve experts from: {', '.join(accounting.DEVICES)}.",
            show_default="none, H100 for experts",
        ),
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option(help="How many of them.", show_default="8 to train on; one for each expert to serve from"),
    ] = None,
    utilisation: Annotated[float, typer.Option(help="Share of their stated peak that is reached.")] = 0.4,
) -> None:
    """Count what a model costs: parameters, FLOPs, memory, with experts also serving, with --tokens also training."""
    if tokens is not None and not math.isfinite(tokens):
        raise ValueError(f"tokens must be a finite number, got {tokens}")
    if tokens is not None and tokens < 1:
        raise ValueError(f"tokens must be >= 1, got {tokens:g}")
    if name in published.names():
        if changes:
            raise ValueError(
                f"--set {changes[0]} changes a preset, and {name} is a published model, with a shape given"
            )
        model, title, context = published.get(name), describe(name), CONTEXT if context is None else context
        tables = published_tables(name, context, batch, dtype, devices)
    elif name in presets.names():
        model = presets.get(name, **parse_changes(changes))
        context = model.block_size if context is None else context
        size = f"{model.n_layer} layers, width {model.d_model:,}, {model.n_head} heads of width {model.d_head}"
        title = f"{name}: {size}, feed-forward {model.d_ff:,}, vocabulary {model.vocab_size:,}"
        tables = preset_tables(model, context, batch, dtype)
    else:
        others = f"a published model: {', '.join(published.names())}"
        raise ValueError(f"unknown preset {name!r}; choose from {', '.join(presets.names())}; or {others}")

    if accounting.shape_of(model).n_sparse:
        tables |= serving_tables(model, device or "H100", batch, dtype, devices)
    elif device is not None and tokens is None:
        raise ValueError(f"--device {device} needs --tokens: how long depends on how much there is to read")
    if tokens is not None:
        rows = training_rows(model, context, int(tokens), device, 8 if devices is None else devices, utilisation)
        tables[f"Training on {tokens:,.0f} tokens"] = rows
    typer.echo(title)
    left, middle = (max(len(row[i]) for rows in tables.values() for row in rows) for i in (0, 1))
    for heading, rows in tables.items():
        typer.echo(f"\n{heading}")
        for label, number, note in rows:
            typer.echo(f"  {label:{left}}  {number:>{middle}}  {note}")
