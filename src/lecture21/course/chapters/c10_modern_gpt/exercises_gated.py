"""Exercise 10.4: SwiGLU, the gated feed-forward layer."""

import random

import torch.nn.functional as F

from lecture21.course.exercises.exercise import Case, Exercise, normal


def _swiglu(x, w_gate, w_up, w_down):
    """Return the gated feed-forward layer SwiGLU of `x`, a tensor of shape (T, C).

    `w_gate` and `w_up` have the shape (F, C), as the weight of an nn.Linear from C to F, and
    `w_down` the shape (C, F). Both hidden layers are linear maps of x. SiLU, which is z sigmoid(z),
    is applied to the one of `w_gate`, and the two are multiplied entry by entry. `w_down` maps the
    product back. There are no biases, and the result passes gradients back to all four.
    """
    gate = F.silu(x @ w_gate.T)  # (T, F)
    up = x @ w_up.T
    hidden = gate * up
    return hidden @ w_down.T


def _cases(rng: random.Random) -> list[Case]:
    t, width, hidden = rng.randint(2, 4), rng.randint(2, 4), rng.randint(5, 7)

    def case(t: int, width: int, hidden: int) -> Case:
        arguments = (normal(rng, t, width), *(normal(rng, hidden, width) for _ in range(2)), normal(rng, width, hidden))
        return Case(arguments, f"T = {t}, C = {width}, F = {hidden}")

    return [case(1, 2, 3), case(t, width, hidden), case(5, 3, 3)]


_SWIGLU = Exercise(
    number="10.4",
    name="swiglu",
    title="SwiGLU",
    solution=_swiglu,
    differentiable=("x", "w_gate", "w_up", "w_down"),
    any_device=True,
    cases=_cases,
)

_SWIGLU.wrong_lines(
    "without silu",
    """
    - gate = F.silu(x @ w_gate.T)
    + gate = x @ w_gate.T
    """,
    hint="your layer has no nonlinearity, only a product of two linear maps. Where does SiLU belong?",
)

_SWIGLU.wrong_lines(
    "silu of up",
    """
    - gate = F.silu(x @ w_gate.T)
    + gate = x @ w_gate.T
    - up = x @ w_up.T
    + up = F.silu(x @ w_up.T)
    """,
    hint="your SiLU is applied to the other hidden layer. Which of the two matrices makes the gate?",
)

_SWIGLU.wrong_lines(
    "sigmoid gate",
    """
    - gate = F.silu(x @ w_gate.T)
    + gate = F.sigmoid(x @ w_gate.T)
    """,
    hint="your gate is a sigmoid, which is the older GLU. SiLU multiplies the sigmoid by its input.",
)

_SWIGLU.wrong_lines(
    "added",
    """
    - hidden = gate * up
    + hidden = gate + up
    """,
    hint="your hidden layers are added. A gate must be able to close: which operation makes the result 0 if it is 0?",
)

_SWIGLU.wrong_lines(
    "silu of the product",
    """
    - gate = F.silu(x @ w_gate.T)
    + gate = x @ w_gate.T
    - hidden = gate * up
    + hidden = gate * up * F.sigmoid(gate * up)
    """,
    hint="you multiply first and apply SiLU to the product. It belongs to one factor only.",
)
