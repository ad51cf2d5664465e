"""The weight of the subject is measured at the subject, and apart for people and for things."""

import c01_agreement as task
import c02_two_kinds as benchmark
import pytest
import torch

from lecture21.data.agreement import VOCABULARY


def test_a_bag_of_words_gives_every_subject_the_same_weight():
    found = benchmark.weights_of_subject(task.build("bag", 0))
    assert found == {"person": pytest.approx(1 / 14, abs=1e-4), "thing": pytest.approx(1 / 14, abs=1e-4)}


def test_if_people_attract_all_words_only_subjects_that_are_people_are_found():
    model = task.build("basic", 0)
    people = torch.arange(task.V) < VOCABULARY.ids["window"]
    model.vectors.data = torch.where(people, 20.0, 1.0)[:, None] * torch.eye(task.WIDTH)[0]
    found = benchmark.weights_of_subject(model)
    assert found["person"] > 0.99  # the only person of the sentence
    assert found["thing"] < 0.01  # all rivals are people


def test_words_by_hand_reach_the_middle_of_the_limit_where_no_trained_model_is():
    model, words = task.build("basic", 0), torch.arange(task.V)
    nouns, people, singular = words < VOCABULARY.ids["is"], words < VOCABULARY.ids["window"], words % 2 == 0
    model.vectors.data.zero_()
    model.vectors.data[nouns & ~people, :2] = torch.tensor([10.0, 10.0])
    model.vectors.data[people & singular, :2] = torch.tensor([100.0, -50.0])
    model.vectors.data[people & ~singular, :2] = torch.tensor([0.0, 5.0])
    found = benchmark.weights_of_subject(model)
    assert found == {"person": pytest.approx(0.5, abs=0.05), "thing": pytest.approx(0.5, abs=0.05)}
