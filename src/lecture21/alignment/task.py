"""The experiment of chapter 15: prompts, judge, demonstrations, the shipped base model, and the measurements.

Benchmark and chapter use the same settings, so that the chapter can reproduce a row of the stored results.
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
from lecture21.alignment.judge import Judge
from lecture21.alignment.losses import token_kl
from lecture21.alignment.preferences import PreferencePairs, _collect_preferences
from lecture21.alignment.responses import Responses, sample_responses
from lecture21.alignment.reward import RewardModel
from lecture21.alignment.tuning import fine_tune
from lecture21.data import results
from lecture21.data.plays import shakespeare, split
from lecture21.gpt import GPT
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig
from lecture21.training.evaluation import evaluate

_PROMPT_LENGTH = 8  # characters, without the line break before them
_PLAIN = 16_384  # characters of the held-out text on which the language modelling loss is measured
_SFT = TrainConfig(60, batch_size=32, learning_rate=5e-4, warmup=5, schedule="cosine")
_REWARD = TrainConfig(120, batch_size=32, learning_rate=1e-3, warmup=5, schedule="cosine")
_DPO = TrainConfig(40, batch_size=32, learning_rate=3e-4, warmup=5, schedule="cosine")


def load_base() -> tuple[GPT, CharTokenizer]:
    """Return the shipped character model of the plays, in float32, and its tokenizer.

    It has 241,480 parameters and was trained, then rounded to float16, by `python benchmarks/alignment_base.py`. The
    result `alignment_base` holds its loss.
    """
    directory = Path(results.__file__).with_name("alignment_base")
    return GPT.from_pretrained(directory).float(), CharTokenizer.load(directory / "tokenizer.json")


@dataclass(frozen=True, eq=False)
class QuestionTask:
    """The task to complete the beginning of a line to a question in the style of the plays."""

    tokenizer: CharTokenizer
    judge: Judge
    prompts: Int[Tensor, "B P"]
    """Beginnings of lines of the training split."""
    held_out: Int[Tensor, "H P"]
    """Beginnings of lines of the validation split, on which every policy is measured."""
    demonstrations: Responses
    """Lines of the training split that the judge accepts."""
    plain: Int[Tensor, " M"]
    """Text of the validation split."""
    n_new: int = 40
    """Largest number of tokens of a response."""
    noise: float = 0.1
    """Probability that a preference label is flipped."""
    sft: TrainConfig = _SFT
    """Settings of supervised fine-tuning."""
    reward: TrainConfig = _REWARD
    """Settings of the reward model's training."""
    dpo: TrainConfig = _DPO
    """Settings of direct preference optimization."""

    @classmethod
    def from_plays(cls, tokenizer: CharTokenizer) -> "QuestionTask":
        """Take prompts and demonstrations from the training split of the plays, and the rest from the other."""
        train, val = split(shakespeare())
        judge = Judge(frozenset(Judge.words(shakespeare())))
        lines = train.split("\n")
        accepted = [line for line in lines if _PROMPT_LENGTH < len(line) < _PROMPT_LENGTH + cls.n_new and judge(line)]
        return cls(
            tokenizer,
            judge,
            _line_beginnings(train, tokenizer, _PROMPT_LENGTH),
            _line_beginnings(val, tokenizer, _PROMPT_LENGTH),
            Responses.from_lines(accepted, tokenizer, prompt_length=_PROMPT_LENGTH, n_new=cls.n_new),
            torch.tensor(tokenizer.encode(val[: _PLAIN + 1])),
        )

    @property
    def end(self) -> int:
        """The token that ends a response, a line break."""
        return self.tokenizer.encode("\n")[0]

    def fine_tuned(self, base: GPT, seed: int) -> GPT:
        """Return a copy of the base, fine-tuned on the demonstrations: the initial policy and the reference."""
        model = copy.deepcopy(base)
        fine_tune(model, self.demonstrations, dataclasses.replace(self.sft, seed=seed))
        return model

    def preferences(self, reference: GPT, seed: int) -> tuple[PreferencePairs, PreferencePairs]:
        """Return preference pairs on the training prompts, and on the held-out prompts, each of which occurs twice."""
        train, held_out = (
            _collect_preferences(
                reference, prompts, self.n_new, self.judge, self.tokenizer, noise=self.noise, seed=2 * seed + part
            )
            for part, prompts in enumerate((self.prompts, self.held_out.repeat(2, 1)))
        )
        return train, held_out

    def reward_model(self, reference: GPT, pairs: PreferencePairs, seed: int) -> RewardModel:
        """Return a reward model of these pairs, with a mean reward of 0 over responses of the reference."""
        model = RewardModel(reference)
        model.fit(pairs, dataclasses.replace(self.reward, seed=seed))
        model.center(self.sample(reference, seed))
        return model

    def sample(self, policy: GPT, seed: int) -> Responses:
        """Return one response of a policy to each held-out prompt."""
        return sample_responses(policy, self.held_out, self.n_new, end=self.end, seed=seed)

    def measure_reward(self, model: RewardModel, pairs: PreferencePairs) -> dict[str, float]:
        """Return how often a reward model agrees with the labels of pairs, and with the judge without noise.

        Returns:
            `label`, the agreement with the labels; `judge`, with the judge; the latter separately for pairs whose worse
            response lacks the question mark at its end (`no_mark`), or has it and another fault (`mark`).
        """
        margin = model.margins(pairs)
        right = (margin > 0) ^ pairs.flipped
        sides = [side.lines(self.tokenizer) for side in (pairs.rejected, pairs.chosen)]
        worse = [sides[flipped][i] for i, flipped in enumerate(pairs.flipped.long().tolist())]
        mark = torch.tensor([line.endswith("?") for line in worse])
        agreement = {"label": margin > 0, "judge": right, "no_mark": right[~mark], "mark": right[mark]}
        return {name: values.float().mean().item() for name, values in agreement.items()}

    @torch.no_grad()
    def measure_policy(self, policy: GPT, reference: GPT, reward: RewardModel, seed: int) -> dict[str, float]:
        """Return the measurements of one response to each held-out prompt, and the policy's loss on plain text.

        Returns:
            `learned_reward`, the mean of the reward model; `true_rate`, the fraction that the judge accepts; `kl` to
            the reference in nats per response (`token_kl`); `bits_per_character` on plain text; `mean_length` of a
            response in characters, its end included; `distinct_words`, the number of different words in all lines.
        """
        responses = self.sample(policy, seed)
        with evaluating(policy), evaluating(reference), evaluating(reward):
            divergence = token_kl(responses.logits(policy), responses.logits(reference), responses.mask)
            learned = reward(responses).mean().item()
        lines = responses.lines(self.tokenizer)
        return {
            "learned_reward": learned,
            "true_rate": responses.accepted(self.judge, self.tokenizer).float().mean().item(),
            "kl": divergence.mean().item(),
            "bits_per_character": evaluate(policy, self.plain) / math.log(2),
            "mean_length": responses.lengths.float().mean().item(),
            "distinct_words": float(len(set(Judge.words(" ".join(lines))))),
        }


def _line_beginnings(text: str, tokenizer: CharTokenizer, length: int) -> Int[Tensor, "B P"]:
    """Return a prompt for each line whose first `length` characters end with a space: a line break and those.

    Lines with a speaker's name are left out. All prompts have one length, so a batch needs no padding.
    """
    if length < 1:
        raise ValueError(f"length must be at least 1, got {length}")
    starts = [line[:length] for line in text.split("\n") if len(line) > length and not line.endswith(":")]
    starts = [start for start in starts if start.endswith(" ")]
    if not starts:
        raise ValueError(f"no line of the text has a space as its character {length}")
    return torch.tensor([tokenizer.encode("\n" + start) for start in starts])
