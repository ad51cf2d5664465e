"""GPTs of every kind, for the tests that compare what is counted with what is built."""

from collections.abc import Callable

from hypothesis import strategies as st

from lecture21 import GPTConfig
from lecture21.gpt.config import CHOICES
from lecture21.moe.config import _BALANCES


@st.composite
def mixtures(draw: Callable) -> dict[str, object]:
    """Sparse layers of every kind that changes a count."""
    top_k = draw(st.integers(1, 3))
    return {
        "top_k": top_k,
        "n_expert": top_k + draw(st.integers(1, 3)),
        "n_shared": draw(st.integers(0, 2)),
        "renormalize": draw(st.booleans()) if top_k > 1 else False,
        "balance": draw(st.sampled_from(_BALANCES)),
        "gates": draw(st.sampled_from(["softmax", "sigmoid"])),
    }


@st.composite
def configs(draw: Callable, **fixed: object) -> GPTConfig:
    """Small shapes of every kind that a `GPTConfig` can name."""
    n_kv_head, group = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    n_head = n_kv_head * group
    values = {
        "vocab_size": draw(st.integers(2, 30)),
        "block_size": draw(st.integers(2, 9)),
        "n_layer": draw(st.integers(1, 3)),
        "n_head": n_head,
        "n_kv_head": n_kv_head,
        "d_model": 2 * n_head * draw(st.integers(1, 3)),
        "d_head": draw(st.sampled_from([None, 2, 6])),
        "d_ff": draw(st.sampled_from([None, 1, 7])),
        **{name: draw(st.sampled_from(sorted(table))) for name, table in CHOICES.items()},
        **{name: draw(st.booleans()) for name in ("final_norm", "qk_norm", "qkv_bias", "bias", "tied_head")},
        "window": draw(st.none() | st.integers(1, 10)),
        "logit_cap": draw(st.none() | st.just(5.0)),
        "moe": draw(st.none() | mixtures()),
    }
    return GPTConfig(**{**values, **fixed})
