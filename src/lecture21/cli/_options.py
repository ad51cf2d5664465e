"""The options that commands share, and those that come from the fields of a configuration."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import typer

Command = TypeVar("Command", bound=Callable[..., None])

Edition = Annotated[
    str | None,
    typer.Option(help="Edition of Shakespeare: plays, complete, or char-rnn (needs a network).", show_default="plays"),
]
TextFile = Annotated[Path | None, typer.Option(help="A UTF-8 text file to use instead of Shakespeare.")]
RunPath = Annotated[
    Path, typer.Argument(help="Directory of a trained model, or its one file .safetensors.", show_default=False)
]
Device = Annotated[
    str | None, typer.Option(help="cpu, cuda or mps.", show_default="cuda where there is one, and otherwise the CPU")
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a field of the preset; repeatable.")
]


def fields_as_options(config: type, without: Sequence[str] = ()) -> Callable[[Command], Command]:
    """Give a command one option for each field of a dataclass but some, with its docstring as help.

    The command receives the options as keyword arguments, None for those that were not given: the preset has its own
    defaults.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command)
        parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        docstrings, kinds = _field_docstrings(config), get_type_hints(config)
        for field in fields(config):
            if field.name in without:
                continue
            default = "" if field.default is None else str(field.default)
            option = typer.Option(help=docstrings[field.name], show_default=default)
            annotation = Annotated[_plain(kinds[field.name]) | None, option]
            parameters.append(
                inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            )
        command.__signature__ = signature.replace(parameters=parameters)
        return command

    return decorate


def _plain(kind: Any) -> Any:
    """Return a type as the command line needs it: a number is a float, of whatever kind it may be."""
    if get_origin(kind) is tuple:
        return tuple[*map(_plain, get_args(kind))]
    return float if float in get_args(kind) else kind


def _field_docstrings(config: type) -> dict[str, str]:
    """Return the string that follows each field in the source of a dataclass."""
    body = ast.parse(textwrap.dedent(inspect.getsource(config))).body[0].body
    return {
        field.target.id: " ".join(docstring.value.value.split())
        for field, docstring in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(docstring, ast.Expr)
    }


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
