"""The parts of the long runs that a wrong line would make wrong without a sign."""

import pytest
import torch

from lecture21 import GPT, GPTConfig
from lecture21.baselines import NGram
from lecture21.training import TrainConfig, train


def test_the_seen_characters_are_those_that_training_draws(monkeypatch):
    import common

    drawn = torch.zeros(500, dtype=torch.bool)
    model = GPT(GPTConfig(vocab_size=500, block_size=6, n_layer=1, n_head=1, d_model=4))
    loss = model.loss

    def recorded(ids, targets):
        drawn[ids] = drawn[targets] = True
        return loss(ids, targets)

    monkeypatch.setattr(model, "loss", recorded)
    train(model, torch.arange(500), TrainConfig(steps=5, batch_size=3, seed=7, device="cpu"))
    assert 0 < drawn.sum() < 500
    assert torch.equal(common.seen_by(7, 500, steps=5, window=6, batch=3), drawn)


def test_counted_ngrams_do_not_span_unseen_characters():
    import common

    tokens = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    seen = torch.tensor([1, 1, 0, 1, 1, 0, 1, 1]).bool()  # 0 1 | 0 1 | 0 1: never 1 0
    bigram, unigram = (common.CountedNGram(order, tokens, seen, 3) for order in (2, 1))
    p = bigram(torch.tensor([[1]])).exp()[0, 0]
    assert p.shape == (3,)
    assert p.sum() == pytest.approx(1)
    assert p[0] < NGram(2, 3).fit(tokens[seen])(torch.tensor([[1]])).exp()[0, 0, 0] - 0.05
    # Nothing but the end of a stretch follows 1, so what is left is the unigram.
    assert torch.allclose(p, unigram(torch.tensor([[1]])).exp()[0, 0])


def test_counting_everything_is_an_ngram_up_to_one_separator():
    import common

    tokens = torch.randint(5, (4000,), generator=torch.Generator().manual_seed(0))
    whole = common.CountedNGram(3, tokens, torch.ones(4000, dtype=torch.bool), 5)
    ids, targets = tokens[None, :200], tokens[None, 1:201]
    expected = NGram(3, 5).fit(tokens).loss(ids, targets).item()
    assert whole.loss(ids, targets).item() == pytest.approx(expected, abs=2e-3)
