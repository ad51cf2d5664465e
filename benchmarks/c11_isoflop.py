"""The best size for a budget of compute: found for four budgets on the plays, and predicted for a fifth.

Usage: python benchmarks/c11_isoflop.py [SEED ...]   (0 1 2 if none is named; about 6 minutes on one core)

All models are the preset `modern` (windows of 64 characters) with 2 layers and another width, and follow its recipe
(Muon, linear decay to 0, batches of 12 windows). A budget C is the FLOPs of the training: the characters D it reads
times the FLOPs of one, as `accounting.flops_per_token` counts them, attention included. So a larger model reads less.
No run reads a character twice: its windows do not overlap, and a seed puts them in an order of its own. N counts the
weights in matrices, the output layer included, so that C = 6 N D plus attention.

The learning rate is tuned for every size at every budget, at full length, on the loss that is reported, with the first
seed: one factor multiplies the three rates of the recipe. It starts with Muon's at 0.16 and continues by factors of 2
until the best has a worse one on each side. The other seeds use the best. The loss is the mean over the seeds on the
entire validation split, in nats.

A parabola in log N is fitted to the five losses of a budget, with one curvature for all; its vertex is the best size N*
and the loss there. Lines through the logarithms of N* and of the loss over log C give those of the fifth budget. The
prediction is stored with its interval before a model of the fifth budget is trained: of the width nearest to N*, and of
those nearest to half of it and to twice of it. The measured N* is the vertex through these three.

The intervals hold 95 % of 2,000 refits. Each adds new residuals to the fitted parabolas, whose variance is drawn anew,
as in a t distribution, since four budgets of five sizes leave 11 degrees of freedom. A prediction is followed by its
measurement: three losses with such residuals. That a straight line holds beyond the fitted budgets is assumed.

The law of Hoffmann et al. (2022), loss = E + A / N^alpha + B / D^beta, is fitted to the mean losses of the fitted
budgets, by least squares over a grid of alpha and beta. Its intervals hold 95 % of 2,000 refits, to means of seeds that
are drawn again for each size. A mean of n drawn seeds varies by a factor of sqrt((n - 1) / n) too little, and is moved
that much farther from the mean of all. That the law is true, and the rates the best, is assumed. The best size of a
budget is that of the lowest loss where 6 N D plus attention is the budget.

The models of the fifth budget took the rates of the fourth. Later they were trained again, and one more size, each at
its own best rate, which one more seed chose.

Writes three results.
`isoflop`: column `part` is search or run, and for what was trained later "later search" or "later run".
`isoflop_optima`: for each budget N* and the loss, and for the fifth also what was predicted, and what was measured
later; the exponent of each line is in the row of the fifth, and `seed` names the seeds behind the means.
`isoflop_law`: E, A, B, alpha, beta; the exponent of the best size over the fitted budgets, and what it would be without
attention, beta / (alpha + beta); for the fifth budget the best size, and the loss of each size that was trained; each
with its interval.
"""

import math
import time
from collections.abc import Iterable, Sequence

import common
import pandas as pd
import torch
from jaxtyping import Float, Int
from table import Table, each, run, seeds
from torch import Tensor

from lecture21 import GPT, GPTConfig, accounting, presets
from lecture21.training import evaluate, minimize, recipe

RUNS = Table("isoflop", key=("part", "budget", "d_model", "seed", "learning_rate"))
OPTIMA = Table("isoflop_optima", key=("seed",))
LAW = Table("isoflop_law", key=("seed",))
FITTED = {1e9: (4, 6, 8, 12, 16), 3e9: (6, 8, 12, 16, 20), 1e10: (12, 16, 20, 28, 40), 3e10: (12, 16, 24, 28, 40)}
"""Widths by budget, in FLOPs."""
PREDICTED = 1e11
WIDER, TUNED_WITH = 48, 3
"""A width beyond those of the prediction, and the seed that chooses rates for the predicted budget itself, later."""
FIRST_RATE = 0.16
WINDOW, BATCH = 64, recipe("modern").batch_size
REFITS = 2000
EXPONENTS = torch.arange(2, 80).double() / 100
"""Those that are tried as alpha and as beta."""


def shape(width: int) -> GPTConfig:
    """Return the configuration of a width, with a head for every 16 channels."""
    return presets.get("modern", n_layer=2, d_model=width, n_head=max(1, width // 16))


def weights(width: int) -> int:
    """Return N, the number of weights in matrices: each takes part in one multiplication and addition."""
    return accounting.flops_per_token(shape(width)).linear // 2


def steps(width: int, budget: float) -> int:
    """Return the number of updates that a budget allows."""
    return round(budget / (accounting.flops_per_token(shape(width)).training * WINDOW * BATCH))


def trained(width: int, budget: float, rate: float, seed: int, tokens: Tensor) -> tuple[GPT, float]:
    """Train a model on windows that it reads once, and return it with the seconds."""
    torch.manual_seed(seed)
    model = GPT(shape(width))
    order = torch.randperm((len(tokens) - 1) // WINDOW, generator=torch.Generator().manual_seed(seed))
    count = steps(width, budget)
    if count * BATCH > len(order):
        raise ValueError(f"width {width} at {budget:g} FLOPs needs {count * BATCH} windows, the text has {len(order)}")
    batches = iter(order[: count * BATCH].view(count, BATCH))

    def loss(_: torch.Generator) -> Tensor:
        windows = tokens[next(batches)[:, None] * WINDOW + torch.arange(WINDOW + 1)]
        return model.loss(windows[:, :-1], windows[:, 1:])

    usual = recipe("modern")
    factor = rate / usual.muon_learning_rate
    settings = recipe(
        "modern",
        steps=count,
        muon_learning_rate=rate,
        learning_rate=usual.learning_rate * factor,
        embedding_learning_rate=usual.embedding_learning_rate * factor,
        seed=seed,
    )
    start = time.process_time()
    minimize(model, loss, settings)
    return model, round(time.process_time() - start, 1)


def measure(part: str, budget: float, d_model: int, seed: int, learning_rate: float) -> dict[str, object]:
    """Train and score a model; a run of the search that is also reported is not trained twice."""
    for row in RUNS.select(budget=budget, d_model=d_model, seed=seed, learning_rate=learning_rate):
        return {name: row[name] for name in ("weights", "characters", "seconds", "nats")}
    _, tokens, val = common.encoded_plays()
    model, seconds = trained(d_model, budget, learning_rate, seed, tokens)
    return {
        "weights": weights(d_model),
        "characters": steps(d_model, budget) * BATCH * WINDOW,
        "seconds": seconds,
        "nats": round(evaluate(model, val), 5),
    }


def tuned(budget: float, width: int, seed: int) -> float:
    """Return the best learning rate; for the budget that is predicted, that of the nearest size a budget below."""
    if budget == PREDICTED:
        budget = max(FITTED)
        width = min(FITTED[budget], key=lambda fitted: abs(math.log(weights(fitted) / weights(width))))
    where = {"part": "search", "budget": budget, "d_model": width}
    return RUNS.tune(measure, "learning_rate", (FIRST_RATE,), by="nats", seeds=(seed,), reported=(), **where)


def means(budget: float, widths: Iterable[int], runs: list[int]) -> dict[int, float]:
    """Return the mean loss of each width at its best learning rate, which is searched with the first seed."""

    def mean(width: int) -> float:
        where = {"part": "run", "budget": budget, "d_model": width, "learning_rate": tuned(budget, width, runs[0])}
        return sum(RUNS.row(measure, **where, seed=seed)["nats"] for seed in runs) / len(runs)

    return dict(zip(widths, each(mean, widths), strict=True))


def later(width: int, runs: list[int]) -> float:
    """Return the mean loss of a width on the predicted budget at its own best rate, which another seed chooses."""
    where = {"budget": PREDICTED, "d_model": width}
    rate = RUNS.tune(
        measure, "learning_rate", (FIRST_RATE,), by="nats", seeds=(TUNED_WITH,), reported=runs, part="later search",
        **where,
    )  # fmt: skip
    rows = [RUNS.row(measure, part="later run", learning_rate=rate, seed=seed, **where) for seed in runs]
    return sum(row["nats"] for row in rows) / len(rows)


def log_sizes(widths: Iterable[int]) -> Float[Tensor, " S"]:
    """Return log N of some widths."""
    return torch.tensor([float(weights(width)) for width in widths]).double().log()


def vertices(
    x: Float[Tensor, " S"], budget: Int[Tensor, " S"], losses: Float[Tensor, "R S"], curvature: Tensor | None = None
) -> tuple[Float[Tensor, "R B 2"], Float[Tensor, " R"], Float[Tensor, "R S"]]:
    """Fit a parabola over x for each of B budgets, all of one curvature, to each row of losses by least squares.

    Args:
        x: log N.
        budget: index of the budget of each loss.
        losses: one row for each refit.
        curvature: of each row, of shape (R,); fitted if not given.

    Returns:
        x and loss of the lowest points, the curvatures, and the fitted losses.
    """
    center = x.mean()
    flat = torch.nn.functional.one_hot(budget).double()  # (S, B)
    design = torch.cat([flat, flat * (x - center)[:, None]], dim=1)
    square = (x - center).square()[:, None]
    if curvature is None:
        *solution, curvature = torch.linalg.pinv(torch.cat([design, square], dim=1)) @ losses.T
        solution = torch.stack(solution, dim=1)  # (R, 2B)
    else:
        solution = (losses - curvature[:, None] * square.T) @ torch.linalg.pinv(design).T
    height, slope = solution.unflatten(1, (2, -1)).unbind(1)  # (R, B) each
    a = curvature[:, None]
    lowest = torch.stack([center - slope / (2 * a), height - slope.square() / (4 * a)], dim=2)
    return lowest, curvature, solution @ design.T + a * square.T


def line(x: Float[Tensor, " B"], y: Float[Tensor, "R B"], at: float) -> tuple[Float[Tensor, " R"], Float[Tensor, " R"]]:
    """Return the slope of the line through each row of y, and its value at another x."""
    centered = x - x.mean()
    slope = y @ centered / centered.square().sum()
    return slope, y.mean(1) + slope * (at - x.mean())


def nearest(log_size: float, n_windows: int) -> list[int]:
    """Return the widths, multiples of 4 that the text is long enough for, nearest to half, once and twice a size."""
    widths = [width for width in range(4, 49, 4) if steps(width, PREDICTED) * BATCH <= n_windows]
    targets = (log_size + shift * math.log(2) for shift in (-1, 0, 1))
    return [min(widths, key=lambda width: abs(math.log(weights(width)) - target)) for target in targets]


def rounded(name: str, values: Sequence[float]) -> dict[str, float]:
    """Return a value and the limits of its interval as columns; sizes are given by their logarithm."""
    texts = [round(math.exp(value)) if "weights" in name else round(value, 4) for value in values]
    return dict(zip((name, f"{name}_low", f"{name}_high"), texts, strict=True))


class Fit:
    """The parabolas of the fitted budgets, and refits to them with new residuals.

    Args:
        means: the mean loss by width for each budget.
    """

    def __init__(self, means: dict[float, dict[int, float]]):
        self.generator = torch.Generator().manual_seed(0)
        self.budgets = list(means)
        x = torch.cat([log_sizes(widths) for widths in means.values()])
        index = torch.tensor([i for i, widths in enumerate(means.values()) for _ in widths])
        losses = torch.tensor([[loss for widths in means.values() for loss in widths.values()]]).double()
        self.lowest, self.curvature, curves = vertices(x, index, losses)
        squares, freedom = (curves - losses).square().sum(), len(x) - 2 * len(means) - 1
        self.residual = (squares / freedom).sqrt().item()
        chi = torch.randn(REFITS, freedom, generator=self.generator).double().square().sum(1, keepdim=True)
        self.scale = (squares / chi).sqrt()  # (R, 1)
        self.refits, self.curvatures, _ = vertices(x, index, self.noisy(curves))

    def noisy(self, losses: Float[Tensor, "R S"]) -> Float[Tensor, "R S"]:
        """Return losses with new residuals, for each refit."""
        return losses + self.scale * torch.randn(REFITS, losses.shape[1], generator=self.generator).double()

    def optima(self) -> list[dict[str, object]]:
        """Return N* and the loss of each fitted budget, with intervals."""
        return [self.row(b, self.lowest[0, i], self.refits[:, i]) for i, b in enumerate(self.budgets)]

    def measured(self, widths: dict[int, float]) -> dict[str, object]:
        """Return N* and the loss of the budget that was predicted, with intervals, from its losses by width."""
        x, losses = log_sizes(widths), torch.tensor([list(widths.values())]).double()
        index = torch.zeros(len(x), dtype=torch.long)
        lowest, _, curve = vertices(x, index, losses, self.curvature)
        refits, _, _ = vertices(x, index, self.noisy(curve), self.curvatures)
        return self.row(PREDICTED, lowest[0, 0], refits[:, 0])

    def row(self, budget: float, lowest: Float[Tensor, " 2"], refits: Float[Tensor, "R 2"]) -> dict[str, object]:
        """Return the columns of one optimum."""
        columns = {"budget": budget}
        for i, name in enumerate(("weights", "nats")):
            columns |= rounded(name, (lowest[i].item(), *interval(refits[:, i])))
        return columns

    def prediction(self, n_windows: int) -> dict[str, object]:
        """Return what the lines predict to be measured at the other budget, with intervals."""
        columns, values = {}, []
        log_budgets = torch.tensor(self.budgets).double().log()
        for i, name in enumerate(("weights", "nats")):
            y, ys = self.lowest[:, :, i], self.refits[:, :, i]
            if name == "nats":
                y, ys = y.log(), ys.log()
            (slope, value), (slopes, at_budget) = (line(log_budgets, v, math.log(PREDICTED)) for v in (y, ys))
            low, high = interval(slopes)
            columns |= {f"{name}_exponent": round(slope.item(), 4), f"{name}_exponent_low": round(low, 4)}
            columns |= {f"{name}_exponent_high": round(high, 4)}
            values.append((value.item(), at_budget[:, None]))
        (best, vertex), (log_loss, lowest) = values
        widths = nearest(best, n_windows)
        x = log_sizes(widths)
        losses = self.noisy(lowest.exp() + self.curvatures[:, None] * (x - vertex) ** 2)
        measured, _, _ = vertices(x, torch.zeros(len(x), dtype=torch.long), losses, self.curvatures)
        columns |= rounded("predicted_weights", (best, *interval(measured[:, 0, 0])))
        columns |= rounded("predicted_nats", (math.exp(log_loss), *interval(measured[:, 0, 1])))
        low, high = interval(self.curvatures)
        columns |= {"curvature": round(self.curvature.item(), 5), "curvature_low": round(low, 5)}
        columns |= {"curvature_high": round(high, 5), "residual": round(self.residual, 5)}
        return columns | {"predicted_widths": " ".join(map(str, widths))}


def interval(values: Tensor) -> tuple[float, float]:
    """Return the limits of the central 95 % of some values."""
    return tuple(values.quantile(torch.tensor([0.025, 0.975]).double()).tolist())


def resampled(losses: Float[Tensor, "S N"]) -> Float[Tensor, "R S"]:
    """Return the mean losses of S sizes over N seeds, and below them those over seeds that are drawn again."""
    n_size, n_seed = losses.shape
    drawn = torch.randint(n_seed, (REFITS, n_size, n_seed), generator=torch.Generator().manual_seed(0))
    means = losses.mean(1)
    again = losses.expand(REFITS, -1, -1).gather(2, drawn).mean(2)
    return torch.cat([means[None], means + (again - means) * math.sqrt(n_seed / (n_seed - 1))])


def laws(
    weights: Float[Tensor, " S"], characters: Float[Tensor, " S"], losses: Float[Tensor, "R S"]
) -> tuple[Float[Tensor, "R 2"], Float[Tensor, "R 3"]]:
    """Fit E + A / N^alpha + B / D^beta to each row of losses by least squares; return alpha, beta, and E, A, B."""
    least = torch.full((len(losses),), math.inf).double()
    exponents, factors = torch.zeros(len(losses), 2).double(), torch.zeros(len(losses), 3).double()
    for alpha in EXPONENTS:
        for beta in EXPONENTS:
            terms = torch.stack([torch.ones_like(weights), weights**-alpha, characters**-beta], dim=1)
            solution = losses @ torch.linalg.pinv(terms).T
            error = (solution @ terms.T - losses).square().sum(1)
            better = error < least
            least = error.where(better, least)
            exponents[better] = torch.stack([alpha, beta])
            factors[better] = solution[better]
    return exponents, factors


def per_character(size: Float[Tensor, " S"]) -> Float[Tensor, " S"]:
    """Return the FLOPs of a character in training, attention included, for models of N weights between the widths."""
    narrow, wide = 16, 32
    slope = weights(narrow) / narrow  # N is a quadratic of the width, attention is proportional to it
    square = (weights(wide) / wide - slope) / (wide - narrow)
    line = slope - square * narrow
    width = ((line**2 + 4 * square * size).sqrt() - line) / (2 * square)
    return 6 * size + 3 * accounting.flops_per_token(shape(narrow)).attention / narrow * width


def lowest(exponents: Float[Tensor, "R 2"], factors: Float[Tensor, "R 3"], budget: float) -> Float[Tensor, " R"]:
    """Return log N of the lowest loss that each law gives a budget, with attention counted."""
    size = torch.linspace(math.log(1000), math.log(60_000), 3000).double().exp()
    text = budget / per_character(size)
    losses = factors[:, 1:2] * size ** -exponents[:, :1] + factors[:, 2:] * text ** -exponents[:, 1:]
    return size.log()[losses.argmin(1)]


def law(seed: str) -> list[dict[str, object]]:
    """Fit the law to the runs of the fitted budgets with these seeds, and continue it to the predicted budget."""
    runs = [row for row in RUNS.select(part="run") if row["budget"] in FITTED and str(row["seed"]) in seed.split()]
    fitted = pd.DataFrame(runs).pivot(index=["budget", "weights", "characters"], columns="seed", values="nats")
    held = sorted({(row["weights"], row["characters"]) for row in RUNS.select(budget=PREDICTED)})
    size, text = (torch.tensor(fitted.index.get_level_values(name)).double() for name in ("weights", "characters"))
    exponents, factors = laws(size, text, resampled(torch.tensor(fitted.values).double()))
    alpha, beta = exponents.T
    best = torch.stack([lowest(exponents, factors, budget) for budget in FITTED], dim=1)
    exponent, _ = line(torch.tensor(list(FITTED)).double().log(), best, 0.0)
    quantities = {"E": factors[:, 0], "A": factors[:, 1], "B": factors[:, 2], "alpha": alpha, "beta": beta}
    quantities |= {"exponent": exponent, "exponent by 6 N D": beta / (alpha + beta)}
    quantities["best weights"] = lowest(exponents, factors, PREDICTED)
    for n, d in held:
        quantities[f"nats of {n}"] = factors[:, 0] + factors[:, 1] * n**-alpha + factors[:, 2] * d**-beta
    return [{"quantity": name} | _limits(name, values) for name, values in quantities.items()]


def _limits(name: str, values: Float[Tensor, " R"]) -> dict[str, float]:
    """Return the first value, and the limits of the interval of the others; sizes are given by their logarithm."""
    columns = rounded(name, (values[0].item(), *interval(values[1:])))
    return dict(zip(("value", "value_low", "value_high"), columns.values(), strict=True))


def fit(runs: list[int]) -> Fit:
    """Fit the parabolas to the means over some seeds."""
    return Fit({budget: means(budget, widths, runs) for budget, widths in FITTED.items()})


def predict(fitted: Fit) -> dict[str, object]:
    """Return the prediction for the plays."""
    return fitted.prediction((len(common.encoded_plays()[1]) - 1) // WINDOW)


def optima(seed: str) -> list[dict[str, object]]:
    """Return the optima of the fitted budgets and the prediction, from the runs with these seeds."""
    fitted = fit([int(number) for number in seed.split()])
    return [*fitted.optima(), {"budget": PREDICTED, **predict(fitted)}]


def main() -> None:
    """Train the fitted budgets, store the prediction, then train the budget that is predicted."""
    runs = seeds(3)
    names = {"seed": " ".join(map(str, runs))}
    fitted = fit(runs)
    OPTIMA.rows(optima, **names)
    widths = [int(width) for width in predict(fitted)["predicted_widths"].split()]
    measured = fitted.measured(means(PREDICTED, widths, runs))
    widths.append(WIDER)
    tuned_later = fitted.measured(dict(zip(widths, each(lambda width: later(width, runs), widths), strict=True)))
    measured |= {f"later_{name}": value for name, value in tuned_later.items() if name != "budget"}
    for name, value in list(measured.items())[1:]:
        OPTIMA.label(name, lambda _, value=value: value, **names, budget=PREDICTED)
    LAW.rows(law, **names)


if __name__ == "__main__":
    run(main)
