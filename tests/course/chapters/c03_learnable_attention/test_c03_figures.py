"""The picture of slide 9 has its links where the sentence has its words."""

from lecture21.course.chapters.c03_learnable_attention.figures import FOUND, HEADS, QUERY, SENTENCE, long_link


def test_each_head_links_making_to_more_and_to_difficult():
    ends = [tuple(round(y) for y in line.get_ydata()) for line in long_link().lines]
    assert sorted(ends) == sorted([(SENTENCE.index(QUERY), SENTENCE.index(word)) for word in FOUND] * HEADS)
    assert [SENTENCE[start] for start, _ in ends] == ["making"] * len(ends)
    assert {SENTENCE[end] for _, end in ends} == {"more", "difficult"}
