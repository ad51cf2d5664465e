"""Preference pairs: two responses to each prompt and a label for the better one, the data of reward models and DPO."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lecture21._support.contract import Positive, checked
from lecture21.alignment.responses import Responses, sample_responses
from lecture21.gpt import GPT


@checked
@dataclass(frozen=True, eq=False)
class PreferencePairs:
    """Preferred responses, and rejected responses to the same prompts.

    Args:
        chosen: the responses labeled as better.
        rejected: the others, row by row to the same prompts.
        flipped: which labels contradict the judge; for evaluation only, not for training.
    """

    chosen: Responses
    rejected: Responses
    flipped: Bool[Tensor, " N"]

    def __post_init__(self) -> None:
        first, second = self.chosen, self.rejected
        if first.ids.shape != second.ids.shape or first.prompt_length != second.prompt_length:
            given = f"{tuple(first.ids.shape)} and {tuple(second.ids.shape)}"
            raise ValueError(f"chosen and rejected must have one shape and one prompt length, got {given}")
        if first.end != second.end:
            raise ValueError(f"chosen and rejected must end with the same token, got {first.end} and {second.end}")
        if self.flipped.shape != (len(first),):
            given = f"{self.flipped.dtype} of shape {tuple(self.flipped.shape)} for {len(first)} pairs"
            raise ValueError(f"flipped must be True or False for each pair, got {given}")
        if (first.ids[:, : first.prompt_length] != second.ids[:, : first.prompt_length]).any():
            raise ValueError("chosen and rejected must have the same prompts")
        alike = (
            first.targets.masked_fill(~first.mask, first.end) == second.targets.masked_fill(~second.mask, second.end)
        ).all(-1)
        if alike.any():
            pair = alike.nonzero()[0].item()
            raise ValueError(f"chosen and rejected must differ, but pair {pair} has two identical responses: drop it")

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, rows: Tensor | slice) -> "PreferencePairs":
        """Return some of the pairs, selected by indices, a mask or a slice."""
        return PreferencePairs(self.chosen[rows], self.rejected[rows], self.flipped[rows])


@checked
def _label_pairs(
    first: Float[Tensor, " B"], second: Float[Tensor, " B"], *, sharpness: Positive, generator: torch.Generator
) -> tuple[Int[Tensor, " N"], Bool[Tensor, " N"], Bool[Tensor, " N"]]:
    """Label the better response of each pair as a noisy person would: P(first wins) = sigmoid(sharpness * difference).

    Args:
        first: true score of the first response of each pair.
        second: true score of the second.
        sharpness: the larger, the fewer labels are wrong.
        generator: source of the noise.

    Returns:
        The indices of the N pairs whose scores differ; for each of them, whether the first response is labeled as
        better; and whether that label contradicts the scores.
    """
    decided = (first != second).nonzero().flatten()
    difference = (first - second)[decided]
    first_wins = torch.rand(len(decided), generator=generator) < torch.sigmoid(sharpness * difference)
    return decided, first_wins, first_wins != (difference > 0)


def _collect_preferences(
    model: GPT,
    prompts: Int[Tensor, "B P"],
    n_new: int,
    score: Callable[[Responses], Float[Tensor, " B"]],
    *,
    end: int,
    sharpness: float,
    seed: int,
) -> PreferencePairs:
    """Sample two responses to each prompt and label the better one; pairs of equal scores are dropped.

    Args:
        model: the model that both responses are sampled from.
        prompts: token ids, all of one length.
        n_new: largest number of tokens of a response.
        score: returns the true score of each response.
        end: the token that ends a response.
        sharpness: see `_label_pairs`.
        seed: seed of responses and labels.
    """
    first = sample_responses(model, prompts, n_new, end=end, seed=2 * seed)
    second = sample_responses(model, prompts, n_new, end=end, seed=2 * seed + 1)
    generator = torch.Generator().manual_seed(seed)
    scores = score(first), score(second)
    decided, first_wins, flipped = _label_pairs(*scores, sharpness=sharpness, generator=generator)
    if not len(decided):
        raise ValueError(f"the judge finds the responses of all {len(prompts)} pairs equal: there is no preference")
    sides = torch.stack([first.ids[decided], second.ids[decided]])  # (2, N, S)
    rows = torch.arange(len(decided))
    chosen, rejected = sides[(~first_wins).long(), rows], sides[first_wins.long(), rows]
    return PreferencePairs(
        Responses(chosen, first.prompt_length, end), Responses(rejected, first.prompt_length, end), flipped
    )
