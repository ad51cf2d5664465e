"""Train the small GPT that chapter 15 aligns, and store it in the package.

Usage: python benchmarks/alignment_base.py               (about 6 minutes on one core)

A character model of the plays: 3 blocks of width 80, windows of 64 characters, rotary positions, RMS norms, query-key
norms and squared ReLU; 3,000 updates of 32 windows, AdamW with learning rate 0.003, a warm-up and a cosine decay to 0.
No hyperparameter was tuned. The weights are rounded to float16 before the model is evaluated or stored.

Writes results/alignment_base/ in the package (config.json, model.safetensors in float16, tokenizer.json), and
results/alignment_base.csv: seed, step, weights (float32 during training, float16 for the stored model), and the loss
on the validation split in nats per character.
"""

from pathlib import Path

import common
import torch

from lecture21 import GPT, GPTConfig
from lecture21.data import results, shakespeare, split
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig, evaluate, train

SHAPE = {"n_layer": 3, "n_head": 4, "d_model": 80, "block_size": 64, "bias": False, "position": "rotary"}
CHOICES = {"norm": "rmsnorm", "qk_norm": True, "activation": "relu2"}
STEPS = 3000
RUN = TrainConfig(
    STEPS, 32, 3e-3, weight_decay=0.1, warmup=100, schedule="cosine", clip=1.0, eval_every=500, device="cpu"
)
SHIPPED = Path(results.__file__).with_name("alignment_base")


def main() -> None:
    """Train the model, round its weights, and write model and table."""
    torch.set_num_threads(1)
    train_text, val_text = split(shakespeare())
    chars = CharTokenizer.from_text(shakespeare())
    tokens, val = (torch.tensor(chars.encode(text)) for text in (train_text, val_text))
    torch.manual_seed(RUN.seed)
    model = GPT(GPTConfig(vocab_size=chars.vocab_size, **SHAPE, **CHOICES))
    print(f"{model.num_parameters():,} parameters", flush=True)

    def record(step: int, _: GPT, history) -> None:
        print(step, round(history.val_loss[-1], 4), flush=True)

    history = train(model, tokens, RUN, val=val, on_evaluation=record)
    model.half().save_pretrained(SHIPPED)
    chars.save(SHIPPED / "tokenizer.json")
    for file in SHIPPED.iterdir():
        file.chmod(0o644)  # safetensors makes the file readable by its owner only
    losses = [(step, "float32", loss) for step, loss in zip(history.step, history.val_loss, strict=True)]
    losses.append((STEPS, "float16", evaluate(model.float(), val)))
    rows = [
        {"seed": RUN.seed, "step": step, "weights": weights, "val_loss": round(loss, 5)}
        for step, weights, loss in losses
    ]
    print(rows[-1])
    common.save("alignment_base", rows, arguments=False)


if __name__ == "__main__":
    main()
