import math

from lecture21.course.chapters import results


def test_the_leak_in_shakespeare(said):
    table = results.load("leak")
    trained = table[table["seed"].notna()].groupby(["model", "view"])["nats"].mean()
    cheat, honest = trained["no mask", "window"], trained["mask", "window"]
    said("is almost 0 at 31 of 32 positions, and {:.2f} nats on average", cheat)
    said("The model with the mask reaches {:.2f} nats in both views.", honest)
    last = table.query("position == 31 and view == 'window'").groupby("model")["nats"].mean()
    lag, fewer = last["no mask"] - last["mask"], last["mask, last position only"] - last["mask"]
    said("There, the one without a mask is {:.2f} nats worse.", lag)
    said("trained on its last position alone is {:.2f} worse, so two thirds of this gap", fewer)
    assert 0.6 < fewer / lag < 0.73
    bigram, five = (table.query("model == @model")["nats"].mean() for model in ("bigram", "5-gram"))
    said("the bigram line at {:.2f} and the 5-gram line at {:.2f}", bigram, five)
    assert five < 2 < honest


def test_where_the_cheat_copies(said):
    cheat = results.load("leak").query("model == 'no mask' and position < 31").set_index("view")
    assert cheat.loc["window"].nats.max() < 0.2
    blind = cheat.loc["prefix"].groupby("position")["nats"].mean()
    said("between {:.1f} and {:.1f} nats, above the uniform line at {:.2f}", blind.min(), blind.max(), math.log(65))
    assert cheat.loc["prefix"].groupby("seed")["nats"].mean().min() > math.log(65)
    said("Let the input end at the predicting position, and the same model is worse than a uniform guess.")


def test_the_cheat_with_rotary_positions(said):
    rotary = results.load("leak").query("model == 'no mask, rotary'").set_index("view")
    hidden = rotary.loc["prefix"].pivot(index="seed", columns="position", values="nats")
    said("falls from {:.1f} nats at the first position to {:.1f} at the 31st", hidden[0].mean(), hidden[30].mean())
    said("With the complete window in view it is {:.2f} nats.", rotary.loc["window"].nats.mean())
    assert len(hidden) == 5
    assert hidden.loc[:, 25:].max().max() < math.log(65) < hidden[0].min()
