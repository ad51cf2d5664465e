"""Chapter 05: what plausible wrong answers are told, and other ways to write a right one."""

import random

import pytest
import torch
import torch.nn.functional as F
from readers import printed

from lecture21.course.exercises.answers.probes import Probe
from lecture21.course.exercises.registry import find


def reversed_before_the_last(x):
    return torch.cat([x[:-1].flip(0), x[-1:]])


def by_the_sum(model, x):
    return bool((model(x)[-1].sum() - model(reversed_before_the_last(x))[-1].sum()).abs() < 1e-4)


def by_the_mean(model, x):
    return bool((model(x)[-1].mean() - model(reversed_before_the_last(x))[-1].mean()).abs() < 1e-4)


def by_the_norm(model, x):
    return bool((model(x)[-1].norm() - model(reversed_before_the_last(x))[-1].norm()).abs() < 1e-4)


def with_the_default_tolerance(model, x):
    return torch.allclose(model(x)[-1], model(reversed_before_the_last(x))[-1])


def swaps_the_last_two(model, x):
    t = len(x) - 1
    order = [*range(t - 2), t - 1, t - 2, t]
    return torch.allclose(model(x)[-1], model(x[order])[-1], rtol=0, atol=1e-4)


def in_another_order(order):
    """Return a test that compares with the earlier tokens in another order than the reverse."""

    def ignores_order(model, x):
        return torch.allclose(model(x)[-1], model(torch.cat([order(x[:-1]), x[-1:]]))[-1], rtol=0, atol=1e-4)

    return ignores_order


def compared(differ):
    """Return a test that compares the two last outputs by a function."""
    return lambda model, x: bool(differ(model(x)[-1], model(reversed_before_the_last(x))[-1]))


def by_the_largest_difference(model, x):
    return bool((model(x)[-1] - model(reversed_before_the_last(x))[-1]).abs().max() < 1e-4)


def one_by_one(added, kind):
    size = share = torch.ones(())
    for b in added:
        update = b if kind == "pre" else b * size
        larger = (size**2 + update**2).sqrt()
        share = share * (size / larger) ** 2
        size = larger / larger if kind == "post" else larger
    return size, share


def swapped_results(added, kind):
    return one_by_one(added, kind)[::-1]


def share_of_the_updates(added, kind):
    size, share = one_by_one(added, kind)
    return size, 1 - share


def in_percent(added, kind):
    size, share = one_by_one(added, kind)
    return size, 100 * share


def without_the_embedding(added, kind):
    size, share = one_by_one(added, kind)
    return (size**2 - 1).clamp(min=0).sqrt() if kind != "post" else size, share


def sizes_added_for(changed):
    """Return a stream whose size is 1 + b for these kinds, and whose share is right."""

    def stream(added, kind):
        size, share = one_by_one(added, kind)
        return 1 + added.sum() if kind in changed else size, share

    return stream


def sizes_added_where_no_norm_follows(added, kind):
    """Return the right result for kind 'post' only, and for the others sizes in the same direction."""
    size = 1 + added.sum()
    return one_by_one(added, kind) if kind == "post" else (size, 1 / size**2)


def sizes_multiplied(added, kind):
    size, share = one_by_one(added, kind)
    return (1 + added).prod() if kind == "none" else size, share


def by_the_length(x, gain, bias):
    deviation = x - x.mean(-1, keepdim=True)
    return deviation / deviation.norm(dim=-1, keepdim=True) * gain + bias


def over_all_tokens(x, gain, bias):
    return (x - x.mean()) / x.std() * gain + bias


def by_std(epsilon):
    return lambda x, gain, bias: (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + epsilon) * gain + bias


def without_keepdim(x, gain, bias):
    deviation = x - x.mean(-1)
    return deviation / (deviation.square().mean(-1) + 1e-5).sqrt() * gain + bias


def var_without_keepdim(x, gain, bias):
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, correction=0) + 1e-5).sqrt() * gain + bias


def in_float32(x, gain, bias):
    return F.layer_norm(x.float(), x.shape[-1:]) * gain + bias


def in_a_buffer(x, gain, bias):
    result = torch.zeros(x.shape)
    for n, row in enumerate(x):
        result[n] = F.layer_norm(row, row.shape, gain, bias)
    return result


def gain_and_bias_together(x, gain, bias):
    return F.layer_norm(x, x.shape[-1:]) * (gain + bias)


def reverses_everything(model, x):
    return torch.allclose(model(x)[-1], model(x.flip(0))[-1])


def columns_one_by_one(n_position, d_model):
    rows = [[t / 10000 ** (2 * i / d_model) for i in range(d_model)] for t in range(n_position)]
    table = torch.tensor(rows)
    return torch.where(torch.arange(d_model) % 2 == 0, table.sin(), table.cos())


WRONG = {
    "all tokens reversed, and no rounding": ("5.4", reverses_everything, "move the last token as well, and your"),
    "a column for a pair": ("5.3", columns_one_by_one, "the number of the column for that of the pair"),
    "a gain and a bias that are added": ("5.1", gain_and_bias_together, "subtract `bias` from your result"),
    "the length for the deviation": ("5.1", by_the_length, "the mean of each token's squares must be"),
    "one mean and deviation of all tokens": ("5.1", over_all_tokens, "divides by C - 1"),
    "torch's deviation": ("5.1", by_std(0), "your standard deviation divides by C - 1"),
    "torch's deviation and epsilon": ("5.1", by_std(1e-5), "your standard deviation divides by C - 1"),
    "lost dimensions": ("5.1", without_keepdim, "Which argument of mean() keeps the dimension?"),
    "a lost dimension": ("5.1", var_without_keepdim, "look at the shape of your variances"),
    "float32 inside": ("5.1", in_float32, "wrong for float64, mean near 1000"),
    "a float32 buffer": ("5.1", in_a_buffer, "must have the dtype torch.float64"),
    "shares that are swapped": ("5.2", swapped_results, "in the wrong order"),
    "the updates' share": ("5.2", share_of_the_updates, "right, but in the share"),
    "a share in percent": ("5.2", in_percent, "the embedding's share is between 0 and 1"),
    "no embedding": ("5.2", without_the_embedding, "right, but in the size"),
    "sizes added, right shares": ("5.2", sizes_added_for(("pre", "none")), "you add sizes"),
    "sizes added in pre-norm": ("5.2", sizes_added_for(("pre",)), "you add sizes"),
    "sizes added, their shares": ("5.2", sizes_added_where_no_norm_follows, "you add sizes"),
    "sizes multiplied": ("5.2", sizes_multiplied, "you add sizes"),
    "a test of the sum": ("5.4", by_the_sum, "you compare one number"),
    "a test of the mean": ("5.4", by_the_mean, "feature"),
    "a test of the norm": ("5.4", by_the_norm, "feature"),
    "a test with torch's tolerance": ("5.4", with_the_default_tolerance, "mistakes rounding errors for an effect"),
    "a test that swaps the last two": ("5.4", swaps_the_last_two, "another order does"),
    "a shift": ("5.4", in_another_order(lambda x: x.roll(1, 0)), "another order does"),
    "a shift back": ("5.4", in_another_order(lambda x: x.roll(-1, 0)), "another order does"),
    "a sorted order": ("5.4", in_another_order(lambda x: x[x[:, 0].argsort()]), "another order does"),
    "feature 0": ("5.4", compared(lambda a, b: (a[0] - b[0]).abs() < 1e-4), "only one feature"),
    "the last feature": ("5.4", compared(lambda a, b: (a[-1] - b[-1]).abs() < 1e-4), "only one feature"),
    "no feature 0": ("5.4", compared(lambda a, b: (a - b)[1:].abs().max() < 1e-4), "only one feature"),
    "a mean of differences": ("5.4", compared(lambda a, b: (a - b).abs().mean() < 1e-4), "no rounding error"),
    "a tolerance of 0.001": ("5.4", compared(lambda a, b: torch.allclose(a, b, atol=1e-3)), "no rounding error"),
    "a relative tolerance": ("5.4", compared(lambda a, b: torch.allclose(a, b, 1e-3, 1e-4)), "no rounding error"),
    "one sign": ("5.4", compared(lambda a, b: (a - b).max() < 1e-4), "by absolute differences"),
    "the other sign": ("5.4", compared(lambda a, b: (b - a).max() < 1e-4), "by absolute differences"),
    "sorted features": (
        "5.4",
        compared(lambda a, b: torch.allclose(a.sort().values, b.sort().values, 0, 1e-4)),
        "feature by feature",
    ),
}


@pytest.mark.parametrize(("number", "answer", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_never_accepted_and_told_why(capsys, number, answer, text):
    for _ in range(5):
        assert text in printed(capsys, number, answer)


RIGHT = {
    "PyTorch's LayerNorm": ("5.1", lambda x, gain, bias: F.layer_norm(x, x.shape[-1:], gain, bias)),
    "the largest difference": ("5.4", by_the_largest_difference),
    "the norm of the difference": ("5.4", compared(lambda a, b: (a - b).norm() < 1e-4)),
    "torch's relative tolerance as well": ("5.4", compared(lambda a, b: torch.allclose(a, b, atol=1e-4))),
    "a loop over the updates": ("5.2", one_by_one),
}


@pytest.mark.parametrize(("number", "answer"), RIGHT.values(), ids=RIGHT)
def test_a_right_answer_is_accepted_in_other_words(capsys, number, answer):
    for _ in range(5):
        assert printed(capsys, number, answer) == f"{number}: correct"


def test_models_in_the_cases_of_the_order_test_depend_on_it_or_not_by_a_clear_margin():
    for seed in range(30):
        for case in find("5.4").cases(random.Random(seed)):
            model, x = case.arguments
            if isinstance(model, Probe):
                continue  # its changes are the same for every seed
            change = (model(x)[-1] - model(reversed_before_the_last(x))[-1]).abs().max().item()
            assert change < 9e-5 or change > 1e-3, case.about


def with_layers(first, second):
    """Return an answer to 5.5 whose layers are the solution's, except for one of them."""

    def induction_head(place, name, before, following):
        right = (100 * place[1:], place[:-1], name, before.T), (100 * name, before, name, following.T)
        parts = place, name, before, following
        return (first(*parts) if first else right[0]), (second(*parts) if second else right[1])

    return induction_head


def notes_where_the_result_belongs(place, name, before, following):
    return 100 * place[1:], place[:-1], name, following.T


def finds_the_note_there(place, name, before, following):
    return 100 * name, following, name, following.T


def writes_over_the_note(place, name, before, following):
    return 100 * name, before, name, before.T


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ((notes_where_the_result_belongs, finds_the_note_there), "has 1.00 of “river”, 1.00 of “car”;"),
        ((None, writes_over_the_note), "has 0.00 of “river”; it finds place 3, then place 2 (1.00)"),
    ],
)
def test_a_result_in_the_wrong_place_is_told_apart_from_a_wrong_word(capsys, layers, text):
    said = printed(capsys, "5.5", with_layers(*layers))
    assert said.startswith("5.5: not right yet: in “· table river car table”")
    assert text in said


def test_a_shuffle_is_told_that_the_task_names_the_order(capsys):
    said = printed(capsys, "5.4", in_another_order(lambda x: x[torch.randperm(len(x))]))
    assert "does the task say what to take?" in said
    assert "draws random numbers" in said
