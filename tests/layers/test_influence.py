import pytest
import torch
from torch import nn

from lecture21 import GPT, GPTConfig
from lecture21.baselines import RNN, RNNConfig
from lecture21.layers.influence import influence_by_distance

SMALL = {"vocab_size": 7, "block_size": 6, "n_layer": 2, "d_model": 4}
MODELS = [GPT(GPTConfig(**SMALL, n_head=2)), *(RNN(RNNConfig(**SMALL, kind=kind)) for kind in ("rnn", "lstm"))]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
IDS = torch.tensor([[1, 2, 2, 5, 0], [3, 3, 3, 3, 3]])


@each_model
def test_influence_is_the_norm_of_the_full_jacobian(model):
    model = model.double().eval()

    def last_logits(embedded: torch.Tensor) -> torch.Tensor:
        hook = model.token.register_forward_hook(lambda *_: embedded)
        try:
            return model(IDS[:1])[0, -1]
        finally:
            hook.remove()

    jacobian = torch.autograd.functional.jacobian(last_logits, model.token(IDS[:1]).detach())  # (V, 1, T, C)
    expected = jacobian.square().sum(dim=(0, 1, 3)).sqrt().flip(0)
    torch.testing.assert_close(influence_by_distance(model, IDS[:1]), expected)


@each_model
def test_influence_is_a_mean_over_sequences(model):
    rows = [influence_by_distance(model, row[None]) for row in IDS]
    torch.testing.assert_close(influence_by_distance(model, IDS), torch.stack(rows).mean(dim=0))


def test_influence_of_a_fading_memory_halves_with_each_step():
    """h = x + h / 2, read out as it is: the token s places back weighs 1 / 2 ** s."""

    class Fading(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Embedding(3, 1)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            x, state, out = self.token(ids), 0.0, []
            for t in range(ids.shape[1]):
                state = x[:, t] + state / 2
                out.append(state)
            return torch.stack(out, dim=1)

    assert influence_by_distance(Fading(), torch.tensor([[0, 1, 2, 2]])).tolist() == [1, 1 / 2, 1 / 4, 1 / 8]


def test_influence_leaves_mode_hooks_and_gradients_as_they_were():
    model = RNN(RNNConfig(**SMALL, dropout=0.5)).train()
    first = influence_by_distance(model, IDS)
    assert torch.equal(first, influence_by_distance(model, IDS))  # no dropout in it
    assert model.training
    assert not model.token._forward_hooks
    assert all(parameter.grad is None for parameter in model.parameters())
