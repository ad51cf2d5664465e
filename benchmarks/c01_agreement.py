"""Which verb follows a noun 1 to 100 words back? Recurrent networks and attention, each trained at one distance.

Usage: python benchmarks/c01_agreement.py [PART ...]   (all of PARTS if none is named; about 25 minutes on one core)

Every run draws batches of 32 sentences of `lecture21.data.agreement` and counts the loss of the verb only. Adam, a
cosine decay to 0, no clipping. A run trains 13 models of one kind side by side (`Together`), each with its own initial
weights and its own sentences: seeds 0 to 9 are reported, and three more, 100 to 102, choose the learning rate among
RATES for each arm and distance (`held_out`, their mean score). Where no rate teaches anything, the choice is a draw.

Arms, of width 32 unless `width` says something else:
    rnn, lstm: the package's `RNN` with one layer. With a `gain`, the recurrent matrix starts as gain times a random
        orthogonal matrix, and as torch's default without.
    rnn, small inputs: the inputs start ten times smaller, so that the tanh is nearly linear before training.
    lstm, forget bias 3: the bias of the forget gate starts there, so that the gate starts near sigmoid(3).
    rnn, verbs given: the bias of the output starts at 0 for the six verbs and at -8 for all other words.
    rnn, small inputs, verbs given: both.
    rnn, lengths kept: on its path back, each sentence's gradient keeps the length that it has at the last state, so
        that it cannot vanish, and every step only turns it.
    linear rnn: the RNN without its tanh.
    unweighted: basic self-attention, as in chapter 02: the softmax of the vectors' own dot products. The words'
        vectors are random and fixed, and of length `length` on average; only the linear layer after it learns.
    embedded: the same, but the vectors are learned too.
    head: a head with learned queries, keys and values on the fixed vectors of `unweighted`.

The stored table holds what the chapters show, and not yet all of PARTS: `rnn`, `head`, `gains`, `mixed`, `steps`,
`causes` and `cliff`, and `unweighted`, `vectors`, `short` and `lstm` in part. Running the command continues it.

Writes the result `agreement`, a row for each rate and scored distance: `trained` is the distance, or "1-10" and
"1-100" where one of these distances is drawn for each batch, with "half short" so that half of the batches have
distances up to 10; `s0` to `s9` are the fractions of 600 sentences in which
the verb gets the right number; `chosen` marks the rate that is best for the held-out seeds.

Writes the result `agreement_untrained`, measured before training: `gradient` is how strongly the loss of the verb
depends on the state (or, for `head`, on the vector) at the subject, as the root mean square over 200 sentences of the
gradient's norm. `read` is the fraction of 4,000 sentences in which a linear probe (Fisher's discriminant), fitted to
the last states of 4,000 others, tells the number of the subject.
"""

import copy
import math
import sys
import time
from collections.abc import Sequence
from functools import partial

import common
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21.attention import SelfAttention, attention
from lecture21.baselines import RNN, RNNConfig
from lecture21.data.agreement import DISTANCES, VOCABULARY, Agreement
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize

TASK, V, WIDTH = Agreement(), len(VOCABULARY), 32
FIRST_VERB = VOCABULARY.ids["is"]
BATCH, STEPS = 32, 500
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
LINEAR_RATES = (3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 30.0)
"""For `unweighted`, of which only a linear layer is trained, on small inputs."""
SEEDS, HELD_OUT = range(10), (100, 101, 102)
MAIN = (1, 4, 7, 10, 13, 22, 40, 100)
GAINS = (1.0, 1.2, 1.4)
GAIN_DISTANCES = (4, 7, 10, 13, 22)
SMALL, VERBS, KEPT = "small inputs", "verbs given", "lengths kept"
CAUSES = ("rnn, small inputs, verbs given", "rnn, small inputs", "rnn, verbs given", "linear rnn")
FORGET = "lstm, forget bias "
CAUSE_DISTANCES, CAUSE_RATES = (22,), (3e-4, *RATES[:4])
CLIFF = (
    *((f"rnn, {VERBS}", gain, d) for d in (7, 10) for gain in (math.nan, 1.0)),
    *((f"rnn, {KEPT}", math.nan, d) for d in (7, 10)),
)
CLIFF_RATES = (3e-3, 1e-2, 1e-3, 3e-2)
SHORT = DISTANCES[:4]
MIXED = {"1-10": SHORT, "1-100": DISTANCES, "1-100, half short": (*SHORT * 8, *DISTANCES[4:])}
SHORT_BATCHES = (("1-10", 176), ("1-10", 706), ("1-100, half short", 1500))
KEY = ("arm", "gain", "width", "length", "trained", "steps", "learning_rate")


class Unweighted(nn.Module):
    """The last word's output of basic self-attention, and a linear layer that maps it to the next word."""

    def __init__(self, width: int, length: float, learned: bool = False):
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(V, width) * length / width**0.5, requires_grad=learned)
        self.output = nn.Linear(width, V)

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B V"]:
        """Return the logits of the word after the last one."""
        x = self.vectors[ids]  # (B, T, C)
        weights = (x[:, -1:] @ x.mT).softmax(dim=-1)  # (B, 1, T)
        return self.output((weights @ x)[:, 0])


class Head(Unweighted):
    """The same with a head of learned queries, keys and values."""

    def __init__(self, width: int, length: float):
        super().__init__(width, length)
        self.head = SelfAttention(width, width)

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B V"]:
        """Return the logits of the word after the last one."""
        x = self.vectors[ids]
        out, _ = attention(self.head.query(x[:, -1:]), self.head.key(x), self.head.value(x))
        return self.output(out[:, 0])


class LinearRNN(RNN):
    """An `RNN` of one layer without its tanh."""

    how = "linear"

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B V"]:
        """Return the logits of the word after the last one."""
        return recur({name: p[None] for name, p in self.named_parameters()}, ids[None], self.how)[0]


class KeptRNN(LinearRNN):
    """An `RNN` of one layer, with its tanh, whose gradients keep their length on the path back."""

    how = KEPT


class KeepLength(torch.autograd.Function):
    """The identity, which gives each gradient the length of the first one that came through: that at the last state."""

    @staticmethod
    def forward(ctx, h: Tensor, first: list[Tensor]) -> Tensor:
        """Return the states (..., D); `first` is the same empty list for all states of a sequence."""
        ctx.first = first
        return h.view_as(h)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the gradient, rescaled row by row."""
        length = gradient.norm(dim=-1, keepdim=True)
        if not ctx.first:
            ctx.first.append(length)
        return gradient * ctx.first[0] / length.clamp_min(1e-30), None


def recur(w: dict[str, Tensor], ids: Int[Tensor, "M B T"], how: str | None = None) -> Float[Tensor, "M B V"]:
    """Return the logits after the last word of M `RNN`s of one layer side by side; vmap has no rule for theirs."""
    first: list[Tensor] = []
    m = torch.arange(len(ids))[:, None, None]
    x = nn.functional.embedding(m * V + ids, w["token.weight"].flatten(0, 1))  # (M, B, T, C)
    bias = w["recurrence.bias_ih_l0"] + w["recurrence.bias_hh_l0"]
    inputs = torch.baddbmm(bias[:, None], x.flatten(1, 2), w["recurrence.weight_ih_l0"].mT).unflatten(1, ids.shape[1:])
    w_h = w["recurrence.weight_hh_l0"].mT
    h = c = inputs.new_zeros(*ids.shape[:2], w_h.shape[1])
    for x in inputs.unbind(dim=2):
        total = torch.baddbmm(x, h, w_h)
        if w_h.shape[2] == w_h.shape[1]:
            h = total if how == "linear" else total.tanh()
            h = KeepLength.apply(h, first) if how == KEPT else h
        else:  # the gates of an LSTM, in torch's order
            i, f, g, o = total.chunk(4, dim=2)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
    return torch.baddbmm(w["head.bias"][:, None], h, w["head.weight"].mT)


def build(arm: str, seed: int, *, gain: float = math.nan, width: int = WIDTH, length: float = 1.0) -> nn.Module:
    """Return an untrained model of an arm."""
    torch.manual_seed(seed)
    if arm.startswith(("rnn", "lstm", "linear")):
        config = RNNConfig(vocab_size=V, kind="lstm" if "lstm" in arm else "rnn", n_layer=1, d_model=width)
        model = (LinearRNN if arm == "linear rnn" else KeptRNN if KEPT in arm else RNN)(config)
        if not math.isnan(gain):
            nn.init.orthogonal_(model.recurrence.weight_hh_l0, gain)
        if arm.startswith(FORGET):
            model.recurrence.bias_hh_l0.data[width : 2 * width] = float(arm.removeprefix(FORGET))
            model.recurrence.bias_ih_l0.data[width : 2 * width] = 0.0
        if SMALL in arm:
            for name, weight in model.recurrence.named_parameters():
                weight.data.div_(1 if name == "weight_hh_l0" else 10)
        if VERBS in arm:
            model.head.bias.data.fill_(-8.0)[FIRST_VERB : FIRST_VERB + 6] = 0.0
        return model
    return Head(width, length) if arm == "head" else Unweighted(width, length, learned=arm == "embedded")


class Together(nn.Module):
    """Models of one shape side by side: M times the batch goes in, and each model gets its own part of it.

    The loss of a run is the sum of the models' losses, so that each gets its own gradient, and Adam, which treats each
    number by itself, trains each as if it were alone.
    """

    def __init__(self, models: Sequence[nn.Module]):
        super().__init__()
        self._skeleton = [copy.deepcopy(models[0])]  # in a list, so that it is no submodule
        fixed = {name for name, p in models[0].named_parameters() if not p.requires_grad}
        stacked, _ = torch.func.stack_module_state(list(models))
        self.names = list(stacked)
        self.weights = nn.ParameterList(nn.Parameter(p.detach(), name not in fixed) for name, p in stacked.items())

    def forward(self, ids: Int[Tensor, "MB T"]) -> Float[Tensor, "MB V"]:
        """Return the logits of the word after the last one."""

        def one(weights: dict[str, Tensor], ids: Tensor) -> Tensor:
            return torch.func.functional_call(self._skeleton[0], weights, (ids,))

        weights = dict(zip(self.names, self.weights, strict=True))
        parts = ids.unflatten(0, (len(self.weights[0]), -1))
        if isinstance(self._skeleton[0], RNN):
            return recur(weights, parts, getattr(self._skeleton[0], "how", None)).flatten(0, 1)
        return torch.func.vmap(one)(weights, parts).flatten(0, 1)

    def each(self) -> list[nn.Module]:
        """Return the models, each by itself."""
        models = [copy.deepcopy(self._skeleton[0]) for _ in range(len(self.weights[0]))]
        for m, model in enumerate(models):
            model.load_state_dict({name: p[m].detach() for name, p in zip(self.names, self.weights, strict=True)})
        return models


class Table:
    """The rows of the result `agreement`, saved after every run."""

    def __init__(self) -> None:
        self.rows = common.stored("agreement")

    def has(self, key: dict[str, object]) -> bool:
        """Return whether a run is in the table."""
        return any(all(str(row[name]) == str(value) for name, value in key.items()) for row in self.rows)

    def add(self, rows: list[dict[str, object]]) -> None:
        """Add the rows of a run, mark the best rate of each setting, and save."""
        table = pd.DataFrame([*self.rows, *rows])
        table["trained"] = table["trained"].astype(str)
        setting = [name for name in KEY if name != "learning_rate"]
        total = table.groupby([*setting, "learning_rate"], dropna=False)["held_out"].transform("mean")
        best = total == total.groupby([table[name] for name in setting], dropna=False).transform("max")
        # Of rates that are equally good, the one in their middle.
        rates = table[best].groupby(setting, dropna=False)["learning_rate"]
        table["chosen"] = False
        for _, group in rates:
            level = sorted(set(group))
            table.loc[group[group == level[len(level) // 2]].index, "chosen"] = True
        self.rows = table.to_dict("records")
        common.save("agreement", table, arguments=False)


def run(
    table: Table, arm: str, trained: str, scored: Sequence[int], rate: float, *, steps: int = STEPS, **kind
) -> None:
    """Train the thirteen models of one setting with one rate, and add their scores."""
    shape = {"gain": math.nan, "width": WIDTH, "length": 1.0 if arm in ("unweighted", "embedded", "head") else math.nan}
    key = {"arm": arm, **shape, **kind, "trained": trained, "steps": steps, "learning_rate": rate}
    if table.has(key):
        return
    start, distances = time.process_time(), MIXED.get(trained) or [int(trained)]
    models = [build(arm, seed, **kind) for seed in (*SEEDS, *HELD_OUT)]
    together, n = Together(models), len(models)
    config = TrainConfig(steps=steps, learning_rate=rate, schedule="cosine", seed=len(trained) + distances[-1])
    losses = minimize(
        together, lambda generator: n * TASK.loss(together, distances, batch=n * BATCH, generator=generator), config
    )
    rows = []
    for distance in scored:
        scores = [TASK.score(model.eval(), distance) for model in together.each()]
        held_out = round(sum(scores[-3:]) / 3, 5)
        reported = {f"s{seed}": round(score, 5) for seed, score in zip(SEEDS, scores[:-3], strict=True)}
        rows.append({**key, "distance": distance, "held_out": held_out, **reported, "chosen": False})
        mean = sum(scores[:-3]) / 10
        print(*key.values(), f"| {distance}: {mean:.3f}, held out {held_out:.3f}", end=" ", flush=True)
    print(f"| loss {losses[-50:].mean() / n:.3f}, {time.process_time() - start:.0f} s", flush=True)
    table.add(rows)


def gradient(model: nn.Module, distance: int, seed: int) -> float:
    """Return how strongly the loss of the verb depends on what the subject left: see the head of this file."""
    words = TASK.sentences(200, distance, generator=torch.Generator().manual_seed(seed))
    start, rest, verb = words[:, :2], words[:, 2:-3], words[:, -3]
    if isinstance(model, Head):
        x = model.vectors[words[:, :-3]]
        at = x[:, 1].detach().requires_grad_()
        x = torch.cat([x[:, :1], at[:, None], x[:, 2:]], dim=1)
        logits = model.output(model.head(x)[0][:, -1])
    else:
        _, state = model.recurrence(model.token(start))
        is_lstm = isinstance(state, tuple)
        at = (state[0] if is_lstm else state).detach().requires_grad_()
        given = (at, state[1].detach()) if is_lstm else at
        states = model.recurrence(model.token(rest), given)[0] if distance > 1 else at.transpose(0, 1)
        logits = model.head(states[:, -1])
    loss = nn.functional.cross_entropy(logits, verb, reduction="sum")
    (slope,) = torch.autograd.grad(loss, at)
    return slope.reshape(-1, WIDTH).square().sum(dim=1).mean().sqrt().item()


@torch.no_grad()
def read(model: RNN, distance: int, seed: int) -> float:
    """Return in how many sentences a linear probe of the last state tells the subject's number: see the head."""
    states, plurals = [], []
    for part in (0, 1):
        generator = torch.Generator().manual_seed(2 * seed + part)
        words, plural = TASK.beginnings(4000, distance, generator=generator)
        states.append(model.recurrence(model.token(words))[0][:, -1])
        plurals.append(plural)
    is_plural, is_singular = states[0][plurals[0]], states[0][~plurals[0]]
    spread = (is_plural.T.cov() + is_singular.T.cov()) / 2 + 1e-6 * torch.eye(WIDTH).to(states[0])
    direction = torch.linalg.solve(spread, is_plural.mean(dim=0) - is_singular.mean(dim=0))
    middle = (is_plural.mean(dim=0) + is_singular.mean(dim=0)) @ direction / 2
    return ((states[1] @ direction > middle) == plurals[1]).double().mean().item()


def untrained() -> list[dict[str, object]]:
    """Return the rows of the result `agreement_untrained`."""
    kinds = [("rnn", math.nan), ("lstm", math.nan), ("head", math.nan), *(("rnn", gain) for gain in GAINS)]
    rows = []
    for name, gain in kinds:
        for seed in SEEDS:
            model = build(name, seed, gain=gain).double()
            for distance in MAIN if math.isnan(gain) else GAIN_DISTANCES:
                row = {"arm": name, "gain": gain, "seed": seed, "distance": distance}
                row["gradient"] = f"{gradient(model, distance, seed):.4e}"
                reads = name == "rnn" and distance in GAIN_DISTANCES
                row["read"] = round(read(model, distance, seed), 5) if reads else math.nan
                rows.append(row)
    return rows


def arm(table: Table, name: str) -> None:
    """Train an arm at every distance."""
    for distance in MAIN:
        for rate in {"unweighted": LINEAR_RATES, "head": (*RATES, 3e-1)}.get(name, RATES):
            run(table, name, str(distance), [distance], rate)


def mixed(table: Table) -> None:
    """Train RNNs that see several distances."""
    for trained in ("1-10", "1-100"):
        for rate in RATES:
            run(table, "rnn", trained, MAIN, rate, steps=1500)


def short(table: Table) -> None:
    """Train RNNs on as many short batches as "1-100" has, 176, and on four times as many, alone and among long ones."""
    for trained, steps in SHORT_BATCHES:
        for rate in RATES[:4]:
            run(table, "rnn", trained, (4, 10, 100), rate, steps=steps)


def gains(table: Table) -> None:
    """Move the factor of one step."""
    for gain in GAINS:
        for distance in GAIN_DISTANCES:
            for rate in RATES[:4]:
                run(table, "rnn", str(distance), [distance], rate, gain=gain)


def causes(table: Table) -> None:
    """Let the gradients arrive and agree, before training, while the verbs are learned, or both."""
    for distance in CAUSE_DISTANCES:
        for name, gain in (*((name, 1.0) for name in CAUSES), ("linear rnn", math.nan)):
            for rate in CAUSE_RATES:
                run(table, name, str(distance), [distance], rate, gain=gain)


def cliff(table: Table) -> None:
    """Take away one obstacle at a time where the RNN of torch's default start stops learning."""
    for name, gain, distance in CLIFF:
        for rate in CLIFF_RATES:
            run(table, name, str(distance), [distance], rate, gain=gain)
            key = {"arm": name, "gain": gain, "trained": distance, "learning_rate": rate, "held_out": 1.0}
            if table.has(key):
                break  # nothing is left to tune


def steps(table: Table) -> None:
    """Train RNNs at one distance, but as long as those that see several."""
    for rate in RATES:
        run(table, "rnn", "22", [22], rate, steps=1500)


def lstm(table: Table) -> None:
    """Train LSTMs, as torch starts them and with forget gates that start open, which do best at low rates."""
    for name, rates in (("lstm", RATES), (f"{FORGET}3", (1e-4, 3e-4, *RATES))):
        for rate in rates:
            run(table, name, "22", [22], rate)


def vectors(table: Table) -> None:
    """Change the width and the length of the fixed vectors."""
    for kind in ({"width": 16}, {"width": 64}, {"width": 128}, {"length": 2.0}, {"length": 4.0}):
        for distance in (4, 13, 40, 100):
            for rate in LINEAR_RATES:
                run(table, "unweighted", str(distance), [distance], rate, **kind)


PARTS = {
    "rnn": partial(arm, name="rnn"),
    "unweighted": partial(arm, name="unweighted"),
    "head": partial(arm, name="head"),
    "gains": gains,
    "mixed": mixed,
    "short": short,
    "vectors": vectors,
    "steps": steps,
    "causes": causes,
    "cliff": cliff,
    "embedded": partial(arm, name="embedded"),
    "lstm": lstm,
}


def main() -> None:
    """Measure the gradients, train, and write the tables."""
    torch.set_num_threads(1)
    if not common.stored("agreement_untrained"):
        common.save("agreement_untrained", pd.DataFrame(untrained()), arguments=False)
    table = Table()
    for part in sys.argv[1:] or PARTS:
        PARTS[part](table)
    print(f"{time.process_time():.0f} s of one core")


if __name__ == "__main__":
    main()
