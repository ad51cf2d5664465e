"""`lecture21 sample`."""

from typing import Annotated

import torch
import typer

from lecture21 import generation
from lecture21.cli.options import Device, Run, open_run, say_unknown
from lecture21.training import choose_device


def sample(
    run: Run,
    prompt: Annotated[str, typer.Option(help="Text to go on from.", show_default="a line break")] = "\n",
    length: Annotated[int, typer.Option(help="Tokens to add.")] = 500,
    temperature: Annotated[
        float | None, typer.Option(help="Draw, with logits divided by this.", show_default="greedy")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw from the k most likely.", show_default="greedy")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw from the most likely that reach p.", show_default="greedy")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Makes a draw repeatable.", show_default="none")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse symbols that the model does not know.")] = False,
    device: Device = None,
) -> None:
    """Let a model write: greedily, or drawn as soon as temperature, top-k, top-p or a seed is given."""
    model, tokenizer = open_run(run)
    if not prompt:
        raise ValueError("the prompt is empty: give at least one character")
    ids = tokenizer.encode(prompt, strict=strict)
    say_unknown(tokenizer, prompt)
    greedy = temperature is None and top_k is None and top_p is None and seed is None
    new = generation.stream(
        model.to(choose_device(device)),
        torch.tensor([ids]),
        length,
        temperature=1.0 if temperature is None else temperature,
        top_k=top_k,
        top_p=top_p,
        greedy=greedy,
        seed=seed,
    )
    pieces = tokenizer.stream(token.item() for token in new)
    first = next(pieces, "")  # what is out of range is refused before anything is written
    typer.echo(prompt + first, nl=False)
    for piece in pieces:
        typer.echo(piece, nl=False)
    typer.echo()
