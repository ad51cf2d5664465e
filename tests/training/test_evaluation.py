import math

import pytest
import torch

from lecture21 import GPT, GPTConfig
from lecture21.training import History, evaluate


def tokens(n: int = 200) -> torch.Tensor:
    return torch.randint(9, (n,), generator=torch.Generator().manual_seed(0))


def fresh(dropout: float = 0.0) -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(vocab_size=9, block_size=8, n_layer=1, n_head=2, d_model=8, dropout=dropout))


@pytest.mark.parametrize("n", [2, 8, 9, 10, 50, 200])
@pytest.mark.parametrize("batch_size", [1, 3, 256])
def test_evaluation_scores_each_target_once_in_windows_that_do_not_overlap(n, batch_size):
    model, text = fresh().double().eval(), tokens(n)
    losses = []
    for i in range(n - 1):
        start = i - i % 8
        losses.append(-model(text[None, start : i + 1])[0, -1].log_softmax(-1)[text[i + 1]].item())
    assert evaluate(model, text, batch_size=batch_size) == pytest.approx(sum(losses) / len(losses), rel=1e-6)


@pytest.mark.parametrize("block_size", [1, 3, 8])
def test_evaluation_reads_few_tokens_at_a_time_on_a_cpu_unless_told(block_size):
    model, text, read = fresh(), tokens(5000), []
    model.token.register_forward_pre_hook(lambda module, args: read.append(tuple(args[0].shape)))
    expected = evaluate(model, text, block_size, batch_size=500)
    assert read[0] == (500, block_size)
    read.clear()
    assert evaluate(model, text, block_size) == pytest.approx(expected, rel=1e-6)
    assert read[0] == (2048 // block_size, block_size)
    assert sum(batch * width for batch, width in read) == 4999


def test_evaluation_turns_dropout_off_and_leaves_the_mode():
    model, text = fresh(dropout=0.5).train(), tokens()
    assert evaluate(model, text) == evaluate(model, text)
    assert model.training


def test_evaluation_refuses_what_it_cannot_score():
    endless = fresh()
    endless.__class__ = type("Endless", (GPT,), {"block_size": None})
    with pytest.raises(ValueError, match="pass block_size"):
        evaluate(endless, tokens())


def test_a_history_survives_csv_to_the_last_digit(tmp_path):
    history = History()
    history.append(0, math.nan, 4.3 / 3, 1e-3)
    history.append(500, 2.5 / 7, 2.6 / 7, 1e-3 / 3)
    history.to_csv(tmp_path / "history.csv")
    assert repr(History.from_csv(tmp_path / "history.csv")) == repr(history)


@pytest.mark.parametrize("dtype", [torch.int16, torch.int32])
def test_tokens_of_any_integer_type_have_the_same_loss(dtype):
    """Short ones halve the memory of a text, and embeddings refuse them."""
    model = fresh()
    assert evaluate(model, tokens().to(dtype)) == evaluate(model, tokens())


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_left_even_where_the_loss_fails(training):
    model = fresh().train(training)
    evaluate(model, tokens())
    assert model.training == training
    with pytest.raises(ValueError, match="outside the vocabulary"):
        evaluate(model, tokens() + 5)
    assert model.training == training
