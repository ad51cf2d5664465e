"""Eight masks: weights, dependence and loss on the figure are those of the package and of the stored table."""

import math

import pytest
import torch
from playwright.sync_api import expect

from lecture21.attention import attention, causal_mask
from lecture21.course import live
from lecture21.course.chapters import results
from lecture21.course.chapters.c04_causal_mask.masks import MASKS, allowed, depends, masked_softmax
from lecture21.course.exercises.registry import find
from lecture21.data.worked_example import W_KEY, W_QUERY, W_VALUE, X

Q, K, V = X @ W_QUERY.T, X @ W_KEY.T, X @ W_VALUE.T
NAMES = ("causal", "no mask", "one too far", "upside down", "no diagonal", "0, not −∞", "after softmax", "skips one")


def attend(name: str, x: torch.Tensor) -> torch.Tensor:
    return masked_softmax(name, x @ x.T) @ x


def test_the_causal_mask_is_that_of_the_package():
    assert torch.equal(allowed("causal", 6), causal_mask(6))
    out, weights = attention(Q, K, V, causal_mask(4))
    assert torch.allclose(masked_softmax("causal", Q @ K.T / 2), weights, atol=1e-6)
    assert torch.allclose(weights @ V, out, atol=1e-6)


# Keys that each of four queries may attend to.
ALLOWED = {
    "causal": ["0", "01", "012", "0123"],
    "none": ["0123"] * 4,
    "one too far": ["01", "012", "0123", "0123"],
    "upside down": ["0123", "123", "23", "3"],
    "no diagonal": ["", "0", "01", "012"],
    "skips one": ["023", "013", "012", "0123"],
}


def test_each_mask_is_what_its_name_says():
    for name, rows in ALLOWED.items():
        assert ["".join(str(j) for j in row.nonzero().flatten().tolist()) for row in allowed(name, 4)] == rows
    scores = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    later = torch.ones(4, 4).triu(1).bool()
    assert torch.allclose(masked_softmax("zeros", scores), scores.where(~later, 0.0).softmax(dim=-1), atol=1e-6)
    assert torch.allclose(
        masked_softmax("after the softmax", scores), scores.softmax(dim=-1).where(~later, 0.0), atol=1e-6
    )


@pytest.mark.parametrize("name", MASKS)
def test_what_depends_on_a_later_word_is_what_the_readers_test_finds(name: str):
    """`leaks` of exercise 4.3 agrees, except where the output is NaN, which equals nothing: the chapter says so."""
    torch.manual_seed(0)
    x = 0.5 * torch.randn(5, 4)
    found = depends(lambda x: attend(name, x), x)
    if name == "no diagonal":
        assert attend(name, x)[0].isnan().all()
        assert not found.triu(1).any()
        assert find("4.3").solution(lambda x: attend(name, x), x)
        return
    leaking = found.triu(1).any().item()
    assert leaking == (name != "causal")
    assert find("4.3").solution(lambda x: attend(name, x), x) == leaking


def test_a_model_without_a_diagonal_has_no_loss():
    scores = torch.zeros(3, 3, requires_grad=True)
    assert masked_softmax("no diagonal", scores).sum().isnan()
    assert "no diagonal" not in set(results.load("masks")["mask"])


@pytest.mark.parametrize("name", MASKS)
def test_a_thumbnail_shows_its_mask_and_what_dice_say_of_it(open_figures, name: str):
    figure = open_figures(live.EightMasks()).figure("eight_masks")
    figure.get_by_role("radio", name=NAMES[MASKS.index(name)], exact=True).check(force=True)
    expected = masked_softmax(name, Q @ K.T / 2)
    for row, cells in zip(figure.locator(".matrix tbody tr").all(), expected.tolist(), strict=True):
        shown = ["0/0" if math.isnan(w) else "0" if w == 0 else "1" if w == 1 else f"{w:.2f}" for w in cells]
        expect(row.locator("td.cell")).to_have_text(shown)
    found = depends(lambda x: masked_softmax(name, (x @ W_QUERY.T) @ (x @ W_KEY.T).T / 2) @ (x @ W_VALUE.T), X)
    pairs = int(found.triu(1).sum())
    expect(figure.locator(".matrix td.leak")).to_have_count(pairs)
    expect(figure.locator(".verdict")).to_contain_text(f"in {pairs} of 6" if pairs else "It does not leak")
    dice = results.load("masks").query("mask == @name and seed < 100")["nats"]
    said = f"{dice.mean():.2f} nats" if len(dice) else "There is no loss"
    expect(figure.locator(".dice ~ .note")).to_contain_text(said)
    expect(figure.locator(".dice .leaks")).to_have_count(int(len(dice) and dice.mean() < math.log(26) - 0.05))


def test_what_the_figure_says_of_each_loss_is_true_of_the_table():
    table = results.load("masks").query("seed < 100")
    nats = {name: rows["nats"] for name, rows in table.groupby("mask")}
    assert all(len(rows) == 10 for rows in nats.values())
    for honest in ("causal", "skips one"):
        assert (nats[honest] - math.log(26)).abs().max() < 0.01
    for copied in ("none", "one too far", "upside down"):  # all but the last of 16 rolls
        assert math.log(26) / 16 - 0.005 < nats[copied].min() <= nats[copied].max() < 0.1 * math.log(26)
    for blurred in ("zeros", "after the softmax"):
        assert nats[blurred].max() < math.log(26) - 0.4
