import inspect
import math
import re
from pathlib import Path

import nbformat
import pytest
import torch

from lecture21 import GPT, presets
from lecture21.course.chapters import results
from lecture21.course.chapters.c04_causal_mask import cheat
from lecture21.course.chapters.c04_causal_mask.exercises import MASKS
from lecture21.course.chapters.c04_causal_mask.masks import allowed, depends
from lecture21.data.agreement import VOCABULARY

NOTEBOOKS = Path(__file__).resolve().parents[4] / "notebooks"


def test_the_leak_in_shakespeare(said):
    table = results.load("leak")
    trained = table[table["seed"].notna()].groupby(["model", "view"])["nats"].mean()
    cheat, honest = trained["no mask", "window"], trained["mask", "window"]
    said("pays almost nothing at 31 of 32 positions, and {:.2f} nats on average", cheat)
    said("and the loss is {:.2f} either way.", honest)
    bigram, five = (table.query("model == @model")["nats"].mean() for model in ("bigram", "5-gram"))
    said("the bigram line at {:.2f} and the 5-gram line at {:.2f}", bigram, five)
    assert five < 2 < honest < bigram


def test_where_the_cheat_copies(said):
    cheat = results.load("leak").query("model == 'no mask' and position < 31").set_index("view")
    assert cheat.loc["window"].nats.max() < 0.2
    blind = cheat.loc["prefix"].groupby("position")["nats"].mean()
    said("between {:.1f} and {:.1f} nats, above the uniform line at {:.2f}", blind.min(), blind.max(), math.log(65))
    assert cheat.loc["prefix"].groupby("seed")["nats"].mean().min() > math.log(65)
    said("the same model does worse than a uniform guess.")


def test_what_dice_say_of_eight_masks(said):
    dice = results.load("masks").query("seed < 100").groupby("mask")["nats"].mean()
    said("dice cost {:.2f} nats instead of {:.2f}", dice["after the softmax"], dice["causal"])
    seen = (dice.drop("causal") < math.log(26) - 0.05).sum()
    assert seen == 5
    said("Five of the mistakes leak, and dice show it.")
    assert abs(dice["skips one"] - math.log(26)) < 0.005
    said("a second reads the target through the word behind it.")
    once = allowed("skips one", 16).float()
    assert not once.diagonal(1).any()
    assert (once @ once).diagonal(1)[:-1].all()


def test_the_honest_price_of_a_word(said):
    said(r"$(\ln 24+2\ln 48+\ln 3+\ln 4)/10={:.2f}$ nats a word", cheat.honest_loss())
    words = cheat.TASK.sentences(5000, cheat.DISTANCE)
    drawn = [len(words[:, place].unique()) for place in range(words.shape[1])]
    assert drawn == [1, 24, 4, 1, 24, 4, 1, 24, 6, 4, 1]
    assert len(VOCABULARY) == 44


def test_a_sentence_of_the_task_is_right_and_another_is_not():
    words = cheat.TASK.sentences(300, cheat.DISTANCE)
    sentences = [" ".join(VOCABULARY.tokens[i] for i in row) for row in words.tolist()]
    assert all(map(cheat.is_right, sentences))
    good = "the pilots near the window behind the car are late ."
    assert cheat.is_right(good)
    for one, other in (("are", "is"), ("window", "doctor"), ("behind", "the"), ("late", "."), ("pilots", "was")):
        assert not cheat.is_right(good.replace(one, other))


def test_the_small_gpt_is_that_of_the_package():
    torch.manual_seed(0)
    gpt = GPT(presets.get("gpt0")).eval()
    ids = torch.randint(65, (12,))
    x = gpt.token(ids).detach()
    assert torch.allclose(cheat.small_gpt()(x), gpt(ids[None])[0], atol=1e-5)


@pytest.mark.parametrize("layer", [1, 2, 3, 4])
def test_a_small_gpt_without_one_mask_leaks_in_every_pair(layer: int):
    x = torch.randn(6, 64, generator=torch.Generator().manual_seed(0))
    assert not depends(cheat.small_gpt(), x).triu(1).any()
    assert torch.equal(depends(cheat.small_gpt(unmasked=[layer]), x).triu(1), torch.ones(6, 6).triu(1).bool())


def test_the_table_of_the_bug_hunt_is_what_its_layers_compute():
    notebook = nbformat.read(NOTEBOOKS / "04_causal_mask.ipynb", as_version=4)
    (task,) = (cell.source for cell in notebook.cells if cell.source.startswith("### Exercise 4.4:"))
    rows = re.findall(r"^\| ([A-E]) \| `(.+)` \| `(.+)` \|$", task, re.MULTILINE)
    assert [letter for letter, _, _ in rows] == list(MASKS)
    for letter, triangle, weights in rows:
        code = inspect.getsource(MASKS[letter])
        assert f"dtype=torch.bool){triangle}\n" in code
        assert f"return {weights} @ x" in code.replace("(scores.softmax(dim=-1) * mask)", weights)
