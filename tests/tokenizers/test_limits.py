"""What is very long is learned from in little time, or refused: words, white space, files, patterns."""

import json
import resource
import sys

import pytest

from lecture21.tokenizers import BPETokenizer, CharTokenizer, load_tokenizer, train_bpe


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


def test_a_file_of_any_size_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "tokenizer.json"
    CharTokenizer("abc").save(path)
    with path.open("ab") as file:
        file.truncate(10**8)  # without any blocks on the disk
    for load in (load_tokenizer, CharTokenizer.load, BPETokenizer.load):
        with pytest.raises(ValueError, match=r"tokenizer\.json is not a saved .*: it has 100,000,000 bytes,"):
            load(path)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is that of Linux")
@pytest.mark.parametrize("pattern", ["(?R)?x", "(?P<n>(?P>n)?x)", "(?P<n>a*(?:(?P>n))?x)"])
def test_a_pattern_that_calls_itself_is_refused_and_takes_no_memory(pattern, tmp_path):
    path = tmp_path / "tokenizer.json"
    BPETokenizer(train_bpe("to be", 256)).save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "pattern": pattern}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match='"pattern" is not a regular expression'):
        load_tokenizer(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
