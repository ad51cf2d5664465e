"""A reward model: a GPT that says one number about an answer instead of the next token."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.modes import evaluating
from lecture21.alignment.answers import Answers
from lecture21.alignment.losses import bradley_terry_loss
from lecture21.alignment.pairs import Pairs
from lecture21.gpt import GPT
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize


class RewardModel(nn.Module):
    """The trunk of a GPT and one output at the last token of an answer, which has seen all the others.

    Args:
        model: whose copy is the trunk; its output layer is not used.

    Source: Ouyang et al. 2022, section 3.5.
    """

    def __init__(self, model: GPT):
        super().__init__()
        self.trunk = copy.deepcopy(model)
        self.trunk.head = None  # `hidden` does not read it
        self.output = nn.Linear(model.config.d_model, 1).to(model.token.weight)  # its device and precision
        # All answers begin alike: the first updates decide, and not the draw of these weights.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.train(model.training)

    def forward(self, answers: Answers) -> Float[Tensor, " B"]:
        """Return r(x, y) for each answer; only differences between answers mean something."""
        hidden = self.trunk.hidden(answers.ids)  # (B, P+N, C)
        last = answers.prompt_length + answers.lengths - 1
        return self.output(hidden[torch.arange(len(answers)), last]).squeeze(-1)


def fit_reward(model: RewardModel, pairs: Pairs, config: TrainConfig) -> Float[Tensor, " steps"]:
    """Fit a reward model to preferences in place, and return the loss at each step; batches are drawn from the pairs.

    Raises:
        ValueError: as `training.minimize`.
    """

    def loss(generator: torch.Generator) -> Float[Tensor, ""]:
        batch = pairs[torch.randint(len(pairs), (config.batch_size,), generator=generator)]
        return bradley_terry_loss(model(batch.chosen), model(batch.rejected))

    return minimize(model, loss, config)


@torch.no_grad()
def agreement(model: RewardModel, pairs: Pairs) -> Float[Tensor, " N"]:
    """Return r(x, y_w) - r(x, y_l) for each pair: how clearly the model sides with the label, and against where < 0."""
    with evaluating(model):
        return model(pairs.chosen) - model(pairs.rejected)


@torch.no_grad()
def centre(model: RewardModel, answers: Answers) -> None:
    """Shift the rewards so that their mean over some answers is 0: preferences leave that constant open."""
    with evaluating(model):
        model.output.bias -= model(answers).mean()
