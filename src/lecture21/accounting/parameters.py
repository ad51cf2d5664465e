"""The parameters of a GPT, by part: counted on a model that has shapes and no memory, and by formula."""

from dataclasses import astuple, dataclass, replace

import torch
from torch import nn

from lecture21.config import GPTConfig
from lecture21.gpt import GPT
from lecture21.layers.feed_forward import ACTIVATIONS

# Which part a parameter belongs to: the first of these words that its name contains.
WORDS = {
    "norm": "norms",
    "token": "embeddings",
    "position": "positions",
    "attention": "attention",
    "router": "router",
    "feed_forward": "feed_forward",
    "head": "head",
}


@dataclass(frozen=True)
class Parameters:
    """Number of parameters of a model, by part."""

    embeddings: int = 0
    """The table of tokens."""
    positions: int = 0
    """The table of positions, where they are learned."""
    attention: int = 0
    """Query, key, value and output maps of all layers."""
    feed_forward: int = 0
    """The matrices of all feed-forward layers, of all experts where there are some."""
    norms: int = 0
    """Gains and shifts of all norms."""
    head: int = 0
    """The output layer; 0 where it is the table of tokens."""
    router: int = 0
    """What chooses the experts of a token."""

    @property
    def total(self) -> int:
        """All parameters, each counted once."""
        return sum(astuple(self))

    @property
    def non_embedding(self) -> int:
        """What the blocks and the norms hold: all but the two tables and the head."""
        return self.attention + self.feed_forward + self.router + self.norms


def parameters_of(model: nn.Module) -> Parameters:
    """Count the parameters of a model, on any device, by the names that our layers give them.

    Raises:
        ValueError: naming the first parameter that belongs to no part.
    """
    counts = dict.fromkeys(WORDS.values(), 0)
    for name, parameter in model.named_parameters():  # a shared one comes once
        part = next((part for word, part in WORDS.items() if word in name), None)
        if part is None:
            raise ValueError(f"parameter {name} belongs to no part; its name should contain one of {', '.join(WORDS)}")
        counts[part] += parameter.numel()
    return Parameters(**counts)


def parameters(config: GPTConfig) -> Parameters:
    """Count the parameters of a GPT by building it on the meta device, where tensors have a shape and no memory."""
    with torch.device("meta"):
        return parameters_of(GPT(config))


def parameters_by_formula(config: GPTConfig) -> Parameters:
    """Count the parameters of a GPT on paper: what `parameters` counts, as a sum of products of the config's fields.

    With the defaults of GPT-2 (keys as wide as the model, d_ff = 4 C, biases) a block holds 12 C^2 + 13 C.
    """
    width, inner, keys = config.d_model, config.n_head * config.d_head, config.n_kv_head * config.d_head
    projections = inner + 2 * keys  # outputs of the query, key and value maps together
    attention = width * projections + inner * width + config.qkv_bias * projections + config.bias * width

    into = 2 if ACTIVATIONS[config.activation].gated else 1  # matrices that lead into the hidden layer: up, and gate

    def layer(hidden: int) -> int:
        return (into + 1) * width * hidden + config.bias * (into * hidden + width)

    feed_forward, router = layer(config.d_ff), 0
    if config.moe is not None:
        shared = config.moe.n_shared * config.d_ff  # one layer of joint width
        feed_forward = config.moe.n_expert * layer(config.d_ff) + (layer(shared) if shared else 0)
        router = width * config.moe.n_expert

    of_a_norm = 2 if config.norm == "layernorm" else 1  # gain and shift, or a gain alone
    norms = of_a_norm * (2 * width + config.qk_norm * 2 * config.d_head)

    return Parameters(
        embeddings=config.vocab_size * width,
        positions=config.block_size * width if config.position == "learned" else 0,
        attention=config.n_layer * attention,
        feed_forward=config.n_layer * feed_forward,
        router=config.n_layer * router,
        norms=config.n_layer * norms + config.final_norm * of_a_norm * width,
        head=0 if config.tied_head else config.vocab_size * (width + config.bias),
    )


def active_parameters(config: GPTConfig) -> Parameters:
    """Count the parameters that one token meets: all, but of the experts only the k that are chosen, and the shared.

    They decide the FLOPs; all of them, `parameters`, decide the memory. Tables count whole, as in `parameters`.
    """
    if config.moe is None:
        return parameters_by_formula(config)
    few = parameters_by_formula(config.changed(moe={"n_expert": config.moe.top_k}))
    return replace(few, router=parameters_by_formula(config).router)
