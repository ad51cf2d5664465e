from lecture21.course.chapters import results


def test_find_each_other(said):
    table = results.load("one_vector").query("chosen and rivals == 'other kind' and trained == 13")
    one = table[table.arm == "one matrix"].score
    said("Of the {} heads with one matrix, {:words} do as well as a bag", len(one), (one < 0.75).sum())
    said("never both, and get up to {:.2f}.", one.max())
    assert one[one > 0.75].size == 3
    assert (table.query("arm == 'signs' and seed < 100").score == 1).all()
    said("With $S$, all ten learn the task")


def test_how_heads_find_their_subject(said):
    runs = results.load("subject").query("seed < 100")
    rates = runs.groupby("arm").learning_rate.first()
    said("{:g} for the head, {:g} for basic self-attention.", rates["learned head"], rates["basic self-attention"])
    heads, basic = (
        runs.query("arm == @arm").pivot(index="seed", columns="distance", values="score")
        for arm in ("learned head", "basic self-attention")
    )
    beaten = (heads[40].values[None] < basic[40].nlargest(2).min()).sum()
    said("At 40 words, however, two seeds of basic self-attention beat {:words} heads.", beaten)
    assert abs(heads[100].mean() - heads[40].mean()) < 0.01
    said("At 100 words the head is as good as where it was trained.")
    missed = 1 / (1 - heads[40][heads[40] < 1].mean())
    said("the others in about {} of {} sentences", round(missed) - 1, round(missed))


def test_why_divide(said):
    means = results.load("scale").groupby(["divisor", "d_k", "learning_rate"]).accuracy.mean()
    best = means.groupby(["divisor", "d_k"]).max()
    said("the narrow head gets {:.0f} % right and the wide one {:.0f} %.", 100 * best["1", 16], 100 * best["1", 256])
    small = 100 * best["1, small start"]
    said("they reach {:.0f} % and {:.0f} % undivided.", small[16], small[256])
    assert best[["sqrt(d)", "d"]].min() > 0.995
    good = means[means > 0.97].reset_index().groupby(["divisor", "d_k"]).learning_rate.agg(["min", "max"])
    root = (*good.loc[("sqrt(d)", 16)], *good.loc[("sqrt(d)", 256)])
    said("with $\\sqrt d$, {:g} to {:g} (narrow) and {:g} to {:g} (wide); with", *root)
    said("with $d$, {:g} to {:g} for both.", *good.loc[("d", 16)])
    assert (good.loc[("d", 16)] == good.loc[("d", 256)]).all()


def test_what_stops_the_narrow_head(said):
    letters = results.load("scale_letters").set_index("d_k")
    wide, narrow = letters.loc[256].slope_before.mean(), letters.loc[16].slope_before.mean()
    said("the wide head's softmax passes {:.3f}, but the narrow one's {:.2f}.", wide, narrow)
    stuck = letters.loc[16][letters.loc[16].n_stuck > 0]
    said("In {:words} of five seeds, most letters are always right", len(stuck))
    said("{:words} to {:words} at chance: there, the head", stuck.n_stuck.min(), stuck.n_stuck.max())
    percent = 100 * stuck[["accuracy", "on_600", "divided_200"]].mean()
    said("lift these four heads from {:.0f} % to {:.0f} %, 200 divided ones to {:.0f} %.", *percent)
    moved = results.load("scale_step").groupby(["divisor", "d_k"]).moved.mean().unstack()
    ratio = moved[256] / moved[16]
    said("Measured at the first step: {:.0f}, {:.1f} and {:.1f} times.", ratio["1"], ratio["sqrt(d)"], ratio["d"])


def test_which_came_with_which(said):
    runs = results.load("two_facts").query("seed < 100")
    runs = runs.assign(preferred=runs[["first", "second"]].max(axis=1)).groupby("arm").mean()
    one = runs.loc["one head"]
    said("gives the two letters weights of {:.2f} and {:.2f}, names", one.larger, one.smaller)
    said("in {:.0f} % of cases, and names this digit *twice* in {:.0f} %.", 100 * one.preferred, 100 * one.same)
    said("such a readout gets {:.2f}; with equal weights", runs.loc["the same head, equal weights, hidden layer"].score)
