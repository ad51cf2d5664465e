"""Published mixture-of-experts models: their sizes, and the parameter counts that their authors print.

Sizes come from the paper, or from the configuration released with the weights. "Active parameters" are printed under
two conventions, with or without the token embedding; their `conventions` names the one that gives a printed number.
"""

import math
from dataclasses import dataclass

from lecture21._support.contract import checked
from lecture21.accounting.counting import parameters
from lecture21.accounting.shapes import Grouped, Latent, Shape


@checked
@dataclass(frozen=True, kw_only=True)
class Published(Shape):
    """The sizes of a published model, and the parameter counts that its authors print."""

    printed_total: str
    """Total number of parameters as printed, such as 46.7B."""
    printed_active: str | None
    """Number of active parameters as printed; None if there is none."""
    source: str
    """Keys of the bibliography."""
    exact: bool = True
    """Whether the sizes determine every parameter; False if the paper leaves small parts open."""

    @property
    def conventions(self) -> tuple[str, ...]:
        """The conventions, "with" and "without" the token embedding, that give the printed number of active parameters.

        Both if rounding hides the difference; none if the printed number was truncated, or if there is none.
        """
        counts, printed = parameters(self), self.printed_active
        numbers = {"with": counts.active, "without": counts.active_without_embedding}
        return tuple(name for name, number in numbers.items() if printed is not None and _rounds_to(number, printed))


def _switch(n_layer: int, d_model: int, attention: Grouped, total: str, **sizes: int) -> Published:
    return Published(
        32128, d_model, n_layer, attention, n_encoder_layer=n_layer, top_k=1, gated=False, relative_buckets=32,
        tied_head=True, **sizes, printed_total=total, printed_active=None, source="fedus2022",
    )  # fmt: skip


def _qwen3(d_model: int, n_layer: int, n_head: int, d_expert: int, total: str, active: str) -> Published:
    attention = Grouped(n_head, n_kv_head=4, d_head=128, qk_norm=True)
    return Published(
        151936, d_model, n_layer, attention, n_expert=128, top_k=8, d_expert=d_expert,
        printed_total=total, printed_active=active, source="yang2025,qwen2025",
    )  # fmt: skip


def _gpt_oss(n_layer: int, n_expert: int, total: str, active: str) -> Published:
    attention = Grouped(64, n_kv_head=8, d_head=64, qkv_bias=True, bias=True, sinks=True, window=128, window_every=2)
    return Published(
        201088, 2880, n_layer, attention, n_expert=n_expert, top_k=4, d_expert=2880, bias=True, router_bias=True,
        printed_total=total, printed_active=active, source="openai2025oss",
    )  # fmt: skip


_LATENT = Latent(128, q_rank=1536, kv_rank=512, d_plain=128, d_rotary=64, d_value=128)

_MODELS: dict[str, Published] = {
    # The released configuration: every second layer is sparse, with T5's tied embedding, norms and relative positions.
    "switch-base-128": _switch(
        12, 768, Grouped(12, 12, 64), "7B", n_expert=128, d_expert=3072, d_ff=3072, sparse_every=2
    ),
    # Fedus et al. 2022, table 9: every layer is sparse. (The configuration on the hub has 30 heads and 12 decoder
    # blocks, which is inconsistent with the printed 1571 B parameters.)
    "switch-c": _switch(15, 2080, Grouped(32, 32, 64), "1571B", n_expert=2048, d_expert=6144),
    # Du et al. 2022, section 4 and table 4. Every second layer is sparse; only the dense layers have a gate. The paper
    # does not state the size of its relative positions, so they are not counted.
    "glam-64b-64e": Published(
        256000, 8192, 64, Grouped(128, 128, 128), n_expert=64, top_k=2, d_expert=32768, d_ff=32768, sparse_every=2,
        gated=False, gated_dense=True, tied_head=True,
        printed_total="1.2T", printed_active="96.6B", source="du2022", exact=False,
    ),
    # Jiang et al. 2024, table 1.
    "mixtral-8x7b": Published(
        32000, 4096, 32, Grouped(32, 8, 128), n_expert=8, top_k=2, d_expert=14336,
        printed_total="46.7B", printed_active="12.9B", source="jiang2024,mistral2023",
    ),
    # The released configuration of the instructed model; the base model has 32,000 tokens.
    "mixtral-8x22b": Published(
        32768, 6144, 56, Grouped(48, 8, 128), n_expert=8, top_k=2, d_expert=16384,
        printed_total="141B", printed_active="39B", source="mistral2024",
    ),
    # DeepSeek-AI 2024, section 3.1.2.
    "deepseek-v2": Published(
        102400, 5120, 60, _LATENT, n_expert=160, top_k=6, d_expert=1536, n_shared=2, d_ff=12288, first_dense=1,
        printed_total="236B", printed_active="21B", source="deepseek2024v2",
    ),
    # DeepSeek-AI 2024, section 4.2, without the module that predicts a second token.
    "deepseek-v3": Published(
        129280, 7168, 61, _LATENT, n_expert=256, top_k=8, d_expert=2048, n_shared=1, d_ff=18432, first_dense=3,
        printed_total="671B", printed_active="37B", source="deepseek2024v3",
    ),
    # Yang et al. 2025, table 2, and the released configurations.
    "qwen3-30b-a3b": _qwen3(2048, 48, 32, 768, "30.5B", "3.3B"),
    "qwen3-235b-a22b": _qwen3(4096, 94, 64, 1536, "235B", "22B"),
    # OpenAI 2025, table 1, and the released configurations.
    "gpt-oss-20b": _gpt_oss(24, 32, "20.91B", "3.61B"),
    "gpt-oss-120b": _gpt_oss(36, 128, "116.83B", "5.13B"),
}  # fmt: skip


def names() -> tuple[str, ...]:
    """Return the names that `get` accepts."""
    return tuple(_MODELS)


@checked
def get(name: str) -> Published:
    """Return the sizes of a published model; raises ValueError if the name is unknown."""
    if name not in _MODELS:
        raise ValueError(f"unknown model {name!r}; choose from {', '.join(names())}")
    return _MODELS[name]


def _rounds_to(number: int | float, printed: str) -> bool:
    """Return whether a number equals a printed one, such as 12.9B, when rounded to the same number of digits."""
    digits = len(printed[:-1].partition(".")[2])
    return math.isclose(round(number / {"B": 1e9, "T": 1e12}[printed[-1]], digits), float(printed[:-1]))
