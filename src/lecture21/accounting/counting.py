"""The parameters of a model by part: from the sizes of a configuration, or from the modules of a built model."""

from dataclasses import dataclass

from torch import nn

from lecture21.accounting.shapes import Shape
from lecture21.gpt.config import GPTConfig
from lecture21.moe import SparseMoE

# The part that a parameter of a built model belongs to: the first of these words that its name contains.
_PARTS = {
    "norm": "norms",
    "token": "embeddings",
    "position": "positions",
    "attention": "attention",
    "router": "routers",
    "experts": "experts",
    "feed_forward": "feed_forward",
    "head": "head",
}


@dataclass(frozen=True)
class _Parameters:
    """Number of parameters of a model, by part; each part includes its biases."""

    embeddings: int = 0
    """The token embedding."""
    positions: int = 0
    """Learned positions, absolute or relative."""
    attention: int = 0
    """The projections of all attentions."""
    feed_forward: int = 0
    """All dense feed-forward layers and shared experts."""
    norms: int = 0
    """Gains and shifts of all norms."""
    head: int = 0
    """The output layer; 0 if it is the token embedding."""
    routers: int = 0
    """The routers of all sparse layers."""
    experts: int = 0
    """All routed experts."""
    idle_experts: int = 0
    """Of `experts`, those that do not process a given token."""
    biases: int = 0
    """Of all parts but `norms` and `experts`, the biases and attention sinks."""

    @property
    def total(self) -> int:
        """All parameters, each counted once."""
        return self.embeddings + self.positions + self.non_embedding + self.head

    @property
    def non_embedding(self) -> int:
        """All parameters but the two embeddings and the output layer."""
        return self.attention + self.feed_forward + self.norms + self.routers + self.experts

    @property
    def active(self) -> int:
        """The parameters that process one token, including the whole token embedding."""
        return self.total - self.idle_experts

    @property
    def active_without_embedding(self) -> int:
        """The active parameters without the token embedding, of which a token reads one row.

        A tied embedding is excluded as well, although the output layer multiplies with it.
        """
        return self.active - self.embeddings


def parameters(model: GPTConfig | Shape | nn.Module) -> _Parameters:
    """Count the parameters of a model.

    A configuration or shape is counted by formula, without building the model. With the defaults of GPT-2 (biases,
    d_ff = 4 C, n_head * d_head = C) a block has 12 C^2 + 13 C parameters. A built model of this package is counted by
    the names of its parameters, on any device.
    """
    if isinstance(model, nn.Module):
        return _count_modules(model)
    shape = Shape.of(model)
    width, layers = shape.d_model, shape.n_layer + shape.n_encoder_layer
    stacks = 2 if shape.n_encoder_layer else 1
    attention_biases = shape.n_attention * shape.attention.biases(width)
    dense, dense_biases = _dense_layers(shape)
    routers = shape.n_sparse * shape.n_expert
    router_biases = routers * shape.router_bias
    head_biases = shape.vocab_size * shape.head_bias
    norms = width * (2 * layers + shape.n_cross + stacks * shape.final_norm)
    norms += shape.n_attention * shape.attention.norm_width
    expert = shape.n_sparse * (shape.expert_weights + shape.expert_biases)  # one in each sparse layer
    return _Parameters(
        embeddings=shape.vocab_size * width,
        positions=shape.positions * width + stacks * shape.relative_buckets * shape.attention.n_head,
        attention=shape.n_attention * shape.attention.weights(width) + attention_biases,
        feed_forward=dense + dense_biases,
        norms=norms * (2 if shape.layernorm else 1),
        head=0 if shape.tied_head else shape.vocab_size * width + head_biases,
        routers=routers * width + router_biases,
        experts=shape.n_expert * expert,
        idle_experts=(shape.n_expert - shape.top_k) * expert,
        biases=attention_biases + dense_biases + router_biases + head_biases,
    )


def _dense_layers(shape: Shape) -> tuple[int, int]:
    """Return the weights and the biases of all dense layers and shared experts."""
    weights = biases = 0
    for layers, hidden, gated in (
        (shape.n_dense, shape.d_ff, shape.gated_dense),
        (shape.n_sparse, shape.n_shared * (shape.d_expert or 0), shape.gated),  # one layer of their joint width
    ):
        if layers and hidden:
            inputs = 2 if gated else 1  # projections into the hidden layer: up, and gate
            weights += layers * (inputs + 1) * shape.d_model * hidden
            biases += layers * shape.bias * (inputs * hidden + shape.d_model)
    return weights, biases


def _count_modules(model: nn.Module) -> _Parameters:
    counts = dict.fromkeys(_PARTS.values(), 0)
    biases = idle = 0
    for name, parameter in model.named_parameters():  # a shared one is listed once
        part = next((part for word, part in _PARTS.items() if word in name), None)
        if part is None:
            raise ValueError(f"parameter {name} belongs to no part; its name must contain one of {', '.join(_PARTS)}")
        counts[part] += parameter.numel()
        if name.endswith("bias") and part not in ("norms", "experts"):
            biases += parameter.numel()
    for layer in model.modules():
        if isinstance(layer, SparseMoE):
            expert = sum(parameter.numel() for parameter in layer.experts.parameters()) // layer.config.n_expert
            idle += (layer.config.n_expert - layer.config.top_k) * expert
    return _Parameters(**counts, idle_experts=idle, biases=biases)
