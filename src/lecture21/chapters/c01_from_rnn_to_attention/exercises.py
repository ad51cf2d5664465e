"""Exercises of chapter 01: a recurrent network, and how its gradient decays."""

import random
from functools import partial

import torch

from lecture21.exercises.exercise import Case, Exercise, normal

# 1.1


def _rnn_step(x, h, w_x, w_h, b):
    """Return the next state of an RNN cell: tanh(w_x x + w_h h + b).

    Shapes: x (C,), h and b (D,), w_x (D, C), w_h (D, D). The next state has the shape (D,).
    """
    return torch.tanh(w_x @ x + w_h @ h + b)


def _cell(rng: random.Random, c: int, d: int) -> tuple[torch.Tensor, ...]:
    """Return random weights of a cell: w_x, w_h and b."""
    return normal(rng, d, c), normal(rng, d, d), normal(rng, d)


def _step_case(rng: random.Random, c: int, d: int, about: str) -> Case:
    return Case((normal(rng, c), normal(rng, d), *_cell(rng, c, d)), about)


_STEP = Exercise(
    number="1.1",
    name="rnn_step",
    title="one step of an RNN cell",
    solution=_rnn_step,
    cases=lambda rng: [
        _step_case(rng, 1, 1, "C = 1, D = 1"),
        _step_case(rng, 2, 3, "C = 2, D = 3"),
        _step_case(rng, 4, 4, "C = 4, D = 4"),
        _step_case(rng, rng.randint(5, 8), 2, "C larger than D"),
    ],
    properties=(
        (
            "each component of a state must be between -1 and 1",
            lambda arguments, state: bool((state.abs() <= 1).all()),
        ),
        (
            "the new state must depend on the old one, unless w_h is 0",
            lambda arguments, state: not torch.allclose(state, torch.tanh(arguments[2] @ arguments[0] + arguments[4])),
        ),
        (
            "the new state must depend on x, unless w_x is 0",
            lambda arguments, state: not torch.allclose(state, torch.tanh(arguments[3] @ arguments[1] + arguments[4])),
        ),
        (
            "the new state must depend on b, unless b is 0",
            lambda arguments, state: (
                not torch.allclose(state, torch.tanh(arguments[2] @ arguments[0] + arguments[3] @ arguments[1]))
            ),
        ),
    ),
)


@_STEP.mistake(
    symptom="It seems to work on short texts, but on long ones the state grows until the loss is NaN.",
    hint="your state is not limited to the range from -1 to 1. Which function comes last?",
)
def _without_tanh(x, h, w_x, w_h, b):
    return w_x @ x + w_h @ h + b


@_STEP.mistake(
    symptom="The model trains, but it is no better than one that is given a single token: it has no memory.",
    hint="the new state does not depend on the old one. Where does h enter the sum?",
)
def _without_the_old_state(x, h, w_x, w_h, b):
    return torch.tanh(w_x @ x + b)


@_STEP.mistake(
    symptom="There is no error, since w_h is square, but the states differ from those of nn.RNN with the same weights.",
    hint="the shapes fit, but w_h is used as its transpose. In `w_h @ h` each row of w_h gives one new number; what "
    "does `h @ w_h` do?",
)
def _transposed(x, h, w_x, w_h, b):
    return torch.tanh(w_x @ x + h @ w_h + b)


@_STEP.mistake(
    symptom="States exceed the range from -1 to 1, by up to the size of the bias.",
    hint="the bias is added after the tanh, but it belongs to the sum inside the tanh.",
)
def _bias_outside(x, h, w_x, w_h, b):
    return torch.tanh(w_x @ x + w_h @ h) + b


@_STEP.mistake(
    symptom="Only the input's contribution is limited. The state is multiplied by w_h at every step and can explode.",
    hint="the tanh covers only the input. Add the term with the old state first, and then apply the tanh once.",
)
def _state_outside(x, h, w_x, w_h, b):
    return torch.tanh(w_x @ x + b) + w_h @ h


@_STEP.mistake(
    symptom="It works as long as the input and the state have the same width, and is an error of shapes otherwise.",
    hint="each matrix is multiplied by the wrong vector. w_x has C columns: which of the two vectors has C numbers?",
)
def _exchanged(x, h, w_x, w_h, b):
    return torch.tanh(w_h @ x + w_x @ h + b)


# 1.2


def _unroll(step, xs, h):
    """Return the state after each of the T tokens, as a tensor of shape (T, D).

    `step(x, h)` returns the next state. `xs` (T, C) holds the token vectors in order, and `h` (D,)
    is the state before the first token.
    """
    states = []
    for x in xs:
        h = step(x, h)
        states.append(h)
    return torch.stack(states)


def _unroll_case(rng: random.Random, t: int, c: int, d: int, about: str) -> Case:
    w_x, w_h, b = _cell(rng, c, d)
    return Case((partial(_rnn_step, w_x=w_x, w_h=w_h, b=b), normal(rng, t, c), normal(rng, d)), about)


_UNROLL = Exercise(
    number="1.2",
    name="unroll",
    title="unroll the cell over a sequence",
    solution=_unroll,
    cases=lambda rng: [
        _unroll_case(rng, 1, 1, 1, "T = 1"),
        _unroll_case(rng, 2, 3, 2, "T = 2"),
        _unroll_case(rng, 3, 3, 3, "T = 3, C = 3, D = 3"),
        _unroll_case(rng, rng.randint(5, 9), 2, 4, "a longer sequence"),
    ],
    properties=(
        (
            "the first state must be step(xs[0], h)",
            lambda arguments, states: torch.allclose(states[0], arguments[0](arguments[1][0], arguments[2])),
        ),
        (
            "each later state must be the step from the state before it",
            lambda arguments, states: all(
                torch.allclose(states[t], arguments[0](arguments[1][t], states[t - 1])) for t in range(1, len(states))
            ),
        ),
    ),
)


@_UNROLL.mistake(
    symptom="Every state depends on one token only. The loss is that of a model without memory.",
    hint="every step starts from the initial state. Which state must the second step start from?",
)
def _always_from_the_start(step, xs, h):
    return torch.stack([step(x, h) for x in xs])


@_UNROLL.mistake(
    symptom="This is enough to classify a text, but a language model has only one prediction for each text to train "
    "on.",
    hint="you return the last state alone. A language model predicts at each position, so it needs all T states.",
)
def _only_the_last(step, xs, h):
    states = []
    for x in xs:
        h = step(x, h)
        states.append(h)
    return h


@_UNROLL.mistake(
    symptom="The state at position t does not depend on token t, so the loss stays high, as if a character were "
    "missing.",
    hint="each row is one step late: the first one is the initial state. Do you store the state before or after the "
    "step?",
)
def _one_step_late(step, xs, h):
    states = []
    for x in xs:
        states.append(h)
        h = step(x, h)
    return torch.stack(states)


@_UNROLL.mistake(
    symptom="There is one row too many, so logits and targets no longer have the same length.",
    hint="your first row is the initial state. Return only the states after each token.",
)
def _with_the_start(step, xs, h):
    states = [h]
    for x in xs:
        h = step(x, h)
        states.append(h)
    return torch.stack(states)


@_UNROLL.mistake(
    symptom="The state at position t depends on later tokens, among them its target. The loss falls far too fast.",
    hint="you start at the end of the sequence, so the first rows depend on later tokens. Which token comes first?",
)
def _from_the_end(step, xs, h):
    states = []
    for x in xs.flip(0):
        h = step(x, h)
        states.insert(0, h)
    return torch.stack(states)


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
            lambda arguments, factors: torch.allclose(factors[-2], arguments[1] * (1 - arguments[0][-1] ** 2)),
        ),
    ),
)


@_FACTORS.mistake(
    symptom="These are the powers of w. Their absolute values are only an upper bound for the size of the derivatives.",
    hint="your factors are powers of w, as if there were no tanh. What is the slope of tanh where its value is h?",
)
def _powers_of_w(states, w):
    return w ** torch.arange(len(states) - 1, -1, -1, dtype=states.dtype)


@_FACTORS.mistake(
    symptom="The values are nearly right where neighboring states are similar, and wrong elsewhere.",
    hint="your slope of the step from h_{t-1} to h_t is taken at h_{t-1}. Which of the two is the value of the tanh?",
)
def _slope_at_the_state_before(states, w):
    slopes = w * (1 - states**2)
    factors = torch.ones_like(states)
    for t in range(len(states) - 2, -1, -1):
        factors[t] = factors[t + 1] * slopes[t]
    return factors


@_FACTORS.mistake(
    symptom="All products contain one factor too many, so the last entry is not 1.",
    hint="each of your products has one factor too many: from h_t to h_T there are T - t steps, and from h_T to h_T "
    "there are none.",
)
def _one_factor_too_many(states, w):
    return (w * (1 - states**2)).flip(0).cumprod(0).flip(0)


@_FACTORS.mistake(
    symptom="The recent past seems to be forgotten and the distant past to be remembered.",
    hint="your entries are the derivatives of h_t with respect to h_1. The last state is the one to be differentiated: "
    "from which end do the factors accumulate?",
)
def _from_the_first_state(states, w):
    slopes = w * (1 - states**2)
    factors = torch.ones_like(states)
    for t in range(1, len(states)):
        factors[t] = factors[t - 1] * slopes[t]
    return factors


@_FACTORS.mistake(
    symptom="All entries are right except for the first one.",
    hint="the entry of h_1 is never computed. What is the last value that your loop takes?",
)
def _the_first_entry_missing(states, w):
    slopes = w * (1 - states**2)
    factors = torch.ones_like(states)
    for t in range(len(states) - 2, 0, -1):
        factors[t] = factors[t + 1] * slopes[t + 1]
    return factors


@_FACTORS.mistake(
    symptom="The factors are nearly right for states near 0 and too large elsewhere.",
    hint="you apply the tanh to the states once more. A state is already a value of the tanh.",
)
def _tanh_of_the_states(states, w):
    slopes = w * (1 - torch.tanh(states) ** 2)
    factors = torch.ones_like(states)
    for t in range(len(states) - 2, -1, -1):
        factors[t] = factors[t + 1] * slopes[t + 1]
    return factors
