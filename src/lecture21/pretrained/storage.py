"""The files of a pretrained model: how the commands in `benchmarks/` write them, and the card that describes them."""

import copy
import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from lecture21._support.files import read_json, write_atomic
from lecture21._support.storage import WEIGHTS, load_tensors, serialize
from lecture21._support.validation import from_dict
from lecture21.gpt import GPT
from lecture21.tokenizers import BPETokenizer, CharTokenizer
from lecture21.transformer import Transformer

FOLDER = Path(__file__).parent
CARD, TOKENIZER = "card.json", "tokenizer.json"
MAX_BYTES = 4_000_000  # of the weights, since a page loads them


@dataclass(frozen=True)
class Card:
    """Where a pretrained model comes from and how good it is."""

    command: str
    """The command that trained the model."""
    sha256: str
    """Hash of `model.safetensors`."""
    parameters: int
    """Number of parameters."""
    score: float
    """Score of the float16 weights."""
    on: str
    """What the score is, with its unit, and the data it was measured on."""


def read_card(name: str) -> Card:
    """Return the card of a pretrained model."""
    path = FOLDER / name / CARD
    return from_dict(Card, read_json(path), str(path))


def store(
    name: str,
    model: GPT | Transformer,
    tokenizer: CharTokenizer | BPETokenizer | None,
    *,
    command: str,
    score: Callable[..., float],
    on: str,
) -> Card:
    """Round a model to float16, score it, and write its folder; return the card.

    The weights file also has the configuration and the tokenizer in its metadata, as JSON, for readers of that file
    alone.

    Args:
        name: of the folder.
        model: is rounded in place, and in float32 and evaluation mode afterwards.
        tokenizer: of the model; None for an encoder-decoder, whose tokens are those of its task.
        command: that trained the model.
        score: computes the score of the rounded model.
        on: what the score is, with its unit, and the data it is measured on.

    Raises:
        ValueError: if the weights need more than 4,000,000 bytes; an existing folder is then unchanged.
    """
    size = sum(2 * tensor.numel() for tensor in model.state_dict().values())
    if size > MAX_BYTES:
        raise ValueError(f"{name} needs {size:,} bytes in float16, a pretrained model may have {MAX_BYTES:,}")
    folder = FOLDER / name
    (folder / CARD).unlink(missing_ok=True)  # while there is no card, the folder is not a model
    for tensor in model.state_dict().values():  # not `model.half()`: a loaded model computes its positions in float32
        if tensor.is_floating_point():
            tensor.copy_(tensor.half())
    half = copy.deepcopy(model).half()
    half.save_pretrained(folder)
    if tokenizer is not None:
        tokenizer.save(folder / TOKENIZER)
    weights = to_bytes(half, tokenizer)
    write_atomic(folder / WEIGHTS, weights)
    measured = round(score(model.float().eval()), 5)
    card = Card(command, hashlib.sha256(weights).hexdigest(), model.num_parameters(), measured, on)
    write_atomic(folder / CARD, f"{json.dumps(asdict(card), indent=2)}\n".encode())
    return card


def to_bytes(model: GPT | Transformer, tokenizer: CharTokenizer | BPETokenizer | None) -> bytes:
    """Return a model as one safetensors file that needs no other: its metadata has configuration and tokenizer, if any.

    Raises:
        ValueError: if the tokenizer has another number of symbols than the model.
    """
    if tokenizer is not None and tokenizer.vocab_size != model.vocab_size:
        raise ValueError(
            f"tokenizer mismatch: the model has {model.vocab_size} symbols, this tokenizer has {tokenizer.vocab_size}"
        )
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tensors, metadata = load_tensors(Path(folder) / WEIGHTS)
        if tokenizer is not None:
            tokenizer.save(Path(folder) / TOKENIZER)
            metadata["tokenizer"] = (Path(folder) / TOKENIZER).read_text(encoding="utf-8")
        return serialize(tensors, metadata, ordered=True)
