"""Handwritten digits: their split, their names in letters, and sums of held-out pairs."""

from collections import Counter

import pytest
import torch

from lecture21.objectives import IGNORE
from lecture21.training import TrainConfig
from lecture21.vision import digits, patches, sums

# Digits and their names


def test_the_split_is_disjoint_and_stratified_by_digit():
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


def test_digit_names_are_encoded_and_decoded():
    encode, decode = digits.DigitReader.encode, digits.DigitReader.decode
    ids, targets = encode(digits.NAMES)
    assert ids.shape == targets.shape == (10, 6)
    assert (ids[:, 0] == digits._EOS).all()
    assert decode(ids) == list(digits.NAMES)
    six = digits.NAMES.index("six")
    assert digits._LETTERS.decode(targets[six, :4]) == "six\n"
    assert targets[six, 4:].tolist() == [IGNORE, IGNORE]
    assert decode(torch.tensor([digits._LETTERS.encode("\nsix\nseven")])) == ["six"]
    assert decode(torch.tensor([digits._LETTERS.encode("six")])) == ["six"]
    with pytest.raises(ValueError, match="'y' at"):
        encode(["twenty"])


def test_rotating_and_shifting_moves_the_ink_slightly_and_fills_in_background():
    paper = torch.full((50, 8, 8), digits._BACKGROUND)
    assert torch.allclose(digits.rotate_and_shift(paper), paper)
    dot = paper.clone()
    dot[:, 3:5, 3:5] = 1.0
    moved = digits.rotate_and_shift(dot, torch.Generator().manual_seed(0))
    assert torch.equal(moved, digits.rotate_and_shift(dot, torch.Generator().manual_seed(0)))
    assert (moved != dot).flatten(1).any(1).all()
    ink = moved - digits._BACKGROUND
    torch.testing.assert_close(ink.sum((1, 2)), torch.full((50,), 8.0), rtol=0.05, atol=0)
    place = torch.arange(8.0) - 3.5
    for center in ((ink.sum(1) @ place) / ink.sum((1, 2)), (ink.sum(2) @ place) / ink.sum((1, 2))):
        assert 0.3 < center.abs().max() < 0.55


def test_an_image_is_rotated_by_up_to_ten_degrees():
    bar = torch.full((200, 16, 16), digits._BACKGROUND)
    bar[:, 4:12, 7:9] = 1.0
    ink = digits.rotate_and_shift(bar, torch.Generator().manual_seed(0)) - digits._BACKGROUND
    ink = ink / ink.sum((1, 2), keepdim=True)
    place = torch.arange(16.0)
    y, x = (place - (ink.sum(axis) @ place)[:, None] for axis in (2, 1))  # from the center of the ink
    tilt = (ink * y[:, :, None] * x[:, None]).sum((1, 2)) / (ink.sum(2) * y.square()).sum(1)
    assert 8 < tilt.atan().rad2deg().abs().max() < 10.5
    assert tilt.min() < -0.1 < 0.1 < tilt.max()


def test_shuffling_keeps_the_patches_and_moves_them():
    images = digits.load()[0][:20]
    mixed = digits.shuffle_patches(images, 2, torch.Generator().manual_seed(0))
    for before, after in zip(patches(images, 2), patches(mixed, 2), strict=True):
        assert Counter(map(tuple, before.tolist())) == Counter(map(tuple, after.tolist()))
    assert not torch.equal(images, mixed)


def test_a_small_model_learns_two_digit_names():
    images, labels = digits.load()
    some = (labels < 2).nonzero().flatten()[:120]
    model = digits.DigitReader(4, seed=0)
    state = torch.random.get_rng_state()
    config = TrainConfig(steps=60, batch_size=16, learning_rate=5e-3, schedule="cosine")
    losses = model.fit_names(images[some], labels[some], config=config)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert losses[-5:].mean() < 0.1 * losses[0]
    written = model.write(images[some][:, None])
    assert sum(a == digits.NAMES[b] for a, b in zip(written, labels[some], strict=True)) > 110
    assert written == model.write(images[some][:, None], use_cache=False)


ONE = TrainConfig(steps=1, batch_size=4)


def first_loss(**changes: object) -> float:
    """Return the loss of the first step on the image of a zero."""
    images, _ = digits.load()
    return digits.DigitReader(4, seed=0).fit_names(images[:1], torch.tensor([0]), config=ONE, **changes).item()


def test_seeds_decide_weights_and_batches_and_images_are_moved_unless_told_otherwise():
    image = digits.load()[0][:1, None]
    reader = digits.DigitReader(4, seed=0)
    loss = reader.loss(image, *reader.encode(["zero"])).item()
    assert first_loss(jitter=False) == pytest.approx(loss, abs=1e-6)
    assert first_loss() == first_loss(seed=0) != first_loss(seed=1)
    assert abs(first_loss() - loss) > 1e-4
    for kind in (lambda seed: digits.DigitReader(4, seed), sums.DigitAdder):
        weights = [kind(seed).embedding.projection.weight for seed in (0, 0, 1)]
        assert torch.equal(*weights[:2])
        assert not torch.equal(*weights[1:])


@pytest.mark.parametrize("position", ["learned", "none"])
def test_a_reader_has_the_positions_that_it_is_given(position):
    images = digits.load()[0][:2, None]
    mixed = digits.shuffle_patches(images[:, 0], 4, torch.Generator().manual_seed(0))[:, None]
    ids, _ = digits.DigitReader.encode(["one", "two"])
    reader = digits.DigitReader(4, seed=0, position=position)
    assert torch.allclose(reader(images, ids), reader(mixed, ids), atol=1e-5) == (position == "none")


# Sums


def test_a_text_states_the_sum_or_counts_to_it():
    assert sums.text_of(3, 4, "sum") == [3, 4, 7]
    assert sums.text_of(3, 4, "steps") == [3, 4, 3, 4, 5, 6, 7]
    assert sums.text_of(9, 0, "steps") == [9, 0, 9]
    assert max(len(sums.text_of(*pair, "steps")) for pair in sums.PairSplit.ALL) == sums._LONGEST
    assert {number for pair in sums.PairSplit.ALL for number in sums.text_of(*pair, "steps")} == set(range(sums._STOP))
    with pytest.raises(ValueError, match="second must be a whole number from 0 to 9, got 10"):
        sums.text_of(3, 10, "sum")
    with pytest.raises(ValueError, match="answer must be one of sum, steps, got 'words'"):
        sums.text_of(3, 4, "words")


@pytest.mark.parametrize("kind", sums.PairSplit.KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_a_split_keeps_every_sum_in_training_and_matches_its_kind(kind, seed):
    split = sums.PairSplit(kind, seed)
    out = split.held_out
    assert out == sums.PairSplit(kind, seed).held_out
    assert len(out) in (36, 37)
    assert out | set(split.trained) == set(split.ALL)
    assert not out & set(split.trained)
    assert {sum(pair) for pair in split.trained} == set(range(19))
    mirrored = {(second, first) for first, second in out}
    assert mirrored == out
    if kind == "block":
        assert {digit for pair in out for digit in pair} == set(range(2, 8))
    else:
        assert out != sums.PairSplit(kind, seed + 1).held_out


def test_every_image_of_a_digit_and_no_other_is_drawn():
    labels = torch.tensor([5, 0, 5, 1, 0, 5])
    pairs = torch.tensor([[5, 0]] * 200)
    drawn = sums.draw_images(pairs, labels, torch.Generator().manual_seed(0))
    assert torch.equal(labels[drawn], pairs)
    assert set(drawn.flatten().tolist()) == {0, 1, 2, 4, 5}
    with pytest.raises(ValueError, match="no image of the digit 7 among 6"):
        sums.draw_images(torch.tensor([[7, 0]]), labels, torch.Generator())


def test_training_on_sums_uses_only_the_training_pairs(monkeypatch):
    images, labels = digits.load()
    trained = set()
    draw = sums.draw_images
    monkeypatch.setattr(
        sums, "draw_images", lambda pairs, *a: trained.update(map(tuple, pairs.tolist())) or draw(pairs, *a)
    )
    model = sums.DigitAdder(seed=0)
    config = TrainConfig(steps=60, batch_size=16, learning_rate=5e-3, schedule="cosine")
    losses = sums.fit_sums(model, images, labels, [(1, 2), (3, 4)], answer="steps", config=config)
    assert trained == {(1, 2), (3, 4)}
    assert losses[-5:].mean() < 0.2 * losses[0]
    chosen = draw(torch.tensor([(1, 2), (3, 4)] * 10), labels, torch.Generator().manual_seed(1))
    written = model.write(images[chosen])
    right = [sums.text_of(1, 2, "steps"), sums.text_of(3, 4, "steps")] * 10
    assert sum(a == b for a, b in zip(written, right, strict=True)) > 15


def test_the_padding_of_a_short_text_beside_a_longer_one_does_not_count():
    images, labels = digits.load()
    config = TrainConfig(steps=1, batch_size=1)

    def first_loss(pairs: list[tuple[int, int]], seed: int) -> float:
        model = sums.DigitAdder(0)
        return sums.fit_sums(model, images, labels, pairs, answer="steps", seed=seed, config=config).item()

    short, long = (9, 0), (0, 9)
    losses = [[first_loss(pairs, seed) for pairs in ([short, long], [short], [long])] for seed in range(6)]
    equal = [(together == pytest.approx(a), together == pytest.approx(b)) for together, a, b in losses]
    assert set(equal) == {(True, False), (False, True)}  # one of them is chosen
    assert len({together for together, *_ in losses}) == 6  # and each seed has images of its own


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_that_is_not_a_digit_is_refused(label):
    labels, images = torch.tensor([3, label]), torch.zeros(2, 8, 8)
    message = f"(labels|pairs) must be digits, 0..9, got {min(3, label)}..{max(3, label)}"
    with pytest.raises(ValueError, match=message):
        digits.DigitReader(4, seed=0).fit_names(images, labels)
    with pytest.raises(ValueError, match=message):
        sums.fit_sums(sums.DigitAdder(seed=0), images, labels, [(1, 2)], answer="sum")
    with pytest.raises(ValueError, match=message):
        sums.draw_images(labels[None], torch.arange(10), torch.Generator())


def test_images_without_a_label_or_with_nan_are_refused(untyped):
    with pytest.raises(
        ValueError, match=r"labels must be integers of shape \(N\), where N = 2, got torch\.int64 of shape \(3,\)"
    ):
        digits.DigitReader(4, seed=0).fit_names(torch.zeros(2, 8, 8), torch.tensor([1, 2, 3]))
    images = torch.zeros(3, 8, 8)
    images[1, 4, 4] = torch.nan
    with pytest.raises(ValueError, match="images must be finite, but image 1 has NaN or infinite pixels"):
        digits.DigitReader(4, seed=0).fit_names(images, torch.tensor([1, 2, 3]))
    with pytest.raises(ValueError, match="image 1 has NaN"):
        sums.fit_sums(sums.DigitAdder(seed=0), images, torch.tensor([1, 2, 3]), [(1, 2)], answer="sum")
    with pytest.raises(ValueError, match=r"pairs must be .*not empty, got \[\]"):
        sums.fit_sums(sums.DigitAdder(seed=0), images[:1], torch.tensor([1]), [], answer="sum")


def test_a_partial_text_is_continued():
    images, _ = digits.load()
    model = digits.DigitReader(4, seed=0)
    ids = model.generate(images[:3, None], torch.tensor([digits._LETTERS.encode("\nse")] * 3), 4, eos=digits._EOS)
    texts = model.write(images[:3, None], begun="se")
    assert texts == model.decode(ids)
    assert all(text.startswith("se") for text in texts)
