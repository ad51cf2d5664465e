"""Where does GPT-0 beat the 5-gram, and where does more text help? The validation text of both editions, play by play.

Usage: python benchmarks/c09_new_play.py        (about 7 minutes on one core; needs a network for Tiny Shakespeare)

The last tenth of both editions has the end of *The Taming of the Shrew*, which the training text begins, and *The
Tempest*, of which the training text has nothing. Its share is 77 % in the plays and 31 % in Tiny Shakespeare, which
breaks off in the second act. GPT-0, GPT-0 trained on half the characters, and the 5-gram are those of `c09_gpt_ladder`,
trained again with the factors that it chose, and are scored on each play in windows of 32 characters.

Writes the result `new_play` after every run, and skips the editions and seeds that it already contains: edition; model;
seed (5-gram: 0); play; characters of it; bits per character.
"""

import common
import torch
from c09_gpt_ladder import ARMS, GPT0, HALF, WINDOW, Text, fit, name_of, number_of_steps

from lecture21 import GPT
from lecture21.baselines import NGram
from lecture21.chapters import results
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer

NAME, EDITIONS, SEEDS, BEGINNING = "new_play", ("plays", "char-rnn"), (0, 1, 2), "Master:\nBoatswain!"


def parts_of(edition: str) -> dict[str, Text]:
    """Return the training text with each play of the validation text."""
    train_text, val_text = split(shakespeare(edition))
    tokenizer = CharTokenizer.from_text(train_text + val_text)
    cut = val_text.index(BEGINNING)
    plays = {"The Taming of the Shrew": val_text[:cut], "The Tempest": val_text[cut:]}
    return {play: Text(tokenizer, train_text, part) for play, part in plays.items()}


def main() -> None:
    """Train and score both models on both editions; write the table after each."""
    torch.set_num_threads(1)
    rows = common.stored(NAME)

    def add(edition: str, name: str, seed: int, parts: dict[str, Text], model: GPT | NGram) -> None:
        for play, text in parts.items():
            row = {"edition": edition, "model": name, "seed": seed, "play": play, "characters": text.predicted}
            rows.append(row | {"bits": text.bits(model, WINDOW)})
            print(*rows[-1].values(), sep="  ", flush=True)
        common.save(NAME, rows)

    for edition in EDITIONS:
        parts = parts_of(edition)
        text = next(iter(parts.values()))  # all have the same training text
        stored = {(row["model"], row["seed"]) for row in rows if row["edition"] == edition}
        if ("5-gram", 0) not in stored:
            add(edition, "5-gram", 0, parts, NGram(5, GPT0.vocab_size).fit(text.train))
        factors = results.load(name_of(edition)).query("part == 'run'").groupby("rung")["factor"].first()
        for arm in (arm for arm in ARMS if arm.rung in ("GPT-0", HALF)):
            for seed in SEEDS:
                if (arm.rung, seed) not in stored:
                    model = fit(arm, text, seed, factors[arm.rung], number_of_steps(arm, text.per_token))
                    add(edition, arm.rung, seed, parts, model)


if __name__ == "__main__":
    main()
