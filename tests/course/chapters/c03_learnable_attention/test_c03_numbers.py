import pytest

from lecture21.course.chapters import results


def chosen(rows, by: str):
    """The rate that the held-out seeds choose, and the rows of the reported seeds with it."""
    rate = rows[rows.seed >= 100].groupby("learning_rate")[by].mean().idxmax()
    return rows[(rows.seed < 100) & (rows.learning_rate == rate)]


def test_why_divide(said):
    scale = results.load("scale")
    best = {}
    for setting, rows in scale.groupby(["divisor", "d_k"]):
        held_out = rows[rows.seed >= 100].groupby("learning_rate").accuracy.mean()
        level = held_out.index[held_out > held_out.max() - 0.001]
        rate = level[len(level) // 2]  # of rates that are equally good, the middle one
        best[setting] = rows[(rows.seed < 100) & (rows.learning_rate == rate)].accuracy.mean()
    said("they name {:.0f} % and {:.0f} % of the answers; divided", 100 * best["1", 16], 100 * best["1", 256])
    assert min(best[divisor, d] for divisor in ("sqrt(d)", "d") for d in (16, 256)) > 0.99
    said("divided by $\\sqrt d$, at least 99 %.")
    assert min(best["1, small start", d] for d in (16, 256)) > 0.97
    said("both widths get at least 97 %")


def test_the_direction_is_not_what_the_task_needs(said):
    forms = results.load("forms")
    one = chosen(forms[forms.arm == "W_q = W_k"], "score").score
    both_ways = chosen(forms[forms.arm == "W_q = S W_k"], "score").score
    like_a_bag = one[one < 0.74]
    said(
        "Of the ten semidefinite heads, {:words} score what a bag of words does there, {:.2f};",
        len(like_a_bag),
        like_a_bag.mean(),
    )
    assert like_a_bag.min() > 0.72
    assert one.max() < 0.9
    assert (both_ways > 0.99).all()


def test_right_without_attending(said):
    found = results.load("found")
    one = found[found.seed == 4].set_index("subject")
    said("is right in {:.1f} % of sentences", 100 * one.right.mean())
    assert one.weight[["window", "garden", "car", "table", "river", "lamp"]].min() > 0.98
    missed = one.loc[["windows", "gardens", "cars", "tables", "rivers", "lamps"]]
    assert missed.weight.max() < 0.07
    assert missed.right.min() > 0.98
    by_seed = found.assign(silent=found.weight < 0.1).groupby("seed")
    good = by_seed.right.mean() > 0.99
    said("in {:words} of the {:words} heads that learned the task", (by_seed.silent.sum()[good] > 0).sum(), good.sum())


def test_which_came_with_which(said):
    runs = results.load("two_facts").query("seed < 100").groupby("arm").score.mean()
    said("names both in {:.0f} % of cases, two heads", 100 * runs["one head"])
    assert runs["two heads"] > 0.995
    said("frozen, gets {:.0f} %", 100 * runs["the same head, hidden layer"])
    said("made equal, it gets {:.0f} %", 100 * runs["the same head, equal weights, hidden layer"])


def test_a_head_is_right_at_every_distance():
    rows = results.load("agreement").query("trained == '1-40' and chosen and distance >= 4").set_index("arm")
    scores = rows[[f"s{seed}" for seed in range(10)]]
    assert scores.loc["head"].min().min() > 0.95
    basic, bag = (scores.loc[arm].mean(axis=1).to_numpy() for arm in ("basic", "bag"))
    assert basic == pytest.approx(bag, abs=0.1)
