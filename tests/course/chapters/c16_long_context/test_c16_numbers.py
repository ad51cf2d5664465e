import pytest

from lecture21 import accounting, presets
from lecture21.accounting import published
from lecture21.course.chapters import results

LONG = 131_072


def shape(name: str) -> accounting.Shape:
    return accounting.Shape.of(presets.get(name))


def test_what_a_new_token_waits_for(said):
    model = shape("gpt3-6.7b")
    peak, bandwidth = accounting.DEVICES["H100"], accounting.BANDWIDTHS["H100"]
    prompt = 1024 * accounting.flops_per_token(model, 1024).forward / peak
    computing = sum(accounting.flops_per_token(model, t).forward for t in range(1024, 2048)) / peak
    read = sum(accounting.weight_bytes(model) + accounting.kv_cache_bytes(model, t) for t in range(1024, 2048))
    said("{:.1f} seconds against {:.0f} milliseconds: **{:.0f} times as long.**", read / bandwidth, 1000 * prompt,
         round(read / bandwidth / prompt, -2))  # fmt: skip
    said("while the multipliers stand idle {:.1f} % of the time.", 100 * (1 - computing * bandwidth / read))


def test_what_128k_tokens_cost(said):
    gpt3, deepseek = shape("gpt3"), published.get("deepseek-v2")
    assert accounting.kv_cache_bytes(gpt3, LONG) > accounting.weight_bytes(gpt3)
    said("One user's cache in GPT-3 is then larger than GPT-3.")
    latent = accounting.kv_cache_bytes(deepseek, 1)
    said("DeepSeek-V2 stores {:.0f} numbers, from which 128 heads compute keys and values of {:,} numbers.",
         latent / 60 / 2, 2 * 128 * 128)  # fmt: skip  # a key and a value of 128 for each head
    short, long = (accounting.flops_per_token(gpt3, t) for t in (2048, LONG))
    said("Attention is {:.0f} % of GPT-3's work for the last of 2,048 tokens, and {:.0f} % here",
         100 * short.attention / short.forward, 100 * long.attention / long.forward)  # fmt: skip
    said("those of as many queries and keys would take {:.0f} TiB at 16 bits.", 96 * LONG**2 * 2 / 2**40)


@pytest.fixture
def text():
    """Losses by position, a row for each change, further updates and seed, and a column for each position."""
    table = results.load("beyond_the_block").query("part == 'run' and by == 'position'")
    return table.pivot(index=["change", "more", "seed"], columns="at", values="nats")


def test_positions_beyond_those_of_training(said, text):
    mean = text.groupby(["change", "more"]).mean()
    first, last = mean[64], mean[512]
    said("As trained, the loss climbs from {:.2f} to {:.2f} nats", first["as trained", 0], last["as trained", 0])
    n_gram = results.load("beyond_the_block").query("part == 'n-gram' and by == 'position'")
    n_gram = n_gram.pivot(index="change", columns="at", values="nats")
    assert text.loc["as trained", 0][512].min() > n_gram.loc["2-gram"].max() + 1
    assert abs(mean.loc["interpolation 8", 0] - 3.6).max() < 0.1
    said("Interpolated, it is near 3.6 everywhere.")
    assert abs(mean.loc["window 64", 0] - 1.9).max() < 0.05
    said("The window stays at 1.9.")
    limited = mean.loc["distance 63", 0]
    said("And the control, with all its keys, ends at {:.2f}: **the unknown distances do nearly all of the harm.**",
         limited[512])  # fmt: skip
    removed = text.loc["distance 63", 0][512] - text.loc["window 64", 0][512]  # what fewer keys are worth
    assert removed.min() > 0
    assert removed.mean() < 0.02 * (last["as trained", 0] - limited[512])
    said("the window is better than the control in each seed, by {:.2f} to {:.2f} nats.", removed.min(), removed.max())
    assert limited.max() < limited[64] + 0.01
    said("only {:.2f} nats better than the first 64.", limited[64] - limited[512])
    gain = text.loc["window 64", 0][64] - text.loc["window 64", 0][512]
    counted = n_gram[64] - n_gram[512]
    said("the window gains {:.2f} to {:.2f} nats in each seed and n-grams of up to five characters {:.2f} to {:.2f}",
         gain.min(), gain.max(), counted.min(), counted.max())  # fmt: skip
    said("interpolation ends at {:.2f} nats, and the model without it at {:.2f}, lower in all three seeds",
         last["interpolation 8", 100], last["as trained", 100])  # fmt: skip
    assert (text.loc["as trained", 100][512] < text.loc["interpolation 8", 100][512]).all()
    assert first.xs(100, level="more").min() > first["as trained", 0] + 0.05
    said("both are worse than the model as trained, at {:.2f} and {:.2f}.", first["interpolation 8", 100],
         first["as trained", 100])  # fmt: skip


def test_a_needle_in_512_symbols(said):
    table = results.load("haystack").query("length == 512")
    right = 100 * table.pivot(index=["position", "change", "seed"], columns="distance", values="right")
    interpolated = right.loc["rotary", "interpolation 8"]
    said("bad on the plays, finds {:.0f} % at 511.", interpolated[511].mean())
    far = right.loc["none", "as trained"][511]
    said("interpolation finds {:.0f} ± {:.0f} %, and models without positions {:.0f} ± {:.0f} %",
         interpolated[511].mean(), interpolated[511].std(), far.mean(), far.std())  # fmt: skip
    said("the control finds {:.0f} %.", far.mean())
    window = right.loc["rotary", "window 64"][[distance for distance in right if distance > 63]].mean(axis=1)
    said("the window finds {:.0f} ± {:.0f} % beyond 63.", window.mean(), window.std())
    said("As trained, the model is right in {:.0f} % at 511", right.loc["rotary", "as trained"][511].mean())
    short = results.load("haystack").query("length == 64 and position == 'rotary' and change == 'as trained'")
    found = 100 * short.groupby("seed").right.mean()
    said("the rotary models find {:.0f} ± {:.0f} % of the needles", found.mean(), found.std())
