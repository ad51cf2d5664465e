"""Whatever a command line or a JSON file may put into a field, the answer is a configuration or one clear sentence."""

import math
from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
import pytest
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lecture21 import GPTConfig
from lecture21._support.contract import FINITE, NOT_EMPTY, Count, Natural, Positive, Rate, checked
from lecture21._support.validation import in_range, one_of


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Count, (1, 2**70, np.int64(3)), (0, True, 1.0, "1", None)),
        (Natural, (0,), (-1, False)),
        (Rate, (0, 0.5, np.float32(0.5)), (1, math.nan, False, "0")),
        (Positive, (1, 1e-300), (0, math.inf, math.nan, 10**400, True)),
        (Annotated[float, in_range(0, ends="(]")], (math.inf,), (0, math.nan)),
        (bool, (True, False), (0, 1, None, "true")),
        (Annotated[str, one_of({"a": 1, "b": 2})], ("a",), ("c", None, ["a"], 0)),
        (Annotated[str, NOT_EMPTY], ("a",), ("", 3, None)),
        (Count | None, (None, 3), (0, "3")),
        (Sequence[Count], ([1, 2], ()), ([1, 0], "12", 3)),
        (tuple[Rate, Rate], ((0, 0.5), [0, 0.5]), ((0,), (0, 1), 0.5)),
        (Callable[[int], int], (abs,), (3, None)),
    ],
    ids=[
        *("count", "natural", "rate", "positive", "with infinity", "switch", "choice", "not empty"),
        *("or none", "sequence", "pair", "function"),
    ],
)
def test_an_annotation_lets_through_what_it_says(kind, good, bad):
    @checked
    def function(f: kind) -> object:
        return f

    for value in good:
        assert function(value) is value
    for value in bad:
        with pytest.raises(ValueError, match=r"^f must be .*, got ") as error:
            function(f=value)
        assert repr(value)[:50] in str(error.value)


X = torch.zeros(2, 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ids": X}, r"ids must be integers of shape \(B, T\), got torch.float32 of shape \(2, 3\)"),
        ({"ids": X > 0}, "ids must be integers"),
        ({"ids": [[1]]}, r"ids must be integers .*, got \[\[1\]\]"),
        ({"ids": torch.zeros(3).long()}, r"ids must be .* got torch.int64 of shape \(3,\)"),
        ({"x": X.T}, r"x must be .*where B = 2, T = 3, got torch.float32 of shape \(3, 2\)"),
        ({"x": torch.tensor([[0, math.nan, 1]]).repeat(2, 1)}, "x must be .*finite.* with nan"),
        ({"heads": torch.zeros(7, 5, 3, 4)}, r"heads must be .*\(\*N, T, 3\)"),
        ({"heads": torch.zeros(7, 2, 3)}, "heads must be .*where T = 3, got .*2, 3"),
        ({"mask": torch.ones(2, 2) > 0}, "mask must be .*where T = 3"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_tensors_have_the_kind_and_the_shape_of_their_annotations(given, message):
    @checked
    def function(
        ids: Int[Tensor, "B T"],
        x: Annotated[Float[Tensor, "B T"], FINITE],
        heads: Float[Tensor, "*N T 3"] | None = None,
        mask: Bool[Tensor, "#T #T"] | None = None,
    ) -> int:
        return len(ids)

    right = {"ids": X.long(), "x": X.double()}
    assert function(**right, heads=torch.zeros(7, 5, 3, 3), mask=torch.ones(1, 3) > 0) == 2
    with pytest.raises(ValueError, match=f"^{message}"):
        function(**{**right, **given})


def test_a_letter_is_one_size_in_a_call_and_not_between_calls():
    @checked
    def function(x: Float[Tensor, "B T"]) -> int:
        return len(x)

    assert function(X) == 2
    assert function(X.T) == 3


def test_numbers_of_numpy_become_those_that_json_has():
    config = GPTConfig(np.int64(65), n_layer=np.int64(3), dropout=np.float32(0.5))
    assert type(config.vocab_size) is type(config.n_layer) is int
    assert type(config.dropout) is float


def test_a_checked_function_compiles_in_one_graph():
    @checked
    def function(x: Float[Tensor, "B T"], n: Count = 1) -> Tensor:
        return n * x

    assert torch.compile(function, backend="eager", fullgraph=True)(X + 1, 3).equal(3 * (X + 1))
