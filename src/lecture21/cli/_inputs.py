"""What commands are given: a text, a trained model with its tokenizer."""

import os
from pathlib import Path

import psutil
import torch
from torch import nn

from lecture21._support.storage import KIND, is_single_file, load_config
from lecture21.baselines import RNN
from lecture21.cli._messages import print_error
from lecture21.data import shakespeare
from lecture21.gpt import GPT
from lecture21.tokenizers import BPETokenizer, CharTokenizer, load_tokenizer
from lecture21.training.checkpoints import TOKENIZER

_SMALL = 1_000_000  # parameters below which a second thread costs more time than it saves
_MAX_BYTES = min(10**9, psutil.virtual_memory().total // 20)  # of a text, whose tokens take 18 bytes for each


def read_text(edition: str | None, text: Path | None) -> tuple[str, str]:
    """Return a text and its name; raises ValueError naming a file that is empty, endless or not UTF-8.

    Line ends of Windows become those of Unix, with a message: otherwise a model would learn to write both characters.
    """
    if text is None:
        edition = "plays" if edition is None else edition
        return shakespeare(edition), f"Shakespeare, edition {edition}"
    if edition is not None:
        raise ValueError(f"--edition {edition} is an edition of Shakespeare, and --text {text} another text: give one")
    with text.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)  # a pipe or a device has no size, and may have no end
    if len(data) > _MAX_BYTES:
        raise ValueError(f"{text} is too long for this machine: it has more than {_MAX_BYTES:,} bytes")
    try:
        content = data.decode("utf-8-sig")  # a byte order mark is not a symbol
    except UnicodeDecodeError as error:
        raise ValueError(f"{text} is not UTF-8 text: {error}") from error
    if not content:
        raise ValueError(f"{text} is empty")
    if "\r" in content:
        content = content.replace("\r\n", "\n").replace("\r", "\n")
        print_error(f"{text} has carriage returns (\\r); each line end is read as \\n")
    return content, str(text)


def open_run(run: Path) -> tuple[GPT | RNN, CharTokenizer | BPETokenizer]:
    """Return the model and the tokenizer of a run, a directory or a single file."""
    model = (RNN if load_config(run).get(KIND) == "rnn" else GPT).from_pretrained(run)
    path = run if is_single_file(run) else run / TOKENIZER
    if not path.is_file():
        raise ValueError(f"{run} has no {TOKENIZER}, which is needed to read text")
    tokenizer = load_tokenizer(path)
    if tokenizer.vocab_size != model.vocab_size:
        sizes = f"the tokenizer has {tokenizer.vocab_size} tokens, the model has {model.vocab_size}"
        raise ValueError(f"{run}: the tokenizer does not match the model: {sizes}")
    choose_threads(model)
    return model, tokenizer


def report_unknown(tokenizer: CharTokenizer | BPETokenizer, text: str) -> None:
    """Print which symbols of a text are not in the vocabulary."""
    if unknown := tokenizer.unknown(text):
        print_error(f"not in the vocabulary, read as unknown: {', '.join(map(repr, unknown))}")


def choose_threads(model: nn.Module) -> None:
    """Use one thread for a small model, unless the environment sets the number."""
    if "OMP_NUM_THREADS" not in os.environ and sum(p.numel() for p in model.parameters()) < _SMALL:
        torch.set_num_threads(1)
