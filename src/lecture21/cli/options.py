"""What the commands share: options, reading a text, loading a run, and complaining in one line."""

import os
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import nn

from lecture21._support.storage import KIND, load_config
from lecture21.data import shakespeare
from lecture21.gpt import GPT
from lecture21.rnn import RNN
from lecture21.tokenizers import BPETokenizer, CharTokenizer, load_tokenizer
from lecture21.training._checkpoints import TOKENIZER

TINY = 1_000_000  # parameters below which a second thread costs more in waiting than it does in work

Edition = Annotated[str, typer.Option(help="Edition of Shakespeare: plays, or char-rnn where there is a network.")]
TextFile = Annotated[Path | None, typer.Option(help="A UTF-8 text file to use instead of Shakespeare.")]
Run = Annotated[Path, typer.Argument(help="Directory of a trained model.", show_default=False)]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or mps.", show_default="the best that is there")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a field of the preset; repeatable.")
]


def complain(message: str) -> None:
    """Say something in one line on standard error."""
    print("lecture21:", " ".join(message.split()), file=sys.stderr)


def read_text(edition: str, text: Path | None) -> tuple[str, str]:
    """Return a text and what to call it; raises ValueError naming a file that is empty or not UTF-8."""
    if text is None:
        return shakespeare(edition), f"Shakespeare, edition {edition}"
    try:
        content = text.read_text(encoding="utf-8-sig")  # a byte order mark is not a symbol
    except UnicodeDecodeError as error:
        raise ValueError(f"{text} is not UTF-8 text: {error}") from error
    if not content:
        raise ValueError(f"{text} is empty")
    return content, str(text)


def open_run(run: Path) -> tuple[GPT | RNN, CharTokenizer | BPETokenizer]:
    """Return the model and the tokenizer of a run; raises ValueError if one is missing, torn or of another."""
    model = (RNN if load_config(run).get(KIND) == "rnn" else GPT).from_pretrained(run)
    if not (run / TOKENIZER).is_file():
        raise ValueError(f"{run} has no {TOKENIZER}: a model alone cannot read text")
    tokenizer = load_tokenizer(run / TOKENIZER)
    if tokenizer.vocab_size != model.vocab_size:
        sizes = f"{tokenizer.vocab_size} tokens in its tokenizer, {model.vocab_size} in its model"
        raise ValueError(f"{run} does not fit together: {sizes}")
    choose_threads(model)
    return model, tokenizer


def say_unknown(tokenizer: CharTokenizer | BPETokenizer, text: str) -> None:
    """Say which symbols of a text the model has never seen."""
    if unknown := tokenizer.unknown(text):
        complain(f"the model does not know {', '.join(map(repr, unknown))}: read as unknown")


def choose_threads(model: nn.Module) -> None:
    """Use one thread for a small model, unless the environment says how many."""
    if "OMP_NUM_THREADS" not in os.environ and sum(p.numel() for p in model.parameters()) < TINY:
        torch.set_num_threads(1)


def parse_changes(assignments: list[str] | None) -> dict[str, object]:
    """Parse `n_layer=6` and the like; a value is an int, a float, true or false, or else a word.

    `moe.top_k=1` sets a field of a field.
    """
    changes: dict[str, object] = {}
    for assignment in assignments or []:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise ValueError(f"--set needs NAME=VALUE, got {assignment!r}")
        outer, dot, inner = name.partition(".")
        where, key = (changes.setdefault(outer, {}), inner) if dot else (changes, name)
        if not isinstance(where, dict):
            raise ValueError(f"--set {name} needs {outer} to be a group of fields, but it was set to {where!r}")
        for parse in (int, float, {"true": True, "false": False}.__getitem__, str):
            try:
                where[key] = parse(value)
                break
            except (ValueError, KeyError):
                continue
    return changes


def characters_per_token(tokenizer: CharTokenizer | BPETokenizer, text: str, ids: list[int]) -> float:
    """Return the mean length of the tokens that are predicted: all of a text's but the first, which is only read."""
    return (len(text) - len(tokenizer.decode(ids[:1]))) / (len(ids) - 1)
