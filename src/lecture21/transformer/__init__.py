"""The transformer of 2017: an encoder that reads, a decoder that writes and asks it (slides 10, 16 and 36)."""

from lecture21.transformer.config import TransformerConfig
from lecture21.transformer.decoding import Beams, Decoded, beam_search, greedy_decode, length_penalty
from lecture21.transformer.model import MaskedLM, Transformer
from lecture21.transformer.stacks import Decoder, DecoderCache, Encoder, padding_mask

__all__ = [
    "Beams",
    "Decoded",
    "Decoder",
    "DecoderCache",
    "Encoder",
    "MaskedLM",
    "Transformer",
    "TransformerConfig",
    "beam_search",
    "greedy_decode",
    "length_penalty",
    "padding_mask",
]
