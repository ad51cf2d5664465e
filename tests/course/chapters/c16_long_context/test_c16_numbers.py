import pytest

from lecture21.course.chapters import results


@pytest.fixture
def text():
    """Losses by position, means of three seeds, indexed by change, further updates and position."""
    table = results.load("beyond_the_block").query("part == 'run' and by == 'position'")
    return table.groupby(["change", "more", "at"]).nats.mean()


def test_positions_beyond_those_of_training(said, text):
    said("As trained, the loss rises to {:.2f} nats at the end", text["as trained", 0, 512])
    said("**But the same updates without interpolation repair more**: {:.2f} nats against {:.2f} at the end",
         text["as trained", 100, 512], text["interpolation 8", 100, 512])  # fmt: skip
    said("both are worse than before ({:.2f}).", text["as trained", 0, 64])
    said("it is as large, {:.2f} against {:.2f} nats.", text["as trained", 100, 64], text["interpolation 8", 100, 64])
    said("leave the end at {:.2f} nats after 100 updates", text["slow planes 8", 100, 512])
    alone = [text[change, 100, 512] for change in ("slow planes 8", "as trained", "interpolation 8", "fast planes 8")]
    assert alone == sorted(alone)
    said("The harm is in the three fast planes, and the repair in the five slow ones.")


def test_a_needle_in_512_symbols(said):
    table = results.load("haystack").query("length == 512")
    right = 100 * table.pivot(index=["position", "change", "seed"], columns="distance", values="right")
    interpolated = right.loc["rotary", "interpolation 8"]
    near = interpolated[[distance for distance in right if distance <= 384]].mean(axis=1)
    said("Interpolation finds {:.0f} ± {:.0f} % up to a distance of 384 and {:.0f} ± {:.0f} % at 511", near.mean(),
         near.std(), interpolated[511].mean(), interpolated[511].std())  # fmt: skip
    none = right.loc["none", "as trained"].mean(axis=1)
    said("a model without any positions finds {:.0f} ± {:.0f} %.", none.mean(), none.std())
    window = right.loc["rotary", "window 64"][[distance for distance in right if distance > 63]].mean(axis=1)
    said("beyond 63 symbols it only guesses ({:.0f} ± {:.0f} %).", window.mean(), window.std())
    said("As trained, the model is right in {:.0f} % at 511", right.loc["rotary", "as trained"][511].mean())
    short = results.load("haystack").query("length == 64 and position == 'rotary' and change == 'as trained'")
    found = 100 * short.groupby("seed").right.mean()
    said("find {:.0f} ± {:.0f} % of the needles", found.mean(), found.std())
