import pytest

from lecture21.course.chapters import results


def chosen(rows, by: str):
    """The rate that the held-out seeds choose, and the rows of the reported seeds with it."""
    rate = rows[rows.seed >= 100].groupby("learning_rate")[by].mean().idxmax()
    return rows[(rows.seed < 100) & (rows.learning_rate == rate)]


def test_what_the_task_needs_is_an_indefinite_matrix(said):
    forms = results.load("forms")
    one = chosen(forms[forms.arm == "W_q = W_k"], "score").score
    both_ways = chosen(forms[forms.arm == "W_q = S W_k"], "score").score
    like_a_bag = one[one < 0.74]
    said("{:words} score what a bag of words does there, {:.2f};", len(like_a_bag), like_a_bag.mean())
    said("and all ten score {:.2f}", both_ways.min())
    assert len(one) == len(both_ways) == 10
    assert like_a_bag.min() > 0.72
    assert one.max() < 0.9


def test_right_without_attending(said):
    found = results.load("found")
    one = found[found.seed == 4].set_index("subject")
    said("is right in {:.1f} % of sentences", 100 * one.right.mean())
    assert one.weight[["window", "garden", "car", "table", "river", "lamp"]].min() > 0.98
    missed = one.loc[["windows", "gardens", "cars", "tables", "rivers", "lamps"]]
    said("says *are* in {:.1f} % of sentences if it was plural, and in {:.1f} % if it was singular.",
         100 * missed["are"].mean(), 100 * one.iloc[12::2]["are"].mean())  # fmt: skip
    assert missed.weight.max() < 0.07
    assert missed.right.min() > 0.98
    by_seed = found.assign(silent=found.weight < 0.1).groupby("seed")
    good = by_seed.right.mean() > 0.95
    said("{:words} are right in more than 95 % of 2,400 sentences", good.sum())
    silent = (by_seed.silent.sum() > 0) & good
    said("and {:words} of these give some subject a weight below 0.1", silent.sum())
    assert 2 * silent.sum() == good.sum()  # "half of the heads"
    at_40 = results.load("agreement").query("arm == 'head' and trained == '40' and distance == 40 and chosen")
    scores = at_40[[f"s{seed}" for seed in range(10)]].iloc[0]
    assert (scores > 0.95).sum() == good.sum()


def test_a_head_is_right_at_every_distance(said):
    rows = results.load("agreement").query("trained == '1-40' and chosen and distance >= 4").set_index("arm")
    scores = rows[[f"s{seed}" for seed in range(10)]]
    assert scores.loc["head"].min().min() > 0.95
    said(
        "Basic self-attention, trained on the same sentences, never gets beyond {:.2f}.",
        scores.loc["basic"].max().max(),
    )
    basic, bag = (scores.loc[arm].mean(axis=1).to_numpy() for arm in ("basic", "bag"))
    assert basic == pytest.approx(bag, abs=0.1)
