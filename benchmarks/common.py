"""Functions of the long runs: seeds, the plays as token ids, the search for a learning rate, resumable tables."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from lecture21 import GPT, evaluate
from lecture21.data import results, shakespeare, split
from lecture21.models._files import store
from lecture21.tokenizers import BPETokenizer, CharTokenizer

PLAYS = "nats per character on the validation split of the plays"


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


def tune(score: Callable[[float], float], grid: Sequence[float], first: float) -> dict[float, float]:
    """Search a grid of learning rates for the lowest score, from `first` to neighbours until both are worse.

    Returns:
        The score of each rate that was tried, the lowest first.

    Raises:
        ValueError: if the best rate is at an edge of the grid.
    """
    scores: dict[float, float] = {}
    best = grid.index(first)
    while True:
        if best in (0, len(grid) - 1):
            raise ValueError(f"the best learning rate, {grid[best]:g}, is at an edge of the grid {tuple(grid)}")
        for rate in grid[best - 1 : best + 2]:
            if rate not in scores:
                scores[rate] = score(rate)
        lowest = min(scores, key=scores.__getitem__)
        if lowest == grid[best]:
            return dict(sorted(scores.items(), key=lambda item: item[1]))
        best = grid.index(lowest)


def stored(name: str) -> list[dict[str, object]]:
    """Return the rows that an earlier run has stored, none if there is no table; delete the table to start again."""
    return results.load(name).to_dict("records") if name in results.names() else []


def save(name: str, rows: Sequence[Mapping[str, object]], *, arguments: bool = True) -> None:
    """Store rows with the command that produced them; without its arguments if several runs fill one table."""
    results.save(name, rows, command(arguments=arguments))


def command(*, arguments: bool = True) -> str:
    """Return the command that runs this script, with its arguments or without."""
    script = Path(sys.argv[0])
    return " ".join([f"python {script.parent.name}/{script.name}", *(sys.argv[1:] * arguments)])


def next_rate(scores: Mapping[float, float], grid: Sequence[float]) -> float | None:
    """Return an untried neighbour of the learning rate with the lowest loss; None if both its neighbours are known."""
    place = grid.index(min(scores, key=scores.get))
    return next((rate for rate in grid[max(place - 1, 0) : place + 2] if rate not in scores), None)


def ship(
    name: str,
    model: GPT,
    tokenizer: CharTokenizer | BPETokenizer,
    *,
    score: Callable[[GPT], float] | None = None,
    on: str = PLAYS,
) -> float:
    """Round a trained model to float16, score it, store it as `lecture21.models` NAME, and return the score.

    Args:
        name: of the model.
        model: at most 600 kB in float16; rounded in place, and in float32 afterwards.
        tokenizer: of the model.
        score: computes the score of the rounded model; by default its loss on the validation split of the plays.
        on: what the score is, with its unit, and the data it is measured on.
    """
    if score is None:
        score = validation_loss
    card = store(name, model, tokenizer, command=command(), score=score, on=on)
    print(f"{name}: {card.parameters:,} parameters, {card.score} {card.on}, SHA-256 {card.sha256}", flush=True)
    return card.score


def validation_loss(model: GPT) -> float:
    """Return the loss of a character model on the whole validation split of the plays, in nats per character."""
    return evaluate(model, encoded_plays()[2])
