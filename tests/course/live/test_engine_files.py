import json
import struct

import pytest
import torch
from engine_page import open_engine
from safetensors.torch import save
from variants import CONFIGS, make

from lecture21 import GPT, GPTConfig
from lecture21.course.live import schema
from lecture21.pretrained import storage
from lecture21.tokenizers import CharTokenizer, load_tokenizer


@pytest.fixture(scope="module")
def whole() -> bytes:
    return (storage.FOLDER / "modern-gpt0" / "model.safetensors").read_bytes()


def refusal(engine, content: bytes) -> str:
    """Return why a file is refused; the engine must then still read a good one."""
    why = engine.run("return failure(read(file).then((buffer) => engine.load(buffer)));", file=engine.file(content))
    good = engine.model(make(CONFIGS["gpt0"], dtype=torch.float32))
    assert (
        engine.run("return (await (await engine.load(await read(file))).forward([0])).logits.length;", file=good) == 11
    )
    return why


def with_header(content: bytes, change) -> bytes:
    """Return a file whose header was changed by `change(header)`."""
    end = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:end])
    text = json.dumps(change(header) or header).encode()
    return struct.pack("<Q", len(text)) + text + content[end:]


def with_config(content: bytes, **changes) -> bytes:
    def change(header):
        values = json.loads(header["__metadata__"]["config"]) | changes
        header["__metadata__"]["config"] = json.dumps(values)

    return with_header(content, change)


DAMAGED = {
    "empty": (lambda whole: b"", "it is shorter than 8 bytes"),
    "cut in the header": (lambda whole: whole[:500], "it ends within its header"),
    "cut in the numbers": (lambda whole: whole[:-1], "it ends within "),
    "longer": (lambda whole: whole + b"\0", "there are bytes after the last tensor"),
    "a huge header": (lambda whole: struct.pack("<Q", 2**62) + whole[8:], "its header would have 4,611,686,018"),
    "no JSON": (lambda whole: whole[:8] + b"\xff" + whole[9:], "its header is not JSON"),
    "another type": (
        lambda whole: with_header(whole, lambda h: h["token.weight"].update(dtype="I64")),
        'the numbers of "token.weight" are not F32, F16 or BF16',
    ),
    "a negative place": (
        lambda whole: with_header(whole, lambda h: h["token.weight"].update(data_offsets=[-4, 4])),
        'the shape or the offsets of "token.weight" are not a list of integers',
    ),
    "a wrong shape": (
        lambda whole: with_header(whole, lambda h: h["token.weight"].update(shape=[65, 63])),
        '"token.weight" does not have the size of its shape',
    ),
    "a place twice": (
        lambda whole: with_header(
            whole,
            lambda h: h["blocks.0.attention.key.weight"].update(
                data_offsets=h["blocks.0.attention.query.weight"]["data_offsets"]
            ),
        ),
        "its tensors overlap, or there is a hole between them",
    ),
    "a place that is also another's": (
        lambda whole: with_header(whole, lambda h: h.update(other=h["token.weight"])),
        "its tensors overlap, or there is a hole between them",
    ),
    "a list": (lambda whole: struct.pack("<Q", 2) + b"[]", "its header is not an object"),
}


def test_the_engine_checks_the_fields_of_the_package():
    assert schema.FILE.read_text(encoding="utf-8") == schema.text(), "run: python -m lecture21.course.live.schema"


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_in_one_sentence(engine, whole, name):
    damage, why = DAMAGED[name]
    message = refusal(engine, damage(whole))
    assert message.startswith("This is not a complete safetensors file: ")
    assert why in message
    assert message.endswith(".")


OTHERS = {
    "no configuration": (
        lambda whole: save({"a": torch.zeros(2)}),
        "This file has no configuration of a GPT in its metadata; files that lecture21 writes have one.",
    ),
    "another kind": (
        lambda whole: with_config(whole, model="rnn"),
        "The model in this file is not a GPT of lecture21.",
    ),
    "another width": (
        lambda whole: with_config(whole, d_model=32),
        "The tensor token.weight has the shape (65,64) in the file and (65,32) in its model.",
    ),
    "a wider vocabulary": (
        lambda whole: with_config(whole, vocab_size=2**31 - 1),
        "The tensor token.weight has the shape (65,64) in the file and (2147483647,64) in its model.",
    ),
    "many layers": (
        lambda whole: with_config(whole, n_layer=10**9),
        "The file has 43 tensors, too few for 1000000000 layers.",
    ),
    "an unknown field": (lambda whole: with_config(whole, n_hed=4), 'The configuration has an unknown field "n_hed".'),
    "an unknown word": (
        lambda whole: with_config(whole, norm="batchnorm"),
        'norm must be one of layernorm, rmsnorm, got "batchnorm".',
    ),
    "no number": (lambda whole: with_config(whole, n_head="4"), 'n_head must be a number, got "4".'),
    "no fraction": (lambda whole: with_config(whole, n_head=2.5), "n_head must be a whole number >= 1, got 2.5."),
    "another tokenizer": (
        lambda whole: with_header(
            whole, lambda h: h["__metadata__"].update(tokenizer='{"tokenizer": "characters", "symbols": ["a"]}')
        ),
        "The tokenizer has 2 tokens, and the model has 65.",
    ),
    "long symbols": (
        lambda whole: with_header(
            whole, lambda h: h["__metadata__"].update(tokenizer='{"tokenizer": "characters", "symbols": ["ab"]}')
        ),
        "The symbols of the tokenizer in this file are not a list of different characters.",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_that_is_no_such_model_is_refused_in_one_sentence(engine, whole, name):
    change, message = OTHERS[name]
    assert refusal(engine, change(whole)) == message


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_numbers_of_every_precision_are_read_exactly(engine, dtype):
    model = make(CONFIGS["moe"], dtype=torch.float32)
    for tensor in model.state_dict().values():
        tensor.copy_((tensor * 10.0 ** torch.randint(-7, 3, tensor.shape)).to(dtype))
    saved = engine.run(
        "return base64(await (await engine.load(await read(file))).save());", file=engine.weights(model.to(dtype))
    )
    expected = model.float().state_dict()
    actual = engine.loaded_from(saved).state_dict()
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


def test_half_precision_is_rounded_as_in_torch(engine):
    model = make(CONFIGS["gpt0"], dtype=torch.float32)
    for tensor in model.state_dict().values():
        tensor.copy_(tensor * 10.0 ** torch.randint(-8, 6, tensor.shape))
    model.token.weight.data[0, :6] = torch.tensor([65519.0, 65520.0, -0.0, 2.0**-25, 2.0**-24 * 1.5, 1 + 2.0**-11])
    expected = {name: tensor.half().float() for name, tensor in model.state_dict().items()}
    saved = engine.run(
        "return base64(await (await engine.load(await read(file))).save('float16'));", file=engine.weights(model)
    )
    actual = engine.loaded_from(saved).state_dict()
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


def test_a_saved_model_is_read_by_the_package(engine):
    for config in CONFIGS.values():
        model = make(config, dtype=torch.float32)
        saved = engine.run(
            """const model = await engine.load(await read(file));
            const saved = await base64(await model.save());
            model.dispose();
            return saved;""",
            file=engine.weights(model),
        )
        loaded = engine.loaded_from(saved)
        assert loaded.config == model.config
        assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), model.parameters(), strict=True))


def test_a_new_model_is_drawn_as_in_the_package(engine):
    tokenizer = CharTokenizer("".join(map(chr, range(65, 65 + 64))))
    small = {"d_model": 32, "n_layer": 2}
    for change in ({}, {"qkv_bias": True, "norm": "rmsnorm", "activation": "relu2", "qk_norm": True}):
        for initialization in ("torch", "zero"):
            config = GPTConfig(initialization=initialization, **small, **change)
            files = engine.run(
                """const save = async (seed) => base64(await (await engine.create(config, seed, symbols)).save());
                return [await save(0), await save(0), await save(1)];""",
                config=small | {"initialization": initialization, **change},
                symbols=list(tokenizer.symbols),
            )
            assert files[0] == files[1] != files[2]
            actual = engine.loaded_from(files[0])
            assert actual.config == config
            torch.manual_seed(0)
            for (name, mine), expected in zip(actual.named_parameters(), GPT(config).parameters(), strict=True):
                spread = expected.std() if expected.numel() > 1 else 0
                assert abs(mine.mean() - expected.mean()) <= 6 * spread / expected.numel() ** 0.5, name
                assert abs(mine.std() - spread) <= 6 * spread / expected.numel() ** 0.5 + 1e-9, name
                assert abs(mine.abs().max() - expected.abs().max()) <= 0.6 * expected.abs().max() + 1e-9, name
    assert load_tokenizer(engine.folder / "saved.safetensors") == tokenizer


MISUSE = {
    "model.forward([])": "The text is empty.",
    "model.forward([0, 11])": "The token 11 is not in the vocabulary of 11.",
    "model.forward([0.5])": "The token 0.5 is not in the vocabulary of 11.",
    "model.forward(Array(13).fill(0))": "The text has 13 tokens; the context of the model is 12.",
    "model.forward([0], { router: true })": "This model has no router: it is not sparse.",
    "model.forward([0], { routes: [0, 0] })": "This model has no router: it is not sparse.",
    "model.forward([0], { remove: ['2.attention'] })": (
        "There is no part 2.attention: parts are called 0.attention to 1.feed_forward."
    ),
    "model.logProbabilities([0])": "The text needs 2 tokens or more.",
    "model.generate([0], { temperature: 0 }).done": (
        "The temperature must be a positive number, got 0; for the limit 0 choose greedy."
    ),
    "model.generate([0], { topK: 12 }).done": "top-k must be a whole number from 1 to 11, got 12.",
    "model.generate([0], { topP: 0 }).done": "top-p must be above 0 and at most 1, got 0.",
    "model.generate([0], { count: -1 }).done": "The number of tokens must be a whole number, got -1.",
    "engine.create({ d_model: 63 }, 0)": "n_head must divide d_model = 63, got 4.",
    "engine.create({ d_modell: 64 }, 0)": 'The configuration has an unknown field "d_modell".',
    "engine.create({ d_model: 2 ** 21 }, 0)": "This needs 844426.8 GB of memory; a page has 1 GB.",
    "engine.create({ tied_head: true }, 0)": "The page trains models with tied_head = false, got true.",
    "engine.create({}, -1)": "The seed must be a whole number >= 0, got -1.",
    "engine.load('text')": "This is not a complete safetensors file: it is shorter than 8 bytes.",
}


@pytest.mark.parametrize("call", MISUSE)
def test_a_wrong_call_is_refused_in_one_sentence_and_the_model_stays_usable(engine, call):
    file = engine.model(make(CONFIGS["gpt0"], dtype=torch.float32))
    message, logits = engine.run(
        f"""const model = await engine.load(await read(file));
        return [await failure({call}), (await model.forward([0])).logits];""",
        file=file,
    )
    assert message == MISUSE[call]
    assert len(logits) == 11


def test_a_closed_engine_rejects_what_is_waited_for_and_everything_after(engine):
    file = engine.model(make(CONFIGS["gpt0"], dtype=torch.float32))
    for worker in (True, False):
        assert engine.run(
            """const other = await startEngine({ worker });
            const model = await other.load(await read(file));
            const waiting = failure(model.generate([0], { count: 1e9 }).done);
            other.close();
            return [await waiting, await failure(model.forward([0]))];""",
            file=file,
            worker=worker,
        ) == ["The engine was closed.", "The engine is closed."]


def test_a_disposed_model_is_gone(engine):
    file = engine.model(make(CONFIGS["gpt0"], dtype=torch.float32))
    assert (
        engine.run(
            """const model = await engine.load(await read(file));
            model.dispose();
            return failure(model.forward([0]));""",
            file=file,
        )
        == "This model is no longer loaded."
    )


def test_disposing_of_a_model_ends_its_work(engine):
    length = engine.run(
        """const model = await engine.create({ n_layer: 1 }, 0);
        const job = model.generate([0], { count: 1e6 });
        model.dispose();
        return (await job.done).length;"""
    )
    assert length < 1e6


def test_freed_blocks_are_joined_and_used_again(browser, tmp_path):
    with open_engine(browser, tmp_path, modules=["engine/memory.js"]) as page:
        assert page.run(
            """const memory = new module.Memory(null);
            const blocks = [100, 200, 300, 50].map((count) => [memory.allocate(count), count]);
            memory.floats.fill(1);
            for (const [offset, count] of [blocks[2], blocks[0], blocks[1]]) memory.free(offset, count);
            const again = memory.allocate(600);
            const other = memory.allocate(17);
            const inside = memory.floats.subarray(again, again + 600);
            return [again === blocks[0][0], inside.every((value) => value === 0), other > again + 599];"""
        ) == [True, True, True]


def test_an_engine_whose_worker_failed_says_so(engine):
    stopped = "The engine stopped because of an error in its worker."
    assert engine.run(
        """const other = await startEngine();
        const model = await other.create({ n_layer: 1 }, 0);
        const waiting = failure(model.generate([0], { count: 1e9 }).done);
        other.worker.dispatchEvent(new ErrorEvent("error", { cancelable: true }));
        return [await waiting, await failure(model.forward([0]))];"""
    ) == [stopped, stopped]
