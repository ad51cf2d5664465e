from dataclasses import asdict

import pytest
import torch
from engine_page import difference, open_engine
from variants import CONFIGS, make, random_ids

from lecture21 import pretrained
from lecture21.layers import attention_weights
from lecture21.moe import Router, routings
from lecture21.pretrained import storage
from lecture21.tokenizers import CharTokenizer

TOLERANCE = 1e-4


FORWARD = """
    const model = await engine.load(await read(file));
    const { logits } = await model.forward(ids);
    model.dispose();
    return logits;
"""


def test_the_logits_of_every_kind_of_model_are_those_of_torch(engine):
    worst = {}
    groups = CONFIGS["n_kv_head=1"].changed(n_head=4, n_kv_head=2)  # two heads share keys and values with each other
    for name, config in (CONFIGS | {"groups": groups}).items():
        model = make(config, dtype=torch.float32)
        file, ids = engine.model(model), random_ids(config, batch=1)
        worst[name] = difference(engine.run(FORWARD, file=file, ids=ids[0].tolist()), model(ids))
    # Rounding leaves 1e-6; gelu and its approximation with tanh differ by 8e-5.
    assert {name: error for name, error in worst.items() if not error < 1e-5} == {}


@pytest.mark.parametrize("name", pretrained.names())
def test_a_shipped_model_gives_the_logits_of_torch(engine, name):
    model, tokenizer = pretrained.load(name)
    torch.manual_seed(0)
    ids = torch.randint(model.vocab_size, (1, model.block_size))
    file = engine.file((storage.FOLDER / name / "model.safetensors").read_bytes())
    actual = engine.run(
        """const model = await engine.load(await read(file));
        const { logits } = await model.forward(ids);
        return { logits, symbols: model.symbols, parameters: model.parameters, config: model.config };""",
        file=file,
        ids=ids[0].tolist(),
    )
    assert difference(actual["logits"], model(ids)) < TOLERANCE
    assert actual["parameters"] == model.num_parameters()
    assert actual["config"] == asdict(model.config)
    if isinstance(tokenizer, CharTokenizer):
        assert actual["symbols"] == [*tokenizer.symbols, "\ufffd"]
    else:
        assert actual["symbols"] is None


CHECKED = {
    name: CONFIGS[name]
    for name in ("modern-gpt0", "gpt1", "window=5", "moe-fine", "n_kv_head=1", "position=sinusoidal")
}


def intermediate(model, ids, removed=()):
    """Return the residual stream after the embedding and after each sub-layer, and the logits of each."""
    stream = [model.token(ids) + model.position(0, ids.shape[1])]
    for i, block in enumerate(model.blocks):
        for part, norm in (("attention", block.norm_attention), ("feed_forward", block.norm_feed_forward)):
            x, layer = stream[-1], getattr(block, part)
            kept = f"{i}.{part}" not in removed
            if block.pre_norm:
                stream.append(x + layer(norm(x)) if kept else x)
            else:
                stream.append(norm(x + layer(x)) if kept else norm(x))
    return torch.stack(stream), torch.stack([logits_of(model, x) for x in stream])


def logits_of(model, x):
    hidden = model.norm(x)
    logits = hidden @ model.token.weight.T if model.head is None else model.head(hidden)
    cap = model.config.logit_cap
    return logits if cap is None else cap * (logits / cap).tanh()


@pytest.mark.parametrize("name", CHECKED)
def test_what_a_forward_pass_leaves_behind_is_that_of_torch(engine, name):
    model = make(CHECKED[name], dtype=torch.float32)
    file, ids = engine.model(model), random_ids(CHECKED[name], batch=1, length=9)
    moe = CHECKED[name].moe
    actual = engine.run(
        """const model = await engine.load(await read(file));
        return {
            ...(await model.forward(ids, { attention: true, residual: true, router })),
            lens: await model.lens(ids),
            removed: (await model.forward(ids, { residual: true, remove: ["0.attention", "1.feed_forward"] })).residual,
        };""",
        file=file,
        ids=ids[0].tolist(),
        router=moe is not None,
    )
    stream, logits = intermediate(model, ids)
    assert difference(actual["attention"], attention_weights(model, ids)) < TOLERANCE
    assert difference(actual["residual"], stream) < TOLERANCE
    assert difference(actual["lens"], logits) < TOLERANCE
    assert difference(actual["removed"], intermediate(model, ids, {"0.attention", "1.feed_forward"})[0]) < TOLERANCE
    if moe is not None:
        with routings(model) as routed:
            model(ids)
        assert difference(actual["router"], torch.stack([r.logits.softmax(-1) for _, r in routed])) < TOLERANCE
        assert actual["experts"] == torch.stack([r.experts for _, r in routed]).flatten().tolist()


@pytest.mark.parametrize("name", [name for name, config in CHECKED.items() if config.moe])
def test_a_token_goes_where_it_is_sent(engine, name):
    """-1: the model's own choice, -2: none, an expert, or E + n: the n-th after the best; the weight stays."""
    config = CHECKED[name]
    model = make(config, dtype=torch.float32)
    file, ids, count = engine.model(model), random_ids(config, batch=1, length=9), config.moe.n_expert
    routes = torch.tensor([[-1, -2, 0, count - 1, count + 1, -1, -2, 1, -1]] * config.n_layer)
    routes[1:] = routes[1:].roll(1, dims=1)
    hooks = []
    for to, router in zip(routes, [m for m in model.modules() if isinstance(m, Router)], strict=True):

        def reroute(_, given, routing, to=to):
            experts, weights = routing.experts.clone(), routing.weights.clone()
            first = experts[0, :, 0]
            there = torch.where(to >= count, (first + to) % count, to)
            experts[0, :, 0] = torch.where(to < 0, first, there)
            weights[0, to == -2, 0] = 0
            return routing._replace(experts=experts, weights=weights)

        hooks.append(router.register_forward_hook(reroute))
    with torch.no_grad():
        expected = model.eval()(ids)[0]
    for hook in hooks:
        hook.remove()
    script = "return (await (await engine.load(await read(file))).forward(ids, { routes })).logits;"
    values = {"file": file, "ids": ids[0].tolist(), "routes": routes.flatten().tolist()}
    assert difference(engine.run(script, **values), expected) < TOLERANCE
    assert difference(engine.run(script, **values | {"routes": [-1] * routes.numel()}), expected) > 100 * TOLERANCE


AHEAD = {
    "causal=False": CONFIGS["modern-gpt0"].changed(causal=False),
    "capacity": CONFIGS["moe"].changed(moe={"eval_capacity_factor": 0.75}),
}
"""Models in which later tokens change what earlier positions compute."""


@pytest.mark.parametrize("name", [*CHECKED, *AHEAD])
def test_the_log_probabilities_of_a_long_text_are_those_of_torch(engine, name):
    config = (CHECKED | AHEAD)[name]
    model = make(config, dtype=torch.float32)
    text = random_ids(config, batch=1, length=30)[0]
    actual = engine.run(
        "return (await engine.load(await read(file))).logProbabilities(ids);",
        file=engine.model(model),
        ids=text.tolist(),
    )
    windows = [text[None, max(0, i - config.block_size) : i] for i in range(1, len(text))]
    expected = [model(window)[0, -1].log_softmax(-1)[text[i + 1]] for i, window in enumerate(windows)]
    assert difference(actual, torch.stack(expected)) < TOLERANCE


@pytest.mark.parametrize("options", [{"simd": False}, {"fma": False}, {"worker": False}])
def test_every_backend_gives_the_same_logits(browser, tmp_path, options):
    model = make(CHECKED["modern-gpt0"], dtype=torch.float32)
    ids = random_ids(model.config, batch=1)
    with open_engine(browser, tmp_path) as page:
        started = page.start(**options)
        assert started["inWorker"] is options.get("worker", True)
        assert started["backend"] == {"simd": "plain", "fma": "simd"}.get(next(iter(options)), started["backend"])
        actual = page.run(FORWARD, file=page.model(model), ids=ids[0].tolist())
    assert difference(actual, model(ids)) < TOLERANCE


@pytest.mark.parametrize(
    ("policy", "backend"),
    [
        ("script-src 'self' 'unsafe-inline' 'unsafe-eval'; worker-src 'self'", None),
        ("script-src 'self' 'unsafe-inline'", "plain"),
    ],
)
def test_a_host_that_forbids_workers_from_text_gets_the_engine_on_its_own_thread(browser, tmp_path, policy, backend):
    model = make(CHECKED["modern-gpt0"], dtype=torch.float32)
    ids = random_ids(model.config, batch=1)
    with open_engine(browser, tmp_path, policy) as page:
        started = page.start()
        assert not started["inWorker"]
        assert started["backend"] == (backend or started["backend"])
        actual = page.run(FORWARD, file=page.model(model), ids=ids[0].tolist())
    assert difference(actual, model(ids)) < TOLERANCE
