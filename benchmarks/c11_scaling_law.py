"""A scaling law on the plays: five sizes are fitted, and the loss of a sixth, three times larger, is predicted first.

Usage: python benchmarks/c11_scaling_law.py [SEED ...]   (0 1 2 if none is named; about 13 minutes on one core)

All models are the preset `modern` (4 layers, windows of 64 characters) with another width, and follow its recipe (Muon,
linear decay to 0) on the same 300 batches of 16 windows: 307,200 characters drawn, a quarter of the training part. The
number of characters is fixed, so the compute grows with the size, and the floor `c` below is that of this much
training: by this law no model of any size has a lower loss.

The learning rate is tuned for every fitted size: one factor multiplies the three rates of the recipe, so that Muon's is
0.01, 0.02 or 0.04; while the best is at an edge, the grid grows by a factor of 2. A trial takes 150 steps on the first
nine tenths of the training part, with seed 100, and is scored on the next 20,000 characters. The size that is held back
takes the rate of the largest fitted size, because in practice the largest run is too expensive to tune.

The law is L(N) = c + a (N / 100,000)^-b, where N counts the weights in the matrices of the blocks (12 L C^2) and L is
the mean over the seeds on the entire validation split, in nats; once with the floor c, and once with c = 0. It is
fitted by least squares. The intervals hold 95 % of 2,000 refits to the fitted curve with new residuals, whose variance
is drawn anew for each refit, as in a t distribution, since 5 sizes leave only 2 or 3 degrees of freedom. The interval
of a prediction contains one more residual.

Writes two results, and skips the runs that they already contain.
`scaling_law`: column `part` is search (loss on the 20,000 characters), run, or 5-gram (counted on the characters that a
seed has seen, or on the whole training part, in windows of 64).
`scaling_fit`: for each form of the law, the prediction of the largest fitted size from the smaller ones (a check), and
that of the size held back, written before that size is trained; `observed` is added at the end.
`seed` names the seeds behind the means.
"""

import math
import time

import common
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from lecture21 import GPT, presets
from lecture21.training import evaluate, recipe, train

NAME, FITS = "scaling_law", "scaling_fit"
HEADS = {16: 1, 28: 2, 48: 4, 80: 4, 144: 4, 256: 4}
"""Number of heads by width."""
*FITTED, HELD_BACK = HEADS
RATES, USUAL = (0.01, 0.02, 0.04), 0.02
STEPS, SEARCH_STEPS, SEARCH_SEED = 300, 150, 100
WINDOW, BATCH = 64, 16
UNIT = 100_000
EXPONENTS = torch.arange(0.01, 2.0, 0.005, dtype=torch.float64)
REFITS = 2000


def block_parameters(width: int) -> int:
    """Return N, the number of weights in the matrices of the four blocks."""
    return 12 * 4 * width**2


def trained(width: int, rate: float, seed: int, steps: int, tokens: Tensor) -> tuple[GPT, dict[str, object]]:
    """Train a model of some width, and return it with the columns that describe the run."""
    torch.manual_seed(seed)
    model = GPT(presets.get("modern", d_model=width, n_head=HEADS[width]))
    usual = recipe("modern")
    settings = recipe(
        "modern",
        steps=steps,
        batch_size=BATCH,
        muon_learning_rate=rate,
        learning_rate=usual.learning_rate * rate / USUAL,
        embedding_learning_rate=usual.embedding_learning_rate * rate / USUAL,
        eval_every=steps,
        seed=seed,
        device="cpu",
    )
    start = time.process_time()
    train(model, tokens, settings)
    run = {"seed": seed, "learning_rate": rate, "steps": steps, "seconds": round(time.process_time() - start, 1)}
    size = {"d_model": width, "block_parameters": block_parameters(width), "parameters": model.num_parameters()}
    return model, {**size, **run}


class Table:
    """The rows of `scaling_law`, saved whenever one is added."""

    COLUMNS = (
        *("part", "d_model", "block_parameters", "parameters", "seed", "learning_rate", "steps", "seconds", "nats"),
    )

    def __init__(self) -> None:
        self.rows = common.stored(NAME)

    def select(self, **values: object) -> list[dict[str, object]]:
        """Return the rows with these values."""
        return [row for row in self.rows if all(row[key] == value for key, value in values.items())]

    def add(self, **row: object) -> None:
        """Add a row, with empty cells for what it lacks, and save the table."""
        self.rows.append({column: row.get(column, math.nan) for column in self.COLUMNS})
        common.save(NAME, pd.DataFrame(self.rows).convert_dtypes(), arguments=False)  # whole numbers stay whole
        print("  ".join(str(value) for value in row.values()), flush=True)

    def mean(self, width: int) -> float:
        """Return the mean loss over the seeds of a width."""
        losses = [row["nats"] for row in self.select(part="run", d_model=width)]
        return sum(losses) / len(losses)


def search(table: Table, width: int, tokens: Tensor) -> float:
    """Return the best learning rate of a width on the end of the training part."""
    cut = len(tokens) * 9 // 10

    def score(rate: float) -> float:
        key = {"part": "search", "d_model": width, "learning_rate": rate}
        if not table.select(**key):
            model, columns = trained(width, rate, SEARCH_SEED, SEARCH_STEPS, tokens[:cut])
            table.add(part="search", **columns, nats=round(evaluate(model, tokens[cut : cut + 20_001]), 5))
        return table.select(**key)[0]["nats"]

    return next(iter(common.tune(score, RATES)))


def run(table: Table, width: int, seed: int, tokens: Tensor, val: Tensor) -> None:
    """Train and score one model, unless the table has it."""
    if not table.select(part="run", d_model=width, seed=seed):
        model, columns = trained(width, search(table, min(width, FITTED[-1]), tokens), seed, STEPS, tokens)
        table.add(part="run", **columns, nats=round(evaluate(model, val), 5))


def least_squares(
    sizes: Float[Tensor, " S"], losses: Float[Tensor, "R S"], floor: bool
) -> tuple[Float[Tensor, "R 3"], Float[Tensor, "R S"]]:
    """Return (a, b, c) of the law for each row of losses, and the losses of the law.

    For one exponent b the law is linear in a and c, so the best of EXPONENTS is searched.
    """
    powers = (sizes / UNIT) ** -EXPONENTS[:, None]  # (K, S)
    design = torch.stack([powers, torch.full_like(powers, float(floor))], dim=2)  # (K, S, 2)
    solutions = torch.linalg.pinv(design) @ losses.T  # (K, 2, R)
    laws = design @ solutions  # (K, S, R)
    best = (laws - losses.T).square().sum(1).argmin(0)  # (R,)
    row = torch.arange(len(losses))
    a, c = solutions[best, :, row].T
    return torch.stack([a, EXPONENTS[best], c], dim=1), laws[best, :, row]


def predict(table: Table, widths: list[int], target: int, floor: bool) -> dict[str, object]:
    """Fit the law to some widths, and return it with the predicted loss of another width, and 95 % intervals."""
    generator = torch.Generator().manual_seed(0)
    sizes, size = torch.tensor([float(block_parameters(w)) for w in widths]).double(), block_parameters(target)
    losses = torch.tensor([[table.mean(width) for width in widths]]).double()
    coefficients, law = least_squares(sizes, losses, floor)
    freedom = len(widths) - (3 if floor else 2)
    squares = (law - losses).square().sum()
    chi = torch.randn(REFITS, freedom, generator=generator).square().sum(1, keepdim=True)
    scale = (squares / chi).sqrt()  # (R, 1)
    refits, _ = least_squares(sizes, law + scale * torch.randn(REFITS, len(widths), generator=generator), floor)

    def loss(abc: Tensor) -> Tensor:
        a, b, c = abc.T
        return c + a * (size / UNIT) ** -b

    predicted = loss(refits) + scale[:, 0] * torch.randn(REFITS, generator=generator)
    row = {"law": "floor" if floor else "no floor", "d_model": target, "block_parameters": size}
    row |= {"observed": math.nan, "residual": round((squares / freedom).sqrt().item(), 5)}
    columns = {name: (coefficients[0, i], refits[:, i]) for i, name in enumerate("abc")}
    for name, (value, values) in {**columns, "predicted": (loss(coefficients)[0], predicted)}.items():
        low, high = values.quantile(torch.tensor([0.025, 0.975]).double()).tolist()
        row |= {name: round(value.item(), 4), f"{name}_low": round(low, 4), f"{name}_high": round(high, 4)}
    return row


def main() -> None:
    """Train the fitted sizes, store the prediction, then train the size that was held back."""
    seeds = common.start(3)
    tokenizer, tokens, val = common.encoded_plays()
    table = Table()
    if not table.select(part="5-gram"):
        everything = torch.ones(len(tokens), dtype=torch.bool)
        texts = {seed: common.seen_by(seed, len(tokens), STEPS, WINDOW, BATCH) for seed in seeds}
        for seed, seen in {**texts, math.nan: everything}.items():
            model = common.CountedNGram(5, tokens, seen, tokenizer.vocab_size)
            table.add(part="5-gram", seed=seed, nats=round(evaluate(model, val, WINDOW), 5))

    for seed in seeds:
        for width in FITTED:
            run(table, width, seed, tokens, val)
    fits = [predict(table, FITTED[:-1], FITTED[-1], floor) for floor in (True, False)]
    fits += [predict(table, FITTED, HELD_BACK, floor) for floor in (True, False)]
    for fit in fits:
        fit["seed"] = " ".join(map(str, seeds))
    common.save(FITS, fits, arguments=False)
    print(pd.DataFrame(fits).T.to_string(), flush=True)

    for seed in seeds:
        run(table, HELD_BACK, seed, tokens, val)
    for fit in fits:
        fit["observed"] = round(table.mean(fit["d_model"]), 5)
        inside = fit["predicted_low"] <= fit["observed"] <= fit["predicted_high"]
        print(f"{fit['law']}, {fit['block_parameters']:,}: {fit['predicted']} and {fit['observed']}, inside: {inside}")
    common.save(FITS, fits, arguments=False)
    print(f"{time.process_time():.0f} s of one core")


if __name__ == "__main__":
    main()
