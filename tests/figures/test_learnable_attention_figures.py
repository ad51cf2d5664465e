import pytest
import torch
from matplotlib.colors import to_hex

from lecture21 import figures
from lecture21.data.worked_example import TOKENS
from lecture21.figures.style import COLOURS

WEIGHTS = torch.tensor([0.1, 0.6, 0.25, 0.05])


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_one_query_is_compared_with_every_key_and_takes_from_every_value():
    ax = figures.query_key_value(TOKENS, WEIGHTS, query=2, title="found")
    shown = texts(ax)
    assert [shown.count(sign) for sign in "qkv"] == [1, 4, 4]
    assert [text for text in shown if text.startswith("0.")] == ["0.10", "0.60", "0.25", "0.05"]
    assert "output of sat" in shown
    assert set(TOKENS) <= set(shown)
    assert ax.get_title(loc="left") == "found"


def test_the_arrow_of_a_value_is_as_wide_as_its_weight():
    ax = figures.query_key_value(TOKENS, WEIGHTS, query=2)
    arrows = [text.arrow_patch for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
    widths = [arrow.get_linewidth() for arrow in arrows if to_hex(arrow.get_edgecolor()) == COLOURS["value"].lower()]
    assert widths[1::2] == pytest.approx((0.8 + 6 * WEIGHTS).tolist())  # each after the one from its token


def test_weights_and_query_fit_the_tokens():
    for weights, query in ((WEIGHTS[:3], 2), (WEIGHTS, 4), (WEIGHTS, -1)):
        with pytest.raises(ValueError, match="4 tokens do not fit"):
            figures.query_key_value(TOKENS, weights, query=query)


@pytest.mark.parametrize("n_head", [1, 4, 6])
def test_every_head_has_its_slice_its_attention_and_its_output(n_head):
    shown = texts(figures.attention_heads(n_head))
    for sign in "qkvo":
        assert [text for text in shown if text.startswith(f"{sign}$_")] == [f"{sign}$_{n + 1}$" for n in range(n_head)]
    assert [text[-1] for text in shown if "of head" in text] == [str(n + 1) for n in range(n_head)]


@pytest.mark.parametrize("n_head", [0, 7])
def test_a_number_of_heads_that_does_not_fit_is_refused(n_head):
    with pytest.raises(ValueError, match=f"between 1 and 6, got {n_head}"):
        figures.attention_heads(n_head)
