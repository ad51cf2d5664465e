"""The sparse layer against a dense one, routing against a search by hand, balance against its definition."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lecture21 import GPT, GPTConfig, accounting, generate, presets
from lecture21.layers.feed_forward import ACTIVATIONS
from lecture21.moe import (
    MoEConfig,
    SparseMoE,
    balance_loss,
    describe,
    rebalanced,
    route,
    routings,
    statistics_of,
    within_capacity,
)
from lecture21.moe.balance import _z_loss
from lecture21.moe.routing import _capacity
from lecture21.training import TrainConfig, evaluate, train

C, H = 6, 5


def layer(
    n_expert: int = 5,
    top_k: int = 2,
    seed: int = 0,
    *,
    activation: str = "relu",
    bias: bool = True,
    **changes: object,
) -> SparseMoE:
    """A sparse layer in float64 whose router is far from equal."""
    torch.manual_seed(seed)
    moe = SparseMoE(
        C, H, MoEConfig(n_expert, top_k, **{"balance": "none", **changes}), activation=activation, bias=bias
    )
    moe = moe.double().eval()
    with torch.no_grad():
        moe.router.weight.mul_(3)
    return moe


def tokens(batch: int = 3, length: int = 4, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, length, C, generator=generator, dtype=torch.float64)


def gradients(moe: SparseMoE, out: torch.Tensor, x: torch.Tensor) -> dict[str, torch.Tensor]:
    cotangent = torch.randn(out.shape, generator=torch.Generator().manual_seed(2), dtype=out.dtype)
    names, wanted = zip(("x", x), *moe.named_parameters(), strict=True)
    actual = torch.autograd.grad((out * cotangent).sum(), wanted, allow_unused=True)
    return {n: torch.zeros_like(w) if g is None else g for n, w, g in zip(names, wanted, actual, strict=True)}


# The dispatch


@settings(max_examples=80)
@given(st.data())
def test_the_sparse_dispatch_equals_the_dense_reference_in_values_and_gradients(data):
    n_expert = data.draw(st.integers(1, 7))
    top_k = data.draw(st.integers(1, n_expert))
    after = data.draw(st.booleans()) and (top_k > 1 or n_expert == 1)
    moe = layer(
        n_expert,
        top_k,
        n_shared=data.draw(st.integers(0, 2)),
        softmax="after" if after else "before",
        gates="softmax" if after else data.draw(st.sampled_from(["softmax", "sigmoid"])),
        eval_capacity_factor=data.draw(st.sampled_from([None, 0.3, 1.0, 1.25, 9.0])),
        activation=data.draw(st.sampled_from(sorted(ACTIVATIONS))),
        bias=data.draw(st.booleans()),
        balance=data.draw(st.sampled_from(["none", "bias"])),
        seed=data.draw(st.integers(0, 99)),
    )
    x = tokens(data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5))).requires_grad_()
    sparse, (dense, routing) = moe(x), moe.explicit(x)
    torch.testing.assert_close(sparse, dense, rtol=1e-12, atol=1e-12)
    of_sparse, of_dense = gradients(moe, sparse, x), gradients(moe, dense, x)
    for name in of_dense:
        torch.testing.assert_close(of_sparse[name], of_dense[name], rtol=1e-10, atol=1e-11, msg=name)
    assert moe.shared is None or moe.shared.activation is moe.experts.activation
    # The weights are also checked for each token, as an error in code that both paths share would go unnoticed.
    experts = moe.experts.layers()
    for b, t in ((0, 0), (x.shape[0] - 1, x.shape[1] - 1)):
        chosen = zip(routing.experts[b, t], routing.weights[b, t], routing.kept[b, t], strict=True)
        by_hand = sum((w * experts[i](x[b, t]) for i, w, kept in chosen if kept), torch.zeros(C, dtype=x.dtype))
        by_hand = by_hand if moe.shared is None else by_hand + moe.shared(x[b, t][None, None])[0, 0]
        torch.testing.assert_close(sparse[b, t], by_hand, rtol=1e-12, atol=1e-12)


def test_the_layer_supports_any_width_and_keeps_the_dtype():
    assert layer().float()(tokens().float()).dtype == torch.float32
    half = layer().to(torch.bfloat16)
    out = half(tokens().to(torch.bfloat16))
    assert out.dtype == torch.bfloat16
    assert half.router(tokens().to(torch.bfloat16)).logits.dtype == torch.float32


def test_under_autocast_the_router_still_computes_in_float32():
    moe = layer().float()
    with torch.autocast("cpu", dtype=torch.bfloat16), routings(moe) as actual:
        out = moe(tokens().float())
    assert out.dtype == torch.bfloat16
    assert torch.equal(actual[0][1].logits, moe.router(tokens().float()).logits)


# Routing


@pytest.mark.parametrize("softmax", ["before", "after"])
@pytest.mark.parametrize("renormalize", [True, False])
def test_routing_by_hand(softmax, renormalize):
    logits = torch.tensor([[0.0, math.log(2), math.log(5)]])  # probabilities 1/8, 2/8, 5/8
    experts, weights = route(logits, 2, softmax=softmax, renormalize=renormalize)
    assert experts.tolist() == [[2, 1]]
    sums_to_one = renormalize or softmax == "after"
    expected = torch.tensor([[5 / 7, 2 / 7]]) if sums_to_one else torch.tensor([[5 / 8, 2 / 8]])
    torch.testing.assert_close(weights, expected)


def test_a_bias_affects_the_selection_but_not_the_weights():
    logits = torch.tensor([[0.0, math.log(2), math.log(5)]])
    bias = torch.tensor([0.6, 0.0, 0.0])  # 0.725, 0.25, 0.625
    experts, weights = route(logits, 2, renormalize=False, bias=bias)
    assert experts.tolist() == [[0, 2]]
    torch.testing.assert_close(weights, torch.tensor([[1 / 8, 5 / 8]]))


def test_sigmoid_gates_by_hand():
    scores = torch.tensor([[0.5, 0.75, 0.9]])
    logits = scores.logit().requires_grad_()
    experts, weights = route(logits, 2, gates="sigmoid")
    assert experts.tolist() == [[2, 1]]
    torch.testing.assert_close(weights, torch.tensor([[0.9 / 1.65, 0.75 / 1.65]]))
    bias = torch.tensor([0.3, 0.0, 0.0])  # 0.8, 0.75, 0.9: added to the sigmoids, not to their shares
    experts, weights = route(logits, 2, gates="sigmoid", renormalize=False, bias=bias)
    assert experts.tolist() == [[2, 0]]
    torch.testing.assert_close(weights, torch.tensor([[0.9, 0.5]]))
    # No coupling: the weight of one expert has no gradient with respect to the scores of the others.
    (gradient,) = torch.autograd.grad(weights[0, 0], logits)
    torch.testing.assert_close(gradient, torch.tensor([[0.0, 0.0, 0.9 * 0.1]]))


@pytest.mark.parametrize("gates", ["softmax", "sigmoid"])
def test_the_balance_loss_and_the_statistics_use_the_parts_of_the_gates(gates):
    moe = layer(n_expert=4, top_k=2, gates=gates, balance="aux")  # at its weight by default
    routing = moe.router(tokens())
    scores = {"softmax": routing.logits.exp(), "sigmoid": 1 / (1 + (-routing.logits).exp())}[gates]
    parts = scores / scores.sum(-1, keepdim=True)
    load = routing.experts.flatten().bincount(minlength=4) / routing.experts.numel()
    torch.testing.assert_close(moe.router.loss(routing), 0.01 * 4 * (load * parts.mean((0, 1))).sum())
    torch.testing.assert_close(describe(routing, gates=gates).probability, parts.mean((0, 1)))
    model = GPT(GPTConfig(vocab_size=11, block_size=12, n_layer=1, d_model=8, n_head=2, moe={"gates": gates}))
    ids = torch.arange(11)[None]
    with torch.no_grad(), routings(model) as actual:
        model(ids)
    (statistics,) = statistics_of(model, ids)
    torch.testing.assert_close(statistics.probability, describe(actual[0][1], gates=gates).probability)


@pytest.mark.parametrize("n_expert", [2, 8])
def test_at_top_1_the_router_gets_a_gradient_from_the_task(n_expert):
    moe = layer(n_expert, 1)
    assert gradients(moe, moe(tokens()), tokens().requires_grad_())["router.weight"].abs().max() > 1e-3


def test_a_renormalized_top_1_gives_the_router_no_gradient():
    logits = tokens(1, 4).requires_grad_()
    _, weights = route(logits, 1, renormalize=True)
    (gradient,) = torch.autograd.grad((weights * torch.arange(4.0)[:, None]).sum(), logits)
    assert gradient.abs().max() < 1e-15


@given(
    st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.floats(0.05, 3), st.integers(0, 2**31 - 1), st.data()
)
def test_capacity_slots_are_given_to_the_earliest_positions_first(batch, length, n_expert, factor, seed, data):
    top_k = data.draw(st.integers(1, n_expert))
    scores = torch.rand(batch, length, n_expert, generator=torch.Generator().manual_seed(seed))
    experts = scores.topk(top_k).indices
    places = _capacity(batch * length, n_expert, top_k, factor)
    taken = [0] * n_expert
    expected = torch.zeros_like(experts, dtype=torch.bool)
    for t in range(length):
        for b in range(batch):
            for slot, expert in enumerate(experts[b, t].tolist()):
                expected[b, t, slot] = taken[expert] < places
                taken[expert] += 1
    assert torch.equal(within_capacity(experts, n_expert, places), expected)


def test_capacity_is_the_equal_share_times_the_factor_rounded_up():
    assert _capacity(8, 4, 1, 1.0) == 2
    assert _capacity(8, 4, 2, 1.25) == 5
    assert _capacity(7, 4, 1, 1.0) == 2
    assert _capacity(1, 64, 1, 1.0) == 1


def test_a_later_token_does_not_displace_an_earlier_one():
    config = GPTConfig(vocab_size=11, block_size=12, d_model=8, n_head=2, moe={"eval_capacity_factor": 0.5})
    torch.manual_seed(0)
    model = GPT(config).double().eval()
    ids = torch.randint(11, (3, 12), generator=torch.Generator().manual_seed(0))
    before = model(ids)
    assert statistics_of(model, ids)[0].dropped > 0.3
    for t in range(1, 12):
        changed = ids.clone()
        changed[:, t:] = (changed[:, t:] + 1) % 11
        torch.testing.assert_close(model(changed)[:, :t], before[:, :t], rtol=1e-12, atol=1e-12)


def test_with_a_capacity_a_text_is_the_same_with_and_without_a_cache():
    """A capacity grows with the number of tokens that are processed at once, so that there is no cache to use."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=11, block_size=32, d_model=8, n_head=2, moe={"eval_capacity_factor": 0.5}))
    prompt = torch.arange(10).view(2, 5)
    texts = [generate(model, prompt, 20, seed=1, use_cache=use_cache) for use_cache in (True, False)]
    assert torch.equal(*texts)
    assert model.new_cache() is None
    cache = GPT(GPTConfig(vocab_size=11)).new_cache()
    with pytest.raises(ValueError, match=r"a model with moe\.eval_capacity_factor has no cache"):
        model(prompt, cache)


# Balance


def test_the_auxiliary_loss_is_one_at_balance_and_e_at_collapse():
    for k in (1, 2, 4):
        experts = torch.stack([(torch.arange(8) + i) % 4 for i in range(k)], -1)
        assert balance_loss(torch.full((8, 4), 0.25), experts).item() == pytest.approx(1, abs=1e-6)
    alone = torch.zeros(8, 1, dtype=torch.long)
    assert balance_loss(F.one_hot(alone[:, 0], 4).float(), alone).item() == 4
    # By hand: shares 3/4 and 1/4, mean probabilities 0.6 and 0.4.
    experts, probabilities = torch.tensor([[0], [0], [0], [1]]), torch.tensor([[0.6, 0.4]]).expand(4, 2)
    assert balance_loss(probabilities, experts).item() == pytest.approx(2 * (0.75 * 0.6 + 0.25 * 0.4))


def test_the_auxiliary_loss_is_computed_for_each_layer_separately():
    """Two layers that each send all tokens to one expert, but not to the same one: together they look balanced."""
    model = GPT(GPTConfig(n_layer=2, moe={"n_expert": 2, "top_k": 1, "aux_weight": 1.0}))
    aimed = torch.randn(64)
    with torch.no_grad():
        for i, block in enumerate(model.blocks):
            block.norm_feed_forward.weight.zero_()
            block.norm_feed_forward.bias.copy_(aimed)
            block.feed_forward.router.weight.zero_()[i] = 100 * aimed
    ids = torch.randint(65, (4, 32))
    model.train()
    with routings(model) as actual:
        model(ids)
    both = [routing for _, routing in actual]
    pooled = balance_loss(torch.cat([r.logits.softmax(-1) for r in both]), torch.cat([r.experts for r in both]))
    assert pooled.item() == pytest.approx(1)
    added = model.loss(ids, ids).item() - model.eval().loss(ids, ids).item()
    assert added == pytest.approx(4, abs=1e-4)  # 2 from each layer, the most that two experts can have


def test_router_losses_count_in_training_only_and_are_those_of_the_formula():
    config = presets.get("moe").changed(moe={"z_loss": 0.03, "aux_weight": 0.2})
    torch.manual_seed(0)
    model, ids = GPT(config), torch.randint(65, (3, 20))
    with routings(model) as actual:
        plain = model.eval().loss(ids, ids)
    added = sum(0.2 * balance_loss(r.logits.softmax(-1), r.experts) + 0.03 * _z_loss(r.logits) for _, r in actual)
    assert len(actual) == 4
    assert added.item() > 0.7
    torch.testing.assert_close(model.train().loss(ids, ids), plain + added)


def test_z_loss_by_hand():
    assert _z_loss(torch.zeros(5, 4)).item() == pytest.approx(math.log(4) ** 2)
    assert _z_loss(torch.tensor([[0.0, 0.0], [3.0, 3.0]])).item() == pytest.approx(
        (math.log(2) ** 2 + (3 + math.log(2)) ** 2) / 2
    )


def test_the_bias_moves_against_the_load_and_stays_out_of_autograd():
    experts = torch.tensor([[0], [0], [0], [1]])
    moved = rebalanced(torch.zeros(3), experts, 0.1)
    torch.testing.assert_close(moved, torch.tensor([-0.1, 0.1, 0.1]))
    moe = layer(balance="bias", bias_rate=0.5)
    assert "router.selection_bias" in moe.state_dict()
    assert "router.selection_bias" not in dict(moe.named_parameters())
    moe(tokens())
    assert not moe.router.selection_bias.any()  # evaluation does not change the bias
    moe.train()
    with routings(moe) as actual:
        moe(tokens())
    assert torch.equal(moe.router.selection_bias, rebalanced(torch.zeros(5).double(), actual[0][1].experts, 0.5))
    assert not moe.router.selection_bias.requires_grad


def test_a_selection_bias_balances_a_collapsed_router():
    moe = layer(n_expert=4, top_k=1, balance="bias", bias_rate=0.001)
    x = tokens(1, 64) + 1
    with torch.no_grad():
        moe.router.weight.mul_(0.1)[0] += 0.5  # the sum of a token's numbers, which is nearly always positive
    before = describe(moe.router(x)).max_violation
    moe.train()
    loads = torch.stack([describe(moe.router(x)).load for _ in range(1000)])
    assert before > 2
    assert 4 * loads[-200:].mean(0).max() - 1 < 0.2


# Statistics


def test_statistics_by_hand():
    moe = layer(n_expert=4, top_k=1)
    routing = moe.router(tokens(1, 4))
    logits = torch.tensor([[[2.0, 0, 0, 0]] * 3 + [[0, 2.0, 0, 0]]])
    routing = routing._replace(
        logits=logits,
        experts=torch.tensor([[[0], [0], [0], [1]]]),
        kept=torch.tensor([[[True], [True], [False], [True]]]),
    )
    actual = describe(routing, torch.tensor([[7, 7, 7, 9]]))
    assert actual.load.tolist() == [0.75, 0.25, 0, 0]
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert actual.load_entropy == pytest.approx(entropy / math.log(4))
    assert actual.max_violation == pytest.approx(2)
    assert actual.dead == 2
    assert actual.dropped == pytest.approx(0.25)
    assert actual.logsumexp == pytest.approx(math.log(math.e**2 + 3))
    low = torch.full_like(logits, -5.0)
    assert describe(routing._replace(logits=low)).logsumexp == pytest.approx(5 - math.log(4))
    assert actual.information == pytest.approx(1)  # the token decides the expert
    assert describe(routing, torch.tensor([[7, 7, 7, 7]])).information == pytest.approx(0)
    assert describe(routing).information is None
    p = torch.tensor([2.0, 0, 0, 0]).softmax(0)
    assert actual.router_entropy == pytest.approx(-(p * p.log()).sum().item() / math.log(4))
    torch.testing.assert_close(actual.probability, logits.softmax(-1).mean((0, 1)))


@pytest.mark.parametrize(("share", "dead"), [(9, 3), (11, 2)])
def test_an_expert_is_dead_below_a_tenth_of_its_equal_share(share, dead):
    """Of 400 tokens and four experts a tenth of the equal share is ten."""
    experts = torch.zeros(1, 400, 1, dtype=torch.long)
    experts[0, :share] = 1
    assert describe(layer(n_expert=4, top_k=1).router(tokens(1, 400))._replace(experts=experts)).dead == dead


def test_statistics_of_each_layer_leave_the_model_unchanged():
    model = GPT(presets.get("moe")).train()
    actual = statistics_of(model, torch.randint(65, (2, 32)))
    assert len(actual) == 4
    assert all(s.load.sum().item() == pytest.approx(1) and 0 < s.information < 1 for s in actual)
    assert model.training
    assert not any(m._forward_hooks for m in model.modules())
    with pytest.raises(ValueError, match="GPT has no sparse layer"):
        statistics_of(GPT(GPTConfig()), torch.zeros(1, 2, dtype=torch.long))
    with pytest.raises(ValueError, match=r"ids must be \(1, 4\), one for each token, got \(1, 3\)"):
        describe(layer().router(tokens(1, 4)), torch.zeros(1, 3, dtype=torch.long))


# In a GPT


@pytest.mark.parametrize("name", ["moe-switch", "moe", "moe-fine"])
def test_each_preset_has_dense_twins_of_equal_active_and_equal_total_size(name):
    config = presets.get(name)
    counts = accounting.parameters(config)
    small, wide = (accounting.parameters(presets.get(twin)) for twin in ("gpt0", "gpt0-wide"))
    # Except the router and the biases: each selected expert has one of width C.
    assert counts.active - counts.routers == pytest.approx(small.total, rel=0.01)
    assert counts.total - counts.routers == pytest.approx(wide.total, rel=0.02)
    assert counts.routers == 4 * 64 * config.moe.n_expert


@pytest.mark.parametrize("balance", ["aux", "bias"])
def test_a_sparse_gpt_trains_saves_and_resumes(tmp_path, balance):
    config = GPTConfig(vocab_size=5, block_size=8, n_layer=1, d_model=16, n_head=2, moe={"balance": balance})
    text = torch.arange(5).repeat(60)
    run = TrainConfig(steps=60, eval_every=30, learning_rate=1e-2, device="cpu")
    torch.manual_seed(0)
    model = GPT(config)
    history = train(model, text, run, val=text, out=tmp_path)
    assert history.val_loss[-1] < 0.1 < 1.5 < history.val_loss[0]
    loaded = GPT.from_pretrained(tmp_path)
    assert loaded.config == config
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    if balance == "bias":
        assert loaded.blocks[0].feed_forward.router.selection_bias.any()
    copy.deepcopy(model)  # the modules keep no tensor of the graph


def test_a_mapping_becomes_a_configuration_and_changes_only_what_it_names():
    config = GPTConfig(moe={"n_expert": 4, "top_k": 1})
    assert config.moe == MoEConfig(4, 1)
    assert config.changed(moe={"z_loss": 0.1}).moe == MoEConfig(4, 1, z_loss=0.1)
    assert config.changed(moe=None).moe is None
    assert config.changed(n_layer=2).moe == config.moe
    assert GPTConfig().changed(moe={}).moe == MoEConfig()


# Refusals


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"top_k": 9}, "top_k must be at most n_expert=8, got 9"),
        ({"capacity_factor": 0.0}, r"capacity_factor must be a number in \(0, 1,000,000\] or None, got 0\.0"),
        (
            {"eval_capacity_factor": 0.0},
            r"eval_capacity_factor must be a number in \(0, 1,000,000\] or None, got 0\.0",
        ),
        ({"gates": "sigmoid", "softmax": "after"}, 'softmax="after" needs gates="softmax"'),
        ({"top_k": 1, "renormalize": True}, "top_k=1 needs softmax='before' and renormalize=False"),
        ({"top_k": 1, "softmax": "after"}, "top_k=1 needs softmax='before' and renormalize=False"),
        ({"softmax": "after", "renormalize": False}, "renormalize=False needs softmax"),
        ({"experts": 3}, "moe has unknown fields experts; known are n_expert"),
    ],
)
def test_an_impossible_shape_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        GPTConfig(moe=values)
    if "experts" not in values:
        with pytest.raises(ValueError, match=message):
            SparseMoE(C, H, MoEConfig(**values))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_router_weights_are_refused(value):
    moe = layer()
    with torch.no_grad():
        moe.router.weight[0, 0] = value
    with pytest.raises(ValueError, match=r"a router's logit of x is .*, not a number: did the training"):
        moe(tokens())


def test_capacity_limits_training_and_not_evaluation():
    config = GPTConfig(vocab_size=11, block_size=12, d_model=8, n_head=2, moe={"capacity_factor": 0.5})
    torch.manual_seed(0)
    model = GPT(config).double()
    text = torch.randint(11, (200,), generator=torch.Generator().manual_seed(0))
    losses = [evaluate(model.eval(), text, batch_size=size) for size in (1, 3, 256)]
    assert losses[1:] == pytest.approx(losses[:1] * 2, rel=1e-12)
    ids, cache = text[:12][None], model.new_cache()
    cached = torch.cat([model(ids[:, t : t + 1], cache) for t in range(12)], dim=1)
    torch.testing.assert_close(cached, model(ids), rtol=1e-10, atol=1e-12)
    with routings(model.train()) as actual:
        model(ids)
    assert not actual[0][1].kept.all()


@torch.no_grad()
def test_explicit_equals_forward_in_half_precision_where_an_idle_expert_overflows():
    layer = SparseMoE(4, 8, MoEConfig(n_expert=3, top_k=1)).half().eval()
    x = torch.ones(1, 2, 4).half()
    idle = (set(range(3)) - set(layer.router(x).experts.flatten().tolist())).pop()
    layer.experts.up.weight[idle] = 60000.0
    expected = layer(x)
    assert expected.isfinite().all()
    torch.testing.assert_close(layer.explicit(x)[0], expected)
