import math

import torch
from torch.testing import assert_close

from lecture21._support.tensors import at_least_float32, require_vocabulary
from lecture21.objectives import token_cross_entropy


def test_cross_entropy_is_the_mean_of_minus_log_p():
    logits = torch.tensor([[[0.0, math.log(3.0)], [math.log(7.0), 0.0]]])
    assert_close(token_cross_entropy(logits, torch.tensor([[1, 1]])).item(), -(math.log(3 / 4) + math.log(1 / 8)) / 2)


def test_an_ignored_target_does_not_count_whatever_its_value():
    logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[1, 2, 9], [4, 9, 9]])
    kept = torch.stack([logits[0, 0], logits[0, 1], logits[1, 0]])[None]
    assert_close(token_cross_entropy(logits, targets, ignore=9), token_cross_entropy(kept, torch.tensor([[1, 2, 4]])))


def test_half_precision_becomes_float32_and_double_is_kept():
    assert at_least_float32(torch.zeros(1, dtype=torch.bfloat16)).dtype == torch.float32
    assert at_least_float32(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64
    assert token_cross_entropy(torch.zeros(1, 1, 2).half(), torch.tensor([[1]])).dtype == torch.float32


def test_an_empty_tensor_of_ids_is_in_every_vocabulary():
    require_vocabulary(torch.zeros(0, dtype=torch.long), 1)


def test_the_loss_runs_on_the_meta_device():
    targets = torch.zeros(2, 3, dtype=torch.long, device="meta")
    assert token_cross_entropy(torch.zeros(2, 3, 5, device="meta"), targets, ignore=0).shape == ()
