"""Mixture-of-experts models that others have published: their shapes as data, and what they print about their size.

A shape comes from the paper, or from the configuration that was released with the weights. A token's share of the
weights ("active parameters") is printed under different conventions, with the input embedding or without it; which
one reproduces a printed number is computed (`reproduced_by`), not believed.
"""

import math
from dataclasses import dataclass

from lecture21.accounting.shapes import Grouped, Latent, Shape
from lecture21.accounting.weights import weights


@dataclass(frozen=True)
class Published:
    """A published model: its shape, and the sizes that its authors print."""

    shape: Shape
    """What is counted."""
    total: str
    """Number of parameters as printed, such as 46.7B."""
    active: str | None
    """Number of active parameters as printed; None where none is."""
    source: str
    """Keys of the bibliography."""
    exact: bool = True
    """Whether the shape gives every parameter; False where the paper leaves small ones open."""


def _switch(n_layer: int, **sizes: object) -> Shape:
    return Shape(
        vocab_size=32128, n_layer=n_layer, n_encoder_layer=n_layer, top_k=1, gated=False, relative_buckets=32,
        tied_head=True, **sizes,
    )  # fmt: skip


def _qwen3(d_model: int, n_layer: int, n_head: int, d_expert: int) -> Shape:
    attention = Grouped(n_head, n_kv_head=4, d_head=128, qk_norm=True)
    return Shape(151936, d_model, n_layer, attention, n_expert=128, top_k=8, d_expert=d_expert)


def _gpt_oss(n_layer: int, n_expert: int) -> Shape:
    attention = Grouped(64, n_kv_head=8, d_head=64, qkv_bias=True, bias=True, sinks=True, window=128, window_every=2)
    return Shape(
        201088, 2880, n_layer, attention, n_expert=n_expert, top_k=4, d_expert=2880, bias=True, router_bias=True
    )


_LATENT = Latent(128, q_rank=1536, kv_rank=512, d_plain=128, d_rotary=64, d_value=128)

PUBLISHED: dict[str, Published] = {
    # The released configuration. Every second layer is sparse; T5's tied table, norms and relative positions stay.
    "switch-base-128": Published(
        _switch(12, d_model=768, attention=Grouped(12, 12, 64), n_expert=128, d_expert=3072, d_ff=3072, sparse_every=2),
        total="7B", active=None, source="fedus2022",
    ),
    # Fedus et al. 2022, table 9: every layer is sparse. (The configuration on the hub says 30 heads and 12 decoder
    # blocks, which the printed 1571 B parameters do not bear out.)
    "switch-c": Published(
        _switch(15, d_model=2080, attention=Grouped(32, 32, 64), n_expert=2048, d_expert=6144),
        total="1571B", active=None, source="fedus2022",
    ),
    # Du et al. 2022, section 4 and table 4. Every second layer is sparse; only the dense ones have a gate. The paper
    # leaves the size of its relative positions open, so they are left out.
    "glam-64b-64e": Published(
        Shape(
            256000, 8192, 64, Grouped(128, 128, 128), n_expert=64, top_k=2, d_expert=32768, d_ff=32768, sparse_every=2,
            gated=False, gated_dense=True, tied_head=True,
        ),
        total="1.2T", active="96.6B", source="du2022", exact=False,
    ),
    # Jiang et al. 2024, table 1.
    "mixtral-8x7b": Published(
        Shape(32000, 4096, 32, Grouped(32, 8, 128), n_expert=8, top_k=2, d_expert=14336),
        total="46.7B", active="12.9B", source="jiang2024,mistral2023",
    ),
    # The released configuration of the instructed model; the base's table has 32,000 rows.
    "mixtral-8x22b": Published(
        Shape(32768, 6144, 56, Grouped(48, 8, 128), n_expert=8, top_k=2, d_expert=16384),
        total="141B", active="39B", source="mistral2024",
    ),
    # DeepSeek-AI 2024, section 3.1.2.
    "deepseek-v2": Published(
        Shape(
            102400, 5120, 60, _LATENT, n_expert=160, top_k=6, d_expert=1536, n_shared=2, d_ff=12288, first_dense=1
        ),
        total="236B", active="21B", source="deepseek2024v2",
    ),
    # DeepSeek-AI 2024, section 4.2, without the module that predicts a second token.
    "deepseek-v3": Published(
        Shape(
            129280, 7168, 61, _LATENT, n_expert=256, top_k=8, d_expert=2048, n_shared=1, d_ff=18432, first_dense=3
        ),
        total="671B", active="37B", source="deepseek2024v3",
    ),
    # Yang et al. 2025, table 2, and the released configurations.
    "qwen3-30b-a3b": Published(_qwen3(2048, 48, 32, 768), total="30.5B", active="3.3B", source="yang2025,qwen2025"),
    "qwen3-235b-a22b": Published(_qwen3(4096, 94, 64, 1536), total="235B", active="22B", source="yang2025,qwen2025"),
    # OpenAI 2025, table 1, and the released configurations.
    "gpt-oss-20b": Published(_gpt_oss(24, 32), total="20.91B", active="3.61B", source="openai2025oss"),
    "gpt-oss-120b": Published(_gpt_oss(36, 128), total="116.83B", active="5.13B", source="openai2025oss"),
}  # fmt: skip


def names() -> tuple[str, ...]:
    """Return the names that `get` knows."""
    return tuple(PUBLISHED)


def get(name: str) -> Shape:
    """Return the shape of a published model.

    Raises:
        ValueError: if the name is unknown.
    """
    if name not in PUBLISHED:
        raise ValueError(f"unknown model {name!r}; choose from {', '.join(names())}")
    return PUBLISHED[name].shape


def rounds_to(number: int | float, printed: str) -> bool:
    """Return whether a number, rounded to as many digits as a printed one such as 12.9B has, is that one."""
    digits = len(printed[:-1].partition(".")[2])
    return math.isclose(round(number / {"B": 1e9, "T": 1e12}[printed[-1]], digits), float(printed[:-1]))


def reproduced_by(name: str) -> tuple[str, ...]:
    """Return which conventions give the printed number of active parameters: with and without the input embedding.

    Both where rounding hides the difference, and none where the printed number was not rounded but cut, or where
    nothing is printed.

    Raises:
        ValueError: if the name is unknown.
    """
    counts, printed = weights(get(name)), PUBLISHED[name].active
    conventions = {"with": counts.active, "without": counts.active_without_embedding}
    return tuple(word for word, number in conventions.items() if printed is not None and rounds_to(number, printed))
