"""Train the GPT of chapter 07's exercises as the chapter does, over several seeds.

Usage: python benchmarks/c07_student_gpt.py [SEED ...]        (0 1 2 if none is named; about 60 s each on one core)

Writes the result `student_gpt`: seed, step, train_loss, val_loss (nats per character, whole validation split), words
(share of the words in 8 texts of 400 characters, temperature 0.8, that the training text has; at the last step).
"""

import re

import common
import torch

from lecture21.data import shakespeare, split
from lecture21.exercises.registry import find
from lecture21.training import recipe, train


def main() -> None:
    """Run the seeds and write the table."""
    seeds = common.start(3)
    tokenizer, tokens, val = common.encoded_plays()
    known = set(re.findall(r"[a-z']+", split(shakespeare())[0].lower()))
    rows = []
    for seed in seeds:
        torch.manual_seed(seed)
        model = find("7.5").solution(tokenizer.vocab_size, 32, 64, 4, 4)
        config = recipe("modern-gpt0", eval_every=200, seed=seed, device="cpu")
        history = train(model, tokens, config, val=val)
        torch.manual_seed(seed)
        texts = model.generate(torch.tensor([tokenizer.encode("ROMEO:\n")] * 8), 400, temperature=0.8)
        words = [w for text in texts for w in re.findall(r"[a-z']+", tokenizer.decode(text.tolist()).lower())[1:-1]]
        share = sum(word in known for word in words) / len(words)
        for step, train_loss, val_loss in zip(history.step, history.train_loss, history.val_loss, strict=True):
            losses = {"train_loss": round(train_loss, 5), "val_loss": round(val_loss, 5)}
            rows.append(
                {"seed": seed, "step": step, **losses, "words": round(share, 4) if step == config.steps else None}
            )
        print(f"seed {seed}: {history.val_loss[-1]:.4f} nats per character, {share:.0%} of {len(words)} words known")
    common.save("student_gpt", rows)


if __name__ == "__main__":
    main()
