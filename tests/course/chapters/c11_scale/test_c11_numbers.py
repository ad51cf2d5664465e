from lecture21.course.chapters import results

PAGE = "negative_results"


def test_isoflop_curves(said):
    table = results.load("isoflop_optima").set_index("budget")
    last = table.loc[10**11]
    said("predicts for them: a best size of {:,.0f} weights, with 95 % between {:,.0f} and {:,.0f}, and a loss of "
         "{:.3f} nats there, between {:.3f} and {:.3f}.", last.predicted_weights, last.predicted_weights_low,
         last.predicted_weights_high, last.predicted_nats, last.predicted_nats_low,
         last.predicted_nats_high)  # fmt: skip
    said("Both came true. The best size is {:,.0f} weights, the loss there {:.3f} nats.", last.weights, last.nats)
    assert last.predicted_weights_low < last.weights < last.predicted_weights_high
    assert last.predicted_nats_low < last.nats < last.predicted_nats_high
    said("a model {:.1f} times as large: most", table.weights[10**10] / table.weights[10**9])
    exponent = last.weights_exponent, last.weights_exponent_low, last.weights_exponent_high
    said("Our exponent is {:.2f}, with 95 % between {:.2f} and {:.2f}.", *exponent)
    said("an interval that excludes 0: {:.2f}, between {:.2f} and {:.2f}.", *exponent, on=PAGE)
    said("Its prediction, {:,.0f} weights, has an interval from {:,.0f} to {:,.0f}, and the measured {:,.0f} one from "
         "{:,.0f} to {:,.0f}.", last.predicted_weights, last.predicted_weights_low, last.predicted_weights_high,
         last.weights, last.weights_low, last.weights_high, on=PAGE)  # fmt: skip


def test_equal_compute_with_gpt0(said):
    sizes = results.load("gpt0_size").query("part == 'run'").groupby(["compute", "d_model"]).bits.mean()
    ladder = results.load("gpt_ladder").query("part == 'run'").groupby("rung").bits_at_32.mean()
    half = ladder["GPT-0, half the characters"] - sizes[0.5, 44]
    said("At half of the compute, width 44 beats GPT-0 by {:.2f} bits.", half)
    assert abs(ladder["GPT-0"] - sizes[1.0, 44]) < 0.01
    said("With all of it, the text runs out, and the two tie.")


def test_in_context_learning(said):
    runs = results.load("in_context_training").query("part == 'run'")
    seen = runs.query("task == 'mapping' and scored == 'seen'").set_index(["arm", "step"]).accuracy
    found = seen["2 layers, Muon"].groupby("step").min().loc[150:].min()
    said("(at least {:.3f} for every seed, from update 150 on).", found, on=PAGE)
    said("two layers reach {:.2f} for such keys", seen["2 layers, AdamW", 400].mean(), on=PAGE)
    said("It stays at {:.2f}, at the best of three rates", seen["1 layer, Muon", 400].mean(), on=PAGE)
    slow = seen["2 layers, AdamW, 2,000 updates"]
    assert slow.loc[2000].min() > 0.97
    rules = results.load("in_context").query("task == 'linear' and arm == '2 layers, Muon' and examples == 2")
    right = rules.groupby("rules").accuracy
    held = right.mean()["held out"], right.std()["held out"]
    said("right after two examples ({:.3f}), but for the four rules that were held out it is right in {:.2f} ± {:.2f}",
         right.mean()["trained"], *held, on=PAGE)  # fmt: skip
    said("right in {:.0f} % of the cases under these rules but in only {:.0f} % under", 100 * right.mean()["trained"],
         100 * held[0])  # fmt: skip


def test_a_single_head_may_do_the_first_step(said):
    heads = results.load("in_context_heads").query("arm == '2 layers, Muon' and step == 400 and layer == 1")
    needed = heads[heads.without < 0.5]
    assert heads.seed.nunique() == 3
    assert len(needed) == 1
    right = results.load("in_context_training").query(
        "part == 'run' and arm == '2 layers, Muon' and scored == 'seen' and step == 400"
    )
    said("the accuracy for keys that occurred before drops from {:.2f} to {:.2f}.",
         right.set_index("seed").accuracy[needed.seed.item()], needed.without.item())  # fmt: skip
