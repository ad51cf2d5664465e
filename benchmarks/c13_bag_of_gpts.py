"""A bag of GPTs against one model that is trained for longer: average of probabilities, and average of logits.

Usage: python benchmarks/c13_bag_of_gpts.py        (about 5 minutes on one core; continues from runs/bag_of_gpts)

`bag`: six members of the size of `modern-gpt0` (205,632 parameters, windows of 32 characters), which differ in the seed
of their weights and batches. Each is trained for 500 steps of 16 windows with Muon and AdamW and a linear decay to 0.
The learning rates are `scale` times 0.02 (Muon), 0.003 (AdamW) and 0.01 (embeddings). `scale` is tuned for the average
of the probabilities of two members: 1, 2, 4, and on beyond whichever end is best. The search uses other seeds and never
the validation split: it scores on the last tenth of the training part, and trains on the rest. Pools of 1, 2 and 3
neighbors in a ring, so that each member occurs equally often, and of all six.

`twice`: one member with the same recipe and twice the steps, 1,000, for three seeds: a third of the compute of six
members. The learning rates are those that were tuned for 500 steps.

`one`: the pretrained `modern-gpt0`, whose recipe has 1,200 steps of 32 windows: 4/5 of the compute of six members. The
result `modern` has two more seeds of it.

Writes the result `bag_of_gpts`. `members` is the number of models that are averaged and `seed` theirs; `characters` is
the number of training characters that they have read together, proportional to their compute. `average` is their mean
loss, `probabilities` the loss of the mean of their distributions, `logits` that of the mean of their logits, in nats
per character: of the whole validation split for runs and n-grams (`steps` is then the order). `seconds` is the
processor time of the training of all members together.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import common
import torch
from jaxtyping import Int
from table import Table, run, stored
from torch import Tensor

from lecture21 import GPT, GPTConfig, TrainConfig, pretrained, train
from lecture21._support.storage import load_tensors, save_tensors
from lecture21.mixtures import log_pool_decomposition, mixture_gap
from lecture21.training import recipe

MEMBERS, STEPS, WINDOWS, WINDOW = 6, 500, 16, 32
SCALES = (1.0, 2.0, 4.0)
SHAPE = GPTConfig(
    position="rotary",
    norm="rmsnorm",
    qk_norm=True,
    activation="relu2",
    bias=False,
    initialization="zero",
    logit_cap=15.0,
)
TRAINED = Path("runs/bag_of_gpts")
_, TRAIN, VAL = common.encoded_plays()
TENTH = len(TRAIN) // 10
TEXTS = {"all": TRAIN, "nine tenths": TRAIN[:-TENTH], "scarce": TRAIN[:20_000]}
LOSSES = ("average", "probabilities", "logits")
GROUPS = {
    "search": [[0], [1], [0, 1]],
    "run": [*([(k + j) % MEMBERS for j in range(m)] for m in (1, 2, 3) for k in range(MEMBERS)), list(range(MEMBERS))],
}
SEEDS = {"search": (100, 101), "run": range(MEMBERS)}
RUNS = Table("bag_of_gpts", key=("part", "arm", "steps", "scale"))


def fit(text: str, seed: int, scale: float, steps: int = STEPS) -> tuple[GPT, float]:
    """Return a trained member, and the seconds of its training; a finished run is read from its file."""
    path = TRAINED / f"{text}-{steps}-{scale}-{seed}.safetensors"
    torch.manual_seed(seed)
    model = GPT(SHAPE)
    if path.is_file():
        tensors, metadata = load_tensors(path)
        model.load_state_dict(tensors)
        return model.eval(), float(metadata["seconds"])
    config = TrainConfig(
        steps=steps,
        batch_size=WINDOWS,
        optimizer="muon",
        muon_learning_rate=0.02 * scale,
        learning_rate=3e-3 * scale,
        embedding_learning_rate=1e-2 * scale,
        schedule="linear",
        eval_every=steps,
        seed=seed,
        device="cpu",
    )
    start = time.process_time()
    train(model, TEXTS[text], config)
    seconds = time.process_time() - start
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(path, model.state_dict(), {"seconds": str(seconds)})
    return model.eval(), seconds


@torch.no_grad()
def pools(members: Sequence[GPT], tokens: Int[Tensor, " N"], groups: Sequence[Sequence[int]]) -> list[dict[str, float]]:
    """Return the losses of each group of models, over every character of `tokens` but the first."""
    whole = (len(tokens) - 1) // WINDOW * WINDOW
    ids, targets = (list(tokens[i : i + whole].view(-1, WINDOW).split(128)) for i in (0, 1))
    if whole < len(tokens) - 1:
        ids.append(tokens[None, whole:-1])
        targets.append(tokens[None, whole + 1 :])
    totals = torch.zeros(len(groups), len(LOSSES), dtype=torch.float64)
    for x, y in zip(ids, targets, strict=True):
        logs = torch.stack([model(x).log_softmax(-1) for model in members], dim=-2)  # (B, T, M, V)
        for total, group in zip(totals, groups, strict=True):
            weights = torch.full((len(group),), 1 / len(group))
            some = logs[..., group, :]
            mixture, geometric = mixture_gap(some, y, weights), log_pool_decomposition(some, y, weights)
            terms = (mixture.average, mixture.ensemble, geometric.ensemble)
            total += torch.stack([term.double().sum() for term in terms])
    return [dict(zip(LOSSES, row, strict=True)) for row in (totals / (len(tokens) - 1)).tolist()]


def row_of(seed: str, members: int, characters: int, losses: Mapping[str, float], seconds: float | None) -> dict:
    """Return what is measured of one group of models."""
    measured = {name: round(loss, 5) for name, loss in losses.items()}
    return {"members": members, "seed": seed, "characters": characters, **measured, "seconds": seconds}


def bag(part: str, arm: str, steps: int, scale: float) -> list[dict[str, object]]:
    """Train the members, and return a row for each group of them."""
    text, scored = ("nine tenths", TRAIN[-TENTH:]) if part == "search" else ("all", VAL)
    seeds = SEEDS[part]
    members, seconds = zip(*[fit(text, seed, scale, steps) for seed in seeds], strict=True)
    return [
        row_of(
            " ".join(str(seeds[k]) for k in group), len(group), len(group) * steps * WINDOWS * WINDOW, losses,
            round(sum(seconds[k] for k in group), 1),
        )
        for group, losses in zip(GROUPS[part], pools(members, scored, GROUPS[part]), strict=True)
    ]  # fmt: skip


def twice(part: str, arm: str, steps: int, scale: float) -> list[dict[str, object]]:
    """Train one member for longer, with three seeds."""
    rows = []
    for seed in range(3):
        member, seconds = fit("all", seed, scale, steps)
        (losses,) = pools([member], VAL, [[0]])
        rows.append(row_of(str(seed), 1, steps * WINDOWS * WINDOW, losses, round(seconds, 1)))
    return rows


def one(part: str, arm: str, steps: int, scale: float) -> dict[str, object]:
    """Score the pretrained model."""
    model, _ = pretrained.load("modern-gpt0")
    (losses,) = pools([model], VAL, [[0]])
    (published,) = [row for row in stored("pretrained_models") if row["model"] == "modern-gpt0"]
    characters = steps * recipe("modern-gpt0").batch_size * WINDOW
    return row_of(str(published["seed"]), 1, characters, losses, published["seconds"])


def count(part: str, arm: str, steps: int) -> dict[str, object]:
    """Score an n-gram model."""
    return row_of("", 1, len(TRAIN), dict.fromkeys(LOSSES, common.ngram_loss(steps, WINDOW)), None)


def main() -> None:
    """Tune the scale for a pool of two, and run all arms."""
    for order in range(1, 6):
        RUNS.row(count, part="ngram", arm="ngram", steps=order)

    def score(scale: float) -> float:
        return RUNS.rows(bag, part="search", arm="bag", steps=STEPS, scale=scale)[-1]["probabilities"]

    scale = next(iter(common.tune(score, SCALES)))
    RUNS.rows(bag, part="run", arm="bag", steps=STEPS, scale=scale)
    RUNS.rows(twice, part="run", arm="twice", steps=2 * STEPS, scale=scale)
    RUNS.row(one, part="run", arm="one", steps=recipe("modern-gpt0").steps, scale=1.0)


if __name__ == "__main__":
    run(main)
