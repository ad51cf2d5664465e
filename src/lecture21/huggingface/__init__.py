"""Models and tokenizers in Hugging Face's format.

Four kinds of model are supported, by the `model_type` of their configuration: GPT-1 (openai-gpt), GPT-2 (gpt2), and the
mixtures of experts Mixtral (mixtral) and Qwen3-MoE (qwen3_moe). `GPT.from_pretrained` and `tokenizer_from_pretrained`
read files without `transformers`; only `to_huggingface` and `tokenizer_to_huggingface` need it.
"""

from lecture21.huggingface.models import from_huggingface, to_huggingface
from lecture21.huggingface.tokenizers import tokenizer_from_pretrained, tokenizer_to_huggingface
