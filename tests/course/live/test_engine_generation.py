import pytest
import torch
from engine_page import open_engine
from variants import CONFIGS, make, random_ids

from lecture21 import pretrained
from lecture21.generation import generate, next_token_probabilities
from lecture21.pretrained import storage

GENERATE = """
    const model = await engine.load(await read(file));
    return model.generate(ids, options).done;
"""


def chosen(model, ids, uniforms, **options):
    """Sample as the engine does: the first token up to which the probabilities sum to more than a uniform number."""
    for uniform in uniforms:
        logits = model(ids[:, -model.block_size :])[0, -1]
        sums = next_token_probabilities(logits, **options).cumsum(0)
        token = (sums > uniform).nonzero()[0, 0]
        ids = torch.cat([ids, token[None, None]], dim=1)
    return ids[0].tolist()


@pytest.mark.sampled
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 3.0, "top_k": 3},
        {"top_p": 0.6},
        {"temperature": 1.5, "top_k": 8, "top_p": 0.8},
        {"top_p": 1e-9},
        {"top_k": 1},
    ],
    ids=str,
)
def test_sampling_with_given_uniforms_follows_the_rules_of_the_package(engine, options):
    model, tokenizer = pretrained.load("modern-gpt0")
    ids = tokenizer.encode("ROMEO:\n")
    torch.manual_seed(1)
    uniforms = torch.rand(60, dtype=torch.float64)
    given = {"temperature": "temperature", "top_k": "topK", "top_p": "topP"}
    actual = engine.run(
        GENERATE,
        file=engine.file((storage.FOLDER / "modern-gpt0" / "model.safetensors").read_bytes()),
        ids=ids,
        options={given[name]: value for name, value in options.items()}
        | {"count": len(uniforms), "uniforms": uniforms.tolist()},
    )
    with torch.no_grad():
        assert ids + actual == chosen(model, torch.tensor([ids]), uniforms, **options)


def test_ties_at_the_cut_of_top_k_are_kept_as_in_the_package(browser, tmp_path):
    logits = torch.tensor([1.0, 2.0, 2.0, 0.5, 2.0, 3.0, 0.5, -4.0])
    with open_engine(browser, tmp_path, modules=["engine/sampling.js"]) as page:
        for top_k in range(1, 9):
            for top_p in (0.3, 0.5, 0.9, 0.97, 1.0):
                actual = page.run(
                    "return module.nextTokenProbabilities(new Float32Array(logits), { temperature: 0.7, topK, topP });",
                    logits=logits.tolist(),
                    topK=top_k,
                    topP=top_p,
                )
                expected = next_token_probabilities(logits, temperature=0.7, top_k=top_k, top_p=top_p)
                assert torch.tensor(actual).sub(expected).abs().max() < 1e-6
                assert [p > 0 for p in actual] == (expected > 0).tolist()
        assert page.run("return module.mostLikely(new Float32Array([1, 3, 2, 3]));") == 1


# Positions of every kind, a window, grouped heads, experts, post-norm; longer than the block.
@pytest.mark.parametrize(
    "name", ["gpt0", "modern-gpt0", "gpt1", "window=5", "n_kv_head=1", "moe", "position=sinusoidal", "position=none"]
)
def test_greedy_text_is_that_of_torch_with_and_without_a_cache(engine, name):
    model = make(CONFIGS[name], dtype=torch.float32)
    file, ids = engine.model(model), random_ids(model.config, batch=1, length=3)
    with_cache, without = engine.run(
        """const model = await engine.load(await read(file));
        const options = { count: 20, greedy: true };
        const caches = [{}, { cache: false }];
        return Promise.all(caches.map((cache) => model.generate(ids, { ...options, ...cache }).done));""",
        file=file,
        ids=ids[0].tolist(),
    )
    assert with_cache == without == generate(model, ids, 20, greedy=True)[0, 3:].tolist()


def test_a_model_without_a_mask_writes_without_a_cache(engine):
    model = make(CONFIGS["gpt0"].changed(causal=False), dtype=torch.float32)
    ids = random_ids(model.config, batch=1, length=3)
    actual = engine.run(GENERATE, file=engine.model(model), ids=ids[0].tolist(), options={"count": 15, "greedy": True})
    assert actual == generate(model, ids, 15, greedy=True)[0, 3:].tolist()


def test_a_seed_gives_the_same_text_again_and_tokens_arrive_one_by_one(engine):
    file = engine.model(make(CONFIGS["gpt0"], dtype=torch.float32))
    first, again, other, high, arrived, stopped = engine.run(
        """const model = await engine.load(await read(file));
        const texts = [];
        for (const seed of [1, 1, 2, 2 ** 32 + 1]) texts.push(await model.generate([0], { count: 40, seed }).done);
        const arrived = [];
        await model.generate([0], { count: 40, seed: 1 }, (token) => arrived.push(token)).done;
        const job = model.generate([0], { count: 1e7, seed: 1 }, () => job.stop());
        return [...texts, arrived, (await job.done).slice(0, 40)];""",
        file=file,
    )
    assert first == again == arrived == stopped
    assert first not in (other, high)


def test_a_text_goes_on_with_the_weights_that_training_changed_meanwhile(browser, tmp_path):
    model = make(CONFIGS["modern-gpt0"].changed(block_size=64), dtype=torch.float32)
    modules = [f"engine/{name}.js" for name in ("files", "memory", "generate", "training")]
    with open_engine(browser, tmp_path, modules=modules) as page:
        text, expected = page.run(
            """const model = module.loadModel(await read(file), new module.Memory(null));
            const write = (ids, uniforms) => module.generate(model, ids, { count: uniforms.length, uniforms });
            const finish = (work) => {
                for (;;) {
                    const { done, value } = work.next({ state: "running", paused: 0 });
                    if (done) return value;
                }
            };
            const work = write([0], uniforms);
            const begun = [0, ...Array.from({ length: 30 }, () => work.next().value.token)];
            const tokens = Array.from({ length: 99 }, (_, i) => i % 5);
            finish(module.train(model, { tokens, steps: 9, learningRate: 0.05 }));
            return [[0, ...finish(work)], [...begun, ...finish(write(begun, uniforms.slice(30)))]];""",
            file=page.model(model),
            uniforms=torch.rand(63, generator=torch.Generator().manual_seed(0)).tolist(),
        )
    assert text == expected


def test_uniform_numbers_are_uniform_and_normal_ones_normal(browser, tmp_path):
    with open_engine(browser, tmp_path, modules=["engine/random.js"]) as page:
        uniform, normal, state, integers = page.run(
            """const random = new module.Random(3);
            const draw = (f) => Array.from({ length: 20000 }, f);
            const other = new module.Random(2 ** 40 + 42);
            const state = other.state.slice();
            return [draw(() => random.uniform()), draw(() => random.normal()), state, draw(() => other.integer())];"""
        )
    uniform, normal = torch.tensor(uniform), torch.tensor(normal)
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert torch.histc(uniform, 10, 0, 1).sub(2000).abs().max() < 200
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.02
    assert abs((normal.abs() < 1).float().mean() - 0.6827) < 0.015
    assert integers == xoshiro(state, len(integers))


def xoshiro(state: list[int], count: int) -> list[int]:
    """Return the numbers of xoshiro128** (Blackman and Vigna 2018) from a state of four."""
    mask, actual = 2**32 - 1, []
    a, b, c, d = state

    def turn(x: int, by: int) -> int:
        return (x << by | x >> 32 - by) & mask

    for _ in range(count):
        actual.append(turn(b * 5 & mask, 7) * 9 & mask)
        c, d, shifted = c ^ a, d ^ b, b << 9 & mask
        b, a = b ^ c, a ^ d
        c, d = c ^ shifted, turn(d, 11)
    return actual
