import pytest

from lecture21.course.chapters import results


@pytest.fixture
def names():
    """Accuracies of reading digits in percent, a row for each seed and a column for each setting."""
    table = results.load("digit_names")
    return 100 * table.pivot(index="seed", columns="setting", values="accuracy")


def test_patches_and_positions(said, names):
    mean = names.mean()
    assert (names["patch 1"] < names[["patch 2", "patch 4", "patch 8"]].min(axis=1)).all()
    said("With positions, single pixels do worst for every seed")
    said("With learned positions: {:.0f} percent at 1 pixel and about {:.0f} at 2, 4 and 8.", mean["patch 1"],
         mean[["patch 2", "patch 4", "patch 8"]].mean())  # fmt: skip
    without = mean[[f"patch {side}, no positions" for side in (1, 2, 4, 8)]]
    said(
        "{:.0f} percent at 1 pixel, on the line of one name for all, {:.0f} at 2, {:.0f} at 4 and {:.0f} at 8.",
        *without,
    )
    said("rarely shows its place, and the accuracy falls to {:.0f} %.", mean["patch 2, no positions"])
    straight = names["patch 1, no positions, as it is"]
    said("the model reaches {:.0f} to {:.0f} %.", straight.min(), straight.max())
    said("on average against {:.1f} %.", mean["patch 4"])


def test_masks_and_positions(said, names):
    causal, prefix = names["patch 2, no positions, causal"], names["patch 2, no positions"]
    said("Causal readers name {:.0f} to {:.0f} %, prefix readers {:.0f} to {:.0f} %.", causal.min(), causal.max(),
         prefix.min(), prefix.max())  # fmt: skip
    mixed = results.load("digit_names").query("setting == 'patch 2, no positions, causal'").mixed.mean()
    said("and they drop to about {:.0f} %", 100 * mixed)
    mean = names.mean()
    said("the causal readers are {:.1f} points below the prefix readers with patches of 2 and {:.1f} points above them",
         mean["patch 2"] - mean["patch 2, causal"], mean["patch 4, causal"] - mean["patch 4"])  # fmt: skip


def test_sums_of_digits(said):
    table = results.load("digit_sums").query("tuned").set_index(["answer", "pairs"]).sort_index()
    named, added = 100 * table.named, 100 * table.added
    trained, new = named.xs("trained", level="pairs"), named.xs("held out", level="pairs")
    said("both models name both digits in {:.0f} to {:.0f} % of the texts, and then every sum is right.", trained.min(),
         trained.max())  # fmt: skip
    assert (added.xs("trained", level="pairs") == 100).all()
    assert added["sum", "held out"].max() < 3
    counting = added["steps", "held out"]
    said("Counting ends with the right sum in {:.0f} to {:.0f} % of such texts.", counting.min(), counting.max())
    said("Naming suffers too on new pairs ({:.0f} to {:.0f} %)", new.min(), new.max())
    right = named["steps", "held out"] * counting / 100
    said("over all held-out texts counting is right in {:.0f} to {:.0f} %.", right.min(), right.max())
