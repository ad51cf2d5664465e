import pytest
import torch
from engine_page import difference, open_engine
from variants import CONFIGS, make, random_ids

from lecture21 import GPT, GPTConfig, TrainConfig, evaluate, presets
from lecture21.training import muon, sample_windows
from lecture21.training.tasks import minimize

LOSSES = 50
MODULES = [f"engine/{name}.js" for name in ("files", "memory", "network", "backward", "training")]


@pytest.fixture(autouse=True)
def in_float32(monkeypatch):
    """Let Muon compute in float32 as the page does, whatever this processor prefers."""
    monkeypatch.setattr(muon, "matrix_dtype", lambda device: torch.float32)


def trained(config: GPTConfig) -> bool:
    """Whether the page trains such a model: GPT-0, the modern recipe, and what is between them, in any size."""
    kind = (config.norm_position, config.final_norm, config.tied_head, config.window, config.moe)
    return (
        kind == ("pre", True, False, None, None)
        and config.activation in ("relu", "relu2")
        and config.initialization in ("torch", "zero")
        and config.dropout == 0
    )


@pytest.mark.parametrize("simd", [True, False])
def test_the_gradient_of_every_parameter_is_that_of_torch(browser, tmp_path, simd):
    """In every kind of model that the page trains, on the mean of a batch."""
    wrong = {}
    with open_engine(browser, tmp_path, modules=MODULES) as page:
        page.run("globalThis.memory = new module.Memory(module.chooseBackend(simd).module);", simd=simd)
        for name, config in CONFIGS.items():
            if not trained(config):
                continue
            model = make(config, dtype=torch.float32)
            batch = random_ids(config, batch=3, length=config.block_size + 1)
            ids, targets = batch[:, :-1], batch[:, 1:]
            if ids.shape[1] > 1:
                ids, targets = ids[:, :-1], targets[:, :-1]  # shorter than the block
            file = page.model(model)
            loss = model.loss(ids, targets)
            loss.backward()
            actual = page.run(
                """const model = module.loadModel(await read(file), memory);
                const { network } = model;
                const w = new module.Workspace(network, 3, T);
                const g = new module.Gradients(network, w);
                const work = module.gradient(network, w, g, ids, targets, 3);
                let step;
                do step = work.next(); while (!step.done);
                const gradients = network.parameters.map((p) => {
                    const count = p.shape.reduce((a, b) => a * b, 1);
                    const at = p.offset + network.toGradient;
                    return Array.from({ length: count }, (_, i) => memory.floats[at + p.place(i)]);
                });
                network.memory.release();
                return [step.value, gradients];""",
                file=file,
                T=config.block_size,
                ids=ids.flatten().tolist(),
                targets=targets.flatten().tolist(),
            )
            assert abs(actual[0] - loss) < 1e-5, name
            for (parameter, tensor), numbers in zip(model.named_parameters(), actual[1], strict=True):
                scale = tensor.grad.abs().max().item()
                error = difference(numbers, tensor.grad)
                if not error < 1e-4 * scale + 1e-6:
                    wrong[name, parameter] = (error, scale)
    assert wrong == {}
    assert {"gpt0", "modern-gpt0"} <= {name for name, config in CONFIGS.items() if trained(config)}


REFUSED_MODELS = {
    "gpt1": 'The page trains models with activation = "relu" or "relu2", got "gelu',
    "norm_position=post": 'The page trains models with norm_position = "pre", got "post".',
    "tied_head=True": "The page trains models with tied_head = false, got true.",
    "final_norm=False": "The page trains models with final_norm = true, got false.",
    "window=5": "The page trains models with window = null, got 5.",
    "dropout=0.3": "The page trains models with dropout = 0, got 0.3.",
    "moe": 'The page trains models with moe = null, got {"n_expert"',
}


@pytest.mark.parametrize("name", REFUSED_MODELS)
def test_a_model_that_the_page_does_not_train_is_refused_in_one_sentence(engine, name):
    message = engine.run(
        """const model = await engine.load(await read(file));
        return failure(model.train({ tokens: Array(50).fill(1), steps: 1 }).done);""",
        file=engine.model(make(CONFIGS[name], dtype=torch.float32)),
    )
    assert message.startswith(REFUSED_MODELS[name])
    assert message.endswith(".")


def windows(config: TrainConfig, tokens, block_size: int) -> torch.Tensor:
    """Return where the windows of the batches of a run begin."""
    generator = torch.Generator().manual_seed(config.seed)
    positions = torch.arange(len(tokens))
    return torch.stack(
        [sample_windows(positions, block_size, config.batch_size, generator)[0][:, 0] for _ in range(config.steps)]
    )


TRAIN = """
    const model = await engine.load(await read(file));
    const { losses } = await model.train(options, () => {}, workers).done;
    return [losses, await base64(await model.save())];
"""
NAMES = {
    "batch_size": "batchSize",
    "steps": "steps",
    "learning_rate": "learningRate",
    "muon_learning_rate": "muonLearningRate",
    "embedding_learning_rate": "embeddingLearningRate",
    "optimizer": "optimizer",
}


def options_of(config: TrainConfig, tokens, block_size: int) -> dict:
    """Return the engine's options for the same run on the same batches."""
    starts = windows(config, tokens, block_size).flatten().tolist()
    return {reference: getattr(config, mine) for mine, reference in NAMES.items()} | {
        "tokens": tokens.tolist(),
        "starts": starts,
    }


MODERN = {"optimizer": "muon", "learning_rate": 3e-3, "embedding_learning_rate": 1e-2, "schedule": "linear"}
RUNS = {
    "gpt0 with AdamW": (presets.get("gpt0", vocab_size=11), {"schedule": "linear"}),
    "modern-gpt0 with Muon": (presets.get("modern-gpt0", vocab_size=11), MODERN),
    "Muon with wide and tall matrices": (
        CONFIGS["modern-gpt0"].changed(d_ff=10, n_head=3, n_kv_head=1, d_head=6),
        MODERN,
    ),
}


@pytest.mark.sampled
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", RUNS)
def test_the_losses_of_a_run_are_those_of_torch_on_the_same_batches(engine, name, workers):
    shape, changes = RUNS[name]
    config = TrainConfig(**({"steps": LOSSES, "batch_size": 8} | changes))
    model = seeded(shape)
    tokens = random_ids(shape, batch=1, length=3000)[0] // 2 * 2  # there is something to learn
    file = engine.weights(model)
    assert engine.run("return engine.hire(workers);", workers=workers) >= workers
    actual, saved = engine.run(TRAIN, file=file, options=options_of(config, tokens, shape.block_size), workers=workers)

    def loss(generator):
        return model.loss(*sample_windows(tokens, shape.block_size, config.batch_size, generator))

    expected = minimize(model, loss, config)
    assert expected[-1] < expected[0] - 0.1
    assert difference(actual, expected) < 3e-5
    for (parameter, mine), reference in zip(
        engine.loaded_from(saved).state_dict().items(), model.state_dict().values(), strict=True
    ):
        assert (mine - reference).abs().max() < 2e-3, parameter


@pytest.mark.repetition
def test_after_500_steps_a_run_has_hardly_drifted_from_that_of_torch(engine):
    """Rounding differs, and each step multiplies the difference: it must stay far below what a reader can see."""
    shape = CONFIGS["modern-gpt0"].changed(d_model=16)
    config = TrainConfig(**MODERN, steps=500, batch_size=8)
    model = seeded(shape)
    tokens = random_ids(shape, batch=1, length=3000)[0] // 2 * 2
    file = engine.weights(model)
    actual, saved = engine.run(TRAIN, file=file, options=options_of(config, tokens, shape.block_size), workers=1)
    expected = minimize(
        model, lambda generator: model.loss(*sample_windows(tokens, shape.block_size, 8, generator)), config
    )
    assert expected[-50:].mean() < expected[0] - 0.5
    assert difference(actual, expected) < 1e-3
    assert abs(evaluate(engine.loaded_from(saved), tokens) - evaluate(model, tokens)) < 1e-3


def seeded(shape: GPTConfig) -> GPT:
    torch.manual_seed(0)
    return GPT(shape)


def test_the_validation_loss_is_that_of_evaluate(engine):
    for length in (2, 12, 13, 40, 200):
        model = make(CONFIGS["modern-gpt0"], dtype=torch.float32)
        text = random_ids(model.config, batch=1, length=length)[0]
        file = engine.model(model)
        progress = engine.run(
            """const model = await engine.load(await read(file));
            const progress = [];
            const options = { tokens: Array(50).fill(1), validation, steps: 0, batchSize: 4 };
            await model.train(options, (at) => progress.push(at)).done;
            return progress;""",
            file=file,
            validation=text.tolist(),
        )
        assert [(at["step"], at["trainLoss"]) for at in progress] == [(0, None)]
        assert abs(progress[0]["validationLoss"] - evaluate(model, text)) < 1e-5


def test_a_run_reports_pauses_resumes_and_stops_while_the_model_writes(engine):
    file = engine.weights(seeded(CONFIGS["modern-gpt0"]))
    for worker in (True, False):
        actual = engine.run(
            """const other = await startEngine({ worker });
            const model = await other.load(await read(file));
            const tokens = Array.from({ length: 200 }, (_, i) => i % 7);
            const progress = [];
            let paused;
            const run = model.train({ tokens, steps: 1e6, evalEvery: 10, validation: tokens }, (at) => {
                if (!at.paused) progress.push(at);
                if (at.paused) paused = at;
                else if (at.step === 20) run.pause();
            });
            while (!paused) await new Promise((resolve) => setTimeout(resolve, 1));
            const written = await model.generate([0, 1], { count: 30 }).done; // answered only after the pause arrived
            const before = progress.length;
            await model.generate([0, 1], { count: 30 }).done;
            const after = progress.length;
            run.resume();
            while (progress.length < after + 3) await model.generate([0], { count: 5 }).done;
            run.stop();
            const { step, losses } = await run.done;
            const again = await model.train({ tokens, steps: 2, evalEvery: 1 }).done;
            other.close();
            return { progress, written, paused, before, after, step, losses: losses.length, again };""",
            file=file,
            worker=worker,
        )
        steps = [at["step"] for at in actual["progress"]]
        assert steps == list(range(0, 10 * len(steps), 10))
        assert actual["before"] == actual["after"]  # no message while it pauses
        assert len(actual["written"]) == 30
        assert actual["paused"]["step"] >= 20
        assert actual["paused"]["validationLoss"] > 0  # of the model as it is while it waits
        assert actual["step"] == actual["losses"] >= steps[-1]
        assert actual["progress"][-1]["validationLoss"] < actual["progress"][0]["validationLoss"]
        seconds = [at["seconds"] for at in actual["progress"]]
        assert seconds == sorted(seconds)
        assert actual["again"]["step"] == 2


def test_a_seed_repeats_a_run_and_another_does_not(engine):
    file = engine.weights(seeded(CONFIGS["gpt0"]))
    first, again, other = engine.run(
        """const losses = [];
        for (const seed of [3, 3, 4]) {
            const model = await engine.load(await read(file));
            const tokens = Array.from({ length: 200 }, (_, i) => (i * i) % 11);
            losses.push((await model.train({ tokens, steps: 5, seed }).done).losses);
        }
        return losses;""",
        file=file,
    )
    assert first == again != other


def test_without_its_mask_a_model_learns_to_cheat(engine):
    file = engine.weights(seeded(CONFIGS["modern-gpt0"]))
    honest, cheat, config = engine.run(
        """const losses = [];
        let model;
        for (const causal of [true, false]) {
            model = await engine.load(await read(file));
            let state = 1;
            const tokens = Array.from({ length: 4000 }, () => (state = (state * 75) % 65537) % 11);
            const recipe = { steps: 300, optimizer: "muon", learningRate: 3e-3, embeddingLearningRate: 1e-2 };
            losses.push((await model.train({ tokens, ...recipe, causal }).done).losses.at(-1));
        }
        return [...losses, (await engine.load(await model.save())).config];""",
        file=file,
    )
    assert honest > 2
    assert cheat < 1.3
    assert config["causal"] is False


SAME = """
    await engine.hire(4);
    const tokens = Array.from({ length: 400 }, (_, i) => (i * i) % 11);
    const runs = [];
    for (const workers of [1, 2, 4]) {
        const model = await engine.load(await read(file));
        const progress = [];
        const options = { tokens, validation: tokens.slice(0, 200), steps: 12, evalEvery: 4, ...given };
        const { losses } = await model.train(options, (at) => progress.push(at), workers).done;
        runs.push([losses, progress.map(({ step, trainLoss, validationLoss }) => [step, trainLoss, validationLoss]),
            await base64(await model.save())]);
    }
    return runs;
"""


@pytest.mark.parametrize("batch", [1, 3, 16])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_in_several_workers_is_the_same_bit_for_bit(engine, optimizer, batch):
    file = engine.weights(seeded(CONFIGS["modern-gpt0"]))
    alone, *together = engine.run(SAME, file=file, given={"optimizer": optimizer, "batchSize": batch})
    assert alone[0][-1] < alone[0][0]
    assert [step for step, *_ in alone[1]] == [0, 4, 8, 12]
    assert together == [alone, alone]


def test_workers_pause_resume_and_stop_together_and_train_again(engine):
    file = engine.weights(seeded(CONFIGS["modern-gpt0"]))
    paused, more, end, again = engine.run(
        """await engine.hire(2);
        const model = await engine.load(await read(file));
        const tokens = Array.from({ length: 200 }, (_, i) => i % 7);
        let seen;
        const until = async (wanted) => {
            while (!wanted()) await new Promise((resolve) => setTimeout(resolve, 1));
        };
        const run = model.train({ tokens, steps: 1e6, evalEvery: 5 }, (at) => (seen = at), 2);
        await until(() => seen?.step >= 5);
        run.pause();
        await until(() => seen.paused);
        const paused = seen.step;
        run.resume();
        await until(() => seen.step > paused);
        const more = seen.step;
        run.stop();
        const end = (await run.done).step;
        const again = (await model.train({ tokens, steps: 3 }, () => {}, 2).done).step;
        return [paused, more, end, again];""",
        file=file,
    )
    assert 5 <= paused < more <= end
    assert again == 3


@pytest.mark.parametrize("who", ["engine", "engine.helpers[0]"])
def test_a_worker_that_fails_ends_a_training_in_several_with_one_sentence(engine, who):
    message = engine.run(
        f"""const other = await startEngine();
        await other.hire(2);
        const model = await other.load(await read(file));
        const tokens = Array.from({{ length: 200 }}, (_, i) => i % 7);
        const broken = {who.replace("engine", "other")};
        const run = model.train({{ tokens, steps: 1e6 }}, () => broken.worker.onerror(new Event("error")), 2);
        return failure(run.done);""",
        file=engine.weights(seeded(CONFIGS["modern-gpt0"])),
    )
    assert message == "The engine stopped because of an error in its worker."


def test_a_worker_that_cannot_take_part_ends_a_training_in_several_with_its_sentence(engine):
    message = engine.run(
        """await engine.hire(2);
        const model = await engine.load(await read(file));
        model.config = { ...model.config, activation: "gelu" }; // what the other worker is told
        const tokens = Array.from({ length: 200 }, (_, i) => i % 7);
        return failure(model.train({ tokens, steps: 3 }, () => {}, 2).done);""",
        file=engine.weights(seeded(CONFIGS["modern-gpt0"])),
    )
    assert message.startswith(REFUSED_MODELS["gpt1"])


def test_training_together_diverges_with_the_sentence_of_training_alone(engine):
    message = engine.run(
        """await engine.hire(2);
        const model = await engine.load(await read(file));
        const tokens = Array.from({ length: 100 }, (_, i) => i % 5);
        const options = { tokens, steps: 50, batchSize: 4, learningRate: 1e30 };
        return failure(model.train(options, () => {}, 2).done);""",
        file=engine.weights(seeded(CONFIGS["gpt0"])),
    )
    assert message == "Training diverged: the loss at step 1 is NaN; choose a lower learning rate."


REFUSED = {
    "{ steps: 1 }": "The text is empty.",
    "{ tokens: [0, 1, 2] }": "The text has 3 tokens; a block of 12 needs 13.",
    "{ tokens, rate: 1 }": 'Training has no option "rate".',
    "{ tokens, batchSize: 0 }": "batchSize must be a whole number >= 1, got 0.",
    "{ tokens, learningRate: -1 }": "learningRate must be a positive number, got -1.",
    "{ tokens, optimizer: 'sgd' }": 'optimizer must be adamw or muon, got "sgd".',
    "{ tokens, validation: [1] }": "The text needs 2 tokens or more.",
    "{ tokens, steps: 2, batchSize: 1, starts: [0, 90] }": "starts must be 2 places from 0 to 87.",
    "{ tokens, steps: 50, batchSize: 4, learningRate: 1e30 }": (
        "Training diverged: the loss at step 1 is NaN; choose a lower learning rate."
    ),
    "{ tokens, batchSize: 4e6 }": "This needs 1",
}


@pytest.mark.parametrize("options", REFUSED)
def test_a_run_that_cannot_work_is_refused_in_one_sentence_and_another_works(engine, options):
    file = engine.weights(seeded(CONFIGS["gpt0"]))
    message, step = engine.run(
        f"""const tokens = Array.from({{ length: 100 }}, (_, i) => i % 5);
        const model = await engine.load(await read(file));
        const why = await failure(model.train({options}).done);
        const whole = await engine.load(await read(file));
        return [why, (await whole.train({{ tokens, steps: 2, batchSize: 2 }}).done).step];""",
        file=file,
    )
    assert message.startswith(REFUSED[options])
    assert message.endswith(".")
    assert step == 2
