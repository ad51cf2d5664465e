"""In-context learning: how a small GPT uses examples in its prompt, when it learns to, and which head does it.

Usage: python benchmarks/c11_in_context.py [SEED ...]  (0 1 2 if none is named; about 18 minutes on one core in all)

GPTs of width 64 with 4 heads and rotary positions are trained on prompts that are never repeated. In the mapping task,
each prompt maps letters to letters at random (16 pairs, 6 of 12 keys; 400 updates of 32 prompts); the arms are 2 layers
with Muon, 1 layer with Muon, and 2 layers with AdamW. No test prompt's mapping occurs in training (checked). In the
linear task, y = a x + b modulo 5 (4 pairs; 600 updates of 128 prompts), 16 of 20 rules are trained and 4 held out.
The learning rate decays linearly to 0. It is tuned for each arm (Muon's for the matrices of blocks, with AdamW's at
0.003 and 0.01 for tables; AdamW's for everything) by the loss on prompts of another stream, with seed 100: from the
middle of GRID outwards, until the best has a worse neighbor on both sides. One more arm gives AdamW five times the
updates: 2,000, the first 100 of them warm-up, and the learning rate tuned for this length.

Writes:
    in_context: task, arm, rules (new, trained or held out), seed, examples before the query, scored (all; seen or new
        keys), answers, accuracy, nats; the arms chance, lookup and optimal are exact baselines on the same prompts;
    in_context_training: part (search, run), task, arm, learning_rate, seed, step, rules, scored (all, seen, or, of the
        linear task, determined: two or more examples), accuracy, nats;
    in_context_heads: of the mapping task; arm, seed, step, layer, head, previous (attention of a value to the key
        before it), lookup (attention of a seen key to the values after its earlier occurrences), and, after the last
        step, the accuracy for seen keys if this head's output is zero (without), or that of all others in its layer
        (alone);
and the model `in-context` of the package: seed 0 of the mapping task, 2 layers with Muon.
"""

from dataclasses import dataclass

import common
import torch
from table import Table, each, run, seeds
from torch import Generator, Tensor

from lecture21 import GPT, GPTConfig
from lecture21._support.modes import evaluating
from lecture21.data.in_context import LinearRule, SymbolMapping
from lecture21.layers import attention_weights
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig, minimize

GRID = {"muon": (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2), "adamw": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)}
SEARCH_SEED, TUNING, TEST = 100, 10**6, 10**6 + 1  # seeds of the search, its prompts and the test's
PROBE, FINAL = 300, 2000  # test prompts during training and after it
Task = SymbolMapping | LinearRule


@dataclass(frozen=True)
class Arm:
    """A task, a model and its training."""

    task: Task
    name: str
    n_layer: int
    optimizer: str
    steps: int
    batch: int
    warmup: int = 0

    @property
    def kind(self) -> str:
        """Name of the task."""
        return "mapping" if isinstance(self.task, SymbolMapping) else "linear"

    @property
    def probes(self) -> list[int]:
        """Steps at which the model is tested; the mapping task is learned within the first 200."""
        if self.steps > 1000:
            return list(range(0, self.steps, 100))
        return [*range(0, 200, 10 if self.kind == "mapping" else 50), *range(200, self.steps, 50)]

    def build(self, seed: int) -> GPT:
        """Return an untrained model; its vocabulary is that of a `CharTokenizer`, with an id for unknown symbols."""
        torch.manual_seed(seed)
        size = {"vocab_size": len(self.task.symbols) + 1, "block_size": 2 * self.task.n_pair}
        return GPT(GPTConfig(**size, n_layer=self.n_layer, n_head=4, d_model=64, position="rotary"))

    def config(self, rate: float, seed: int) -> TrainConfig:
        """Return the settings of one run."""
        if self.optimizer == "muon":
            rates = {"muon_learning_rate": rate, "learning_rate": 3e-3, "embedding_learning_rate": 1e-2}
        else:
            rates = {"learning_rate": rate}
        return TrainConfig(
            steps=self.steps, optimizer=self.optimizer, schedule="linear", warmup=self.warmup, seed=seed, **rates
        )

    def test(self, n: int, seed: int) -> dict[str, tuple[Tensor, Tensor]]:
        """Return n test prompts and their targets for each kind of rules."""
        if self.kind == "mapping":
            return {"new": self.task.draw(n, Generator().manual_seed(seed))}
        return {
            name: self.task.draw(n, Generator().manual_seed(seed), held_out=name == "held out")
            for name in ("trained", "held out")
        }


MAPPING, LINEAR = SymbolMapping(), LinearRule()
ARMS = {
    (arm.kind, arm.name): arm
    for arm in (
        Arm(MAPPING, "2 layers, Muon", 2, "muon", 400, 32),
        Arm(MAPPING, "1 layer, Muon", 1, "muon", 400, 32),
        Arm(LINEAR, "2 layers, Muon", 2, "muon", 600, 128),
        Arm(MAPPING, "2 layers, AdamW", 2, "adamw", 400, 32),
        Arm(MAPPING, "2 layers, AdamW, 2,000 updates", 2, "adamw", 2000, 32, warmup=100),
    )
}
FIRST_ARM = ("mapping", "2 layers, Muon")
"""The arm whose model is published."""
BASELINES = {
    "mapping": ("chance", "optimal", "lookup"),
    "linear": ("chance", "optimal", "optimal, trained rules only"),
}
SCORES = Table("in_context", key=("task", "arm", "seed"))
RUNS = Table(
    "in_context_training",
    key=("part", "task", "arm", "learning_rate", "seed"),
    details={"in_context": ("task", "arm", "seed"), "in_context_heads": ("arm", "seed")},
)


def log_probabilities(model: GPT, inputs: Tensor) -> Tensor:
    """Return the log-probabilities (B, N, V) after each key."""
    with torch.no_grad(), evaluating(model):
        return model(inputs)[:, ::2].log_softmax(dim=2)


def score(logs: Tensor, targets: Tensor, chosen: Tensor) -> dict[str, object]:
    """Return accuracy and nats of the chosen answers; equal best values share the point."""
    answers = targets[:, ::2, None]
    best = (logs == logs.max(dim=2, keepdim=True).values).double()
    right = (best / best.sum(dim=2, keepdim=True)).gather(2, answers)[..., 0][chosen]
    nats = -logs.gather(2, answers)[..., 0][chosen]
    return {"accuracy": round(right.mean().item(), 4), "nats": round(nats.mean().item(), 4)}


def groups(task: Task, inputs: Tensor) -> dict[str, Tensor]:
    """Return which queries (B, N) belong to each group that is scored."""
    everything = torch.ones(len(inputs), task.n_pair, dtype=torch.bool)
    if isinstance(task, LinearRule):
        return {"all": everything, "determined": everything & (torch.arange(task.n_pair) >= 2)}
    seen = task.earlier(inputs).any(dim=2)
    return {"all": everything, "seen": seen, "new": ~seen}


def by_examples(task: Task, where: dict[str, object], logs: Tensor, inputs: Tensor, targets: Tensor) -> list[dict]:
    """Return a row of scores for each number of examples and each group of queries."""
    rows = []
    for name, group in groups(task, inputs).items():
        for examples in range(task.n_pair):
            chosen = group & (torch.arange(task.n_pair) == examples)
            if name != "determined" and chosen.any():
                actual = {"examples": examples, "scored": name, "answers": chosen.sum().item()}
                rows.append({**where, **actual, **score(logs, targets, chosen)})
    return rows


def baseline(task: str, arm: str, seed: int) -> list[dict[str, object]]:
    """Return the scores of a predictor that is exact: chance, lookup of a seen key, or the optimal one."""
    name, arm, rows = arm, ARMS[task, FIRST_ARM[1]], []
    for rules, (inputs, targets) in arm.test(FINAL, TEST).items():
        n_value = inputs.max().item() + 1 if arm.kind == "linear" else arm.task.n_symbol
        chance = torch.full((*inputs[:, ::2].shape, n_value), 1 / n_value)
        actual = {"chance": chance}
        if arm.kind == "mapping":
            actual["optimal"] = arm.task.optimal(inputs)
            seen = arm.task.earlier(inputs).any(dim=2, keepdim=True)
            actual["lookup"] = torch.where(seen, actual["optimal"], chance)
        else:
            trained = arm.task.rules(held_out=False)
            actual["optimal"] = arm.task.optimal(inputs, torch.cat([trained, arm.task.rules(held_out=True)]))
            actual["optimal, trained rules only"] = arm.task.optimal(inputs, trained)
        rows += by_examples(arm.task, {"rules": rules}, actual[name].log(), inputs, targets)
    return rows


def head_rows(model: GPT, task: SymbolMapping, inputs: Tensor, targets: Tensor, *, ablate: bool) -> list[dict]:
    """Return, for each head, where it attends, and with `ablate` the accuracy without it, and with it alone."""
    maps = attention_weights(model, inputs)  # (layer, B, H, T, T)
    earlier = task.earlier(inputs)
    seen = earlier.any(dim=2)  # (B, N)
    previous = maps[..., 1::2, ::2].diagonal(dim1=-2, dim2=-1).mean(dim=(1, 3))  # (layer, H): from a value to its key
    mass = (maps[..., ::2, 1::2] * earlier[:, None, :, :-1]).sum(dim=-1)  # (layer, B, H, N): to values of the same key
    lookup = (mass * seen[:, None]).sum(dim=(1, 3)) / seen.sum()
    rows = []
    for layer, block in enumerate(model.blocks):
        output, width = block.attention.output.weight, block.attention.d_head
        for head in range(maps.shape[2]):
            scores = {"without": float("nan"), "alone": float("nan")}
            if ablate:
                own = torch.arange(output.shape[1]) // width == head  # the columns that read this head
                complete = output.detach().clone()
                for name, kept in (("without", ~own), ("alone", own)):
                    output.data = complete * kept
                    scores[name] = score(log_probabilities(model, inputs), targets, seen)["accuracy"]
                output.data = complete
            masses = {"previous": previous[layer, head], "lookup": lookup[layer, head]}
            masses = {name: round(mass.item(), 4) for name, mass in masses.items()}
            rows.append({"layer": layer + 1, "head": head + 1, **masses, **scores})
    return rows


def measure(part: str, task: str, arm: str, learning_rate: float, seed: int) -> tuple[list[dict], ...]:
    """Train one model; return its scores during training, and of a run those at the end and its heads."""
    made = ARMS[task, arm]
    model, steps = made.build(seed), iter(range(made.steps))
    curve, scores, heads = [], [], []

    def probe(step: int) -> None:
        for rules, (inputs, targets) in made.test(PROBE, TUNING if part == "search" else TEST).items():
            logs = log_probabilities(model, inputs)
            for name, chosen in groups(made.task, inputs).items():
                curve.append({"step": step, "rules": rules, "scored": name, **score(logs, targets, chosen)})
            if task == "mapping" and part == "run":
                rows = head_rows(model, made.task, inputs, targets, ablate=step == made.steps)
                heads.extend({"step": step, **row} for row in rows)

    def loss(generator: Generator) -> Tensor:
        step = next(steps)
        if part == "run" and step in made.probes:
            probe(step)
        return model.loss(*made.task.draw(made.batch, generator))

    minimize(model, loss, made.config(learning_rate, seed))
    probe(made.steps)
    if part == "run":
        for rules, (inputs, targets) in made.test(FINAL, TEST).items():
            logs = log_probabilities(model, inputs)
            scores += by_examples(made.task, {"rules": rules}, logs, inputs, targets)
        if (task, arm) == FIRST_ARM:
            check_new(made, seed)
            if seed == 0:
                publish(model, made)
    return curve, scores, heads


def final_loss(rows: list[dict[str, object]]) -> float:
    """Return the loss at the end of the training on all queries, of the rules that are trained if there are others."""
    return [row["nats"] for row in rows if row["scored"] == "all" and row["rules"] in ("new", "trained")][-1]


def check_new(arm: Arm, seed: int) -> None:
    """Check that no training prompt of a run has the same keys with the same values as a test prompt."""
    generator = Generator().manual_seed(seed)
    trained = (arm.task.draw(arm.batch, generator) for _ in range(arm.steps))
    mappings = [
        {frozenset(zip(ids[::2], wanted[::2], strict=True)) for ids, wanted in zip(*batch, strict=True)}
        for batch in ([part.tolist() for part in draw] for draw in (arm.test(FINAL, TEST)["new"], *trained))
    ]
    if mappings[0] & set().union(*mappings[1:]):
        raise AssertionError(f"seed {seed}: a test prompt's mapping occurred in training")


def publish(model: GPT, arm: Arm) -> None:
    """Store the model of the mapping task in the package."""
    inputs, targets = arm.test(FINAL, TEST)["new"]
    seen = arm.task.earlier(inputs).any(dim=2)

    def accuracy(model: GPT) -> float:
        return score(log_probabilities(model, inputs), targets, seen)["accuracy"]

    on = f"accuracy for keys that occurred before, in {FINAL:,} prompts of new mappings"
    common.publish("in-context", model, CharTokenizer(arm.task.symbols), score=accuracy, on=on)


def compare(key: tuple[str, str]) -> None:
    """Tune an arm, and run it with every seed."""
    where, grid = dict(zip(("task", "arm"), key, strict=True)), GRID[ARMS[key].optimizer]
    search = {"by": final_loss, "seeds": (SEARCH_SEED,), "reported": seeds(3)}
    best = RUNS.tune(measure, "learning_rate", grid[2:5], grid, **search, part="search", **where)
    for seed in seeds(3):
        RUNS.rows(measure, part="run", **where, learning_rate=best, seed=seed)


def main() -> None:
    """Store the exact baselines, and compare all arms."""
    for task, names in BASELINES.items():
        for arm in names:
            SCORES.rows(baseline, task=task, arm=arm, seed=0)
    each(compare, ARMS)


if __name__ == "__main__":
    run(main)
