"""nanoGPT's published result on a GPU, tried on the two cores of a laptop's processor.

Usage: python benchmarks/c10_record.py [EDITION]     (char-rnn, which needs a network; 20 minutes of two quiet cores)
       python benchmarks/c10_record.py tune [ARM...] (what the recipe was chosen by; 35 minutes of a core for each arm)

nanoGPT's README trains a model of 10.65 million parameters on Tiny Shakespeare for about 3 minutes on an A100 and
reports 1.4697 nats per character, the best of its estimates on the validation split. Here the preset `modern-laptop` is
trained with its recipe on the same split of the same text, compiled, in two threads, and in bfloat16 where the
processor multiplies faster in it. The complete validation split is scored in windows of 256 characters, as long as
nanoGPT's. The loss is that of the last step.

Dropout and batch are chosen on the training text: each arm of `tune` is trained on its first nine tenths, in one
thread, and scored on the last tenth. The first two arms, run with torch's dropout, compare dropouts. The last two, with
the faster one of `lecture21.layers.dropout`, compare batches of 12 and 8 in about the same time; batches of 16 were not
run as long. GELU was chosen on the plays (`c10_modern_ablation.py`), the number of updates by the 20 minutes. In an
earlier recipe three runs, with batches of 16 and of 6 windows, were stopped after a look at their loss on the
validation split: this much of a choice is its. The other settings are those of `modern`, with a weight decay of 0.1.

Writes the result `record`, a row for each evaluation, or `record_tuning`, a row for each arm:
    seconds: process time of all threads since the start with the evaluations, but without the C++ compiler, which runs
    in other processes; wall_seconds: the clock's time, with the compiler.
Stores the model of Tiny Shakespeare as the pretrained model `modern-laptop`.
"""

import sys
import tempfile
import time
from dataclasses import replace

import common
import torch
from jaxtyping import Int
from torch import Tensor

from lecture21 import GPT, evaluate, presets
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer
from lecture21.training import History, TrainConfig, recipe, train
from lecture21.training.devices import multiplies_bfloat16
from lecture21.training.loop import OnEvaluation

NAME, TUNING, PRESET, SEED, OWN = "record", "record_tuning", "modern-laptop", 0, "char-rnn"
ARMS = (  # dropout, windows in a batch, updates
    (0.15, 16, 2450),
    (0.25, 16, 2450),
    (0.15, 12, 3600),
    (0.15, 8, 5000),
)


def fit(
    tokens: Int[Tensor, " N"], tokenizer: CharTokenizer, config: TrainConfig, dropout: float, **options: object
) -> GPT:
    """Train the preset with that dropout, with more arguments of `train`."""
    torch.manual_seed(SEED)
    model = GPT(presets.get(PRESET, vocab_size=tokenizer.vocab_size, dropout=dropout))
    train(model, tokens, config, tokenizer=tokenizer, **options)
    return model


def reporter(edition: str, config: TrainConfig) -> OnEvaluation:
    """Return a function that stores a row for each evaluation of the final run."""
    rows = [row for row in common.stored(NAME) if row["edition"] != edition]
    process, clock = time.process_time(), time.monotonic()

    def report(step: int, model: GPT, history: History) -> None:
        characters = step * config.batch_size * model.block_size
        run = {"edition": edition, "seed": SEED, "precision": config.precision, "parameters": model.num_parameters()}
        times = {"seconds": time.process_time() - process, "wall_seconds": time.monotonic() - clock}
        losses = {"train_nats": round(history.train_loss[-1], 5), "nats": round(history.val_loss[-1], 5)}
        rounded = {key: round(value, 1) for key, value in times.items()}
        rows.append(run | {"step": step, "characters": characters} | rounded | losses)
        print(rows[-1], flush=True)
        common.save(NAME, rows, arguments=False)

    return report


def tune(numbers: list[str], tokens: Int[Tensor, " N"], tokenizer: CharTokenizer, config: TrainConfig) -> None:
    """Train these arms, or all, on nine tenths of the training text, and store what each has on the last."""
    torch.set_num_threads(1)
    end = int(0.9 * len(tokens))
    for dropout, batch_size, steps in [ARMS[int(number)] for number in numbers] or ARMS:
        arm = {"dropout": dropout, "batch_size": batch_size, "steps": steps}
        config = replace(config, batch_size=batch_size, steps=steps, eval_every=steps)
        nats = evaluate(fit(tokens[:end], tokenizer, config, dropout), tokens[end:])
        others = [row for row in common.stored(TUNING) if any(row[key] != value for key, value in arm.items())]
        row = {**arm, "seed": SEED, "precision": config.precision, "nats": round(nats, 5)}
        print(row, flush=True)
        common.save(TUNING, [*others, row], arguments=False)


def main() -> None:
    """Train, measure and publish the model, or tune dropout and batch."""
    argument = sys.argv[1] if len(sys.argv) > 1 else OWN
    text = shakespeare(OWN if argument == "tune" else argument)
    tokenizer = CharTokenizer.from_text(text)
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in split(text))
    precision = "bf16" if multiplies_bfloat16(torch.device("cpu")) else "fp32"
    config = recipe(PRESET, seed=SEED, device="cpu", precision=precision, compile=True)
    if argument == "tune":
        tune(sys.argv[2:], tokens, tokenizer, config)
        return
    torch.set_num_threads(2)
    config = replace(config, eval_every=config.steps // 4)
    out = tempfile.mkdtemp(prefix=f"{NAME}-")
    print(f"checkpoints in {out}", flush=True)
    report = reporter(argument, config)
    model = fit(tokens, tokenizer, config, presets.get(PRESET).dropout, val=val, out=out, on_evaluation=report)
    if argument == OWN:
        on = "nats per character on the validation split of Tiny Shakespeare"
        common.publish(PRESET, model, tokenizer, score=lambda model: evaluate(model, val), on=on)


if __name__ == "__main__":
    main()
