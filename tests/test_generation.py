import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture21 import GPT, GPTConfig
from lecture21.generation import Sampling, generate, next_token_probabilities, stream

CONFIG = GPTConfig(vocab_size=7, block_size=6, n_layer=2, n_head=2, d_model=8)


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    model = GPT(CONFIG).eval()
    with torch.no_grad():
        # An untrained model barely depends on its context, so the greedy choice would never change.
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))
    return model


logits_rows = st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=12)


@given(row=logits_rows, temperature=st.floats(0.1, 10))
def test_temperature_divides_the_logits(row, temperature):
    logits = torch.tensor(row, dtype=torch.float64)
    got = next_token_probabilities(logits, temperature=temperature)
    weights = [math.exp(x / temperature - max(row) / temperature) for x in logits.tolist()]
    torch.testing.assert_close(got, torch.tensor(weights, dtype=torch.float64) / sum(weights))


@given(row=st.lists(st.integers(-50, 50), min_size=2, max_size=12, unique=True), data=st.data())
def test_top_k_keeps_the_k_most_likely_and_their_proportions(row, data):
    k = data.draw(st.integers(1, len(row)))
    logits = torch.tensor(row, dtype=torch.float64) / 10
    full, cut = logits.softmax(-1), next_token_probabilities(logits, top_k=k)
    kept = sorted(range(len(row)), key=row.__getitem__)[-k:]
    assert set(cut.nonzero().flatten().tolist()) == set(kept)
    torch.testing.assert_close(cut[kept], full[kept] / full[kept].sum())


@given(row=st.lists(st.integers(-50, 50), min_size=2, max_size=12, unique=True), top_p=st.floats(0.01, 0.999))
def test_top_p_keeps_the_fewest_that_reach_p(row, top_p):
    logits = torch.tensor(row, dtype=torch.float64) / 10
    full, cut = logits.softmax(-1), next_token_probabilities(logits, top_p=top_p)
    kept = cut > 0
    mass = full[kept].sum().item()
    assert mass >= top_p - 1e-12
    assert mass - full[kept].min().item() < top_p + 1e-12  # without the least probable of them the sum is below p
    assert not (~kept).any() or full[kept].min() >= full[~kept].max()
    torch.testing.assert_close(cut, torch.where(kept, full, 0.0) / mass)


def test_top_k_comes_before_top_p():
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1]).log()
    # Of 0.4 and 0.3 the first alone has 4/7 > 0.5; without top-k it would take both to pass 0.5.
    assert next_token_probabilities(logits, top_k=2, top_p=0.5).tolist() == pytest.approx([1, 0, 0, 0])
    assert next_token_probabilities(logits, top_p=0.5).count_nonzero() == 2


def test_an_empty_prompt_and_a_negative_length_are_refused(model):
    with pytest.raises(ValueError, match=r"ids must have at least one token to continue, got shape \(1, 0\)"):
        generate(model, torch.zeros(1, 0, dtype=torch.long), 3)
    with pytest.raises(ValueError, match="n_new must be a whole number >= 0, got -1"):
        generate(model, torch.tensor([[1]]), -1)


def test_greedy_takes_the_most_likely_token_at_each_step(model):
    ids = torch.tensor([[3, 1]])
    out = generate(model, ids, 9, greedy=True)
    assert len(set(out[0, 2:].tolist())) > 2
    for t in range(2, 11):
        assert out[0, t] == model(out[:, max(0, t - 6) : t])[0, -1].argmax()


def test_top_k_of_one_is_greedy(model):
    ids = torch.tensor([[3, 1], [2, 2]])
    assert torch.equal(generate(model, ids, 9, top_k=1), generate(model, ids, 9, greedy=True))


def test_a_seed_repeats_the_draw_and_leaves_the_global_state_alone(model):
    ids = torch.tensor([[3, 1]])
    state = torch.get_rng_state()
    first = generate(model, ids, 20, seed=5)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, generate(model, ids, 20, seed=5))
    assert not torch.equal(first, generate(model, ids, 20, seed=6))


def test_of_a_prompt_longer_than_the_block_the_last_tokens_are_used(model):
    long = torch.randint(7, (1, 15), generator=torch.Generator().manual_seed(0))
    out = generate(model, long, 5, greedy=True)
    assert torch.equal(out[:, :15], long)
    assert torch.equal(out[:, 15:], generate(model, long[:, -6:], 5, greedy=True)[:, 6:])


def test_draws_follow_the_model_s_probabilities(model):
    ids = torch.tensor([[3, 1]])
    n = 4000
    drawn = generate(model, ids.expand(n, 2), 1, seed=0)[:, -1]
    expected = model(ids)[0, -1].softmax(-1)
    counts = drawn.bincount(minlength=7)
    # Pearson's statistic with 6 degrees of freedom exceeds 22.46 once in a thousand.
    statistic = ((counts - n * expected).square() / (n * expected)).sum()
    assert statistic < 22.46


def test_generation_restores_the_mode_of_the_model(model):
    model.train()
    generate(model, torch.tensor([[1]]), 2, seed=0)
    assert model.training
    tokens = stream(model, torch.tensor([[1]]), 5, Sampling(seed=0))
    next(tokens)
    tokens.close()  # the consumer stops early
    assert model.training


def test_any_function_of_ids_can_generate():
    def count_up(ids: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot((ids + 1) % 5, 5).double() * 100

    assert generate(count_up, torch.tensor([[2]]), 4, greedy=True).tolist() == [[2, 3, 4, 0, 1]]


def test_a_cached_model_processes_each_token_once(model):
    seen = []
    model.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[1]))
    generate(model, torch.tensor([[1, 2, 3]]), 6, seed=0)
    assert seen == [3, 1, 1, 1, 6, 6]  # the block of 6 is full, and from there on every token moves
    seen.clear()
    generate(model, torch.tensor([[1, 2, 3]]), 3, seed=0, use_cache=False)
    assert seen == [3, 4, 5]


def test_the_smallest_temperature_is_greedy_and_nan_is_named():
    logits = torch.tensor([0.1, 0.3, 0.2])
    assert next_token_probabilities(logits, temperature=1e-40).tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match="not a number"):
        next_token_probabilities(torch.tensor([0.1, math.nan]))


@pytest.mark.parametrize("logits", [[0.0, math.inf], [-math.inf, -math.inf]])
def test_logits_with_an_infinite_maximum_are_refused(logits):
    with pytest.raises(ValueError, match=r"the largest logit is -?inf"):
        next_token_probabilities(torch.tensor(logits))


def test_a_token_that_reaches_top_p_by_itself_is_enough():
    assert next_token_probabilities(torch.tensor([0.5, 0.25, 0.25]).log(), top_p=0.5).tolist() == [1, 0, 0]


def chain(successor: list[int]) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a model that is certain that each token is followed by its successor."""
    return lambda ids: 50 * torch.nn.functional.one_hot(torch.tensor(successor)[ids], len(successor)).double()


@pytest.mark.parametrize("greedy", [True, False])
def test_a_finished_text_is_padded_with_the_end_token(greedy):
    model = chain([1, 2, 3, 0])  # 0 -> 1 -> 2 -> 3 -> 0, for ever
    ids = generate(model, torch.tensor([[0], [2]]), 6, greedy=greedy, eos=3)
    assert ids.tolist() == [[0, 1, 2, 3], [2, 3, 3, 3]]  # three tokens were enough for both
    assert generate(model, torch.tensor([[0]]), 5, greedy=greedy).tolist() == [[0, 1, 2, 3, 0, 1]]


def test_an_end_token_in_the_prompt_does_not_stop_generation():
    assert generate(chain([1, 2, 3, 0]), torch.tensor([[3]]), 2, greedy=True, eos=3).tolist() == [[3, 0, 1]]


def test_half_precision_generates_the_same_text_with_a_cache(model):
    model.bfloat16()
    ids = generate(model, torch.tensor([[1, 2, 3]]), 3, greedy=True)
    assert torch.equal(ids, generate(model, torch.tensor([[1, 2, 3]]), 3, greedy=True, use_cache=False))


def test_interleaved_streams_leave_the_mode_of_the_model(model):
    model.train()
    first, second = (stream(model, torch.tensor([[1]]), 5, Sampling(seed=seed)) for seed in (0, 1))
    next(first)
    assert model.training  # between two tokens the model is as it was
    next(second)
    first.close()
    assert model.training
    model.eval()
    next(second)
    second.close()  # later than the call of eval()
    assert not model.training


def test_a_stream_yields_the_tokens_of_generate(model):
    ids = torch.tensor([[3, 1], [2, 2]])
    tokens = list(stream(model, ids, 9, Sampling(seed=3)))
    assert torch.equal(torch.cat([ids, *tokens], dim=1), generate(model, ids, 9, seed=3))


@pytest.mark.parametrize("top_p", [1e-46, 1e-300])
def test_a_top_p_that_rounds_to_zero_keeps_the_most_likely_token(top_p):
    assert next_token_probabilities(torch.tensor([0.1, 0.7, 0.2]).log(), top_p=top_p).tolist() == [0, 1, 0]
