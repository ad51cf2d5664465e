"""`lecture21 eval`."""

import math
from typing import Annotated

import torch
import typer

from lecture21.baselines import NGram
from lecture21.cli._inputs import open_run, read_text, report_unknown
from lecture21.cli._options import Device, Edition, RunPath, TextFile
from lecture21.data import split
from lecture21.tokenizers import CharTokenizer, characters_per_token
from lecture21.training.devices import choose_device
from lecture21.training.evaluation import evaluate


def evaluate_command(
    run: RunPath,
    edition: Edition = None,
    text: TextFile = None,
    block_size: Annotated[
        int | None, typer.Option(help="Length of the windows.", show_default="the model's block size")
    ] = None,
    device: Device = None,
) -> None:
    """Evaluate a model on the whole validation split, beside uniform, unigram, bigram and 5-gram models.

    All losses are per character: the total loss on the text, divided by the number of its characters.
    """
    where = choose_device(device)
    model, tokenizer = open_run(run)
    limit = getattr(model, "context_limit", model.block_size)  # an RNN reads windows of any length
    block_size = model.block_size if block_size is None else block_size
    if block_size < 1 or (limit is not None and block_size > limit):
        raise ValueError(f"block_size must be between 1 and the model's, {limit}, got {block_size}")
    content, name = read_text(edition, text)
    report_unknown(tokenizer, content)
    parts = split(content)
    ids = tokenizer.encode(parts[1])
    if len(ids) < 2:
        raise ValueError(f"nothing to predict in {len(ids)} tokens of validation; at least 2 are needed")
    length = characters_per_token(tokenizer, parts[1], ids)
    # The baselines read characters, in windows with as much text as the model's.
    symbols = tokenizer if isinstance(tokenizer, CharTokenizer) else CharTokenizer.from_text(content)
    tokens, val = (torch.tensor(symbols.encode(part)) for part in parts)
    losses = [("uniform", math.log(symbols.vocab_size))]
    for label, order in (("unigram", 1), ("bigram", 2), ("5-gram", 5)):
        model_of_order = NGram(order, symbols.vocab_size).fit(tokens)
        losses.append((label, evaluate(model_of_order, val, max(1, round(block_size * length)))))
    loss = evaluate(model.to(where), torch.tensor(ids), block_size)
    losses.append((str(run), loss / length))
    width = max(len(label) for label, _ in losses)
    unit = "" if symbols is tokenizer else f" tokens, {len(ids):,} in all, of {length:.2f} characters"
    typer.echo(f"{name}: {len(parts[1]):,} characters of validation in windows of {block_size}{unit}")
    typer.echo(f"{'':{width}}  nats/char  bits/char")
    for label, loss in losses:
        typer.echo(f"{label:{width}}  {loss:9.4f}  {loss / math.log(2):9.4f}")
