"""A run with a clock: the schedule spans it, and no update ends after it. The clock of the tests is not the wall's."""

import math

import pytest
import torch

from lecture21 import GPT, GPTConfig
from lecture21.training import TrainConfig, learning_rate, timed, train

TEXT = torch.arange(300) % 9


class Clock:
    """Shows the start, and then the end of each update, the first of which takes longer."""

    def __init__(self, first: float, others: float = 1.0):
        self.now, self.durations = 50.0, [0.0, first]
        self.others = others

    def __call__(self) -> float:
        self.now += self.durations.pop(0) if self.durations else self.others
        return self.now


@pytest.fixture
def run_for(monkeypatch):
    """Return a function that trains for some seconds of a clock, and what it did: update, rate, and second."""

    def run(clock: Clock, seconds: float, **settings: object) -> list[tuple[int, float, float]]:
        done = []

        def update(run, tokens, number, rate):
            done.append((number, rate(1.0), clock.now - 50))
            return torch.tensor(2.0)

        monkeypatch.setattr(timed, "monotonic", clock)
        monkeypatch.setattr(timed, "update", update)
        assert timed.train_for(small(), TEXT, TrainConfig(device="cpu", **settings), seconds) == len(done)
        return done

    return run


def small() -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(vocab_size=9, block_size=8, n_layer=1, n_head=2, d_model=8))


def test_the_schedule_spans_the_time_after_the_first_update(run_for):
    done = run_for(Clock(first=20), 120.0, schedule="linear")
    numbers, rates, begun = zip(*done, strict=True)
    assert numbers == tuple(range(len(done)))
    assert begun[:3] == (0, 20, 21)
    assert rates[0] == 1
    torch.testing.assert_close(torch.tensor(rates[1:]), 1 - torch.arange(len(done) - 1) / 100, atol=1e-4, rtol=0)
    assert len(done) == 99  # after 118 s there is no time left for an update of twice the usual length
    assert rates[-1] < 0.04


def test_the_warm_up_is_a_part_of_the_time(run_for):
    done = run_for(Clock(first=1), 101.0, schedule="linear", steps=40, warmup=10)
    rates = [rate for _, rate, _ in done]
    assert rates.index(max(rates)) == 26
    torch.testing.assert_close(rates[13], 0.48, atol=0.01, rtol=0)


def test_an_update_that_could_end_after_the_clock_does_not_begin(run_for):
    clock = Clock(first=1)
    clock.durations += [1, 1, 7]  # the slowest so far says what the next may take
    done = run_for(clock, 30.0, schedule="linear")
    assert [begun for *_, begun in done] == [0, 1, 2, 3, *range(10, 16)]


def test_a_clock_that_ends_in_the_first_update_leaves_one(run_for):
    assert len(run_for(Clock(first=20), 10.0)) == 1


def test_it_trains_as_train_does_and_reports_the_mean_loss_of_each_second(monkeypatch):
    monkeypatch.setattr(timed, "monotonic", Clock(first=0.5, others=0.5))
    said, model = [], small()
    settings = {"batch_size": 2, "device": "cpu", "seed": 3, "shuffle": True}
    updates = timed.train_for(model, TEXT, TrainConfig(**settings), 5.0, lambda *values: said.append(values))
    expected = small()
    history = train(expected, TEXT, TrainConfig(steps=updates, eval_every=2, **settings))
    for name, weight in expected.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], weight, atol=0, rtol=0)
    steps, seconds, losses = zip(*said, strict=True)
    assert steps == tuple(history.step[1:])
    assert seconds == tuple(step / 2 for step in steps)
    assert losses == pytest.approx(history.train_loss[1:])


def test_a_run_that_diverges_is_refused(monkeypatch):
    monkeypatch.setattr(timed, "update", lambda *_: torch.tensor(math.nan))
    with pytest.raises(ValueError, match="training diverged: the loss before update 1 is nan"):
        timed.train_for(small(), TEXT, TrainConfig(device="cpu"), 1e-9)


def test_the_rate_is_that_of_train_on_a_clock_as_long(run_for):
    config = TrainConfig(steps=200, warmup=20, schedule="cosine", learning_rate=1.0)
    done = run_for(Clock(first=1), 201.0, schedule="cosine", steps=200, warmup=20)
    for number, rate, _ in done[1:]:
        assert rate == pytest.approx(learning_rate(number - 1, config), abs=0.06)
