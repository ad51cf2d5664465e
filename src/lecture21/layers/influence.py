"""Influence of an earlier token on a prediction: the effective memory of any model with embeddings."""

from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import NOT_EMPTY, checked
from lecture21._support.modes import evaluating


@checked
def influence_by_distance(model: nn.Module, ids: Annotated[Int[Tensor, "B T"], NOT_EMPTY]) -> Float[Tensor, " T"]:
    """Return the norm of d logits / d embedding, for the logits of the last position and the token s positions earlier.

    It is the Frobenius norm over V logits and C components of the embedding, averaged over the batch; entry s is that
    of distance s = 0 ... T - 1. The model is in evaluation mode, since dropout would add noise.

    Args:
        model: maps ids to logits (B, T, V), with an embedding `token` that it applies once.
        ids: the sequences.
    """
    # The embedded tokens become a leaf, so that equal ids at different positions have separate gradients.
    embedded = model.token(ids).detach().requires_grad_()
    hook = model.token.register_forward_hook(lambda *_: embedded)
    try:
        with evaluating(model):
            last = model(ids)[:, -1]  # (B, V)
    finally:
        hook.remove()
    squares = torch.zeros(ids.shape, dtype=embedded.dtype, device=embedded.device)
    for logit in last.sum(dim=0):  # rows of a batch are independent, so the sum keeps their gradients separate
        (gradient,) = torch.autograd.grad(logit, embedded, retain_graph=True)  # (B, T, C)
        squares += gradient.square().sum(dim=-1)
    return squares.sqrt().mean(dim=0).flip(0)
