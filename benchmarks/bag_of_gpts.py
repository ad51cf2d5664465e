"""A bag of GPTs against one model with the same compute: average of probabilities, and average of logits.

Usage: python benchmarks/bag_of_gpts.py        (about 10 minutes on one core; continues from runs/bag_of_gpts)

All models have four layers and windows of 32 characters in batches of 16, as GPT-0, with rotary positions, RMSNorm,
QK-norm, squared ReLU, zero initialization and a logit cap. They are trained with Muon and AdamW and a linear decay to
0. Their learning rates are `scale` times 0.02 (Muon), 0.003 (AdamW) and 0.01 (embeddings), and `scale` is tuned for
every arm: 1, 2, 4, and on beyond whichever end is best. The search uses other seeds and never the validation split: it
scores on the last tenth of the training part, and trains on the rest.

`bag`: six members, 500 steps each, which differ in the seed of their weights and batches. Pools of 1, 2 and 3
neighbours in a ring, so that each member occurs equally often, and of all six. `scale` is tuned for pools of two.
Against a bag of two with the same training compute: `long`, one model of the same size, 1,000 steps; and `large`, one
model of width 88 with 1.9 times the parameters, 500 steps. Three seeds each.

Writes results/bag_of_gpts.csv in the package. `part` is search, run or ngram; `members` is the number of models that
are averaged and `seed` theirs; `average` is their mean loss, `probabilities` the loss of the mean of their
distributions, `logits` that of the mean of their logits, in nats per character: of the whole validation split for runs
and n-grams (`steps` is then the order). `seconds` is the processor time of the training of all members together.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import common
import torch
from jaxtyping import Int
from torch import Tensor

from lecture21 import GPT, GPTConfig, TrainConfig, evaluate, train
from lecture21._support.storage import load_tensors, save_tensors
from lecture21.ensembles import log_pool_decomposition, mixture_gap
from lecture21.ngram import NGram

MEMBERS, BAG, STEPS = 6, 2, 500
WIDTH, LARGE = 64, 88
SHAPE = GPTConfig(
    position="rotary",
    norm="rmsnorm",
    qk_norm=True,
    activation="relu2",
    bias=False,
    initialization="zero",
    logit_cap=15.0,
)
RUNS = Path("runs/bag_of_gpts")
TOKENIZER, TRAIN, VAL = common.encoded_plays()
TENTH = len(TRAIN) // 10
TEXTS = {"all": TRAIN, "nine tenths": TRAIN[:-TENTH]}
rows: list[dict[str, object]] = []


def fit(text: str, seed: int, scale: float, steps: int, width: int = WIDTH) -> tuple[GPT, float]:
    """Return a trained model, and the seconds of its training; a finished run is read from its file."""
    path = RUNS / f"{text}-{width}-{steps}-{scale}-{seed}.safetensors"
    torch.manual_seed(seed)
    model = GPT(SHAPE.changed(d_model=width))
    if path.is_file():
        tensors, metadata = load_tensors(path)
        model.load_state_dict(tensors)
        return model.eval(), float(metadata["seconds"])
    config = TrainConfig(
        steps=steps,
        batch_size=16,
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
def pools(models: Sequence[GPT], tokens: Int[Tensor, " N"], groups: Sequence[Sequence[int]]) -> list[dict[str, float]]:
    """Return the losses of each group of models, over every character of `tokens` but the first."""
    size = models[0].block_size
    whole = (len(tokens) - 1) // size * size
    ids, targets = (list(tokens[i : i + whole].view(-1, size).split(128)) for i in (0, 1))
    if whole < len(tokens) - 1:
        ids.append(tokens[None, whole:-1])
        targets.append(tokens[None, whole + 1 :])
    totals = torch.zeros(len(groups), 3, dtype=torch.float64)
    for x, y in zip(ids, targets, strict=True):
        logs = torch.stack([model(x).log_softmax(-1) for model in models], dim=-2)  # (B, T, M, V)
        for total, group in zip(totals, groups, strict=True):
            weights = torch.full((len(group),), 1 / len(group))
            some = logs[..., group, :]
            mixture, geometric = mixture_gap(some, y, weights), log_pool_decomposition(some, y, weights)
            terms = (mixture.average, mixture.ensemble, geometric.ensemble)
            total += torch.stack([term.double().sum() for term in terms])
    names = ("average", "probabilities", "logits")
    return [dict(zip(names, row, strict=True)) for row in (totals / (len(tokens) - 1)).tolist()]


def measure(
    part: str,
    arm: str,
    text: str,
    seeds: Sequence[int],
    groups: Sequence[Sequence[int]],
    tokens: Int[Tensor, " N"],
    *,
    scale: float,
    steps: int,
    width: int = WIDTH,
) -> dict[str, object]:
    """Train a model for each seed, add a row for each group of them, and return the last row."""
    models, seconds = zip(*[fit(text, seed, scale, steps, width) for seed in seeds], strict=True)
    for group, losses in zip(groups, pools(models, tokens, groups), strict=True):
        rows.append(
            {"part": part, "arm": arm, "text": text, "width": width, "steps": steps}
            | {"scale": scale, "members": len(group), "seed": " ".join(str(seeds[k]) for k in group)}
            | {name: round(loss, 5) for name, loss in losses.items()}
            | {"seconds": round(sum(seconds[k] for k in group), 1)}
        )
    last = rows[-1]
    print(f"{time.process_time():5.0f} s {' '.join(str(value) for value in last.values())}", flush=True)
    common.save("bag_of_gpts", rows, arguments=False)
    return last


def tune(score: Callable[[float], float]) -> float:
    """Return the scale with the lowest score among 1, 2, 4, and on beyond an end while that is the best."""
    scores = {scale: score(scale) for scale in (1.0, 2.0, 4.0)}
    while (best := min(scores, key=scores.get)) in (min(scores), max(scores)):
        beyond = best / 2 if best == min(scores) else best * 2
        scores[beyond] = score(beyond)
    return best


def count_ngrams() -> None:
    """Add the losses of n-grams in the same windows."""
    for order in range(1, 6):
        loss = round(evaluate(NGram(order, TOKENIZER.vocab_size).fit(TRAIN), VAL, 32), 5)
        empty = {"width": "", "steps": order, "scale": "", "members": 1, "seed": ""}
        losses = {"average": loss, "probabilities": loss, "logits": loss}
        rows.append({"part": "ngram", "arm": "ngram", "text": "all", **empty, **losses, "seconds": ""})


def equal_compute() -> None:
    """Measure a bag, one model trained for longer, and one larger model."""
    search, recent = (100, 101), TRAIN[-TENTH:]

    def score_bag(scale: float) -> float:
        row = measure("search", "bag", "nine tenths", search, [[0], [1], [0, 1]], recent, scale=scale, steps=STEPS)
        return row["probabilities"]

    def score_one(arm: str, steps: int, width: int, scale: float) -> float:
        row = measure("search", arm, "nine tenths", [100], [[0]], recent, scale=scale, steps=steps, width=width)
        return row["average"]

    groups = [[(k + j) % MEMBERS for j in range(m)] for m in (1, 2, 3) for k in range(MEMBERS)] + [list(range(MEMBERS))]
    measure("run", "bag", "all", range(MEMBERS), groups, VAL, scale=tune(score_bag), steps=STEPS)
    for arm, steps, width in (("long", BAG * STEPS, WIDTH), ("large", STEPS, LARGE)):
        scale = tune(partial(score_one, arm, steps, width))
        measure("run", arm, "all", range(3), [[0], [1], [2]], VAL, scale=scale, steps=steps, width=width)


def main() -> None:
    """Run all arms and write the table."""
    torch.set_num_threads(1)
    count_ngrams()
    equal_compute()


if __name__ == "__main__":
    main()
