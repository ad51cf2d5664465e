"""Two answers to each prompt, and which of them was preferred: what reward models and DPO learn from."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from lecture21.alignment.answers import Answers, judged, write_answers
from lecture21.alignment.judge import compare
from lecture21.gpt import GPT
from lecture21.tokenizers import CharTokenizer


@dataclass(frozen=True, eq=False)
class Pairs:
    """Answers that were preferred, and the answers to the same prompts that were not.

    Args:
        chosen: the answers with the better label.
        rejected: the others, row by row to the same prompts.
        wrong: whether a label is the wrong way round: for a look behind the scenes, and for no training.

    Raises:
        ValueError: if the sides differ in shape or prompts, or the two answers of a pair are identical.
    """

    chosen: Answers
    rejected: Answers
    wrong: Bool[Tensor, " N"]

    def __post_init__(self) -> None:
        first, second = self.chosen, self.rejected
        if first.ids.shape != second.ids.shape or first.prompt_length != second.prompt_length:
            given = f"{tuple(first.ids.shape)} and {tuple(second.ids.shape)}"
            raise ValueError(f"the two sides of pairs must have one shape and one length of prompt, got {given}")
        if first.end != second.end:
            raise ValueError(f"the two sides of pairs must end with one token, got {first.end} and {second.end}")
        if self.wrong.dtype != torch.bool or self.wrong.shape != (len(first),):
            given = f"{self.wrong.dtype} of shape {tuple(self.wrong.shape)} for {len(first)} pairs"
            raise ValueError(f"each pair needs True or False in wrong, got {given}")
        if (first.ids[:, : first.prompt_length] != second.ids[:, : first.prompt_length]).any():
            raise ValueError("the two sides of a pair must answer the same prompt")
        alike = (
            first.targets.masked_fill(~first.mask, first.end) == second.targets.masked_fill(~second.mask, second.end)
        ).all(-1)
        if alike.any():
            raise ValueError(f"pair {alike.nonzero()[0].item()} has two identical sides: nothing can be learnt from it")

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, rows: Tensor | slice) -> "Pairs":
        """Return some of the pairs, by their numbers, a mask or a slice."""
        return Pairs(self.chosen[rows], self.rejected[rows], self.wrong[rows])


def collect_pairs(
    model: GPT,
    prompts: Int[Tensor, "B P"],
    room: int,
    judge: Callable[[str], bool],
    tokenizer: CharTokenizer,
    *,
    noise: float,
    seed: int,
) -> Pairs:
    """Let a model answer each prompt twice, and a noisy judge choose; pairs that the judge finds equal are left out.

    Args:
        model: writes both answers.
        prompts: of one length.
        room: most tokens of an answer.
        judge: says whether it likes a line.
        tokenizer: turns answers into lines.
        noise: probability that a label is the wrong way round.
        seed: fixes answers and noise.

    Raises:
        ValueError: as `write_answers` and `compare`, and if the judge finds all pairs equal.
    """
    end = tokenizer.encode("\n")[0]
    first, second = (write_answers(model, prompts, room, end=end, seed=2 * seed + side) for side in (0, 1))
    liked, liked_too = (judged(answers, judge, tokenizer) for answers in (first, second))
    generator = torch.Generator().manual_seed(seed)
    decided, first_wins, wrong = compare(liked, liked_too, noise=noise, generator=generator)
    if not len(decided):
        raise ValueError(f"the judge finds the two sides of all {len(prompts)} pairs equal: there is nothing to learn")
    sides = torch.stack([first.ids[decided], second.ids[decided]])  # (2, N, S)
    rows = torch.arange(len(decided))
    better, worse = sides[(~first_wins).long(), rows], sides[first_wins.long(), rows]
    return Pairs(Answers(better, first.prompt_length, end), Answers(worse, first.prompt_length, end), wrong)
