"""Tensors and models on disk: safetensors files, and a directory with `config.json` and `model.safetensors`.

A safetensors file whose metadata has the configuration is a model by itself, without a directory. No pickle is ever
written or read.
"""

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from lecture21._support.files import parse_json, read_json, write_atomic
from lecture21._support.validation import printable

CONFIG, WEIGHTS = "config.json", "model.safetensors"
KIND = "model"
"""The key of `config.json` that says which class the fields belong to."""

Model = TypeVar("Model", bound=nn.Module)


def save_tensors(
    path: str | os.PathLike[str], tensors: dict[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write named tensors and a few strings to one safetensors file, atomically.

    Names that share memory (a tied head) are each stored in full.

    Raises:
        OSError: from the file system; the old file is then unchanged.
    """
    write_atomic(path, serialize(tensors, metadata))


def serialize(tensors: dict[str, Tensor], metadata: dict[str, str] | None = None, *, ordered: bool = False) -> bytes:
    """Return the content of the file that `save_tensors` writes, the same for the same tensors and strings.

    Args:
        tensors: named tensors.
        metadata: strings with names.
        ordered: whether to sort the names also where there are too few strings to be in a random order.
    """
    # safetensors refuses views and shared memory, so each tensor is copied into memory of its own.
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    data = safetensors.torch.save(copies, metadata)
    return _with_sorted_header(data) if ordered or len(metadata or ()) > 1 else data


def _with_sorted_header(data: bytes) -> bytes:
    """Sort the keys of a safetensors header: safetensors writes metadata in a random order."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # the tensors are aligned to 8 bytes
    return len(header).to_bytes(8, "little") + header + data[end:]


def add_text(path: str | os.PathLike[str], name: str, text: str) -> None:
    """Add a string to the metadata of a safetensors file, atomically."""
    tensors, metadata = load_tensors(path)
    save_tensors(path, tensors, {**metadata, name: text})


def load_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read what `save_tensors` wrote: the tensors, on the CPU, and the strings.

    The tensors are mapped into memory, so that a file of any size costs nothing until its numbers are read. Copy what
    has to outlive the file.

    Raises:
        ValueError: names the path, if the file is truncated or is not a safetensors file.
        OSError: from the file system, such as FileNotFoundError.
    """
    with Path(path).open("rb"):  # raises an OSError that names the path
        pass
    try:
        with safe_open(path, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            return tensors, opened.metadata() or {}
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} is not a complete safetensors file: {printable(str(error))}") from error


def save_model(directory: str | os.PathLike[str], kind: str, config: dict[str, object], model: nn.Module) -> None:
    """Write `model.safetensors` and `config.json`; after a crash, the directory holds the old model or the new one.

    The weights file contains the configuration too, so that its rename alone replaces a model. A `config.json` of
    another model is removed before, and the new one is written afterwards.

    Raises:
        OSError: from the file system; the old model is then still complete.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps({KIND: kind, **config}, indent=2)
    written = f"{text}\n".encode()
    config_file, weights = directory / CONFIG, directory / WEIGHTS
    if config_file.is_file() and config_file.read_bytes() != written:
        with suppress(OSError, ValueError):  # there is no complete model to keep
            if not weights.is_file() or "config" in load_tensors(weights)[1]:
                config_file.unlink()
    save_tensors(weights, model.state_dict(), {"config": text})
    write_atomic(config_file, written)


def is_single_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a path names one safetensors file instead of a model's directory."""
    return Path(path).suffix == ".safetensors" and not Path(path).is_dir()


def load_config(path: str | os.PathLike[str]) -> dict[str, object]:
    """Return the configuration of a model: `config.json` in its directory, or else what its weights file contains."""
    return read_json(Path(path) / CONFIG) if (Path(path) / CONFIG).is_file() else _load_model(Path(path))[0]


def load_text(path: str | os.PathLike[str], name: str) -> str:
    """Return one of the strings in the metadata of a safetensors file."""
    metadata = load_tensors(path)[1]
    if name not in metadata:
        raise ValueError(f"{path} has no {name} in its metadata")
    return metadata[name]


def _load_model(path: Path) -> tuple[dict[str, object], dict[str, Tensor]]:
    """Return the configuration and the tensors of a model in a directory or in a single file.

    If both files of a directory have the configuration, they must agree; a killed save may have left no `config.json`.
    """
    single = is_single_file(path)
    weights, config_file = path if single else path / WEIGHTS, path / CONFIG
    advice = "there is no such file" if single else f"it needs {CONFIG} and {WEIGHTS}"
    if not weights.is_file():
        raise ValueError(f"{path} is not a checkpoint: {advice}")
    values = read_json(config_file) if config_file.is_file() else None
    tensors, metadata = load_tensors(weights)
    inside = parse_json(metadata["config"], f"the configuration in {weights}") if "config" in metadata else values
    if inside is None and single:
        raise ValueError(f"{path} is not a model by itself: it has no config in its metadata")
    if inside is None:
        raise ValueError(f"{path} is not a checkpoint: {advice}")
    if values is not None and (difference := find_difference(inside, values)):
        name, saved, current = difference
        differing = f"{name} is {saved} in the weights and {current} in the configuration"
        raise ValueError(f"{weights} does not match {config_file}: {differing}")
    return inside, tensors


def load_pretrained(make: Callable[[Any], Model], config_class: Any, path: str | os.PathLike[str], kind: str) -> Model:
    """Load a model that `save_model` wrote, in float32 and in evaluation mode.

    Args:
        make: the model's class.
        config_class: the class of its configuration, with a method `from_dict`.
        path: where the model was saved, or a single safetensors file with its configuration in the metadata.
        kind: of the model, as it was saved.
    """
    path = Path(path)
    values, tensors = _load_model(path)
    weights = path if is_single_file(path) else path / WEIGHTS
    source = path / CONFIG if (path / CONFIG).is_file() else weights
    saved = values.pop(KIND, None)
    if saved != kind:
        raise ValueError(f"{source} must have {KIND!r}: {kind!r}, got {printable(repr(saved))}")
    return build_model(make, config_class.from_dict(values, source=str(source)), tensors, source=str(weights))


def find_difference(
    saved: Mapping[str, object], current: Mapping[str, object], may_differ: Collection[str] = ()
) -> tuple[str, str, str] | None:
    """Return the first field whose values differ, with both values as text; None if there is none."""
    for name in [*saved, *(current.keys() - saved.keys())]:  # in the order of the fields: a cause before its effects
        if name not in may_differ and saved.get(name) != current.get(name):
            return printable(name), printable(repr(saved.get(name))), printable(repr(current.get(name)))
    return None


def build_model(make: Callable[[Any], Model], config: Any, tensors: Mapping[str, Tensor], *, source: str) -> Model:
    """Build a float32 model, copy tensors into it and put it into evaluation mode.

    Args:
        make: the model's class.
        config: its configuration.
        tensors: one for each name of its state.
        source: named in errors.
    """
    with _in_float32():
        model = make(config)
    load_weights(model, tensors, source=source)
    return model.eval()


@contextmanager
def _in_float32() -> Iterator[None]:
    """Make new tensors float32, whatever the caller's default is."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], *, source: str) -> None:
    """Copy tensors into a model that has exactly these names and shapes.

    Floating-point numbers of any precision fit each other; integers, booleans and complex numbers fit only their like.

    Raises:
        ValueError: naming `source` and the first tensor that is missing, unexpected, or of the wrong shape or type.
    """
    expected = model.state_dict()
    for name in sorted(expected.keys() | tensors.keys()):
        if name not in tensors:
            raise ValueError(f"{source} lacks the tensor {name}, shape {tuple(expected[name].shape)}")
        if name not in expected:
            raise ValueError(f"{source} has an unexpected tensor {printable(name)}")
        saved, wanted = tensors[name], expected[name]
        if saved.shape != wanted.shape:
            shapes = f"shape {tuple(saved.shape)} in the file and {tuple(wanted.shape)} in the model"
            raise ValueError(f"{source} does not match the model: {name} has {shapes}")
        convertible = saved.is_floating_point() and wanted.is_floating_point()
        if saved.dtype != wanted.dtype and not convertible:
            types = f"{saved.dtype} in the file and {wanted.dtype} in the model"
            raise ValueError(f"{source} does not match the model: {name} is {types}")
    model.load_state_dict(tensors)
