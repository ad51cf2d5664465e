import pytest

from lecture21.course.chapters import results
from lecture21.vision.sums import PairSplit


@pytest.fixture
def names():
    """Accuracies of reading digits in percent, a row for each seed and a column for each setting."""
    table = results.load("digit_names")
    return 100 * table.pivot(index="seed", columns="setting", values="accuracy")


def test_patches_without_positions_are_a_bag(said, names):
    mean = names.mean()
    said("With learned positions: about {:.0f} percent at 2, 4 and 8 pixels.",
         mean[["patch 2", "patch 4", "patch 8"]].mean())  # fmt: skip
    without = mean[[f"patch {side}, no positions" for side in (2, 4, 8)]]
    said("Without positions: {:.0f} at 2, {:.0f} at 4 and {:.0f} at 8.", *without)
    said("and {:.0f} % become {:.0f}.", mean["patch 2"], mean["patch 2, no positions"])
    straight = names["patch 1, no positions, as it is"]
    said("are not rotated, name {:.0f} to {:.0f} %: how dark the ink is", straight.min(), straight.max())
    said("our patches of 4 {:.1f} %.", mean["patch 4"])


def test_the_mask_tells_the_order(said, names):
    causal, prefix = names["patch 2, no positions, causal"], names["patch 2, no positions"]
    said("Causal readers name {:.0f} to {:.0f} %, prefix readers {:.0f} to {:.0f} %.", causal.min(), causal.max(),
         prefix.min(), prefix.max())  # fmt: skip
    mixed = results.load("digit_names").query("setting == 'patch 2, no positions, causal'").mixed.mean()
    said("these readers drop to about {:.0f} %.", 100 * mixed)
    two, four = (names[f"patch {side}, causal"] - names[f"patch {side}"] for side in (2, 4))
    said("the causal readers name {:.1f} points fewer on average, with patches of 4 {:.1f} points more", -two.mean(),
         four.mean())  # fmt: skip
    assert all(gain.min() < 0 < gain.max() for gain in (two, four))
    said("and the sign differs from seed to seed.")


def test_sums_of_digits(said):
    table = results.load("digit_sums").query("tuned").set_index(["answer", "pairs"]).sort_index()
    named, added = 100 * table.named, 100 * table.added
    assert (added.xs("trained", level="pairs") == 100).all()
    said("every sum is right.")
    assert added["sum", "held out"].max() < 3
    said("On new pairs the direct sum is almost never right")
    counting = added["steps", "held out"]
    hidden = [100 - len(PairSplit(kind, seed).trained) for kind in PairSplit.KINDS for seed in range(3)]
    said("({} or {} pairs)", min(hidden), max(hidden))
    said("Counting aloud survives: {:.0f} to {:.0f} % end with the right sum", counting.min(), counting.max())
    trained, new = named.xs("trained", level="pairs"), named.xs("held out", level="pairs")
    said("({:.0f} to {:.0f} % name both digits, against {:.0f} to {:.0f} % on trained pairs)", new.min(), new.max(),
         trained.min(), trained.max())  # fmt: skip
    right = named["steps", "held out"] * counting / 100
    said("over all held-out texts counting is right in {:.0f} to {:.0f} %.", right.min(), right.max())
    seconds = table.query("pairs == 'trained'").groupby("answer").seconds.mean()
    assert 1.8 < seconds["steps"] / seconds["sum"] < 2.3
    said("and about twice the training time.")
    splits = [PairSplit(kind, seed) for kind in PairSplit.KINDS for seed in range(3)]
    # Two digits, the second digit + 1 numbers from the first to the sum, and the line break
    lengths = [sum(second + 4 for _, second in split.trained) / len(split.trained) for split in splits]
    said("{:.1f} to {:.1f} predicted tokens for each trained pair instead of 4", min(lengths), max(lengths))
    others = results.load("digit_sums").query("not tuned and pairs == 'held out'").set_index("answer").added * 100
    assert (others["sum"] == 0).all()
    said("counting gets {:.0f} and {:.0f} % and the direct sum nothing.", *others["steps"])
