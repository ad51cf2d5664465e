from importlib import resources

import pytest
import torch
from c06_cross_attention import hidden

from lecture21 import pretrained
from lecture21.course.chapters import c06_encoder_and_decoder, results
from lecture21.data import numbers
from lecture21.layers import attention_maps
from lecture21.transformer import Transformer, greedy_decode

VOCABULARY = numbers.VOCABULARY


@pytest.fixture(scope="module")
def model() -> Transformer:
    """The model that the chapter looks into."""
    return pretrained.load_transformer("numbers")


@torch.no_grad()
def p_hundred(model: Transformer, digits: str) -> float:
    """Return the probability of *hundred* after *two*."""
    source = torch.tensor([VOCABULARY.encode(digits)])
    target = torch.tensor([[VOCABULARY.bos, VOCABULARY.ids["two"]]])
    return model(source, target)[0, -1].softmax(dim=-1)[VOCABULARY.ids["hundred"]].item()


def test_what_the_shipped_model_reads_rightly_and_its_mistakes_are_readings_of_other_numbers(said, model):
    tokens = {"bos": VOCABULARY.bos, "eos": VOCABULARY.eos, "max_new": 16}

    def read_aloud(n: int) -> str:
        return " ".join(VOCABULARY.decode(greedy_decode(model, numbers.pairs([n]).source, **tokens).ids[0]))

    assert [read_aloud(n) for n in (1047, 58213)] == [numbers.to_words(n) for n in (1047, 58213)]
    assert (read_aloud(2), read_aloud(460)) == ("twenty", "forty six")
    said("*Twenty* and *forty six* are good English, for other numbers.")
    scores = results.load("cross_attention").groupby("seed").first()
    assert len(scores) == 10
    said("Ten models trained like this one read {:.0f} to {:.1f} % of new", 100 * scores.right.min(),
         100 * scores.right.max())  # fmt: skip
    assert scores.wrong_readings.min() >= 3 / 4
    said("Of each model's mistakes at least three in four are the right reading of another number.")


def test_what_the_words_of_the_shipped_model_attend_to(said, model):
    heaviest = {1047: [{0}, {1}, {3}, {4}, {4}], 58213: [{0}, {1}, {2, 3}, {3}, {4, 5}, {4, 5}, {5}]}
    for n, expected in heaviest.items():
        pair = numbers.pairs([n])
        maps = attention_maps(model, pair.source, pair.target_in)["decoder.blocks.1.cross_attention"][0].mean(dim=0)
        top = [set(row.topk(len(places)).indices.tolist()) for row, places in zip(maps, expected, strict=True)]
        assert top == expected
    assert maps[4, 3] < 0.02
    assert (maps[5, 4:] - 0.5).abs().max() < 0.1
    said("Predicts *thirteen*: to the 1 and the 3, about half each")
    said("It ignores the 2 that it belongs to and gives {:.2f} of its weight", maps[4, 4:].sum().item())


def test_what_the_words_of_the_shipped_model_depend_on(model):
    source, words_in, words_out = (ids[0] for ids in numbers.pairs([58213]))
    others = torch.tensor(VOCABULARY.encode("123456789"))

    @torch.no_grad()
    def probabilities(sources: torch.Tensor) -> torch.Tensor:
        predicted = model(sources, words_in.expand(len(sources), -1)).softmax(dim=-1)
        return predicted[:, range(len(words_out)), words_out].mean(dim=0)

    falls = []
    for place in (0, 1, 3, 4, 5):  # without the comma
        changed = source.repeat(8, 1)
        changed[:, place] = others[others != source[place]]
        falls.append(probabilities(source[None]) - probabilities(changed))
    expected = torch.zeros(7, 5)
    expected[[0, 1, 3, 5, 5], [0, 1, 2, 3, 4]] = 1  # fifty, eight, two, and thirteen on both of its digits
    torch.testing.assert_close(torch.stack(falls, dim=1), expected, rtol=0, atol=0.04)
    assert torch.stack(falls)[:, [2, 4]].abs().max() < 0.005  # thousand and hundred


def test_hundred_is_the_default_after_a_first_digit(said, model):
    assert p_hundred(model, "213,456") > 0.99
    assert p_hundred(model, "2,456") < 0.01
    with hidden(model, 1, [1, 2]):
        assert min(p_hundred(model, "213,456"), p_hundred(model, "2,456")) > 0.99
    with hidden(model, 1, [1]):
        assert p_hundred(model, "2,456") > 0.99  # the comma alone forbids it
    with hidden(model, 1, [2]):
        assert p_hundred(model, "2,456") < 0.01
    places = results.load("cross_attention").set_index("place")
    after, before, none, wrong = (places.loc[place] for place in ("after", "before", "none", "thousand"))
    assert len(after) == len(before) == len(none) == len(wrong) == 10
    questions = resources.files(c06_encoder_and_decoder).joinpath("questions.json").read_text(encoding="utf-8")
    assert f"gives {after.weight.mean():.2f} of its weight to the two symbols" in questions
    assert places.changed.abs().max() < 0.006
    assert wrong.p.max() < 0.001
    said("keeps a probability of at least {:.2f} in numbers like `213,456`, and gets at least {:.2f} in those like "
         "`2,456`, where it had less than 0.001.", before.hidden.min(), wrong.hidden.min())  # fmt: skip
    said("After a comma, and in numbers like `213`, the default is weaker.")
    assert max(after.hidden.min(), none.hidden.min()) < before.hidden.min()
    assert places.drop("after").off.min() > 0.99


def test_the_lab_on_a_long_distance_head(said):
    on = "long_distance_head"
    heads = results.load("long_distance")

    def tops(steps: int):
        rows = heads.query("steps == @steps")
        return rows.loc[rows.groupby("seed")["own_visible"].idxmax()]

    top, trained = tops(1500), heads.query("steps == 1500")
    own, other = top.own_visible, top.other_visible
    second = trained.drop(top.index).groupby("seed")["own_visible"].max()
    said("own completion {:.2f} to {:.2f} of the weight and the other completion {:.2f} to {:.2f}.",
         own.min(), own.max(), other.min(), other.max(), on=on)  # fmt: skip
    said("The second-best head gives its own completion {:.2f} to {:.2f}, and the untrained model's top head about "
         "{:.2f}.", second.min(), second.max(), tops(0).own_visible.mean(), on=on)  # fmt: skip
    assert (own > 2 * other).all()
    said("at least twice the weight of the other one, between {:.2f} and {:.2f}.", own.min(), own.max(), on=on)
    assert (second > 0.5).sum() == 1
    said("In one seed a second head has a weight of {:.2f}.", second.max(), on=on)
    early, few = tops(700), tops(700).own_visible
    said("the top heads have {:.2f} to {:.2f}, and in one seed", few.min(), few.max(), on=on)
    assert (early.own_visible < 2 * early.other_visible).sum() == 1
    restored, without = 100 * top.restored, 100 * top.restored_without
    said("predicts {:.0f} to {:.0f} % of the hidden verbs, and without the top head {:.0f} to {:.0f} %.",
         restored.min(), restored.max(), without.min(), without.max(), on=on)  # fmt: skip
    others = 100 * trained.drop(top.index).groupby("seed")["restored_without"].median()
    said("another head, which leaves {:.0f} to {:.0f} % (median of the other", others.min(), others.max(), on=on)
    worst = trained.loc[trained.groupby("seed")["restored_without"].idxmin()]
    said("In {:words} of five seeds, the head with the largest weight", top.index.isin(worst.index).sum(), on=on)
    said("from at least {:.2f} to between {:.2f} and {:.2f}, so", top.restored.min(), without.min() / 100,
         without.max() / 100, on=on)  # fmt: skip
