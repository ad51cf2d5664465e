"""Slide 32's question, put to GPTs: two that learn alone, together, or as one, on scarce text.

Usage: python benchmarks/c13_two_gpts.py        (about 25 minutes on one core; continues from runs/two_gpts)

Two GPTs of two blocks, which are otherwise GPT-0 in its modern form (107,008 parameters each), read the first 20,000
characters of the plays, and their probabilities are averaged. They are trained on (1 - kappa) times their mean
cross-entropy plus kappa times the cross-entropy of the averaged probabilities, in the same batches of 16 windows of 32
characters, with Muon and AdamW and a linear decay to 0.

Arms: `pair` is such a pair. In `apart`, kappa is 0 and each member has batches of its own. `one` is a single GPT of a
member's size, and `twice` one with four blocks (205,632 parameters), which costs as much as two.

`search`: for each arm and kappa, the factor of the recipe's learning rates (`scale`) and the number of updates that are
best for the ensemble: from one point on, half or twice of either, until no neighbor is better. The seeds are others
than those reported, and the score is on the first 19,200 characters of the training text's last tenth.

`run`: five seeds of each arm with its best settings, on the first 19,200 characters of the validation split. `good
members`: the same for kappa 0 with the settings that are best for the members' average. `dropout`: three seeds of each
arm with a dropout of 0.1, which needs more updates, and with one setting for all, which is not tuned. `same settings`:
the pair of kappa 0 with the settings that are best for kappa 1.

Writes the result `two_gpts`, in nats per character. `average` is the members' mean loss, `ensemble` that of the mean of
their probabilities, `logits` that of the mean of their logits, `trained` the ensemble's on the text that it read.

Writes the result `two_gpts_where`, about the same pairs at their best settings and characters that are read after at
least 16 others: the Jensen-Shannon `divergence` between the members' two distributions, the mean `entropy` of these,
the divergence that is `usual` for characters of such an entropy, and the mean `gap` between the members' average loss
and the ensemble's. `place` is what is before the character: the end of a `line`, another character that is no letter
(`word`), or so many letters of its word, 5 for more. `read` is whether the text that was read has a word that begins
with these letters, in this spelling. Stores the pair of kappa 0 and seed 0 as the pretrained `scarce-1` and `scarce-2`.
"""

import math
from pathlib import Path

import common
import torch
from jaxtyping import Float, Int
from table import Table, run
from torch import Tensor, nn

from lecture21 import GPT, presets
from lecture21._support.storage import load_tensors, save_tensors
from lecture21.training import learning_rate, recipe, sample_windows
from lecture21.training.optimizers import make_optimizers

SCARCE, SCORED, WINDOW, BATCH = 20_000, 19_201, 32, 16
ARMS = {"pair": (2, 2), "apart": (2, 2), "one": (1, 2), "twice": (1, 4)}  # members, and blocks of each
RATES = ("muon_learning_rate", "learning_rate", "embedding_learning_rate")
KAPPAS = (0.0, 0.5, 1.0)
START = {"scale": 2.0, "steps": 250, "dropout": 0.0}
DROPPED = {"scale": 2.0, "steps": 500, "dropout": 0.1}
TUNED, SEEDS = (100, 101), range(5)
TRAINED = Path("runs/two_gpts")
TOKENIZER, TOKENS, VAL = common.encoded_plays()
READ, TUNING, HELD_OUT = TOKENS[:SCARCE], TOKENS[-(len(TOKENS) // 10) :][:SCORED], VAL[:SCORED]
HALF, PLACES, SHIPPED = WINDOW // 2, ("line", "word", "1", "2", "3", "4", "5"), (0.0, 0)
RUNS = Table("two_gpts", key=("part", "arm", "kappa", "scale", "steps", "dropout", "seed"))
WHERE = Table("two_gpts_where", key=("kappa", "scale", "steps", "dropout", "seed"))


def losses(members: nn.ModuleList, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"]) -> Float[Tensor, "3"]:
    """Return the average loss, that of the averaged probabilities, and that of the averaged logits."""
    logs = torch.stack([member(ids).log_softmax(-1) for member in members])  # (M, B, T, V)
    pools = logs.logsumexp(0) - math.log(len(members)), logs.mean(0).log_softmax(-1)
    return torch.stack([-p.gather(-1, targets.expand(*p.shape[:-1])[..., None]).mean() for p in (logs, *pools)])


def fit(arm: str, kappa: float, scale: float, steps: int, dropout: float, seed: int) -> nn.ModuleList:
    """Return the trained members; a finished run is read from its file."""
    torch.manual_seed(seed)
    number, blocks = ARMS[arm]
    members = nn.ModuleList(GPT(presets.get("modern-gpt0", n_layer=blocks, dropout=dropout)) for _ in range(number))
    path = TRAINED / f"{arm}-{kappa}-{scale}-{steps}-{dropout}-{seed}.safetensors"
    if path.is_file():
        members.load_state_dict(load_tensors(path)[0])
        return members.eval()
    base = recipe("modern-gpt0", steps=steps)
    rates = {name: getattr(base, name) * scale for name in RATES}
    config = recipe("modern-gpt0", steps=steps, **rates)
    optimizers = make_optimizers(members, config, torch.device("cpu"))
    batches = [torch.Generator().manual_seed(seed + 1000 * m) for m in range(number if arm == "apart" else 1)]
    for step in range(steps):
        drawn = [sample_windows(READ, WINDOW, BATCH, generator) for generator in batches]
        if arm == "apart":
            loss = sum(losses([member], *batch)[0] for member, batch in zip(members, drawn, strict=True)) / number
        else:
            average, ensemble, _ = losses(members, *drawn[0])
            loss = (1 - kappa) * average + kappa * ensemble
        members.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, config, group["initial_lr"])
            optimizer.step()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(path, members.state_dict(), {})
    return members.eval()


@torch.no_grad()
def score(members: nn.ModuleList, tokens: Int[Tensor, " N"]) -> list[float]:
    """Return the three losses on a text, in windows that do not overlap."""
    ids, targets = (tokens[i : i + (len(tokens) - 1) // WINDOW * WINDOW].view(-1, WINDOW) for i in (0, 1))
    parts = list(zip(ids.split(100), targets.split(100), strict=True))
    total = sum(losses(members, x, y).double() * x.numel() for x, y in parts)
    return [round(loss, 5) for loss in (total / ids.numel()).tolist()]


def measure(part: str, arm: str, kappa: float, scale: float, steps: int, dropout: float, seed: int) -> dict:
    """Train one pair, or one model, and return its losses."""
    members = fit(arm, kappa, scale, steps, dropout, seed)
    average, ensemble, logits = score(members, TUNING if part == "search" else HELD_OUT)
    trained = None if part == "search" else score(members, READ)[1]
    return {"average": average, "ensemble": ensemble, "logits": logits, "trained": trained}


def tune(arm: str, kappa: float, by: str, point: dict[str, float]) -> dict[str, float]:
    """Return settings none of whose neighbors is better."""

    def mean(point: dict[str, float]) -> float:
        rows = [RUNS.row(measure, part="search", arm=arm, kappa=kappa, seed=seed, **point) for seed in TUNED]
        found = sum(row[by] for row in rows) / len(rows)
        return math.inf if math.isnan(found) else found

    while True:
        neighbors = [
            point | {name: type(point[name])(point[name] * f)} for name in ("scale", "steps") for f in (0.5, 2)
        ]
        for other in neighbors:  # a better one is taken at once, and all of its own are tried
            if mean(other) < mean(point):
                point = other
                break
        else:
            return point


def beginnings(text: str) -> list[str]:
    """Return, for each character of a text, the letters of its word before it."""
    found, letters = [], ""
    for character in text:
        found.append(letters)
        letters = letters + character if character.isalpha() else ""
    return found


@torch.no_grad()
def where(kappa: float, scale: float, steps: int, dropout: float, seed: int) -> list[dict[str, object]]:
    """Return how far the members of a pair disagree about the next character, by what is before it."""
    members = fit("pair", kappa, scale, steps, dropout, seed)
    windows = HELD_OUT.unfold(0, WINDOW + 1, HALF)  # (N, T+1); scored are characters after at least half a window
    logs = torch.stack([torch.cat([m(x).log_softmax(-1) for x in windows[:, :-1].split(100)]) for m in members])
    logs, targets = logs[:, :, HALF:].flatten(1, 2).double(), windows[:, HALF + 1 :].flatten()  # (M, K, V), (K,)
    mean = logs.logsumexp(0) - math.log(len(members))
    entropy = -(logs.exp() * logs).sum(-1).mean(0)
    divergence = -(mean.exp() * mean).sum(-1) - entropy  # Jensen-Shannon
    losses = -torch.stack([logs.mean(0), mean]).gather(-1, targets.expand(2, -1)[..., None]).squeeze(-1)
    # What is usual at this entropy: the mean divergence of the twentieth of all characters that have entropies like it.
    bins = torch.bucketize(entropy, entropy.quantile(torch.linspace(0, 1, 21, dtype=torch.float64))[1:-1])
    usual = torch.stack([divergence[bins == n].mean() for n in range(20)])[bins]
    text, known = TOKENIZER.decode(HELD_OUT), set(beginnings(TOKENIZER.decode(READ)))
    before = beginnings(text)[HALF + 1 :][: len(targets)]
    last = text[HALF : HALF + len(targets)]
    places = [str(min(len(b), 5)) if b else "line" if c == "\n" else "word" for b, c in zip(before, last, strict=True)]
    groups = {("all", None): [True] * len(targets)}
    groups |= {(place, None): [each == place for each in places] for place in PLACES}
    for place in PLACES[2:]:
        for read in (True, False):
            groups[place, read] = [
                each == place and (b in known) == read for each, b in zip(places, before, strict=True)
            ]
    share = logs.gather(-1, targets.expand(2, -1)[..., None]).squeeze(-1).softmax(0)[0]  # responsibility of the first
    of_symbol = targets.bincount(share) / targets.bincount()
    rows = []
    for (place, read), chosen in groups.items():
        some = torch.tensor(chosen)
        columns = {"divergence": divergence, "usual": usual, "entropy": entropy, "gap": losses[0] - losses[1]}
        columns |= {"larger": (share - 0.5).abs() + 0.5, "split": (of_symbol[targets] - 0.5).abs()}
        means = {name: round(values[some].mean().item(), 5) for name, values in columns.items()}
        rows.append({"place": place, "read": read, "characters": int(some.sum()), **means})
    if (kappa, seed) == SHIPPED:
        for number, member in enumerate(members, start=1):
            common.publish(f"scarce-{number}", member, TOKENIZER)
    return rows


def report(arm: str, kappa: float, point: dict[str, float], part: str = "run") -> None:
    """Run an arm with all seeds that are reported."""
    for seed in SEEDS:
        RUNS.row(measure, part=part, arm=arm, kappa=kappa, seed=seed, **point)


def main() -> None:
    """Tune each arm, and run it."""
    arms = [("one", 0.0), ("twice", 0.0), *(("pair", kappa) for kappa in KAPPAS)]
    best = {}
    for arm, kappa in arms:
        best[arm, kappa] = tune(arm, kappa, "ensemble", START)
        print(arm, kappa, best[arm, kappa], flush=True)
        report(arm, kappa, best[arm, kappa])
    for kappa in KAPPAS:
        for seed in SEEDS:
            WHERE.rows(where, kappa=kappa, seed=seed, **best["pair", kappa])
    report("apart", 0.0, best["pair", 0.0])
    report("pair", 0.0, tune("pair", 0.0, "average", START), part="good members")
    report("pair", 0.0, best["pair", 1.0], part="same settings")
    for arm, kappa in arms:
        for seed in SEEDS[:3]:
            RUNS.row(measure, part="dropout", arm=arm, kappa=kappa, seed=seed, **DROPPED)


if __name__ == "__main__":
    run(main)
