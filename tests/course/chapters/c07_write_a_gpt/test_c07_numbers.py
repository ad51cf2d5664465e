import pytest
import torch

from lecture21.course.chapters import results
from lecture21.data import shakespeare, split

PAGE = "negative_results"
INVISIBLE = ["clipped after the step", "scores divided by the root of C", "stream normalized"]
SETTINGS = ["learning_rate", "weight_decay", "beta2", "warmup"]


@pytest.fixture
def lines():
    """The n-grams in windows of 32, and the runs of the modern recipes."""
    return results.load("modern").query("window == 32").set_index("arm").nats


@pytest.fixture
def ours():
    """The losses at the end of the chapter's GPT, one for each seed."""
    return results.load("student_gpt").groupby("seed").val_loss.last()


def test_the_gpt_of_the_chapter_passes_bigram_and_trigram_and_not_the_5_gram(said, lines, ours):
    runs = results.load("student_gpt")
    assert (runs.query("step == 100").val_loss < lines["2-gram"]).all()
    assert (runs.query("step == 400").val_loss < lines["3-gram"]).all()
    assert (runs.val_loss > lines["5-gram"]).all()
    said("begins below the dashed line of the bigram, passes that of the trigram before step 400, and ends above")
    assert (runs.groupby("seed").val_loss.min() == ours).all()
    assert runs.seconds.max() < 90
    said("on the plays, by {:.2f}.", lines["2-gram"] - ours.mean())
    said("The validation loss starts near {:.1f}.", runs.query("step == 0").val_loss.mean())


def test_the_recipe_is_the_best_of_its_table_and_inside_the_grid_of_each_setting(said):
    table = results.load("student_recipe")
    best = table.loc[table.nats.idxmin()]
    for name in SETTINGS:
        assert table[name].min() < best[name] < table[name].max(), name
    said("Each has its best value inside the grid")
    alone = table[(table[SETTINGS[1:]] == best[SETTINGS[1:]]).all(axis=1)]  # its neighbors were tried with all others
    assert {best.learning_rate / 2, best.learning_rate, best.learning_rate * 2} <= set(alone.learning_rate)
    said("batch_size=32, learning_rate={:g}, warmup={:.0f},", best.learning_rate, best.warmup)
    said("clip=1.0, betas=(0.9, {:g}), weight_decay={:g},", best.beta2, best.weight_decay)
    at = table.query("learning_rate == 0.032 and weight_decay == 0.3 and beta2 == 0.95").set_index("warmup").nats
    said("The warm-up was left out only at 0.032: the loss was {:.3f} instead of {:.3f}.", at[0], at[50])
    assert set(table[table.warmup == 0].learning_rate) == {0.032}


def test_how_much_of_the_text_the_random_windows_cover(said):
    train, _ = split(shakespeare(), 0.9)
    seen, generator = torch.zeros(len(train), dtype=torch.bool), torch.Generator().manual_seed(0)
    starts = torch.randint(len(train) - 32, (600 * 32, 1), generator=generator)
    seen[starts + torch.arange(33)] = True  # with the last target
    said("They hold {:.2f} times as many characters as the text", 600 * 32 * 32 / len(train))
    assert 0.43 < seen.float().mean() < 0.46
    said("they cover less than half of it")


def test_gpt0_with_the_recipe_of_the_slide(said):
    last = results.load("gpt0_seeds").query("step == 5000").val_loss
    assert len(last) == 5
    said("ends at {:.3f} (mean of five seeds, {:.3f} to {:.3f}).", last.mean(), last.min(), last.max())


def test_better_smoothing_beats_the_gpts(said, lines, ours):
    nats = results.load("kneser_ney").set_index(["smoothing", "window", "order"]).nats
    runs = results.load("modern")
    for row in runs[runs["arm"].str.endswith("-gram") & (runs["arm"] != "1-gram")].itertuples():
        assert nats["Witten-Bell", row.window, int(row.arm[0])] == row.nats
    witten, kneser = nats["Witten-Bell"], nats["Kneser-Ney"]
    said("reaches {:.3f} nats in windows of 32, the Witten–Bell 5-gram {:.3f}.", kneser[32, 5], witten[32, 5])
    assert witten[32, 5] < ours.min()
    small = lines["modern-gpt0"]
    assert kneser[32, 5] < small.min() < small.max() < witten[32, 5]
    for window in (32, 64):
        row = witten[window, 5], kneser[window, 5], kneser[window, 6]
        said(f"| {window} characters | {{:.3f}} | {{:.3f}} | {{:.3f}} |", *row, on=PAGE)
    assert len(small) == 3
    said("and `modern-gpt0` {:.3f} to {:.3f}, ten and three seeds", small.min(), small.max(), on=PAGE)
    large = runs.query("arm == 'modern'").nats
    said("In windows of 64, it has {:.3f} to {:.3f} (three seeds)", large.min(), large.max(), on=PAGE)
    assert kneser[64, 6] < large.min() < large.max() < kneser[64, 5]


def test_the_mistakes_of_a_training_loop(said, lines):
    table = results.load("mistakes").set_index(["mistake", "seed"]).unstack()
    assert (len(table), table.isna().sum().sum(), len(table.columns)) == (8, 0, 4 * 3)
    right, wrong = table.loc["none"], table.drop("none")
    assert (wrong["train"] != right["train"]).all(axis=None)  # each mistake was in effect
    said("The right GPT ends at {:.2f} to {:.2f}.", right["val"].min(), right["val"].max())
    bigram = lines["2-gram"]
    said("The bigrams are at {:.2f}.", bigram)
    assert (wrong["val"].loc["no mask"] < 0.1).all()
    assert (wrong["last"].loc["no mask"] > bigram).all()
    assert (wrong["train"].loc["targets not shifted"] < 0.01).all()
    above = [mistake for mistake in wrong.index if (wrong["val"].loc[mistake] > bigram).all()]
    assert sorted(above) == ["no zero_grad", "targets not shifted"]
    assert (wrong["val"].loc[INVISIBLE] - right["val"]).abs().max(axis=None) < 0.03
    said("or clipping after the step changes neither loss by more than 0.03")
    assert (wrong["val"].loc["heads in a plain list"] - right["val"]).min() > 0.15


def test_one_batch_is_learned_down_to_its_floor_and_only_a_leak_goes_below(said):
    table = results.load("one_batch").set_index(["mistake", "seed"])
    above = (table.loss - table.floor).unstack()
    learned = ["none", "heads in a plain list", *INVISIBLE]
    assert ((above.loc[learned] > 0) & (above.loc[learned] < 0.02)).all(axis=None)
    assert (above.loc[INVISIBLE] - above.loc["none"]).abs().max(axis=None) < 0.002
    said("of three batches whose mean floor is {:.3f}.", table.floor.mean())
    leaks = table.loc[["no mask", "targets not shifted"]]
    assert (leaks.loss < leaks.floor / 5).all()
    said("Without a mask it comes to {:.3f}", table.loc["no mask"].loss.mean())
    assert above.loc["no zero_grad"].min() > 0.3


def test_without_zero_grad_clipping_makes_the_pile_a_second_momentum(said):
    clipped, not_clipped = (rows for _, rows in results.load("pile").groupby("clip"))
    assert (len(clipped), len(not_clipped)) == (3, 3)
    assert clipped.kept.between(0.7, 0.9).all()
    assert (clipped.newest > 2 * clipped["sum"]).all()  # what is used is nearer to the newest gradient
    assert (not_clipped["sum"] > 0.999).all()
    said("would end at {:.0f} to {:.0f} nats, above an untrained one", not_clipped.val.min(), not_clipped.val.max())
    assert not_clipped.val.min() > results.load("mistakes")["first"].max()
    said("from one update to the next, {:.0f} % of the pile is kept", 100 * clipped.kept.mean())
    said(
        "has a cosine of {:.1f} with the newest gradient and of {:.1f} with the sum of all",
        clipped.newest.mean(),
        clipped["sum"].mean(),
    )


def test_a_wider_model_needs_a_smaller_learning_rate(said):
    nats = results.load("width").set_index(["d_model", "learning_rate", "seed"]).nats.unstack("learning_rate")
    best = nats.idxmin(axis=1)
    assert (best.loc[16].tolist(), best.loc[64].tolist()) == ([0.128] * 3, [0.032] * 3)
    assert nats.columns.min() < best.min() < best.max() < nats.columns.max()
    said("The wider model is best at a smaller rate, as far as a grid by factors of four can show.")


def test_what_three_mistakes_cost_elsewhere(said):
    table = results.load("mistakes_elsewhere").set_index(["where", "mistake", "seed"]).unstack()
    val, stream, root = table["val"], "stream normalized", "scores divided by the root of C"
    weights, deep, fast = (
        val.loc[where] for where in ("the right model's weights", "24 blocks", "8 times the learning rate")
    )
    costs = [weights.loc[stream] - weights.loc["none"], weights.loc[root] - weights.loc["none"]]
    costs.append(deep.loc[stream] - deep.loc["none"])
    assert min(cost.min() for cost in costs) > 0.05
    said("they cost {:.2f} and {:.2f} nats; train 24 blocks", *(cost.mean() for cost in costs[:2]))
    said("and the first costs {:.2f} to {:.2f}.", costs[2].min(), costs[2].max())  # too different for a mean
    clipped = table["clipped"].loc[("8 times the learning rate", "none")].mean()
    said("even at eight times the learning rate, {:.0f} % of the gradients exceed the limit", 100 * clipped)
    assert (fast.loc["clipped after the step"] - fast.loc["none"]).mean() < 0.03
