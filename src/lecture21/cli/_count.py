"""`lecture21 count`: what a model costs, as tables."""

import math
from typing import Annotated

import typer

from lecture21 import accounting, presets
from lecture21._support.validation import require_choice, require_whole
from lecture21.accounting import Latent, Shape, published
from lecture21.accounting.flops import Flops
from lecture21.accounting.memory import BITS
from lecture21.accounting.published import Published
from lecture21.accounting.serving import BANDWIDTHS
from lecture21.cli._options import Changes, parse_changes
from lecture21.gpt.config import GPTConfig

_CONTEXT = 4096  # tokens of context for a published model
_PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_Row = tuple[str, str, str]  # label, number, note
_Tables = dict[str, list[_Row]]  # by their titles


def short(number: int | float, unit: str) -> str:
    """Format a number with three digits and a decimal prefix, for example 349 GB."""
    size, prefix = next(((size, prefix) for size, prefix in _PREFIXES if number >= size), (1, ""))
    return f"{float(f'{number / size:.3g}'):,g} {prefix}{unit}"


def _bytes_row(name: str, number: int | float, note: str = "") -> _Row:
    return name, f"{number:,.0f}", f"{short(number, 'B')}{note}"


def _parameter_rows(total: int, parts: dict[str, int], notes: dict[str, str], tied_head: bool) -> list[_Row]:
    """Return the number and the share of each part."""
    rows = {part: (part, f"{n:,}", f"{n / total:.1%}{notes.get(part, '')}") for part, n in parts.items()}
    if tied_head:
        rows["head"] = ("head", "0", "is the table of tokens")
    return list(rows.values())


def _preset_parameters(config: GPTConfig) -> list[_Row]:
    counts = accounting.parameters(config)
    parts = {
        "table of tokens": counts.embeddings,
        "table of positions": counts.positions,
        "attention": counts.attention,
        "feed-forward": counts.feed_forward + counts.experts,
        "routers": counts.routers,
        "norms": counts.norms,
        "head": counts.head,
        "all": counts.total,
        "without tables and head": counts.non_embedding,
        "active": counts.active,
        "active, without table of tokens": counts.active_without_embedding,
    }
    if config.moe is None:
        for part in ("routers", "active", "active, without table of tokens"):
            del parts[part]
    return _parameter_rows(counts.total, parts, {}, config.tied_head)


def _published_parameters(shape: Published) -> list[_Row]:
    """Return the parameters by part, with biases and sinks beside the norms, and the printed numbers as notes."""
    counts = accounting.parameters(shape)
    matrices = {
        "table of tokens": counts.embeddings,
        "positions": counts.positions,
        "attention": shape.n_attention * shape.attention.weights(shape.d_model),
        "dense layers, shared experts": counts.feed_forward,
        "routers": shape.n_sparse * shape.n_expert * shape.d_model,
        "routed experts": counts.experts,
    }
    parts = matrices | {
        "norms, biases": counts.total - sum(matrices.values()) - counts.head,
        "head": counts.head,
        "all": counts.total,
        "active": counts.active,
        "active, without table of tokens": counts.active_without_embedding,
    }
    for part in ("positions", "dense layers, shared experts"):
        if not parts[part]:
            del parts[part]
    notes = {"all": f"; printed: {shape.printed_total}"}
    if "with" in shape.conventions:
        notes["active"] = f"; printed: {shape.printed_active}"
    if "without" in shape.conventions:
        notes["active, without table of tokens"] = f"; printed: {shape.printed_active}"
    if not shape.conventions and shape.printed_active is not None:
        notes["active"] = f"; printed: {shape.printed_active}, which is not this one rounded"
    return _parameter_rows(counts.total, parts, notes, shape.tied_head)


def _flops_rows(flops: Flops, parameters: int, unit: str) -> list[_Row]:
    numbers = {
        "forward, weights": flops.linear,
        "forward, attention": flops.attention,
        "forward": flops.forward,
        "backward": flops.backward,
    }
    rows = [(name, f"{number:,}", short(number, "FLOP")) for name, number in numbers.items()]
    return [*rows, ("training", f"{flops.training:,}", f"{flops.training / parameters:.2f} for each {unit}")]


def _memory_title(batch: int, context: int) -> str:
    return f"Memory in bytes, {batch:,} sequence{'s' if batch > 1 else ''} of {context:,} tokens"


def _preset_tables(config: GPTConfig, context: int, batch: int, dtype: str) -> _Tables:
    unit = "parameter" if config.moe is None else "active parameter"
    active = accounting.parameters(config).active
    tables = {
        "Parameters": _preset_parameters(config),
        f"FLOPs of one token, {context:,} tokens of context": _flops_rows(
            accounting.flops_per_token(config, context), active, unit
        ),
    }
    if config.window is not None and config.window < context:
        # A sequence that is processed at once multiplies more keys than its tokens one by one.
        tables[f"FLOPs of {context:,} tokens read at once"] = _flops_rows(
            accounting.sequence_flops(config, context), context * active, f"token and {unit}"
        )
    tables[_memory_title(batch, context)] = [
        _bytes_row(f"weights, {dtype}", accounting.weight_bytes(config, dtype)),
        _bytes_row("weights, gradients, Adam", accounting.training_bytes(config)),
        _bytes_row(f"activations, {dtype}", accounting.activation_bytes(config, context, batch, dtype)),
        _bytes_row(f"key/value cache, {dtype}", accounting.kv_cache_bytes(config, context, batch, dtype)),
    ]
    return tables


def _published_tables(shape: Published, context: int, batch: int, dtype: str, devices: int | None) -> _Tables:
    flops = accounting.flops_per_token(shape, context)
    token = "one token read and one written" if shape.n_encoder_layer else "one token"
    weights = accounting.weight_bytes(shape, dtype)
    cached = "bf16" if dtype == "mxfp4" else dtype
    memory = [_bytes_row(f"weights, {dtype}", weights)]
    if devices is not None:
        require_whole("devices", devices)
        memory.append(_bytes_row(f"on each of {devices:,} devices", weights / devices))
    memory += [
        _bytes_row(f"key/value cache of one token, {cached}", accounting.kv_cache_bytes(shape, 1, 1, cached)),
        _bytes_row("key/value cache", accounting.kv_cache_bytes(shape, context, batch, cached)),
    ]
    return {
        "Parameters": _published_parameters(shape),
        f"FLOPs of {token}, {context:,} tokens of context": _flops_rows(
            flops, accounting.parameters(shape).active, "active parameter"
        ),
        _memory_title(batch, context): memory,
    }


def _serving_tables(shape: Shape, device: str, batch: int, dtype: str, devices: int | None) -> _Tables:
    """Return what one decoding step activates, reads and sends, and the limits of the device."""
    require_choice("device", device, BANDWIDTHS)
    distinct = accounting.distinct_experts(shape.n_expert, shape.top_k, batch)
    read = accounting.weights_read(shape, batch, dtype)
    sent = accounting.all_to_all_bytes(shape, n_devices=devices)
    where = "all experts elsewhere" if devices is None else f"experts on {devices:,} devices"
    decoding = [
        ("experts touched in a layer", f"{distinct:,.1f}", f"of {shape.n_expert:,}, if tokens choose uniformly"),
        _bytes_row(f"weights read, {dtype}", read, f", {read / accounting.weight_bytes(shape, dtype):.1%} of all"),
        (
            "FLOPs for each byte of experts",
            f"{accounting.arithmetic_intensity(batch, dtype, model=shape):,.2f}",
            f"a dense layer: {accounting.arithmetic_intensity(batch, dtype):,.2f}",
        ),
        _bytes_row("all-to-all of a token in a layer, bf16", sent, f", {where}"),
        _bytes_row("all-to-all of a token, bf16", sent * shape.n_sparse, f" in {shape.n_sparse} layers"),
    ]
    ridge, ridge_batch = accounting.ridge_point(device), accounting.ridge_batch(shape, device, dtype)
    speed = accounting.tokens_per_second(shape, device, batch, dtype)
    times = f"{shape.n_expert / shape.top_k:g} x a dense layer's"
    roofline = [
        ("FLOPs for each byte at the ridge", f"{ridge:,.0f}", "below it memory is what limits"),
        ("batch at the ridge, routed experts", f"{ridge_batch:,}", times),
        ("tokens in a second, at most", f"{speed:,.0f}", "weights alone, wherever they fit"),
    ]
    speeds = short(accounting.DEVICES[device], "FLOP/s"), short(BANDWIDTHS[device], "B/s")
    return {
        f"Decoding, {batch:,} token{'s' if batch > 1 else ''} in a step": decoding,
        f"On one {device}, {' and '.join(speeds)}": roofline,
    }


def _training_rows(
    model: GPTConfig | Published, context: int, tokens: int, device: str | None, devices: int, utilization: float
) -> list[_Row]:
    """Return the FLOPs of a training run, by the usual estimate and exactly, and the days that it takes."""
    if isinstance(model, GPTConfig):  # it may have a window, which costs more than its tokens one by one
        exact = accounting.sequence_flops(model, context).training * tokens // context
    else:
        exact = accounting.flops_per_token(model, context).training * tokens
    numbers = {"6 N D": accounting.training_flops(model, tokens), "with attention, exactly": exact}
    if device is None:
        return [(name, f"{number:.4g}", short(number, "FLOP")) for name, number in numbers.items()]
    rows = []
    for name, number in numbers.items():
        days = accounting.training_days(number, device, devices, utilization)
        rows.append((name, f"{number:.4g}", f"{days:.3g} days"))
    peak = short(accounting.DEVICES[device], "FLOP/s")
    return [*rows, ("days on", f"{devices:,} x {device}", f"at {utilization:.1%} of {peak} each")]


def _preset_title(name: str, config: GPTConfig) -> str:
    size = f"{config.n_layer} layers, width {config.d_model:,}, {config.n_head} heads of width {config.d_head}"
    return f"{name}: {size}, feed-forward {config.d_ff:,}, vocabulary {config.vocab_size:,}"


def _published_title(name: str, shape: Published) -> str:
    attention = shape.attention
    if isinstance(attention, Latent):
        heads = f"{attention.n_head} heads on latents of width {attention.q_rank:,} and {attention.kv_rank}"
    else:
        heads = f"{attention.n_head} query and {attention.n_kv_head} key heads of width {attention.d_head}"
    stacks = f"{shape.n_encoder_layer} + {shape.n_layer}" if shape.n_encoder_layer else f"{shape.n_layer}"
    shared = f" and {shape.n_shared} shared" if shape.n_shared else ""
    experts = f"{shape.n_expert:,} experts{shared} of width {shape.d_expert:,} in {shape.n_sparse} of them"
    sizes = f"{stacks} layers, {experts}, {shape.top_k} for each token, width {shape.d_model:,}, {heads}"
    return f"{name}: {sizes}, vocabulary {shape.vocab_size:,}"


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
        typer.Option(help="Tokens of context.", show_default=f"the block size; {_CONTEXT} for published models"),
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
    if tokens is not None and not math.isfinite(tokens):
        raise ValueError(f"tokens must be a finite number, got {tokens}")
    if tokens is not None and tokens < 1:
        raise ValueError(f"tokens must be >= 1, got {tokens:g}")
    if name in published.names():
        if changes:
            raise ValueError(f"--set {changes[0]} changes a preset, and {name} is a published model of fixed sizes")
        model, context = published.get(name), _CONTEXT if context is None else context
        title, tables = _published_title(name, model), _published_tables(model, context, batch, dtype, devices)
    elif name in presets.names():
        model = presets.get(name, **parse_changes(changes))
        context = model.block_size if context is None else context
        title, tables = _preset_title(name, model), _preset_tables(model, context, batch, dtype)
    else:
        others = f"a published model: {', '.join(published.names())}"
        raise ValueError(f"unknown preset {name!r}; choose from {', '.join(presets.names())}; or {others}")

    shape = Shape.of(model)
    if shape.n_sparse:
        tables |= _serving_tables(shape, device or "H100", batch, dtype, devices)
    elif device is not None and tokens is None:
        raise ValueError(f"--device {device} needs --tokens, the number of training tokens")
    if tokens is not None:
        rows = _training_rows(model, context, int(tokens), device, 8 if devices is None else devices, utilization)
        tables[f"Training on {tokens:,.0f} tokens"] = rows
    typer.echo(title)
    left, middle = (max(len(row[i]) for rows in tables.values() for row in rows) for i in (0, 1))
    for heading, rows in tables.items():
        typer.echo(f"\n{heading}")
        for label, number, note in rows:
            typer.echo(f"  {label:{left}}  {number:>{middle}}  {note}")
