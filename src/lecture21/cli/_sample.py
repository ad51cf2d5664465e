"""`lecture21 sample`."""

from typing import Annotated

import torch
import typer

from lecture21 import generation
from lecture21.cli._inputs import open_run, report_unknown
from lecture21.cli._messages import escape_controls
from lecture21.cli._options import Device, RunPath
from lecture21.training.devices import choose_device


def sample(
    run: RunPath,
    prompt: Annotated[str, typer.Option(help="Text to continue.", show_default="a line break")] = "\n",
    length: Annotated[int, typer.Option(help="Tokens to generate.")] = 500,
    temperature: Annotated[
        float | None, typer.Option(help="Sample, with logits divided by this.", show_default="greedy")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Sample from the k best tokens.", show_default="greedy")] = None,
    top_p: Annotated[
        float | None,
        typer.Option(help="Sample from the best tokens that reach probability p.", show_default="greedy"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed, for the same sample each time.", show_default="none")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse symbols that are not in the vocabulary.")] = False,
    device: Device = None,
) -> None:
    """Generate text: greedily, or by sampling if temperature, top-k, top-p or a seed is given."""
    where = choose_device(device)
    model, tokenizer = open_run(run)
    if not prompt:
        raise ValueError("the prompt is empty: give at least one character")
    ids = tokenizer.encode(prompt, strict=strict)
    report_unknown(tokenizer, prompt)
    greedy = temperature is None and top_k is None and top_p is None and seed is None
    new = generation.stream(
        model.to(where),
        torch.tensor([ids]),
        length,
        generation.Sampling(1.0 if temperature is None else temperature, top_k, top_p, greedy, seed),
    )
    pieces = map(escape_controls, tokenizer.stream(token.item() for token in new))
    first = next(pieces, "")  # options out of range are refused before anything is printed
    typer.echo(escape_controls(prompt) + first, nl=False)
    for piece in pieces:
        typer.echo(piece, nl=False)
    typer.echo()
