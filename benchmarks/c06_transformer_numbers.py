"""Train an encoder-decoder to translate numbers, over several seeds and settings, and score it by exact match.

Usage: python benchmarks/c06_transformer_numbers.py [SEED ...]    (0 1 2 if none is named; 2 minutes each on one core)

Writes the result `transformer_numbers`, one row for each run: the setting, the fraction of held-out numbers
translated without a mistake by greedy decoding and by a beam of 4, and the number of them for which the beam found a
more probable translation than greedy decoding. Each seed has its own numbers, weights and batches.
"""

from itertools import product

import torch
from table import Table, each, run, seeds

from lecture21.data import numbers
from lecture21.transformer import Transformer, TransformerConfig, beam_search, greedy_decode

STEPS, BATCH, PEAK, WARMUP = 600, 32, 2e-3, 100
N_TEST = 400
TOKENS = {"bos": numbers.VOCABULARY.bos, "eos": numbers.VOCABULARY.eos, "max_new": 16}

SETTINGS = [
    {"to": "words", "position": "sinusoidal", "n_train": 250, "max_digits": 6},
    {"to": "words", "position": "sinusoidal", "n_train": 1000, "max_digits": 6},
    {"to": "words", "position": "sinusoidal", "n_train": 4000, "max_digits": 6},
    {"to": "digits", "position": "sinusoidal", "n_train": 4000, "max_digits": 6},
    {"to": "words", "position": "learned", "n_train": 4000, "max_digits": 6},
    {"to": "words", "position": "none", "n_train": 4000, "max_digits": 6},
    # Up to five digits, and this number of examples with six; tested on six digits.
    {"to": "words", "position": "sinusoidal", "n_train": 1000, "max_digits": 5, "longer": 0},
    {"to": "words", "position": "sinusoidal", "n_train": 1000, "max_digits": 5, "longer": 20},
    {"to": "words", "position": "sinusoidal", "n_train": 4000, "max_digits": 5, "longer": 20},
]


RESULT = Table("transformer_numbers", key=("seed", "longer", "max_digits", "n_train", "position", "to"))


def draw(n_train: int, max_digits: int, longer: int, seed: int) -> tuple[list[int], list[int]]:
    """Return training numbers and test numbers: of the same lengths, or longer than (nearly) all training numbers."""
    drawn = numbers.sample(n_train + N_TEST, max_digits=max_digits, seed=seed)
    if max_digits == 6:
        return drawn[N_TEST:], drawn[:N_TEST]
    longest = [n for n in numbers.sample(10 * N_TEST, seed=seed) if len(str(n)) == 6]
    return drawn[N_TEST:] + longest[N_TEST : N_TEST + longer], longest[:N_TEST]


def fit(model: Transformer, data: tuple[torch.Tensor, ...], seed: int) -> None:
    """Train as in the chapter: Adam with 100 steps of warm-up and then an inverse square-root decay."""
    optimizer = torch.optim.Adam(model.parameters(), betas=(0.9, 0.98))
    generator = torch.Generator().manual_seed(seed)
    for step in range(1, STEPS + 1):
        optimizer.param_groups[0]["lr"] = PEAK * min(step / WARMUP, (WARMUP / step) ** 0.5)
        rows = torch.randint(len(data[0]), (BATCH,), generator=generator)
        optimizer.zero_grad()
        model.loss(*(side[rows] for side in data)).backward()
        optimizer.step()


def measure(seed: int, longer: int, max_digits: int, n_train: int, position: str, to: str) -> dict[str, object]:
    """Train and score one model."""
    train, test = (numbers.pairs(part, to) for part in draw(n_train, max_digits, longer, seed))
    torch.manual_seed(seed)
    model = Transformer(TransformerConfig(len(numbers.VOCABULARY), block_size=16, position=position))
    fit(model, train, seed)
    greedy = greedy_decode(model, test.source, **TOKENS)
    beams = beam_search(model, test.source, width=4, **TOKENS)
    answers = [numbers.VOCABULARY.decode(row) for row in test.target_out]

    def exact(ids: torch.Tensor) -> float:
        said = map(numbers.VOCABULARY.decode, ids)
        return sum(one == answer for one, answer in zip(said, answers, strict=True)) / len(answers)

    likelier = (beams.log_probabilities[:, 0] > greedy.log_probabilities + 1e-4).sum().item()
    scores = {"greedy": round(exact(greedy.ids), 4), "beam_4": round(exact(beams.ids[:, 0]), 4)}
    return {"steps": STEPS, **scores, "beam_likelier": likelier}


def main() -> None:
    """Run every setting with every seed."""
    each(lambda key: RESULT.row(measure, seed=key[0], **{"longer": 0} | key[1]), product(seeds(3), SETTINGS))


if __name__ == "__main__":
    run(main)
