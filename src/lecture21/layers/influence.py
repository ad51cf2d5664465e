"""How far a prediction moves when a token is nudged: the length of memory, measured on any model with embeddings."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.modes import evaluating


def influence_by_distance(model: nn.Module, ids: Int[Tensor, "B T"]) -> Float[Tensor, " T"]:
    """Return the norm of d logits / d embedding, for the logits of the last position and the token s places before it.

    The norm is Frobenius', over the V logits and the C numbers of the embedding; its mean over the batch is returned,
    entry s for distance s = 0 ... T - 1. In evaluation mode: dropout would be measured too.

    Args:
        model: maps ids to logits (B, T, V), and looks them up in its embedding `token` once.
        ids: sequences to measure on.

    Raises:
        ValueError: if there is nothing to read.
    """
    if ids.numel() < 1:
        raise ValueError(f"influence_by_distance needs one sequence of one token or more, got shape {tuple(ids.shape)}")
    # The embedded tokens become a leaf of their own, so that two equal ids are told apart.
    embedded = model.token(ids).detach().requires_grad_()
    hook = model.token.register_forward_hook(lambda *_: embedded)
    try:
        with evaluating(model):
            last = model(ids)[:, -1]  # (B, V)
    finally:
        hook.remove()
    squares = torch.zeros(ids.shape, dtype=embedded.dtype, device=embedded.device)
    for logit in last.sum(dim=0):  # rows of a batch do not see each other, so their sum keeps the gradients apart
        (gradient,) = torch.autograd.grad(logit, embedded, retain_graph=True)  # (B, T, C)
        squares += gradient.square().sum(dim=-1)
    return squares.sqrt().mean(dim=0).flip(0)
