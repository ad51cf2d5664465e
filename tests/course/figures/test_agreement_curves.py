import pytest
import torch

from lecture21.course import figures
from lecture21.course.figures.agreement import ARMS, BAG
from lecture21.course.figures.style import COLORS
from lecture21.data.agreement import DISTANCES, majority_score

BOTH = torch.tensor([[1.0, 1.0], [1.0, 0.8]])
SCORES = {"learned head": BOTH, "RNN": torch.tensor([[0.9, 0.5]]), BAG: BOTH}


def test_draws_seeds_mean_and_the_two_lines_to_beat():
    lines = figures.agreement_curves(SCORES, [4, 22]).lines
    majority, one, two, mean, alone, rnn, bag = (line.get_xydata().tolist() for line in lines)
    assert majority == [[distance, pytest.approx(majority_score(distance))] for distance in DISTANCES]
    assert one == [[4, 1], [22, 1]]
    assert two == [[4, 1], [22, pytest.approx(0.8)]]
    assert mean == bag == [[4, 1], [22, pytest.approx(0.9)]]
    assert alone == rnn == [[4, pytest.approx(0.9)], [22, 0.5]]


def test_a_model_has_its_color_whatever_is_drawn_beside_it():
    for series in (SCORES, {"RNN": SCORES["RNN"]}, SCORES | {"another": SCORES["RNN"]}):
        ax = figures.agreement_curves(series, [4, 22])
        colors = {text.get_text(): text.get_color() for text in ax.texts}
        assert colors["RNN"] == ARMS["RNN"]
        assert {colors.pop("majority"), colors.pop(BAG, COLORS["note"])} == {COLORS["note"]}
        assert COLORS["note"] not in colors.values()
        assert len(set(colors.values())) == len(series.keys() - {BAG})


def test_a_series_of_another_length_is_refused():
    with pytest.raises(ValueError, match="'RNN' has 2 columns for 3 distances"):
        figures.agreement_curves({"RNN": SCORES["RNN"]}, [1, 4, 7])


def test_more_names_than_colors_are_refused():
    others = dict.fromkeys(("one", "two", "three", "four"), SCORES["RNN"])
    with pytest.raises(ValueError, match="at most 3 series can have names that are not in ARMS"):
        figures.agreement_curves(SCORES | others, [4, 22])
