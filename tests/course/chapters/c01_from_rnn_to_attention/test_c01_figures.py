import itertools

import pytest
from drawn import inside, words

from lecture21.course.chapters.c01_from_rnn_to_attention.figures import SOURCE, TARGET, bottleneck


@pytest.fixture
def ax():
    return bottleneck()


def test_whatever_the_decoder_gets_passes_through_the_one_vector(ax):
    places = {text.get_text(): text.get_position() for text in ax.texts if text.get_text()}
    middle = places["one vector"][1]
    assert places[SOURCE[-1]][1] > middle > places[TARGET[0]][1]
    arrows = [(text.xyann, text.xy) for text in ax.texts if not text.get_text()]
    lines = [itertools.pairwise(line.get_xydata().tolist()) for line in ax.lines]
    heights = [sorted((a[1], b[1])) for a, b in [*arrows, *itertools.chain(*lines)]]
    assert not [low for low, high in heights if low < middle < high]
    at_vector = [(a, b) for a, b in arrows if a[1] == middle or b[1] == middle]
    assert any(b[0] > places["one vector"][0] and b[1] == middle for _, b in at_vector)


def test_each_word_is_there_once_and_no_text_touches_another(ax):
    assert [word for word in words(ax) if word in SOURCE + TARGET] == [*SOURCE, *TARGET]
    assert inside(ax.figure)
    renderer = ax.figure.canvas.get_renderer()
    frames = [text.get_window_extent(renderer) for text in ax.texts if text.get_text()]
    assert not [True for one, other in itertools.combinations(frames, 2) if one.overlaps(other)]
