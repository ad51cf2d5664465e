"""Checkpoints on the Hugging Face hub: where they are, at which revision, and the tensors in their files."""

import os
import re
from pathlib import Path

import huggingface_hub
from torch import Tensor

from lecture21._support.files import read_json
from lecture21._support.storage import CONFIG, WEIGHTS, is_single_file, load_tensors
from lecture21._support.validation import printable

REVISIONS: dict[str, str] = {
    "openai-gpt": "main",
    "gpt2": "607a30d783dfa663caf39e06633721c8d4cfcd7e",
    "gpt2-medium": "6dcaa7a952f72f9298047fd5137cd6e4f05f41da",
    "gpt2-large": "32b71b12589c2f8d625668d2335a01cac3249519",
    "gpt2-xl": "15ea56dee5df4983c59b2538573817e1667135e2",
}
"""OpenAI's published models, and the commit of each repository that is loaded."""
_OWNER = "openai-community"
_INDEX = "model.safetensors.index.json"  # the file that holds each tensor, if there are several
_MODEL_FILES = (CONFIG, WEIGHTS, _INDEX, "model-*.safetensors")


def locate(
    name_or_directory: str | os.PathLike[str], revision: str | None = None, files: tuple[str, ...] = _MODEL_FILES
) -> Path:
    """Return the directory of a checkpoint; one on the hub is downloaded into Hugging Face's own cache first.

    Args:
        name_or_directory: a `Path`, which is always local; or a string: a directory if one of that name exists, a file
            if it ends with .safetensors, otherwise a key of `REVISIONS` or "owner/name" of a repository on the hub.
        revision: a commit, tag or branch of the repository; if None, that of `REVISIONS`, or "main".
        files: patterns of the files to download.

    Raises:
        ValueError: if it is neither a directory nor the name of a repository, or a directory with a revision.
        FileNotFoundError: if the cache does not hold the files, and the hub does not either or cannot be reached.
    """
    name = name_or_directory
    if not isinstance(name, str) or Path(name).is_dir() or is_single_file(name):
        if revision is not None:
            raise ValueError(f"revision={revision!r} names a commit on the hub, and {name} is a local directory")
        return Path(name)
    known = name.removeprefix(f"{_OWNER}/")
    repository = f"{_OWNER}/{known}" if known in REVISIONS else name
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repository, re.ASCII):
        raise ValueError(
            f"{printable(name)} is not a checkpoint: no such directory, and no model on the hub; choose from "
            f"{', '.join(REVISIONS)}, or owner/name of a repository"
        )
    revision = revision or REVISIONS.get(known, "main")
    try:
        return Path(huggingface_hub.snapshot_download(repository, revision=revision, allow_patterns=list(files)))
    except Exception as error:  # errors of the client, its HTTP library and the system have no other common base
        raise FileNotFoundError(
            f"{name} is not a local directory, Hugging Face's cache does not hold {repository} at revision "
            f"{revision}, and the download from the hub failed. Connect to the network once, or name a directory with "
            f"the files. ({error})"
        ) from error


def load_shards(directory: Path) -> tuple[dict[str, Tensor], str]:
    """Read the tensors of a checkpoint from one file or several, and name the first file."""
    if (directory / WEIGHTS).is_file():
        files = [WEIGHTS]
    elif (directory / _INDEX).is_file():
        files = _shards(directory / _INDEX)
    else:
        raise ValueError(
            f"{directory} has no {WEIGHTS}, nor {_INDEX}. Only safetensors are read: a pickle such as "
            "pytorch_model.bin can run any code; convert it with the save_pretrained method of transformers"
        )
    for file in files:
        if not (directory / file).is_file():
            raise ValueError(f"{directory} lacks {file}, which {_INDEX} names")
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors |= load_tensors(directory / file)[0]
    return tensors, str(directory / files[0])


def _shards(index: Path) -> list[str]:
    """Return the names of the files in an index, which are in its directory."""
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ValueError(f"{index} must have a weight_map from tensors to files")
    return sorted({Path(str(name)).name for name in weight_map.values()})
