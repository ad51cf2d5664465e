"""The n-gram model against the formula, worked by hand and by a slow reference, over any small corpus."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture21.baselines import NGram
from lecture21.generation import generate


def slow_witten_bell(tokens, vocab_size, context, word):
    """p(w|h) by Chen & Goodman's recursion, with counts recomputed at every level."""
    shorter = slow_witten_bell(tokens, vocab_size, context[1:], word) if context else 1 / vocab_size
    followers = Counter(
        tokens[i + len(context)] for i in range(len(tokens) - len(context)) if tokens[i : i + len(context)] == context
    )
    if not followers:
        return shorter
    return (followers[word] + len(followers) * shorter) / (followers.total() + len(followers))


@st.composite
def cases(draw):
    """A corpus, an order that it is long enough for, and windows to predict in, over the same vocabulary."""
    vocab_size = draw(st.integers(1, 4))
    token = st.integers(0, vocab_size - 1)
    order = draw(st.integers(1, 5))
    tokens = draw(st.lists(token, min_size=order, max_size=30))
    batch, time = draw(st.integers(1, 3)), draw(st.integers(1, 7))
    ids = draw(st.lists(st.lists(token, min_size=time, max_size=time), min_size=batch, max_size=batch))
    return vocab_size, order, tokens, ids


@given(cases())
def test_every_probability_agrees_with_the_slow_reference(case):
    vocab_size, order, tokens, ids = case
    p = NGram(order, vocab_size).fit(torch.tensor(tokens))(torch.tensor(ids)).exp()
    assert p.shape == (len(ids), len(ids[0]), vocab_size)
    for row, window in enumerate(ids):
        for t in range(len(window)):
            context = window[max(0, t + 2 - order) : t + 1] if order > 1 else []
            expected = [slow_witten_bell(tokens, vocab_size, context, word) for word in range(vocab_size)]
            assert p[row, t].tolist() == pytest.approx(expected, rel=1e-5)


@given(cases(), st.randoms(use_true_random=False))
def test_the_loss_is_the_mean_negative_log_probability_of_the_targets(case, random):
    vocab_size, order, tokens, ids = case
    model = NGram(order, vocab_size).fit(torch.tensor(tokens))
    ids = torch.tensor(ids)
    targets = torch.tensor([[random.randrange(vocab_size) for _ in row] for row in ids])
    expected = torch.nn.functional.cross_entropy(model(ids).flatten(0, 1), targets.flatten())
    torch.testing.assert_close(model.loss(ids, targets), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_generation_reads_only_what_a_prediction_depends_on(order):
    tokens = torch.randint(5, (200,), generator=torch.Generator().manual_seed(0))
    model, read = NGram(order, 5).fit(tokens), []

    def unlimited(ids):
        read.append(ids.shape[1])
        return model(ids)

    expected = generate(unlimited, tokens[None, :7], 20, seed=0)
    model.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].shape[1]))
    read.clear()
    assert generate(model, tokens[None, :7], 20, seed=0).equal(expected)
    assert read == [max(order - 1, 1)] * 20


def test_a_case_worked_by_hand():
    # "abaa" over {a, b, c} = {0, 1, 2}, bigram. Unigram: c(a) = 3, c(b) = 1, c(.) = 4, N1+ = 2 and uniform 1/3:
    #   p(a) = (3 + 2/3) / 6 = 11/18, p(b) = (1 + 2/3) / 6 = 5/18, p(c) = (2/3) / 6 = 2/18.
    # a is followed by b and by a, once each: c(a.) = 2, N1+(a.) = 2, so p(w|a) = (c(aw) + 2 p(w)) / 4:
    #   p(a|a) = (1 + 22/18) / 4 = 40/72, p(b|a) = (1 + 10/18) / 4 = 28/72, p(c|a) = (4/18) / 4 = 4/72.
    # b is followed by a, once: p(w|b) = (c(bw) + p(w)) / 2: p(a|b) = 29/36, p(b|b) = 5/36, p(c|b) = 2/36.
    # c is followed by nothing: p(w|c) = p(w).
    p = NGram(2, 3).fit(torch.tensor([0, 1, 0, 0]))(torch.tensor([[0, 1, 2]])).exp()
    by_hand = torch.tensor([[[40 / 72, 28 / 72, 4 / 72], [29 / 36, 5 / 36, 2 / 36], [11 / 18, 5 / 18, 2 / 18]]])
    torch.testing.assert_close(p, by_hand)


def test_fitting_again_discards_the_previous_counts():
    first, second = torch.tensor([0, 0, 0, 1]), torch.tensor([1, 1, 0, 1])
    again = NGram(2, 2).fit(first).fit(second)
    assert torch.equal(again(second[None]), NGram(2, 2).fit(second)(second[None]))


def test_it_has_the_interface_of_any_other_model():
    model = NGram(3, 5).fit(torch.arange(5))
    assert isinstance(model, torch.nn.Module)
    assert (model.vocab_size, model.block_size) == (5, None)
    ids = torch.tensor([[0, 1]])
    assert model(ids).dtype == torch.float32
    assert model.loss(ids, ids).shape == ()
    assert model(torch.empty(1, 0, dtype=torch.int64)).shape == (1, 0, 5)
    assert model(ids.int()).equal(model(ids))


def test_codes_that_would_overflow_are_refused():
    with pytest.raises(ValueError, match=r"at most 2 \*\* 63, got 65 \*\* 11"):
        NGram(11, 65)
    # 128 ** 9 is 2 ** 63 exactly: the largest ids make the largest code there is.
    tokens = [127] * 9 + [126] + [127] * 12
    p = NGram(9, 128).fit(torch.tensor(tokens))(torch.tensor([[127] * 8]))[0, -1].exp()
    expected = [slow_witten_bell(tokens, 128, [127] * 8, word) for word in range(128)]
    assert p.tolist() == pytest.approx(expected, rel=1e-5)


def test_a_corpus_shorter_than_the_order_is_refused():
    with pytest.raises(ValueError, match="order 3 needs 3 tokens or more, got 2"):
        NGram(3, 5).fit(torch.tensor([0, 1]))


def test_a_model_without_counts_is_refused():
    with pytest.raises(ValueError, match=r"call fit\(tokens\) first"):
        NGram(2, 5)(torch.tensor([[0]]))
