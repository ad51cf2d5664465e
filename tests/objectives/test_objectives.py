import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture21.objectives import (
    IGNORE,
    infill_text,
    mask_tokens,
    pad_batch,
    shift_right,
)

PAD, MASK, END = 0, 1, 2
NOISES = {
    "mask_tokens": lambda ids, g: mask_tokens(ids, vocab_size=9, mask=MASK, rate=0.5, generator=g)[0],
    "infill_text": lambda ids, g: infill_text(ids, mask=MASK, rate=0.5, generator=g),
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_decoder_inputs_are_the_target_shifted_right():
    assert shift_right(torch.tensor([[5, 6, 2], [7, 2, 0]]), bos=1).tolist() == [[1, 5, 6], [1, 7, 2]]


def test_a_batch_is_padded_on_the_right():
    assert pad_batch([[1, 2, 3], torch.tensor([4])], pad=9).tolist() == [[1, 2, 3], [4, 9, 9]]
    with pytest.raises(ValueError, match=r"sequences must be a sequence, each a sequence, each a.* got \[\]"):
        pad_batch([], pad=0)


@pytest.mark.parametrize("name", NOISES)
def test_corruption_depends_on_its_seed_and_leaves_the_text_and_the_global_state_unchanged(name):
    noise = NOISES[name]
    ids = torch.arange(3, 9).repeat(20)
    ids[6::7] = END
    kept, state = ids.clone(), torch.get_rng_state()
    first = noise(ids, seeded())
    assert torch.equal(first, noise(ids, seeded()))
    assert not torch.equal(first, noise(ids, seeded(1)))
    assert first.dtype == ids.dtype
    assert torch.equal(ids, kept)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", NOISES)
def test_corruption_accepts_an_empty_text(name):
    assert NOISES[name](torch.zeros(0, dtype=torch.long), seeded()).tolist() == []


def test_masking_selects_15_percent_and_replaces_them_80_10_10():
    # Token 8 everywhere, so that a drawn 3 ... 7 is visible; a drawn 8 counts as unchanged.
    n = 400_000
    ids = torch.full((4, n // 4), 8)
    inputs, targets = mask_tokens(ids, vocab_size=9, mask=MASK, special=(PAD, END), generator=seeded())
    chosen = targets != IGNORE
    assert torch.equal(targets[chosen], ids[chosen])
    assert torch.equal(inputs[~chosen], ids[~chosen])
    share = {what: (inputs[chosen] == what).float().mean().item() for what in range(9)}
    expected = {PAD: 0.0, MASK: 0.8, END: 0.0, **dict.fromkeys(range(3, 8), 0.1 / 6), 8: 0.1 + 0.1 / 6}

    def within(measured: float, p: float, count: int) -> bool:
        return abs(measured - p) <= 4 * math.sqrt(p * (1 - p) / count)  # four standard errors

    assert within(chosen.float().mean().item(), 0.15, n)
    for what, p in expected.items():
        assert within(share[what], p, int(chosen.sum())), (what, share[what], p)


def test_special_tokens_are_never_selected():
    ids = torch.tensor([[END, 3, PAD, MASK, 4]]).repeat(50, 1)
    inputs, targets = mask_tokens(ids, vocab_size=5, mask=MASK, special=(PAD, END), rate=1.0, generator=seeded())
    assert (targets == torch.tensor([IGNORE, 3, IGNORE, IGNORE, 4])).all()
    assert torch.equal(inputs[:, [0, 2, 3]], ids[:, [0, 2, 3]])


def test_a_rate_of_zero_changes_nothing():
    ids = torch.arange(3, 9)
    inputs, targets = mask_tokens(ids, vocab_size=9, mask=MASK, rate=0.0)
    assert torch.equal(inputs, ids)
    assert (targets == IGNORE).all()
    for out in (infill_text(ids, mask=MASK, rate=0.0),):
        assert torch.equal(out, ids)


@given(n=st.integers(0, 40), rate=st.floats(0, 1), mean=st.floats(0.3, 6), seed=st.integers(0, 2**32))
def test_infilling_removes_exactly_its_fraction_and_keeps_the_rest_in_order(n, rate, mean, seed):
    ids = torch.arange(10, 10 + n)
    out = infill_text(ids, mask=MASK, rate=rate, mean=mean, generator=seeded(seed))
    kept = out[out != MASK]
    assert len(kept) == n - round(rate * n)
    assert (kept.diff() > 0).all()
    assert torch.isin(kept, ids).all()


def test_the_spans_of_infilling_are_poisson_3():
    ids = torch.arange(10, 300_010)
    out = infill_text(ids, mask=MASK, rate=0.3, generator=seeded())
    n_mask = int((out == MASK).sum())
    missing = 90_000
    # The mean length is 3; the standard error of a mean of m Poisson lengths is sqrt(3 / m).
    assert missing / n_mask == pytest.approx(3.0, abs=4 * math.sqrt(3 / n_mask))
    # The length of a mask between kept neighbors is known; every position is equally likely to be followed by a mask,
    # so these are an unbiased sample.
    left, middle, right = out[:-2], out[1:-1], out[2:]
    alone = (middle == MASK) & (left != MASK) & (right != MASK)
    lengths = (right - left)[alone] - 1
    counts = Counter(lengths.tolist())
    for k in range(8):
        p = math.exp(-3) * 3**k / math.factorial(k)
        assert counts[k] / len(lengths) == pytest.approx(p, abs=4 * math.sqrt(p / len(lengths)))


def test_every_placement_of_a_span_is_equally_likely():
    generator = seeded()
    ids = torch.arange(10, 14)
    # One token of four is removed: without spans of length 0, the mask has one of four positions.
    n = 20_000
    outs = (tuple(infill_text(ids, mask=MASK, rate=0.25, generator=generator).tolist()) for _ in range(n))
    counts = Counter(out for out in outs if len(out) == 4)
    assert set(counts) == {tuple(MASK if j == i else 10 + j for j in range(4)) for i in range(4)}
    total = sum(counts.values())
    for count in counts.values():
        assert count / total == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / total))
