"""What one head finds, and what needs two: the subject of a sentence, and two facts at once.

Usage: python benchmarks/c03_heads.py [PART ...]      (subject facts if none is named; 2 and 7 minutes on one core)

`subject`: the task of `lecture21.data.agreement`, trained on sentences with 40 words from the subject to the verb.
Words have fixed random vectors of width 32; the last word attends to all, and a linear layer names the next word.
Arms: a head with learned queries, keys and values, and basic self-attention. Adam, 500 steps of 32 sentences,
cosine decay.

`facts`: each sequence has five of twelve letters with a digit each, and five tokens that name two different letters, as
a first and a second one. At these tokens, attention of width 32 and a readout name both digits. Arms: one head and two
heads of half the width, both with a linear readout, and the first of them with another readout: once its head is
trained, it is frozen, and a readout with a hidden layer of 128 ReLU is trained for it, once with the weights of the
head, and once with those of the two letters replaced by their mean. Adam, 1,000 steps of 32 sequences for each
training, cosine decay.

The learning rate of each arm is the one of RATES with the best score (`facts`: the lowest loss, since one head scores
0.10 to 0.13 at every rate) on held-out seeds (100, 101), and inside the grid; seeds 0 to 9 are reported. Writes the
results `subject` (a row for each run and distance: the fraction of right verbs) and `two_facts` (a row for each run:
the fractions of right first digits, of right second digits, and of tokens with both; `same`, the fraction of tokens at
which the model names one digit twice; the loss of a digit in nats; and, for one head, its mean weight for the letter
with the larger and the one with the smaller weight).

`found`: which subjects the learned heads find, at the chosen rate of 0.03, and which verbs they get right without. The
result has a row for each seed and subject, measured on 2,400 sentences: `weight`, the mean weight that the last word
gives to the subject; `right`, the fraction of right verbs; and `plural`, the fraction of plural verbs in 600 sentences
whose subject is replaced by "the".
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from table import OPTIONS, Table, each, run
from torch import Tensor, nn

from lecture21.attention import SelfAttention, basic_self_attention
from lecture21.data.agreement import VOCABULARY, Agreement, verb_is_plural
from lecture21.layers import MultiHeadAttention
from lecture21.training import TrainConfig, minimize

RATES, HELD_OUT, SEEDS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 30.0, 100.0), (100, 101), range(10)
WIDTH, TASK = 32, Agreement()
DISTANCES = (4, 7, 13, 25, 40, 70, 100)
PAIRS, LETTERS = 5, 12
EQUAL = "the same head, equal weights, hidden layer"
FACTS = {"one head": 1, "two heads": 2, "the same head, hidden layer": 1, EQUAL: 1}
HEAD_RATE = 3e-2  # of the arm "one head", for the head that is frozen


class NextWord(nn.Module):
    """The last word attends to fixed word vectors, and a linear layer predicts the next word."""

    def __init__(self, learned: bool):
        super().__init__()
        self.register_buffer("vectors", torch.randn(len(VOCABULARY), WIDTH) / math.sqrt(WIDTH))
        self.attend = SelfAttention(WIDTH, WIDTH) if learned else basic_self_attention
        self.read = nn.Linear(WIDTH, len(VOCABULARY))

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B V"]:
        """Return the logits of the word after the last one."""
        return self.read(self.attend(self.vectors[ids])[0][:, -1])


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


def subject(arm: str, learning_rate: float, seed: int) -> list[dict[str, object]]:
    """Train one model on the running task, and score it at several distances."""
    torch.manual_seed(seed)
    model = NextWord(arm == "learned head")
    config = TrainConfig(steps=500, learning_rate=learning_rate, schedule="cosine", seed=seed, device="cpu")
    minimize(model, lambda generator: TASK.loss(model, [40], generator=generator), config)
    return [{"distance": distance, "score": round(TASK.score(model, distance), 4)} for distance in DISTANCES]


def found(seed: int) -> list[dict[str, object]]:
    """Train one head, and measure it by subject."""
    torch.manual_seed(seed)
    head = NextWord(learned=True)
    config = TrainConfig(steps=500, learning_rate=HEAD_RATE, schedule="cosine", seed=seed, device="cpu")
    minimize(head, lambda generator: TASK.loss(head, [40], generator=generator), config)
    words, plural = TASK.beginnings(2400, 40, generator=torch.Generator().manual_seed(3))
    without, _ = TASK.beginnings(600, 40, generator=torch.Generator().manual_seed(5))
    without[:, 1] = VOCABULARY.ids["the"]
    with torch.no_grad():
        out, weights = head.attend(head.vectors[words])
        right = (verb_is_plural(head.read(out[:, -1])) == plural).float()
        default = verb_is_plural(head(without)).float().mean().item()
    rows = []
    for number, subject in enumerate(VOCABULARY.tokens[:12]):
        of_subject = words[:, 1] == number
        row = {"weight": weights[of_subject, -1, 1], "right": right[of_subject]}
        row = {name: round(values.mean().item(), 4) for name, values in row.items()}
        rows.append({"subject": subject, **row, "plural": round(default, 4)})
    return rows


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


KEY = ("arm", "learning_rate", "seed")
PARTS = {
    "subject": (Table("subject", KEY), ("learned head", "basic self-attention"), subject),
    "facts": (Table("two_facts", KEY), tuple(FACTS), facts),
}


FOUND = Table("found", key=("seed",))


def error(rows: list[dict[str, object]]) -> float:
    """Return what is tuned: minus the mean score on the running task, and the nats of facts."""
    return rows[0]["nats"] if "nats" in rows[0] else -sum(row["score"] for row in rows) / len(rows)


def main() -> None:
    """Tune every arm of the parts that are named, and train it."""
    for part in OPTIONS.arguments or PARTS:
        table, arms, measure = PARTS[part]

        def compare(arm: str, table=table, measure=measure) -> None:
            search = {"by": error, "seeds": HELD_OUT, "reported": SEEDS}
            best = table.tune(measure, "learning_rate", RATES[2:4], RATES, **search, arm=arm)
            for seed in SEEDS:
                table.rows(measure, arm=arm, learning_rate=best, seed=seed)

        each(compare, arms)
    each(lambda seed: FOUND.rows(found, seed=seed), SEEDS)


if __name__ == "__main__":
    run(main)
