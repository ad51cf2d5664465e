"""The transformer of 2017: an encoder, and a decoder with cross-attention (slides 10, 16 and 36).

It writes greedily or by beam search; its blocks are those of `lecture21.layers`, which a GPT has as well.
"""

from lecture21.transformer.config import TransformerConfig
from lecture21.transformer.decoding import beam_search, greedy_decode
from lecture21.transformer.model import MaskedLM, Transformer
from lecture21.transformer.stacks import Decoder, Encoder
