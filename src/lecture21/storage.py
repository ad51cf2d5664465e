"""Files that are whole or absent: bytes beside and renamed, tensors as safetensors, never pickle."""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor


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
