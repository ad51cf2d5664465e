"""What is very long is learned from in little time, or refused: words, white space."""

import pytest

from lecture21.tokenizers import BPETokenizer, train_bpe


@pytest.mark.parametrize(("length", "one_token"), [(1000, True), (1001, False), (5000, False)])
def test_no_merge_crosses_the_pieces_of_a_word_of_more_than_a_thousand_characters(length, one_token):
    """The library's time grows with the square of a word's length: a genome on one line took minutes."""
    word = " " + "a" * (length - 1)
    encoding = train_bpe(word * 3, train_bpe_limit(word * 3))
    assert (len(encoding.encode(word)) == 1) == one_token
    assert encoding.decode(encoding.encode(word * 3)) == word * 3


def train_bpe_limit(text: str) -> int:
    """Return the largest vocabulary that a text allows."""
    with pytest.raises(ValueError, match=r"after \d+ every word is one token") as caught:
        train_bpe(text, 10**6)
    return int(str(caught.value).split("after ")[1].split()[0])


def test_white_space_of_a_million_characters_is_refused_by_its_place():
    tokenizer = BPETokenizer(train_bpe("to be", 256))
    for space in (" ", "\n", "\u3000"):
        text = "a" + space * 10**6 + "b"
        with pytest.raises(ValueError, match=r"1,000,000 characters of white space at 1; at most 500,000 in a row"):
            tokenizer.encode(text)
        text = "a" + space * 500_000 + "b"
        assert tokenizer.decode(tokenizer.encode(text)) == text
