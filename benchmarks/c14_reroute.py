"""What does a trained sparse model lose if its tokens go to other experts, or to none?

Usage: python benchmarks/c14_reroute.py [SEED ...]     (0 1 2 if none is named; about 4 minutes on one core)

A hook on the router replaces the expert of every token and keeps its gate weight; no model is trained further:
`learned`: the expert that the model selects; if its router is a fixed table, the one of this table;
`usual`: the expert to which this character goes most often in the layer, on the first 102,400 characters of the
training text; `none`: no expert, the feed-forward layer adds 0; `other`: any of the other experts, each with the same
probability; `second`: the second choice of the router. In a model with a fixed table, only `none` and `other`.

The choice is changed in all layers at once, or in one layer while the others do as they learned. Later layers see what
the change did to their inputs, and choose by it. Rerouted are `modern-moe`, which ships, on its validation text and on
plays that it was not trained on (the first of the complete edition), and models of `c14_mixed_text`, trained here once
more with their tuned rates and the seeds, on the held-out plays and code.

Writes the result `reroute`: nats per character of the first 25,600 characters of the text, in windows of 32; layer is
empty where all are changed.
"""

from collections.abc import Callable
from itertools import product

import c14_mixed_text as mixed
import common
import torch
from jaxtyping import Int
from table import Table, each, run, seeds, stored
from torch import Tensor

from lecture21 import GPT, pretrained
from lecture21.data import shakespeare
from lecture21.moe import Router, Routing, routings
from lecture21.training import evaluate

SHIPPED, CHARACTERS, COUNTED = "modern-moe", 25_600, 102_400
ARMS = ("learned", "learned, two of 16", "by character")
CHOICES = ("usual", "none", "other", "second")
RUNS = Table("reroute", ("model", "seed"))


class Rerouted:
    """Hooks that replace the experts of some layers, during a `with` block.

    Args:
        model: a GPT with a sparse layer in every block.
        choice: one of `CHOICES`.
        layer: the layer that is changed, from 1; by default all.
        usual: for `usual`, the expert of each character in each layer.
    """

    def __init__(self, model: GPT, choice: str, layer: int | None = None, usual: list[Int[Tensor, " V"]] | None = None):
        self.model, self.choice, self.layer, self.usual = model, choice, layer, usual
        self.generator = torch.Generator().manual_seed(0)

    def __enter__(self) -> None:
        self.hooks = [self.model.token.register_forward_pre_hook(self.remember)]
        for n, router in enumerate(routers(self.model)):
            if self.layer in (None, n + 1):
                self.hooks.append(router.register_forward_hook(self.changed(n)))

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def remember(self, _: torch.nn.Module, inputs: tuple[Int[Tensor, "B T"]]) -> None:
        """Keep the characters of the batch."""
        (self.ids,) = inputs

    def changed(self, n: int) -> Callable[[Router, object, Routing], Routing]:
        """Return the hook of a layer."""

        def hook(router: Router, _: object, routing: Routing) -> Routing:
            experts, n_expert = routing.experts, router.config.n_expert
            if self.choice == "none":
                return routing._replace(weights=torch.zeros_like(routing.weights))
            if self.choice == "usual":
                experts = self.usual[n][self.ids][..., None]
            elif self.choice == "other":
                steps = torch.randint(1, n_expert, (*experts.shape[:2], 1), generator=self.generator)
                experts = (experts + steps) % n_expert
            else:
                experts = routing.logits.topk(2).indices[..., 1:]
            return routing._replace(experts=experts)

        return hook


def routers(model: GPT) -> list[Router]:
    """Return the routers of a model, in the order of its layers."""
    return [module for module in model.modules() if isinstance(module, Router)]


@torch.no_grad()
def usual_experts(model: GPT, tokens: Int[Tensor, " N"], symbols: int) -> list[Int[Tensor, " V"]]:
    """Return the expert to which each character goes most often, for each layer."""
    counts = [torch.zeros(symbols, router.config.n_expert) for router in routers(model)]
    for ids in tokens[: len(tokens) // model.block_size * model.block_size].view(-1, model.block_size).split(64):
        with routings(model) as routed:
            model(ids)
        for count, (_, routing) in zip(counts, routed, strict=True):
            count.index_put_((ids.flatten(), routing.experts.flatten()), torch.ones(()), accumulate=True)
    return [count.argmax(1) for count in counts]


def rerouted(model: GPT, texts: dict[str, Tensor], usual: list[Tensor] | None, choices: tuple[str, ...]) -> list[dict]:
    """Return the loss of each text with each choice."""
    rows = []
    for text, ids in texts.items():
        ids = ids[: CHARACTERS + 1]
        if len(ids) <= CHARACTERS:
            raise ValueError(f"{text} is too short")
        rows.append({"text": text, "choice": "learned", "layer": None, "nats": round(evaluate(model, ids), 5)})
        for choice, layer in product(choices, (None, *range(1, len(routers(model)) + 1))):
            with Rerouted(model, choice, layer, usual):
                rows.append({"text": text, "choice": choice, "layer": layer, "nats": round(evaluate(model, ids), 5)})
    return rows


def shipped(model: str, seed: int) -> list[dict[str, object]]:
    """Reroute the model that ships, whose own seed is 0."""
    gpt, tokenizer = pretrained.load(model)
    _, tokens, val = common.encoded_plays()
    known = "".join(symbol for symbol in shakespeare("complete")[: 2 * CHARACTERS] if symbol in tokenizer.symbols)
    texts = {"validation plays": val, "other plays": torch.tensor(tokenizer.encode(known, strict=True))}
    return rerouted(gpt.eval(), texts, usual_experts(gpt.eval(), tokens[:COUNTED], gpt.vocab_size), CHOICES)


def measure(model: str, seed: int) -> list[dict[str, object]]:
    """Train a model of the mixed text again, and reroute it."""
    tokens, held = mixed.texts("run")
    (factor,) = {row["factor"] for row in stored("mixed_text") if row["part"] == "run" and row["arm"] == model}
    gpt, _ = mixed.trained(model, seed, factor, tokens)
    if model != "learned":
        return rerouted(gpt, dict(zip(("plays", "code"), held, strict=True)), None, ("none", "other"))
    half = COUNTED // 2  # as much of the code
    ids = torch.cat([tokens[:half], tokens[-half:]])
    usual = usual_experts(gpt, ids, gpt.vocab_size)
    return rerouted(gpt, dict(zip(("plays", "code"), held, strict=True)), usual, CHOICES)


def main() -> None:
    """Reroute the model that ships, and those of the mixed text."""
    RUNS.rows(shipped, model=SHIPPED, seed=0)
    each(lambda key: RUNS.rows(measure, model=key[0], seed=key[1]), product(ARMS, seeds(3)))


if __name__ == "__main__":
    run(main)
