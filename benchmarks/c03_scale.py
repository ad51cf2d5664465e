"""By what should scores be divided? Heads of two widths, with three divisors, over a range of learning rates.

Usage: python benchmarks/c03_scale.py [SEED ...]        (all seven seeds if none is given; about 50 s each on one core)

Each sequence has eight letters with a digit each, and the same letters as capitals in another order; at a capital, one
head must find its letter, whose vector is unrelated, and a linear layer names the digit. All components of the vectors,
queries and keys have variance 1 or 2 before training, as the argument for the divisor assumes. With the divisor "1,
small start", scores are not divided, but W^q and W^k start smaller by a factor of d^(1/4) each, so that scores before
training are as with the divisor sqrt(d). Adam, 200 steps, 32 sequences in a batch, a constant learning rate.

Writes the result `scale`: the loss in nats per digit and the fraction of right digits on 500 sequences that were not
trained on. Rates are a grid that holds the best one of every setting inside; seeds 100 and 101 choose it, and seeds 0
to 4 are reported.
"""

import math
from itertools import product

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from table import OPTIONS, Table, each, run
from torch import Tensor, nn

from lecture21.training import TrainConfig, minimize

C, PAIRS, STEPS, BATCH = 64, 8, 200, 32
WIDTHS = (16, 256)
SMALL_START = "1, small start"
DIVISORS = {"1": lambda d: 1.0, "sqrt(d)": math.sqrt, "d": float, SMALL_START: lambda d: 1.0}
RATES = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
SEEDS, HELD_OUT = range(5), (100, 101)

SCALE = Table("scale", key=("seed", "d_k", "divisor", "learning_rate"))


class Finder(nn.Module):
    """One head from the capitals to all tokens, and a linear layer."""

    def __init__(self, d_k: int, divisor: float):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(C, width, bias=False) for width in (d_k, d_k, C))
        self.read, self.divisor = nn.Linear(C, 10), divisor
        for layer in (self.query, self.key):
            nn.init.normal_(layer.weight, std=C**-0.5)

    def scores(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B N T"]:
        """Return the score of each capital with each token."""
        return self.query(x[:, PAIRS:]) @ self.key(x).mT / self.divisor

    def forward(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B N 10"]:
        """Return the logits of the digit at each capital."""
        return self.read(self.scores(x).softmax(dim=-1) @ self.value(x))


def draw(vectors: Float[Tensor, "62 C"], n: int, generator: torch.Generator) -> tuple[Tensor, Int[Tensor, "n N"]]:
    """Return n sequences of vectors, and the digit of each capital."""
    small, capital, digit = vectors.split([26, 26, 10])
    letters = torch.rand(n, 26, generator=generator).argsort(dim=1)[:, :PAIRS]
    digits = torch.randint(10, (n, PAIRS), generator=generator)
    place = torch.rand(n, PAIRS, generator=generator).argsort(dim=1)
    x = torch.cat([small[letters] + digit[digits], capital[letters.gather(1, place)]], dim=1)
    return x, digits.gather(1, place)


def start(width: int, divisor: str, seed: int) -> tuple[Finder, Float[Tensor, "62 C"]]:
    """Return an untrained head and the vectors of its letters, capitals and digits."""
    torch.manual_seed(seed)
    vectors = torch.randn(62, C)
    model = Finder(width, DIVISORS[divisor](width))
    if divisor == SMALL_START:
        for layer in (model.query, model.key):
            layer.weight.data /= width**0.25
    return model, vectors


def train(model: Finder, vectors: Float[Tensor, "62 C"], rate: float, seed: int, steps: int = STEPS) -> None:
    """Train a head in place."""

    def loss(generator: torch.Generator) -> Tensor:
        x, targets = draw(vectors, BATCH, generator)
        return F.cross_entropy(model(x).flatten(0, 1), targets.flatten())

    minimize(model, loss, TrainConfig(steps=steps, learning_rate=rate, seed=seed, device="cpu"))


@torch.no_grad()
def evaluate(model: Finder, vectors: Float[Tensor, "62 C"], seed: int) -> tuple[float, float]:
    """Return the loss and the accuracy on new sequences."""
    x, targets = draw(vectors, 500, torch.Generator().manual_seed(1000 + seed))
    logits = model(x)
    nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()
    return nats, (logits.argmax(dim=-1) == targets).float().mean().item()


def measure(seed: int, d_k: int, divisor: str, learning_rate: float) -> dict[str, float]:
    """Train a head, and return its loss and its accuracy on new sequences."""
    model, vectors = start(d_k, divisor, seed)
    train(model, vectors, learning_rate, seed)
    nats, accuracy = evaluate(model, vectors, seed)
    return {"nats": round(nats, 4), "accuracy": round(accuracy, 4)}


def main() -> None:
    """Train every setting."""
    chosen = [int(seed) for seed in OPTIONS.arguments] or (*SEEDS, *HELD_OUT)
    each(
        lambda key: SCALE.row(measure, **dict(zip(SCALE.key, key, strict=True))),
        product(chosen, WIDTHS, DIVISORS, RATES),
    )


if __name__ == "__main__":
    run(main)
