"""What a model costs as tables of text, which `lecture21 count` prints."""

from lecture21._support.validation import WHOLE, require
from lecture21.accounting import flops, memory, serving
from lecture21.accounting.counting import parameters
from lecture21.accounting.flops import DEVICES, Flops
from lecture21.accounting.published import Published
from lecture21.accounting.serving import BANDWIDTHS
from lecture21.accounting.shapes import Latent, Shape
from lecture21.gpt.config import GPTConfig

CONTEXT = 4096
"""Tokens of context of a published model, where none are given."""
_PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


Row = tuple[str, str, str]
"""A line of a table: label, number and note."""
Tables = dict[str, list[Row]]
"""Tables by their titles."""


def short(number: int | float, unit: str) -> str:
    """Format a number with three digits and a decimal prefix, for example 349 GB."""
    size, prefix = next(((size, prefix) for size, prefix in _PREFIXES if number >= size), (1, ""))
    return f"{float(f'{number / size:.3g}'):,g} {prefix}{unit}"


def title(name: str, model: GPTConfig | Published) -> str:
    """Return the sizes of a model in one line."""
    if isinstance(model, GPTConfig):
        size = f"{model.n_layer} layers, width {model.d_model:,}, {model.n_head} heads of width {model.d_head}"
        return f"{name}: {size}, feed-forward {model.d_ff:,}, vocabulary {model.vocab_size:,}"
    attention = model.attention
    if isinstance(attention, Latent):
        heads = f"{attention.n_head} heads on latents of width {attention.q_rank:,} and {attention.kv_rank}"
    else:
        heads = f"{attention.n_head} query and {attention.n_kv_head} key heads of width {attention.d_head}"
    stacks = f"{model.n_encoder_layer} + {model.n_layer}" if model.n_encoder_layer else f"{model.n_layer}"
    shared = f" and {model.n_shared} shared" if model.n_shared else ""
    experts = f"{model.n_expert:,} experts{shared} of width {model.d_expert:,} in {model.n_sparse} of them"
    sizes = f"{stacks} layers, {experts}, {model.top_k} for each token, width {model.d_model:,}, {heads}"
    return f"{name}: {sizes}, vocabulary {model.vocab_size:,}"


def cost_tables(
    model: GPTConfig | Published, context: int | None, batch: int, dtype: str, n_devices: int | None
) -> Tables:
    """Return the parameters by part, the FLOPs of one token, and the memory.

    Args:
        model: the configuration of a GPT, or a published model.
        context: tokens of context; the block size of a GPT, and `CONTEXT` of a published model, if None.
        batch: number of sequences.
        dtype: of what is in memory.
        n_devices: number of devices that share the weights of a published model.
    """
    context = _context(model, context)
    shape, active = Shape.of(model), parameters(model).active
    unit = "active parameter" if shape.n_sparse else "parameter"
    token = "one token read and one written" if shape.n_encoder_layer else "one token"
    one = flops.flops_per_token(model, context)
    tables = {
        "Parameters": _part_rows(model),
        f"FLOPs of {token}, {context:,} tokens of context": _flops_rows(one, active, unit),
    }
    if isinstance(model, GPTConfig) and model.window is not None and model.window < context:
        # A sequence that is processed at once multiplies more keys than its tokens one by one.
        whole = _flops_rows(flops.sequence_flops(model, context), context * active, f"token and {unit}")
        tables[f"FLOPs of {context:,} tokens read at once"] = whole
    sequences = f"{batch:,} sequence{'s' if batch > 1 else ''}"
    needed = _memory_rows(model, context, batch, dtype, n_devices)
    return tables | {f"Memory in bytes, {sequences} of {context:,} tokens": needed}


def serving_tables(model: GPTConfig | Published, device: str, batch: int, dtype: str, n_devices: int | None) -> Tables:
    """Return what one decoding step of a mixture activates, reads and sends, and the limits of a device.

    Args:
        model: a model with experts.
        device: a key of `DEVICES`.
        batch: number of sequences.
        dtype: of the weights.
        n_devices: number of devices that share the experts; every expert is elsewhere if None.
    """
    shape = Shape.of(model)
    n, k, layers = shape.n_expert, shape.top_k, shape.n_sparse
    distinct, read = serving.distinct_experts(n, k, batch), serving.weights_read(shape, batch, dtype)
    sent, ridge = serving.all_to_all_bytes(shape, n_devices=n_devices), serving.ridge_point(device)
    intensity = serving.arithmetic_intensity(batch, dtype, model=shape)
    dense = f"a dense layer: {serving.arithmetic_intensity(batch, dtype):,.2f}"
    where = "all experts elsewhere" if n_devices is None else f"experts on {n_devices:,} devices"
    batch_at_ridge = serving.ridge_batch(shape, device, dtype)
    speed = serving.tokens_per_second(shape, device, batch, dtype)
    decoding = [
        ("experts touched in a layer", f"{distinct:,.1f}", f"of {n:,}, if tokens choose uniformly"),
        _bytes_row(f"weights read, {dtype}", read, f", {read / memory.weight_bytes(shape, dtype):.1%} of all"),
        ("FLOPs for each byte of experts", f"{intensity:,.2f}", dense),
        _bytes_row("all-to-all of a token in a layer, bf16", sent, f", {where}"),
        _bytes_row("all-to-all of a token, bf16", sent * layers, f" in {layers} layers"),
    ]
    roofline = [
        ("FLOPs for each byte at the ridge", f"{ridge:,.0f}", "below it memory is what limits"),
        ("batch at the ridge, routed experts", f"{batch_at_ridge:,}", f"{n / k:g} x a dense layer's"),
        ("tokens in a second, at most", f"{speed:,.0f}", "weights alone, wherever they fit"),
    ]
    limits = f"{short(DEVICES[device], 'FLOP/s')} and {short(BANDWIDTHS[device], 'B/s')}"
    step = f"{batch:,} token{'s' if batch > 1 else ''} in a step"
    return {f"Decoding, {step}": decoding, f"On one {device}, {limits}": roofline}


def training_table(
    model: GPTConfig | Published,
    tokens: int,
    context: int | None,
    device: str | None,
    n_devices: int,
    utilization: float,
) -> Tables:
    """Return the FLOPs of a training run, by the usual estimate and exactly, and the days that it takes on a device."""
    context = _context(model, context)
    if isinstance(model, GPTConfig):  # it may have a window, which costs more than its tokens one by one
        exact = flops.sequence_flops(model, context).training * tokens // context
    else:
        exact = flops.flops_per_token(model, context).training * tokens
    rows = []
    for name, number in (("6 N D", flops.training_flops(model, tokens)), ("with attention, exactly", exact)):
        if device is None:
            note = short(number, "FLOP")
        else:
            note = f"{flops.training_days(number, device, n_devices, utilization):.3g} days"
        rows.append((name, f"{number:.4g}", note))
    if device is not None:
        reached = f"at {utilization:.1%} of {short(DEVICES[device], 'FLOP/s')} each"
        rows.append(("days on", f"{n_devices:,} x {device}", reached))
    return {f"Training on {tokens:,.0f} tokens": rows}


def _context(model: GPTConfig | Published, context: int | None) -> int:
    if context is not None:
        return context
    return model.block_size if isinstance(model, GPTConfig) else CONTEXT


def _bytes_row(name: str, number: int | float, note: str = "") -> Row:
    return (name, f"{number:,.0f}", f"{short(number, 'B')}{note}")


def _part_rows(model: GPTConfig | Published) -> list[Row]:
    """Return the number and the share of each part; of a published model with the numbers that its authors print."""
    counts, notes = parameters(model), {}
    if isinstance(model, GPTConfig):
        mixture = model.moe is not None
        parts = {
            "table of tokens": counts.embeddings,
            "table of positions": counts.positions,
            "attention": counts.attention,
            "feed-forward": counts.feed_forward + counts.experts,
            **({"routers": counts.routers} if mixture else {}),
            "norms": counts.norms,
        }
    else:
        mixture = True
        parts = {
            "table of tokens": counts.embeddings,
            "positions": counts.positions,
            "attention": model.n_attention * model.attention.weights(model.d_model),
            "dense layers, shared experts": counts.feed_forward,
            "routers": model.n_sparse * model.n_expert * model.d_model,
            "routed experts": counts.experts,
        }
        parts["norms, biases"] = counts.total - sum(parts.values()) - counts.head  # sinks, too
        parts = {part: n for part, n in parts.items() if n or part not in ("positions", "dense layers, shared experts")}
        notes = {"all": f"; printed: {model.printed_total}"}
        for part, convention in (("active", "with"), ("active, without table of tokens", "without")):
            if convention in model.conventions:
                notes[part] = f"; printed: {model.printed_active}"
        if not model.conventions and model.printed_active is not None:
            notes["active"] = f"; printed: {model.printed_active}, which is not this one rounded"
    parts |= {"head": counts.head, "all": counts.total}
    if isinstance(model, GPTConfig):
        parts["without tables and head"] = counts.non_embedding
    if mixture:
        parts |= {"active": counts.active, "active, without table of tokens": counts.active_without_embedding}
    rows = {part: (part, f"{n:,}", f"{n / counts.total:.1%}{notes.get(part, '')}") for part, n in parts.items()}
    if model.tied_head:
        rows["head"] = ("head", "0", "is the table of tokens")
    return list(rows.values())


def _flops_rows(count: Flops, n: int, unit: str) -> list[Row]:
    numbers = {
        "forward, weights": count.linear,
        "forward, attention": count.attention,
        "forward": count.forward,
        "backward": count.backward,
    }
    rows = [(name, f"{number:,}", short(number, "FLOP")) for name, number in numbers.items()]
    return [*rows, ("training", f"{count.training:,}", f"{count.training / n:.2f} for each {unit}")]


def _memory_rows(
    model: GPTConfig | Published, context: int, batch: int, dtype: str, n_devices: int | None
) -> list[Row]:
    weights = memory.weight_bytes(model, dtype)
    rows = [_bytes_row(f"weights, {dtype}", weights)]
    if isinstance(model, GPTConfig):
        return [
            *rows,
            _bytes_row("weights, gradients, Adam", memory.training_bytes(model)),
            _bytes_row(f"activations, {dtype}", memory.activation_bytes(model, context, batch, dtype)),
            _bytes_row(f"key/value cache, {dtype}", memory.kv_cache_bytes(model, context, batch, dtype)),
        ]
    if n_devices is not None:
        require("devices", n_devices, WHOLE)
        rows.append(_bytes_row(f"on each of {n_devices:,} devices", weights / n_devices))
    cached = "bf16" if dtype == "mxfp4" else dtype
    one, cache = memory.kv_cache_bytes(model, 1, 1, cached), memory.kv_cache_bytes(model, context, batch, cached)
    return [*rows, _bytes_row(f"key/value cache of one token, {cached}", one), _bytes_row("key/value cache", cache)]
