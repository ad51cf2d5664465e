"""What keeps 24 blocks trainable: the residual connections, the place of the norm, and the size of what a layer adds.

Usage: python benchmarks/c05_depth.py        (about 25 minutes on one core)

Narrow models of GPT-0's kind (width 16, 2 heads, windows of 32, torch's initialization), trained on the plays for 150
updates of 8 windows (38,400 characters) by Adam, with a warm-up of 15 updates and a linear decay to 0. The loss is the
mean over the last 50 updates, each measured before the update on its windows. The text is drawn less than once, so this
is a loss on new windows. A diverged run has no loss.

The arms "long" have ten times as many updates, and a warm-up of 150.

Every arm is trained with the learning rates FIRST, at 24 blocks the arms in CURVES with CURVE, and with further ones of
the grid RATES, until the rate with the lowest mean over the seeds has a worse one on both sides. The models of an arm
are trained side by side, as one stack of weights, which costs less than one after the other.

Writes the result `depth`, and, of the same models, `depth_states`: before training and after some updates, after block
24, the share of the stream's squared norm that differs between the tokens of a window (differs).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import common
import torch
import torch.nn.functional as F
from table import Table, each, run
from torch import Generator, Tensor

from lecture21 import GPT, evaluate, presets
from lecture21.baselines import NGram
from lecture21.training import TrainConfig, learning_rate, sample_windows

KEY = ("arm", "n_layer", "learning_rate")
RUNS = Table("depth", KEY, details={"depth_states": KEY})
SEEDS = range(5)
WIDTH, HEADS, WINDOW, BATCH = 16, 2, 32, 8
STEPS, WARMUP, PROBES = 150, 15, (0, 10, 20, 50, 149, 400, 800, 1499)
LONG = 1500
RATES = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1, 2e-1)
FIRST, CURVE = RATES[5:8], RATES[3:8]
EMBEDDINGS = ("token.weight", "position.table.weight")
PARTS_OF_A_BLOCK = ("attention", "feed_forward", "norm_attention", "norm_feed_forward")
SHOWN = (24,)

Layer = Callable[[Tensor], Tensor]


def pre_norm(x: Tensor, layer: Layer, norm: Layer) -> Tensor:
    """Add what a layer computes from a normalized copy of the stream."""
    return x + layer(norm(x))


def post_norm(x: Tensor, layer: Layer, norm: Layer) -> Tensor:
    """Normalize the sum."""
    return norm(x + layer(x))


def no_norm(x: Tensor, layer: Layer, norm: Layer) -> Tensor:
    """Give the layer the stream as it is."""
    return x + layer(x)


def no_residual(x: Tensor, layer: Layer, norm: Layer) -> Tensor:
    """Replace the stream by what the layer computes."""
    return layer(norm(x))


def left_out(x: Tensor, layer: Layer, norm: Layer) -> Tensor:
    """Return the stream as it is."""
    return x


@dataclass(frozen=True)
class Arm:
    """How a model differs from the complete one, which is pre-norm."""

    attention: Callable[[Tensor, Layer, Layer], Tensor] = pre_norm
    feed_forward: Callable[[Tensor, Layer, Layer], Tensor] = pre_norm
    config: dict[str, object] = field(default_factory=dict)
    """Of the GPT."""
    branches: bool = False
    """Whether the two maps of each block that end in the stream are divided by sqrt(2 L) before training."""
    frequencies: bool = False
    """Whether the bias of the output layer is the log-frequency of each character before training."""
    embeddings: float = 1.0
    """The standard deviation of the embeddings before training."""
    embedding_rate: float = 1.0
    """Factor of the embeddings' learning rate."""
    warmup: int = WARMUP
    steps: int = STEPS
    """Updates."""


PLAIN = {"final_norm": False}
ARMS = {
    "complete": Arm(),
    "post-norm": Arm(post_norm, post_norm, PLAIN),
    "no norm": Arm(no_norm, no_norm, PLAIN),
    "final norm only": Arm(no_norm, no_norm),
    "no final norm": Arm(config=PLAIN),
    "frequencies": Arm(frequencies=True),
    "no final norm, frequencies": Arm(config=PLAIN, frequencies=True),
    "post-norm, small layers": Arm(post_norm, post_norm, PLAIN, branches=True),
    "post-norm, frequencies": Arm(post_norm, post_norm, PLAIN, frequencies=True),
    "post-norm, long warm-up": Arm(post_norm, post_norm, PLAIN, warmup=STEPS // 2),
    "complete, small embeddings": Arm(embeddings=0.02),
    "post-norm, small embeddings": Arm(post_norm, post_norm, PLAIN, embeddings=0.02),
    "no norm, small embeddings": Arm(no_norm, no_norm, PLAIN, embeddings=0.02),
    "no norm, small embeddings, slow": Arm(no_norm, no_norm, PLAIN, embeddings=0.02, embedding_rate=0.02),
    "complete, GPT-2's initialization": Arm(config={"initialization": "gpt2"}),
    "no norm, GPT-2's initialization": Arm(no_norm, no_norm, PLAIN | {"initialization": "gpt2"}),
    "no residual": Arm(no_residual, no_residual),
    "no attention": Arm(attention=left_out),
    "no attention, no residual": Arm(left_out, no_residual),
    "complete, long": Arm(steps=LONG, warmup=LONG // 10),
    "post-norm, long": Arm(post_norm, post_norm, PLAIN, steps=LONG, warmup=LONG // 10),
}
CURVES = ("complete", "post-norm", "no norm", "frequencies", "post-norm, small layers", "post-norm, long warm-up")
FINAL = ("no final norm", "frequencies", "no final norm, frequencies")
DEEP = tuple(arm for arm in ARMS if not arm.startswith(("no final norm", "final norm only", "no attention")))
PLAN = (*((4, arm) for arm in ("complete", "no norm", *FINAL)), *((24, arm) for arm in DEEP))
"""The depths and arms: with 4 blocks, what the norm before the output layer costs; with 24, all others."""


@torch.no_grad()
def build(arm: str, n_layer: int, seed: int, frequencies: Tensor, scale: float = 1.0) -> GPT:
    """Return a model with the first weights of an arm; arms of the same seed share those of their common parts.

    All weights of attention and feed-forward layers are multiplied by `scale`.
    """
    torch.manual_seed(seed)
    change = ARMS[arm]
    sizes = {"d_model": WIDTH, "n_head": HEADS, "n_layer": n_layer, "block_size": WINDOW}
    model = GPT(presets.get("gpt0", vocab_size=len(frequencies), **sizes, **change.config))
    if change.frequencies:
        model.head.bias.copy_(frequencies.log())
    for table in (*model.token.parameters(), *model.position.parameters()):
        table *= change.embeddings  # torch draws them from N(0, 1)
    for block in model.blocks:
        for weight in (*block.attention.parameters(), *block.feed_forward.parameters()):
            weight *= scale
    if change.branches:
        for block in model.blocks:
            for weight in (*block.attention.output.parameters(), *block.feed_forward.down.parameters()):
                weight /= math.sqrt(2 * n_layer)
    return model


class Stack:
    """Models of one arm side by side: every weight has a dimension K, with one entry for each model.

    The weights of all blocks that have the same name are one tensor too, of shape (L, K, ...).
    """

    def __init__(self, models: list[GPT], arm: Arm):
        self.arm, self.n_layer = arm, models[0].config.n_layer
        named = [dict(model.named_parameters()) for model in models]
        self.weights: dict[str, Tensor] = {}
        for name in named[0]:
            if not name.startswith("blocks."):
                self.weights[name] = torch.stack([each[name].detach() for each in named])
            elif name.startswith("blocks.0."):
                names = [name.replace("blocks.0.", f"blocks.{n}.") for n in range(self.n_layer)]
                layers = [torch.stack([each[of_block].detach() for each in named]) for of_block in names]
                self.weights[name.removeprefix("blocks.0.")] = torch.stack(layers)
        for weight in self.weights.values():
            weight.requires_grad_()

    def _linear(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        weight = weight.transpose(1, 2)
        return x @ weight if bias is None else torch.baddbmm(bias[:, None], x, weight)  # (K, B T, out)

    def _norm(self, x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        return torch.addcmul(bias[:, None], F.layer_norm(x, x.shape[-1:]), gain[:, None])

    def _attention(self, x: Tensor, of: dict[str, Tensor]) -> Tensor:
        maps = [self._linear(x, of[f"attention.{part}.weight"]) for part in ("query", "key", "value")]
        q, k, v = (each.reshape(-1, WINDOW, HEADS, WIDTH // HEADS).transpose(1, 2) for each in maps)
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (K B, H, T, D)
        joined = heads.transpose(1, 2).reshape(x.shape)
        return self._linear(joined, of["attention.output.weight"], of["attention.output.bias"])

    def _feed_forward(self, x: Tensor, of: dict[str, Tensor]) -> Tensor:
        up, down = ((of[f"feed_forward.{part}.weight"], of[f"feed_forward.{part}.bias"]) for part in ("up", "down"))
        return self._linear(self._linear(x, *up).relu(), *down)

    def streams(self, ids: Tensor) -> Iterator[Tensor]:
        """Yield the embeddings of windows (K, B, T), and the stream after each block, of shape (K, B T, C)."""
        table = self.weights["token.weight"]  # (K, V, C)
        first = torch.arange(len(ids))[:, None] * table.shape[1]
        x = table.flatten(0, 1)[ids.flatten(1) + first]  # (K, B T, C)
        if "position.table.weight" in self.weights:
            x = x + self.weights["position.table.weight"].repeat(1, ids.shape[1], 1)
        yield x
        blocks = {name: w.unbind() for name, w in self.weights.items() if name.partition(".")[0] in PARTS_OF_A_BLOCK}
        for n in range(self.n_layer):
            of = {name: layers[n] for name, layers in blocks.items()}
            for formula, part, layer in (
                (self.arm.attention, "norm_attention", self._attention),
                (self.arm.feed_forward, "norm_feed_forward", self._feed_forward),
            ):
                gain, bias = of[f"{part}.weight"], of[f"{part}.bias"]
                x = formula(x, lambda x, f=layer, of=of: f(x, of), lambda x, g=gain, b=bias: self._norm(x, g, b))
            yield x

    def losses(self, stream: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each model, shape (K,), from its last stream."""
        of = self.weights
        x = self._norm(stream, of["norm.weight"], of["norm.bias"]) if "norm.weight" in of else stream
        logits = self._linear(x, of["head.weight"], of["head.bias"])
        each = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        return each.view(len(targets), -1).mean(dim=1)


def states(layer: int, x: Tensor) -> Iterator[dict[str, object]]:
    """Yield, for each model, what `depth_states` holds of a stream (K, B T, C)."""
    windows = x.detach().unflatten(1, (-1, WINDOW))  # (K, B, T, C)
    rest = windows - windows.mean(dim=2, keepdim=True)
    for squares, different in zip(windows.square().mean((1, 2, 3)), rest.square().mean((1, 2, 3)), strict=True):
        yield {"layer": layer, "differs": f"{different / squares:.3g}"}


def train(
    arm: str, n_layer: int, runs: list[tuple[float, int]], tokens: Tensor, vocab_size: int, scale: float = 1.0
) -> tuple[list[float], list[dict[str, object]]]:
    """Train one model for each pair of a learning rate and a seed.

    Returns the mean losses of the last 50 updates, NaN where a run diverged, and the states.
    """
    frequencies = (tokens.bincount(minlength=vocab_size) + 1) / (len(tokens) + vocab_size)
    models = Stack([build(arm, n_layer, seed, frequencies, scale) for _, seed in runs], ARMS[arm])
    batches = {seed: Generator().manual_seed(seed) for _, seed in runs}
    rates = torch.tensor([rate for rate, _ in runs])
    weights = list(models.weights.values())
    optimizer = torch.optim.Adam(weights, fused=True)
    steps = ARMS[arm].steps
    schedule = TrainConfig(steps=steps, learning_rate=1.0, warmup=ARMS[arm].warmup, schedule="linear")
    history: list[Tensor] = []
    found: list[dict[str, object]] = []
    for step in range(steps):
        windows = {seed: sample_windows(tokens, WINDOW, BATCH, generator) for seed, generator in batches.items()}
        ids, targets = (torch.stack([windows[seed][n] for _, seed in runs]) for n in (0, 1))  # (K, B, T)
        for layer, x in enumerate(models.streams(ids)):
            if step in PROBES and layer in SHOWN:
                for (rate, seed), row in zip(runs, states(layer, x), strict=True):
                    found.append({"learning_rate": rate, "seed": seed, "step": step, **row})
        each = models.losses(x, targets)
        history.append(each.detach())
        if not each.isfinite().any():
            return [math.nan] * len(runs), found
        optimizer.zero_grad()
        each.where(each.isfinite(), 0.0).sum().backward()  # the others go on when one diverges
        # Adam's update is proportional to the rate: take it with the rate 1, then each model's share of the way.
        before = [weight.detach().clone() for weight in weights]
        optimizer.param_groups[0]["lr"] = learning_rate(step, schedule)
        optimizer.step()
        for (name, weight), old in zip(models.weights.items(), before, strict=True):
            factor = ARMS[arm].embedding_rate if name in EMBEDDINGS else 1.0
            own = factor * rates.view(-1, *[1] * (weight.dim() - 1 - (name.partition(".")[0] in PARTS_OF_A_BLOCK)))
            weight.data.copy_(old.lerp(weight.data, own.expand_as(old)))
    return torch.stack(history)[-50:].mean(dim=0).tolist(), found


def measure(arm: str, n_layer: int, learning_rate: float) -> tuple[list[dict], list[dict]]:
    """Train the seeds of an arm side by side; return their losses and states."""
    tokenizer, tokens, _ = common.encoded_plays()
    nats, found = train(arm, n_layer, [(learning_rate, seed) for seed in SEEDS], tokens, tokenizer.vocab_size)
    return [{"seed": seed, "nats": round(each, 5)} for seed, each in zip(SEEDS, nats, strict=True)], found


def count(arm: str, n_layer: int, learning_rate: float) -> tuple[dict[str, float], list]:
    """Score an n-gram model."""
    tokenizer, tokens, _ = common.encoded_plays()
    nats = evaluate(NGram(int(arm[0]), tokenizer.vocab_size).fit(tokens), tokens, WINDOW)
    return {"seed": 0, "nats": round(nats, 5)}, []


def compare(plan: tuple[int, str]) -> None:
    """Train an arm at a depth, with more rates until the one with the lowest mean is inside the grid."""
    n_layer, arm = plan

    def mean(rate: float) -> float:
        nats = [row["nats"] for row in RUNS.rows(measure, arm=arm, n_layer=n_layer, learning_rate=rate)]
        return math.inf if any(map(math.isnan, nats)) else sum(nats) / len(nats)

    common.tune(mean, CURVE if n_layer == 24 and arm in CURVES else FIRST, RATES)


def main() -> None:
    """Count, and train all arms."""
    for order in (1, 2):
        RUNS.row(count, arm=f"{order}-gram", n_layer=0, learning_rate=0.0)
    each(compare, PLAN)


if __name__ == "__main__":
    run(main)
