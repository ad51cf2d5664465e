import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21.course.chapters import results
from lecture21.course.chapters.c01_from_rnn_to_attention.agreement import scores
from lecture21.data.agreement import VOCABULARY, Agreement, majority_score

SEEDS = [f"s{seed}" for seed in range(10)]
DISTANCES = [1, 4, 7, 10, 13, 22, 40, 100]


def learned(arm: str, distance: int, **setting: object) -> int:
    """Return how many networks of ten are right in more than 95 % of the sentences."""
    return int((scores(arm, [distance], **setting) > 0.95).sum())


def test_where_rnns_stop_learning(said):
    said("At 4 words, {:words} of ten RNNs have learned the task; from 7 on, all ten guess.", learned("rnn", 4))
    runs = results.load("agreement").query("arm == 'rnn' and gain.isna() and steps == 500 and trained != '1-40'")
    far = runs[runs["distance"] >= 7]
    assert sorted(set(far["distance"])) == DISTANCES[2:]
    assert (far[SEEDS] < 0.7).all(axis=None)  # at any learning rate
    assert (scores("rnn", [1]) == 1).all()


def test_a_bag_of_words_is_the_majority():
    bag = scores("bag", DISTANCES).mean(dim=0).tolist()
    assert bag == pytest.approx([majority_score(distance) for distance in DISTANCES], abs=0.05)


def vote(words: Int[Tensor, "B T"]) -> Float[Tensor, "B V"]:
    """Return logits of the verb from the majority of the nouns, whose plurals have odd numbers."""
    votes = torch.where(words < VOCABULARY.ids["is"], 2 * (words % 2) - 1, 0).sum(dim=1)
    return torch.eye(len(VOCABULARY))[VOCABULARY.ids["are"]] * votes[:, None]


def test_the_majority_is_right_more_often_on_the_sentences_of_the_test_than_expected(said):
    score = Agreement().score(vote, 13)
    assert scores("bag", [13]).mean().item() == pytest.approx(score, abs=0.002)
    said("it is right in {:.2f} instead of {:.2f}.", score, majority_score(13))


def test_what_an_rnn_learns_from_short_sentences_and_an_lstm_from_long_ones(said):
    far = scores("rnn", [100], trained="1-10", steps=3 * 500)
    assert far.min() > 0.995
    said("trained three times as long, and all {:words} are right at 100. Mixed", (far > 0.95).sum().item())
    assert learned("lstm", 22) == learned("rnn", 22) == learned("rnn", 100, trained="1-100", steps=1500) == 0
    said("and at 22 words none of ten learns.")


def test_how_far_attention_learns(said):
    right = scores("head", DISTANCES)
    assert [learned("head", distance) for distance in DISTANCES[:6]] == [10, 10, 10, 10, 9, 10]
    assert 0.9 < right[:, 4].min() < 0.95
    said("learns the task up to 22 words, but at 40 in only {:words} runs of ten", learned("head", 40))
    said("starts with a hundredth of the weight, in {:words}.", learned("head", 100))
    said("at 13 words, {:words} of the ten models with attention stops", 10 - learned("head", 13))
    said("trained on 1 to 40 words, all {:words} are right at 100, while", learned("head", 100, trained="1-40"))
    assert (scores("rnn", DISTANCES[1:], trained="1-40") < 0.7).all()
    tuned = results.load("agreement").query("gain.isna() and steps == 500 and trained == '22'")
    rates = tuned.groupby("arm")["learning_rate"].nunique()
    said("The learning rate of each distance is the one of {:words} that is best", rates["rnn"])
    assert rates["bag"] > rates["head"] > rates["rnn"]  # the bag and attention have more to choose from


def test_what_trains_an_rnn(said):
    on = "training_an_rnn"
    mixed = {"1-10": 10, "1-100, half short": 7, "1-100": 0}
    for mix, n in mixed.items():
        assert {learned("rnn", distance, trained=mix, steps=1500) for distance in (13, 100)} == {n}
    assert learned("rnn", 4, trained="1-100", steps=1500) == learned("rnn", 4, trained="1-10", steps=176) == 0
    assert (scores("rnn", DISTANCES, trained="1-10", steps=1500) > 0.99).all()
    said("about {:.0f} of 1,500 have at most 10 words, and 176", 1500 * 4 / 34, on=on)
    said("Make half of the batches short, and {:words} of ten learn", mixed["1-100, half short"], on=on)
    assert learned("rnn", 22, steps=1500) == 0
    assert [learned("rnn", distance, gain=1.4) for distance in (7, 10)] == [5, 0]
    assert learned("rnn", 7, gain=1.0) == 0
    said("It helps at 7 words, where half of the networks learn, and no farther.", on=on)
    assert min(learned(f"rnn, {remedy}", 7) for remedy in ("verbs given", "lengths kept")) > 6
    assert {learned(f"rnn, {remedy}", 10) for remedy in ("verbs given", "lengths kept")} == {5}
    said("Either remedy teaches most networks at 7 words and half of them at 10.", on=on)
    arms = ("rnn, verbs given", "rnn, small inputs", "rnn, small inputs, verbs given", "linear rnn")
    assert [learned(arm, 22, gain=1.0) for arm in arms] == [0, 0, 8, 10]
    said("Without the small inputs or without the verbs, none learns; with both, {:words} of ten do.", 8, on=on)
    assert learned("lstm", 22) == 0
    said("even near 0.95, only {:words} of ten learn", learned("lstm, forget bias 3", 22), on=on)


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
