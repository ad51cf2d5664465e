import math

import torch

from lecture21.objectives import (
    IGNORE,
    mask_tokens,
    pad_batch,
    shift_right,
)

PAD, MASK, END = 0, 1, 2


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_decoder_inputs_are_the_target_shifted_right():
    assert shift_right(torch.tensor([[5, 6, 2], [7, 2, 0]]), bos=1).tolist() == [[1, 5, 6], [1, 7, 2]]


def test_a_batch_is_padded_on_the_right():
    assert pad_batch([[1, 2, 3], torch.tensor([4])], pad=9).tolist() == [[1, 2, 3], [4, 9, 9]]


def test_masking_depends_on_its_seed_and_leaves_the_text_and_the_global_state_unchanged():
    def masked(seed: int) -> torch.Tensor:
        return mask_tokens(ids, vocab_size=9, mask=MASK, rate=0.5, generator=seeded(seed))[0]

    ids = torch.arange(3, 9).repeat(20)
    ids[6::7] = END
    kept, state = ids.clone(), torch.get_rng_state()
    first = masked(0)
    assert torch.equal(first, masked(0))
    assert not torch.equal(first, masked(1))
    assert first.dtype == ids.dtype
    assert torch.equal(ids, kept)
    assert torch.equal(torch.get_rng_state(), state)


def test_masking_accepts_an_empty_text():
    inputs, targets = mask_tokens(torch.zeros(0, dtype=torch.long), vocab_size=9, mask=MASK)
    assert inputs.tolist() == targets.tolist() == []


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
