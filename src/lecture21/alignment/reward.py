"""A reward model: a GPT with one output, the reward of a response, in place of the next-token logits."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.contract import checked
from lecture21._support.modes import evaluating
from lecture21.alignment.losses import bradley_terry_loss
from lecture21.alignment.preferences import PreferencePairs
from lecture21.alignment.responses import Responses
from lecture21.gpt import GPT
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize


class RewardModel(nn.Module):
    """The trunk of a GPT and one output at the last token of a response, which attends to all the others.

    Args:
        model: its copy is the trunk; its output layer is not used.

    Source: Ouyang et al. 2022, section 3.5.
    """

    @checked
    def __init__(self, model: GPT):
        super().__init__()
        self.trunk = copy.deepcopy(model)
        self.trunk.head = None  # `hidden` does not use it
        self.output = nn.Linear(model.config.d_model, 1).to(model.token.weight)  # its device and precision
        nn.init.zeros_(self.output.weight)  # every response has the reward 0 before training
        nn.init.zeros_(self.output.bias)
        self.train(model.training)

    @checked
    def forward(self, responses: Responses) -> Float[Tensor, " B"]:
        """Return r(x, y) for each response; only differences between rewards are meaningful."""
        hidden = self.trunk.hidden(responses.ids)  # (B, P+N, C)
        last = responses.prompt_length + responses.lengths - 1
        return self.output(hidden[torch.arange(len(responses)), last]).squeeze(-1)

    @checked
    def fit(self, pairs: PreferencePairs, config: TrainConfig) -> Float[Tensor, " steps"]:
        """Train in place on preferences, with batches drawn from the pairs; return the loss at each step."""

        def loss(generator: torch.Generator) -> Float[Tensor, ""]:
            batch = pairs[torch.randint(len(pairs), (config.batch_size,), generator=generator)]
            return bradley_terry_loss(self(batch.chosen), self(batch.rejected))

        return minimize(self, loss, config)

    @torch.no_grad()
    def margins(self, pairs: PreferencePairs) -> Float[Tensor, " N"]:
        """Return r(x, y_w) - r(x, y_l) for each pair; it is positive where the model agrees with the label."""
        with evaluating(self):
            return self(pairs.chosen) - self(pairs.rejected)

    @torch.no_grad()
    def center(self, responses: Responses) -> None:
        """Shift the rewards so that their mean over some responses is 0; preferences do not determine the constant."""
        with evaluating(self):
            self.output.bias -= self(responses).mean()
