"""The haystack task: the answer is in the text, at the requested distance, and nowhere else."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture21 import GPT, GPTConfig
from lecture21.data.retrieval import Haystack
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def search(task: Haystack, text: list[int]) -> list[tuple[int, int]]:
    """Return the distance from the query to the fact about its key, and the value in that fact."""
    facts = {task.fact(key, value): (key, value) for key in range(task.n_key) for value in range(task.n_value)}
    question = text[-1]
    assert 0 <= question < task.n_key
    told = [(len(text) - 1 - place, facts[symbol]) for place, symbol in enumerate(text) if symbol in facts]
    assert len({key for _, (key, _) in told}) == len(told) == task.n_fact
    return [(distance, task.n_key + value) for distance, (key, value) in told if key == question]


@st.composite
def tasks(draw) -> Haystack:
    n_key = draw(st.integers(1, 5))
    return Haystack(n_key, draw(st.integers(1, 5)), draw(st.integers(1, n_key)), draw(st.integers(1, 4)))


@given(tasks(), st.integers(1, 9), st.integers(0, 99), st.data())
def test_the_needle_occurs_once_at_the_requested_distance(task, more, seed, data):
    length = task.n_fact + more
    distance = data.draw(st.integers(1, length - 1))
    ids, answers = task.draw(6, length, distance=distance, generator=generator(seed))
    assert ids.shape == (6, length)
    assert 0 <= ids.min() <= ids.max() < task.vocab_size
    for text, answer in zip(ids.tolist(), answers.tolist(), strict=True):
        assert search(task, text) == [(distance, answer)]
        between = text[:-1]
        noise = [symbol for symbol in between if symbol >= task.vocab_size - task.n_noise]
        assert len(noise) == length - 1 - task.n_fact


def test_distances_keys_and_values_are_uniform_by_default():
    task = Haystack()
    ids, answers = task.draw(7000, 8, generator=generator())
    actual = torch.tensor([search(task, text)[0] for text in ids.tolist()])
    assert torch.equal(actual[:, 1], answers)
    for values, kinds in ((actual[:, 0], 7), (answers, 6), (ids[:, -1], 6)):
        counts = values.unique(return_counts=True)[1]
        assert len(counts) == kinds
        assert (counts / 7000 - 1 / kinds).abs().max() < 0.02  # four standard errors


def test_the_same_generator_state_gives_the_same_texts():
    task = Haystack()
    first, second, other = (task.draw(4, 20, generator=generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], other[0])


class Searcher(torch.nn.Module):
    """A model that searches the text for the answer, up to the distance `reach`."""

    def __init__(self, task: Haystack, reach: int):
        super().__init__()
        self.task, self.reach = task, reach

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(*ids.shape, self.task.vocab_size)
        for row, text in enumerate(ids.tolist()):
            for distance, answer in search(self.task, text):
                logits[row, -1, answer] = float(distance <= self.reach)
        return logits


def test_a_reader_of_the_text_scores_1_and_a_constant_answer_scores_0():
    task = Haystack()
    reader = Searcher(task, reach=10)
    assert task.score(reader, 30, 10) == 1
    assert task.score(reader, 30, 11) == 0


def test_a_score_is_of_the_same_texts_for_a_seed():
    task, seen = Haystack(), []
    for seed in (0, 0, 1):
        task.score(lambda ids: seen.append(ids) or torch.zeros(*ids.shape, task.vocab_size), 9, 2, n_text=8, seed=seed)
    assert torch.equal(*seen[:2])
    assert not torch.equal(*seen[1:])


def test_a_score_is_the_fraction_of_its_texts_and_leaves_the_mode_unchanged():
    task = Haystack()
    model = GPT(GPTConfig(vocab_size=task.vocab_size, block_size=12, n_layer=1, d_model=16, dropout=0.5)).train()
    scores = [task.score(model, 12, 3, n_text=70) for _ in range(2)]
    assert scores[0] == scores[1]
    assert (70 * scores[0]) == pytest.approx(round(70 * scores[0]))
    assert model.training


def test_the_loss_includes_only_the_answers():
    task = Haystack()
    model = GPT(GPTConfig(vocab_size=task.vocab_size, block_size=12, n_layer=1, d_model=16))
    loss = task.loss_function(model, 12, batch_size=5)(generator(3))
    ids, answers = task.draw(5, 12, generator=generator(3))
    logs = model(ids)[:, -1].log_softmax(-1)
    torch.testing.assert_close(loss, -logs[torch.arange(5), answers].mean())


def test_a_small_model_learns_a_small_haystack():
    torch.manual_seed(0)
    task = Haystack(n_key=2, n_value=2, n_fact=1, n_noise=2)
    model = GPT(GPTConfig(vocab_size=task.vocab_size, block_size=8, n_layer=1, n_head=1, d_model=32))
    minimize(model, task.loss_function(model, 8), TrainConfig(steps=150, learning_rate=1e-2))
    assert min(task.score(model, 8, distance) for distance in (1, 4, 7)) > 0.95


def test_a_needle_beyond_the_reach_of_the_windows_does_not_change_the_answer():
    """L layers with a window W reach back exactly L (W - 1) positions."""
    task = Haystack()
    torch.manual_seed(0)
    shape = {"vocab_size": task.vocab_size, "block_size": 40, "n_layer": 3, "d_model": 16, "window": 5}
    model = GPT(GPTConfig(**shape)).double().eval()
    ids, _ = task.draw(8, 40, distance=12, generator=generator())  # 3 (5 - 1)
    for distance, reached in ((12, True), (13, False)):
        changed = ids.clone()
        changed[:, -1 - distance] = task.vocab_size - 1
        changed[:, -1 - distance] -= (changed[:, -1 - distance] == ids[:, -1 - distance]).long()
        same = model(changed)[:, -1] == model(ids)[:, -1]
        assert same.all() != reached
