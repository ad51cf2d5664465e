"""What the commands share: options, reading a text and loading a run."""

import ast
import inspect
import os
import textwrap
from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Annotated, TypeVar

import torch
import typer
from torch import nn

from lecture21._support.storage import KIND, is_single_file, load_config
from lecture21.baselines import RNN
from lecture21.cli._messages import print_error
from lecture21.data import shakespeare
from lecture21.gpt import GPT
from lecture21.tokenizers import BPETokenizer, CharTokenizer, load_tokenizer
from lecture21.training.checkpoints import TOKENIZER

_SMALL = 1_000_000  # parameters below which a second thread costs more time than it saves

Command = TypeVar("Command", bound=Callable[..., None])

Edition = Annotated[
    str | None,
    typer.Option(help="Edition of Shakespeare: plays, complete, or char-rnn (needs a network).", show_default="plays"),
]
TextFile = Annotated[Path | None, typer.Option(help="A UTF-8 text file to use instead of Shakespeare.")]
Run = Annotated[
    Path, typer.Argument(help="Directory of a trained model, or its one file .safetensors.", show_default=False)
]
Device = Annotated[
    str | None, typer.Option(help="cpu, cuda or mps.", show_default="cuda where there is one, and otherwise the CPU")
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a field of the preset; repeatable.")
]


def fields_as_options(config: type) -> Callable[[Command], Command]:
    """Give a command one option for each field of a dataclass, with its docstring as help.

    The command receives the options as keyword arguments, None for those that were not given: the preset has its own
    defaults.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command)
        parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        docstrings = _field_docstrings(config)
        for field in fields(config):
            default = "" if field.default is None else str(field.default)
            option = typer.Option(help=docstrings[field.name], show_default=default)
            annotation = Annotated[field.type | None, option]
            parameters.append(
                inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            )
        command.__signature__ = signature.replace(parameters=parameters)
        return command

    return decorate


def _field_docstrings(config: type) -> dict[str, str]:
    """Return the string that follows each field in the source of a dataclass."""
    body = ast.parse(textwrap.dedent(inspect.getsource(config))).body[0].body
    return {
        field.target.id: " ".join(docstring.value.value.split())
        for field, docstring in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(docstring, ast.Expr)
    }


def read_text(edition: str | None, text: Path | None) -> tuple[str, str]:
    """Return a text and its name; raises ValueError naming a file that is empty or not UTF-8.

    Line ends of Windows become those of Unix, with a message: otherwise a model would learn to write both characters.
    """
    if text is None:
        edition = "plays" if edition is None else edition
        return shakespeare(edition), f"Shakespeare, edition {edition}"
    if edition is not None:
        raise ValueError(f"--edition {edition} is an edition of Shakespeare, and --text {text} another text: give one")
    try:
        content = text.read_bytes().decode("utf-8-sig")  # a byte order mark is not a symbol
    except UnicodeDecodeError as error:
        raise ValueError(f"{text} is not UTF-8 text: {error}") from error
    if not content:
        raise ValueError(f"{text} is empty")
    if "\r" in content:
        content = content.replace("\r\n", "\n").replace("\r", "\n")
        print_error(f"{text} has carriage returns (\\r); each line end is read as \\n")
    return content, str(text)


def open_run(run: Path) -> tuple[GPT | RNN, CharTokenizer | BPETokenizer]:
    """Return the model and the tokenizer of a run, a directory or a single file.

    Raises:
        ValueError: if one of them is missing or they do not match.
    """
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


def parse_changes(assignments: list[str] | None) -> dict[str, object]:
    """Parse assignments such as `n_layer=6`; a value is an int, a float, true, false, or otherwise a string.

    `moe.top_k=1` sets a field of a nested configuration.
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
    """Return the mean length of the predicted tokens: all of a text but the first, which is only read."""
    return (len(text) - len(tokenizer.decode(ids[:1]))) / (len(ids) - 1)
