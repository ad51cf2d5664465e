"""Small trained models that come with the package, for chapters and figures that need one without training it.

Each model is a folder with `config.json`, `model.safetensors` (float16), `tokenizer.json` and `card.json`. The card
names the command in `benchmarks/` that trained the model, the hash of its weights, and its score.
"""

import hashlib

from lecture21.gpt import GPT
from lecture21.huggingface.pretrained import storage
from lecture21.tokenizers import BPETokenizer, CharTokenizer, load_tokenizer


def names() -> tuple[str, ...]:
    """Return the names of all models."""
    return tuple(sorted(card.parent.name for card in storage.FOLDER.glob(f"*/{storage.CARD}")))


def load(name: str) -> tuple[GPT, CharTokenizer | BPETokenizer]:
    """Return a model, in float32 and in evaluation mode, and its tokenizer.

    Raises:
        ValueError: if there is no such model, or its weights are not those that were published.
    """
    if name not in names():
        raise ValueError(f"unknown model {name!r}; choose from {', '.join(names())}")
    folder, expected = storage.FOLDER / name, storage.read_card(name).sha256
    weights = folder / storage.WEIGHTS
    actual = hashlib.sha256(weights.read_bytes()).hexdigest()
    if actual != expected:
        raise ValueError(f"{weights} was altered: its SHA-256 is {actual}, the published file has {expected}")
    return GPT.from_pretrained(folder), load_tokenizer(folder / storage.TOKENIZER)
