import math

from lecture21.course.chapters import results
from lecture21.course.chapters.c04_causal_mask import cheat
from lecture21.data.agreement import VOCABULARY


def test_the_leak_in_shakespeare(said):
    table = results.load("leak")
    trained = table[table["seed"].notna()].groupby(["model", "view"])["nats"].mean()
    cheat, honest = trained["no mask", "window"], trained["mask", "window"]
    said("is almost 0 at 31 of 32 positions, and {:.2f} nats on average", cheat)
    said("With the mask, the loss is {:.2f} in both views.", honest)
    bigram, five = (table.query("model == @model")["nats"].mean() for model in ("bigram", "5-gram"))
    said("the bigram line at {:.2f} and the 5-gram line at {:.2f}", bigram, five)
    assert five < 2 < honest < bigram


def test_where_the_cheat_copies(said):
    cheat = results.load("leak").query("model == 'no mask' and position < 31").set_index("view")
    assert cheat.loc["window"].nats.max() < 0.2
    blind = cheat.loc["prefix"].groupby("position")["nats"].mean()
    said("between {:.1f} and {:.1f} nats, above the uniform line at {:.2f}", blind.min(), blind.max(), math.log(65))
    assert cheat.loc["prefix"].groupby("seed")["nats"].mean().min() > math.log(65)
    said("and this model is worse than a uniform guess.")


def test_what_dice_say_of_eight_masks(said):
    dice = results.load("masks").query("seed < 100").groupby("mask")["nats"].mean()
    said("that dice cost {:.2f} nats", dice["after the softmax"])
    said("so its loss is the honest one; in a text they would be")
    assert abs(dice["skips one"] - math.log(26)) < 0.005


def test_the_honest_price_of_a_word(said):
    said(r"$(\ln 24+2\ln 48+\ln 3+\ln 4)/10={:.2f}$ nats a word", cheat.honest_loss())
    words = cheat.TASK.sentences(5000, cheat.DISTANCE)
    drawn = [len(words[:, place].unique()) for place in range(words.shape[1])]
    assert drawn == [1, 24, 4, 1, 24, 4, 1, 24, 6, 4, 1]
    assert len(VOCABULARY) == 44


def test_a_sentence_of_the_task_is_right_and_another_is_not():
    words = cheat.TASK.sentences(300, cheat.DISTANCE)
    sentences = [" ".join(VOCABULARY.tokens[i] for i in row) for row in words.tolist()]
    assert all(map(cheat.is_right, sentences))
    good = "the pilots near the window behind the car are late ."
    assert cheat.is_right(good)
    for one, other in (("are", "is"), ("window", "doctor"), ("behind", "the"), ("late", "."), ("pilots", "was")):
        assert not cheat.is_right(good.replace(one, other))
