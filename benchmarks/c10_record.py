"""nanoGPT's published result on a GPU, tried on the two cores of a laptop's processor.

Usage: python benchmarks/c10_record.py [EDITION [SEED...]] (char-rnn, which needs a network; 55 core-minutes for a seed)
       python benchmarks/c10_record.py time          (how long it takes on two quiet cores; one minute)
       python benchmarks/c10_record.py tune [ARM...] (what the recipe was chosen by; 35 minutes of a core for each arm)

nanoGPT's README trains a model of 10.65 million parameters on Tiny Shakespeare for about 3 minutes on an A100 and
reports 1.4697 nats per character, the best of its estimates on the validation split. Here the preset `modern-laptop` is
trained with its recipe on the same split of the same text, compiled, and in bfloat16 where the processor multiplies
faster in it. A run has one thread, so that several run beside each other; the time on two cores is measured apart. The
complete validation split is scored in windows of 256 characters, as long as nanoGPT's. The loss is that of the last
step.

Dropout and batch are chosen on the training text: each arm of `tune` is trained on its first nine tenths, in one
thread, and scored on the last tenth. The first two arms, run with torch's dropout, compare dropouts. The last two, with
the faster one of `lecture21.layers.dropout`, compare batches of 12 and 8 in about the same time; batches of 16 were not
run as long. Shuffled passes were chosen by `c10_shuffle.py`, on stretches of training text that were held out; GELU on
the plays (`c10_modern_ablation.py`); the number of updates by 20 minutes of a faster machine. In an earlier recipe
three runs, with batches of 16 and of 6 windows, were stopped after a look at their loss on the validation split: this
much of a choice is its. The other settings are those of `modern`, with a weight decay of 0.1.

Writes the results `record`, a row for each evaluation, `record_time`, and `record_tuning`, a row for each arm:
    seconds: process time of all threads since the start with the evaluations, but without the C++ compiler, which runs
    in other processes; wall_seconds: the clock's time, with the compiler, on a busy machine; minutes: what all updates
    take at the pace of those that were timed.
Stores the first model of Tiny Shakespeare as the pretrained model `modern-laptop`.
"""

import tempfile
import time
from dataclasses import replace

import common
import torch
from jaxtyping import Int
from table import OPTIONS, Table, run
from torch import Tensor

from lecture21 import GPT, evaluate, presets
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer
from lecture21.training import History, TrainConfig, recipe, train
from lecture21.training.devices import multiplies_bfloat16

PRESET, SEEDS, OWN = "modern-laptop", (0, 1, 2), "char-rnn"
RECORD = Table("record", key=("edition", "seed"))
TIME = Table("record_time", key=("threads", "seed"))
WARM, TIMED = 5, 100
"""Updates before the clock starts, and on it."""
TUNING = Table("record_tuning", key=("dropout", "batch_size", "steps", "shuffle", "seed"))
ARMS = (  # dropout, windows in a batch, updates, whether the windows are shuffled
    (0.15, 16, 2450, False),
    (0.25, 16, 2450, False),
    (0.15, 12, 3600, False),
    (0.15, 8, 5000, False),
)


def fit(
    tokens: Int[Tensor, " N"], tokenizer: CharTokenizer, config: TrainConfig, dropout: float, **options: object
) -> GPT:
    """Train the preset with that dropout, with more arguments of `train`."""
    torch.manual_seed(config.seed)
    model = GPT(presets.get(PRESET, vocab_size=tokenizer.vocab_size, dropout=dropout))
    train(model, tokens, config, tokenizer=tokenizer, **options)
    return model


def text_of(edition: str) -> tuple[CharTokenizer, Int[Tensor, " N"], Int[Tensor, " M"]]:
    """Return the tokenizer of an edition, and its training and validation parts."""
    text = shakespeare(edition)
    tokenizer = CharTokenizer.from_text(text)
    return tokenizer, *(torch.tensor(tokenizer.encode(part)) for part in split(text))


def settings(seed: int) -> TrainConfig:
    """Return the recipe of the record, in bfloat16 where the processor is faster in it."""
    precision = "bf16" if multiplies_bfloat16(torch.device("cpu")) else "fp32"
    return recipe(PRESET, seed=seed, device="cpu", precision=precision, compile=True)


def final(edition: str, seed: int) -> list[dict[str, object]]:
    """Train and measure a model of the record, and publish the first; return a row for each evaluation."""
    tokenizer, tokens, val = text_of(edition)
    config = settings(seed)
    config = replace(config, eval_every=config.steps // 4)
    rows: list[dict[str, object]] = []
    process, clock = time.process_time(), time.monotonic()

    def report(step: int, model: GPT, history: History) -> None:
        times = {"seconds": time.process_time() - process, "wall_seconds": time.monotonic() - clock}
        losses = {"train_nats": round(history.train_loss[-1], 5), "nats": round(history.val_loss[-1], 5)}
        row = {"precision": config.precision, "parameters": model.num_parameters(), "step": step}
        row["characters"] = step * config.batch_size * model.block_size
        rows.append(row | {key: round(value, 1) for key, value in times.items()} | losses)
        print(rows[-1], flush=True)

    out = tempfile.mkdtemp(prefix="record-")
    print(f"checkpoints in {out}", flush=True)
    model = fit(tokens, tokenizer, config, presets.get(PRESET).dropout, val=val, out=out, on_evaluation=report)
    if (edition, seed) == (OWN, 0):
        on = "nats per character on the validation split of Tiny Shakespeare"
        common.publish(PRESET, model, tokenizer, score=lambda model: evaluate(model, val), on=on)
    return rows


def timed(threads: int, seed: int) -> dict[str, object]:
    """Return how long the updates of the recipe take in so many threads."""
    torch.set_num_threads(threads)
    tokenizer, tokens, _ = text_of("plays")
    config = replace(settings(seed), steps=WARM + TIMED, eval_every=1)
    clock = []
    fit(tokens, tokenizer, config, presets.get(PRESET).dropout, on_evaluation=lambda *_: clock.append(time.monotonic()))
    seconds = (clock[-1] - clock[WARM]) / TIMED
    row = {"precision": config.precision, "updates": TIMED, "seconds_per_update": round(seconds, 4)}
    return row | {"minutes": round(recipe(PRESET).steps * seconds / 60, 1)}


def tried(dropout: float, batch_size: int, steps: int, shuffle: bool, seed: int) -> dict[str, object]:
    """Train an arm on nine tenths of the training text, and score it on the last."""
    tokenizer, tokens, _ = text_of(OWN)
    end = int(0.9 * len(tokens))
    config = replace(settings(seed), batch_size=batch_size, steps=steps, shuffle=shuffle, eval_every=steps)
    nats = evaluate(fit(tokens[:end], tokenizer, config, dropout), tokens[end:])
    return {"precision": config.precision, "nats": round(nats, 5)}


def main() -> None:
    """Make the record, or try the arms by which its dropout and batch were chosen."""
    argument, *numbers = OPTIONS.arguments or [OWN]
    if argument == "tune":
        for dropout, batch_size, steps, shuffle in [ARMS[int(number)] for number in numbers] or ARMS:
            TUNING.row(tried, dropout=dropout, batch_size=batch_size, steps=steps, shuffle=shuffle, seed=0)
    elif argument == "time":
        for threads in (1, 2):
            TIME.row(timed, threads=threads, seed=0)
    else:
        for seed in [int(number) for number in numbers] or SEEDS:
            RECORD.rows(final, edition=argument, seed=seed)


if __name__ == "__main__":
    run(main)
