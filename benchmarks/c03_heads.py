"""What heads find: subjects that they look for, or need not look for, searches both ways, and two facts at once.

Usage: python benchmarks/c03_heads.py       (about 15 minutes on one core)

The first two parts are about the running task, with the models, the batches and the training of `c01_agreement`.

Result `found`: heads trained at a distance of 40 words, at the rate that `c01_agreement` has chosen for them, so these
are the heads of its table. A row for each seed and subject, measured on 2,400 sentences: `weight`, the mean weight that
the last word gives to the subject, and `right`, the fraction of right verbs.

Result `forms`: heads of which one matrix makes the keys, trained and tested at a distance of 13 words. Arms: the same
matrix makes the queries, so that M is positive semidefinite; or it makes them, and the signs of half of their
components are reversed, so that M is symmetric and indefinite. A row for each seed, the fraction of right verbs.

Result `two_facts`: each sequence has five of twelve letters with a digit each, and five tokens that name two different
letters, as a first and a second one. At these tokens, attention of width 32 and a readout name both digits. Arms: one
head and two heads of half the width, both with a linear readout, and the first of them with another readout: once its
head is trained, it is frozen, and a readout with a hidden layer of 128 ReLU is trained for it, once with the weights of
the head, and once with those of the two letters replaced by their mean. Adam, 1,000 steps of 32 sequences for each
training, cosine decay. A row for each run: the fractions of right first digits, of right second digits, and of tokens
with both; `same`, the fraction of tokens at which the model names one digit twice; the loss of a digit in nats; and,
for one head, its mean weight for the letter with the larger and the one with the smaller weight.

Held-out seeds, from 100 on, choose the learning rate of each arm of `forms` (the mean score) and of `two_facts` (the
lowest loss, since one head scores 0.10 to 0.13 at every rate), inside the grid; seeds 0 to 9 are reported.
"""

import math
from collections.abc import Callable

import c01_agreement as running
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from table import Table, each, run
from torch import Tensor, nn

from lecture21.course.chapters import results
from lecture21.data.agreement import VOCABULARY, verb_is_plural
from lecture21.layers import MultiHeadAttention
from lecture21.training import TrainConfig, minimize

RATES, HELD_OUT, SEEDS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 30.0, 100.0), (100, 101), range(10)
WIDTH = 32
FAR, NEAR = 40, 13
FORM_RATES = (3e-3, 1e-2, 3e-2, 1e-1)
SIGNS = {"W_q = W_k": 1.0, "W_q = S W_k": -1.0}
PAIRS, LETTERS = 5, 12
EQUAL = "the same head, equal weights, hidden layer"
FACTS = {"one head": 1, "two heads": 2, "the same head, hidden layer": 1, EQUAL: 1}
HEAD_RATE = 3e-2  # of the arm "one head", for the head that is frozen


class OneMatrix(running.Head):
    """A head whose queries are its keys, or its keys with half of their signs reversed."""

    def __init__(self, sign: float):
        super().__init__()
        self.signs = torch.cat([torch.ones(WIDTH // 2), torch.full((WIDTH // 2,), sign)])

    def gather(self, x: Float[Tensor, "B T C"]) -> tuple[Float[Tensor, "B 1 C"], Float[Tensor, "B 1 T"]]:
        """Return what the last word gathers, and its weights."""
        k = self.head.key(x)
        return running.attention(k[:, -1:] * self.signs, k, self.head.value(x))


class Facts(nn.Module):
    """Attention, and a readout of two digits at each token that asks for them."""

    def __init__(self, n_head: int):
        super().__init__()
        self.attend = MultiHeadAttention(WIDTH, n_head, bias=False, causal=False)
        self.read = nn.Linear(WIDTH, 20)

    def weights(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B N T"]:
        """Return the attention weights of a single head."""
        q, k = self.attend.query(x[:, PAIRS:]), self.attend.key(x)
        return (q @ k.mT / math.sqrt(WIDTH)).softmax(dim=-1)

    def forward(
        self, x: Float[Tensor, "B T C"], equal: Int[Tensor, "B N 2"] | None = None
    ) -> Float[Tensor, "B N 2 10"]:
        """Return the logits of both digits; the weights of the two places in `equal` are replaced by their mean."""
        if equal is None:
            out = self.attend(x)[:, PAIRS:]
        else:
            weights = self.weights(x)
            mean = weights.gather(2, equal).mean(dim=-1, keepdim=True).expand_as(equal)
            out = self.attend.output(weights.scatter(2, equal, mean) @ self.attend.value(x))
        return self.read(out).unflatten(-1, (2, 10))


def draw(vectors: Float[Tensor, "L C"], n: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return n sequences of vectors, and for each of the last tokens its two digits and the places of their letters."""
    letter, first, second, digit = vectors.split([LETTERS, LETTERS, LETTERS, 10])
    letters = torch.rand(n, LETTERS, generator=generator).argsort(dim=1)[:, :PAIRS]
    digits = torch.randint(10, (n, PAIRS), generator=generator)
    a = torch.rand(n, PAIRS, generator=generator).argsort(dim=1)
    b = (a + torch.randint(1, PAIRS, (n, PAIRS), generator=generator)) % PAIRS  # never the same letter as a
    x = torch.cat([letter[letters] + digit[digits], first[letters.gather(1, a)] + second[letters.gather(1, b)]], dim=1)
    return x, torch.stack([digits.gather(1, a), digits.gather(1, b)], dim=-1), torch.stack([a, b], dim=-1)


def trained(build: Callable[[int], nn.Module], distance: int, learning_rate: float) -> dict[int, nn.Module]:
    """Train a model for each seed at one distance of the running task, all side by side."""
    all_seeds = (*running.SEEDS, *running.HELD_OUT)
    together, n = running.Together([build(seed) for seed in all_seeds]), len(all_seeds)
    seed = len(str(distance)) + distance  # the batches of c01_agreement
    config = TrainConfig(steps=running.STEPS, learning_rate=learning_rate, schedule="cosine", seed=seed)
    minimize(
        together,
        lambda generator: n * running.TASK.loss(together, [distance], batch=n * running.BATCH, generator=generator),
        config,
    )
    return dict(zip(all_seeds, together.each(), strict=True))


def found(learning_rate: float) -> list[dict[str, object]]:
    """Train the heads of `c01_agreement`, and measure each by subject."""
    words, plural = running.TASK.beginnings(2400, FAR, generator=torch.Generator().manual_seed(3))
    rows = []
    for seed, head in trained(lambda seed: running.build("head", seed), FAR, learning_rate).items():
        with torch.no_grad():
            weights = head.gather(head.vectors[words])[1][:, 0, 1]
            right = (verb_is_plural(head(words)) == plural).float()
        for number, subject in enumerate(VOCABULARY.tokens[:24]):
            of_subject = words[:, 1] == number
            row = {"weight": weights[of_subject], "right": right[of_subject]}
            row = {name: round(values.mean().item(), 4) for name, values in row.items()}
            rows += [{"seed": seed, "subject": subject, **row}] if seed in SEEDS else []
    return rows


def forms(arm: str, learning_rate: float) -> list[dict[str, object]]:
    """Train heads with one matrix, and score them."""

    def build(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return OneMatrix(SIGNS[arm])

    models = trained(build, NEAR, learning_rate)
    return [{"seed": seed, "score": round(running.TASK.score(model, NEAR), 4)} for seed, model in models.items()]


def facts(arm: str, learning_rate: float, seed: int) -> list[dict[str, object]]:
    """Train one model on two facts, and score it."""
    torch.manual_seed(seed)
    vectors, model = torch.randn(3 * LETTERS + 10, WIDTH) / math.sqrt(WIDTH), Facts(FACTS[arm])
    equal = False

    def loss(generator: torch.Generator) -> Tensor:
        x, targets, places = draw(vectors, 32, generator)
        return F.cross_entropy(model(x, places if equal else None).flatten(0, 2), targets.flatten())

    def train(rate: float) -> None:
        minimize(model, loss, TrainConfig(steps=1000, learning_rate=rate, schedule="cosine", seed=seed, device="cpu"))

    if arm.startswith("the same head"):
        train(HEAD_RATE)
        equal = arm == EQUAL
        model.attend.requires_grad_(False)
        model.read = nn.Sequential(nn.Linear(WIDTH, 128), nn.ReLU(), nn.Linear(128, 20))
    train(learning_rate)
    with torch.no_grad():
        x, targets, places = draw(vectors, 500, torch.Generator().manual_seed(1000 + seed))
        logits = model(x, places if equal else None)  # (B, N, 2, 10)
        named = logits.argmax(dim=-1)  # (B, N, 2)
        right = named == targets
        weights = model.weights(x).gather(2, places)  # (B, N, 2), of a single head
    measured = {
        "first": right[..., 0].float(),
        "second": right[..., 1].float(),
        "score": right.all(dim=-1).float(),
        "same": (named[..., 0] == named[..., 1]).float(),
        "nats": F.cross_entropy(logits.flatten(0, 2), targets.flatten()),
    }
    if FACTS[arm] > 1:  # the products of all heads together are no weights
        weights = torch.full_like(weights, math.nan)
    measured |= {"larger": weights.amax(dim=-1), "smaller": weights.amin(dim=-1)}
    return [{name: round(values.mean().item(), 4) for name, values in measured.items()}]


FOUND, FORMS = Table("found", key=("learning_rate",)), Table("forms", key=("arm", "learning_rate"))
TWO_FACTS = Table("two_facts", key=("arm", "learning_rate", "seed"))


def main() -> None:
    """Tune every arm, and train it."""
    runs = results.load("agreement")
    chosen = runs[(runs.arm == "head") & (runs.trained.astype(str) == str(FAR)) & runs.chosen]
    FOUND.rows(found, learning_rate=float(chosen.learning_rate.item()))
    each(lambda key: FORMS.rows(forms, arm=key[0], learning_rate=key[1]), [(a, r) for a in SIGNS for r in FORM_RATES])

    def compare(arm: str) -> None:
        search = {"by": lambda rows: rows[0]["nats"], "seeds": HELD_OUT, "reported": SEEDS}
        best = TWO_FACTS.tune(facts, "learning_rate", RATES[2:4], RATES, **search, arm=arm)
        for seed in SEEDS:
            TWO_FACTS.rows(facts, arm=arm, learning_rate=best, seed=seed)

    each(compare, FACTS)


if __name__ == "__main__":
    run(main)
