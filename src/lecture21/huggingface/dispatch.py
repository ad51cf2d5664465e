"""Models as Hugging Face writes them: where their files lie, and which of their names is which of ours.

Four kinds are known, by the `model_type` of their configuration: GPT-1 (openai-gpt) and GPT-2 (gpt2), and, where the
feed-forward layers are mixtures of experts, Mixtral (mixtral) and Qwen3-MoE (qwen3_moe).

Nothing here needs `transformers`: a configuration is JSON, weights are safetensors, and the rest is a table.
"""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from torch import Tensor

from lecture21._support.storage import CONFIG, load_config
from lecture21.config import GPTConfig
from lecture21.huggingface import experts, openai
from lecture21.huggingface.files import load_shards

KINDS: tuple[str, ...] = (*openai.KINDS, *experts.KINDS)
"""The `model_type` of every model that can be read and written."""


def _family(config: GPTConfig) -> ModuleType:
    """Return the file that knows models like this one."""
    return openai if config.moe is None else experts


def kind_of(config: GPTConfig) -> str:
    """Return the `model_type` of the model whose blocks are built like this one's.

    Without experts that is openai-gpt if it is post-norm, else gpt2; with experts qwen3_moe if queries and keys are
    normalised, else mixtral.
    """
    return _family(config).kind_of(config)


def config_from(values: Mapping[str, object]) -> dict[str, object]:
    """Translate a Hugging Face configuration into the fields of a `GPTConfig`.

    Raises:
        ValueError: naming the key and its value, where a GPT here cannot be what it asks for.
    """
    kind = values.get("model_type")
    if kind not in KINDS:
        raise ValueError(f"unknown model_type {kind!r}; known are {', '.join(KINDS)}")
    return (openai if kind in openai.KINDS else experts).config_from(values)


def config_to(config: GPTConfig) -> dict[str, object]:
    """Translate a `GPTConfig` into a Hugging Face configuration, of the kind that `kind_of` names.

    Raises:
        ValueError: naming the field that this kind has not, its value, and what that kind has instead.
    """
    return _family(config).config_to(config)


def tensors_from(tensors: Mapping[str, Tensor], config: GPTConfig, source: str = "the weights") -> dict[str, Tensor]:
    """Rename Hugging Face's tensors into ours, and transpose, split or stack them.

    Args:
        tensors: of a model in memory or of its files, in the names of today or of earlier releases.
        config: from `config_from`.
        source: named in errors.

    Raises:
        ValueError: naming the first tensor that is missing, unknown or of another shape, or a tied head that differs.
    """
    return _family(config).tensors_from(tensors, config, source)


def tensors_to(tensors: Mapping[str, Tensor], config: GPTConfig, *, packed: bool = False) -> dict[str, Tensor]:
    """Join or split our tensors, transpose and rename them into Hugging Face's; a bias that we lack becomes zeros.

    Args:
        tensors: the state of a `GPT`.
        config: its configuration.
        packed: whether the experts of a layer are one tensor, as `transformers` 5 holds them in memory, instead of
            one by one, as in files and in `transformers` 4.

    Raises:
        ValueError: if there is a bias other than zeros that Hugging Face's model lacks.
    """
    if config.moe is None:
        return openai.tensors_to(tensors, config)
    return experts.tensors_to(tensors, config, packed=packed)


def load_foreign(directory: Path) -> tuple[GPTConfig, dict[str, Tensor]]:
    """Read a model in Hugging Face's form: its configuration, and its tensors under our names.

    Raises:
        ValueError: naming the file, where it is torn, lacks something or describes what a GPT here cannot be.
    """
    try:
        config = GPTConfig(**config_from(load_config(directory)))
    except (ValueError, TypeError) as error:  # TypeError: a list, say, where a word should stand
        raise ValueError(f"{directory / CONFIG}: {error}") from error
    tensors, source = load_shards(directory)
    return config, tensors_from(tensors, config, source)
