"""Small GPTs on the sentences of chapter 01, with the causal mask and without: what they pay for a word, and write."""

import math

import torch
import torch.nn.functional as F

from lecture21 import GPT, GPTConfig, TrainConfig, generate
from lecture21.data.agreement import ENDINGS, PEOPLE, PREPOSITIONS, THINGS, VERBS, VOCABULARY, Agreement
from lecture21.training import minimize

TASK, DISTANCE, WORDS = Agreement(), 7, 10


def trained(*, causal: bool, seed: int) -> GPT:
    """Return a GPT with one layer that has learned to predict every next word of the sentences."""
    torch.manual_seed(seed)
    shape = {"vocab_size": len(VOCABULARY), "block_size": WORDS, "n_layer": 1, "d_model": 32}
    model = GPT(GPTConfig(**shape, causal=causal))

    def loss(generator: torch.Generator) -> torch.Tensor:
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
    nouns, phrase = 2 * len(PEOPLE + THINGS), len(PREPOSITIONS) * 2 * len(PEOPLE)
    return (math.log(nouns) + 2 * math.log(phrase) + math.log(len(VERBS)) + math.log(len(ENDINGS))) / WORDS


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
    kinds = [{form for noun in nouns for form in (noun, f"{noun}s")} for nouns in (PEOPLE, THINGS)]
    own, other = kinds if subject in kinds[0] else kinds[::-1]
    return (
        [words[place] for place in (0, 3, 6, 10)] == ["the", "the", "the", "."]
        and subject in own
        and other.issuperset(rivals)
        and {words[2], words[5]}.issubset(PREPOSITIONS)
        and words[9] in ENDINGS
        and verb in {pair[subject.endswith("s")] for pair in VERBS}
    )


def written(model: GPT, count: int, seed: int) -> list[str]:
    """Return sentences that a model writes, one word after the other, from "the" on."""
    start = torch.full((count, 1), VOCABULARY.ids["the"])
    rows = generate(model, start, WORDS, seed=seed).tolist()
    return [" ".join(VOCABULARY.tokens[i] for i in row) for row in rows]
