"""From GPT-0 toward GPT-1 one change at a time (slide 24): the effect of each on the loss of a well trained GPT-0.

Usage: python benchmarks/c09_gpt_ladder.py [EDITION]      (plays; about an hour on one core; char-rnn needs a network)

GPT-0 is trained by the recipe of the preset `modern-gpt0`: Muon for the matrices of the blocks, AdamW for everything
else, linear decay to zero. It reads 1,070,080 characters, as many as the training text has, in windows drawn at random,
and then scores better than the 5-gram counted on that text. Each rung changes one thing. Its reference is GPT-0, with
two exceptions. The slide's change of optimizer is taken apart: Adam at a constant rate (0.001 at factor 1), which is
GPT-0's on the slide; AdamW with a weight decay of 0.01 and a warm-up of a tenth of the updates, which the slide adds;
and the same with half a cosine to 0, as in GPT-1's paper. And the tied head is compared with the untied model of the
same initialization, N(0, 0.02), and trained at the learning rate of the embeddings, 3.3 times that of an untied head.
GELU is the tanh formula of GPT-1 and GPT-2, `gelu_tanh`, which differs from x Phi(x) by at most 0.0005.

Budgets: every update has 1,024 tokens. Most rungs leave the FLOPs of a character as they are, or nearly so (context:
8 % more), so that equal characters are equal compute. The others have two references. Depth (8 layers) and width (90 in
6 heads), both with about twice the parameters of GPT-0, read half of the characters: as many as a GPT-0 trained on half
of them, and at the FLOPs of the GPT-0 that reads all. Byte pairs have two arms, one with GPT-0's characters and one
with its FLOPs, counted by `accounting.flops_per_token`.

Learning rates: one factor multiplies all learning rates of a rung's recipe, and is tuned for every rung on what is
reported: bits_at_32 after the complete run, with seed 0. The search goes in steps of 2 until the best factor has a
worse neighbor on both sides. Where the parabola through the three has its minimum more than a quarter of a step from
the best, the factor half a step to that side is tried too. The best factor then has the other seeds, which are those
that chapter 09 reports.

Editions: "char-rnn" is Tiny Shakespeare itself. Only the text differs, and the byte pairs learned from it: it gets the
same models, updates, characters and seeds. The characters are 1.07 times its training text, and each search begins at
the factor that the plays chose.

Seeds: weights and batches; all arms share the seeds, so that a rung is compared with its reference seed by seed. A run
repeats to the last digit on the same processor. On another one, or if a factor differs in its fifth digit, training
amplifies the rounding, and a run can differ about as much as with another seed.

Writes the result `gpt_ladder`, for char-rnn `gpt_ladder_char_rnn`:
    part: "run" at the factor that was chosen, "search" at the others, or "count" for the 5-gram (Witten-Bell, counted
    on the training text), whose seed, factor, steps, parameters, FLOPs and time are 0;
    equal_characters and equal_compute: the rungs that it may be compared with; tokens and characters of the training
    batches; tflop, 1e12 FLOPs of training; bits per character on the validation split, in windows of the model's own
    block size that do not overlap; bits_at_32: the same in windows of about 32 characters, whatever the block size.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial

import common
import torch
from table import OPTIONS, Table, each, run

from lecture21 import GPT, GPTConfig, presets
from lecture21.accounting import flops_per_token
from lecture21.baselines import NGram
from lecture21.course.chapters import results
from lecture21.data import shakespeare, split
from lecture21.objectives import bits_per_character
from lecture21.tokenizers import BPETokenizer, CharTokenizer
from lecture21.training import TrainConfig, evaluate, recipe, train

NAME, OWN = "gpt_ladder", "plays"
STEPS, TOKENS_PER_STEP, WINDOW = 1045, 1024, 32

GPT0 = presets.get("gpt0")
# The preset's, but for its steps and its batch: `fit` sets those of an arm.
RECIPE = recipe(
    "modern-gpt0", steps=TrainConfig.steps, batch_size=TrainConfig.batch_size, eval_every=10**6, device="cpu"
)
ADAM = TrainConfig(eval_every=10**6, device="cpu")  # slide 24's, at a constant rate
ADAMW = replace(ADAM, weight_decay=0.01)
SMALL = GPT0.changed(initialization="gpt1")
TIED = SMALL.changed(tied_head=True)
POST = GPT0.changed(norm_position="post", final_norm=False)
PAIRS, DEEP, WIDE = GPT0.changed(vocab_size=512), GPT0.changed(n_layer=8), GPT0.changed(d_model=90, n_head=6)


@dataclass(frozen=True)
class Arm:
    """A model and its training."""

    rung: str
    model: GPTConfig = GPT0
    run: TrainConfig = RECIPE
    characters: float | None = 1.0
    """Characters that are read, 1 for as many as the training text has; if None, GPT-0's FLOPs are spent."""
    warmup: float = 0.0
    """Fraction of the updates over which the learning rates rise."""
    seeds: int = field(default=3, compare=False)
    """Number of seeds, at least: more for rungs with small effects, and for their references."""
    first: float = field(default=1.27425, compare=False)
    """Factor of the learning rates at which the search begins, beside twice it."""
    equal_characters: str = "GPT-0"
    equal_compute: str = "GPT-0"

    @property
    def byte_pairs(self) -> bool:
        """Whether the model reads byte pairs instead of characters."""
        return self.model.vocab_size != GPT0.vocab_size


HALF, BEGINS_SMALL = "GPT-0, half the characters", "N(0, 0.02)"
COSINE = replace(ADAMW, schedule="cosine")
ADAM_IS_REFERENCE = {"equal_characters": "Adam", "equal_compute": "Adam"}
SMALL_IS_REFERENCE = {"equal_characters": BEGINS_SMALL, "equal_compute": BEGINS_SMALL}
ARMS = {
    arm.rung: arm
    for arm in (
        Arm("GPT-0", seeds=10, equal_characters="", equal_compute=""),
        Arm("Adam", run=ADAM, first=4.0),
        Arm("AdamW, warm-up, cosine", run=COSINE, warmup=0.1, first=4.0, **ADAM_IS_REFERENCE),
        Arm("AdamW, warm-up", run=ADAMW, warmup=0.1, first=4.0, **ADAM_IS_REFERENCE),
        Arm(BEGINS_SMALL, SMALL, seeds=5, first=0.637125),
        Arm("tied head", TIED, seeds=5, first=0.637125, **SMALL_IS_REFERENCE),
        Arm("GELU", GPT0.changed(activation="gelu_tanh"), seeds=10),
        Arm(HALF, characters=0.5, equal_characters="", equal_compute=""),
        Arm("width", WIDE, characters=0.5, equal_characters=HALF),
        Arm("depth", DEEP, characters=0.5, equal_characters=HALF),
        Arm("context", GPT0.changed(block_size=64)),
        Arm("post-norm", POST, first=0.637125),
        Arm("constant learning rate", run=replace(RECIPE, schedule="constant"), first=0.637125),
        Arm("byte pairs", PAIRS, equal_compute=""),
        Arm("byte pairs, equal compute", PAIRS, characters=None, equal_characters=""),
    )
}


MORE = {"Adam": 7, "AdamW, warm-up": 7}
"""Seeds on the plays of the rungs whose interval was the widest; the others have at least four there."""


class Text:
    """A training and a held-out part, as token ids of an arm's tokenizer."""

    def __init__(self, tokenizer: CharTokenizer | BPETokenizer, train_text: str, val_text: str):
        self.train, self.val = (torch.tensor(tokenizer.encode(part)) for part in (train_text, val_text))
        self.per_token = len(train_text) / len(self.train)
        self.window = round(WINDOW * len(self.val) / len(val_text))  # in tokens
        # The first token is only read, so its characters do not count.
        self.predicted = len(val_text) - len(tokenizer.decode(self.val[:1].tolist()))

    def bits(self, model: GPT | NGram, window: int) -> float:
        """Score a model in windows of so many tokens."""
        nats = evaluate(model, self.val, window) * (len(self.val) - 1)
        return round(bits_per_character(nats, self.predicted), 5)


def number_of_steps(arm: Arm, per_token: float) -> int:
    """Return the updates that use up the budget of an arm."""
    if arm.characters is None:
        return round(STEPS * flops_per_token(GPT0).training / flops_per_token(arm.model).training)
    return round(arm.characters * STEPS / per_token)


def fit(arm: Arm, text: Text, seed: int, factor: float, steps: int) -> GPT:
    """Return a trained model; ValueError if the training diverges."""
    embedding = arm.run.embedding_learning_rate
    config = replace(
        arm.run,
        steps=steps,
        warmup=round(arm.warmup * steps),
        batch_size=TOKENS_PER_STEP // arm.model.block_size,
        seed=seed,
        learning_rate=factor * arm.run.learning_rate,
        muon_learning_rate=factor * arm.run.muon_learning_rate,
        embedding_learning_rate=None if embedding is None else factor * embedding,
    )
    torch.manual_seed(seed)
    model = GPT(arm.model)
    train(model, text.train, config)
    return model


@cache
def texts(edition: str, *, byte_pairs: bool) -> Text:
    """Return the text of an edition, as characters of GPT-0's alphabet, that of the complete text, or as byte pairs."""
    train_text, val_text = split(shakespeare(edition))
    if byte_pairs:
        return Text(BPETokenizer.from_text(train_text, PAIRS.vocab_size), train_text, val_text)
    return Text(CharTokenizer.from_text(train_text + val_text), train_text, val_text)


def measure(edition: str, rung: str, seed: int, factor: float) -> dict[str, object]:
    """Train one model and score it; a run that diverges scores infinity."""
    arm = ARMS[rung]
    text = texts(edition, byte_pairs=arm.byte_pairs)
    steps = number_of_steps(arm, text.per_token)
    started = time.process_time()
    try:
        model = fit(arm, text, seed, factor, steps)
        bits, bits_at_32 = text.bits(model, model.block_size), text.bits(model, text.window)
    except ValueError:
        bits = bits_at_32 = math.inf
    tokens = steps * TOKENS_PER_STEP
    return {
        "part": "search",
        "equal_characters": arm.equal_characters,
        "equal_compute": arm.equal_compute,
        "steps": steps,
        "parameters": GPT(arm.model).num_parameters(),
        "tokens": tokens,
        "characters": round(tokens * text.per_token),
        "tflop": round(tokens * flops_per_token(arm.model).training / 1e12, 3),
        "seconds": round(time.process_time() - started, 1),
        "bits": bits,
        "bits_at_32": bits_at_32,
    }


def tuned(score: Callable[[float], float], first: float) -> float:
    """Return the best factor: in steps of 2, and then half a step to a side if a parabola has its minimum there."""
    scores = common.tune(score, (first, 2 * first))
    best, tried = next(iter(scores)), sorted(scores)
    low, middle, high = (scores[tried[tried.index(best) + side]] for side in (-1, 0, 1))
    if math.isfinite(low + high):
        vertex = (low - high) / (2 * (low - 2 * middle + high))  # in steps from the best
        if abs(vertex) > 1 / 4:
            half = float(f"{best * 2 ** math.copysign(1 / 2, vertex):.6g}")
            scores[half] = score(half)
    return min(scores, key=scores.__getitem__)


def count(edition: str, rung: str, seed: int, factor: float) -> dict[str, object]:
    """Score the 5-gram in windows of so many characters."""
    text = texts(edition, byte_pairs=False)
    bits = text.bits(NGram(5, GPT0.vocab_size).fit(text.train), int(rung.split()[-1]))
    return {
        "part": "count",
        "equal_characters": "GPT-0",
        **dict.fromkeys(("steps", "parameters", "tflop", "seconds"), 0),
        "tokens": len(text.train),
        "characters": len(text.train),
        "bits": bits,
        "bits_at_32": bits,
    }


def name_of(edition: str) -> str:
    """Return the name of the result of an edition of the plays."""
    return NAME if edition == OWN else f"{NAME}_{edition.replace('-', '_')}"


RUNS = {edition: Table(name_of(edition), key=("rung", "seed", "factor")) for edition in (OWN, "char-rnn")}


def arms_of(edition: str) -> tuple[Arm, ...]:
    """Return the arms of an edition: on others than the plays, their searches begin at the plays' factors."""
    if edition == OWN:
        return tuple(replace(arm, seeds=MORE.get(arm.rung, max(4, arm.seeds))) for arm in ARMS.values())
    factors = results.load(NAME).query("part == 'run'").groupby("rung")["factor"].first().to_dict()
    return tuple(replace(arm, first=factors[arm.rung]) for arm in ARMS.values())


def compare(edition: str, arm: Arm) -> None:
    """Tune an arm, and run it with every seed."""
    runs = RUNS[edition]

    def score(seed: int, factor: float) -> float:
        return runs.row(partial(measure, edition), rung=arm.rung, seed=seed, factor=factor)["bits_at_32"]

    best = tuned(partial(score, 0), arm.first)
    for seed in range(arm.seeds):
        score(seed, best)
    runs.label("part", lambda row: "run" if row["factor"] == best else "search", rung=arm.rung)


def main() -> None:
    """Count, and compare all arms on an edition."""
    edition = OPTIONS.arguments[0] if OPTIONS.arguments else OWN
    for window in (WINDOW, 2 * WINDOW):
        RUNS[edition].row(partial(count, edition), rung=f"5-gram in windows of {window}", seed=0, factor=0)
    each(partial(compare, edition), arms_of(edition))


if __name__ == "__main__":
    run(main)
