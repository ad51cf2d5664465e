import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21.attention import basic_self_attention
from lecture21.course.chapters import results
from lecture21.course.chapters.c01_from_rnn_to_attention.agreement import scores
from lecture21.data.agreement import VOCABULARY, Agreement

N_NOUN = VOCABULARY.ids["is"]


def test_basic_self_attention_is_not_always_right(said):
    bag, basic, head = (scores(arm, [13]).mean().item() for arm in ("bag", "basic", "head"))
    said("with {:.2f} of the verbs against {:.2f} at 13", basic, bag)
    said("It reaches {:.2f}.", head)


def test_why_basic_self_attention_is_below_the_bag_of_words_at_22_words(said):
    means = results.load("fixed_weights").groupby(["arm", "steps"])["score"].mean()
    short, long = means.xs(500, level="steps"), means.xs(2000, level="steps")
    assert abs(short["basic"] - short["fixed"]) < 0.02 < short["bag"] - short["basic"]
    said("stay as they start score {:.2f}, and those that learn them {:.2f}.", short["fixed"], short["basic"])
    said("bring it to {:.2f} at 22 words, above the bag's {:.2f}.", long["basic"], long["bag"])


def test_no_model_with_basic_self_attention_finds_both_kinds(said):
    table = results.load("two_kinds").set_index("arm")
    for arm in ("basic", "head"):  # the dots are the models of the plot above
        assert table.loc[arm, "score"].tolist() == pytest.approx(scores(arm, [13])[:, 0].tolist(), abs=1e-5)
    both = table["person"] + table["thing"]
    assert table.loc["basic", ["person", "thing"]].min(axis=1).max() < 0.2
    said("none has both weights above {:.1f}.", 0.2)
    assert both["basic"].max() < 1
    said("Of the ten heads, {:words} are beyond the line.", int((both["head"] > 1).sum()))


@pytest.mark.parametrize("distance", [0.01, 0.3, 3.0])
def test_the_weights_that_two_words_give_each_other_sum_to_at_most_1(distance):
    p, others = torch.randn(1000, 1, 8, dtype=torch.float64), torch.randn(2, 1000, 5, 8, dtype=torch.float64)
    t = p + distance * torch.randn_like(p)
    _, to_t = basic_self_attention(torch.cat([t, others[0], p], dim=1))
    _, to_p = basic_self_attention(torch.cat([p, others[1], t], dim=1))
    both = to_t[:, -1, 0] + to_p[:, -1, 0]  # in two sentences
    assert both.max() < 1 + 1e-9
    assert both.max() > 0.9


def by_hand(words: Int[Tensor, "B T"]) -> Float[Tensor, "B V"]:
    """Return logits of the verb from three numbers for each word, averaged: its kind and, of one kind, its number."""
    number = torch.tensor([-1.0, 1.0]).repeat(N_NOUN // 2)
    kind = torch.tensor([1.0, -1.0]).repeat_interleave(N_NOUN // 2)  # people, things
    three, rule = torch.zeros(2, len(VOCABULARY), 3)
    three[:N_NOUN] = torch.stack([kind, number * (kind > 0), number * (kind < 0)], dim=1)
    verbs = {"is": (-20, -8, 0), "are": (-20, 8, 0), "was": (20, 0, -8), "were": (20, 0, 8)}
    for verb, row in verbs.items():
        rule[VOCABULARY.ids[verb]] = 10 * torch.tensor(row)
    return three[words].mean(dim=1) @ rule.T


@pytest.mark.parametrize("distance", [7, 13, 40])
def test_a_bag_of_words_could_be_right_in_every_sentence_with_two_rivals_or_more(distance):
    assert Agreement().score(by_hand, distance) == 1
