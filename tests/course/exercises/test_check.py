"""Nothing that a reader writes makes `check` raise, hang or print more than six lines."""

import itertools
import sys
import threading
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lecture21.course.exercises import check, checking, solved
from lecture21.course.exercises.answers import running
from lecture21.course.exercises.answers.running import is_written
from lecture21.course.exercises.answers.values import Unknown, decode, same
from lecture21.course.exercises.registry import find


def triangle(n):
    return torch.ones(n, n, dtype=torch.bool).tril()


def forever(n):
    while True:
        pass


def forever_and_stubborn(n):
    while not released.is_set():
        try:
            released.wait(0.01)
        except BaseException:
            continue


released = threading.Event()


def noisy(n):
    print("x" * 100_000)
    return triangle(n)


def raises(n):
    raise ZeroDivisionError("no\nnewlines " + "x" * 10_000)


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError


def raises_what_cannot_be_printed(n):
    raise Unprintable


def leaves(n):
    sys.exit("bye")


def interrupts(n):
    raise KeyboardInterrupt


def is_not_written(n):
    raise NotImplementedError


def needs_more(n, window):
    return triangle(n)


def needs_a_keyword(n, *, window):
    return triangle(n)


class Hostile:
    """A value of which nothing can be asked."""

    @property
    def __class__(self):
        raise RuntimeError

    def __eq__(self, other):
        raise RuntimeError

    __hash__ = None


def nested(n):
    value = []
    value.append(value)
    return value


ANSWERS = {
    "loops": (forever, "does not end within"),
    "raises": (raises, "raises ZeroDivisionError for n = 1: no"),
    "raises what cannot be printed": (raises_what_cannot_be_printed, "raises Unprintable"),
    "exits": (leaves, "raises SystemExit"),
    "interrupts": (interrupts, "raises KeyboardInterrupt"),
    "is not written": (is_not_written, "not written yet"),
    "needs another argument": (needs_more, "must take the argument (n)"),
    "needs a keyword": (needs_a_keyword, "must take the argument (n)"),
    "returns None": (
        lambda n: print(end=""),
        "the result must be a tensor, got None. Does the function end with a return?",
    ),
    "returns a list": (lambda n: [[True] * n] * n, "must be a tensor, got a list or a tuple"),
    "returns an array": (lambda n: np.tril(np.ones((n, n), dtype=bool)), "must be a tensor, got an ndarray"),
    "returns another shape": (lambda n: triangle(n)[None], "must have the shape (1, 1) instead of (1, 1, 1)"),
    "returns another dtype": (lambda n: triangle(n).int(), "must have the dtype torch.bool instead of torch.int32"),
    "returns a sparse tensor": (lambda n: torch.ones(n, n).to_sparse(), "must be a tensor, got a tensor of dtype"),
    "returns a meta tensor": (lambda n: torch.ones(n, n, device="meta"), "got a tensor of dtype"),
    "returns a huge tensor": (lambda n: torch.ones(1).expand(2**40), "got a tensor of dtype"),
    "returns a hostile value": (lambda n: Hostile(), "raises RuntimeError"),
    "returns itself in itself": (nested, "must be a tensor, got a list or a tuple"),
    "is a tensor": (triangle(3), 'needs the function itself, not a tensor. Write check("4.1", causal_mask)'),
    "is hostile": (Hostile(), "4.1: "),
    "is a class": (Unprintable, "4.1: "),
    "recurs": (lambda n: recurs(n), "raises RecursionError"),
    "is right for small n only": (lambda n: triangle(n) if n < 3 else triangle(n).tril(-1), "wrong for n = "),
    "is noisy": (noisy, "4.1: correct It printed"),
}


def recurs(n):
    return recurs(n)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(checking, "_SECONDS", 0.5)


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_gets_a_sentence(capsys, name):
    answer, sentence = ANSWERS[name]
    check("4.1", answer)
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") <= 6
    assert sentence in " ".join(out.split())


def test_a_loop_that_cannot_be_stopped_does_not_stop_the_notebook(capsys):
    try:
        check("4.1", forever_and_stubborn)
    finally:
        released.set()
    assert "restart the kernel" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("number", ["4.9", "99.1", "", "4", "x" * 500, None, 4.9, "../4.1"])
def test_an_unknown_number_is_said_in_a_line(capsys, untyped, number):
    check(number, triangle)
    out = capsys.readouterr().out
    assert "there is no such exercise" in " ".join(out.split())
    assert out.count("\n") <= 6


def test_check_works_outside_the_main_thread(capsys):
    thread = threading.Thread(target=check, args=("4.1", forever))
    thread.start()
    thread.join(30)
    assert "does not end within" in capsys.readouterr().out


def test_check_draws_no_random_number_of_the_notebook():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    check("4.1", lambda n: triangle(n) & (torch.rand(n, n) >= 0))
    assert torch.equal(torch.rand(3), expected)


def test_an_answer_may_not_change_its_input(capsys):
    def softmax(scores):
        scores -= scores.max(dim=-1, keepdim=True).values
        return scores.softmax(dim=-1)

    check("2.1", softmax)
    assert "changes its input" in capsys.readouterr().out


def test_what_pytorch_does_not_implement_is_no_stub(capsys):
    check("2.1", lambda scores: scores.exp() ^ 1)
    out = capsys.readouterr().out
    assert "raises NotImplementedError" in out
    assert "bitwise_xor" in out


def test_a_wrong_value_is_explained_by_a_property(capsys):
    check("2.1", lambda scores: scores.softmax(dim=-1) * 0.9)
    assert "2.1: wrong for one row of one score: each row must sum to 1" in capsys.readouterr().out


def test_a_warning_is_not_shown_as_printed_by_the_answer(capsys, monkeypatch):
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: print(message))  # pytest records them otherwise

    def softmax(scores):
        warnings.warn("something is old", stacklevel=1)
        return torch.nn.functional.softmax(scores, dim=-1)

    check("2.1", softmax)
    assert capsys.readouterr().out == "2.1: correct\n"


def test_a_long_word_of_a_reader_is_cut(capsys):
    def causal_mask(n):
        raise ValueError("b" * 300)

    for answer, letter, most in ((causal_mask, "b", 120), (lambda n: type("C" * 300, (), {})(), "C", 40)):
        check("4.1", answer)
        text = "".join(capsys.readouterr().out.partition("line")[0].split())
        assert most / 2 < text.count(letter) <= most


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"tensor": "float32"},
        {"tensor": "float32", "shape": [2], "data": "AAAA"},
        {"tensor": "float32", "shape": [-1, -1], "data": "AAAAAA=="},
        {"tensor": "object", "shape": [1], "data": ""},
        {"tensor": "bool", "shape": [1], "data": "/w=="},
        {"value": {"a": 1}},
        {"tuple": 3},
        {"tuple": [{"tuple": [{"tuple": [{"tuple": [{"tuple": [{"tuple": []}]}]}]}]}]},
        {"set": [[1]]},
        {"a": 1, "b": 2},
    ],
    ids=str,
)
def test_data_of_any_other_form_is_no_result(data):
    def contains_unknown(value):
        return isinstance(value, Unknown) or (isinstance(value, tuple) and any(map(contains_unknown, value)))

    assert contains_unknown(decode(data))


def test_solved_returns_a_correct_answer_and_the_solution_for_any_other(capsys):
    assert solved("4.1", triangle) is triangle
    for answer in (is_not_written, raises, None):
        assert torch.equal(solved("4.1", answer)(5), triangle(5))
    assert capsys.readouterr().out.splitlines() == [
        "4.1: your version is used",
        *["4.1: the book's version is used until yours is correct"] * 3,
    ]
    with pytest.raises(ValueError, match="no such exercise"):
        solved("4.99", triangle)


def test_solved_repeats_the_verdict_of_check_and_check_tests_again(capsys):
    verdicts = iter([True, False, True])

    def sometimes(n):
        return triangle(n) if right else ~triangle(n)

    for right in verdicts:
        check("4.1", sometimes)
        chosen = solved("4.1", sometimes)
        assert (chosen is sometimes) is right
    lines = capsys.readouterr().out
    assert lines.count("4.1: correct") == 2


def test_what_is_computed_in_float32_is_accepted_for_float64_and_a_larger_difference_is_not():
    right = torch.ones(3, dtype=torch.float64) / 3
    assert same(right, torch.ones(3, dtype=torch.float64) / torch.tensor(3.0))
    assert not same(right, right * (1 + 1e-5))
    assert same(right.float(), right.float() * (1 + 1e-5))
    assert not same(right.float(), right.float() * (1 + 1e-3))
    assert same(1.0, 1 + 1e-5)
    assert not same(1.0, 1 + 1e-3)
    assert not same(True, 1)
    assert not same(1, True)


def test_the_weights_are_reported_before_the_outputs_that_follow_from_them(capsys):
    def squashed(q, k, v):
        weights = (q @ k.transpose(-2, -1)).tanh().softmax(dim=-1)
        return weights @ v, weights

    check("3.1", squashed)
    assert "in the weights," in capsys.readouterr().out


@pytest.mark.parametrize(
    "body", ["...", "pass", "return", "return None", "'doc'", "'doc'\n    ...", "'doc'\n    return None"]
)
def test_a_body_without_a_statement_is_not_written(body):
    exec(f"def causal_mask(n):\n    {body}", names := {})
    assert not is_written(find("4.1"), names["causal_mask"])


def test_a_class_whose_constructor_is_a_stub_is_not_written():
    code = (
        "class Bigram:\n    def __init__(self, vocab_size):\n        {}\n    def loss(self, ids):\n        return ids"
    )
    for body, expected in (("...", False), ("self.vocab_size = vocab_size", True)):
        exec(code.format(body), names := {})
        assert is_written(find("7.2"), names["Bigram"]) is expected


@pytest.mark.parametrize(
    "body",
    ["return 5", "return 'x'", "'doc'\n    return 'x'", "'doc'\n    return 'doc'", "return n", "raise ValueError"],
)
def test_a_body_with_a_statement_is_written(body):
    exec(f"def causal_mask(n):\n    {body}", names := {})
    assert is_written(find("4.1"), names["causal_mask"])


@pytest.mark.parametrize(("computes", "ends"), [(False, True), (True, False)])
def test_time_counts_while_the_process_computes(monkeypatch, computes, ends):
    """The answer ends after five seconds of a clock that advances when it is read; the limit is two."""
    wall = itertools.count()
    now = [0]

    def monotonic():
        now[0] = next(wall)
        if now[0] == 5:
            done.set()
        return now[0]

    clock = SimpleNamespace(monotonic=monotonic, process_time=lambda: now[0] if computes else 0)
    monkeypatch.setattr(running, "time", clock)
    done = threading.Event()
    thread = threading.Thread(target=done.wait, daemon=True)
    thread.start()
    running._wait(thread, 2)
    assert done.is_set() is ends
    done.set()


def test_an_answer_that_sleeps_is_stopped_as_well(monkeypatch):
    wall = itertools.count()
    monkeypatch.setattr(running, "time", SimpleNamespace(monotonic=lambda: next(wall), process_time=lambda: 0))
    done = threading.Event()
    thread = threading.Thread(target=done.wait, daemon=True)
    thread.start()
    running._wait(thread, 2)
    assert thread.is_alive()
    done.set()


def test_a_float_is_no_integer(capsys):
    check("15.3", lambda *sizes: tuple(float(each) for each in find("15.3").solution(*sizes)))
    assert "the number of tokens must be an integer, got the float" in " ".join(capsys.readouterr().out.split())
    check("11.2", lambda n, d, devices, peak, u: (6.0 * n * d, 6 * n * d / (devices * peak * u * 86400)))
    assert capsys.readouterr().out == "11.2: correct\n"
