"""Functions of the long runs: seeds from the command line, the plays as token ids, and tables that can be resumed."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from lecture21.data import results, shakespeare, split
from lecture21.tokenizers import CharTokenizer


def start(n_seed: int) -> list[int]:
    """Use one thread, and return the seeds named on the command line, or 0 to `n_seed` - 1."""
    torch.set_num_threads(1)
    return [int(argument) for argument in sys.argv[1:]] or list(range(n_seed))


def encoded_plays() -> tuple[CharTokenizer, Int[Tensor, " N"], Int[Tensor, " M"]]:
    """Return the tokenizer of the plays, and their training and validation parts as token ids."""
    text = shakespeare()
    tokenizer = CharTokenizer.from_text(text)
    train, val = (torch.tensor(tokenizer.encode(part)) for part in split(text))
    return tokenizer, train, val


def stored(name: str) -> list[dict[str, object]]:
    """Return the rows that an earlier run has stored, none if there is no table; delete the table to start again."""
    return results.load(name).to_dict("records") if name in results.names() else []


def save(name: str, rows: Sequence[Mapping[str, object]], *, arguments: bool = True) -> None:
    """Store rows with the command that produced them; without its arguments if several runs fill one table."""
    script = Path(sys.argv[0])
    results.save(name, rows, " ".join([f"python {script.parent.name}/{script.name}", *(sys.argv[1:] * arguments)]))
