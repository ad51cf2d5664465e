import json
from dataclasses import asdict

import pytest
import torch
from variants import dropouts

from lecture21 import GPT, GPTConfig, presets
from lecture21.generation import generate

SMALL = {"vocab_size": 7, "block_size": 5, "n_layer": 1, "n_head": 2, "d_model": 4}


def test_gpt0_has_the_slide_s_shape_and_209_729_parameters():
    config = presets.get("gpt0")
    assert (config.n_layer, config.n_head, config.d_model, config.block_size) == (4, 4, 64, 32)
    assert (config.vocab_size, config.activation, config.tied_head, config.qkv_bias) == (65, "relu", False, False)
    by_hand = 65 * 64 + 32 * 64  # embeddings and positions
    by_hand += 4 * (3 * 64 * 64 + (64 * 64 + 64))  # queries, keys, values; output projection with bias
    by_hand += 4 * ((64 * 256 + 256) + (256 * 64 + 64))  # feed-forward
    by_hand += (2 * 4 + 1) * 2 * 64  # norms: two in each block, one at the end
    by_hand += 64 * 65 + 65  # head
    assert GPT(config).num_parameters() == by_hand == 209_729


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_head": 3}, "d_model=4 and n_head=3"),
        ({"n_kv_head": 3}, "n_head=2 and n_kv_head=3"),
        ({"d_model": 5, "n_head": 1, "position": "sinusoidal"}, "even d_model, got 5"),
        ({"d_head": 3, "position": "rotary"}, "even d_head, got 3"),
        ({"rotary_factor": 2.0}, "rotary_factor=2.0 needs position='rotary', got 'learned'"),
        ({"window": 4, "causal": False}, "window=4 needs causal=True"),
    ],
)
def test_fields_that_do_not_fit_each_other_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        GPTConfig(**{**SMALL, **changes})


def test_derived_sizes_are_derived_again_after_a_change():
    config = GPTConfig(d_model=24, n_head=4)
    assert (config.d_head, config.n_kv_head, config.d_ff) == (6, 4, 96)
    wider = config.changed(d_model=48, n_head=8)
    assert (wider.d_head, wider.n_kv_head, wider.d_ff) == (6, 8, 192)
    own = GPTConfig(d_model=24, n_head=4, d_head=8, n_kv_head=2, d_ff=50).changed(d_model=48)
    assert (own.d_head, own.n_kv_head, own.d_ff) == (8, 2, 50)


@pytest.mark.parametrize(
    ("given", "change"),
    [({"d_ff": 256}, {"d_model": 128}), ({"d_head": 16}, {"d_model": 128}), ({"n_kv_head": 4}, {"n_head": 8})],
    ids=lambda fields: next(iter(fields)),
)
def test_a_given_size_stays_even_if_it_equals_what_would_be_derived(given, change):
    ((name, size),) = given.items()
    config = GPTConfig(d_model=64, n_head=4, **given)
    assert config == GPTConfig(d_model=64, n_head=4)
    assert getattr(config.changed(**change), name) == size
    assert getattr(config.changed(n_layer=1).changed(**change), name) == size
    derived = GPTConfig(d_model=64, n_head=4).changed(**change)
    assert getattr(config.changed(**change, **{name: None}), name) == getattr(derived, name) != size
    assert getattr(GPTConfig.from_dict(asdict(derived)).changed(d_model=64), name) == getattr(derived, name)


# In millions, as printed: GPT-1 "117M" (the slide), GPT-2 as OpenAI's README corrects it, GPT-3 in table 2.1.
PRINTED = {
    "gpt0": 0.21, "gpt1": 117, "gpt2": 124, "gpt2-medium": 355, "gpt2-large": 774, "gpt2-xl": 1558,
    "gpt3-small": 125, "gpt3-medium": 350, "gpt3-large": 760, "gpt3-xl": 1300, "gpt3-2.7b": 2700,
    "gpt3-6.7b": 6700, "gpt3-13b": 13000, "gpt3": 175000,
}  # fmt: skip
OURS = {"modern", "modern-laptop", "modern-gpt0", "gpt0-wide", "moe-switch", "moe", "moe-fine"}  # of no paper


def test_the_presets_without_a_paper_have_the_shapes_that_their_chapters_compare():
    shape = ("n_layer", "n_head", "d_model", "block_size")
    modern = {name: presets.get(name) for name in ("modern-gpt0", "modern", "modern-laptop")}
    sizes = [tuple(getattr(config, field) for field in shape) for config in modern.values()]
    assert sizes == [(4, 4, 64, 32), (4, 4, 128, 64), (4, 6, 192, 256)]
    assert GPT(modern["modern"]).num_parameters() == pytest.approx(0.80e6, rel=0.01)  # nanoGPT's for a CPU
    assert 5.8 < 10.65e6 / GPT(modern["modern-laptop"]).num_parameters() < 6  # a sixth of nanoGPT's for a GPU
    assert {config.logit_cap for config in modern.values()} == {15.0}
    assert (modern["modern-laptop"].dropout, modern["modern-laptop"].attention_dropout) == (0.15, 0.0)


@pytest.mark.parametrize("name", PRINTED)
def test_every_preset_has_the_size_that_its_paper_gives(name):
    assert set(presets.names()) - OURS == PRINTED.keys()
    with torch.device("meta"):
        millions = GPT(presets.get(name)).num_parameters() / 1e6
    assert millions == pytest.approx(PRINTED[name], rel=0.02)


def test_presets_take_changes():
    assert presets.get("gpt0", d_model=128, n_layer=2).d_ff == 512
    assert presets.get("gpt0", d_model=128, d_ff=100).d_ff == 100


def test_a_context_longer_than_the_block_is_refused():
    model = GPT(GPTConfig(**SMALL))
    ids = torch.zeros(1, 6, dtype=torch.long)
    with pytest.raises(ValueError, match=r"6 tokens.*block size, 5"):
        model(ids)
    cache = model.new_cache()
    model(ids[:, :4], cache)
    with pytest.raises(ValueError, match=r"6 tokens.*block size, 5"):
        model(ids[:, :2], cache)


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    GPT(GPTConfig(**SMALL)).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_directory_that_is_not_a_checkpoint_is_refused_by_name(tmp_path):
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match=f"{directory.name} is not a checkpoint"):
            GPT.from_pretrained(directory)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "must hold an object"),
        ('{"n_layers": 3}', "does not match"),
        ('{"n_layer": 0}', "does not match"),
    ],
)
def test_a_broken_config_is_refused_by_name(saved, text, message):
    (saved / "config.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        GPT.from_pretrained(saved)


def test_weights_for_another_configuration_are_refused(saved):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps({**config, "n_head": 1}))  # the same shapes, another model
    with pytest.raises(ValueError, match=r"does not match .*: n_head is 2 in the weights and 1 in the configuration"):
        GPT.from_pretrained(saved)


def test_an_empty_sequence_has_no_logits():
    assert GPT(GPTConfig(**SMALL))(torch.zeros(2, 0, dtype=torch.long)).shape == (2, 0, 7)


def test_a_prefix_that_does_not_fit_is_refused(untyped):
    model = GPT(GPTConfig(vocab_size=7, block_size=5, n_layer=1, n_head=1, d_model=4)).eval()
    ids = torch.arange(2)[None]
    with pytest.raises(ValueError, match="a context of 6 tokens is longer than the model's block size, 5"):
        model(ids, prefix=torch.zeros(1, 4, 4))
    for shape in ((1, 2, 3), (2, 2, 4), (2, 4)):
        with pytest.raises(ValueError, match=r"prefix must be .* of shape \(B, (T, 4|P, C)\).*, got .* of shape \("):
            model(ids, prefix=torch.zeros(shape))
    cache = model.new_cache()
    model(ids[:, :1], cache)
    with pytest.raises(ValueError, match="a prefix must come first, but the cache already holds 1 positions"):
        model(ids[:, 1:], cache, prefix=torch.zeros(1, 2, 4))


@pytest.mark.parametrize("position", ["sinusoidal", "rotary", "none"])
def test_a_longer_block_leaves_the_logits_of_short_contexts_unchanged(position):
    torch.manual_seed(0)
    model = GPT(GPTConfig(**{**SMALL, "n_head": 1}, position=position)).eval()
    longer = model.extend_context(9)
    ids = torch.arange(9)[None] % 7
    assert longer.config == model.config.changed(block_size=9)
    assert torch.equal(longer(ids[:, :5]), model(ids[:, :5]))
    # On longer texts, the logits equal those of a model that was constructed with the longer block.
    other = GPT(longer.config).eval()
    other.load_state_dict(model.state_dict())
    assert torch.equal(longer(ids), other(ids))
    assert torch.equal(longer.extend_context(5)(ids[:, :5]), model(ids[:, :5]))


def test_extending_learned_positions_keeps_the_trained_rows_and_draws_the_others():
    torch.manual_seed(0)
    model = GPT(GPTConfig(**SMALL, moe={"balance": "bias"}))
    model.blocks[0].feed_forward.router.selection_bias.fill_(0.5)  # no parameter, and yet a part of the model
    one, two = model.extend_context(9), model.extend_context(9)
    assert torch.equal(one.position.table.weight[:5], model.position.table.weight)
    assert one.position.table.weight[5:].std() > 0.5  # an untied table has standard deviation 1
    assert not torch.equal(one.position.table.weight[5:], two.position.table.weight[5:])
    assert torch.equal(one.extend_context(5).position.table.weight, model.position.table.weight)
    rest = {name: weight for name, weight in model.state_dict().items() if name != "position.table.weight"}
    assert all(torch.equal(one.state_dict()[name], weight) for name, weight in rest.items())


def test_a_copy_is_an_independent_model_of_the_same_class():
    model = GPT(GPTConfig(**SMALL)).double().train()
    copy = model.extend_context()
    assert (copy.config, copy.training, copy.token.weight.dtype) == (model.config, True, torch.float64)
    assert not model.eval().extend_context().training
    with torch.no_grad():
        copy.token.weight.zero_()
    assert model.token.weight.abs().sum() > 0


def test_scalings_and_windows_change_the_logits_and_no_weight():
    torch.manual_seed(0)
    model = GPT(GPTConfig(**{**SMALL, "n_head": 1}, position="rotary")).eval()
    ids = torch.arange(10)[None] % 7
    plain = model.extend_context(10)
    changes = [
        {"window": 3},
        {"rotary_factor": 2.0},
        {"rotary_factor": 2.0, "rotary_scaling": "ntk"},
        {"rotary_base": 100.0},
    ]
    logits = [plain(ids), *(model.extend_context(10, **change)(ids) for change in changes)]
    assert all(not torch.allclose(a, b) for i, a in enumerate(logits) for b in logits[:i])
    assert torch.equal(model.extend_context(10, window=10, rotary_factor=1.0)(ids), plain(ids))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_layer": 2}, "n_layer cannot be changed without new weights; use window, rotary_scaling, rotary_factor"),
        ({"position": "rotary"}, "position cannot be changed without new weights"),
        ({"windows": 2}, "windows cannot be changed without new weights"),
        ({"rotary_factor": 2.0}, "rotary_factor=2.0 needs position='rotary'"),
        ({"rotary_factor": 0.5}, "rotary_factor must be a number >= 1, got 0.5"),
    ],
)
def test_an_invalid_extension_of_the_block_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        GPT(GPTConfig(**SMALL)).extend_context(**changes)


@pytest.mark.parametrize("changes", [{}, {"moe": {"n_shared": 1}}, {"window": 1}])  # five windows: in blocks
def test_every_dropout_acts_with_the_probability_of_the_configuration(changes):
    torch.manual_seed(0)
    model, ids = GPT(GPTConfig(**SMALL, dropout=0.3, **changes)), torch.arange(5).repeat(8, 1)
    block = "blocks.0.attention"
    every = {"dropout", f"{block}.dropout", f"{block}.weights", "blocks.0.feed_forward.dropout"}
    acts = dropouts(model, lambda: model(ids))
    assert {name: act for name, act in acts.items() if act != (0.0, False)} == dict.fromkeys(every, (0.3, True))
    other = GPT(GPTConfig(**SMALL, dropout=0.3, attention_dropout=0.0)).blocks[0].attention
    assert (other.dropout.p, other.attention_dropout) == (0.3, 0.0)


def test_a_model_can_be_pickled():
    import pickle

    model = GPT(GPTConfig(**SMALL, activation="gelu_tanh"))
    assert pickle.loads(pickle.dumps(model)).config == model.config


def test_a_caught_error_leaves_the_cache_as_it_was():
    torch.manual_seed(0)
    model = GPT(GPTConfig(**{**SMALL, "n_layer": 3})).double().eval()
    ids, cache = torch.tensor([[1, 2, 3, 4, 5]]), model.new_cache()
    model(ids[:, :3], cache)
    failures = [torch.tensor([[1], [2]]), torch.tensor([[9]]), ids]  # another batch, an unknown id, too long
    for bad in failures:
        with pytest.raises(ValueError, match=r"cache|vocabulary|block size"):
            model(bad, cache)
    hook = model.blocks[2].register_forward_pre_hook(lambda *_: 1 / 0)  # whatever fails in a later layer
    with pytest.raises(ZeroDivisionError):
        model(ids[:, 3:], cache)
    hook.remove()
    assert [len(entry) for entry in cache] == [3, 3, 3]
    torch.testing.assert_close(model(ids[:, 3:], cache), model(ids)[:, 3:])


@pytest.mark.parametrize("n", [0, 1])
def test_a_cache_with_another_number_of_layers_is_refused(n):
    model = GPT(GPTConfig(**{**SMALL, "n_layer": 2}))
    with pytest.raises(ValueError, match=f"one entry for each of 2 layers, got {n}"):
        model(torch.tensor([[1]]), model.new_cache()[:n])


def test_a_logit_cap_bounds_the_logits_and_keeps_their_order():
    torch.manual_seed(0)
    plain = GPT(GPTConfig(vocab_size=9, block_size=8, n_layer=1, n_head=2, d_model=8)).eval()
    capped = GPT(plain.config.changed(logit_cap=0.5)).eval()
    capped.load_state_dict(plain.state_dict())
    ids = torch.randint(9, (2, 8))
    actual, logits = capped(ids), plain(ids)
    assert actual.abs().max() < 0.5 < logits.abs().max()
    torch.testing.assert_close(actual, 0.5 * (2 * logits).tanh())
    assert torch.equal(actual.argsort(-1), logits.argsort(-1))


def test_without_the_causal_mask_every_position_depends_on_later_tokens():
    torch.manual_seed(0)
    config = GPTConfig(vocab_size=9, block_size=8, n_layer=1, n_head=2, d_model=8, causal=False)
    model = GPT(config).eval()
    ids = torch.randint(9, (1, 8))
    changed = ids.clone()
    changed[0, -1] = (ids[0, -1] + 1) % 9
    assert not torch.allclose(model(ids)[0, 0], model(changed)[0, 0])
    assert model.new_cache() is None
    with pytest.raises(ValueError, match="causal=False has no cache"):
        model(ids, GPT(config.changed(causal=True)).new_cache())
    assert generate(model, ids[:, :3], 4, greedy=True).shape == (1, 7)
