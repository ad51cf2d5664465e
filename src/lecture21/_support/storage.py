"""Files that are whole or absent: bytes beside and renamed, tensors as safetensors, models as a directory of both.

No pickle is ever written or read.
"""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that a reader, now or after a crash, finds the old file or the new one, never a part.

    The bytes go to a temporary file in the same directory, reach the disk, and are then renamed over `path`.
    Whatever stops this (a full disk, Ctrl-C) leaves the old file as it was and no temporary file.
    The mode is that of any new file: 0666 less the umask.

    Raises:
        OSError: what the file system says, as from `open`.
    """
    path = Path(path)
    # tempfile would make the file readable by its owner only, and rename keeps that mode.
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # else the rename can reach the disk before the bytes do
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def save_tensors(
    path: str | os.PathLike[str], tensors: dict[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write named tensors and a few strings to one safetensors file, atomically.

    Names that share memory (a tied head) are each stored in full.

    Raises:
        OSError: what the file system says; the old file is then still there.
    """
    # safetensors refuses views and shared memory, so each tensor is copied into memory of its own.
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    write_atomic(path, safetensors.torch.save(copies, metadata))


def load_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read what `save_tensors` wrote: the tensors, on the CPU, and the strings.

    Raises:
        ValueError: names the path, where the file is cut short or is not a safetensors file.
        OSError: what the file system says, such as FileNotFoundError.
    """
    # Read whole, not mapped into memory: on Windows a mapped file cannot be replaced by the next save.
    data = Path(path).read_bytes()
    try:
        tensors = safetensors.torch.load(data)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a whole safetensors file: {error}") from error
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return tensors, header.get("__metadata__") or {}


CONFIG, WEIGHTS = "config.json", "model.safetensors"
KIND = "model"
"""The key of `config.json` that says which class the fields belong to."""


def save_model(directory: str | os.PathLike[str], kind: str, config: dict[str, object], model: nn.Module) -> None:
    """Write `config.json` and `model.safetensors`, each beside its old version and then renamed.

    Raises:
        OSError: what the file system says; the old files are then still whole.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps({KIND: kind, **config}, indent=2)
    # The weights carry their configuration as well, so that the two files cannot fall apart unseen.
    save_tensors(directory / WEIGHTS, model.state_dict(), {"config": text})
    write_atomic(directory / CONFIG, f"{text}\n".encode())


def load_config(directory: str | os.PathLike[str]) -> dict[str, object]:
    """Return the parsed `config.json` of a model's directory.

    Raises:
        ValueError: if the directory is not that of a model, or the file is torn.
    """
    path = Path(directory) / CONFIG
    if not path.is_file():
        raise ValueError(f"{directory} is not a checkpoint: it needs {CONFIG} and {WEIGHTS}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold an object, got {type(values).__name__}")
    return values


def load_model(directory: str | os.PathLike[str], kind: str) -> tuple[dict[str, object], dict[str, Tensor]]:
    """Read what `save_model` wrote: the fields of the configuration, and the tensors.

    Raises:
        ValueError: if the directory is not such a checkpoint, of another kind, or a file in it is torn.
    """
    directory = Path(directory)
    values = load_config(directory)
    if not (directory / WEIGHTS).is_file():
        raise ValueError(f"{directory} is not a checkpoint: it needs {CONFIG} and {WEIGHTS}")
    tensors, metadata = load_tensors(directory / WEIGHTS)
    try:
        written = json.loads(metadata["config"]) if "config" in metadata else values
    except ValueError:
        written = None
    if not isinstance(written, dict):
        raise ValueError(f"{directory / WEIGHTS} must hold a configuration in its metadata, got {metadata['config']!r}")
    for name in [*written, *(values.keys() - written.keys())]:
        if written.get(name) != values.get(name):
            difference = f"{name} is {written.get(name)!r} there and {values.get(name)!r} here"
            raise ValueError(f"{directory / WEIGHTS} holds another model than {directory / CONFIG}: {difference}")
    found = values.pop(KIND, None)
    if found != kind:
        raise ValueError(f"{directory / CONFIG} must say {KIND!r}: {kind!r}, got {found!r}")
    return values, tensors


def load_weights(model: nn.Module, tensors: dict[str, Tensor], *, source: str) -> None:
    """Copy tensors into a model of exactly the same names and shapes.

    Raises:
        ValueError: naming `source` and the first tensor that is missing, unknown or of another shape.
    """
    expected = model.state_dict()
    for name in sorted(expected.keys() | tensors.keys()):
        if name not in tensors:
            raise ValueError(f"{source} lacks the tensor {name}, shape {tuple(expected[name].shape)}")
        if name not in expected:
            raise ValueError(f"{source} has a tensor {name}, which the model does not know")
        if tensors[name].shape != expected[name].shape:
            shapes = f"{tuple(tensors[name].shape)} where the model has {tuple(expected[name].shape)}"
            raise ValueError(f"{source} has {name} of shape {shapes}: it is a checkpoint of another model")
    with torch.no_grad():
        model.load_state_dict(tensors)
