"""Where does GPT-0 beat the 5-gram, and where does more text help? The validation text of both editions, play by play.

Usage: python benchmarks/c09_new_play.py        (about 7 minutes on one core; needs a network for Tiny Shakespeare)

The last tenth of both editions has the end of *The Taming of the Shrew*, which the training text begins, and *The
Tempest*, of which the training text has nothing. Its share is 77 % in the plays and 31 % in Tiny Shakespeare, which
breaks off in the second act. GPT-0, GPT-0 trained on half the characters, and the 5-gram are those of `c09_gpt_ladder`,
trained again with the factors that it chose, and are scored on each play in windows of 32 characters: see the result
`new_play`.
"""

from functools import cache
from itertools import product

from c09_gpt_ladder import ARMS, GPT0, HALF, WINDOW, Text, fit, name_of, number_of_steps
from table import Table, each, run

from lecture21 import GPT
from lecture21.baselines import NGram
from lecture21.course.chapters import results
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer

EDITIONS, SEEDS, BEGINNING = ("plays", "char-rnn"), (0, 1, 2), "Master:\nBoatswain!"
MODELS = ("GPT-0", HALF)
RESULT = Table("new_play", key=("edition", "model", "seed"))


@cache
def parts_of(edition: str) -> dict[str, Text]:
    """Return the training text with each play of the validation text."""
    train_text, val_text = split(shakespeare(edition))
    tokenizer = CharTokenizer.from_text(train_text + val_text)
    cut = val_text.index(BEGINNING)
    plays = {"The Taming of the Shrew": val_text[:cut], "The Tempest": val_text[cut:]}
    return {play: Text(tokenizer, train_text, part) for play, part in plays.items()}


def measure(edition: str, model: str, seed: int) -> list[dict[str, object]]:
    """Train a model, or count, on the training text of an edition, and score it on each play."""
    parts = parts_of(edition)
    text = next(iter(parts.values()))  # all have the same training text
    if model == "5-gram":
        trained: GPT | NGram = NGram(5, GPT0.vocab_size).fit(text.train)
    else:
        factors = results.load(name_of(edition)).query("part == 'run'").groupby("rung")["factor"].first()
        trained = fit(ARMS[model], text, seed, factors[model], number_of_steps(ARMS[model], text.per_token))
    return [
        {"play": play, "characters": part.predicted, "bits": part.bits(trained, WINDOW)} for play, part in parts.items()
    ]


def main() -> None:
    """Train and score both models on both editions, beside the 5-gram."""
    for edition in EDITIONS:
        RESULT.rows(measure, edition=edition, model="5-gram", seed=0)
        each(
            lambda key: RESULT.rows(measure, edition=edition, model=key[0], seed=key[1]),  # noqa: B023
            product(MODELS, SEEDS),
        )


if __name__ == "__main__":
    run(main)
