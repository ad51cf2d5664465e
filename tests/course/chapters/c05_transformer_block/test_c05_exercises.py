"""Chapter 05: what plausible wrong answers are told, and other ways to write a right one."""

import pytest
import torch
import torch.nn.functional as F
from readers import printed
from torch import nn

from lecture21.course.exercises.registry import find


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


def columns_one_by_one(n_position, d_model):
    rows = [[t / 10000 ** (2 * i / d_model) for i in range(d_model)] for t in range(n_position)]
    table = torch.tensor(rows)
    return torch.where(torch.arange(d_model) % 2 == 0, table.sin(), table.cos())


def block(old="", new=""):
    """Return the code of the book's block, with another text in one place, as a class of a notebook."""
    code = find("5.0").text(find("5.0").solution)
    assert old in code
    exec(code.replace(old, new), names := {"nn": nn, "torch": torch})
    return names["Block"]


WRONG = {
    "a narrow hidden layer": ("5.0", block("4 * d_model", "2 * d_model"), "up.weight must have the shape"),
    "a sequential network": (
        "5.0",
        block("self.up = nn.Linear(d_model, 4 * d_model)", "self.feed_forward = nn.ReLU()"),
        "no weight is named up",
    ),
    "no norm before attention": ("5.0", block("self.norm_attention(x)", "x"), "reaches norm_attention. Is it used?"),
    "one norm for both": ("5.0", block("self.norm_feed_forward(x)", "self.norm_attention(x)"), "norm_feed_forward"),
    "attention twice": (
        "5.0",
        block("x + self.attention(", "x + 2 * self.attention("),
        "entries are wrong",
    ),
    "a sum in place": ("5.0", block("x = x + self", "x += self"), "changes its input"),
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
}


@pytest.mark.parametrize(("number", "answer", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_never_accepted_and_told_why(capsys, number, answer, text):
    for _ in range(5):
        assert text in printed(capsys, number, answer)


RIGHT = {
    "a function of torch": ("5.0", block("(x)).relu()", "(x)).clamp(min=0)")),
    "PyTorch's LayerNorm": ("5.1", lambda x, gain, bias: F.layer_norm(x, x.shape[-1:], gain, bias)),
    "a loop over the updates": ("5.2", one_by_one),
}


@pytest.mark.parametrize(("number", "answer"), RIGHT.values(), ids=RIGHT)
def test_a_right_answer_is_accepted_in_other_words(capsys, number, answer):
    for _ in range(5):
        assert printed(capsys, number, answer) == f"{number}: correct"
