"""Tensors and models on disk: safetensors files, and a directory with `config.json` and `model.safetensors`.

A safetensors file whose metadata has the configuration is a model by itself, without a directory.

No pickle is ever written or read. A file may come from anywhere, so everything is compared with what the weights file
declares before any memory is allocated.
"""

import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lecture21._support.files import parse_json, read_json, write_atomic
from lecture21._support.validation import printable

_MAX_HEADER = 16 * 2**20  # bytes; the header of a model with 100,000 tensors has about 10 MB
_MAX_TENSORS = 50_000  # in one file; larger models are split into several
_MAX_TABLES = 2**28  # bytes of tables that are computed, such as positions, in addition to the size of the weights
_FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # how Python writes the other bytes of a path
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
    # safetensors refuses views and shared memory, so each tensor is copied into memory of its own.
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    write_atomic(path, safetensors.torch.save(copies, metadata))


def load_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read what `save_tensors` wrote: the tensors, on the CPU, and the strings.

    The tensors are mapped into memory, so that a file of any size costs nothing until its numbers are read. Copy what
    has to outlive the file.

    Raises:
        ValueError: names the path, if the file is truncated or is not a safetensors file.
        OSError: from the file system, such as FileNotFoundError.
    """
    path = Path(path)
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > _MAX_HEADER:
            raise ValueError(f"{path} is not a complete safetensors file: its header would have {size:,} bytes")
        header = file.read(size)
    if header.count(b"{") > _MAX_TENSORS:  # each tensor is an object; a key could be written in many ways
        raise ValueError(f"{path} has more than {_MAX_TENSORS:,} tensors")
    try:
        if _NOT_UTF8.search(str(path)):  # a path that safetensors would refuse
            tensors = safetensors.torch.load(path.read_bytes())
        else:
            tensors = safetensors.torch.load_file(path)
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, OverflowError) as error:
        raise ValueError(f"{path} is not a complete safetensors file: {printable(str(error))}") from error
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.dtype not in _FLOATS:  # such as two numbers of 4 bits in a byte
            known = ", ".join(str(dtype).removeprefix("torch.") for dtype in _FLOATS)
            raise ValueError(f"{path} has {printable(name)} of type {tensor.dtype}; only {known} are read")
    metadata = parse_json(header, f"the header of {path}").get("__metadata__")  # checked by safetensors
    return tensors, metadata or {}


def save_model(directory: str | os.PathLike[str], kind: str, config: dict[str, object], model: nn.Module) -> None:
    """Write `model.safetensors`, and `config.json` for readers who do not open it; after a crash, one model is there.

    The weights carry their configuration, so the rename of their file is what replaces an earlier model. A
    `config.json` of another model is removed before, and the new one is written afterwards.

    Raises:
        OSError: from the file system; the old model is then still complete.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps({KIND: kind, **config}, indent=2)
    written = f"{text}\n".encode()
    config_file, weights = directory / CONFIG, directory / WEIGHTS
    another = config_file.is_file() and config_file.read_bytes() != written
    if another and (not weights.is_file() or _carries_config(weights)):
        config_file.unlink()
    save_tensors(weights, model.state_dict(), {"config": text})
    write_atomic(config_file, written)


def _carries_config(weights: Path) -> bool:
    try:
        return _load_weights_file(weights)[1] is not None
    except (ValueError, OSError):
        return False  # there is no complete model to keep


def is_single_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a path names one safetensors file instead of a model's directory."""
    return Path(path).suffix == ".safetensors" and not Path(path).is_dir()


def load_config(directory: str | os.PathLike[str]) -> dict[str, object]:
    """Return the configuration of a model: `config.json` in its directory, or what its weights file carries.

    Raises:
        ValueError: if there is no such file, or it is corrupt or truncated.
    """
    if is_single_file(directory):
        return _load_file(directory)[0]
    if (Path(directory) / CONFIG).is_file():
        return read_json(Path(directory) / CONFIG)
    return _load_directory(Path(directory))[0]


def load_text(path: str | os.PathLike[str], name: str) -> str:
    """Return one of the strings in the metadata of a safetensors file.

    Raises:
        ValueError: if there is none of this name, or the file is corrupt or truncated.
    """
    metadata = load_tensors(path)[1]
    if name not in metadata:
        raise ValueError(f"{path} has no {name} in its metadata")
    return metadata[name]


def _load_file(path: str | os.PathLike[str]) -> tuple[dict[str, object], dict[str, Tensor]]:
    """Read a single safetensors file that holds a model and its configuration."""
    if not Path(path).is_file():
        raise ValueError(f"{path} is not a checkpoint: there is no such file")
    tensors, config = _load_weights_file(Path(path))
    if config is None:
        raise ValueError(f"{path} is not a model by itself: it has no config in its metadata")
    return config, tensors


def _load_directory(directory: Path) -> tuple[dict[str, object], dict[str, Tensor]]:
    """Read the two files of a model, or its weights alone: a killed save may have left no `config.json`."""
    if not (directory / WEIGHTS).is_file():
        raise ValueError(f"{directory} is not a checkpoint: it needs {CONFIG} and {WEIGHTS}")
    values = read_json(directory / CONFIG) if (directory / CONFIG).is_file() else None
    tensors, carried = _load_weights_file(directory / WEIGHTS)
    if values is None and carried is None:
        raise ValueError(f"{directory} is not a checkpoint: it needs {CONFIG} and {WEIGHTS}")
    values = carried if values is None else values
    if difference := find_difference(values if carried is None else carried, values):
        name, saved, current = difference
        differing = f"{name} is {saved} in the weights and {current} in the configuration"
        raise ValueError(f"{directory / WEIGHTS} does not match {directory / CONFIG}: {differing}")
    return values, tensors


def _load_weights_file(path: Path) -> tuple[dict[str, Tensor], dict[str, object] | None]:
    """Return the tensors of a file, and the configuration in its metadata, if there is one."""
    tensors, metadata = load_tensors(path)
    if "config" not in metadata:
        return tensors, None
    config = parse_json(metadata["config"], f"the configuration in {path}")
    if not isinstance(config, dict):
        raise ValueError(f"the configuration in {path} must be an object")
    return tensors, config


def load_model(directory: str | os.PathLike[str], kind: str) -> tuple[dict[str, object], dict[str, Tensor]]:
    """Read what `save_model` wrote: the fields of the configuration, and the tensors.

    Args:
        directory: where the model was saved, or a single safetensors file with its configuration in the metadata.
        kind: of the model.

    Raises:
        ValueError: if the directory does not hold a model of this kind, or a file in it is corrupt or truncated.
    """
    directory = Path(directory)
    values, tensors = (_load_file if is_single_file(directory) else _load_directory)(directory)
    saved = values.pop(KIND, None)
    if saved != kind:
        raise ValueError(f"{_config_file(directory)} must have {KIND!r}: {kind!r}, got {printable(repr(saved))}")
    return values, tensors


def _config_file(directory: Path) -> Path:
    """Return the file that a model's configuration is read from."""
    if is_single_file(directory):
        return directory
    return directory / (CONFIG if (directory / CONFIG).is_file() else WEIGHTS)


def load_pretrained(
    make: Callable[[Any], Model], config_class: Any, directory: str | os.PathLike[str], kind: str
) -> Model:
    """Load a model that `save_model` wrote, in float32 and in evaluation mode.

    Args:
        make: the model's class.
        config_class: the class of its configuration, with a method `from_dict`.
        directory: where the model was saved, or a single file, as for `load_model`.
        kind: of the model, as it was saved.

    Raises:
        ValueError: as `load_model` and `build_model`, or from the configuration.
    """
    values, tensors = load_model(directory, kind)
    config = config_class.from_dict(values, source=str(_config_file(Path(directory))))
    weights = directory if is_single_file(directory) else os.path.join(directory, WEIGHTS)
    return build_model(make, config, tensors, source=str(weights))


def find_difference(
    saved: Mapping[str, object], current: Mapping[str, object], may_differ: Collection[str] = ()
) -> tuple[str, str, str] | None:
    """Return the first field whose values differ, with both values as text; None if there is none."""
    for name in [*saved, *(current.keys() - saved.keys())]:  # in the order of the fields: a cause before its effects
        if name not in may_differ and saved.get(name) != current.get(name):
            return printable(name), printable(repr(saved.get(name))), printable(repr(current.get(name)))
    return None


def build_model(make: Callable[[Any], Model], config: Any, tensors: Mapping[str, Tensor], *, source: str) -> Model:
    """Build a float32 model, copy tensors into it and put it into evaluation mode, once the tensors are known to fit.

    Args:
        make: the model's class.
        config: its configuration, a dataclass.
        tensors: one for each name of its state.
        source: named in errors.

    Raises:
        ValueError: naming `source` and the first tensor that is missing, unexpected, or of the wrong shape or type.
    """
    for name, value in asdict(config).items():
        # Each layer has tensors of its own. Without this a configuration of 10**9 layers takes hours to build.
        if "layer" in name and isinstance(value, int) and value > len(tensors):
            raise ValueError(f"{source} has {len(tensors):,} tensors, too few for {name}={printable(repr(value))}")
    try:
        with torch.device("meta"), _in_float32(), _WithoutInitialization():
            shapes = make(config)
    except (RuntimeError, TypeError, OverflowError) as error:  # from torch: a size has more than 63 bits
        raise ValueError(f"{source}: the sizes of this configuration are too large: {printable(str(error))}") from error
    check_tensors(shapes.state_dict(), tensors, source=source)
    tables = sum(buffer.nbytes for buffer in shapes.buffers())
    if tables > _MAX_TABLES + sum(tensor.nbytes for tensor in tensors.values()):
        raise ValueError(f"{source}: the positions of this configuration need {tables / 1e9:,.1f} GB, its weights less")
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


class _WithoutInitialization(TorchFunctionMode):
    """Skip random numbers where a model is built for its shapes alone: on the device "meta" they take a second."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func.__name__ in ("normal_", "uniform_"):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def check_tensors(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], *, source: str) -> None:
    """Raise ValueError unless there is a tensor of the same shape, and of a fitting type, for each expected one.

    Floating-point numbers of any precision fit each other; integers, booleans and complex numbers fit only their like.
    """
    for name in sorted(expected.keys() | tensors.keys()):
        if name not in tensors:
            raise ValueError(f"{source} lacks the tensor {name}, shape {tuple(expected[name].shape)}")
        if name not in expected:
            raise ValueError(f"{source} has an unexpected tensor {printable(name)}")
        saved, wanted = tensors[name], expected[name]
        if saved.shape != wanted.shape:
            shapes = f"shape {tuple(saved.shape)} in the file and {tuple(wanted.shape)} in the model"
            raise ValueError(f"{source} does not match the model: {name} has {shapes}")
        if saved.dtype != wanted.dtype and not (saved.is_floating_point() and wanted.is_floating_point()):
            types = f"{saved.dtype} in the file and {wanted.dtype} in the model"
            raise ValueError(f"{source} does not match the model: {name} is {types}")


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], *, source: str) -> None:
    """Copy tensors into a model that has exactly these names and shapes.

    Raises:
        ValueError: as `check_tensors`.
    """
    check_tensors(model.state_dict(), tensors, source=source)
    with torch.no_grad():
        model.load_state_dict(tensors)
