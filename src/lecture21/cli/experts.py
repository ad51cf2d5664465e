"""What `lecture21 count` prints of a model with experts: of a published one, and of a preset that has some."""

from lecture21 import accounting
from lecture21._support.validation import require_choice, require_whole
from lecture21.accounting import BITS, Latent, Shape, published
from lecture21.config import GPTConfig

Row = tuple[str, str, str]
PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(number: int | float, unit: str) -> str:
    """Write a number in three digits with a decimal prefix: 349 GB."""
    size, prefix = next(((size, prefix) for size, prefix in PREFIXES if number >= size), (1, ""))
    return f"{float(f'{number / size:.3g}'):,g} {prefix}{unit}"


def in_bytes(name: str, number: int | float, note: str = "") -> Row:
    """Return a row of bytes: whole, and short."""
    return name, f"{number:,.0f}", f"{short(number, 'B')}{note}"


def describe(name: str) -> str:
    """Return a published model's sizes in one line."""
    shape = published.get(name)
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


def published_parameter_rows(name: str) -> list[Row]:
    """Return the parameters by part, and both ways to say how many are active beside what is printed."""
    counts, printed = accounting.weights(published.get(name)), published.PUBLISHED[name]
    parts = {
        "table of tokens": counts.embeddings,
        "positions": counts.positions,
        "attention": counts.attention,
        "dense layers, shared experts": counts.dense,
        "routers": counts.routers,
        "routed experts": counts.experts,
        "norms, biases": counts.vectors,
        "head": counts.head,
        "all": counts.total,
        "active": counts.active,
        "active, without table of tokens": counts.active_without_embedding,
    }
    notes = {"all": f"; printed: {printed.total}"}
    if fits := published.reproduced_by(name):
        rows = {"with": "active", "without": "active, without table of tokens"}
        notes |= {rows[word]: f"; printed: {printed.active}" for word in fits}
    elif printed.active is not None:
        notes["active"] = f"; printed: {printed.active}, which is not this one rounded"
    optional = ("positions", "dense layers, shared experts")
    rows = [
        (part, f"{number:,}", f"{number / counts.total:.1%}{notes.get(part, '')}")
        for part, number in parts.items()
        if number or part not in optional
    ]
    if published.get(name).tied_head:
        rows = [(part, "0", "is the table of tokens") if part == "head" else (part, *row) for part, *row in rows]
    return rows


def published_memory_rows(name: str, context: int, batch: int, dtype: str, devices: int | None) -> list[Row]:
    """Return the bytes of weights and cache; raises ValueError naming what does not fit."""
    if devices is not None:
        require_whole("devices", devices)
    shape = published.get(name)
    weights = accounting.weight_memory(shape, dtype)
    cached = dtype if dtype in BITS else "bf16"
    rows = [in_bytes(f"weights, {dtype}", weights)]
    if devices is not None:
        rows.append(in_bytes(f"on each of {devices:,} devices", weights / devices))
    return [
        *rows,
        in_bytes(f"key/value cache of one token, {cached}", accounting.cache_memory(shape, 1, 1, cached)),
        in_bytes("key/value cache", accounting.cache_memory(shape, context, batch, cached)),
    ]


def serving_rows(model: Shape | GPTConfig, batch: int, dtype: str, devices: int | None) -> list[Row]:
    """Return what one decode step touches, reads and sends."""
    shape = accounting.shape_of(model)
    touched = accounting.distinct_experts(shape.n_expert, shape.top_k, batch)
    read = accounting.weights_read(shape, batch, dtype)
    sent = accounting.all_to_all_bytes(shape, n_devices=devices)
    where = "all experts elsewhere" if devices is None else f"experts on {devices:,} devices"
    return [
        ("experts touched in a layer", f"{touched:,.1f}", f"of {shape.n_expert:,}, if tokens choose uniformly"),
        in_bytes(f"weights read, {dtype}", read, f", {read / accounting.weight_memory(shape, dtype):.1%} of all"),
        (
            "FLOPs for each byte of experts",
            f"{accounting.routed_intensity(shape, batch, dtype):,.2f}",
            f"a dense layer: {accounting.dense_intensity(batch, dtype):,.2f}",
        ),
        in_bytes("all-to-all of a token in a layer, bf16", sent, f", {where}"),
        in_bytes("all-to-all of a token, bf16", sent * shape.n_sparse, f" in {shape.n_sparse} layers"),
    ]


def roofline_rows(model: Shape | GPTConfig, device: str, batch: int, dtype: str) -> list[Row]:
    """Return where reading and computing take as long as each other, and how many tokens that allows."""
    shape = accounting.shape_of(model)
    at_peak = accounting.ridge_batch(shape, device, dtype)
    return [
        ("FLOPs for each byte at the ridge", f"{accounting.ridge(device):,.0f}", "below it memory is what limits"),
        ("batch at the ridge, routed experts", f"{at_peak:,}", f"{shape.n_expert / shape.top_k:g} x a dense layer's"),
        (
            "tokens in a second, at most",
            f"{accounting.tokens_per_second(shape, device, batch, dtype):,.0f}",
            "weights alone, wherever they fit",
        ),
    ]


def serving_tables(
    model: Shape | GPTConfig, device: str, batch: int, dtype: str, devices: int | None
) -> dict[str, list[Row]]:
    """Return the two tables of serving, by their titles; raises ValueError naming what does not fit."""
    require_choice("device", device, accounting.BANDWIDTHS)
    tokens = f"{batch:,} token{'s' if batch > 1 else ''}"
    speeds = short(accounting.DEVICES[device], "FLOP/s"), short(accounting.BANDWIDTHS[device], "B/s")
    return {
        f"Decoding, {tokens} in a step": serving_rows(model, batch, dtype, devices),
        f"On one {device}, {' and '.join(speeds)}": roofline_rows(model, device, batch, dtype),
    }
