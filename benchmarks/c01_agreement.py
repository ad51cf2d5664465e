"""Which verb follows a noun 1 to 100 words back? Recurrent networks and attention, each trained at one distance.

Usage: python benchmarks/c01_agreement.py

Every run draws batches of 32 sentences of `lecture21.data.agreement` and counts the loss of the verb only. Adam, a
cosine decay to 0, no clipping. A run trains 13 models of one kind side by side (`Together`), each with its own initial
weights and its own sentences: seeds 0 to 9 are reported, and three more, 100 to 102, choose the learning rate for each
arm and distance (`held_out`, their mean score). Where no rate teaches anything, the choice is a draw.

Kinds of models, of width 32, all with learned word vectors and a linear layer that predicts the verb:
    rnn, lstm: the package's `RNN` with one layer. With a `gain`, the recurrent matrix starts as gain times a random
        orthogonal matrix, and as torch's default without.
    linear rnn: the RNN without its tanh.
    bag: the mean of the word vectors, without attention.
    basic: basic self-attention, as in chapter 02: the softmax of the vectors' own dot products.
    head: a head with learned queries, keys and values.

What an arm changes, after the kind:
    small inputs: the inputs start ten times smaller, so that the tanh is nearly linear before training.
    verbs given: the bias of the output starts at 0 for the six verbs and at -8 for all other words.
    forget bias 3: the bias of the forget gate starts there, so that the gate starts near sigmoid(3).
    lengths kept: on its path back, each sentence's gradient keeps the length that it has at the last state, so that it
        cannot vanish, and every step only turns it.

Writes the result `agreement`, a row for each rate and scored distance: `trained` is the distance, or "1-10", "1-40" and
"1-100" where one of these distances is drawn for each batch, with "half short" so that half of the batches have
distances up to 10; `s0` to `s9` are the fractions of 600 sentences in which the verb gets the right number; `chosen`
marks the rate that is best for the held-out seeds.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float, Int
from table import Table, each, run
from torch import Tensor, nn

from lecture21.attention import SelfAttention, attention
from lecture21.baselines import RNN, RNNConfig
from lecture21.data.agreement import DISTANCES, VOCABULARY, Agreement
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize

TASK, V, WIDTH = Agreement(), len(VOCABULARY), 32
FIRST_VERB = VOCABULARY.ids["is"]
BATCH, STEPS = 32, 500
SEEDS, HELD_OUT = range(10), (100, 101, 102)
MAIN = (1, 4, 7, 10, 13, 22, 40, 100)
SHORT = DISTANCES[:4]
MIXED = {"1-10": SHORT, "1-40": DISTANCES[:14], "1-100": DISTANCES, "1-100, half short": (*SHORT * 8, *DISTANCES[4:])}
KEY = ("arm", "gain", "trained", "steps", "learning_rate")
RUNS = Table("agreement", KEY)


@dataclass(frozen=True)
class Arm:
    """Models that are trained in the same way, with each of some rates, at each of some distances."""

    name: str
    trained: tuple[int, ...] | str
    """Distances, each for models of its own, or the mix of distances that all see."""
    rates: tuple[float, ...]
    gain: float = math.nan
    steps: int = STEPS

    def runs(self) -> list[dict[str, object]]:
        """Return what tells each run of the arm from all others."""
        trained = [self.trained] if isinstance(self.trained, str) else [str(distance) for distance in self.trained]
        return [
            dict(zip(KEY, (self.name, self.gain, each, self.steps, rate), strict=True))
            for each in trained
            for rate in self.rates
        ]


RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
LOW = (3e-4, *RATES[:4])
WIDE = (*RATES, 3e-1)
GAINS, GAIN_DISTANCES = (1.0, 1.4), (4, 7, 10, 13, 22)
SMALL, VERBS, KEPT, FORGET = "small inputs", "verbs given", "lengths kept", "forget bias 3"
CAUSES = (f"rnn, {SMALL}, {VERBS}", f"rnn, {SMALL}", f"rnn, {VERBS}", "linear rnn")

ARMS = (
    # How far does each learn?
    Arm("rnn", MAIN, RATES),
    Arm("bag", MAIN, (*WIDE, 1.0)),
    Arm("basic", MAIN, WIDE),
    Arm("head", MAIN, WIDE),
    # And with sentences of all distances up to 40 words?
    *(Arm(name, "1-40", WIDE) for name in ("rnn", "bag", "basic", "head")),
    # Would an RNN learn with more updates, or with gates?
    Arm("rnn", (22,), RATES, steps=1500),
    Arm("lstm", (22,), RATES),
    Arm(f"lstm, {FORGET}", (22,), (1e-4, *LOW, 1e-1)),
    # What if the factor of one step is larger?
    *(Arm("rnn", GAIN_DISTANCES, RATES[:4], gain) for gain in GAINS),
    # What if gradients arrive and agree before training, while the verbs are learned, or both?
    *(Arm(name, (22,), LOW, gain=1.0) for name in CAUSES),
    Arm("linear rnn", (22,), LOW),
    # And at the first distances at which the RNN fails?
    *(Arm(f"rnn, {remedy}", (7, 10), RATES[:4]) for remedy in (VERBS, KEPT)),
    # What do short sentences teach, and how many does it take? 176 are as many as "1-100" has.
    Arm("rnn", "1-10", RATES, steps=1500),
    Arm("rnn", "1-100", RATES, steps=1500),
    Arm("rnn", "1-10", RATES[:4], steps=176),
    Arm("rnn", "1-100, half short", RATES[:4], steps=1500),
)


class Bag(nn.Module):
    """The mean of the word vectors, and a linear layer that maps it to the next word."""

    def __init__(self):
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(V, WIDTH) / WIDTH**0.5)
        self.output = nn.Linear(WIDTH, V)

    def gather(self, x: Float[Tensor, "B T C"]) -> tuple[Float[Tensor, "B 1 C"], Float[Tensor, "B 1 T"]]:
        """Return what the last word gathers, and its weights."""
        weights = x.new_full((len(x), 1, x.shape[1]), 1 / x.shape[1])
        return weights @ x, weights

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B V"]:
        """Return the logits of the word after the last one."""
        return self.output(self.gather(self.vectors[ids])[0][:, 0])


class Basic(Bag):
    """The last word's output of basic self-attention instead of the mean."""

    def gather(self, x: Float[Tensor, "B T C"]) -> tuple[Float[Tensor, "B 1 C"], Float[Tensor, "B 1 T"]]:
        """Return what the last word gathers, and its weights."""
        weights = (x[:, -1:] @ x.mT).softmax(dim=-1)
        return weights @ x, weights


class Head(Bag):
    """The last word's output of a head with learned queries, keys and values."""

    def __init__(self):
        super().__init__()
        self.head = SelfAttention(WIDTH, WIDTH)

    def gather(self, x: Float[Tensor, "B T C"]) -> tuple[Float[Tensor, "B 1 C"], Float[Tensor, "B 1 T"]]:
        """Return what the last word gathers, and its weights."""
        return attention(self.head.query(x[:, -1:]), self.head.key(x), self.head.value(x))


class Recurrent(RNN):
    """An `RNN` of one layer, perhaps without its tanh, whose gradients may keep their length on the path back."""

    def __init__(self, arm: str):
        super().__init__(RNNConfig(vocab_size=V, kind="lstm" if "lstm" in arm else "rnn", n_layer=1, d_model=WIDTH))
        self.arm = arm

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B V"]:
        """Return the logits of the word after the last one."""
        return self.side_by_side({name: p[None] for name, p in self.named_parameters()}, ids[None])[0]

    def side_by_side(self, w: dict[str, Tensor], ids: Int[Tensor, "M B T"]) -> Float[Tensor, "M B V"]:
        """Return the logits of M networks with the weights `w`, step by step; vmap has no rule for torch's."""
        first: list[Tensor] = []
        m = torch.arange(len(ids))[:, None, None]
        x = nn.functional.embedding(m * V + ids, w["token.weight"].flatten(0, 1))  # (M, B, T, C)
        bias = (w["recurrence.bias_ih_l0"] + w["recurrence.bias_hh_l0"])[:, None]
        inputs = torch.baddbmm(bias, x.flatten(1, 2), w["recurrence.weight_ih_l0"].mT).unflatten(1, ids.shape[1:])
        h = c = inputs.new_zeros(*ids.shape[:2], self.config.d_model)
        for x in inputs.unbind(dim=2):
            total = torch.baddbmm(x, h, w["recurrence.weight_hh_l0"].mT)
            if self.config.kind == "lstm":
                i, f, g, o = total.chunk(4, dim=2)  # torch's order
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            else:
                h = total if "linear" in self.arm else total.tanh()
            if KEPT in self.arm and h.requires_grad:
                h.register_hook(partial(keep_length, first))
        return torch.baddbmm(w["head.bias"][:, None], h, w["head.weight"].mT)


WITHOUT_ORDER = {"bag": Bag, "basic": Basic, "head": Head}


def keep_length(first: list[Tensor], gradient: Tensor) -> Tensor:
    """Return a gradient with the length of the first one that came through, row by row: that at the last state.

    `first` is the same list, empty before the backward pass, for all states of a sequence.
    """
    length = gradient.norm(dim=-1, keepdim=True)
    if not first:
        first.append(length)
    return gradient * first[0] / length.clamp_min(1e-30)


def build(arm: str, seed: int, *, gain: float = math.nan) -> nn.Module:
    """Return an untrained model of an arm."""
    torch.manual_seed(seed)
    if arm in WITHOUT_ORDER:
        return WITHOUT_ORDER[arm]()
    model = Recurrent(arm)
    if not math.isnan(gain):
        nn.init.orthogonal_(model.recurrence.weight_hh_l0, gain)
    if FORGET in arm:
        model.recurrence.bias_hh_l0.data[WIDTH : 2 * WIDTH] = 3.0
        model.recurrence.bias_ih_l0.data[WIDTH : 2 * WIDTH] = 0.0
    if SMALL in arm:
        for name, weight in model.recurrence.named_parameters():
            weight.data.div_(1 if name == "weight_hh_l0" else 10)
    if VERBS in arm:
        model.head.bias.data.fill_(-8.0)[FIRST_VERB : FIRST_VERB + 6] = 0.0
    return model


class Together(nn.Module):
    """Models of one shape side by side: M times the batch goes in, and each model gets its own part of it.

    The loss of a run is the sum of the models' losses, so that each gets its own gradient, and Adam, which treats each
    number by itself, trains each as if it were alone.
    """

    def __init__(self, models: Sequence[nn.Module]):
        super().__init__()
        self._skeleton = [copy.deepcopy(models[0])]  # in a list, so that it is no submodule
        stacked, _ = torch.func.stack_module_state(list(models))
        self.names = list(stacked)
        self.weights = nn.ParameterList(nn.Parameter(p.detach()) for p in stacked.values())

    def forward(self, ids: Int[Tensor, "MB T"]) -> Float[Tensor, "MB V"]:
        """Return the logits of the word after the last one."""

        def one(weights: dict[str, Tensor], ids: Tensor) -> Tensor:
            return torch.func.functional_call(self._skeleton[0], weights, (ids,))

        weights = dict(zip(self.names, self.weights, strict=True))
        parts = ids.unflatten(0, (len(self.weights[0]), -1))
        if isinstance(self._skeleton[0], Recurrent):
            return self._skeleton[0].side_by_side(weights, parts).flatten(0, 1)
        return torch.func.vmap(one)(weights, parts).flatten(0, 1)

    def each(self) -> list[nn.Module]:
        """Return the models, each by itself."""
        models = [copy.deepcopy(self._skeleton[0]) for _ in range(len(self.weights[0]))]
        for m, model in enumerate(models):
            model.load_state_dict({name: p[m].detach() for name, p in zip(self.names, self.weights, strict=True)})
        return models


def measure(arm: str, gain: float, trained: str, steps: int, learning_rate: float) -> list[dict[str, object]]:
    """Train the thirteen models of one setting with one rate, and return a row for each distance."""
    distances = MIXED.get(trained) or [int(trained)]
    models = [build(arm, seed, gain=gain) for seed in (*SEEDS, *HELD_OUT)]
    together, n, seed = Together(models), len(models), len(trained) + distances[-1]
    config = TrainConfig(steps=steps, learning_rate=learning_rate, schedule="cosine", seed=seed)
    minimize(
        together, lambda generator: n * TASK.loss(together, distances, batch=n * BATCH, generator=generator), config
    )
    rows = []
    for distance in MAIN if trained in MIXED else distances:
        scores = [TASK.score(model, distance) for model in together.each()]
        held_out = round(sum(scores[-3:]) / 3, 5)
        reported = {f"s{seed}": round(score, 5) for seed, score in zip(SEEDS, scores[:-3], strict=True)}
        rows.append({"distance": distance, "held_out": held_out, **reported, "chosen": False})
    return rows


def choose(setting: dict[str, object]) -> None:
    """Mark the best rate of a setting for the held-out seeds; of rates that are equally good, the middle one."""
    held_out: dict[float, list[float]] = {}
    for row in RUNS.select(**setting):
        held_out.setdefault(row["learning_rate"], []).append(row["held_out"])
    means = {rate: sum(scores) / len(scores) for rate, scores in held_out.items()}
    level = sorted(rate for rate, mean in means.items() if mean == max(means.values()))
    RUNS.label("chosen", lambda row: row["learning_rate"] == level[len(level) // 2], **setting)


def main() -> None:
    """Train the models of every arm, and choose the rates."""
    each(lambda key: RUNS.rows(measure, **key), [key for arm in ARMS for key in arm.runs()])
    for arm in ARMS:
        for key in arm.runs():
            choose({name: value for name, value in key.items() if name != "learning_rate"})


if __name__ == "__main__":
    run(main)
