import pytest
import torch
from drawn import words

from lecture21.course import figures
from lecture21.course.figures.agreement import ARMS
from lecture21.data.agreement import DISTANCES, majority_score

SCORES = {"learned head": torch.tensor([[1.0, 1.0], [1.0, 0.8]]), "RNN": torch.tensor([[0.9, 0.5]])}


def test_draws_seeds_mean_and_both_guesses():
    lines = figures.agreement_curves(SCORES, [4, 22]).lines
    one, two, mean, alone, rnn, last, majority = (line.get_xydata().tolist() for line in lines)
    assert one == [[4, 1], [22, 1]]
    assert two == [[4, 1], [22, pytest.approx(0.8)]]
    assert mean == [[4, 1], [22, pytest.approx(0.9)]]
    assert alone == rnn == [[4, pytest.approx(0.9)], [22, 0.5]]
    assert [x for x, _ in last] == [x for x, _ in majority] == list(DISTANCES)
    assert {y for _, y in last[1:]} == {0.5}
    assert majority[2] == [7, majority_score(7)]


def test_a_model_has_its_color_whatever_is_drawn_beside_it():
    for series in (SCORES, {"RNN": SCORES["RNN"]}, SCORES | {"another": SCORES["RNN"]}):
        ax = figures.agreement_curves(series, [4, 22], rules=False)
        colors = {text.get_text(): text.get_color() for text in ax.texts}
        assert colors["RNN"] == ARMS["RNN"]
        assert len(set(colors.values())) == len(series)
        assert not any("noun" in text for text in words(ax))


def test_a_series_of_another_length_is_refused():
    with pytest.raises(ValueError, match="'RNN' has 2 columns for 3 distances"):
        figures.agreement_curves({"RNN": SCORES["RNN"]}, [1, 4, 7])
