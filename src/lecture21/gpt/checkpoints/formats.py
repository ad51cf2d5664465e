"""The known model types of Hugging Face: GPT-1 and GPT-2, and the mixtures of experts Mixtral and Qwen3-MoE.

Nothing here needs `transformers`: a configuration is JSON, and weights are safetensors.
"""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from torch import Tensor

from lecture21._support.storage import CONFIG, load_config
from lecture21._support.validation import printable
from lecture21.gpt.checkpoints import experts, openai
from lecture21.gpt.checkpoints.hub import load_shards
from lecture21.gpt.config import GPTConfig

KINDS: tuple[str, ...] = (*openai.KINDS, *experts.KINDS)
"""Every `model_type` that can be read and written."""


def import_transformers() -> ModuleType:
    """Return the package `transformers`; raises ImportError that says how to install it."""
    try:
        import transformers
    except ImportError as error:
        raise ImportError("this needs transformers, which is not installed: pip install transformers") from error
    return transformers


def _family(config: GPTConfig) -> ModuleType:
    """Return the module for models such as this one."""
    return openai if config.moe is None else experts


def config_from(values: Mapping[str, object]) -> dict[str, object]:
    """Translate a Hugging Face configuration into the fields of a `GPTConfig`."""
    kind = values.get("model_type")
    if kind not in KINDS:
        raise ValueError(f"unknown model_type {printable(repr(kind))}; known are {', '.join(KINDS)}")
    return (openai if kind in openai.KINDS else experts).config_from(values)


def config_to(config: GPTConfig) -> dict[str, object]:
    """Translate a `GPTConfig` into a Hugging Face configuration.

    Without experts it is that of a GPT-1 if the block is post-norm, otherwise of a GPT-2; with experts that of a
    Qwen3-MoE if queries and keys are normalized, otherwise of a Mixtral.
    """
    return _family(config).config_to(config)


def tensors_from(tensors: Mapping[str, Tensor], config: GPTConfig, source: str = "the weights") -> dict[str, Tensor]:
    """Rename Hugging Face's tensors, and transpose, split or stack them.

    Args:
        tensors: of a model in memory or of its files, under current or earlier names.
        config: from `config_from`.
        source: named in errors.
    """
    return _family(config).tensors_from(tensors, config, source)


def tensors_to(tensors: Mapping[str, Tensor], config: GPTConfig, *, packed: bool = False) -> dict[str, Tensor]:
    """Join or split the tensors of a GPT, transpose and rename them; a bias that it lacks becomes zeros.

    Args:
        tensors: the state of a `GPT`.
        config: its configuration.
        packed: whether the experts of a layer form one tensor, as in memory in `transformers` 5, instead of one for
            each expert, as in files and in `transformers` 4.
    """
    return _family(config).tensors_to(tensors, config, packed=packed)


def is_foreign(directory: Path) -> bool:
    """Return whether a checkpoint is Hugging Face's, whose configuration has a `model_type`."""
    return "model_type" in load_config(directory)


def load_foreign(directory: Path) -> tuple[GPTConfig, dict[str, Tensor]]:
    """Read a checkpoint of Hugging Face: its configuration, and its tensors under the names of a `GPT`."""
    try:
        config = GPTConfig(**config_from(load_config(directory)))
    except (ValueError, TypeError, OverflowError) as error:  # a number as text, or one beyond any float
        raise ValueError(f"{directory / CONFIG}: {error}") from error
    tensors, source = load_shards(directory)
    return config, tensors_from(tensors, config, source)
