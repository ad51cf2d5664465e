"""What the exercises of chapter 16 accept, and what they say of parts that are wrong."""

import numpy as np
import pytest
import torch
from readers import printed


@pytest.mark.parametrize(
    ("largest", "sentence"),
    [
        (lambda old, new: (new - old).abs().max() > 1e-5, "correct"),
        (lambda old, new: not torch.allclose(old, new, atol=1e-5), "correct"),
        (lambda old, new: not torch.allclose(old, new, atol=1e-5, rtol=0), "correct"),
        *(
            (
                lambda old, new, rtol=rtol: not torch.allclose(old, new, atol=1e-5, rtol=rtol),
                "wrong for a layer in which a",
            )
            for rtol in (1e-4, 1e-3)
        ),
        *((lambda old, new, rtol=rtol: not torch.allclose(old, new, rtol=rtol), "rounding") for rtol in (1e-5, 1e-4)),
        *(
            (lambda old, new, n=n: not torch.equal(old.round(decimals=n), new.round(decimals=n)), "rounding")
            for n in (4, 5)
        ),
        (lambda old, new: (new.norm() - old.norm()).abs() > 1e-5, "wrong for a layer"),
        (lambda old, new: (new - old).abs().max() > 1e-3, "wrong for a layer whose keys change by about 1e-4"),
        (lambda old, new: (new - old).abs().max() > 0.1, "wrong for"),
        (lambda old, new: (new - old)[:, 0].abs().max() > 1e-5, "wrong for a layer in which two components change"),
        (lambda old, new: (new - old).mean().abs() > 1e-5, "wrong for a layer in which"),
        (lambda old, new: (new - old).abs().mean() > 1e-5, "wrong for a layer in which a single number changes"),
        (lambda old, new: (new - old).max() > 1e-5, "negative"),
        (lambda old, new: (old - new).max() > 1e-5, "wrong for"),
    ],
)
def test_a_stale_layer_is_found_whatever_changes_in_it(capsys, largest, sentence):
    def stale_layers(keys_of, x):
        pairs = enumerate(zip(keys_of(x[:-1]), keys_of(x), strict=True), start=1)
        return {n for n, (old, new) in pairs if largest(old, new[:-1])}

    for _ in range(3):
        assert sentence in printed(capsys, "16.2", stale_layers)


def test_layers_after_a_stale_one_may_be_exact(capsys):
    def stale_layers(keys_of, x):
        pairs = enumerate(zip(keys_of(x[:-1]), keys_of(x), strict=True), start=1)
        actual = [n for n, (old, new) in pairs if (new[:-1] - old).abs().max() > 1e-5]
        return set(range(min(actual), len(keys_of(x)) + 1)) if actual else set()

    assert "wrong for a layer in which all keys increase" in printed(capsys, "16.2", stale_layers)


def test_a_set_of_numpy_s_integers_is_a_set(capsys):
    def stale_layers(keys_of, x):
        pairs = zip(keys_of(x[:-1]), keys_of(x), strict=True)
        return set(np.flatnonzero([(new[:-1] - old).abs().max() > 1e-5 for old, new in pairs]) + 1)

    assert printed(capsys, "16.2", stale_layers) == "16.2: correct"


@pytest.mark.parametrize("last", [torch.zeros_like, lambda row: 3 * row])
def test_another_last_token_is_not_a_cache_without_it(capsys, last):
    def stale_layers(keys_of, x):
        other = torch.cat([x[:-1], last(x[-1:])])
        pairs = enumerate(zip(keys_of(other), keys_of(x), strict=True), start=1)
        return {n for n, (old, new) in pairs if (new - old)[:-1].abs().max() > 1e-5}

    said = printed(capsys, "16.2", stale_layers)
    assert "same length" in said or "wrong for a layer that counts positions from the end" in said


def test_a_dtype_is_blamed_on_the_input_only_if_there_is_one(capsys):
    def angles(n_position, d_head, n_trained):
        position = torch.arange(n_position).double() * min(1.0, n_trained / n_position)
        return position[:, None] / 10000 ** (torch.arange(0, d_head, 2) / d_head)

    said = printed(capsys, "16.5", angles)
    assert "must have the dtype torch.float32 instead of torch.float64" in said
    assert "follow" not in said


@pytest.mark.parametrize(("given", "shown"), [({3, 1}, "{1, 3}"), (set(), "set()"), ({2, "b", "a"}, '{2, "a", "b"}')])
def test_a_wrong_set_is_shown_as_the_reader_would_write_it(capsys, given, shown):
    assert f"right, but {shown} is not the right value" in printed(capsys, "16.2", lambda keys_of, x: given)


def test_the_default_of_16_bits_is_part_of_the_task(capsys):
    def cache_bytes(n_layer, d_model, n_head, n_kv_head, n_token, bits=8):
        return 2 * n_layer * n_kv_head * (d_model // n_head) * n_token * bits // 8

    assert "wrong for the default of 16 bits" in printed(capsys, "16.3", cache_bytes)


def test_positions_counted_from_1_are_said_to_be_that(capsys):
    def angles(n_position, d_head, n_trained):
        position = torch.arange(1, n_position + 1) * min(1.0, n_trained / n_position)
        return position[:, None] / 10000 ** (torch.arange(0, d_head, 2) / d_head)

    assert "the angles of position 0 must be 0" in printed(capsys, "16.5", angles)


def test_vectors_from_the_left_of_a_matrix_are_named(capsys):
    def decode_step(x, keys, values, w_query, w_key, w_value):
        q, k, v = x @ w_query, x @ w_key, x @ w_value
        keys, values = torch.cat([keys, k[None]]), torch.cat([values, v[None]])
        return (keys @ q / len(q) ** 0.5).softmax(dim=0) @ values, keys, values

    assert "the shapes fit only if keys are as wide as x" in printed(capsys, "16.1", decode_step)


def test_keys_of_all_tokens_are_more_than_those_of_the_cache(capsys):
    def stale_layers(keys_of, x):
        pairs = enumerate(zip(keys_of(x[:-1]), keys_of(x), strict=True), start=1)
        return {n for n, (old, new) in pairs if (new - old).abs().max() > 1e-5}

    assert "has a key for each of T tokens, and the cache one fewer" in printed(capsys, "16.2", stale_layers)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (lambda features, bits: features * bits / 8, "the result must be an integer, got the float"),
        (lambda features, bits: features * (bits // 8), "right unless a number takes less than a byte"),
        (lambda features, bits: features * max(1, bits // 8), "is not the right value"),
        (lambda features, bits: torch.tensor(features * bits // 8), "correct"),
    ],
)
def test_bytes_are_an_integer_for_every_number_of_bits(capsys, number, sentence):
    def cache_bytes(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
        return number(2 * n_layer * n_kv_head * (d_model // n_head) * n_token, bits)

    for _ in range(5):
        assert sentence in printed(capsys, "16.3", cache_bytes)
