"""What is said of the difference between a right and a wrong tensor is true, and is said whenever it is true."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lecture21.course.exercises.answers.values import same
from lecture21.course.exercises.hints.differences import in_words, permuted, scaled, transposed_shape

sizes, seeds = st.integers(4, 7), st.integers(0, 2**40)


def numbers(seed: int, *shape: int) -> Tensor:
    """Return different numbers, none of them near 0."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(torch.Size(shape).numel(), generator=generator).view(shape)
    return (order + 1 + torch.rand(shape, generator=generator) / 2) * torch.sign(torch.randn((), generator=generator))


def but(tensor: Tensor, *place: object) -> Tensor:
    """Return a tensor that is wrong at one place, by no simple rule."""
    wrong = tensor.clone()
    wrong[place] = wrong[place] ** 2 + 0.37
    return wrong


@given(n=sizes, m=sizes, seed=seeds, factor=st.floats(0.01, 0.9) | st.floats(1.1, 100))
def test_a_factor_a_sign_and_a_constant_are_named(n, m, seed, factor):
    right = numbers(seed, n, m)
    assert in_words(right, -right) == "has the wrong sign"
    assert f"it is {factor:.4g} times what it should be" in in_words(right, factor * right)
    assert f"too large by {factor:.4g}" in in_words(right.double(), right.double() + factor)
    assert f"too small by {factor:.4g}" in in_words(right.double(), right.double() - factor)


@given(n=sizes, m=sizes, seed=seeds)
def test_a_transposed_tensor_is_named(n, m, seed):
    right = numbers(seed, n, n)
    assert in_words(right, right.T.contiguous()) == "is the transpose of the right one"
    tall = numbers(seed, 2, n, n + m)
    assert transposed_shape(tall, tall.transpose(1, 2))
    assert not transposed_shape(tall, tall.reshape(2, n + m, n))
    assert not transposed_shape(tall, tall[0])
    row = numbers(seed, 1, n, m)
    assert not transposed_shape(row, row.transpose(0, 1))  # as unsqueeze does it
    assert transposed_shape(row, row.transpose(0, 1), trivially=True)


@given(n=sizes, m=sizes, seed=seeds)
def test_rows_and_columns_that_have_moved_are_named(n, m, seed):
    right = numbers(seed, n, m)
    for dim, one, many in ((0, "row", "rows"), (1, "column", "columns")):
        size = right.shape[dim]
        assert in_words(right, right.flip(dim)) == f"has the right {many} in reverse order"
        assert in_words(right, right.roll(1, dim)) == f"has the right {many} one place too late"
        assert in_words(right, right.roll(-1, dim)) == f"has the right {many} one place too early"
        first, rest = right.narrow(dim, 0, 1), right.narrow(dim, 1, size - 1)
        late, early = (torch.cat([first, rest.roll(by, dim)], dim) for by in (1, -1))
        assert in_words(right, late) == f"has the right first {one}, and the others one place too late"
        assert in_words(right, early) == f"has the right first {one}, and the others one place too early"
        swapped = right.index_select(dim, torch.tensor([1, 0, *range(2, size)]))
        assert in_words(right, swapped) == f"has the right {many} in another order"


@given(n=sizes, seed=seeds, row=st.integers(0, 3), column=st.integers(0, 3))
def test_the_place_of_wrong_entries_is_named(n, seed, row, column):
    right = numbers(seed, n, n + 1)
    where = {0: "the first row", n - 1: "the last row"}.get(row, f"row {row} (from 0)")
    assert in_words(right, but(right, row)) == f"is wrong in {where} only"
    where = {0: "the first column"}.get(column, f"column {column} (from 0)")
    assert in_words(right, but(right, slice(None), column)) == f"is wrong in {where} only"
    kept = but(right, slice(None))
    kept[row] = right[row]
    assert f"is right in {'the first row' if row == 0 else ''}" in in_words(right, kept)
    entries = numbers(seed, n)
    assert in_words(entries, but(entries, n - 1)) == "is wrong in the last entry only"


@given(n=sizes, seed=seeds)
def test_the_side_of_the_diagonal_is_named(n, seed):
    right = numbers(seed, n, n)
    wrong, above = but(right, slice(None)), torch.ones(n, n, dtype=torch.bool).triu(1)
    assert in_words(right, torch.where(above, wrong, right)) == "is right up to the diagonal, and wrong above it"
    below = above.T
    assert in_words(right, torch.where(below, wrong, right)) == "is right from the diagonal upward, and wrong below it"
    diagonal = ~above & ~below
    assert in_words(right, torch.where(diagonal, wrong, right)) == "is wrong on the diagonal only"


@given(n=sizes, m=sizes, seed=seeds)
def test_a_mask_that_explains_the_wrong_entries_is_named(n, m, seed):
    right, mask = numbers(seed, n, m), numbers(seed + 1, n, m).abs() % 2 > 1
    wrong = but(right, slice(None))
    words = in_words(right, torch.where(mask, right, wrong), {"mask": mask})
    assert words == "is right where `mask` is True, and wrong elsewhere"
    words = in_words(right, torch.where(mask, wrong, right), {"mask": mask})
    assert words == "is right where `mask` is False, and wrong elsewhere"


@given(n=sizes, seed=seeds)
def test_nothing_is_said_of_unrelated_numbers(n, seed):
    right, other = torch.randn(2, n, n, generator=torch.Generator().manual_seed(seed))
    assert in_words(right, other) is None
    assert in_words(right[0], other[0]) is None
    assert in_words(right[0, 0], right[0, 0] * 1.37) is None  # every number is some multiple of every other one


@pytest.mark.parametrize(
    ("factor", "words"), [(2, "2 times"), (3, "3 times"), (0.25, "0.25 times"), (10, "10 times"), (-1, "wrong sign")]
)
def test_of_equal_numbers_simple_factors_only_are_named(factor, words):
    right = torch.full((3,), 3.7)
    assert words in in_words(right, right * factor)
    assert in_words(right, right * 1.37) is None
    assert scaled(torch.tensor(3.7), torch.tensor(3.7 * 2)) is None  # which may be chance


def test_a_factor_that_is_shown_as_one_is_none():
    right = torch.tensor([1.0, 2, 3, 4])
    assert scaled(right, 1.0004 * right) is None
    assert scaled(right, 1.002 * right) == "is right up to a factor: it is 1.002 times what it should be"


def test_numbers_that_are_nearly_all_zero_have_no_order():
    right = torch.tensor([0.0, 0, 0, 0, 5])
    for got in (torch.zeros(5), right.flip(0), right.roll(1)):
        assert "place" not in str(in_words(right, got))
        assert "order" not in str(in_words(right, got))


def test_the_entries_of_a_vector_are_no_columns():
    right = torch.tensor([1.0, 4.0, 9.0, 16.0])
    assert in_words(right, right.flip(0)) == "has the right entries in reverse order"


def test_opposite_truth_values_are_named():
    mask = torch.ones(3, 3, dtype=torch.bool).tril()
    assert in_words(mask, ~mask) == "is True where it must be False, and False where it must be True"


@given(order=st.permutations(range(3)), seed=seeds)
def test_results_in_another_order_are_recognized(order, seed):
    results = (numbers(seed, 3), numbers(seed, 2, 2), 7.5)
    got = tuple(results[n] for n in order)
    places = permuted(results, got, same)
    assert (places is None) == (list(order) == [0, 1, 2])
    assert places is None or tuple(got[n] for n in places) == results
    assert permuted(results, (*got[:2], "another"), same) is None
