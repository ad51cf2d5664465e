"""Chapter 06: what plausible wrong answers are told, and other ways to write a right one."""

import pytest
import torch
from readers import printed

from lecture21.course.exercises.registry import find

GREEDY = find("6.1").text(find("6.1").solution)


def with_numbers(code):
    """Return greedy decoding with fixed numbers instead of the ids that it is given."""
    names = {"torch": torch}
    exec(code, names)
    return names["greedy_decode"]


def relative(probability, source, replacements):
    return find("6.2").solution(probability, source, replacements) / probability(source[None])[0]


def in_place(probability, source, replacements):
    falls, before = [], probability(source[None])[0]
    for place, symbol in enumerate(source.tolist()):
        after = []
        for other in replacements[replacements != symbol]:
            source[place] = other
            after.append(probability(source[None])[0])
        falls.append(before - torch.stack(after).mean())  # and never restored
    return torch.stack(falls)


def sizes(probability, source, replacements):
    before, changes = probability(source[None])[0], []
    for place, symbol in enumerate(source.tolist()):
        copies = source.repeat(len(replacements), 1)
        copies[:, place] = replacements
        changes.append((probability(copies) - before)[replacements != symbol].abs().mean())
    return torch.stack(changes)


def row_by_row(next_logits, n_row, bos, eos, pad, max_new):
    rows = []
    for _ in range(n_row):
        ids = [bos]
        while len(ids) <= max_new and ids[-1] != eos:
            ids.append(int(next_logits(torch.tensor([ids]))[0].argmax()))
        rows.append(torch.tensor(ids[1:]))
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)


def the_chain(is_padding, n_target):
    """The masks of one stack that reads source and target, cut into parts."""
    n_source = is_padding.shape[1]
    whole = torch.ones(n_source + n_target, n_source + n_target, dtype=torch.bool).tril()
    parts = whole[:n_source, :n_source], whole[n_source:, n_source:], whole[n_source:, :n_source]
    words = ~is_padding[:, None, :]
    return parts[0] & words, parts[1], parts[2] & words


def padding_asks_nothing(is_padding, n_target):
    encoder, decoder, cross = find("6.3").solution(is_padding, n_target)
    return encoder & ~is_padding[:, :, None], decoder, cross


def floats(is_padding, n_target):
    return tuple(mask.float() for mask in find("6.3").solution(is_padding, n_target))


WRONG = {
    "row by row": ("6.1", row_by_row, "next_logits needs all rows at once"),
    "a fixed end token": ("6.1", with_numbers(GREEDY.replace("== eos", "== 2")), "wrong for"),
    "a fixed padding token": ("6.1", with_numbers(GREEDY.replace("ended, pad", "ended, 0")), "wrong for"),
    "a ratio": ("6.2", relative, "wrong for"),
    "sizes of changes": ("6.2", sizes, "a rise counts against it"),
    "in place": ("6.2", in_place, "changes its input"),
    "a causal source": ("6.3", the_chain, "Is any word of the source still unknown when it is read?"),
    "rows of padding": ("6.3", padding_asks_nothing, "wrong for"),
    "floats": ("6.3", floats, "bool"),
}


@pytest.mark.parametrize(("number", "answer", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_never_accepted_and_told_why(capsys, number, answer, text):
    for _ in range(5):
        assert text in printed(capsys, number, answer)


def one_by_one(probability, source, replacements):
    falls, before = [], probability(source[None]).item()
    for place, symbol in enumerate(source.tolist()):
        after = []
        for other in replacements.tolist():
            if other != symbol:
                copy = source.clone()
                copy[place] = other
                after.append(probability(copy[None]).item())
        falls.append(before - sum(after) / len(after))
    return torch.tensor(falls)


def all_at_once(probability, source, replacements):
    s, k = len(source), len(replacements)
    copies = source.expand(s, k, s).clone()
    places = torch.arange(s)
    copies[places, :, places] = replacements
    after = probability(copies.reshape(-1, s)).view(s, k)
    other = (replacements != source[:, None]).float()
    return probability(source[None]) - (after * other).sum(1) / other.sum(1)


def by_hand(is_padding, n_target):
    n_row, n_source = is_padding.shape
    encoder = torch.zeros(n_row, n_source, n_source, dtype=torch.bool)
    cross = torch.zeros(n_row, n_target, n_source, dtype=torch.bool)
    for row in range(n_row):
        for place in range(n_source):
            encoder[row, :, place] = cross[row, :, place] = not is_padding[row, place]
    t = torch.arange(n_target)
    return encoder, t[None] <= t[:, None], cross


RIGHT = {
    "one by one": ("6.2", one_by_one),
    "all at once": ("6.2", all_at_once),
    "by hand": ("6.3", by_hand),
}


@pytest.mark.parametrize(("number", "answer"), RIGHT.values(), ids=RIGHT)
def test_a_right_answer_is_accepted_in_other_words(capsys, number, answer):
    for _ in range(5):
        assert printed(capsys, number, answer) == f"{number}: correct"
