"""A GPT as a model of Hugging Face's `transformers`, and back, with the same logits.

`GPT.from_pretrained` needs neither this module nor `transformers`: it reads the files itself.
"""

from typing import TYPE_CHECKING

import torch

from lecture21._support.storage import load_weights
from lecture21.gpt import GPT
from lecture21.gpt.checkpoints.formats import config_from, config_to, import_transformers, tensors_from, tensors_to
from lecture21.gpt.config import GPTConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_CLASSES = {
    "openai-gpt": ("OpenAIGPTConfig", "OpenAIGPTLMHeadModel"),
    "gpt2": ("GPT2Config", "GPT2LMHeadModel"),
    "mixtral": ("MixtralConfig", "MixtralForCausalLM"),
    "qwen3_moe": ("Qwen3MoeConfig", "Qwen3MoeForCausalLM"),
}


def from_huggingface(model: "PreTrainedModel") -> GPT:
    """Convert a model of `transformers` into a GPT that computes the same logits, in evaluation mode.

    The model is an `OpenAIGPTLMHeadModel`, `GPT2LMHeadModel`, `MixtralForCausalLM` or `Qwen3MoeForCausalLM`. The GPT
    has its own copy of the weights, with the same dtype and device. The gradient of the cross-entropy is the same as
    well; the loss that balances experts is not: `transformers` adds it once for all layers, a GPT once per layer.

    Raises:
        ValueError: naming the setting of the model that this package does not support.
    """
    config = GPTConfig(**config_from(model.config.to_dict()))
    source = type(model).__name__
    tensors = tensors_from(model.state_dict(), config, source=source)
    gpt = GPT(config).to(next(iter(tensors.values())))
    load_weights(gpt, tensors, source=source)
    return gpt.eval()


def to_huggingface(model: GPT) -> "PreTrainedModel":
    """Convert a GPT into a model of `transformers` that computes the same logits, in evaluation mode.

    A post-norm GPT becomes an `OpenAIGPTLMHeadModel`, a pre-norm one a `GPT2LMHeadModel`. Biases that the GPT lacks
    become zeros, which further training changes. A GPT with experts becomes a `Qwen3MoeForCausalLM` if queries and
    keys are normalized, otherwise a `MixtralForCausalLM`. The new model has its own copy of the weights.

    Raises:
        ValueError: naming the field of the configuration that this class does not support.
        ImportError: if `transformers` is not installed, or too old for this class.
    """
    values = config_to(model.config)
    transformers = import_transformers()
    try:
        config_class, model_class = (getattr(transformers, name) for name in _CLASSES[values["model_type"]])
    except AttributeError as error:
        raise ImportError(f"this needs a newer transformers than {transformers.__version__}: {error}") from error
    del values["model_type"]
    # By default the first and last token of the published model's text, which only its own vocabulary has.
    published = config_class()
    for key in ("bos_token_id", "eos_token_id"):
        values[key] = getattr(published, key) if model.vocab_size == published.vocab_size else None
    with torch.random.fork_rng(devices=[]):  # the initial weights are replaced, and must not change later samples
        converted = model_class(config_class(**values))
    packed = any(name.endswith("gate_up_proj") for name in converted.state_dict())  # since transformers 5
    converted.to(model.token.weight.device)
    for parameter in converted.parameters():  # only parameters: the angles of rotary positions need float32
        parameter.data = parameter.data.to(model.token.weight.dtype)
    converted.load_state_dict(tensors_to(model.state_dict(), model.config, packed=packed))
    # Its fast kernel for experts supports neither float64 nor rows that are not a multiple of 16 bytes.
    if packed and (model.token.weight.dtype == torch.float64 or model.config.d_model % 8 or model.config.d_ff % 8):
        converted.set_experts_implementation("eager")
    return converted.eval()
