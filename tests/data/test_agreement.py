"""Agreement at a distance: the sentences are grammatical, the subject alone decides, and the two lines are exact."""

import math

import pytest
import torch

from lecture21.data.agreement import (
    DISTANCES,
    VOCABULARY,
    Agreement,
    majority_score,
    verb_is_plural,
)

RIVALS = ["other kind", "people"]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def is_plural(word: str) -> bool:
    """Return the number of a noun or a verb as a reader of English would tell it."""
    return word in {"are", "were", "seem"} or (word.endswith("s") and word not in {"is", "was", "seems"})


@pytest.mark.parametrize("rivals", RIVALS)
@pytest.mark.parametrize("distance", [1, 4, 100])
@pytest.mark.parametrize("n_adjective", [0, 2])
def test_sentences_agree(rivals, distance, n_adjective):
    ids = Agreement(rivals).sentences(50, distance, n_adjective=n_adjective, generator=seeded())
    assert ids.shape == (50, n_adjective + 4 + distance)
    for words in (VOCABULARY.decode(row) for row in ids):
        subject, verb = words[1 + n_adjective], words[1 + n_adjective + distance]
        assert is_plural(subject) == is_plural(verb)
        assert words[0] == "the"
        assert words[-1] == "."


def test_rivals_of_the_other_kind_leave_the_two_kinds_equally_often_as_the_subject():
    words, plural = Agreement().beginnings(2000, 7, n_adjective=1, generator=seeded())
    is_thing = words[:, [2, 5, 8]] >= VOCABULARY.ids["window"]
    assert (is_thing[:, 1:] != is_thing[:, :1]).all()
    assert is_thing[:, 0].float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert (plural == words[:, 2] % 2).all()


def test_all_words_occur_and_numbers_are_balanced():
    ids = torch.cat([Agreement(r).sentences(2000, 10, n_adjective=2, generator=seeded()) for r in RIVALS])
    assert set(ids.flatten().tolist()) == set(range(len(VOCABULARY)))
    _, plural = Agreement().beginnings(4000, 1, generator=seeded())
    assert plural.float().mean().item() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("rivals", RIVALS)
def test_beginnings_are_the_starts_of_sentences(rivals):
    task = Agreement(rivals)
    start, _ = task.beginnings(8, 13, n_adjective=1, generator=seeded(5))
    sentence = task.sentences(8, 13, n_adjective=1, generator=seeded(5))
    assert torch.equal(start, sentence[:, : start.shape[1]])


def one_hot(plural: torch.Tensor) -> torch.Tensor:
    """Return logits that prefer "are" where the verb is plural and "is" elsewhere."""
    are, is_ = VOCABULARY.ids["are"], VOCABULARY.ids["is"]
    return 9.0 * torch.nn.functional.one_hot(torch.where(plural, are, is_), len(VOCABULARY)).float()


def nouns_plural(words: torch.Tensor) -> list[list[bool]]:
    """Return the numbers of the nouns of each beginning, from left to right."""
    n_noun = VOCABULARY.ids["is"]
    return [[bool(w % 2) for w in row if w < n_noun] for row in words.tolist()]


def by_first(words):
    return one_hot(torch.tensor([row[0] for row in nouns_plural(words)]))


def by_last(words):
    return one_hot(torch.tensor([row[-1] for row in nouns_plural(words)]))


def by_majority(words):
    return one_hot(torch.tensor([sum(row) * 2 > len(row) for row in nouns_plural(words)]))


@pytest.mark.parametrize("rivals", RIVALS)
@pytest.mark.parametrize("distance", [1, 4, 10, 49])
def test_scores_of_simple_rules(rivals, distance):
    task, n = Agreement(rivals), 3000
    spread = 4 * math.sqrt(0.25 / n)
    assert task.score(by_first, distance, n_sentence=n) == 1.0
    assert task.score(by_last, distance, n_sentence=n) == pytest.approx(1.0 if distance == 1 else 0.5, abs=spread)
    # Level numbers count as singular here: as good as a coin, since both numbers are as probable.
    assert task.score(by_majority, distance, n_sentence=n) == pytest.approx(majority_score(distance), abs=spread)


def test_majority_score_by_counting_all_cases():
    for distance, n in ((1, 0), (4, 1), (7, 2), (10, 3)):
        cases = [[(bits >> i) & 1 for i in range(n)] for bits in range(2**n)]
        right = [1.0 if 2 * (sum(c) + 1) > n + 1 else 0.5 if 2 * (sum(c) + 1) == n + 1 else 0.0 for c in cases]
        assert majority_score(distance) == sum(right) / len(right)


def test_a_language_model_is_judged_at_the_last_word():
    def model(words):
        return torch.stack([-by_first(words), by_first(words)], dim=1)  # wrong at the first position, right at the last

    assert Agreement().score(model, 10) == 1.0


def test_a_score_is_of_the_same_sentences_for_a_seed_a_third_of_each_length():
    def words_of(seed: int) -> list[torch.Tensor]:
        seen, model = [], torch.nn.Dropout()
        model.forward = lambda words: seen.append(words) or by_first(words) if not model.training else 1 / 0
        Agreement().score(model, 4, n_sentence=30, seed=seed)
        assert model.training
        return seen

    first, again, other = words_of(0), words_of(0), words_of(1)
    assert [tuple(words.shape) for words in first] == [(10, 5 + n) for n in range(3)]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_the_verbs_count_together():
    logits = torch.full((1, len(VOCABULARY)), -9.0)
    logits[0, VOCABULARY.ids["is"]] = 1.0  # the single most probable verb
    for verb in ("are", "were", "seem"):
        logits[0, VOCABULARY.ids[verb]] = 0.5
    assert verb_is_plural(logits).item()


@pytest.mark.parametrize("distance", [0, 2, 3, 103, -1])
def test_a_distance_that_no_sentence_has(distance):
    with pytest.raises(ValueError, match=f"distance must be 1, 4, 7, ... or 100 words, got {distance}"):
        Agreement().beginnings(1, distance)


def test_bad_arguments(untyped):
    with pytest.raises(ValueError, match="rivals must be one of other kind, people, got 'cats'"):
        Agreement("cats")
    with pytest.raises(ValueError, match="n_sentence must be a whole number >= 1, a multiple of 3, got 10"):
        Agreement().score(by_first, 1, n_sentence=10)
    with pytest.raises(ValueError, match="n_adjective must be a whole number >= 0, got -1"):
        Agreement().beginnings(1, DISTANCES[0], n_adjective=-1)


def test_loss_is_that_of_the_verb_and_lower_for_its_right_number():
    task, n_verb = Agreement(), 3

    def oracle(words, *, bonus=8.0):
        """Prefer the verbs of the subject's number: it is the first word that is a noun."""
        subject = (words < VOCABULARY.ids["is"]).float().argmax(dim=1)
        plural = words[torch.arange(len(words)), subject] % 2
        logits = torch.full((len(words), len(VOCABULARY)), -50.0)
        for i in range(n_verb):
            logits[torch.arange(len(words)), VOCABULARY.ids["is"] + 2 * i + plural] = bonus
        return logits

    right = task.loss(oracle, [1, 22], generator=seeded())
    assert right.item() == pytest.approx(math.log(n_verb), abs=1e-5)
    blind = task.loss(lambda words: torch.zeros(*words.shape, len(VOCABULARY)), [4], generator=seeded())
    assert blind.item() == pytest.approx(math.log(len(VOCABULARY)))


def test_loss_draws_from_the_given_distances():
    lengths = []

    def predict(words):
        lengths.append(words.shape[1])
        return torch.zeros(len(words), len(VOCABULARY))

    generator = seeded(1)
    for _ in range(60):
        Agreement().loss(predict, [4, 22], batch=2, generator=generator)
    assert set(lengths) == {4 + 1 + n for n in range(3)} | {22 + 1 + n for n in range(3)}
    with pytest.raises(
        ValueError, match=r"distances must be a sequence, each 1, 4, 7, \.\.\. or 100 words, not empty, got \[\]"
    ):
        Agreement().loss(predict, [])
