"""What can trained word vectors do for attention without W^q and W^k, and what can they not?

Usage: python benchmarks/c02_one_vector.py        (about 8 minutes on one core)

The task is that of `lecture21.data.agreement`, in two versions. "things": a person is the subject and things are its
rivals, as everywhere in chapters 01 to 03. "other kind": the subject is a person or a thing, and its rivals are of the
other kind, so that the last word, a rival, must find people if it is a thing, and things if it is a person.

Arms, of width 32, all with a linear layer that names the verb:
    bag: the mean of learned word vectors of `width` components, without attention.
    vectors: basic self-attention, on learned word vectors.
    fixed: basic self-attention, on random word vectors that stay fixed; only the linear layer is learned.
    whitened: the same, but a fixed linear map of the output gives all its directions the same variance.
    one matrix: the same with values, and with keys that are the queries too, W^q = W^k.
    signs: W^q = S W^k, where the diagonal matrix S has as many entries -1 as 1.
    head: a head with learned queries, keys and values, on random word vectors that stay fixed.
    head and vectors: the same, and the vectors are learned too.

Adam, 500 steps of 32 sentences, cosine decay. A run trains 13 models side by side (`c01_agreement.Together`): seeds 0
to 9 are reported, and 100 to 102 choose the learning rate by their mean score, inside the grid RATES.

Writes the result `one_vector`, a row for each rate, model and tested distance: the fraction of right verbs, and the
mean weight that the last word gives to subjects that are people and to those that are things.
"""

import c01_agreement as c01
import common
import torch
from jaxtyping import Float, Int
from table import Table, run
from torch import Tensor, nn

from lecture21.attention import SelfAttention, attention
from lecture21.data.agreement import VOCABULARY, Agreement
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize

WIDTH, STEPS, BATCH = 32, 500, 32
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
PLAIN = ("bag", "vectors", "fixed", "whitened")
"""Arms without learned queries, keys and values."""
FIXED = ("fixed", "whitened", "head")
"""Arms whose word vectors are not learned."""
SIGNS = torch.tensor([1.0, -1.0]).repeat(WIDTH // 2)
BOTH = "head and vectors"
FIRST_THING = VOCABULARY.ids["window"]
RUNS = (
    *(("other kind", arm, WIDTH, 13) for arm in ("vectors", "head", "one matrix", "signs", "bag", BOTH)),
    ("things", "vectors", WIDTH, 40),
    ("things", "bag", 1, 40),
    *(("other kind", arm, WIDTH, 40) for arm in ("vectors", "head", "bag")),
    *(("things", arm, WIDTH, 40) for arm in ("whitened", "fixed")),
)
FAR = (4, 13, 40, 100)
"""Distances at which the arms `vectors` and `bag` are tested among things; all others where they are trained."""
RESULT = Table("one_vector", key=("rivals", "arm", "width", "trained", "learning_rate"))


@torch.no_grad()
def whitening(vectors: Float[Tensor, "V C"], distance: int = 40) -> tuple[Float[Tensor, " C"], Float[Tensor, "C C"]]:
    """Return the mean of basic self-attention's outputs, and the map that makes their covariance the identity."""
    generator = torch.Generator().manual_seed(77)
    words = [Agreement().beginnings(2000, distance, n_adjective=n, generator=generator)[0] for n in range(3)]
    out = torch.cat([(x[:, -1:] @ x.mT).softmax(dim=-1) @ x for x in (vectors[ids] for ids in words)])[:, 0].double()
    values, axes = torch.linalg.eigh(out.T.cov())
    return out.mean(dim=0).float(), (axes / values.sqrt() @ axes.T).float()


class Reader(nn.Module):
    """An arm: the vectors of the words, what the last word gathers of them, and a linear layer."""

    def __init__(self, arm: str, width: int):
        super().__init__()
        self.arm = arm
        self.vectors = nn.Parameter(torch.randn(len(VOCABULARY), width) / width**0.5, requires_grad=arm not in FIXED)
        self.output = nn.Linear(width, len(VOCABULARY))
        if arm == "whitened":
            self.mean, self.map = (nn.Parameter(fixed, requires_grad=False) for fixed in whitening(self.vectors))
        if arm not in PLAIN:
            self.head = SelfAttention(width, width)

    def gather(self, ids: Int[Tensor, "B T"]) -> tuple[Float[Tensor, "B 1 C"], Float[Tensor, "B 1 T"]]:
        """Return what the last word gathers, and its weights."""
        x = self.vectors[ids]
        last = x[:, -1:]
        if self.arm == "bag":
            last = torch.zeros_like(last)  # equal scores, so that every word has the weight 1/T
        if self.arm in PLAIN:
            weights = (last @ x.mT).softmax(dim=-1)
            return weights @ x, weights
        query = self.head.query if self.arm in ("head", BOTH) else self.head.key
        keys, values = self.head.key(x), self.head.value(x)
        return attention(query(last) * (SIGNS if self.arm == "signs" else 1.0), keys, values)

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B V"]:
        """Return the logits of the verb."""
        gathered = self.gather(ids)[0][:, 0]
        return self.output((gathered - self.mean) @ self.map if self.arm == "whitened" else gathered)


def build(arm: str, width: int, seed: int) -> Reader:
    """Return an untrained model of an arm."""
    torch.manual_seed(seed)
    return Reader(arm, width)


@torch.no_grad()
def weight_of_subject(model: Reader, task: Agreement, distance: int) -> dict[str, float]:
    """Return the mean weight of subjects that are people and of those that are things, NaN where there are none."""
    words, _ = task.beginnings(1000, distance, generator=torch.Generator().manual_seed(7))
    weight, is_thing = model.gather(words)[1][:, 0, 1], words[:, 1] >= FIRST_THING
    kinds = {"weight_of_person": ~is_thing, "weight_of_thing": is_thing}
    return {name: round(weight[kind].mean().item(), 4) for name, kind in kinds.items()}


def measure(rivals: str, arm: str, width: int, trained: int, learning_rate: float) -> list[dict]:
    """Train the models of one setting with one rate, and return their rows."""
    task, seeds = Agreement(rivals), (*c01.SEEDS, *c01.HELD_OUT)
    together, n = c01.Together([build(arm, width, seed) for seed in seeds]), len(seeds)
    config = TrainConfig(steps=STEPS, learning_rate=learning_rate, schedule="cosine", seed=trained)
    minimize(
        together, lambda generator: n * task.loss(together, [trained], batch=n * BATCH, generator=generator), config
    )
    rows = []
    for seed, model in zip(seeds, together.each(), strict=True):
        for distance in FAR if rivals == "things" and arm in ("vectors", "bag") else (trained,):
            score = round(task.score(model.eval(), distance), 5)
            weights = weight_of_subject(model, task, distance)
            rows.append({"chosen": False, "seed": seed, "distance": distance, "score": score, **weights})
    return rows


def main() -> None:
    """Tune every setting by its held-out seeds."""
    for setting in RUNS:
        where = dict(zip(("rivals", "arm", "width", "trained"), setting, strict=True))

        def loss(rate: float, where=where) -> float:
            rows = RESULT.rows(measure, **where, learning_rate=rate)
            held_out = [r["score"] for r in rows if r["distance"] == r["trained"] and r["seed"] in c01.HELD_OUT]
            return -sum(held_out) / len(held_out)

        first = RATES[-4:-2] if where["arm"] == "fixed" else RATES[2:4]
        best = next(iter(common.tune(loss, first, RATES)))
        RESULT.label("chosen", lambda row: row["learning_rate"] == best, **where)  # noqa: B023


if __name__ == "__main__":
    run(main)
