"""Does routing train better? Learned and fixed routers and dense layers, on plays and program code together.

Usage: python benchmarks/c14_mixed_text.py [SEED ...]   (0 1 2 if none is named; about 25 minutes on one core)

The text is half plays, half Python: the nine plays, and as many characters of NetworkX 3.4.2, without docstrings and
tests, from its wheel on the package index. Both have one alphabet. The last tenth of each is held out, and each is
scored on its own, in windows of 32.

All models have the shape of `modern-gpt0` with two blocks and its recipe (Muon, linear decay to 0), 1,000 updates of 16
windows of 32 characters (512 thousand) and, for a seed, the same batches. They differ in the feed-forward layers.
`dense, equal active` has the width 128, `dense, equal total` the width 1,024. The others have experts with the joint
width 1,024, of which the selected ones have the width 128: the arithmetic of the first, up to the router, and the
parameters of the second.
`learned`: 8 experts of width 128, of which a router selects one, weighted by its probability (Fedus et al. 2022);
`learned, two of 16`: 16 experts of width 64, of which a router selects two, whose weights sum to 1 (Jiang et al. 2024);
both with a balance loss of weight 0.01.
`by character`: 8 experts; a fixed table sends each character to one (Hash Layers, Roller et al. 2021, with balanced
assignment): the most frequent characters come first, each to the expert with the least load in the training text, ties
drawn with the seed, another table in each layer. Its output has the weight 1.
`at random`: 8 experts; a random one for each character, anew in every batch, also when it is scored, with weight 1.
`all experts`: 8 experts, all of which process each character with weight 1. This is the layer of `dense, equal total`;
only its matrices are cut into eight, as Muon, which treats each matrix on its own, sees them in the sparse models.

The learning rates of the recipe are multiplied by one factor, which is tuned for each model: with another seed (100),
trained on the first nine tenths of the training text of each half and scored on their last tenths; from 1 to the
neighbors in `FACTORS` until the best has a worse one on each side.

Writes the result `mixed_text`: active, the parameters used for one character, which counts a router even if it is
fixed; plays and code, nats per character, and their mean, nats; seconds of process time of the training. And of each
run of `learned`, `mixed_text_experts`, a row for each layer and expert, over the complete windows of both held-out
texts: load; usual, the part of the layer's characters that are at the expert to which this character most often goes;
plays, the part of the expert's characters that is from the plays; letter, space (with the line break), digit and mark,
the parts of each kind.
"""

import re
import time
import zipfile
from functools import cache

import torch
from jaxtyping import Float, Int
from table import Table, each, run, seeds
from torch import Tensor

from lecture21 import GPT, presets
from lecture21._support.downloads import Download, fetch
from lecture21.accounting import parameters
from lecture21.data import shakespeare
from lecture21.moe import MoEConfig, Router, Routing, SparseMoE, routings
from lecture21.tokenizers import CharTokenizer
from lecture21.training import evaluate, recipe, train

CODE = Download(
    "networkx==3.4.2",
    "networkx-3.4.2-py3-none-any.whl",
    "df5d4365b724cf81b8c6a7312509d0c22386097011ad1abe274afd5e9d3bbc5f",
)
PRESET, STEPS, BATCH, N_EXPERT, WIDTH = "modern-gpt0", 1000, 16, 8, 128
MOE = {"n_expert": N_EXPERT, "top_k": 1}
FIRST, FACTORS, SEARCH_SEEDS = (1.0,), (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0), (100,)
ARMS: dict[str, dict[str, object]] = {
    "learned": {"d_ff": WIDTH, "moe": MOE | {"balance": "aux", "aux_weight": 0.01}},
    "by character": {"d_ff": WIDTH, "moe": MOE | {"balance": "none"}},
    "learned, two of 16": {
        "d_ff": WIDTH // 2,
        "moe": {"n_expert": 2 * N_EXPERT, "top_k": 2, "balance": "aux", "aux_weight": 0.01},
    },
    "dense, equal active": {"d_ff": WIDTH},
    "dense, equal total": {"d_ff": WIDTH * N_EXPERT},
    "at random": {"d_ff": WIDTH, "moe": MOE | {"balance": "none"}},
    "all experts": {"d_ff": WIDTH, "moe": {"n_expert": N_EXPERT, "top_k": N_EXPERT, "balance": "none"}},
}
KINDS = ("letter", "space", "digit", "mark")
KEY = ("part", "arm", "seed", "factor")
RUNS = Table("mixed_text", KEY, details={"mixed_text_experts": ("arm", "seed")})


@cache
def program() -> str:
    """Return Python code in ASCII: NetworkX, without docstrings and tests."""
    with zipfile.ZipFile(fetch(CODE)) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".py") and "/tests/" not in name)
        text = "\n".join(archive.read(name).decode() for name in names)
    text = re.sub(r'[ \t]*r?"""[\s\S]*?"""\n*', "", text)
    text = re.sub(r"[^\n -~]", "", text)
    return re.sub(r"\n{3,}", "\n\n", text)


@cache
def halves() -> tuple[CharTokenizer, list[Int[Tensor, " N"]]]:
    """Return the tokenizer, and plays and code as ids, equally long."""
    both = [shakespeare("plays"), program()]
    length = min(map(len, both))
    tokenizer = CharTokenizer.from_text("".join(text[:length] for text in both))
    return tokenizer, [torch.tensor(tokenizer.encode(text[:length])) for text in both]


def texts(part: str) -> tuple[Int[Tensor, " N"], list[Int[Tensor, " M"]]]:
    """Return the mixed text to train on, and two texts to score on; of a search, all are training text."""
    train, held = [], []
    for ids in halves()[1]:
        tenth = len(ids) // 10
        kept = ids[:-tenth] if part == "search" else ids
        train.append(kept[:-tenth])
        held.append(kept[-tenth:])
    return torch.cat(train), held


class FixedRouter(Router):
    """A router without weights: a table names the expert of each character; without a table, chance or all experts."""

    def __init__(self, d_model: int, config: MoEConfig, seed: int, table: Int[Tensor, " V"] | None):
        super().__init__(d_model, config)
        self.register_parameter("weight", None)
        self.table, self.generator = table, torch.Generator().manual_seed(seed)

    def remember(self, _: torch.nn.Module, inputs: tuple[Int[Tensor, "B T"]]) -> None:
        """Keep the characters of the batch, as a hook of the embedding."""
        (self.ids,) = inputs

    def forward(self, x: Float[Tensor, "B T C"]) -> Routing:
        """Look up or draw the expert of each character."""
        n_expert = self.config.n_expert
        if self.table is not None:
            experts = self.table[self.ids][..., None]
        elif self.config.top_k == n_expert:
            experts = torch.arange(n_expert).expand(*x.shape[:2], -1)
        else:
            experts = torch.randint(n_expert, (*x.shape[:2], 1), generator=self.generator)
        one = x.new_ones(experts.shape)
        return Routing(x.new_zeros(*x.shape[:2], n_expert), experts, one, one.bool())


def balanced_table(ids: Int[Tensor, " N"], symbols: int, n_expert: int, seed: int) -> Int[Tensor, " W"]:
    """Return the expert of each symbol, the most frequent first: that with the least load so far, ties by the seed."""
    counts = ids.bincount(minlength=symbols).double()
    load = torch.rand(n_expert, generator=torch.Generator().manual_seed(seed)).double() / 2  # less than one character
    table = torch.zeros(symbols, dtype=torch.int64)
    for symbol in counts.argsort(descending=True, stable=True):
        table[symbol] = load.argmin()
        load[table[symbol]] += counts[symbol]
    return table


def built(arm: str, seed: int, tokens: Int[Tensor, " N"], vocab_size: int) -> GPT:
    """Return a model with the weights of a seed; `tokens` is the training text."""
    torch.manual_seed(seed)
    model = GPT(presets.get(PRESET, n_layer=2, vocab_size=vocab_size, **ARMS[arm]))
    for layer, block in enumerate(model.blocks):
        if isinstance(block.feed_forward, SparseMoE) and not arm.startswith("learned"):
            own = 1000 * layer + seed
            table = balanced_table(tokens, vocab_size, N_EXPERT, own) if arm == "by character" else None
            router = FixedRouter(model.config.d_model, model.config.moe, own, table)
            block.feed_forward.router = router
            model.token.register_forward_pre_hook(router.remember)
    return model


def trained(arm: str, seed: int, factor: float, tokens: Int[Tensor, " N"]) -> tuple[GPT, float]:
    """Train a model; return it and the seconds of process time."""
    model = built(arm, seed, tokens, halves()[0].vocab_size)
    plain = recipe(PRESET)
    rates = ("learning_rate", "embedding_learning_rate", "muon_learning_rate")
    changed = {name: factor * getattr(plain, name) for name in rates}
    since = time.process_time()
    train(model, tokens, recipe(PRESET, steps=STEPS, batch_size=BATCH, seed=seed, device="cpu", **changed))
    return model.eval(), time.process_time() - since


def kinds_of(tokenizer: CharTokenizer) -> Int[Tensor, " V"]:
    """Return the kind of each character, as its place in `KINDS`."""
    tests = (str.isalpha, str.isspace, str.isdigit)
    kinds = [next((n for n, test in enumerate(tests) if test(symbol)), 3) for symbol in tokenizer.symbols]
    return torch.tensor([*kinds, 3])


@torch.no_grad()
def experts_of(model: GPT, held: list[Int[Tensor, " M"]]) -> list[dict[str, object]]:
    """Return what each expert of each layer processes, of two texts equally long."""
    ids = torch.cat([text[: len(text) // model.block_size * model.block_size] for text in held])
    with routings(model) as routed:
        for batch in ids.view(-1, model.block_size).split(64):
            model(batch)
    kinds, is_play = kinds_of(halves()[0])[ids], torch.arange(len(ids)) < len(ids) // 2
    found = []
    for layer, block in enumerate(model.blocks, start=1):
        chosen = torch.cat([r.experts.flatten() for router, r in routed if router is block.feed_forward.router])
        pairs = (ids * N_EXPERT + chosen).bincount(minlength=model.vocab_size * N_EXPERT).view(-1, N_EXPERT)
        usual = pairs.amax(1).sum() / len(ids)
        for expert in range(N_EXPERT):
            own = chosen == expert
            parts = {"load": own.float().mean(), "usual": usual, "plays": is_play[own].float().mean()}
            parts |= {kind: (kinds[own] == n).float().mean() for n, kind in enumerate(KINDS)}
            shares = {name: round(part.item(), 4) for name, part in parts.items()}
            found.append({"layer": layer, "expert": expert + 1, **shares})
    return found


def measure(part: str, arm: str, seed: int, factor: float) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Train a model, and return what is measured."""
    tokens, held = texts(part)
    model, seconds = trained(arm, seed, factor, tokens)
    plays, code = (evaluate(model, text) for text in held)
    row = {
        "parameters": model.num_parameters(),
        "active": parameters(model.config).active,
        "plays": round(plays, 5),
        "code": round(code, 5),
        "nats": round((plays + code) / 2, 5),
        "seconds": round(seconds, 1),
    }
    return row, experts_of(model, held) if part == "run" and arm == "learned" else []


def compare(arm: str) -> None:
    """Tune an arm, and run it with every seed."""
    search = {"by": "nats", "seeds": SEARCH_SEEDS, "reported": seeds(3)}
    best = RUNS.tune(measure, "factor", FIRST, FACTORS, **search, part="search", arm=arm)
    for seed in seeds(3):
        RUNS.row(measure, part="run", arm=arm, seed=seed, factor=best)


def main() -> None:
    """Compare all arms."""
    each(compare, ARMS)


if __name__ == "__main__":
    run(main)
