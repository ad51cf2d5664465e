"""How the weights of a model start: torch's way, GPT-1's, or GPT-2's (slide 24, "Default -> Carefully tuned")."""

import math
from collections.abc import Callable

import torch
from torch import nn

from lecture21.moe.experts import GroupedLinear

STD = 0.02
RESIDUAL = ("attention.output", "cross_attention.output", "feed_forward.down")
"""The maps whose outputs are added to the residual stream."""


def torch_default(model: nn.Module, n_layer: int) -> None:
    """Leave every module as torch makes it: linear maps uniform in 1/sqrt(width), tables N(0, 1)."""


@torch.no_grad()
def gpt1(model: nn.Module, n_layer: int) -> None:
    """Draw every weight from N(0, 0.02) and set every bias to 0; norms start as the identity.

    Source: Radford et al. 2018, section 4.1: "a simple weight initialization of N(0, 0.02) was sufficient".
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding | GroupedLinear):
            nn.init.normal_(module.weight, std=STD)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)


@torch.no_grad()
def gpt2(model: nn.Module, n_layer: int) -> None:
    """As GPT-1, with the 2 L maps that feed the residual stream smaller by sqrt(2 L), so that their sum keeps its size.

    Source: Radford et al. 2019, section 2.3, for the factor. The 0.02 is GPT-1's, and that of OpenAI's code
    (openai/gpt-2), which draws the table of positions with 0.01; here, as in Hugging Face's GPT-2, it has 0.02 too.
    """
    gpt1(model, n_layer)
    for name, module in model.named_modules():
        if name.endswith(RESIDUAL):
            nn.init.normal_(module.weight, std=STD / math.sqrt(2 * n_layer))


INITIALIZATIONS: dict[str, Callable[[nn.Module, int], None]] = {"torch": torch_default, "gpt1": gpt1, "gpt2": gpt2}
