"""Models and tokenizers in the formats of Hugging Face: their files, their names, and the objects of `transformers`.

Four kinds of model are known, by the `model_type` of their configuration: GPT-1 (openai-gpt), GPT-2 (gpt2), and the
mixtures of experts Mixtral (mixtral) and Qwen3-MoE (qwen3_moe). `GPT.from_pretrained` reads their files without
`transformers`; only `to_huggingface` and `tokenizer_to_huggingface` need it.
"""

from lecture21.huggingface.dispatch import (
    KINDS,
    config_from,
    config_to,
    kind_of,
    load_foreign,
    tensors_from,
    tensors_to,
)
from lecture21.huggingface.files import MODEL_FILES, REPOSITORIES, TOKENIZER_FILES, is_foreign, locate
from lecture21.huggingface.models import (
    WordTokenizer,
    from_huggingface,
    to_huggingface,
    tokenizer,
    tokenizer_from_huggingface,
    tokenizer_to_huggingface,
)

__all__ = [
    "KINDS",
    "MODEL_FILES",
    "REPOSITORIES",
    "TOKENIZER_FILES",
    "WordTokenizer",
    "config_from",
    "config_to",
    "from_huggingface",
    "is_foreign",
    "kind_of",
    "load_foreign",
    "locate",
    "tensors_from",
    "tensors_to",
    "to_huggingface",
    "tokenizer",
    "tokenizer_from_huggingface",
    "tokenizer_to_huggingface",
]
