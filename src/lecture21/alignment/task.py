"""The experiment of chapter 17: customers ask a shop for a thing, and a judge scores the responses.

Benchmark and chapter use the same settings, so that the chapter can reproduce a row of the stored results.
"""

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.modes import evaluating
from lecture21.alignment import grammar
from lecture21.alignment.judging import judge
from lecture21.alignment.losses import token_kl
from lecture21.alignment.preferences import PreferencePairs, _collect_preferences
from lecture21.alignment.responses import Responses, _encode_prompts, sample_responses
from lecture21.alignment.reward import RewardModel
from lecture21.alignment.tuning import fine_tune
from lecture21.gpt import GPT
from lecture21.tokenizers import BPETokenizer
from lecture21.training import TrainConfig

_VOCABULARY = 546  # every word of the grammar, and the pieces that they are merged from
_SFT = TrainConfig(150, batch_size=32, learning_rate=3e-4, warmup=10, schedule="linear")
_REWARD = TrainConfig(100, batch_size=32, learning_rate=3e-3, warmup=5, schedule="linear")
_DPO = TrainConfig(100, batch_size=16, learning_rate=3e-4, warmup=5, schedule="linear")


@dataclass(frozen=True, eq=False)
class ShopTask:
    """Prompts that ask for a thing in a shop, the sentences of a small grammar, and the measures of responses."""

    tokenizer: BPETokenizer
    """One token for each word and each mark."""
    n_new: int = 36
    """Largest number of tokens of a response, its end included."""
    n_demonstrations: int = 600
    """Demonstrations to train on."""
    n_comparisons: int = 600
    """Pairs of responses that are shown to the judge; those of equal scores are dropped."""
    sharpness: float = 6.0
    """The judge prefers the first response with probability sigmoid(sharpness * difference of scores)."""
    sft: TrainConfig = _SFT
    """Settings of supervised fine-tuning."""
    reward: TrainConfig = _REWARD
    """Settings of the reward model's training."""
    dpo: TrainConfig = _DPO
    """Settings of direct preference optimization."""

    @property
    def end(self) -> int:
        """The token that ends a response, a line break."""
        return self.tokenizer.encode("\n")[0]

    @property
    def prompts(self) -> Int[Tensor, "B P"]:
        """The prompts to train on."""
        return _encode_prompts(grammar.prompts(grammar.TRAINING_ITEMS), self.tokenizer)

    @property
    def held_out(self) -> Int[Tensor, "H P"]:
        """Prompts that ask for things of which no demonstration, comparison or training prompt speaks."""
        return _encode_prompts(grammar.prompts(grammar.HELD_OUT_ITEMS), self.tokenizer)

    @classmethod
    def with_tokenizer(cls) -> "ShopTask":
        """Return the task with a tokenizer that has one token for each word of the base model's text."""
        text = "".join(f"{prompt} {response}\n" for prompt, response in _written(grammar.overheard, 20_000, seed=0))
        return cls(BPETokenizer.from_text(text, _VOCABULARY))

    def overheard(self, n: int, seed: int) -> Responses:
        """Return the base model's text: prompts with responses of any quality, or with further prompts."""
        return self._responses(_written(grammar.overheard, n, seed))

    def demonstrations(self, n: int, seed: int) -> Responses:
        """Return responses of people who mean well but are not perfect."""
        return self._responses(_written(grammar.demonstration, n, seed))

    def _responses(self, pairs: list[tuple[str, str]]) -> Responses:
        prompts, responses = zip(*pairs, strict=True)
        return Responses.from_texts(prompts, responses, self.tokenizer, n_new=self.n_new)

    def score(self, responses: Responses) -> Float[Tensor, " B"]:
        """Return the judge's score of each response."""
        return torch.tensor([judge(*pair)["score"] for pair in responses.texts(self.tokenizer)])

    def fine_tuned(self, base: GPT, seed: int) -> GPT:
        """Return a copy of the base, fine-tuned on the demonstrations: the initial policy and the reference."""
        model = copy.deepcopy(base)
        fine_tune(model, self.demonstrations(self.n_demonstrations, seed), dataclasses.replace(self.sft, seed=seed))
        return model

    def preferences(self, reference: GPT, seed: int) -> tuple[PreferencePairs, PreferencePairs]:
        """Return preference pairs on training prompts, drawn with replacement, and on held-out prompts."""
        rows = torch.randint(len(self.prompts), (self.n_comparisons,), generator=torch.Generator().manual_seed(seed))
        train, held_out = (
            _collect_preferences(
                reference,
                prompts,
                self.n_new,
                self.score,
                end=self.end,
                sharpness=self.sharpness,
                seed=2 * seed + part,
            )
            for part, prompts in enumerate((self.prompts[rows], self.held_out.repeat(4, 1)))
        )
        return train, held_out

    def reward_model(self, reference: GPT, pairs: PreferencePairs, seed: int) -> RewardModel:
        """Return a reward model of these pairs, with a mean reward of 0 over responses of the reference."""
        model = RewardModel(reference)
        model.fit(pairs, dataclasses.replace(self.reward, seed=seed))
        model.center(self.sample(reference, seed))
        return model

    def measure_reward(self, model: RewardModel, pairs: PreferencePairs) -> dict[str, float]:
        """Return how often a reward model agrees with the labels of pairs, and with the judge without noise.

        Returns:
            `label`, the agreement with the labels; `judge`, with the judge; the latter also for the pairs of which only
            one response is helpful (`helpful`), and for the others, which differ in manner or length (`manner`).
        """
        margin = model.margins(pairs)
        right = (margin > 0) ^ pairs.flipped
        sides = (pairs.chosen.texts(self.tokenizer), pairs.rejected.texts(self.tokenizer))
        helpful = [[judge(*pair)["helpful"] for pair in side] for side in sides]
        differs = torch.tensor(helpful[0]) != torch.tensor(helpful[1])
        agreement = {"label": margin > 0, "judge": right, "helpful": right[differs], "manner": right[~differs]}
        return {name: values.float().mean().item() for name, values in agreement.items()}

    def sample(self, policy: GPT, seed: int, n: int = 4) -> Responses:
        """Return n responses of a policy to each held-out prompt."""
        prompts = self.held_out.repeat_interleave(n, dim=0)
        return sample_responses(policy, prompts, self.n_new, end=self.end, seed=seed)

    @torch.no_grad()
    def measure_policy(self, policy: GPT, reference: GPT, reward: RewardModel, seed: int) -> dict[str, float]:
        """Return the means over four sampled responses to each held-out prompt.

        Returns:
            What `judge` returns; `learned_reward`, by the reward model; `kl`, the divergence from the reference in nats
            for each response, estimated on the policy's own responses by `token_kl`; `words` of a response; and
            `different`, the number of different responses.
        """
        responses = self.sample(policy, seed)
        with evaluating(policy), evaluating(reference), evaluating(reward):
            divergence = token_kl(responses.logits(policy), responses.logits(reference), responses.mask)
            learned = reward(responses).mean().item()
        texts = responses.texts(self.tokenizer)
        verdicts = [judge(prompt, response) for prompt, response in texts]
        return {
            **{name: sum(verdict[name] for verdict in verdicts) / len(verdicts) for name in verdicts[0]},
            "learned_reward": learned,
            "kl": divergence.mean().item(),
            "words": sum(len(response.split()) for _, response in texts) / len(texts),
            "different": float(len({response for _, response in texts})),
        }


def _written(write: Callable[[Random], tuple[str, str]], n: int, seed: int) -> list[tuple[str, str]]:
    random = Random(seed)
    return [write(random) for _ in range(n)]
