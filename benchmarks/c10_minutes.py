"""The loss of `modern` in the time of nanoGPT's recipe, which takes less: a table of pairs of characters.

Usage: python benchmarks/c10_minutes.py        (about 15 minutes on one core; Tiny Shakespeare needs a network)

`pairs, WIDTH` is `equal time` of `c10_modern.py`, two modern blocks, in that width; to the embedding of each character
it adds one of the pair of the character before and this one: a table that begins at 0 and takes no products of
matrices. It has as many updates as take a share of the process time of nanoGPT's command, by the median over rounds in
which a few updates of each are timed in turn. `plain, WIDTH` lacks the table, and has as many updates as with it.

The table, and the width for a quarter of the time, were chosen by runs with seed 100 on the first nine tenths of the
training text, scored on the last (part "search"). For all of the time, the width is that of `equal time`. The runs that
are reported have seeds 0, 1 and 2, and the validation split as their score, in windows of 64 characters.

`nanogpt, RATE` is a quarter of the command's updates, with one seed and its rate tuned as in `c10_modern.py`, on the
validation split itself, which favors it; all of them are in the table `modern_char_rnn`.

Writes the result `minutes`. All rows are those of a processor without AVX-512, or of one that is kept from using it by
ATEN_CPU_CAPABILITY=avx2 and ONEDNN_MAX_CPU_ISA=AVX2: Muon computes in float32. The seconds are those of a busy machine.
"""

from dataclasses import replace
from functools import cache
from itertools import product

import c10_modern
import common
import torch
from c10_modern import NANOGPT_RUN, SEEDS, TUNED, Arm, arm_of, seconds, text_of
from c10_modern_ablation import SEARCH_SEED
from jaxtyping import Float, Int
from table import Table, each, run
from torch import Tensor, nn

from lecture21 import GPT
from lecture21.training import TrainConfig, evaluate, train

EDITION = "char-rnn"
WIDTHS = {0.25: 64, 1.0: 96}
"""The width in each share of nanoGPT's time."""
ROUNDS, TIMED_STEPS = 12, 10
MINUTES = Table("minutes", key=("part", "share", "arm", "seed", "steps"))


class Pairs(nn.Module):
    """The embedding of a character, plus one of the pair of the character before and this one."""

    def __init__(self, single: nn.Embedding):
        super().__init__()
        self.single = single
        # The first character of a window has none before it, which counts as one more character.
        self.pair = nn.Embedding(single.num_embeddings * (single.num_embeddings + 1), single.embedding_dim)
        nn.init.zeros_(self.pair.weight)

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T C"]:
        """Return one vector for each character."""
        before = nn.functional.pad(ids[:, :-1], (1, 0), value=self.single.num_embeddings)
        return self.single(ids) + self.pair(before * self.single.num_embeddings + ids)


def train_with_pairs(model: GPT, tokens: Tensor, config: TrainConfig) -> None:
    """Train a model to which the embeddings of pairs are added first."""
    model.token = Pairs(model.token)
    train(model, tokens, config)


def made(arm: str, vocab_size: int) -> Arm:
    """Return an arm by its name."""
    kind, _, width = arm.partition(", ")
    if kind == "nanogpt":
        return arm_of(arm, vocab_size)
    found = c10_modern.EQUAL.found(vocab_size)
    heads = int(width) // found.model.d_head
    shape = {"d_model": int(width), "d_ff": 4 * int(width), "n_head": heads, "n_kv_head": heads}
    one = found._replace(model=found.model.changed(**shape))
    return one._replace(train=train_with_pairs) if kind == "pairs" else one


@cache
def updates(width: int) -> float:
    """Return how many updates with pairs take the time of nanoGPT's command: by the median over rounds, in turn."""
    text = text_of(EDITION)
    pair = [made(arm, text.tokenizer.vocab_size) for arm in ("nanogpt", f"pairs, {width}")]
    pair = [one._replace(run=replace(one.run, steps=TIMED_STEPS, eval_every=TIMED_STEPS)) for one in pair]
    times = torch.tensor([[seconds(one, text.train) for one in pair] for _ in range(ROUNDS)])
    return NANOGPT_RUN.steps * (times[:, 0] / times[:, 1]).median().item()


def measure(part: str, share: float, arm: str, seed: int, steps: int) -> dict[str, float]:
    """Train one model, and score it: in a search, on the end of the training text."""
    text = text_of(EDITION)
    tokens, val = text.train, text.val
    if part == "search":
        cut = len(tokens) * 9 // 10
        tokens, val = tokens[:cut], tokens[cut:]
    one = made(arm, text.tokenizer.vocab_size)
    warmup = steps * one.run.warmup // one.run.steps
    one = one._replace(run=replace(one.run, seed=seed, steps=steps, warmup=warmup, eval_every=steps))
    torch.manual_seed(seed)
    model = GPT(one.model)
    took = seconds(one, tokens, model)
    sizes = {"parameters": model.num_parameters(), "characters": steps * one.run.batch_size * model.block_size}
    return sizes | {"seconds": round(took, 1), "nats": round(evaluate(model, val), 5)}


def steps_of(share: float, width: int) -> int:
    """Return the updates in a share of nanoGPT's time, which is measured once."""
    known = MINUTES.select(share=share, arm=f"pairs, {width}")
    return known[0]["steps"] if known else round(share * updates(width))


def nanogpt(rate: float) -> float:
    """Return the loss of nanoGPT's recipe after a quarter of its updates."""
    key = {"part": "run", "share": 0.25, "arm": f"nanogpt, {rate:g}", "seed": 0}
    return MINUTES.row(measure, **key, steps=NANOGPT_RUN.steps // 4)["nats"]


def main() -> None:
    """Choose a width on the training text, with and without pairs, and run the recipe beside nanoGPT's."""
    keys = [("search", 0.25, arm, SEARCH_SEED) for arm in ("pairs, 64", "pairs, 96", "plain, 64")]
    keys += [("run", share, f"pairs, {width}", seed) for seed, (share, width) in product(SEEDS, WIDTHS.items())]
    keys = [(*key, steps_of(key[1], int(key[2].split()[1]))) for key in keys]  # timed before the runs begin
    each(lambda key: MINUTES.row(measure, **dict(zip(MINUTES.key, key, strict=True))), keys)
    common.tune(nanogpt, TUNED)


if __name__ == "__main__":
    run(main)
