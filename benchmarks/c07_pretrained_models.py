"""Train and publish two small GPTs of the plays: with a causal mask, and without one.

Usage: python benchmarks/c07_pretrained_models.py [NAME ...]        (both if none is named; about 80 s each on one core)

`modern-gpt0` is the preset with its recipe. `modern-gpt0-cheat` is the same without a causal mask: it can read each
target in its input, so its loss says nothing about the text that it writes. Only the last position of a window has to
predict. With rotary positions, what it learns there serves all the others, and the cheat is hard to tell from a GPT
that was trained too briefly. So the cheat has learned positions. To put a number on the text, each model
continues eight prompts of 32 characters from the validation split by 200 characters, at temperature 1, and a 5-gram
model of the training split scores the continuations.

Stores both pretrained models, and writes the result `pretrained_models`: the loss on the whole validation split,
beside that of the 5-gram in the same windows, and the 5-gram's loss on the written text, beside that on the plays' own
continuations of the prompts, all in nats per character; the beginning of the first text; and the processor time of
training in seconds.
"""

import time

import common
import torch
from table import OPTIONS, Table, run

from lecture21 import GPT, evaluate, generate, presets, train
from lecture21.baselines import NGram
from lecture21.training import recipe

MODELS = {"modern-gpt0": {}, "modern-gpt0-cheat": {"causal": False, "position": "learned"}}  # changes to the preset
PROMPTS, PROMPT, NEW, SEED = 8, 32, 200, 0
RESULT = Table("pretrained_models", key=("model",))


def measure(model: str) -> dict[str, object]:
    """Train and publish a model, and score its loss and its text."""
    tokenizer, tokens, val = common.encoded_plays()
    counts = NGram(5, tokenizer.vocab_size).fit(tokens)
    starts = torch.arange(PROMPTS)[:, None] * (len(val) // PROMPTS) + torch.arange(PROMPT + NEW)
    plays = val[starts]  # (PROMPTS, PROMPT + NEW)
    torch.manual_seed(SEED)
    gpt = GPT(presets.get("modern-gpt0", vocab_size=tokenizer.vocab_size, **MODELS[model]))
    start = time.process_time()
    train(gpt, tokens, recipe("modern-gpt0", seed=SEED, device="cpu"))
    seconds = time.process_time() - start
    loss = common.publish(model, gpt, tokenizer)
    texts = generate(gpt, plays[:, :PROMPT], NEW, seed=SEED)
    text, real = (counts.loss(ids[:, PROMPT - 1 : -1], ids[:, PROMPT:]).item() for ids in (texts, plays))
    return {
        "seed": SEED,
        "val_loss": loss,
        "five_gram": round(evaluate(counts, val, gpt.block_size), 5),
        "text_under_five_gram": round(text, 5),
        "plays_under_five_gram": round(real, 5),
        "text": tokenizer.decode(texts[0, PROMPT : PROMPT + 60]),
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Train, publish and measure the models."""
    for model in OPTIONS.arguments or MODELS:
        RESULT.row(measure, model=model)


if __name__ == "__main__":
    run(main)
