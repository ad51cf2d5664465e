"""Hostile input on the command line and in files: one short line, without 500 MB, and nothing is changed."""

import json
import math
import os
import random
import re
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import children
import torch

from lecture21 import GPTConfig
from lecture21._support.storage import load_tensors, save_tensors
from lecture21.cli import main
from lecture21.tokenizers import BPETokenizer, CharTokenizer, train_bpe
from lecture21.training import TrainConfig

_TEXT = "ROMEO:\nBut soft, what light through yonder window breaks?\n\n" * 20
_OPTIONS = ["--steps", "2", "--eval-every", "1", "--batch-size", "2", "--set", "n_layer=1", "--set", "d_model=8"]
_DEEP = "[" * 100_000
_ODD = (-1, 0, 1.5, math.nan, True, None, "x", "\x1b[31m", "y" * 10**5, [], {}, [[[]]], {"a": 1})

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_Change = Callable[[Path], None]


def _values() -> Iterator[tuple[str, _Change]]:
    """Odd values in every field of a configuration, in both files that hold it."""

    def set_field(run: Path, name: str, value: object) -> None:
        config = json.dumps(json.loads((run / "config.json").read_text()) | {name: value})
        (run / "config.json").write_text(config)
        tensors, _ = load_tensors(run / "model.safetensors")
        save_tensors(run / "model.safetensors", {k: v.clone() for k, v in tensors.items()}, {"config": config})

    names = [field.name for field in fields(GPTConfig)]
    generator = random.Random(0)
    for name in (*names, "model", "unknown", "\x1b[2J"):
        for value in generator.sample(_ODD, 3):
            yield f"{name} = {str(value)[:20]}", lambda run, n=name, v=value: set_field(run, n, v)
    yield "model = rnn", lambda run: set_field(run, "model", "rnn")


def _damage(name: str) -> Iterator[tuple[str, _Change]]:
    """A file that is cut, has other bytes, or is something else."""
    generator = random.Random(name)

    def cut(path: Path, share: float) -> None:
        os.truncate(path, int(path.stat().st_size * share))

    def flip(path: Path, seed: int) -> None:
        data = bytearray(path.read_bytes())
        draw = random.Random(seed)
        for _ in range(8):
            data[draw.randrange(min(len(data), 2000))] = draw.randrange(256)
        path.write_bytes(data)

    for share in (0.0, 0.5, *(generator.random() for _ in range(4))):
        yield f"{name} cut at {share:.0%}", lambda run, s=share: cut(run / name, s)
    for seed in range(8):
        yield f"{name} with bytes changed ({seed})", lambda run, s=seed: flip(run / name, s)
    for content in (
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"x"',
        _DEEP.encode(),
        b'{"a":' + _DEEP.encode(),
        b"\xff" * 100,
        b"PK\3\4",
    ):
        yield f"{name} = {content[:10]!r}", lambda run, c=content: (run / name).write_bytes(c) and None


def _headers(name: str) -> Iterator[tuple[str, _Change]]:
    """A safetensors file whose header is hostile."""

    def write(path: Path, header: bytes, size: int | None = None, length: int | None = None) -> None:
        path.write_bytes(struct.pack("<Q", len(header) if size is None else size) + header)
        if length is not None:
            os.truncate(path, length)

    huge = b'{"x": {"dtype": "F32", "shape": [2147483648], "data_offsets": [0, 8589934592]}}'
    empty = b'{"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}'
    cases = {
        "sparse 8 GB": (huge, None, 8 + len(huge) + 2**33),
        "size 2^63": (b"{}", 2**63, None),
        "size 99 MB": (b"{}", 99_000_000, 200_000_000),
        "deep": (_DEEP.encode(), None, None),
        "names with ESC": (b'{"\\u001b[31m": %b}' % empty, None, None),
        "negative offsets": (b'{"x": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}', None, None),
        "overflow": (b'{"x": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 0]}}', None, None),
    }
    for label, (header, size, length) in cases.items():
        yield f"{name}: {label}", lambda run, h=header, s=size, n=length: write(run / name, h, s, n)


def _tensors(name: str) -> Iterator[tuple[str, _Change]]:
    """Tensors of other types and shapes, missing and additional ones."""

    def change(path: Path, edit: Callable[[dict], None]) -> None:
        tensors, metadata = load_tensors(path)
        tensors = {key: tensor.clone() for key, tensor in tensors.items()}
        edit(tensors)
        save_tensors(path, tensors, metadata)

    generator = random.Random(name)
    for dtype in (torch.int64, torch.bool, torch.complex64, torch.uint8, torch.float64):
        for _ in range(3):
            pick = generator.random()

            def retype(tensors: dict, dtype=dtype, pick=pick) -> None:
                key = sorted(tensors)[int(pick * len(tensors))]
                tensors[key] = tensors[key].to(dtype)

            yield f"{name}: {dtype}", lambda run, e=retype: change(run / name, e)
    for _ in range(16):
        pick = generator.random()

        def reshape(tensors: dict, pick=pick) -> None:
            key = sorted(tensors)[int(pick * len(tensors))]
            tensors[key] = tensors[key].flatten()[:1]

        def remove(tensors: dict, pick=pick) -> None:
            del tensors[sorted(tensors)[int(pick * len(tensors))]]

        yield f"{name}: another shape", lambda run, e=reshape: change(run / name, e)
        yield f"{name}: one missing", lambda run, e=remove: change(run / name, e)


def _vocabularies() -> Iterator[tuple[str, _Change]]:
    """A tokenizer that is very large, ambiguous, or writes what commands a terminal."""

    def set_pattern(path: Path, pattern: str) -> None:
        BPETokenizer(train_bpe("to be", 256)).save(path)
        path.write_text(json.dumps(json.loads(path.read_text()) | {"pattern": pattern}))

    def set_symbols(path: Path, first: int) -> None:
        size = len(json.loads(path.read_text())["symbols"])
        CharTokenizer("".join(map(chr, range(first, first + size)))).save(path)

    for pattern in ("(?R)?x", "(?P<n>a*(?:(?P>n))?x)", "(?:(?:a?){1000}){1000}x", "(?:a|a)+[^a!]", "a*"):
        yield f"pattern {pattern}", lambda run, p=pattern: set_pattern(run / "tokenizer.json", p)
    for first in (0, 0x80):
        yield f"symbols from {first}", lambda run, f=first: set_symbols(run / "tokenizer.json", f)
    yield "10 GB", lambda run: os.truncate(run / "tokenizer.json", 10**10)


def _options() -> Iterator[list[str]]:
    """Odd values of every option of training, and of some others."""
    for field in fields(TrainConfig):
        for value in ("", "-1", "nan", "1e400", "x", "\x1b[31m", "9" * 5000):
            yield ["train", f"--{field.name.replace('_', '-')}", value]
    for value in (
        "",
        "=",
        "n_layer",
        "n_layer=",
        "n_layer=0",
        "x=1",
        "\x1b=1",
        "moe.x=1",
        "moe=3",
        "n_layer=1000000000",
    ):
        yield ["train", "--set", value]
    for value in ("", "bpe:", "bpe:1", "bpe:99999999999999999999", "word", "\x1b[2J"):
        yield ["train", "--tokenizer", value]
    yield ["sample", "--length", "-1"]
    for name in ("--temperature", "--top-k", "--top-p", "--seed", "--device", "--prompt"):
        for value in ("-1", "nan", "9" * 40, "\x1b[31m"):
            yield ["sample", name, value]


def _state(folder: Path) -> dict[str, object]:
    """Return the bytes of every file in a folder, or the size of one that is too large to be read."""
    return {
        path.name: path.read_bytes() if path.stat().st_size < 10**7 else path.stat().st_size
        for path in folder.iterdir()
    }


def _judge(label: str, ended: children.Ended) -> Iterator[str]:
    if ended.code not in (0, 2) or "Traceback" in ended.output:
        yield f"{label}: exit code {ended.code}: {ended.output[-400:]!r}"
    if ended.code == 0 and _CONTROL.search(ended.output):
        yield f"{label}: the output can command a terminal: {ended.output[-300:]!r}"
    if ended.code == 2 and ("\x1b" in ended.output or len(ended.output.splitlines()[-1]) > 2000):
        yield f"{label}: the message is not one safe, short line: {ended.output[:300]!r}"
    if ended.code == 2 and ended.grown_megabytes > 500:
        yield f"{label}: the refusal took {ended.grown_megabytes:.0f} MB"


def through_command_and_files(folder: Path) -> tuple[int, list[str]]:
    """Run the command on every hostile input."""
    text, run, case = folder / "romeo.txt", folder / "run", folder / "case"
    text.write_text(_TEXT)
    train = ["train", "--out", str(run), "--text", str(text), *_OPTIONS]
    children.run(lambda: main(train), folder)
    again = ["train", "--out", str(case), "--text", str(text), *_OPTIONS, "--steps", "3", "--resume"]
    count, problems = 0, []
    files: list[tuple[list[str], Iterator[tuple[str, _Change]]]] = [
        (["sample", str(case), "--length", "2"], _values()),
        (["sample", str(case), "--length", "2"], _headers("model.safetensors")),
        (["sample", str(case), "--length", "2"], _tensors("model.safetensors")),
        (["sample", str(case), "--length", "50", "--seed", "0"], _vocabularies()),
        (again, _headers("checkpoint.safetensors")),
        (again, _tensors("checkpoint.safetensors")),
        (again, _damage("checkpoint.safetensors")),
    ]
    files += [
        (["sample", str(case), "--length", "2"], _damage(name))
        for name in ("config.json", "model.safetensors", "tokenizer.json")
    ]
    for arguments, changes in files:
        for label, change in changes:
            shutil.copytree(run, case)
            change(case)
            before = _state(case)
            ended = children.run(lambda arguments=arguments: main(arguments), folder)
            problems += _judge(label, ended)
            if ended.code and _state(case) != before:
                problems.append(f"{label}: a refused command changed its directory")
            count += 1
            shutil.rmtree(case)
    for command, *options in _options():
        where = ["--out", str(case), "--text", str(text), *_OPTIONS] if command == "train" else [str(run)]
        ended = children.run(lambda c=command, w=where, o=options: main([c, *w, *o]), folder)
        problems += _judge(f"{command} {options[0]} {options[1][:20]!r}", ended)
        count += 1
        shutil.rmtree(case, ignore_errors=True)
    return count, problems
