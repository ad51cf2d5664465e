"""What `check` observes besides values: gradients, devices, random numbers; and the line, the input and the prints."""

import linecache
import math
import pickle
from types import SimpleNamespace

import pytest
import torch
from readers import printed, written
from torch import nn

from lecture21.course.exercises.answers.modules import with_weights
from lecture21.course.exercises.answers.observing import with_observations
from lecture21.course.exercises.answers.running import call_once, draw
from lecture21.course.exercises.exercise import Case, Exercise
from lecture21.course.exercises.hints.explaining import as_code
from lecture21.course.exercises.judging import failing_case, judge
from lecture21.course.exercises.registry import chapters, exercises_of, find


def product(x, w):
    return x @ w, x.sum()


def exercise(**options) -> Exercise:
    """Return an exercise on products, whose results pass gradients back and follow the device."""
    arguments = (torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]]))
    cases = [Case(arguments, "the only case")]
    settings = {"differentiable": ("x", "w"), "any_device": True} | options
    return Exercise("0.1", "product", "a product", product, lambda rng: cases, **settings)


def said(answer, **options) -> str:
    return judged(exercise(**options), answer)


def judged(task: Exercise, answer) -> str:
    cases = draw(task, 0)
    return judge(task, cases, [call_once(task, answer, case) for case in cases]).text


NUMPY = "numpy() leaves PyTorch"


def copied(x):
    zeros = torch.zeros(x.shape)
    zeros[:] = x
    return zeros


ANSWERS = {
    "right": (lambda x, w: (torch.einsum("nc,cd->nd", x, w), x.sum()), "correct"),
    "detached": (lambda x, w: ((x @ w).detach(), x.sum()), "no gradient passes back to x and w"),
    "item": (lambda x, w: (x @ w, torch.tensor(x.sum().item())), "no gradient passes back to x,"),
    "numpy": (lambda x, w: (torch.from_numpy(x.numpy() @ w.numpy()), x.sum()), NUMPY),
    "one argument": (lambda x, w: (x @ w.detach(), x.sum()), "no gradient passes back to w,"),
    "a part": (
        lambda x, w: (x @ w / 2 + (x @ w).detach() / 2, x.sum()),
        "with respect to x is right up to a factor: it is 0.5 times",
    ),
    "a small part": (
        lambda x, w: (1.01 * (x @ w) - 0.01 * (x @ w).detach(), x.sum()),
        "the gradient with respect to x is wrong. Is a part of your computation",
    ),
    "one entry": (
        lambda x, w: (torch.where(x > 1, x.detach(), x) @ w, x.sum()),
        "x is wrong. Is a part of your computation",
    ),
    "nan": (
        lambda x, w: (torch.where(x @ w > 0, x @ w, (x @ w * 0 - 1).sqrt()), x.sum()),
        "the gradient with respect to x contains NaN",
    ),
    "the CPU": (lambda x, w: (x @ w + torch.zeros(1, 1), x.sum()), "right, but only on the CPU"),
    "a product with the CPU": (lambda x, w: (x @ torch.eye(2) @ w, x.sum()), "right, but only on the CPU"),
    "a result on the CPU": (lambda x, w: (x @ w, x.cpu().sum()), "correct"),  # cpu() of `meta` has no numbers
    "looks at numbers": (lambda x, w: (x @ w if x[0, 0] > 0 else x, x.sum()), "correct"),
    "tracks its argument": (
        lambda x, w: (x.requires_grad_().detach() @ w, x.sum().detach()),
        "leaves requires_grad set",
    ),
    "zeros of the CPU": (lambda x, w: (copied(x) @ w, x.sum()), "right, but only on the CPU"),
    "random": (lambda x, w: (x @ w * torch.rand(1, 1), x.sum()), "draws random numbers for the only case"),
    "another order": (lambda x, w: (x.sum(), x @ w), "your results are right, but in the wrong order"),
}


def in_place(x, w):
    y = (x @ w).sigmoid()
    y[y > 1] = 0.0
    return (y / (1 - y)).log(), x.sum()


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_wrong_besides_the_values_is_said(name):
    answer, words = ANSWERS[name]
    assert words in said(answer)


def test_a_change_in_place_that_the_gradient_does_not_survive_is_named():
    assert "you change a tensor in place that the gradient needs" in said(in_place)
    assert said(in_place, differentiable=()) == "correct"


def test_what_is_not_asked_for_is_not_observed():
    for name in ("detached", "one argument", "nan"):
        assert said(ANSWERS[name][0], differentiable=()) == "correct"
    assert said(ANSWERS["the CPU"][0], any_device=False) == "correct"
    assert "draws random numbers" not in said(ANSWERS["random"][0], random=True, any_device=False)


def test_a_wrong_value_is_explained_before_its_gradient():
    assert "1 of 1 entries are nan" in said(lambda x, w: (x @ w * math.nan, x.sum()))
    assert "6 is not the right value" in said(lambda x, w: (x @ w, (2 * x.sum()).detach()))


def test_a_single_number_is_off_by_a_factor_only_if_it_is_in_every_case(capsys):
    solution = find("12.4").solution

    def wrong(x, y, r):
        slope, offset, deviation = solution(x, y, r)
        return change(slope, len(x)), offset, deviation

    change = lambda slope, n: 2 * slope  # noqa: E731
    assert (
        "in the slope, 4.0 is not the right value: it is right up to a factor: it is 2 times what it should be, in "
        in (printed(capsys, "12.4", wrong))
    )
    change = lambda slope, n: 2 * slope if n == 3 else slope + 1  # noqa: E731
    text = printed(capsys, "12.4", wrong)
    assert "in the slope, 4.0 is not the right value input: x = " in text
    assert text.count(".double()") == 3


def test_a_mistake_is_recognized_by_its_values_whatever_its_gradients_are():
    task = exercise()
    task.mistake(hint="twice as large")(lambda x, w: (2 * x @ w, x.sum()))
    assert judged(task, lambda x, w: ((2 * x @ w).detach(), x.sum())) == "twice as large"


def test_an_answer_that_raises_everywhere_is_not_taken_for_a_mistake_that_does():
    task = exercise(differentiable=(), any_device=False)
    task.mistake(hint="the mistake's hint")(lambda x, w: x[5])
    assert "the mistake's hint" not in judged(task, lambda x, w: w[7])
    assert judged(task, lambda x, w: w[7]).startswith("raises IndexError for the only case: index 7 is out of bounds")


def test_weights_that_an_answer_changes_are_noticed():
    cases = [Case(({"w": torch.ones(2)}, torch.ones(2)), "two weights")]
    solution = lambda weights, x: weights["w"] @ x  # noqa: E731
    task = Exercise("0.3", "f", "f", solution, lambda rng: cases)
    assert judged(task, solution) == "correct"
    assert judged(task, lambda weights, x: weights["w"] @ x + 0 * weights["w"].add_(1)[0]).startswith(
        "changes its input"
    )


def test_the_gallery_says_that_gradients_catch_a_mistake():
    task = find("14.1")
    caught = {mistake.name: failing_case(task, mistake) for mistake in task.mistakes}
    assert caught["without a gradient"] == "one token, E = 3, k = 2, by the gradients"
    assert caught["not renormalized"] == "one token, E = 3, k = 2"


def test_the_gradients_that_are_cut_are_named_where_none_of_them_is_zero(capsys):
    """With a single key, its weight is 1, and the gradients of queries and keys are 0 in a right answer too."""
    weights = "weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(dim=-1)"
    text = printed(capsys, "3.1", written("3.1", f"{weights}\nreturn weights @ v.detach(), weights"))
    assert "three keys, d_k = 3: the values are right, but no gradient passes back to v," in text
    text = printed(capsys, "3.1", written("3.1", f"{weights}.detach()\nreturn weights @ v, weights"))
    assert "no gradient passes back to q and k," in text


def test_a_result_with_dimensions_of_size_one_is_not_called_transposed(capsys):
    def split_heads(x, n_head):
        return find("3.3").solution(x, n_head).transpose(0, 1)

    text = printed(capsys, "3.3", split_heads)
    assert ("Transposed, it is right" in text) is True

    def unsqueezed(x, n_head):
        heads = find("3.3").solution(x, n_head)
        return heads.transpose(0, 1) if len(x) == 1 else heads.flip(1)[0]

    assert "Transposed" not in printed(capsys, "3.3", unsqueezed)


@pytest.mark.parametrize("number", ["3.1", "2.2"])
def test_a_result_that_only_needs_to_be_transposed_is_told_so(capsys, number):
    def answer(*arguments):
        result = find(number).solution(*arguments)
        return (result[0].mT, result[1]) if isinstance(result, tuple) else result.mT

    assert "Transposed, it is right" in printed(capsys, number, answer)


def test_cases_survive_the_way_to_another_process():
    task = exercise()
    cases = pickle.loads(pickle.dumps(with_observations(task, task.cases(None))))
    assert [case.observed for case in cases] == ["value", "gradients", "device"]
    assert judge(task, cases, [call_once(task, product, case) for case in cases]).correct


def test_gradients_of_a_module_are_those_of_its_weights():
    def linear(frozen: bool):
        def make():
            module = nn.Linear(2, 1)
            module.bias.requires_grad_(not frozen)
            return module

        return make

    weights = {"weight": torch.ones(1, 2), "bias": torch.ones(1)}
    task = Exercise(
        number="0.2",
        name="Linear",
        title="a module",
        solution=linear(frozen=False),
        cases=lambda rng: [Case((weights, torch.ones(1, 2)), "")],
        call=lambda answer, weights, x: with_weights(answer, (), weights)(x),
        differentiable=("weights",),
    )
    assert "no gradient passes back to bias" in judged(task, linear(frozen=True))


@pytest.mark.parametrize("number", [each.number for c in chapters() for each in exercises_of(c) if each.any_device])
def test_a_solution_that_must_run_on_any_device_does(number):
    task = find(number)
    assert call_once(task, task.solution, draw(task, 0)[-1]).value is True


@pytest.fixture
def typed(monkeypatch):
    """Write answers whose lines can be shown, as those of a notebook's cell."""

    def answer(number: str, body: str) -> object:
        lines = ["def answer():\n", *(f"    {line}\n" for line in body.splitlines())]
        monkeypatch.setitem(linecache.cache, "<string>", (1, None, lines, "<string>"))
        return written(number, body)

    return answer


def test_the_line_that_raises_is_shown(capsys, typed):
    text = printed(capsys, "4.1", typed("4.1", "mask = torch.ones(n, n)\nreturn mask[n]"))
    assert "raises IndexError for n = 1: index 1 is out of bounds" in text
    assert text.endswith("line 3: return mask[n]")


def test_the_line_is_the_readers_and_not_that_of_a_library(capsys, typed):
    text = printed(capsys, "4.2", typed("4.2", "a = 1\nreturn torch.nn.functional.one_hot(scores)"))
    assert "line 3: return torch.nn.functional.one_hot(scores)" in text


def test_the_line_of_a_helper_is_shown_with_its_name_and_cell(capsys, monkeypatch):
    cells = {
        "<cell 5>": "def helper(n):\n    return 1 / 0\n",
        "<cell 7>": "def causal_mask(n):\n    return helper(n)\n",
    }
    names: dict = {}
    for file, source in cells.items():
        monkeypatch.setitem(linecache.cache, file, (1, None, source.splitlines(keepends=True), file))
        exec(compile(source, file, "exec"), names)
    text = printed(capsys, "4.1", names["causal_mask"])
    assert text.endswith("line 2 of helper: return 1 / 0")
    shell = SimpleNamespace(compile=SimpleNamespace(format_code_name=lambda file: ("Cell", f"In[{file[6]}]")))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    assert printed(capsys, "4.1", names["causal_mask"]).endswith("line 2 of helper in cell In[5]: return 1 / 0")


def test_an_argument_that_cannot_be_shown_is_left_open(capsys):
    def dispatch(x, experts, weights, layers):
        return find("14.2").solution(x, experts, weights, layers).abs() + x**2

    text = printed(capsys, "14.2", dispatch)
    assert "layers = ..." in text
    assert "matrices" not in text


def test_a_long_input_ends_with_an_ellipsis(capsys):
    case = Case((torch.rand(12, 1, dtype=torch.float64) / 1e9,), "")
    task = Exercise("0.1", "f", "f", lambda x: x)
    assert as_code(task, case).endswith(" …")
    assert len(as_code(task, case)) <= 160


def test_a_small_input_that_fails_is_shown_as_code(capsys):
    text = printed(capsys, "4.2", written("4.2", "return scores.masked_fill(~mask, -math.inf).sigmoid()"))
    code = text.partition("input: ")[2]
    names: dict = {"torch": torch}
    exec(code.replace(", mask", "\nmask"), names)
    assert names["scores"].shape == names["mask"].shape == (1, 1)
    assert names["mask"].dtype == torch.bool


def test_a_large_input_is_not_shown(capsys):
    text = printed(capsys, "7.3", written("7.3", "return 0.0"))
    assert "wrong" in text
    assert "input:" not in text


def test_the_first_lines_that_an_answer_prints_are_shown(capsys):
    body = "print('n is', n)\nprint('second')\nfor i in range(50): print(i)\nreturn torch.ones(n, n).tril().bool()"
    text = printed(capsys, "4.1", written("4.1", body))
    assert text == "4.1: correct printed for n = 1: n is 1 ...second ...0 …"


def test_what_later_calls_print_is_left_out(capsys):
    text = printed(capsys, "4.1", written("4.1", "print(n)\nreturn torch.ones(n, n).tril().bool()"))
    assert text == "4.1: correct printed for n = 1: 1"


def test_a_method_that_is_still_a_stub_is_named(capsys):
    names = {"torch": torch, "nn": nn, "F": nn.functional, "math": __import__("math")}
    exec("from lecture21.attention import causal_mask", names)
    for each in exercises_of("07"):
        exec(each.text(each.solution), names)
    source = find("7.8").text(find("7.8").solution)
    body = source[source.index("        with torch.no_grad()") :]
    exec(source.replace(body, "        ..."), names)
    assert printed(capsys, "7.8", names["GPT"]) == "7.8: generate returns None: is it still a stub?"


def test_arguments_in_another_order_are_named(capsys):
    def top_k_router(router, x, k):
        return find("14.1").solution(router, x, k)

    expected = "takes its arguments in another order: it must be (x, router, k) and is (router, x, k)"
    assert printed(capsys, "14.1", top_k_router) == f"14.1: {expected}"
