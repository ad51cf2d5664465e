"""Exercises of chapter 01: an RNN, how it remembers, and how its gradient decays."""

import math
import random

import torch

from lecture21.course.exercises.answers.modules import WrongWeights
from lecture21.course.exercises.exercise import Case, Exercise, normal

# 1.1


def _unroll(xs, h, w_x, w_h, b):
    """Return the state after each of the T tokens, as a tensor of shape (T, D).

    `xs` (T, C) holds the token vectors in order, and `h` (D,) is the state before the first token.
    Shapes of the weights: w_x (D, C), w_h (D, D), b (D,).
    """
    states = []
    for x in xs:
        h = torch.tanh(w_x @ x + w_h @ h + b)
        states.append(h)
    return torch.stack(states)


def _cell(rng: random.Random, c: int, d: int) -> tuple[torch.Tensor, ...]:
    """Return random weights of a cell: w_x, w_h and b."""
    return normal(rng, d, c), normal(rng, d, d), normal(rng, d)


def _unroll_case(rng: random.Random, t: int, c: int, d: int, about: str) -> Case:
    return Case((normal(rng, t, c), normal(rng, d), *_cell(rng, c, d)), about)


_UNROLL = Exercise(
    number="1.1",
    name="unroll",
    title="run an RNN over a sequence",
    solution=_unroll,
    cases=lambda rng: [
        _unroll_case(rng, 1, 1, 1, "T = 1"),
        _unroll_case(rng, 2, 3, 2, "T = 2"),
        _unroll_case(rng, 3, 3, 3, "T = 3, C = 3, D = 3"),
        _unroll_case(rng, rng.randint(5, 9), 2, 4, "a longer sequence"),
    ],
    properties=(
        (
            "each component of a state must be between -1 and 1",
            lambda arguments, states: bool((states.abs() <= 1).all()),
        ),
        (
            "the states are right for the tokens in reverse order. Which token comes first?",
            lambda arguments, states: (
                len(states) == 1 or not torch.allclose(states, _unroll(arguments[0].flip(0), *arguments[1:]), atol=1e-5)
            ),
        ),
        (
            "the first state must depend on x, on h and on b as in the formula",
            lambda arguments, states: torch.allclose(
                states[0], _unroll(arguments[0][:1], *arguments[1:])[0], atol=1e-5
            ),
        ),
        (
            "each later state must follow from the state before it",
            lambda arguments, states: all(
                torch.allclose(states[t], _unroll(arguments[0][t : t + 1], states[t - 1], *arguments[2:])[0], atol=1e-5)
                for t in range(1, len(states))
            ),
        ),
    ),
)

_UNROLL.wrong_lines(
    "without tanh",
    """
    - h = torch.tanh(w_x @ x + w_h @ h + b)
    + h = w_x @ x + w_h @ h + b
    """,
    hint="your state is not limited to the range from -1 to 1. Which function comes last?",
)

_UNROLL.wrong_lines(
    "transposed",
    """
    - h = torch.tanh(w_x @ x + w_h @ h + b)
    + h = torch.tanh(w_x @ x + h @ w_h + b)
    """,
    hint="the shapes fit, but w_h is used as its transpose. In `w_h @ h` each row of w_h gives one new number; what "
    "does `h @ w_h` do?",
)

_UNROLL.wrong_lines(
    "bias outside",
    """
    - h = torch.tanh(w_x @ x + w_h @ h + b)
    + h = torch.tanh(w_x @ x + w_h @ h) + b
    """,
    hint="the bias is added after the tanh, but it belongs to the sum inside the tanh.",
)

_UNROLL.wrong_lines(
    "always from the start",
    """
    - h = torch.tanh(w_x @ x + w_h @ h + b)
    - states.append(h)
    + states.append(torch.tanh(w_x @ x + w_h @ h + b))
    """,
    hint="every step starts from the initial state. Which state must the second step start from?",
)

_UNROLL.wrong_lines(
    "only the last",
    """
    - return torch.stack(states)
    + return h
    """,
    hint="you return the last state alone. A language model predicts at each position, so it needs all T states.",
)

_UNROLL.wrong_lines(
    "one step late",
    """
    - h = torch.tanh(w_x @ x + w_h @ h + b)
    + states.append(h)
    + h = torch.tanh(w_x @ x + w_h @ h + b)
    - states.append(h)
    """,
    hint="each row is one step late: the first one is the initial state. Do you store the state before or after the "
    "step?",
)


# 1.2


def _latch(numbers):
    """Return the state after each word, (T,), of a unit that keeps the sign of the first noun.

    `numbers` (T,) has 1 for each plural noun, -1 for each singular one and 0 for each other word. A
    sentence begins like "pilots near the window": a noun, two words that are none, then any words.
    Begin with h = 0, and update it with each word: h = torch.tanh(w * h + u * x). Choose w and u.
    """
    w, u = 2.0, 0.5
    h, states = torch.zeros(()), []
    for x in numbers:
        h = torch.tanh(w * h + u * x)
        states.append(h)
    return torch.stack(states)


def _unit_of(arguments, states):
    """Return w and u of a unit, tanh(w h + u x), that has these states, or None if there is none.

    A state near 1 or -1 gives only the sign of w h + u x, for tanh is flat there. The other states give w and u, or one
    equation, or none; then units with large w and u that fulfill it are tried.
    """
    states = states.double()
    both = torch.stack([torch.cat([states.new_zeros(1), states[:-1]]), arguments[0]], dim=1)
    steep = states.abs() < 1 - 1e-4
    inverse = torch.linalg.pinv(both[steep])
    angles = torch.arange(32, dtype=states.dtype) * math.pi / 16
    large = 1000 * torch.stack([angles.cos(), angles.sin()])
    free = torch.eye(2, dtype=states.dtype) - inverse @ both[steep]
    units = (inverse @ states[steep].atanh())[:, None] + free @ large
    fits = ((both @ units).tanh() - states[:, None]).abs().amax(dim=0) < 1e-3
    return units[:, fits][:, 0].tolist() if fits.any() else None


def _would_hold_at_rest(w, u):
    """Return whether rivals in any number leave the sign of a state that is at rest, h = tanh(w h), with h > 0.

    They do while tanh(w h - u) = h has a solution h > 0.
    """
    return w > 1 and 0 < u < math.sqrt(w * (w - 1)) - math.acosh(math.sqrt(w))


def _keeps_its_sign(arguments, states):
    return bool((states * arguments[0][0] > 0).all())


def _rivals(rng: random.Random, nouns: str, about: str) -> Case:
    """Return a case with the first noun of a random number, and others of the same (s), the other (o) or none (.)."""
    sign = rng.choice((-1.0, 1.0))
    numbers = {"s": sign, "o": -sign, ".": 0.0}
    return Case((torch.tensor([numbers[noun] for noun in nouns]).double(),), about)


def _with_gradients(latch, numbers):
    """Return the states of a latch on numbers that autograd tracks, as the cell after the exercise has them."""
    states = latch(numbers.clone().requires_grad_())
    if isinstance(states, torch.Tensor) and not states.requires_grad:
        raise WrongWeights("no gradient passes back from the states to numbers, which a unit of an RNN does")
    return states


_LATCH = Exercise(
    number="1.2",
    name="latch",
    title="an RNN that remembers",
    solution=_latch,
    call=_with_gradients,
    cases=lambda rng: [
        _rivals(rng, "s", "a sentence of one noun"),
        _rivals(rng, "s" + "." * 12, "a noun and 12 words that are none"),
        _rivals(rng, "s..o..o", "a noun and two rivals"),
        _rivals(rng, "s.." + "o" * 200, "a noun and 200 rivals in a row"),
        _rivals(rng, "s.." + "".join(rng.choice("so..") for _ in range(97)), "100 random words"),
    ],
    properties=(
        (
            "there must be one state for each word",
            lambda arguments, states: states.shape == arguments[0].shape,
        ),
        (
            "each state must be tanh(w h + u x), with the same two numbers w and u",
            lambda arguments, states: _unit_of(arguments, states) is not None,
        ),
        (
            "the state must take the sign of the first noun",
            lambda arguments, states: bool(states[0] * arguments[0][0] > 0),
        ),
        (
            "once at rest, this unit would hold its sign, but two words after the first noun it is still on its way. "
            "How does it grow faster?",
            lambda arguments, states: (
                _keeps_its_sign(arguments, states) or not _would_hold_at_rest(*_unit_of(arguments, states))
            ),
        ),
        (
            "with a w of at most 1, tanh makes every state smaller, so the first noun fades while nothing is added. "
            "Which w makes a small state grow?",
            lambda arguments, states: _keeps_its_sign(arguments, states) or abs(_unit_of(arguments, states)[0]) > 1.001,
        ),
        (
            "a row of rivals turns the state, for u is too large beside w. Iterate tanh(w h - u) from a state at rest: "
            "does it stay positive?",
            lambda arguments, states: _keeps_its_sign(arguments, states) or min(_unit_of(arguments, states)) <= 0,
        ),
        (
            "the state must keep the sign of the first noun, and not go over to that of a later one",
            _keeps_its_sign,
        ),
    ),
    by_properties=True,
)

_LATCH.wrong_lines(
    "decays",
    """
    - w, u = 2.0, 0.5
    + w, u = 0.5, 1.0
    """,
    hint="the state shrinks between two nouns, so that the next one, which counts in full, decides. With which w does "
    "a state grow when nothing is added?",
)

_LATCH.wrong_lines(
    "too loud",
    """
    - w, u = 2.0, 0.5
    + w, u = 2.0, 1.0
    """,
    hint="one rival does not turn the state, but several in a row do. How small must u be for the state to recover "
    "while rivals keep coming?",
)

_LATCH.wrong_lines(
    "wrong sign",
    """
    - w, u = 2.0, 0.5
    + w, u = 2.0, -0.5
    """,
    hint="the state keeps its sign, but takes the wrong one from the first noun.",
)

_LATCH.wrong_lines(
    "counts",
    """
    - w, u = 2.0, 0.5
    + w, u = 1.0, 0.2
    """,
    hint="with w = 1 a small state hardly changes by itself, so the unit counts nouns. What must the state do between "
    "two of them?",
)


# 1.3


def _gradient_factors(states, w):
    """Return the derivative of the last state with respect to each state, of shape (T,).

    The RNN has one unit, h_t = tanh(w h_{t-1} + its input), and `states` (T,) holds h_1 to h_T.
    Entry t is the derivative of h_T with respect to h_t, so the last entry is 1.
    """
    slopes = w * (1 - states**2)
    factors = torch.ones_like(states)
    for t in range(len(states) - 2, -1, -1):
        factors[t] = factors[t + 1] * slopes[t + 1]
    return factors


def _states_case(rng: random.Random, t: int, about: str) -> Case:
    return Case((normal(rng, t).tanh(), rng.choice((-1, 1)) * rng.uniform(0.5, 2.0)), about)


_FACTORS = Exercise(
    number="1.3",
    name="gradient_factors",
    title="the gradient's decay factors",
    solution=_gradient_factors,
    cases=lambda rng: [
        _states_case(rng, 1, "T = 1"),
        _states_case(rng, 2, "T = 2"),
        _states_case(rng, 4, "T = 4"),
        _states_case(rng, rng.randint(5, 7), "a longer sequence"),
    ],
    properties=(
        (
            "the derivative of the last state with respect to itself must be 1",
            lambda arguments, factors: torch.allclose(factors[-1], torch.ones_like(factors[-1])),
        ),
        (
            "the second to last entry must be the derivative of one step, w (1 - h_T^2)",
            lambda arguments, factors: torch.allclose(
                factors[-2], arguments[1] * (1 - arguments[0][-1] ** 2), atol=1e-5
            ),
        ),
    ),
)


@_FACTORS.mistake(
    hint="your factors are powers of w, as if there were no tanh. What is the slope of tanh where its value is h?"
)
def _powers_of_w(states, w):
    return w ** torch.arange(len(states) - 1, -1, -1, dtype=states.dtype)


_FACTORS.wrong_lines(
    "slope at the state before",
    """
    - factors[t] = factors[t + 1] * slopes[t + 1]
    + factors[t] = factors[t + 1] * slopes[t]
    """,
    hint="your slope of the step from h_{t-1} to h_t is taken at h_{t-1}. Which of the two is the value of the tanh?",
)


@_FACTORS.mistake(
    hint="each of your products has one factor too many: from h_t to h_T there are T - t steps, and from h_T to h_T "
    "there are none.",
)
def _one_factor_too_many(states, w):
    return (w * (1 - states**2)).flip(0).cumprod(0).flip(0)


_FACTORS.wrong_lines(
    "from the first state",
    """
    - for t in range(len(states) - 2, -1, -1):
    + for t in range(1, len(states)):
    - factors[t] = factors[t + 1] * slopes[t + 1]
    + factors[t] = factors[t - 1] * slopes[t]
    """,
    hint="your entries are the derivatives of h_t with respect to h_1. The last state is the one to be differentiated: "
    "from which end do the factors accumulate?",
)

_FACTORS.wrong_lines(
    "the first entry missing",
    """
    - for t in range(len(states) - 2, -1, -1):
    + for t in range(len(states) - 2, 0, -1):
    """,
    hint="the entry of h_1 is never computed. What is the last value that your loop takes?",
)

_FACTORS.wrong_lines(
    "tanh of the states",
    """
    - slopes = w * (1 - states**2)
    + slopes = w * (1 - torch.tanh(states) ** 2)
    """,
    hint="you apply the tanh to the states once more. A state is already a value of the tanh.",
)
