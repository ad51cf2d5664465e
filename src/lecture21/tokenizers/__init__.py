"""Tokenizers: text to token ids and back, by characters or by byte pairs.

`CharTokenizer` and `BPETokenizer` have the same methods, and `load_tokenizer` reads a saved file of either kind. Those
of Hugging Face's models are in `lecture21.huggingface`.
"""

from lecture21.tokenizers.characters import CharTokenizer
from lecture21.tokenizers.encodings import gpt2, train_bpe
from lecture21.tokenizers.subwords import BPETokenizer, characters_per_token, load_tokenizer, make_tokenizer
