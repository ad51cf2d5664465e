"""Muon: momentum whose update is the nearest orthogonal matrix, for the weight matrices of a transformer's blocks."""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.contract import NonNegative, Rate, checked
from lecture21.training.devices import matrix_dtype

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_EPS = 1e-7


def _orthogonalize(
    matrices: Float[Tensor, "N R C"], dtype: torch.dtype | None = None, steps: int = 5
) -> Float[Tensor, "N R C"]:
    """Replace the singular values of each matrix by values near 1, between about 0.7 and 1.2.

    Each step of the Newton-Schulz iteration applies the polynomial a s + b s^3 + c s^5 to every singular value s, with
    matrix products alone. Its slope at 0 is so steep that five steps also lift small singular values.

    In float16, whose largest number is 65,504, nothing overflows: the polynomial maps [0, 1.25] into [0, 1.2025], so
    that no entry of x exceeds 1.21, none of the Gram matrix 1.45, and none of the bracket 12.

    Args:
        matrices: N matrices of one shape. The work grows with R^2 C, so that R <= C saves work.
        dtype: in which to iterate; that of the matrices if not given. They are normalized in their own type: a gradient
            may be too small or too large for float16.
        steps: number of iterations.

    Source: Jordan et al. 2024, "Muon", https://kellerjordan.github.io/posts/muon.
    """
    a, b, c = _COEFFICIENTS
    x = matrices / matrices.norm(dim=(-2, -1), keepdim=True).clamp(min=_EPS)  # singular values of at most 1
    x = x if dtype is None else x.to(dtype)
    for _ in range(steps):
        gram = x.bmm(x.mT)  # (N, R, R)
        x = x.baddbmm(gram.baddbmm(gram, gram, beta=b, alpha=c), x, beta=a)  # a x + (b gram + c gram^2) x
    return x.to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalized: every direction of a weight matrix is updated by the same amount.

    Equals `torch.optim.Muon` in torch 2.13 and 2.15, with its default `adjust_lr_fn="original"`, but orthogonalizes all
    matrices of one shape together, and in bfloat16, or in float16 on a T4, only where the device multiplies faster in
    it. "original" is the scale of Jordan et al., with which the learning rates of this package were tuned.

    Args:
        params: matrices, or stacks of matrices such as the weights of E experts, of shape (E, R, C).
        lr: learning rate; a matrix of more rows than columns uses sqrt(R / C) times as much.
        weight_decay: decoupled, as in AdamW.
        momentum: decay rate of the moving average of the gradient.

    Source: Jordan et al. 2024, "Muon", https://kellerjordan.github.io/posts/muon.
    """

    @checked
    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: NonNegative = 0.02,
        weight_decay: NonNegative = 0.0,
        momentum: Rate = 0.95,
    ):
        params = list(params)
        if not params:
            raise ValueError("params must have at least one matrix, got none")
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.ndim < 2:
                raise ValueError(f"params must be matrices for Muon, got a parameter of shape {tuple(p.shape)}")

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            by_shape: dict[tuple[int, int], list[nn.Parameter]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    by_shape.setdefault(tuple(sorted(p.shape[-2:])), []).append(p)
            for parameters in by_shape.values():
                directions = [_wide(self._direction(p, group["momentum"])) for p in parameters]
                stack = torch.cat(directions)  # (N, R, C) with R <= C
                dtype = matrix_dtype(stack.device) if stack.dtype == torch.float32 else None
                updates = _orthogonalize(stack, dtype).split([len(d) for d in directions])
                for p, update in zip(parameters, updates, strict=True):
                    rows, columns = p.shape[-2:]
                    update = update.mT if rows > columns else update
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update.reshape(p.shape), alpha=-group["lr"] * math.sqrt(max(1, rows / columns)))

    def _direction(self, p: nn.Parameter, momentum: float) -> Tensor:
        """Update the moving average of a gradient, and return the gradient a step ahead (Nesterov)."""
        state = self.state[p]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(p)
        average = state["momentum_buffer"].lerp_(p.grad, 1 - momentum)
        return p.grad.lerp(average, momentum)


def _wide(matrices: Float[Tensor, "*N R C"]) -> Float[Tensor, "N R1 C1"]:
    """Return a stack of matrices with at least as many columns as rows, transposed if necessary."""
    stack = matrices.flatten(0, -3) if matrices.ndim > 2 else matrices[None]
    return stack.mT if stack.shape[-2] > stack.shape[-1] else stack
