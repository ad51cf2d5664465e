"""Models and tokenizers in Hugging Face's format, there and back, in memory.

The files of published checkpoints are read in `lecture21.gpt.checkpoints`; the book's own models are in
`lecture21.pretrained`.

Four kinds of model are supported, by the `model_type` of their configuration: GPT-1 (openai-gpt), GPT-2 (gpt2), and the
mixtures of experts Mixtral (mixtral) and Qwen3-MoE (qwen3_moe). `GPT.from_pretrained` and `tokenizer_from_pretrained`
read files without `transformers`; only `to_huggingface` and `tokenizer_to_huggingface` need it.

A pretrained model and its tokenizer::

    from lecture21 import GPT
    from lecture21.huggingface import tokenizer_from_pretrained

    model = GPT.from_pretrained("openai-gpt")
    ids = tokenizer_from_pretrained("openai-gpt").encode("The cat sat on the mat").ids

Each GPT-2 is loaded at a fixed commit of its repository; `revision=` selects another commit, tag or branch, and any
other repository is loaded from its branch `main`.

A model that was trained here, as a directory that `transformers` can load::

    from lecture21.huggingface import to_huggingface, tokenizer_to_huggingface
    from lecture21.tokenizers import load_tokenizer

    model, encoding = GPT.from_pretrained("runs/mine"), load_tokenizer("runs/mine/tokenizer.json").encoding
    to_huggingface(model).save_pretrained("exported")
    tokenizer_to_huggingface(encoding).save_pretrained("exported")
"""

from lecture21.huggingface.models import from_huggingface, to_huggingface
from lecture21.huggingface.tokenizers import tokenizer_from_pretrained, tokenizer_to_huggingface
