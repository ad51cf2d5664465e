"""Functions of the long runs: the plays as token ids, the search for a learning rate, pretrained models."""

import functools
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Int
from table import OPTIONS, command
from torch import Tensor

from lecture21 import GPT, evaluate
from lecture21.baselines import NGram
from lecture21.data import shakespeare, split
from lecture21.objectives import token_cross_entropy
from lecture21.pretrained.storage import store
from lecture21.tokenizers import BPETokenizer, CharTokenizer
from lecture21.training import sample_windows
from lecture21.transformer import Transformer

PLAYS = "nats per character on the validation split of the plays"


@functools.cache
def encoded_plays() -> tuple[CharTokenizer, Int[Tensor, " N"], Int[Tensor, " M"]]:
    """Return the tokenizer of the plays, and their training and validation parts as token ids."""
    text = shakespeare()
    tokenizer = CharTokenizer.from_text(text)
    train, val = (torch.tensor(tokenizer.encode(part)) for part in split(text))
    return tokenizer, train, val


def texts(part: str) -> tuple[Int[Tensor, " N"], Int[Tensor, " M"]]:
    """Return the text to train on and the text to score on: of a search, the last tenth of the training text."""
    _, tokens, val = encoded_plays()
    tenth = len(tokens) // 10
    return (tokens[:-tenth], tokens[-tenth:]) if part == "search" else (tokens, val)


def ngram_loss(order: int, window: int) -> float:
    """Return the loss of an n-gram model of the plays on the validation split, in windows of so many characters."""
    tokenizer, tokens, val = encoded_plays()
    return round(evaluate(NGram(order, tokenizer.vocab_size).fit(tokens), val, window), 5)


def means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each column."""
    return {name: round(sum(row[name] for row in rows) / len(rows), 4) for name in rows[0]}


def tune(
    score: Callable[[float], float], first: Sequence[float], further: Sequence[float] | float = 2.0
) -> dict[float, float]:
    """Search for the learning rate with the lowest score: try some, and go on beyond an end while it is the best.

    A single first rate is both ends. In the result, the best rate has a worse one on each side.

    Args:
        score: trains with a learning rate and returns the loss, infinity if the run diverged.
        first: the rates to begin with.
        further: a grid of rates that contains the first ones as neighbors, or the factor from one rate to the next.

    Returns:
        The score of each rate that was tried, the lowest first.

    Raises:
        ValueError: if the best rate is at an edge of the grid; without a grid, if it is at an end after ten more rates.
    """
    scores = {rate: score(rate) for rate in first}
    while True:
        best = min(scores, key=scores.__getitem__)
        sides = [side for side, end in ((-1, min(scores)), (1, max(scores))) if best == end]
        if not sides:
            return dict(sorted(scores.items(), key=lambda item: item[1]))
        if isinstance(further, Sequence):
            if best in (min(further), max(further)):
                raise ValueError(f"the best learning rate, {best:g}, is at an edge of the grid {tuple(further)}")
            beyond = [further[further.index(best) + side] for side in sides]
        elif len(scores) >= len(first) + 10:
            raise ValueError(f"the best learning rate, {best:g}, is at an end of {tuple(sorted(scores))}")
        else:
            beyond = [float(f"{best * further**side:.6g}") for side in sides]  # 0.0003 / 3 is 0.0001
        scores |= {rate: score(rate) for rate in beyond}


def seen_by(seed: int, n_tokens: int, steps: int, window: int, batch: int) -> Bool[Tensor, " N"]:
    """Return which of `n_tokens` training characters the batches of `train` with this seed contain."""
    generator = torch.Generator().manual_seed(seed)
    positions, seen = torch.arange(n_tokens), torch.zeros(n_tokens, dtype=torch.bool)
    for _ in range(steps):
        ids, targets = sample_windows(positions, window, batch, generator)
        seen[ids] = seen[targets] = True
    return seen


class CountedNGram(NGram):
    """An n-gram model of the seen characters only, as a model of V symbols like the networks.

    Each stretch of seen characters is followed by a separator, of id V, whose probability is then removed.
    """

    def __init__(self, order: int, tokens: Int[Tensor, " N"], seen: Bool[Tensor, " N"], vocab_size: int):
        super().__init__(order, vocab_size + 1)
        kept = seen.clone()
        kept[1:] |= seen[:-1]
        self.fit(tokens.where(seen, vocab_size)[kept])

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        """Return the log-probabilities of the V symbols."""
        return super().forward(ids)[..., :-1].log_softmax(-1)

    def loss(self, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
        """Return the mean negative log-probability of the targets, in nats."""
        return token_cross_entropy(self(ids), targets)


def publish(
    name: str,
    model: GPT | Transformer,
    tokenizer: CharTokenizer | BPETokenizer | None,
    *,
    score: Callable[..., float] | None = None,
    on: str = PLAYS,
) -> float:
    """Round a trained model to float16, score it, store it as the pretrained model NAME, and return the score.

    Args:
        name: of the model.
        model: at most 4 MB in float16; rounded in place, and in float32 afterwards.
        tokenizer: of the model; None for an encoder-decoder.
        score: computes the score of the rounded model; by default a GPT's loss on the validation split of the plays.
        on: what the score is, with its unit, and the data it is measured on.
    """
    if score is None:
        score = validation_loss
    if OPTIONS.again:  # the model that is stored stays
        return round(score(model.half().float().eval()), 5)
    card = store(name, model, tokenizer, command=command(), score=score, on=on)
    print(f"{name}: {card.parameters:,} parameters, {card.score} {card.on}, SHA-256 {card.sha256}", flush=True)
    return card.score


def validation_loss(model: GPT) -> float:
    """Return the loss of a character model on the whole validation split of the plays, in nats per character."""
    return evaluate(model, encoded_plays()[2])
