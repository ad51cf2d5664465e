"""Models with fixed attention weights learn what they average, and not where they attend."""

import c02_fixed_weights as benchmark
import torch

from lecture21.data.agreement import Agreement


def test_only_the_averaged_vectors_and_the_linear_layer_get_gradients():
    torch.manual_seed(0)
    model = benchmark.Fixed()
    words, _ = Agreement().beginnings(8, 4, generator=torch.Generator().manual_seed(0))
    model(words).sum().backward()
    assert model.start.grad is None
    assert model.vectors.grad.abs().sum() > 0


def test_before_training_they_are_basic_self_attention():
    words, _ = Agreement().beginnings(8, 4, generator=torch.Generator().manual_seed(0))
    logits = []
    for arm in ("fixed", "basic"):
        torch.manual_seed(0)
        model = benchmark.ARMS[arm]()
        logits.append(model(words))
    torch.testing.assert_close(*logits)
