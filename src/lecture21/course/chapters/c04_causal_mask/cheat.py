"""Small GPTs with the causal mask and without: with random parameters, on dice, and on the sentences of chapter 01."""

import math
from collections.abc import Callable, Collection

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lecture21 import GPT, GPTConfig, TrainConfig, generate, presets, train
from lecture21.data import agreement
from lecture21.data.agreement import VOCABULARY, Agreement
from lecture21.training import minimize

TASK, DISTANCE, WORDS = Agreement(), 7, 10


def small_gpt(unmasked: Collection[int] = ()) -> Callable[[Float[Tensor, "T C"]], Float[Tensor, "T V"]]:
    """Return GPT-0 of chapter 07, with random parameters, as a map from the vectors of tokens to its predictions.

    Args:
        unmasked: the layers, counted from 1, whose attention has no causal mask.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        gpt = GPT(presets.get("gpt0")).eval().requires_grad_(False)
    for number, block in enumerate(gpt.blocks, start=1):
        block.attention.causal = number not in unmasked

    def predictions(x: Float[Tensor, "T C"]) -> Float[Tensor, "T V"]:
        h = (x + gpt.position(0, len(x)))[None]
        for block in gpt.blocks:
            h = block(h)
        return gpt.head(gpt.norm(h))[0]

    return predictions


def loss_on_dice(*, causal: bool, seed: int) -> float:
    """Return the loss on new rolls of a die with 26 faces, in nats a roll, of a GPT that was trained on other rolls."""
    generator = torch.Generator().manual_seed(0)
    rolls = torch.randint(26, (40_000,), generator=generator)
    fresh = torch.randint(26, (1000, 17), generator=generator)
    torch.manual_seed(seed)
    model = GPT(GPTConfig(26, block_size=16, n_layer=1, n_head=1, d_model=32, causal=causal))
    train(model, rolls, TrainConfig(steps=250, learning_rate=1e-2, eval_every=250, seed=seed, device="cpu"))
    with torch.no_grad():
        return model.loss(fresh[:, :-1], fresh[:, 1:]).item()


def trained(*, causal: bool, seed: int) -> GPT:
    """Return a GPT with one layer that has learned to predict every next word of the sentences."""
    torch.manual_seed(seed)
    shape = {"vocab_size": len(VOCABULARY), "block_size": WORDS, "n_layer": 1, "d_model": 32}
    model = GPT(GPTConfig(**shape, causal=causal))

    def loss(generator: torch.Generator) -> Tensor:
        words = TASK.sentences(32, DISTANCE, generator=generator)  # (32, 11)
        return model.loss(words[:, :-1], words[:, 1:])

    config = TrainConfig(steps=600, learning_rate=0.01, schedule="cosine", seed=seed, device="cpu")
    minimize(model, loss, config)
    return model.eval()


def honest_loss() -> float:
    """Return the least mean loss of a model that depends on the words so far: each drawn word costs ln of the choices.

    The first noun is one of all nouns in both numbers. Each of two phrases has a preposition and a noun of the other
    kind; "the" and the full stop cost nothing, and the verb's number follows from the subject.
    """
    nouns, phrase = (
        2 * len(agreement.PEOPLE + agreement.THINGS),
        len(agreement.PREPOSITIONS) * 2 * len(agreement.PEOPLE),
    )
    return (
        math.log(nouns) + 2 * math.log(phrase) + math.log(len(agreement.VERBS)) + math.log(len(agreement.ENDINGS))
    ) / WORDS


@torch.no_grad()
def nats(model: GPT) -> tuple[float, float]:
    """Return the loss of a word with the complete sentence in view, and with the words so far."""
    words = TASK.sentences(600, DISTANCE, generator=torch.Generator().manual_seed(99))
    in_view = model(words[:, :-1])
    so_far = torch.stack([model(words[:, : t + 1])[:, -1] for t in range(WORDS)], dim=1)
    first, second = (F.cross_entropy(x.flatten(0, 1), words[:, 1:].flatten()).item() for x in (in_view, so_far))
    return first, second


def is_right(sentence: str) -> bool:
    """Return whether a sentence is one of the task: words in their places, rivals of the other kind, a right verb."""
    words = sentence.split()
    subject, verb, *rivals = (words[place] for place in (1, 8, 4, 7))
    kinds = [{form for noun in nouns for form in (noun, f"{noun}s")} for nouns in (agreement.PEOPLE, agreement.THINGS)]
    own, other = kinds if subject in kinds[0] else kinds[::-1]
    return (
        [words[place] for place in (0, 3, 6, 10)] == ["the", "the", "the", "."]
        and subject in own
        and other.issuperset(rivals)
        and {words[2], words[5]}.issubset(agreement.PREPOSITIONS)
        and words[9] in agreement.ENDINGS
        and verb in {pair[subject.endswith("s")] for pair in agreement.VERBS}
    )


def written(model: GPT, count: int, seed: int) -> list[str]:
    """Return sentences that a model writes, one word after the other, from "the" on."""
    start = torch.full((count, 1), VOCABULARY.ids["the"])
    rows = generate(model, start, WORDS, seed=seed).tolist()
    return [" ".join(VOCABULARY.tokens[i] for i in row) for row in rows]
