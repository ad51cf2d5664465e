"""Properties that hold for every GPT of any shape.

`make test` tries each property on a third of the variants, on another third than the next property's.
"""

import itertools
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from variants import CONFIGS, make, random_ids

from lecture21 import GPT
from lecture21.generation import generate
from lecture21.layers import attention_maps, attention_weights
from lecture21.objectives import IGNORE

pytestmark = [pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys()), pytest.mark.sampled]


def test_changing_the_future_changes_no_past_logit_exactly(config):
    model = make(config, dtype=torch.float32)
    # An expert multiplies as many rows as it was sent, and the last digits of a product depend on how many there are.
    # The next test shows with exact gradients that nothing else depends on the future.
    rounding = 0.0 if config.moe is None else 100 * torch.finfo(torch.float32).eps
    ids = random_ids(config)
    before = model(ids)
    for t in range(1, config.block_size):
        changed = ids.clone()
        changed[:, t:] = (changed[:, t:] + 1) % config.vocab_size
        after = model(changed)
        torch.testing.assert_close(before[:, :t], after[:, :t], rtol=rounding, atol=rounding)
        assert not torch.equal(before[:, t:], after[:, t:])


def test_every_past_token_within_reach_influences_every_later_logit(config):
    """Each layer reaches back one window; without a window the first layer reaches all."""
    model = make(config)
    reach = math.inf if config.window is None else config.n_layer * (config.window - 1)
    ids = random_ids(config, batch=1)
    embedded = model.token(ids).detach().requires_grad_()
    hook = model.token.register_forward_hook(lambda *_: embedded)
    logits = model(ids)
    hook.remove()
    for t in range(config.block_size):
        (gradient,) = torch.autograd.grad(logits[0, t].square().sum(), embedded, retain_graph=True)
        reached = gradient[0].abs().sum(-1) > 0
        assert reached.tolist() == [s <= t and t - s <= reach for s in range(config.block_size)]


def test_one_masked_pass_equals_separate_passes_over_each_prefix(config):
    model = make(config)
    ids = random_ids(config)
    whole = model(ids)
    for t in range(1, config.block_size + 1):
        torch.testing.assert_close(model(ids[:, :t])[:, -1], whole[:, t - 1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("pieces", [[1] * 12, [5, 1, 1, 5]])
def test_cached_decoding_equals_the_full_forward(config, pieces):
    model = make(config)
    ids = random_ids(config)
    cache = model.new_cache()
    cached = torch.cat([model(piece, cache) for piece in ids.split(pieces, dim=1)], dim=1)
    torch.testing.assert_close(cached, model(ids), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("n_new", [0, 20])
def test_generation_is_the_same_with_and_without_a_cache(config, n_new):
    model = make(config)
    prompt = random_ids(config, length=4)
    cached = generate(model, prompt, n_new, seed=3)
    plain = generate(model, prompt, n_new, seed=3, use_cache=False)
    assert cached.shape == (2, 4 + n_new)
    assert torch.equal(cached, plain)
    assert torch.equal(cached[:, :4], prompt)


def test_a_cache_keeps_at_most_its_window(config):
    model = make(config)
    cache = model.new_cache()
    for ids in random_ids(config).split([4, 1, 1, 6], dim=1):
        model(ids, cache)
    kept = config.block_size if config.window is None else min(config.window - 1, config.block_size)
    assert {(len(layer), layer.k.shape[-2], layer.v.shape[-2]) for layer in cache} == {(config.block_size, kept, kept)}


def test_prefix_positions_attend_to_each_other_and_to_no_token(config):
    """Every prefix vector, such as one of an image, influences each prediction; later tokens do not."""
    model = make(config)
    n_prefix, n_token = 5, 4
    prefix = torch.randn(1, n_prefix, config.d_model, dtype=torch.float64, requires_grad=True)
    ids = random_ids(config, batch=1, length=n_token)
    weights = torch.stack(list(attention_maps(model, ids, prefix=prefix).values()))  # (layer, B, H, P+T, P+T)
    distance = torch.arange(n_prefix + n_token)[:, None] - torch.arange(n_prefix + n_token)
    visible = (distance >= 0) & (distance < (config.window or math.inf))
    visible[:n_prefix, :n_prefix] = True
    assert torch.equal(weights > 0, visible.expand_as(weights))
    logits = model(ids, prefix=prefix)
    assert logits.shape == (1, n_token, config.vocab_size)
    changed = ids.clone()
    changed[:, -1] = (changed[:, -1] + 1) % config.vocab_size
    torch.testing.assert_close(model(changed, prefix=prefix)[:, :-1], logits[:, :-1], rtol=1e-12, atol=1e-12)
    (gradient,) = torch.autograd.grad(logits[0, 0].square().sum(), prefix)
    reaches_all = config.window is None or config.n_layer > 1 or config.window > n_prefix
    assert (gradient.abs().sum(-1) > 0).all() == reaches_all
    (gradient,) = torch.autograd.grad(model.train().loss(ids, ids, prefix=prefix), prefix)
    assert gradient[0, -1].any()


@pytest.mark.parametrize("pieces", [[1] * 6, [2, 4]])
def test_cached_decoding_after_a_prefix_equals_the_full_forward(config, pieces):
    model = make(config)
    prefix = torch.randn(2, 5, config.d_model, dtype=torch.float64)
    ids = random_ids(config, length=6)
    cache = model.new_cache()
    first, *rest = ids.split(pieces, dim=1)
    cached = torch.cat([model(first, cache, prefix=prefix), *(model(piece, cache) for piece in rest)], dim=1)
    torch.testing.assert_close(cached, model(ids, prefix=prefix), rtol=1e-10, atol=1e-12)


def test_attention_rows_sum_to_one_and_the_future_has_weight_zero(config):
    model = make(config)
    weights = attention_weights(model, random_ids(config))
    assert weights.shape == (config.n_layer, 2, config.n_head, config.block_size, config.block_size)
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    distance = torch.arange(config.block_size)[:, None] - torch.arange(config.block_size)
    visible = (distance >= 0) & (distance < (config.window or math.inf))
    assert (weights[..., ~visible] == 0).all()
    assert (weights[..., visible] > 0).all()


def test_each_sequence_of_a_batch_is_independent(config):
    model = make(config)
    ids = random_ids(config, batch=3)
    for row in range(3):
        torch.testing.assert_close(model(ids[row : row + 1]), model(ids)[row : row + 1], rtol=1e-10, atol=1e-12)


def test_the_probabilities_of_all_strings_sum_to_one(config):
    model = make(config)
    first = random_ids(config, batch=1, length=1)
    # A vocabulary of 11 and three more tokens: 1,331 strings, each scored by the chain rule.
    strings = torch.tensor(list(itertools.product(range(config.vocab_size), repeat=3)))
    ids = torch.cat([first.expand(len(strings), 1), strings], dim=1)
    log_probabilities = model(ids[:, :-1]).log_softmax(-1).gather(-1, ids[:, 1:, None]).sum((1, 2))
    assert math.isclose(log_probabilities.exp().sum().item(), 1.0, abs_tol=1e-12)


def test_every_parameter_gets_a_gradient(config):
    model = make(config)
    model.loss(random_ids(config), random_ids(config, seed=2)).backward()
    for name, parameter in model.named_parameters():
        if config.moe is not None and config.moe.n_expert == 1 and name.endswith("router.weight"):
            continue  # a softmax over one key is constant
        assert parameter.grad is not None, name
        # A key bias adds the same to all scores of a query, which does not change the softmax.
        if not name.endswith("key.bias"):
            assert parameter.grad.abs().sum() > 0, name


def test_a_saved_model_gives_the_same_logits(config, tmp_path):
    model = make(config, dtype=torch.float32)
    model.save_pretrained(tmp_path)
    loaded = GPT.from_pretrained(tmp_path)
    assert not loaded.training
    assert loaded.config == config
    ids = random_ids(config)
    assert torch.equal(loaded(ids), model(ids))


def test_dropout_is_active_in_training_only(config):
    model = make(config)
    ids = random_ids(config)
    assert torch.equal(model(ids), model(ids))
    model.train()
    assert torch.equal(model(ids), model(ids)) == (config.dropout == 0)


def test_positions_make_the_order_matter(config):
    """Without positions one layer cannot tell the order of the prefix; with positions it can."""
    model = make(replace(config, n_layer=1, window=None))  # a window would leave some of them out
    ids = torch.arange(6)[None]
    shuffled = ids[:, [3, 0, 4, 1, 2, 5]]
    last, last_shuffled = model(ids)[0, -1], model(shuffled)[0, -1]
    same = torch.allclose(last, last_shuffled, atol=1e-12)
    assert same == (config.position == "none")


def test_an_untrained_model_starts_near_the_uniform_loss(config):
    torch.manual_seed(0)
    model = GPT(config).eval()
    ids, targets = random_ids(config, batch=64), random_ids(config, batch=64, seed=2)
    assert abs(model.loss(ids, targets).item() - math.log(config.vocab_size)) < 0.35


def test_the_loss_is_the_mean_cross_entropy_of_the_targets_that_count(config):
    model = make(config)
    ids, targets = random_ids(config), random_ids(config, seed=2)
    reference = F.cross_entropy(model(ids).transpose(1, 2), targets)
    torch.testing.assert_close(model.loss(ids, targets), reference)  # in float64: the loss keeps the precision
    targets[0, ::2] = IGNORE
    reference = F.cross_entropy(model(ids)[targets != IGNORE], targets[targets != IGNORE])
    torch.testing.assert_close(model.loss(ids, targets), reference)
