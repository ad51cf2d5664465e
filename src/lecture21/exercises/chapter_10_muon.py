"""Exercise of chapter 10: one Newton-Schulz iteration."""

import random

from lecture21.exercises._exercise import Case, Exercise, normal

# 10.2


def _newton_schulz(x):
    """Return a x + b (x x^T) x + c (x x^T)^2 x with a = 3.4445, b = -4.7750, c = 2.0315.

    `x` is a matrix of shape (R, C), and the products are matrix products. This maps each singular
    value s of `x` to a s + b s^3 + c s^5, and leaves the singular vectors unchanged. Do not
    divide by the norm here: Muon does that once, before the first iteration.
    """
    gram = x @ x.T
    return 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram @ gram @ x


def _matrix_cases(rng: random.Random) -> list[Case]:
    def case(rows: int, columns: int) -> Case:
        x = normal(rng, rows, columns)
        return Case((rng.uniform(0.4, 0.8) * x / x.norm(),), f"shape ({rows}, {columns})")

    r = rng.randint(3, 5)
    return [case(1, 2), case(2, 2), case(r, r), case(r, r + rng.randint(1, 3))]


_NEWTON = Exercise(
    number="10.2",
    name="newton_schulz",
    title="one Newton-Schulz iteration",
    solution=_newton_schulz,
    cases=_matrix_cases,
)


@_NEWTON.mistake(
    looks="The shape is right, but the polynomial is applied to entries instead of singular values.",
    hint="you take powers of the entries. The formula multiplies matrices: which operator does that?",
)
def _entrywise(x):
    return 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5


@_NEWTON.mistake(
    looks="Large singular values stay much too large: the last term has the third power instead of the fifth.",
    hint="your last term contains x x^T once. How often must it occur for the fifth power of a singular value?",
)
def _cubic_twice(x):
    gram = x @ x.T
    return 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram @ x


@_NEWTON.mistake(
    looks="Singular values grow in each iteration and overflow after a few: all three terms increase them.",
    hint="all your terms increase the singular values. What is the sign of b?",
)
def _all_positive(x):
    gram = x @ x.T
    return 3.4445 * x + 4.7750 * gram @ x + 2.0315 * gram @ gram @ x


@_NEWTON.mistake(
    looks="Small singular values shrink to 0, since the linear term, which increases them, is missing.",
    hint="small singular values shrink to 0. Which term of the polynomial is large for a small s?",
)
def _no_linear_term(x):
    gram = x @ x.T
    return -4.7750 * gram @ x + 2.0315 * gram @ gram @ x


@_NEWTON.mistake(
    looks="The next iteration divides again, so the singular values shrink instead of approaching 1.",
    hint="you divide by the norm in each iteration. That happens once, before the first, and not in this function.",
)
def _divides_by_the_norm(x):
    x = x / x.norm()
    gram = x @ x.T
    return 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram @ gram @ x


@_NEWTON.mistake(
    looks="The first two terms are right, but the last one changes the singular vectors.",
    hint="in your last term the entries of x x^T are squared. The formula has the square of the matrix.",
)
def _squared_entries(x):
    gram = x @ x.T
    return 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram**2 @ x
