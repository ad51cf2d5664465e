"""nanoGPT's published result on a GPU, tried on the two cores of a laptop's processor.

Usage: python benchmarks/c10_record.py [EDITION]     (char-rnn, which needs a network; 20 minutes of two quiet cores)
       python benchmarks/c10_record.py tune          (what the recipe was chosen by; 40 minutes of a core for each arm)

nanoGPT's README trains a model of 10.65 million parameters on Tiny Shakespeare for about 3 minutes on an A100 and
reports 1.4697 nats per character, the best of its estimates on the validation split. Here the preset `modern-laptop` is
trained with its recipe on the same split of the same text, compiled, in two threads, and in bfloat16 where the
processor multiplies faster in it. The complete validation split is scored in windows of 256 characters, as long as
nanoGPT's. The loss is that of the last step.

The dropout is chosen on the training text: each arm of `tune`, with batches of 16 windows, is trained on its first nine
tenths, for 2,450 updates in one thread, and scored on the last tenth. GELU was chosen on the plays
(`c10_modern_ablation.py`), the number of updates by the 20 minutes. Two runs with batches of 16 windows and one with
6 were stopped, at a third, a half and a quarter of their updates, after a look at their loss on the validation split:
this much of a choice is its. The other settings are those of `modern`, with a weight decay of 0.1.

Writes the result `record`, a row for each evaluation, or `record_tuning`, the same for each dropout and without times:
    seconds: process time of all threads since the start with the evaluations, but without the C++ compiler, which runs
    in other processes; wall_seconds: the clock's time, with the compiler.
Stores the model of Tiny Shakespeare as the pretrained model `modern-laptop`.
"""

import sys
import tempfile
import time

import common
import torch
from jaxtyping import Int
from torch import Tensor

from lecture21 import GPT, evaluate, presets
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer
from lecture21.training import History, recipe, train
from lecture21.training.devices import multiplies_bfloat16

NAME, PRESET, SEED, OWN, DROPOUTS = "record", "modern-laptop", 0, "char-rnn", (0.15, 0.25)
FINAL, TUNING = {"eval_every": 725}, {"steps": 2450, "batch_size": 16, "eval_every": 350}


def fit(
    name: str,
    arm: dict[str, object],
    tokens: Int[Tensor, " N"],
    val: Int[Tensor, " M"],
    tokenizer: CharTokenizer,
    changes: dict[str, int],
) -> GPT:
    """Train the preset, with the arm's dropout if it has one, and store a row for each evaluation, begun by the arm."""
    precision = "bf16" if multiplies_bfloat16(torch.device("cpu")) else "fp32"
    config = recipe(PRESET, seed=SEED, device="cpu", precision=precision, compile=True, **changes)
    torch.manual_seed(SEED)
    shape = presets.get(PRESET, vocab_size=tokenizer.vocab_size)
    model = GPT(shape.changed(dropout=arm.get("dropout", shape.dropout)))
    rows = [row for row in common.stored(name) if any(row[key] != value for key, value in arm.items())]
    process, clock = time.process_time(), time.monotonic()

    def report(step: int, model: GPT, history: History) -> None:
        run = {"seed": SEED, "precision": precision, "parameters": model.num_parameters(), "step": step}
        characters = step * config.batch_size * model.block_size
        times = {"seconds": time.process_time() - process, "wall_seconds": time.monotonic() - clock}
        losses = {"train_nats": round(history.train_loss[-1], 5), "nats": round(history.val_loss[-1], 5)}
        rounded = {key: round(value, 1) for key, value in times.items() if name == NAME}
        rows.append(arm | run | {"characters": characters} | rounded | losses)
        print(rows[-1], flush=True)
        common.save(name, rows, arguments=False)

    out = tempfile.mkdtemp(prefix=f"{NAME}-")
    print(f"checkpoints in {out}", flush=True)
    train(model, tokens, config, val=val, out=out, tokenizer=tokenizer, on_evaluation=report)
    return model


def main() -> None:
    """Train, measure and publish the model, or tune its dropout."""
    argument = sys.argv[1] if len(sys.argv) > 1 else OWN
    text = shakespeare(OWN if argument == "tune" else argument)
    tokenizer = CharTokenizer.from_text(text)
    tokens, val = (torch.tensor(tokenizer.encode(part)) for part in split(text))
    if argument == "tune":
        torch.set_num_threads(1)
        end = int(0.9 * len(tokens))
        for dropout in DROPOUTS:
            fit(f"{NAME}_tuning", {"dropout": dropout}, tokens[:end], tokens[end:], tokenizer, TUNING)
        return
    torch.set_num_threads(2)
    model = fit(NAME, {"edition": argument}, tokens, val, tokenizer, FINAL)
    if argument == OWN:
        on = "nats per character on the validation split of Tiny Shakespeare"
        common.publish(PRESET, model, tokenizer, score=lambda model: evaluate(model, val), on=on)


if __name__ == "__main__":
    main()
