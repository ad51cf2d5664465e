"""Handwritten digits: their split, their names in letters, and sums of pairs that are held out."""

from collections import Counter

import pytest
import torch

from lecture21.objectives import IGNORE
from lecture21.training import TrainConfig
from lecture21.vision import digits, patches, sums

# Digits and their names


def test_no_image_is_in_both_parts_and_digits_are_in_proportion():
    images, labels = digits.load()
    assert images.shape == (1797, 8, 8)
    assert (images.min(), images.max()) == (-1, 1)
    assert len(images.flatten(1).unique(dim=0)) == 1797  # so that a place is an image
    for seed in range(3):
        train, test = digits.split(labels, seed)
        assert torch.equal(torch.cat([train, test]).sort().values, torch.arange(1797))
        assert len(test) == 360
        assert (labels[test].bincount() - labels.bincount() / 5).abs().max() <= 1
    assert not torch.equal(digits.split(labels, 0)[1].sort().values, digits.split(labels, 1)[1].sort().values)


def test_names_are_encoded_and_decoded():
    ids, targets = digits.encode(digits.NAMES)
    assert ids.shape == targets.shape == (10, 6)
    assert (ids[:, 0] == digits.EOS).all()
    assert digits.decode(ids) == list(digits.NAMES)
    six = digits.NAMES.index("six")
    assert digits.LETTERS.decode(targets[six, :4]) == "six\n"
    assert targets[six, 4:].tolist() == [IGNORE, IGNORE]
    assert digits.decode(torch.tensor([digits.LETTERS.encode("\nsix\nseven")])) == ["six"]
    assert digits.decode(torch.tensor([digits.LETTERS.encode("six")])) == ["six"]
    with pytest.raises(ValueError, match="'y' at"):
        digits.encode(["twenty"])


def test_confusions_count_who_was_taken_for_whom():
    table = digits.confusions([3, 3, 5, 9], ["three", "eight", "five", "nin"])
    assert table.sum() == 4
    assert (table[3, 3], table[3, 8], table[5, 5], table[9, 10]) == (1, 1, 1, 1)


def test_jitter_moves_ink_a_little_and_brings_in_paper():
    paper = torch.full((50, 8, 8), digits.PAPER)
    assert torch.allclose(digits.jittered(paper), paper)
    dot = paper.clone()
    dot[:, 3:5, 3:5] = 1.0
    moved = digits.jittered(dot, torch.Generator().manual_seed(0))
    assert torch.equal(moved, digits.jittered(dot, torch.Generator().manual_seed(0)))
    assert (moved != dot).flatten(1).any(1).all()
    ink = moved - digits.PAPER
    torch.testing.assert_close(ink.sum((1, 2)), torch.full((50,), 8.0), rtol=0.05, atol=0)
    place = torch.arange(8.0) - 3.5
    for centre in ((ink.sum(1) @ place) / ink.sum((1, 2)), (ink.sum(2) @ place) / ink.sum((1, 2))):
        assert 0.3 < centre.abs().max() < 0.55


def test_shuffled_keeps_the_patches_and_moves_them():
    images = digits.load()[0][:20]
    mixed = digits.shuffled(images, 2, torch.Generator().manual_seed(0))
    for before, after in zip(patches(images, 2), patches(mixed, 2), strict=True):
        assert Counter(map(tuple, before.tolist())) == Counter(map(tuple, after.tolist()))
    assert not torch.equal(images, mixed)


def test_a_small_reader_learns_two_names():
    images, labels = digits.load()
    some = (labels < 2).nonzero().flatten()[:120]
    model = digits.reader(4, seed=0)
    state = torch.random.get_rng_state()
    config = TrainConfig(steps=60, batch_size=16, learning_rate=5e-3, schedule="cosine")
    losses = digits.fit_names(model, images[some], labels[some], config)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert losses[-5:].mean() < 0.1 * losses[0]
    written = digits.write_answers(model, images[some][:, None], 5)
    assert sum(a == digits.NAMES[b] for a, b in zip(written, labels[some], strict=True)) > 110
    assert written == digits.write_answers(model, images[some][:, None], 5, use_cache=False)


# Sums


def test_a_sentence_says_the_sum():
    assert sums.sentence(3, 4) == "three plus four is seven"
    assert len(sums.sentence(7, 7)) == sums.LONGEST == 28
    with pytest.raises(ValueError, match=r"digit must be in 0\.\.9, got 10"):
        sums.sentence(3, 10)


def test_an_answer_is_judged_in_three_ways():
    assert sums.judge_answer((3, 4), "three plus four is seven") == (True, True, True)
    assert sums.judge_answer((3, 4), "three plus four is eight") == (True, False, True)
    assert sums.judge_answer((3, 4), "four plus three is seven") == (False, True, True)
    assert sums.judge_answer((3, 4), "three plus four is sevven") == (True, False, False)
    assert sums.judge_answer((3, 4), "three plus four") == (True, False, False)


@pytest.mark.parametrize("kind", sums.HELD_OUT)
@pytest.mark.parametrize("seed", range(4))
def test_pairs_held_out_leave_every_sum_and_are_as_they_are_called(kind, seed):
    out = sums.held_out(kind, seed)
    assert out == sums.held_out(kind, seed)
    assert len(out) in (36, 37)
    assert {sum(pair) for pair in set(sums.PAIRS) - out} == set(range(19))
    mirrored = {(second, first) for first, second in out}
    assert mirrored == out if kind != "one order" else not mirrored & out
    if kind == "block":
        far = Counter(sums.distance(pair, set(sums.PAIRS) - out) for pair in out)
        assert far == {1: 20, 2: 12, 3: 4}
    else:
        assert out != sums.held_out(kind, seed + 1)


def test_a_distance_counts_steps_in_either_digit():
    assert sums.distance((3, 4), [(3, 4), (9, 9)]) == 0
    assert sums.distance((3, 4), [(5, 3), (9, 9)]) == 3
    with pytest.raises(ValueError, match="at least one trained pair"):
        sums.distance((3, 4), [])
    with pytest.raises(ValueError, match="kind must be one of scattered, block, one order, got 'all'"):
        sums.held_out("all", 0)


def test_every_image_of_a_digit_is_drawn_and_no_other():
    labels = torch.tensor([5, 0, 5, 1, 0, 5])
    pairs = torch.tensor([[5, 0]] * 200)
    places = sums.draw_places(pairs, labels, torch.Generator().manual_seed(0))
    assert torch.equal(labels[places], pairs)
    assert set(places.flatten().tolist()) == {0, 1, 2, 4, 5}
    with pytest.raises(ValueError, match="no image of the digit 7 among 6"):
        sums.draw_places(torch.tensor([[7, 0]]), labels, torch.Generator())


def test_a_reader_of_two_digits_learns_from_its_pairs_only(monkeypatch):
    images, labels = digits.load()
    asked = set()
    draw = sums.draw_places
    monkeypatch.setattr(
        sums, "draw_places", lambda pairs, *a: asked.update(map(tuple, pairs.tolist())) or draw(pairs, *a)
    )
    model = digits.reader(8, seed=0, n_image=2, longest=sums.LONGEST)
    config = TrainConfig(steps=8, batch_size=16, learning_rate=3e-3)
    losses = sums.fit_sums(model, images, labels, [(1, 2), (3, 4)], config)
    assert asked == {(1, 2), (3, 4)}
    assert losses[-1] < losses[0]
    assert model.answer(images[:2][None], torch.tensor([[digits.EOS]]), sums.LONGEST + 1).shape[1] == sums.LONGEST + 2


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_that_is_no_digit_is_refused(label):
    labels, images = torch.tensor([3, label]), torch.zeros(2, 8, 8)
    message = f"labels must be digits, 0..9, got {min(3, label)}..{max(3, label)}"
    with pytest.raises(ValueError, match=message):
        digits.fit_names(digits.reader(4, seed=0), images, labels)
    with pytest.raises(ValueError, match=message):
        digits.confusions(labels, ["three", "one"])
    with pytest.raises(ValueError, match=message):
        sums.draw_places(labels[None], torch.arange(10), torch.Generator())


def test_images_and_labels_must_be_as_many(untyped):
    with pytest.raises(ValueError, match="got 2 images and 3 digits"):
        digits.fit_names(digits.reader(4, seed=0), torch.zeros(2, 8, 8), torch.tensor([1, 2, 3]))
