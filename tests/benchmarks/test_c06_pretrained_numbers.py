import c06_pretrained_numbers as benchmark

from lecture21.data import numbers


def test_the_numbers_that_the_chapter_explains_are_new_to_the_model():
    trained_on = set(numbers.sample(1400, seed=benchmark.SEED)[400:])
    assert {2, 460, 213, 1047, 2456, 58213, 213456} & trained_on <= {2}
