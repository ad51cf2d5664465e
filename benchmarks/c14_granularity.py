"""Are many narrow experts better than few wide ones, and does it take a router to choose among them?

Usage: python benchmarks/c14_granularity.py [SEED ...]   (0 1 2 if none is named; about 10 minutes on one core)

Two changes of the sparse model of `c14_sparse_against_dense` at 500 steps (256 thousand characters), with its recipe,
batches and seeds. Its runs, 8 experts of width 128 of which a character uses 2, are those of that script.

`32 x 32` is cut finer: 32 experts of width 32, of which each character uses 8; likewise `16 x 64` and `64 x 16`. All
perform the same arithmetic for a character and have the same parameters, up to the router. The step of the selection
bias is 0.08 / E, since it is added to probabilities whose mean is 1 / E: 0.01 for 8 experts, as there.

`by character` has the 8 experts and no router: a fixed table, drawn with the seed, sends each character to 2 of them
with equal weights, whatever its context. The most frequent characters come first, each to the experts with the least
load in the training text, so the experts form four pairs.

The learning rates of the recipe are multiplied by one factor, which is tuned for each model as there: seed 100, last
tenth of the training text, from 2 to the neighbors in `FACTORS` until both are worse.

Writes the result `granularity`: the columns of `sparse_against_dense`; of a run also, for each layer, the number of
different sets of experts to which a character was sent among the first `MEASURED` of the validation split.
"""

import c14_sparse_against_dense as sweep
import common
import torch
from jaxtyping import Float, Int
from table import Table, each, run, seeds
from torch import Tensor

from lecture21 import GPT, presets
from lecture21.moe import MoEConfig, Router, Routing, SparseMoE, routings

STEPS = 500
MODELS = {"32 x 32": 32, "16 x 64": 16, "64 x 16": 64, "by character": 8}
"""Number of experts E, of which a character uses a quarter."""
RUNS = Table("granularity", sweep.KEY)
MEASURED = 32_000


class CharacterRouter(Router):
    """A router without weights: a table names the experts of each character, and all have the same gate weight."""

    def __init__(self, d_model: int, config: MoEConfig, table: Int[Tensor, "V k"]):
        super().__init__(d_model, config)
        self.register_parameter("weight", None)
        self.register_buffer("table", table)

    def remember(self, _: torch.nn.Module, inputs: tuple[Int[Tensor, "B T"]]) -> None:
        """Keep the characters of the batch, as a hook of the embedding."""
        (self.ids,) = inputs

    def forward(self, x: Float[Tensor, "B T C"]) -> Routing:
        """Look up the experts of each character."""
        experts = self.table[self.ids]
        even = torch.full(experts.shape, 1 / self.config.top_k, dtype=x.dtype)
        logits = x.new_zeros(*experts.shape[:2], self.config.n_expert)
        return Routing(logits, experts, even, torch.ones_like(experts, dtype=torch.bool))


def fixed_table(ids: Int[Tensor, " N"], vocab_size: int, n_expert: int, seed: int) -> Int[Tensor, "V k"]:
    """Return the experts of each character: k = E / 4 of those with the least load so far, ties drawn with the seed."""
    generator = torch.Generator().manual_seed(seed)
    counts = ids.bincount(minlength=vocab_size).double()
    load = torch.rand(n_expert, generator=generator).double() / 2  # less than one character
    table = torch.empty(vocab_size, n_expert // 4, dtype=torch.int64)
    for character in counts.argsort(descending=True, stable=True):
        table[character] = load.topk(n_expert // 4, largest=False).indices
        load[table[character]] += counts[character]
    return table


def built(name: str, seed: int, tokens: Int[Tensor, " N"]) -> GPT:
    """Return a model with the weights of a seed; `tokens` is the training text."""
    n_expert = MODELS[name]
    moe = {"n_expert": n_expert, "top_k": n_expert // 4, "balance": "bias", "bias_rate": 0.08 / n_expert}
    torch.manual_seed(seed)
    model = GPT(presets.get(sweep.PRESET, n_layer=2, d_ff=1024 // n_expert, moe=moe))
    if name == "by character":
        for layer, block in enumerate(model.blocks):
            table = fixed_table(tokens, model.vocab_size, n_expert, 1000 * layer + seed)
            router = CharacterRouter(model.config.d_model, model.config.moe, table)
            assert isinstance(block.feed_forward, SparseMoE)
            block.feed_forward.router = router
            model.token.register_forward_pre_hook(router.remember)
    return model


@torch.no_grad()
def sets_of(model: GPT, ids: Tensor) -> dict[str, int]:
    """Return the number of different sets of experts in each layer."""
    with routings(model.eval()) as collected:
        model(ids.view(-1, model.block_size))
    chosen = [routing.experts.flatten(0, 1).sort(-1).values for _, routing in collected]
    return {f"sets_{layer}": len(sets.unique(dim=0)) for layer, sets in enumerate(chosen, start=1)}


def measure(part: str, model: str, seed: int, steps: int, factor: float) -> dict[str, object]:
    """Train a model, and return what is measured; of a run also the load and the sets of its experts."""
    tokens, val = common.texts(part)
    gpt = built(model, seed, tokens)
    row = sweep.trained(gpt, seed, steps, factor, tokens, val)
    return row | (sets_of(gpt, val[:MEASURED]) if part == "run" else {})


def compare(model: str) -> None:
    """Tune a model, and run it with every seed."""
    search = {"by": "nats", "seeds": (sweep.SEARCH_SEED,), "reported": seeds(3)}
    best = RUNS.tune(measure, "factor", (2.0,), sweep.FACTORS, **search, part="search", model=model, steps=STEPS)
    for seed in seeds(3):
        RUNS.row(measure, part="run", model=model, seed=seed, steps=STEPS, factor=best)


def main() -> None:
    """Compare all models."""
    each(compare, MODELS)


if __name__ == "__main__":
    run(main)
