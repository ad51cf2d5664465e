import pytest
from torch import nn

from lecture21._support.modes import evaluating, training


@pytest.mark.parametrize("before", [True, False])
def test_a_model_evaluates_for_a_while_and_is_then_in_its_old_mode(before):
    model = nn.Sequential(nn.Dropout(0.5)).train(before)
    with evaluating(model):
        assert not model.training
        assert not model[0].training
    assert model.training == model[0].training == before


@pytest.mark.parametrize("mode", [evaluating, training])
def test_each_part_comes_back_to_its_own_mode(mode):
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5))
    model[1].eval()
    with mode(model):
        assert {part.training for part in model.modules()} == {mode is training}
    assert [part.training for part in model.modules()] == [True, True, False]


def test_the_mode_comes_back_after_an_error():
    model = nn.Dropout(0.5)
    with pytest.raises(RuntimeError, match="broken"), evaluating(model):
        raise RuntimeError("broken")
    assert model.training


def test_what_is_no_module_has_no_modes():
    with evaluating(lambda ids: ids):
        pass
