"""By what should scores be divided? Heads of two widths, with three divisors, over a range of learning rates.

Usage: python benchmarks/c03_scale.py [SEED ...]        (seeds 0 to 4 if none is given; about 50 s each on one core)

Each sequence has eight letters with a digit each, and the same letters as capitals in another order; at a capital, one
head must find its letter, whose vector is unrelated, and a linear layer names the digit. All components of the vectors,
queries and keys have variance 1 or 2 before training, as the argument for the divisor assumes. With the divisor "1,
small start", scores are not divided, but W^q and W^k start smaller by a factor of d^(1/4) each, so that scores before
training are as with the divisor sqrt(d). Adam, 200 steps, 32 sequences in a batch, a constant learning rate.

A second part takes the undivided heads at the best rate of their width and looks at their letters: which are right, and
what the softmax lets through for the others, before training and after. Then copies of a head train on: as it is for
600 updates, and for 200 with its scores divided by their standard deviation in a row.

A third part takes one step of Adam, and measures by how much it moves a score, and by how much it moves the score of
the right letter relative to the mean of all others.

Writes the result `scale`: the loss in nats per digit and the fraction of right digits on 500 sequences that were not
trained on. Rates are a grid that holds the best one of every setting inside. Writes the results `scale_letters` and
`scale_step` of the other two parts.
"""

import copy
import math
from itertools import product

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from table import Table, each, run, seeds
from torch import Tensor, nn

from lecture21.training import TrainConfig, minimize

C, PAIRS, STEPS, BATCH = 64, 8, 200, 32
WIDTHS = (16, 256)
SMALL_START = "1, small start"
DIVISORS = {"1": lambda d: 1.0, "sqrt(d)": math.sqrt, "d": float, SMALL_START: lambda d: 1.0}
RATES = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
STEP_RATE = 1e-3

SCALE = Table("scale", key=("seed", "d_k", "divisor", "learning_rate"))
LETTERS = Table("scale_letters", key=("seed", "d_k", "learning_rate"))
STEP = Table("scale_step", key=("seed", "d_k", "divisor", "learning_rate"))


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


def letters_of(
    x: Float[Tensor, "n T C"], vectors: Float[Tensor, "62 C"]
) -> tuple[Int[Tensor, "n N"], Bool[Tensor, "n N T"]]:
    """Return the letter of each capital, and which of the tokens it must find."""
    small, capital, _ = vectors.split([26, 26, 10])
    letter = torch.cdist(x[:, PAIRS:], capital).argmin(dim=-1)
    place = torch.cdist(x[:, :PAIRS], small).argmin(dim=-1)
    return letter, F.pad(letter[:, :, None] == place[:, None], (0, PAIRS))


@torch.no_grad()
def by_letter(model: Finder, vectors: Float[Tensor, "62 C"], seed: int) -> Float[Tensor, "26 3"]:
    """Return, for each letter, how often its digit is right, its weight, and the slope that its softmax lets through.

    The slope is the median norm of the matrix of all derivatives of weights with respect to scores.
    """
    x, targets = draw(vectors, 500, torch.Generator().manual_seed(1000 + seed))
    w = model.scores(x).softmax(dim=-1)  # (n, PAIRS, 2 PAIRS)
    slope = (torch.diag_embed(w) - w[..., :, None] * w[..., None, :]).norm(dim=(-2, -1))
    right = (model(x).argmax(dim=-1) == targets).float()
    letter, is_right = letters_of(x, vectors)
    weight = (w * is_right).sum(dim=-1)
    rows = [(right[letter == i].mean(), weight[letter == i].mean(), slope[letter == i].median()) for i in range(26)]
    return torch.tensor(rows)


def letters(seed: int, d_k: int, learning_rate: float) -> dict[str, float]:
    """Train an undivided head, and return what its letters and its further training show."""
    model, vectors = start(d_k, "1", seed)
    before = by_letter(model, vectors, seed)[:, 2].median().item()
    train(model, vectors, learning_rate, seed)
    right, weight, slope = by_letter(model, vectors, seed).T
    stuck = right < 0.5
    row = {"slope_before": before, "accuracy": evaluate(model, vectors, seed)[1]}
    row |= {"n_right": (right > 0.95).sum().item(), "n_stuck": stuck.sum().item()}
    row |= {"right_stuck": right[stuck].mean().item(), "weight_stuck": weight[stuck].mean().item()}
    row["slope_stuck"] = slope[stuck].median().item() if stuck.any() else math.nan
    for name, steps, divided in (("on_600", 600, False), ("divided_200", 200, True)):
        other = copy.deepcopy(model)
        if divided:
            x, _ = draw(vectors, 500, torch.Generator().manual_seed(2000 + seed))
            with torch.no_grad():
                other.divisor = other.scores(x).std(dim=-1).mean().item()
        train(other, vectors, learning_rate, 100 + seed, steps)
        row[name] = evaluate(other, vectors, seed)[1]
    return {name: round(x, 4) for name, x in row.items()}


def step(seed: int, d_k: int, divisor: str, learning_rate: float) -> dict[str, float]:
    """Take one step of Adam, and return how far it moves a score, and the right letter's lead over all other tokens."""
    model, vectors = start(d_k, divisor, seed)
    x, _ = draw(vectors, 500, torch.Generator().manual_seed(3000 + seed))
    is_right = letters_of(x, vectors)[1]
    before = model.scores(x).detach()
    train(model, vectors, learning_rate, seed, steps=1)
    change = model.scores(x).detach() - before
    lead = change[is_right].mean() - change[~is_right].mean()
    return {"moved": round(change.abs().mean().item(), 5), "lead": round(lead.item(), 5)}


def best_undivided(d_k: int) -> float:
    """Return the learning rate at which undivided heads of a width have the highest mean accuracy."""
    rows = [SCALE.select(d_k=d_k, divisor="1", learning_rate=rate) for rate in RATES]
    accuracy = [sum(row["accuracy"] for row in of_rate) for of_rate in rows]
    return RATES[accuracy.index(max(accuracy))]


def main() -> None:
    """Train every setting, then what is asked of the best undivided heads, and of one step."""
    each(
        lambda key: SCALE.row(measure, **dict(zip(SCALE.key, key, strict=True))),
        product(seeds(5), WIDTHS, DIVISORS, RATES),
    )
    for d_k in WIDTHS:
        for seed in seeds(5):
            LETTERS.row(letters, seed=seed, d_k=d_k, learning_rate=best_undivided(d_k))
        for divisor in ("1", "sqrt(d)", "d"):
            for seed in range(5):
                STEP.row(step, seed=seed, d_k=d_k, divisor=divisor, learning_rate=STEP_RATE)


if __name__ == "__main__":
    run(main)
