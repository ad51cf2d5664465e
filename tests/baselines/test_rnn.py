"""Properties that hold for recurrent models of each kind, with one layer and with two."""

import json
from dataclasses import asdict

import pytest
import torch

from lecture21.baselines.rnn import KINDS, RNN, RNNConfig
from lecture21.generation import generate

SMALL = {"vocab_size": 7, "block_size": 6, "d_model": 5}
CONFIGS = {f"{kind},{n_layer}": RNNConfig(**SMALL, kind=kind, n_layer=n_layer) for kind in KINDS for n_layer in (1, 2)}
CONFIGS["lstm,2,dropout"] = RNNConfig(**SMALL, kind="lstm", n_layer=2, dropout=0.3)
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def make(config: RNNConfig, dtype: torch.dtype = torch.float64) -> RNN:
    torch.manual_seed(0)
    model = RNN(config).to(dtype).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def random_ids(batch: int = 2, length: int = 9, seed: int = 1) -> torch.Tensor:
    return torch.randint(7, (batch, length), generator=torch.Generator().manual_seed(seed))


@every_config
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_changing_the_future_changes_no_past_logit_exactly(config, dtype):
    model, ids = make(config, dtype), random_ids()
    before = model(ids)
    for t in range(1, 9):
        changed = ids.clone()
        changed[:, t:] = (changed[:, t:] + 1) % 7
        after = model(changed)
        assert torch.equal(before[:, :t], after[:, :t])
        assert not torch.equal(before[:, t:], after[:, t:])


@every_config
def test_every_past_token_reaches_every_later_logit(config):
    model = make(config)
    embedded = model.token(random_ids(batch=1)).detach().requires_grad_()
    hook = model.token.register_forward_hook(lambda *_: embedded)
    logits = model(random_ids(batch=1))
    hook.remove()
    for t in range(9):
        (gradient,) = torch.autograd.grad(logits[0, t].square().sum(), embedded, retain_graph=True)
        reached = gradient[0].abs().sum(-1) > 0
        assert reached[: t + 1].all()
        assert not reached[t + 1 :].any()


@every_config
@pytest.mark.parametrize("pieces", [[1] * 9, [4, 1, 1, 3], [9], [1, 8]])
def test_continuing_from_the_state_equals_one_pass(config, pieces):
    model, ids = make(config), random_ids()
    state = model.new_cache()
    read = torch.cat([model(piece, state) for piece in ids.split(pieces, dim=1)], dim=1)
    torch.testing.assert_close(read, model(ids), rtol=1e-10, atol=1e-12)


@every_config
def test_the_state_size_does_not_depend_on_the_text_length(config):
    model = make(config)
    sizes = []
    for length in (1, 100):
        state = model.new_cache()
        model(random_ids(length=length), state)
        parts = state.tensors if isinstance(state.tensors, tuple) else (state.tensors,)
        sizes.append([tuple(part.shape) for part in parts])
    assert sizes[0] == sizes[1] == [(config.n_layer, 2, 5)] * (2 if config.kind == "lstm" else 1)


@every_config
def test_each_sequence_of_a_batch_is_independent(config):
    model, ids = make(config), random_ids(batch=3)
    for row in range(3):
        torch.testing.assert_close(model(ids[row : row + 1]), model(ids)[row : row + 1], rtol=1e-10, atol=1e-12)


def test_a_layer_of_kind_rnn_is_tanh_of_two_linear_maps():
    """The formula of the slide's picture, unrolled by hand."""
    model = make(RNNConfig(**SMALL, kind="rnn", n_layer=1))
    ids, cell = random_ids(batch=1), model.recurrence
    state, rows = torch.zeros(5, dtype=torch.float64), []
    for x in model.token(ids)[0]:
        state = torch.tanh(cell.weight_ih_l0 @ x + cell.bias_ih_l0 + cell.weight_hh_l0 @ state + cell.bias_hh_l0)
        rows.append(model.head(state))
    torch.testing.assert_close(model(ids)[0], torch.stack(rows))


@pytest.mark.parametrize(("kind", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_parameters_follow_the_number_of_gates(kind, gates):
    c, v, layers = 5, 7, 2
    by_hand = v * c + layers * gates * (2 * c * c + 2 * c) + c * v + v
    assert RNN(RNNConfig(**SMALL, kind=kind, n_layer=layers)).num_parameters() == by_hand


@every_config
def test_every_parameter_gets_a_gradient(config):
    model = make(config)
    model.loss(random_ids(), random_ids(seed=2)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@every_config
def test_dropout_is_active_in_training_only(config):
    model, ids = make(config), random_ids()
    assert torch.equal(model(ids), model(ids))
    model.train()
    assert torch.equal(model(ids), model(ids)) == (config.dropout == 0)


def test_dropout_is_applied_before_between_and_after_the_layers():
    one, two = (RNN(RNNConfig(**SMALL, n_layer=n, dropout=0.3)) for n in (1, 2))
    assert one.dropout.p == two.dropout.p == two.recurrence.dropout == 0.3
    assert one.recurrence.dropout == 0  # nothing lies between
    calls = []
    one.dropout.register_forward_hook(lambda *_: calls.append(1))
    one(random_ids())
    assert len(calls) == 2


# Sampling


@every_config
@pytest.mark.parametrize("n_new", [0, 1, 20])
def test_sampling_is_the_same_with_and_without_the_state(config, n_new):
    model, prompt = make(config), random_ids(length=4)
    for choice in ({"greedy": True}, {"seed": 3}):
        carried = generate(model, prompt, n_new, **choice)
        again = generate(model, prompt, n_new, **choice, use_cache=False)
        assert carried.shape == (2, 4 + n_new)
        assert torch.equal(carried, again)


def test_sampling_depends_on_tokens_before_the_training_window():
    """A GPT ignores tokens beyond `block_size`; the state of an RNN does not."""
    config = RNNConfig(**SMALL, kind="rnn", n_layer=1)
    model, ids = make(config), random_ids(batch=1, length=12)
    read = []
    model.register_forward_hook(lambda module, arguments, _: read.append(arguments[0].shape[1]))
    generate(model, ids, 3, seed=0)
    assert read == [12, 1, 1]
    read.clear()
    generate(model, ids, 3, seed=0, use_cache=False)
    assert read == [12, 13, 14]


# On disk


@every_config
def test_a_saved_model_gives_the_same_logits(config, tmp_path):
    model = make(config, torch.float32)
    model.save_pretrained(tmp_path / "model")
    loaded = RNN.from_pretrained(tmp_path / "model")
    assert loaded.config == config
    assert not loaded.training
    assert torch.equal(loaded(random_ids()), model(random_ids()))


def test_a_saved_model_records_that_it_is_an_rnn(tmp_path):
    from lecture21 import GPT, GPTConfig

    make(CONFIGS["gru,1"]).save_pretrained(tmp_path / "rnn")
    values = json.loads((tmp_path / "rnn" / "config.json").read_text())
    assert values == {"model": "rnn", **asdict(CONFIGS["gru,1"])}
    with pytest.raises(ValueError, match="rnn"):
        GPT.from_pretrained(tmp_path / "rnn")
    GPT(GPTConfig(vocab_size=7, block_size=5, n_layer=1, n_head=1, d_model=4)).save_pretrained(tmp_path / "gpt")
    with pytest.raises(ValueError, match="gpt"):
        RNN.from_pretrained(tmp_path / "gpt")


# Bad input


def test_an_empty_sequence_is_refused():
    with pytest.raises(ValueError, match=r"at least one token per row, got \(2, 0\)"):
        make(CONFIGS["gru,1"])(torch.zeros(2, 0, dtype=torch.long))


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_of_another_batch_size_is_refused_and_left_unchanged(kind):
    model = make(RNNConfig(**SMALL, kind=kind))
    state = model.new_cache()
    whole = model(random_ids())
    model(random_ids()[:, :4], state)
    with pytest.raises(ValueError, match="another batch size than that of the ids, 1"):
        model(random_ids()[:1, 4:], state)
    torch.testing.assert_close(model(random_ids()[:, 4:], state), whole[:, 4:])
