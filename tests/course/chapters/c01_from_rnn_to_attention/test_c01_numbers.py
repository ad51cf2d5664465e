import pandas as pd

from lecture21.course.chapters import results

SEEDS = [f"s{seed}" for seed in range(10)]


def agreement(arm: str, trained: str, **others: float) -> pd.Series:
    """Return the scores of ten seeds, at the learning rate that other seeds chose."""
    table = results.load("agreement").query("arm == @arm and trained == @trained and chosen").fillna({"gain": 0})
    wanted = {"gain": 0, "steps": 500, "width": 32, "distance": int(trained.split("-")[-1]), **others}
    (row,) = table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)].index
    return table.loc[row, SEEDS].astype(float)


def learned(*setting: str, **others: float) -> int:
    return (agreement(*setting, **others) > 0.9).sum()


def gradient(gain: float | None, distance: int) -> float:
    """Return the geometric mean over seeds."""
    rows = results.load("agreement_untrained").query("arm == 'rnn' and distance == @distance")
    found = rows[rows.gain.isna() if gain is None else rows.gain == gain].gradient
    return found.prod() ** (1 / len(found))


def test_where_rnns_stop_learning(said):
    assert (agreement("rnn", "4") == 1).all()
    assert max(learned("rnn", distance) for distance in ("7", "10", "13", "22", "40", "100")) == 0
    said("At 4 words all ten are right in every sentence, and one phrase later all ten guess.")
    said("At 22 words, the bias alone does not help.")
    said("at 4 words and at {:.1f}, on the line of the guess", agreement("rnn", "7").mean())
    assert learned("rnn, small inputs", "22", gain=1.0) == learned("rnn, verbs given", "22", gain=1.0) == 0
    assert learned("rnn, small inputs, verbs given", "22", gain=1.0) == learned("linear rnn", "22", gain=1.0) == 10
    said("All ten still guess, because of the easy part.")
    said("So we give this RNN the verbs too. Now the gradient stays, and all ten learn.")
    said("Near 0.95, {:words} of ten learn.", learned("lstm, forget bias 3", "22"))
    assert learned("lstm", "22") == learned("rnn", "22", steps=1500) == 0
    mixed = results.load("agreement").query("trained == '1-10' and steps == 1500 and chosen")
    assert (mixed[SEEDS] == 1).all(axis=None)
    said("All ten are right in every sentence, ten times farther than they were trained.")


def test_what_helps_at_7_and_10_words(said):
    runs = results.load("agreement").query("gain.isna() and steps == 500").copy()
    runs["learned"] = (runs[SEEDS] > 0.9).sum(axis=1)
    most = runs.groupby(["arm", "trained"])["learned"].max()
    helped = [most[arm, at] for arm in ("rnn, verbs given", "rnn, lengths kept") for at in ("7", "10")]
    said("{:words} or {:words} learn at 7 and 10 words", min(helped), max(helped))
    assert max(most["rnn", "7"], most["rnn", "10"]) == 1
    chosen = [learned(arm, "10") for arm in ("rnn, verbs given", "rnn, lengths kept")]
    said("(At the rate that other seeds choose, {:words} and {:words} at 10.)", *chosen)
    assert learned("rnn, verbs given", "7", gain=1.0) == learned("rnn, verbs given", "10", gain=1.0) == 10
    said("Given the verbs, all ten learn.")


def test_what_larger_starts_reach(said):
    said("With $g=1.4$ the gradient at the subject is {:.2f} at 22 words, twice", gradient(1.4, 22))
    assert 1.9 < gradient(1.4, 22) / gradient(None, 4) < 2.5
    at_7 = [agreement("rnn", "7", gain=gain).mean() for gain in (1.2, 1.4)]
    said("At 7 words the default and 1.0 are at 0.5, 1.2 and 1.4 near {:.2f}.", sum(at_7) / 2)
    said("At 10 words 1.4 is at {:.2f}, and from 13 words on all", agreement("rnn", "10", gain=1.4).mean())
    assert max(learned("rnn", "22", gain=gain) for gain in (1.0, 1.2, 1.4)) == 0
    said("At 22 none does, although the gradient is large.")


def test_what_the_head_learns(said):
    at = {distance: 100 * agreement("head", distance).mean() for distance in ("13", "22", "40", "100")}
    said("trained and tested at 22 words it gets {:.0f} % right, at 40 words {:.0f} %.", at["22"], at["40"])
    said("At 100 words it gets {:.0f} %;", at["100"])
    said("near {:.2f} at 22, {:.2f} at 40 and lower at 100", at["22"] / 100, at["40"] / 100)
    head = results.load("agreement_untrained").query("arm == 'head'").groupby("distance")["gradient"].mean()
    said("the head's from {:.2f} to {:.3f}.", head[4], head[100])


def test_the_lab_on_rnns_and_gpts(said):
    on = "rnn_against_gpt"
    table = results.load("available_context")
    nats = table.query("part == 'run'").groupby("model")["nats"].mean()
    counts = nats["ngram-seen"]
    said("it is {:.2f} nats better than the 5-gram counted on the same", counts - nats["rnn"], on=on)
    said("on par with the 5-gram, and GPT-0 is {:.2f} nats worse", nats["gpt"] - counts, on=on)
    assert abs(nats["lstm"] - counts) < 0.01
    said("GPT-0's shape reaches {:.2f} nats, over half of the way to the RNN", nats["gpt-rotary"], on=on)
    assert nats["gpt"] - nats["gpt-rotary"] > (nats["gpt"] - nats["rnn"]) / 2
    said("the 5-gram improves from {:.3f} to {:.3f} nats, which", counts, nats["ngram-all"], on=on)
    search = table.query("part == 'search'").set_index(["model", "learning_rate"])["nats"]
    equal = search["lstm", 0.004] - search["rnn", 0.004]
    tuned = search["lstm"].min() - search["rnn"].min()
    said("be {:.2f} nats worse than the RNN, but with tuned learning rates", equal, on=on)
    said("the difference is only {:.2f}.", tuned, on=on)
    context = table.query("part == 'context'").groupby(["model", "context"])["nats"].mean()
    said("the RNN is at {:.2f}, GPT-0 with the modern recipe", context["rnn", 64], on=on)
    modern = context["gpt-modern"].loc[8:]
    said("between {:.2f} and {:.2f}, the LSTM at {:.2f}", modern.min(), modern.max(), context["lstm", 64], on=on)
    known = context["ngram-seen"]
    said("The n-gram falls to {:.2f} at 4 characters and rises to {:.2f} at 8.", known[4], known[8], on=on)
    assert max(context[name, 8] - context[name, 64] for name in ("rnn", "lstm", "gpt")) < 0.02
