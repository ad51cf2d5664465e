"""Initialization of the weights, which `GPTConfig.initialization` selects (slide 24, "Default -> Carefully tuned").

- torch: linear maps are uniform in 1/sqrt(width), embedding tables are drawn from N(0, 1).
- gpt1: every matrix is drawn from N(0, 0.02), every bias is 0 (Radford et al. 2018, section 4.1).
- gpt2: as gpt1, with the 2 L maps that feed the residual stream divided by sqrt(2 L) (Radford et al. 2019, 2.3).
- zero: as torch, with the maps that feed the residual stream and an untied output layer set to 0, so that each block is
  the identity at first.
"""

import math
from collections.abc import Callable

import torch
from torch import nn

_STD = 0.02
RESIDUAL = ("attention.output", "cross_attention.output", "feed_forward.down")
# The maps whose outputs are added to the residual stream.
_EXPERTS = ("feed_forward.experts.down", "feed_forward.shared.down")
# Those of a sparse layer.


def _torch(model: nn.Module, n_layer: int) -> None:
    """Keep torch's default: linear maps uniform in 1/sqrt(width), embedding tables N(0, 1)."""


@torch.no_grad()
def _gpt1(model: nn.Module, n_layer: int) -> None:
    """Draw every matrix from N(0, 0.02) and set every bias to 0; norms start as the identity.

    Source: Radford et al. 2018, section 4.1: "a simple weight initialization of N(0, 0.02) was sufficient".
    """
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.dim() > 1:  # the gains of norms are vectors
            nn.init.normal_(parameter, std=_STD)


@torch.no_grad()
def _gpt2(model: nn.Module, n_layer: int) -> None:
    """As GPT-1, with the 2 L maps that feed the residual stream divided by sqrt(2 L), so that their sum keeps its size.

    Source: Radford et al. 2019, section 2.3, for the factor. The 0.02 is that of GPT-1 and of OpenAI's code
    (openai/gpt-2), which draws the position table with 0.01; here, as in Hugging Face's GPT-2, it has 0.02 too.
    """
    _gpt1(model, n_layer)
    for name, module in model.named_modules():
        if name.endswith(RESIDUAL):
            nn.init.normal_(module.weight, std=_STD / math.sqrt(2 * n_layer))


@torch.no_grad()
def _zero(model: nn.Module, n_layer: int) -> None:
    """Keep torch's default, but set the maps that feed the residual stream and an untied output layer to 0.

    Each block is then the identity, and the first prediction is uniform: the loss starts at ln V.

    Source: Jordan et al., modded-nanogpt (github.com/KellerJordan/modded-nanogpt); Goyal et al. 2017, section 5.1, for
    the residual branches of a ResNet.
    """
    for name, module in model.named_modules():
        if name.endswith((*RESIDUAL, *_EXPERTS)) or name == "head":
            for parameter in module.parameters():
                nn.init.zeros_(parameter)


INITIALIZATIONS: dict[str, Callable[[nn.Module, int], None]] = {
    "torch": _torch,
    "gpt1": _gpt1,
    "gpt2": _gpt2,
    "zero": _zero,
}
"""The initializations by name, as functions of the model and its number of layers."""


@torch.no_grad()
def initialize(model: nn.Module, name: str, n_layer: int, tied_head: bool) -> None:
    """Initialize the weights of a model, in place.

    Args:
        model: newly constructed, with torch's own initialization.
        name: one of `INITIALIZATIONS`.
        n_layer: number of layers L.
        tied_head: whether the output layer is the transposed embedding table. torch's N(0, 1) would then make logits of
            size sqrt(C), and an initial loss far above ln V. The position table is scaled with the token table: large
            position vectors would hide which token is where.
    """
    if tied_head:
        for table in (module for module in model.modules() if isinstance(module, nn.Embedding)):
            nn.init.normal_(table.weight, std=_STD)
    INITIALIZATIONS[name](model, n_layer)
