"""Small trained models that come with the package, for chapters and figures that need one without training it.

Models that others have published are downloaded by `GPT.from_pretrained`, and are not here.

Each model is a folder with `config.json`, `model.safetensors` (float16), `card.json` and, for a GPT, `tokenizer.json`.
The card names the command in `benchmarks/` that trained the model, the hash of its weights, and its score.
"""

from pathlib import Path

from lecture21._support.storage import KIND, load_config
from lecture21.gpt import GPT
from lecture21.pretrained import storage
from lecture21.tokenizers import BPETokenizer, CharTokenizer, load_tokenizer
from lecture21.transformer import Transformer


def names(kind: str = "gpt") -> tuple[str, ...]:
    """Return the names of all models of a kind: gpt, or transformer for encoder-decoders."""
    folders = (card.parent for card in storage.FOLDER.glob(f"*/{storage.CARD}"))
    return tuple(sorted(folder.name for folder in folders if load_config(folder)[KIND] == kind))


def load(name: str) -> tuple[GPT, CharTokenizer | BPETokenizer]:
    """Return a GPT, in float32 and in evaluation mode, and its tokenizer.

    Raises:
        ValueError: if there is no such model.
    """
    folder = _folder(name, "gpt")
    return GPT.from_pretrained(folder), load_tokenizer(folder / storage.TOKENIZER)


def load_transformer(name: str) -> Transformer:
    """Return an encoder-decoder, in float32 and in evaluation mode; its card says what it was trained on.

    Raises:
        ValueError: as `load`.
    """
    return Transformer.from_pretrained(_folder(name, "transformer"))


def _folder(name: str, kind: str) -> Path:
    if name not in names(kind):
        raise ValueError(f"unknown model {name!r}; choose from {', '.join(names(kind))}")
    return storage.FOLDER / name
