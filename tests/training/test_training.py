import json
import math
import os
import threading
from pathlib import Path

import pytest
import torch

from lecture21 import GPT, GPTConfig
from lecture21._support.storage import load_tensors, save_tensors
from lecture21.tokenizers import CharTokenizer
from lecture21.training import (
    History,
    TrainConfig,
    learning_rate,
    minimize,
    sample_windows,
    shuffled_windows,
    train,
)
from lecture21.training.processes import join_processes
from lecture21.training.run import Run

SHAPE = {"vocab_size": 9, "block_size": 8, "n_layer": 1, "n_head": 2, "d_model": 8}
QUICK = {"steps": 12, "batch_size": 4, "eval_every": 4, "device": "cpu"}


def tokens(n: int = 200, seed: int = 0) -> torch.Tensor:
    return torch.randint(9, (n,), generator=torch.Generator().manual_seed(seed))


def fresh(**changes: object) -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(**{**SHAPE, **changes}))


def same(a: History, b: History) -> bool:
    """Compare to the last digit, NaN included."""
    return repr(a) == repr(b)


# What is trained on


def test_windows_and_targets_are_the_same_text_shifted_by_one():
    text = torch.arange(50)
    ids, targets = sample_windows(text, 6, 1000, torch.Generator().manual_seed(0))
    assert ids.shape == targets.shape == (1000, 6)
    assert torch.equal(targets, ids + 1)
    assert ids.min() == 0
    assert targets.max() == 49  # the last token is a target too


def test_a_text_of_one_window_is_enough_and_one_token_less_is_not():
    assert sample_windows(torch.arange(7), 6, 2)[0].tolist() == [[0, 1, 2, 3, 4, 5]] * 2
    with pytest.raises(ValueError, match="6 tokens are too few for a block of 6; at least 7"):
        sample_windows(torch.arange(6), 6, 2)


# How it learns


@pytest.mark.parametrize(("length", "block", "batch"), [(7, 6, 1), (13, 6, 4), (100, 6, 5), (1001, 10, 33)])
def test_a_pass_of_shuffled_windows_has_each_place_once_and_nearly_all_places(length, block, batch):
    """Token i is the number i, so that the windows say where they come from; a batch may end in the next pass."""
    text = torch.arange(length)
    per_pass = max(length // block - 1, 1)
    batches = [shuffled_windows(text, block, batch, number, seed=3) for number in range(6 * per_pass // batch + 1)]
    for ids, targets in batches:
        assert ids.shape == (batch, block)
        assert torch.equal(ids + 1, targets)
        assert torch.equal(ids, ids[:, :1] + torch.arange(block))
    passes = torch.cat([ids for ids, _ in batches])[: 6 * per_pass].view(6, -1)
    for places in passes:
        assert len(places.unique()) == per_pass * block > length - 2 * block
    assert not torch.equal(passes[0], passes[1]) or per_pass == 1
    orders = {tuple(places[::block].sub(places.min()).tolist()) for places in passes}
    assert len(orders) == 6 or per_pass < 10
    assert len({places.min().item() for places in passes}) > 1 or length < 2 * block


def test_shuffled_windows_are_those_of_their_number_and_seed():
    text = torch.arange(1000)
    first, again, other = (shuffled_windows(text, 10, 8, 40, seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    # The second pass of one seed is not the first of the next.
    firsts = {
        tuple(shuffled_windows(text, 10, 99, number, seed)[0][:, 0].tolist()) for number in (0, 1) for seed in (0, 1)
    }
    assert len(firsts) == 4


def test_a_run_that_shuffles_reads_each_window_once(monkeypatch):
    read = []
    monkeypatch.setattr(Run, "loss", lambda run, ids, targets: read.append(ids) or run.model.loss(ids, targets))
    text = tokens()
    train(fresh(), text, TrainConfig(**{**QUICK, "steps": 3}, accumulate=2, shuffle=True, seed=5))
    expected = [shuffled_windows(text, 8, 4, number, seed=5)[0] for number in range(6)]
    assert all(torch.equal(a, b) for a, b in zip(read, expected, strict=True))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.01, 0.05, 0.1, 0.1, 0.1, 0.1, 0.1]),
        ("cosine", [0.01, 0.05, 0.1, 0.1, 0.0853553, 0.05, 0.0]),
        ("linear", [0.01, 0.05, 0.1, 0.1, 0.075, 0.05, 0.0]),
    ],
)
def test_the_learning_rate_warms_up_and_then_follows_its_schedule(schedule, expected):
    config = TrainConfig(steps=110, learning_rate=0.1, warmup=10, schedule=schedule)
    assert [learning_rate(step, config) for step in (0, 4, 9, 10, 35, 60, 110)] == pytest.approx(expected)
    assert learning_rate(60, config, peak=3.0) == pytest.approx(30 * expected[5])


def test_each_update_is_made_at_the_rate_of_its_step():
    """Adam's first update moves a parameter with a gradient by the learning rate itself."""
    model, start = fresh(), fresh()
    history = train(model, tokens(), TrainConfig(**{**QUICK, "steps": 1}, learning_rate=0.1, warmup=10))
    moved = max((a - b).abs().max().item() for a, b in zip(model.parameters(), start.parameters(), strict=True))
    assert moved == pytest.approx(0.01, rel=1e-3)
    assert history.learning_rate == pytest.approx([0.01, 0.02])


@pytest.mark.parametrize(
    "settings", [{}, {"accumulate": 2}, {"clip": 0.05}, {"accumulate": 2, "clip": 0.05}, {"betas": (0.5, 0.7)}]
)
def test_training_is_plain_adam_on_the_mean_loss_of_a_batch(settings):
    """The plainest loop there is; accumulated batches are one large batch, whose gradient is clipped."""
    trained, reference = fresh(), fresh()
    history = train(trained, tokens(), TrainConfig(**QUICK, **settings))
    optimizer = torch.optim.Adam(reference.parameters(), lr=1e-3, betas=settings.get("betas", (0.9, 0.999)))
    generator, losses, norms = torch.Generator().manual_seed(0), [], []
    for _ in range(12):
        parts = [sample_windows(tokens(), 8, 4, generator) for _ in range(settings.get("accumulate", 1))]
        ids, targets = (torch.cat(part) for part in zip(*parts, strict=True))
        loss = reference.loss(ids, targets)
        optimizer.zero_grad()
        loss.backward()
        if "clip" in settings:
            norms.append(torch.nn.utils.clip_grad_norm_(reference.parameters(), settings["clip"]))
        optimizer.step()
        losses.append(loss.item())
    assert all(norm > 2 * settings["clip"] for norm in norms)  # otherwise there is nothing to clip
    for a, b in zip(trained.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert history.step == [0, 4, 8, 12]
    assert history.train_loss[1:] == pytest.approx([sum(losses[i : i + 4]) / 4 for i in (0, 4, 8)], rel=1e-5)
    assert math.isnan(history.train_loss[0])


def test_weight_decay_spares_biases_and_gains():
    model = fresh()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
    before = {name: p.clone() for name, p in model.named_parameters()}
    # So large a decay and so small a rate that only the decay is seen: w <- w (1 - lr * decay).
    train(model, tokens(), TrainConfig(**{**QUICK, "steps": 1}, learning_rate=1e-6, weight_decay=1e5))
    for name, parameter in model.named_parameters():
        shrunk = 1.0 - 0.1 * (before[name].ndim >= 2)
        assert parameter.mean().item() == pytest.approx(shrunk, abs=1e-4), name


def test_a_model_learns_a_text_that_repeats():
    text = torch.arange(9).repeat(40)
    model = fresh()
    history = train(model, text, TrainConfig(**{**QUICK, "steps": 150}, learning_rate=1e-2), val=text)
    assert history.val_loss[0] > 1.5
    assert history.val_loss[-1] < 0.1


def test_the_seed_decides_everything_and_the_caller_s_random_state_is_left_alone():
    config = TrainConfig(**QUICK, seed=3)
    first, second = fresh(dropout=0.2), fresh(dropout=0.2)
    torch.manual_seed(123)
    state = torch.get_rng_state()
    a = train(first, tokens(), config, val=tokens(50))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(77)
    b = train(second, tokens(), config, val=tokens(50))
    assert same(a, b)
    other = train(fresh(dropout=0.2), tokens(), TrainConfig(**QUICK, seed=4), val=tokens(50))
    assert not same(a, other)


def test_on_evaluation_is_called_after_each_evaluation():
    seen = []
    train(
        fresh(),
        tokens(),
        TrainConfig(**QUICK),
        on_evaluation=lambda step, model, history: seen.append((step, len(history.step))),
    )
    assert seen == [(0, 1), (4, 2), (8, 3), (12, 4)]


def test_bf16_trains_on_the_cpu_and_leaves_a_float32_model():
    model = fresh()
    history = train(model, tokens(), TrainConfig(**QUICK, precision="bf16"), val=tokens(50))
    exact = train(fresh(), tokens(), TrainConfig(**QUICK, precision="fp32"), val=tokens(50))
    assert history.val_loss[-1] == pytest.approx(exact.val_loss[-1], abs=0.02)
    assert history.val_loss[-1] != exact.val_loss[-1]
    plain = GPT(model.config)
    plain.load_state_dict(model.state_dict())
    assert torch.equal(model(tokens(8)[None]), plain(tokens(8)[None]))  # no autocast is left behind
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_the_losses_of_a_compiled_run_are_those_that_torch_compiles(monkeypatch):
    compiled = []

    def compile(loss, **options):
        compiled.append(options)
        return loss

    monkeypatch.setattr(torch, "compile", compile)
    train(fresh(), tokens(), TrainConfig(**QUICK))
    assert compiled == []
    train(fresh(), tokens(), TrainConfig(**QUICK, compile=True))
    assert compiled == [{"dynamic": False, "options": {"fallback_random": True}}]


# What is kept


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize(
    "settings",
    [{"optimizer": "muon"}, {"accumulate": 2, "clip": 0.5, "shuffle": True}, {"weight_decay": 0.1, "warmup": 6}],
)
def test_a_resumed_run_equals_one_that_never_stopped(tmp_path, dropout, settings):
    config = TrainConfig(**QUICK, **settings)
    whole_model = fresh(dropout=dropout)
    whole = train(whole_model, tokens(), config, val=tokens(50), out=tmp_path / "whole")

    def stop(step: int, *_: object) -> None:
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(fresh(dropout=dropout), tokens(), config, val=tokens(50), out=tmp_path / "parts", on_evaluation=stop)
    torch.manual_seed(99)
    resumed_model = GPT(whole_model.config)  # other random weights: all must come from the checkpoint
    resumed = train(resumed_model, tokens(), config, val=tokens(50), out=tmp_path / "parts", resume=True)
    assert same(resumed, whole)
    for a, b in zip(resumed_model.parameters(), whole_model.parameters(), strict=True):
        assert torch.equal(a, b)
    for name in ("history.csv", "config.json"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_more_steps_may_be_asked_for(tmp_path):
    whole = train(fresh(), tokens(), TrainConfig(**QUICK), val=tokens(50))
    train(fresh(), tokens(), TrainConfig(**{**QUICK, "steps": 8}), val=tokens(50), out=tmp_path)
    assert same(train(fresh(), tokens(), TrainConfig(**QUICK), val=tokens(50), out=tmp_path, resume=True), whole)


SYMBOLS = CharTokenizer.from_text("abcdefgh")


@pytest.fixture
def run(tmp_path):
    train(fresh(), tokens(), TrainConfig(**{**QUICK, "steps": 4}), out=tmp_path / "run", tokenizer=SYMBOLS)
    return tmp_path / "run"


def files(directory) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def assert_refused(run, message: str) -> None:
    """Resume, and compare that neither a file nor the caller's model is changed."""
    torch.manual_seed(99)
    before, model = files(run), GPT(GPTConfig(**SHAPE))  # other weights than those of the checkpoint
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        train(model, tokens(), TrainConfig(**QUICK), out=run, resume=True, tokenizer=SYMBOLS)
    assert files(run) == before
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())


def test_a_run_leaves_model_tokenizer_history_and_checkpoint(run):
    assert list(files(run)) == [
        "checkpoint.safetensors",
        "config.json",
        "history.csv",
        "model.safetensors",
        "tokenizer.json",
    ]
    ids = tokens(8)[None]
    tensors, _ = load_tensors(run / "checkpoint.safetensors")
    loaded = GPT.from_pretrained(run)
    torch.testing.assert_close(loaded.head.weight, tensors["model.head.weight"])
    assert loaded(ids).shape == (1, 8, 9)
    assert CharTokenizer.load(run / "tokenizer.json").vocab_size == 9
    assert CharTokenizer.load(run / "model.safetensors") == CharTokenizer.load(run / "tokenizer.json")


def test_a_run_is_not_overwritten(run):
    before = files(run)
    with pytest.raises(ValueError, match="run already holds a run; resume it"):
        train(fresh(), tokens(), TrainConfig(**QUICK), out=run)
    assert files(run) == before


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(ValueError, match="needs out"):
        train(fresh(), tokens(), TrainConfig(**QUICK), resume=True)
    with pytest.raises(ValueError, match=r"nothing to resume: there is no .*missing"):
        train(fresh(), tokens(), TrainConfig(**QUICK), out=tmp_path / "missing", resume=True)


@pytest.mark.parametrize(
    ("shape", "text", "settings", "message"),
    [
        ({"n_head": 1}, 0, {}, "does not match the model: the checkpoint has n_head=2, the model has 1"),
        ({"vocab_size": 10}, 0, {}, "does not match the model: the checkpoint has vocab_size=9, the model has 10"),
        ({}, 1, {}, "does not match the text"),
        (
            {},
            0,
            {"learning_rate": 0.5},
            r"match the run: the checkpoint has learning_rate=0\.001, the run has 0\.5",
        ),
        ({}, 0, {"seed": 5}, "does not match the run: the checkpoint has seed=0, the run has 5"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused_by_name(run, shape, text, settings, message):
    before = files(run)
    with pytest.raises(ValueError, match=rf"checkpoint\.safetensors .*{message}"):
        train(fresh(**shape), tokens(seed=text), TrainConfig(**QUICK, **settings), out=run, resume=True)
    assert files(run) == before


@pytest.mark.parametrize(("before", "after"), [(50, 60), (50, None), (None, 50)])
def test_a_run_is_resumed_with_the_validation_text_that_it_had(tmp_path, before, after):
    """Otherwise one column of a history would have losses on two texts."""
    first, second = (None if n is None else tokens(n) for n in (before, after))
    train(fresh(), tokens(), TrainConfig(**{**QUICK, "steps": 4}), val=first, out=tmp_path)
    saved = files(tmp_path)
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors does not match the validation text"):
        train(fresh(), tokens(), TrainConfig(**QUICK), val=second, out=tmp_path, resume=True)
    assert files(tmp_path) == saved


def test_random_numbers_of_a_callback_do_not_change_a_run(tmp_path):
    """So a resumed run, which starts after the callback, equals one that never stopped."""

    def draw(step: int, *_: object) -> None:
        torch.rand(3)
        if step == 4 and stopping:
            raise KeyboardInterrupt

    stopping, settings = False, {"val": tokens(50)}
    expected = train(fresh(dropout=0.3), tokens(), TrainConfig(**QUICK), **settings)
    drawing = train(fresh(dropout=0.3), tokens(), TrainConfig(**QUICK), on_evaluation=draw, **settings)
    assert same(drawing, expected)
    settings["out"], stopping = tmp_path, True
    with pytest.raises(KeyboardInterrupt):
        train(fresh(dropout=0.3), tokens(), TrainConfig(**QUICK), on_evaluation=draw, **settings)
    stopping = False
    settings |= {"on_evaluation": draw, "resume": True}
    assert same(train(fresh(dropout=0.3), tokens(), TrainConfig(**QUICK), **settings), expected)


def test_a_checkpoint_of_another_vocabulary_of_the_same_size_is_refused(run):
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors does not match the tokenizer"):
        train(
            fresh(),
            tokens(),
            TrainConfig(**QUICK),
            out=run,
            resume=True,
            tokenizer=CharTokenizer.from_text("ABCDEFGH"),
        )


def test_a_truncated_checkpoint_is_refused_by_name(run):
    path = run / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors"):
        train(fresh(), tokens(), TrainConfig(**QUICK), out=run, resume=True)


def test_a_file_that_is_no_training_checkpoint_is_refused_by_name(run):
    save_tensors(run / "checkpoint.safetensors", {"x": torch.zeros(2)})
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors is not a training checkpoint"):
        train(fresh(), tokens(), TrainConfig(**QUICK), out=run, resume=True)


class Killed(BaseException):
    pass


def operations_fail_from(monkeypatch, fatal: int) -> list[str]:
    """Let every operation on files fail from the fatal one on, so that nothing is cleaned up; return those made."""
    made: list[str] = []

    def counted(name, operation):
        def wrapper(*arguments, **options):
            made.append(name)
            if len(made) > fatal:
                raise Killed
            return operation(*arguments, **options)

        return wrapper

    for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink")):
        monkeypatch.setattr(owner, name, counted(name, getattr(owner, name)))
    return made


def test_a_run_that_is_killed_in_any_operation_on_files_can_be_resumed_to_the_same_bytes(tmp_path, monkeypatch):
    """`make attack` does this with real kills, also within a write."""
    settings = {**QUICK, "steps": 2, "eval_every": 2}

    def run(out, resume=False) -> None:
        model = fresh(dropout=0.1)
        train(model, tokens(), TrainConfig(**settings), val=tokens(50), out=out, tokenizer=SYMBOLS, resume=resume)

    run(tmp_path / "whole")
    whole = files(tmp_path / "whole")
    for fatal in range(1000):
        out = tmp_path / str(fatal)
        with monkeypatch.context() as patch:
            operations_fail_from(patch, fatal)
            try:
                run(out)
            except Killed:
                pass
            else:
                break
        if (out / "model.safetensors").exists():
            GPT.from_pretrained(out)
        if (out / "history.csv").exists():
            History.from_csv(out / "history.csv")
        run(out, resume=(out / "checkpoint.safetensors").exists())
        assert {name: data for name, data in files(out).items() if not name.endswith(".tmp")} == whole
    assert fatal > 2 * 5 * 2  # two evaluations write five files each


# Further cases


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "history.csv"])
def test_a_directory_with_somebody_else_s_files_is_refused(tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(ValueError, match=f"already holds {name}"):
        train(fresh(), tokens(), TrainConfig(**QUICK), out=tmp_path)
    assert files(tmp_path) == {name: b"precious"}


def test_variables_of_a_launcher_change_nothing(monkeypatch):
    """torchrun and accelerate leave them behind; a single process must not wait for others."""
    expected = train(fresh(), tokens(), TrainConfig(**QUICK))
    launcher = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": 29_500}
    for name, value in {**launcher, "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": 4}.items():
        monkeypatch.setenv(name, str(value))
    assert same(train(fresh(), tokens(), TrainConfig(**QUICK)), expected)


def test_tokens_outside_the_vocabulary_are_refused_before_anything_is_written(tmp_path):
    for text, val in ((tokens() + 1, None), (tokens(), tokens(50) + 1)):
        with pytest.raises(ValueError, match="outside the vocabulary"):
            train(fresh(), text, TrainConfig(**QUICK), val=val, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_frozen_parameter_stays_and_does_not_stop_a_resume(tmp_path):
    def frozen() -> GPT:
        model = fresh()
        model.token.weight.requires_grad_(False)
        return model

    whole = train(frozen(), tokens(), TrainConfig(**QUICK), val=tokens(50))
    train(frozen(), tokens(), TrainConfig(**{**QUICK, "steps": 8}), val=tokens(50), out=tmp_path)
    model = frozen()
    assert same(train(model, tokens(), TrainConfig(**QUICK), val=tokens(50), out=tmp_path, resume=True), whole)
    assert torch.equal(model.token.weight, fresh().token.weight)


def test_a_run_is_resumed_with_the_parameters_that_it_trains(tmp_path):
    """A frozen model that is resumed as trainable would have a history of two runs."""

    def model(frozen: bool) -> GPT:
        model = fresh()
        model.token.weight.requires_grad_(not frozen)
        return model

    for frozen, was, now in ((True, "frozen", "trained"), (False, "trained", "frozen")):
        out = tmp_path / was
        train(model(frozen), tokens(), TrainConfig(**{**QUICK, "steps": 4}), out=out)
        saved = files(out)
        with pytest.raises(ValueError, match=rf"does not match the model: token.weight was {was} and is now {now}"):
            train(model(not frozen), tokens(), TrainConfig(**QUICK), out=out, resume=True)
        assert files(out) == saved


@pytest.fixture
def float64_by_default():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_a_run_goes_on_as_it_was_under_another_default_type(tmp_path, request):
    """A model that is made then has float64 weights: the run goes on in those of its checkpoint."""
    settings = {"val": tokens(50), "out": tmp_path / "parts"}
    shape = {"dropout": 0.3, "position": "rotary"}
    whole_model = fresh(**shape)
    whole = train(whole_model, tokens(), TrainConfig(**QUICK), val=tokens(50))
    train(fresh(**shape), tokens(), TrainConfig(**{**QUICK, "steps": 4}), **settings)
    request.getfixturevalue("float64_by_default")
    model = fresh(**shape)
    assert model.head.weight.dtype == torch.float64
    assert same(train(model, tokens(), TrainConfig(**QUICK), **settings, resume=True), whole)
    for a, b in zip(model.parameters(), whole_model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_run_in_float64_is_resumed_in_float64(tmp_path, float64_by_default):
    whole = train(fresh(), tokens(), TrainConfig(**QUICK), val=tokens(50))
    train(fresh(), tokens(), TrainConfig(**{**QUICK, "steps": 8}), val=tokens(50), out=tmp_path)
    assert same(train(fresh(), tokens(), TrainConfig(**QUICK), val=tokens(50), out=tmp_path, resume=True), whole)
    assert load_tensors(tmp_path / "checkpoint.safetensors")[0]["model.head.weight"].dtype == torch.float64


def test_tokens_of_any_integer_type_are_trained_on():
    assert same(train(fresh(), tokens().int(), TrainConfig(**QUICK)), train(fresh(), tokens(), TrainConfig(**QUICK)))


def test_a_cosine_run_cannot_be_given_more_steps(tmp_path):
    settings = {**QUICK, "schedule": "cosine"}
    train(fresh(), tokens(), TrainConfig(**{**settings, "steps": 8}), out=tmp_path)
    with pytest.raises(ValueError, match="does not match the run: the checkpoint has steps=8, the run has 12"):
        train(fresh(), tokens(), TrainConfig(**settings), out=tmp_path, resume=True)


# What must not happen


@pytest.mark.parametrize("val", [None, tokens(50)])
def test_diverged_weights_are_never_saved(tmp_path, val):
    """The loss before the only update is finite; the weights after it are not."""
    config = TrainConfig(**{**QUICK, "steps": 1}, learning_rate=1e38)
    with pytest.raises(ValueError, match=r"training diverged: .* at step 1.*; try a smaller learning_rate, or clip"):
        train(fresh(), tokens(), config, val=val, out=tmp_path)
    saved = load_tensors(tmp_path / "checkpoint.safetensors")[0]
    assert all(tensor.isfinite().all() for name, tensor in saved.items() if name.startswith(("model", "optimizer")))
    assert all(parameter.isfinite().all() for parameter in GPT.from_pretrained(tmp_path).parameters())
    assert History.from_csv(tmp_path / "history.csv").step == [0]


def test_a_model_that_is_not_finite_is_refused_before_the_first_update(tmp_path):
    model = fresh()
    model.head.bias.data[3] = math.inf
    with pytest.raises(ValueError, match=r"head\.bias is not finite at step 0"):
        train(model, tokens(), TrainConfig(**QUICK), out=tmp_path)
    assert not any(tmp_path.iterdir())


def test_two_runs_never_write_one_directory(tmp_path):
    refused = []

    def train_there_too(*_: object) -> None:
        for resume in (False, True):
            with pytest.raises(ValueError, match=r"run is in use|run already holds a run") as caught:
                train(fresh(), tokens(), TrainConfig(**QUICK), out=tmp_path / "run", resume=resume)
            refused.append(str(caught.value))

    train(fresh(), tokens(), TrainConfig(**{**QUICK, "steps": 4}), out=tmp_path / "run", on_evaluation=train_there_too)
    assert "is in use: another process is training in it" in refused[1]
    assert ".lock" not in files(tmp_path / "run")
    train(fresh(), tokens(), TrainConfig(**QUICK), out=tmp_path / "run", resume=True)


@pytest.mark.parametrize("exists", [True, False])
def test_a_batch_that_does_not_fit_leaves_nothing(tmp_path, exists):
    out = tmp_path / "run"
    if exists:
        out.mkdir()
    with pytest.raises(RuntimeError):
        train(fresh(), tokens(), TrainConfig(**{**QUICK, "batch_size": 10**15}), out=out)
    assert out.exists() == exists
    train(fresh(), tokens(), TrainConfig(**QUICK), out=out)  # the next attempt is not in its own way


@pytest.mark.parametrize("before", [True, False])
def test_a_model_is_in_training_mode_only_while_it_trains(before):
    model = fresh(dropout=0.5).train(before)
    model.blocks[0].eval()
    modes = [module.training for module in model.modules()]
    train(model, tokens(), TrainConfig(**QUICK), val=tokens(50))
    assert [module.training for module in model.modules()] == modes


def test_training_in_another_thread_is_refused_and_changes_nothing():
    raised = []

    def attempt(work) -> None:
        try:
            work()
        except ValueError as error:
            raised.append(str(error))

    def use_in_another_thread(step: int, model: GPT, *_: object) -> None:
        for work in (
            lambda: train(fresh(), tokens(), TrainConfig(**QUICK)),
            lambda: minimize(torch.nn.Linear(1, 1), lambda _: torch.zeros(()), TrainConfig(steps=1)),
        ):
            thread = threading.Thread(target=attempt, args=(work,))
            thread.start()
            thread.join()

    expected = train(fresh(dropout=0.2), tokens(), TrainConfig(**QUICK))
    model = fresh(dropout=0.2)
    assert same(train(model, tokens(), TrainConfig(**QUICK), on_evaluation=use_in_another_thread), expected)
    assert len(raised) == 4 * 2
    assert set(raised) == {"another thread is training, and all threads share torch's random state: use processes"}


def test_fp16_is_refused_on_the_cpu():
    with pytest.raises(ValueError, match="fp16 needs a GPU"):
        train(fresh(), tokens(), TrainConfig(**QUICK, precision="fp16"))


def remove(prefix: str):
    """Return a function that removes all tensors whose names begin like this."""
    return lambda tensors, record: [tensors.pop(name) for name in [*tensors] if name.startswith(prefix)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *[
            (lambda _, record, key=key: record.pop(key), f"lacks {key}: it is corrupt, or from another version")
            for key in ("model", "settings", "frozen", "processes", "tokens", "validation", "tokenizer", "scaler")
        ],
        (remove("model.head.weight"), "cannot be continued: .*model.head.weight"),
        (remove("history."), "cannot be continued: it is corrupt, or from another version"),
        (remove("random.torch"), "cannot be continued: .*random.torch"),
    ],
)
def test_a_checkpoint_that_is_not_complete_is_refused_by_name_and_nothing_is_written(run, change, message):
    path = run / "checkpoint.safetensors"
    tensors, metadata = load_tensors(path)
    record = json.loads(metadata["lecture21.run"])
    change(tensors, record)
    save_tensors(path, tensors, {"lecture21.run": json.dumps(record)})
    assert_refused(run, rf"checkpoint\.safetensors .*{message}")


def test_a_launcher_that_starts_one_process_only_is_noticed(monkeypatch):
    """Without two GPUs, accelerate launch ignores --num_processes unless --multi_gpu is given."""
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join_processes("cpu") is None
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(ValueError, match=r"started only one process.*--multi_gpu"):
        join_processes("cpu")


def test_a_single_process_cannot_be_sharded():
    with pytest.raises(ValueError, match="shard needs several processes: start them with torchrun"):
        train(fresh(), tokens(), TrainConfig(shard=True, device="cpu"))
