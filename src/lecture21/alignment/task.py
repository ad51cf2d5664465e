"""The task of chapter 15 from end to end: prompts, judge, demonstrations, the shipped base, and what is measured.

The benchmarks and the notebook call the same functions with the same settings, so that a row of one can be run again
by the other. A step is in its own room: answers, pairs, reward, policy, tuning.
"""

import copy
import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from lecture21._support.modes import evaluating
from lecture21.alignment.answers import (
    Answers,
    answer_logits,
    judged,
    line_beginnings,
    whole_lines,
    write_answers,
)
from lecture21.alignment.judge import Judge, words
from lecture21.alignment.losses import token_kl
from lecture21.alignment.pairs import Pairs, collect_pairs
from lecture21.alignment.reward import RewardModel, agreement, centre, fit_reward
from lecture21.alignment.tuning import imitate
from lecture21.data import results
from lecture21.data.plays import shakespeare, split
from lecture21.gpt import GPT
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig
from lecture21.training.evaluation import evaluate

LENGTH = 8
"""Characters of a prompt, without the line break before them."""
ROOM = 40
"""Most tokens of an answer."""
NOISE = 0.1
"""Share of the labels that are wrong."""
PLAIN = 16_384
"""Characters of the held-out text on which a policy is asked whether it can still do anything else."""
_SHORT = {"batch_size": 32, "warmup": 5, "schedule": "cosine"}
IMITATE = TrainConfig(60, learning_rate=5e-4, **_SHORT)
"""Supervised fine-tuning."""
REWARD = TrainConfig(120, learning_rate=1e-3, **_SHORT)
"""The reward model."""
PREFER = TrainConfig(40, learning_rate=3e-4, **_SHORT)
"""Direct preference optimisation."""


@dataclass(frozen=True, eq=False)
class Task:
    """Whole questions in the manner of the plays."""

    tokenizer: CharTokenizer
    judge: Judge
    prompts: Int[Tensor, "B P"]
    """Beginnings of lines in the training part of the plays."""
    held_out: Int[Tensor, "H P"]
    """The same in the validation part: what is measured is measured here."""
    demonstrations: Answers
    """Lines of the training part that are whole questions."""
    plain: Int[Tensor, " M"]
    """Text of the validation part."""

    @property
    def end(self) -> int:
        """The token that ends an answer: a line break."""
        return self.tokenizer.encode("\n")[0]


def load_base() -> tuple[GPT, CharTokenizer]:
    """Return the shipped character model of the plays, and its vocabulary.

    241,480 parameters, trained and rounded to float16 by `python benchmarks/alignment_base.py`; they come back as
    float32. The result `alignment_base` holds its loss.
    """
    directory = Path(results.__file__).with_name("alignment_base")
    return GPT.from_pretrained(directory).float(), CharTokenizer.load(directory / "tokenizer.json")


def questions(tokenizer: CharTokenizer) -> Task:
    """Cut the plays into the parts of the task."""
    train, val = split(shakespeare())
    judge = Judge(frozenset(words(shakespeare())))
    fitting = [line for line in train.split("\n") if LENGTH < len(line) < LENGTH + ROOM and judge(line)]
    return Task(
        tokenizer,
        judge,
        line_beginnings(train, tokenizer, LENGTH),
        line_beginnings(val, tokenizer, LENGTH),
        whole_lines(fitting, tokenizer, length=LENGTH, room=ROOM),
        torch.tensor(tokenizer.encode(val[: PLAIN + 1])),
    )


def fine_tuned(base: GPT, task: Task, seed: int) -> GPT:
    """Return a copy of the base that has imitated the demonstrations: where every policy of that seed begins."""
    model = copy.deepcopy(base)
    imitate(model, task.demonstrations, dataclasses.replace(IMITATE, seed=seed))
    return model


def preferences(reference: GPT, task: Task, seed: int) -> tuple[Pairs, Pairs]:
    """Return labelled pairs to learn from, and others on the held-out prompts, each asked twice."""
    asked = task.prompts, task.held_out.repeat(2, 1)
    train, held_out = (
        collect_pairs(reference, prompts, ROOM, task.judge, task.tokenizer, noise=NOISE, seed=2 * seed + part)
        for part, prompts in enumerate(asked)
    )
    return train, held_out


def rewarded(reference: GPT, task: Task, pairs: Pairs, seed: int) -> RewardModel:
    """Return a reward model of these pairs, whose mean over the reference's own answers is 0."""
    model = RewardModel(reference)
    fit_reward(model, pairs, dataclasses.replace(REWARD, seed=seed))
    centre(model, write_answers(reference, task.held_out, ROOM, end=task.end, seed=seed))
    return model


def measure_reward(model: RewardModel, pairs: Pairs, task: Task) -> dict[str, float]:
    """Return how often a reward model sides with the labels of pairs, and with the judge without noise.

    Returns:
        `label`, the share of the labels that it explains; `judge`, the share of the pairs in which it prefers what the
        judge likes; the same where the other answer lacks the question mark at its end (`no_mark`) and where it has it
        and another fault (`mark`).
    """
    margin = agreement(model, pairs)
    right = (margin > 0) ^ pairs.wrong
    sides = [side.lines(task.tokenizer) for side in (pairs.rejected, pairs.chosen)]
    disliked = [sides[wrong][i] for i, wrong in enumerate(pairs.wrong.long().tolist())]
    mark = torch.tensor([line.endswith("?") for line in disliked])
    shares = {"label": margin > 0, "judge": right, "no_mark": right[~mark], "mark": right[mark]}
    return {name: share.float().mean().item() for name, share in shares.items()}


@torch.no_grad()
def measure_policy(policy: GPT, reference: GPT, reward: RewardModel, task: Task, seed: int) -> dict[str, float]:
    """Return what one answer to each held-out prompt shows, and the policy's loss on plain text.

    Returns:
        `learned_reward`, the reward model's mean; `true_rate`, the share of whole questions by the judge without noise;
        `kl` to the reference in nats for each answer (`token_kl`); `bits_per_character` on plain text; `mean_length` of
        an answer in characters, its end included; `distinct_words`, how many different words stand in all lines.
    """
    answers = write_answers(policy, task.held_out, ROOM, end=task.end, seed=seed)
    with evaluating(policy), evaluating(reference), evaluating(reward):
        divergence = token_kl(answer_logits(policy, answers), answer_logits(reference, answers), answers.mask)
        learned = reward(answers).mean().item()
    lines = answers.lines(task.tokenizer)
    return {
        "learned_reward": learned,
        "true_rate": judged(answers, task.judge, task.tokenizer).float().mean().item(),
        "kl": divergence.mean().item(),
        "bits_per_character": evaluate(policy, task.plain) / math.log(2),
        "mean_length": answers.lengths.float().mean().item(),
        "distinct_words": float(len(set(words(" ".join(lines))))),
    }
