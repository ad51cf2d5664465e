"""Where a checkpoint of Hugging Face lies, and what its files hold. Nothing here knows one model from another."""

import json
import os
import re
from pathlib import Path

import huggingface_hub
from torch import Tensor

from lecture21._support.storage import CONFIG, WEIGHTS, load_config, load_tensors

REPOSITORIES: dict[str, str] = {
    name: f"openai-community/{name}" for name in ("openai-gpt", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
}
"""The short names of OpenAI's published models, and their repositories on the hub."""

_INDEX = "model.safetensors.index.json"  # which file holds which tensor, where there are several
MODEL_FILES = (CONFIG, WEIGHTS, _INDEX, "model-*.safetensors")
"""What of a repository a model is made of."""
TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "merges.txt")
"""What of a repository a tokenizer is made of."""


def locate(name_or_directory: str | os.PathLike[str], files: tuple[str, ...] = MODEL_FILES) -> Path:
    """Return the directory of a checkpoint; one on the hub is first downloaded into Hugging Face's own cache.

    Args:
        name_or_directory: a `Path`, which is always a directory; or a string: a directory if there is one of that
            name, else a key of `REPOSITORIES` or "owner/name" of a repository on the hub.
        files: which files of a repository are wanted, as patterns.

    Raises:
        ValueError: if it is no directory and cannot be the name of a repository.
        FileNotFoundError: if the hub does not have it or cannot be reached, and the cache does not hold it.
    """
    name = name_or_directory
    if not isinstance(name, str) or Path(name).is_dir():
        return Path(name)
    repository = REPOSITORIES.get(name, name)
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repository, re.ASCII):
        raise ValueError(
            f"{name} is not a checkpoint: no directory here, and no published model; those are "
            f"{', '.join(REPOSITORIES)}, and owner/name for a repository on the Hugging Face hub"
        )
    try:
        return Path(huggingface_hub.snapshot_download(repository, allow_patterns=list(files)))
    except Exception as error:  # the client's own, its HTTP library's and the system's: they share no other base
        raise FileNotFoundError(
            f"{name} is no directory here, {repository} is not whole in Hugging Face's cache, and the hub did not give "
            f"it. That needs the network, once; without it, name a directory that holds the files. ({error})"
        ) from error


def is_foreign(directory: Path) -> bool:
    """Tell whether a checkpoint is Hugging Face's, whose configuration names its `model_type`."""
    return "model_type" in load_config(directory)


def load_shards(directory: Path) -> tuple[dict[str, Tensor], str]:
    """Read the tensors of a checkpoint in one file or several, and name the first file.

    Raises:
        ValueError: naming the file that is missing or torn, or what is there instead of safetensors.
    """
    if (directory / WEIGHTS).is_file():
        files = [WEIGHTS]
    elif (directory / _INDEX).is_file():
        files = _shards(directory / _INDEX)
    else:
        raise ValueError(
            f"{directory} has no {WEIGHTS}, nor {_INDEX}. Only safetensors are read: a pickle such as "
            "pytorch_model.bin can run any code; convert it with transformers' save_pretrained"
        )
    tensors: dict[str, Tensor] = {}
    for file in files:
        if not (directory / file).is_file():
            raise ValueError(f"{directory} lacks {file}, which {_INDEX} names")
        tensors |= load_tensors(directory / file)[0]
    return tensors, str(directory / files[0])


def _shards(index: Path) -> list[str]:
    """Return the files that an index names; raises ValueError naming it, if it is torn or leads elsewhere."""
    try:
        names = set(json.loads(index.read_bytes())["weight_map"].values())
        if names and all(name == Path(name).name for name in names):
            return sorted(names)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ValueError(f"{index} is torn: its weight_map must map tensors to files beside it")
