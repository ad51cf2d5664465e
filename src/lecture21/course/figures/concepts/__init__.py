"""One drawing for each system of the lecture."""

from collections.abc import Callable

from matplotlib.axes import Axes

from lecture21.course.figures.concepts import attention, experts, models, scale, toward_gpt4
from lecture21.course.figures.diagram import canvas

_Drawing = tuple[int, str, Callable[[Axes], None]]  # its height in tenths of an inch, its title, what draws it

_DRAWINGS: dict[str, _Drawing] = {
    "rnn-and-attention": (47, "Through every state, or in one step", attention.rnn_and_attention),
    "query-key-value": (45, "A query is compared with every key", attention.query_key_value),
    "heads": (46, "Each head attends in its own way", attention.heads),
    "causal-mask": (43, "Each token attends to itself and its past", attention.causal_mask),
    "transformer-block": (49, "Two branches are added to the stream", models.transformer_block),
    "encoder-decoder": (52, "Every step attends to the whole source", models.encoder_decoder),
    "gpt": (53, "A GPT predicts one token, then the next", models.gpt),
    "probability": (48, "A text's probability is a product", models.probability),
    "byte-pair-encoding": (40, "Frequent pairs become one symbol", scale.byte_pair_encoding),
    "scaling": (51, "From GPT-1 to GPT-3, drawn as areas", scale.scaling),
    "mixture-of-experts": (46, "A gate weights the experts for each input", experts.mixture_of_experts),
    "ensemble": (46, "The mean is closer than the average member", experts.ensemble),
    "sparse-layer": (49, "A router selects 2 of 8 experts", experts.sparse_layer),
    "expert-parallelism": (52, "Tokens travel to their experts and back", experts.expert_parallelism),
    "image-prefix": (48, "Image patches become tokens", toward_gpt4.image_prefix),
    "image-and-language": (60, "Three ways to join image and text", toward_gpt4.image_and_language),
    "kv-cache": (53, "Each step computes one key and one value", toward_gpt4.kv_cache),
    "rlhf": (60, "Three stages, and what people supply", toward_gpt4.rlhf),
}


def concept(name: str, *, ax: Axes | None = None) -> Axes:
    """Draw one system of the lecture, as narrow as the screen of a phone.

    Args:
        name: rnn-and-attention, query-key-value, heads, causal-mask, transformer-block, encoder-decoder, gpt,
            probability, byte-pair-encoding, scaling, mixture-of-experts, ensemble, sparse-layer, expert-parallelism,
            image-prefix, image-and-language, kv-cache or rlhf.
    """
    if name not in _DRAWINGS:
        raise ValueError(f"there is no drawing {name!r}; the drawings are {', '.join(_DRAWINGS)}")
    height, title, draw = _DRAWINGS[name]
    ax = canvas(height, title, ax)
    draw(ax)
    return ax
