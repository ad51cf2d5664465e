import pytest
import torch
from c06_cross_attention import blocked, off

from lecture21 import pretrained
from lecture21.course.chapters import results
from lecture21.data import numbers
from lecture21.layers import attention_maps
from lecture21.transformer import Transformer, greedy_decode

VOCABULARY = numbers.VOCABULARY


@pytest.fixture(scope="module")
def model() -> Transformer:
    """The model that the chapter looks into."""
    return pretrained.load_transformer("numbers")


@torch.no_grad()
def p_hundred(model: Transformer, digits: str, words: str) -> float:
    source = torch.tensor([VOCABULARY.encode(digits)])
    target = torch.tensor([[VOCABULARY.bos, *VOCABULARY.encode(words.split())]])
    return model(source, target)[0, -1].softmax(dim=-1)[VOCABULARY.ids["hundred"]].item()


def test_mistakes_are_readings_of_other_numbers(said, model):
    scores = results.load("cross_attention").query("trained_on == '1 to 6 digits'").groupby("seed").first()
    assert len(scores) == 10
    said("ten models read {:.0f} to {:.1f} % of new", 100 * scores.right.min(), 100 * scores.right.max())
    assert scores.wrong_readings.min() == 4 / 5
    said("In each of the ten models, at least four in five are the correct reading of *another* number")
    tokens = {"bos": VOCABULARY.bos, "eos": VOCABULARY.eos, "max_new": 16}
    decoded = greedy_decode(model, numbers.pairs([2, 460]).source, **tokens).ids
    small, large = (" ".join(VOCABULARY.decode(ids)) for ids in decoded)
    said(f"The model of the next section reads `2` as *{small}*, and `460` as *{large}*.")


def test_what_the_words_of_the_shipped_model_attend_to(said, model):
    heaviest = {1047: [{0}, {1}, {3}, {4}, {4}], 58213: [{0}, {1}, {2, 3}, {3}, {4, 5}, {4, 5}, {5}]}
    for n, expected in heaviest.items():
        pair = numbers.pairs([n])
        maps = attention_maps(model, pair.source, pair.target_in)["decoder.blocks.1.cross_attention"][0].mean(dim=0)
        top = [set(row.topk(len(places)).indices.tolist()) for row, places in zip(maps, expected, strict=True)]
        assert top == expected
    assert maps[4, 3] < 0.02
    said("it ignores the 2 that it belongs to and gives {:.2f} of its weight", maps[4, 4:].sum().item())


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
    every = results.load("cross_attention")[["change_own", "change_right"]]
    assert every.abs().max().max() < 0.005


def test_hundred_is_the_default_after_a_first_digit(said, model):
    after = "fifty eight thousand two"
    assert min(p_hundred(model, "213", "two"), p_hundred(model, "213,456", "two")) > 0.99
    assert min(p_hundred(model, "58,213", after), p_hundred(model, "58,2", after)) > 0.99
    assert max(p_hundred(model, "2", "two"), p_hundred(model, "2,456", "two")) < 0.01
    with blocked(model, 1, [1, 2]):
        assert min(p_hundred(model, "213,456", "two"), p_hundred(model, "2,456", "two")) > 0.99
    for digits in ("213", "213,456", "2,456"):
        with off(model, 1):
            assert p_hundred(model, digits, "two") > 0.99
    default = results.load("default_word").set_index("place")
    assert default.loc[["none", "before", "thousand"]].off.min() > 0.99
    wrong_there = default.loc["thousand"]
    assert len(wrong_there) == 10
    assert wrong_there.p.max() < 0.01
    assert wrong_there.blocked.min() > 0.88
    said("In those like `2,456`, where it is wrong, hiding brings it in all ten models.")


def test_hundred_without_the_two_symbols_after_its_digit(said):
    places = results.load("cross_attention").query("trained_on == '1 to 6 digits'").set_index("comma")
    alone, before, after = (places.loc[place] for place in ("none", "before", "after"))
    assert max(alone.cut.max(), before.cut.max()) < 0.14 < 0.6 < after.cut.min()
    said("Remove the two symbols, and *hundred* is gone, except after a comma.")
    said("it keeps {:.2f} in numbers like `213,456`, {:.2f} in those like `58,213`, and {:.2f} in those like `213`.",
         before.blocked.mean(), after.blocked.mean(), alone.blocked.mean())  # fmt: skip
    said("213: weight {:.2f}, the probability falls to {:.2f} without the two symbols, and to {:.2f} if they are "
         "hidden, from {:.2f} to {:.2f}.", alone.right_2.mean(), alone.cut.mean(), alone.blocked.mean(),
         alone.blocked.min(), alone.blocked.max())  # fmt: skip
    said("213,456: weight {:.2f}, then {:.2f} and {:.2f}.",
         before.right_2.mean(), before.cut.mean(), before.blocked.mean())  # fmt: skip
    said("58,213: weight {:.2f}, then {:.2f} and {:.2f}.",
         after.right_2.mean(), after.cut.mean(), after.blocked.mean())  # fmt: skip


def test_new_numbers_and_a_new_length(said):
    table = results.load("transformer_numbers").query("to == 'words' and position == 'sinusoidal'")
    table = table.set_index(["max_digits", "longer", "n_train"]).sort_index().greedy
    said("Trained and tested on up to six digits: {:.2f}.", table[6, 0, 1000].mean())
    assert (table[5, 0, 1000] == 0).all()
    said("Not one number of six digits is read right.")
    helped = sorted(table[5, 20, 1000])
    said("one seed at {:.2f}, one at {:.2f} and one at {:.2f}.", *helped)
    diluted = 100 * table[5, 20, 4000]
    said("twenty in four thousand for {:.0f} to {:.0f} % of them.", diluted.min(), diluted.max())


def test_beam_search(said):
    beam = results.load("transformer_numbers").query("position != 'none' and max_digits == 6")
    assert (beam["beam_4"] - beam["greedy"]).abs().max() < 0.01
    said("in {} runs with positions, it finds a more probable output for at most {} of 400", len(beam),
         beam.beam_likelier.max())  # fmt: skip


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
