"""The arms differ in what compares two words, the inequality of chapter 02 holds, and rates are inside the grid."""

import c02_one_vector as benchmark
import pytest
import torch

from lecture21.attention import basic_self_attention
from lecture21.data.agreement import Agreement

IDS = torch.randint(24, (6, 5), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("arm", ["bag", "vectors", "fixed", "whitened", "one matrix", "signs", "head", benchmark.BOTH])
def test_an_arm_compares_words_by_its_own_rule(arm):
    model = benchmark.build(arm, 32, 0)
    x, (_, weights) = model.vectors[IDS], model.gather(IDS)
    if arm == "bag":
        expected = torch.full((6, 1, 5), 1 / 5)
    elif arm in ("vectors", "fixed", "whitened"):
        expected = basic_self_attention(x)[1][:, -1:]
    else:
        signs = benchmark.SIGNS.diag() if arm == "signs" else torch.eye(32)
        w_key = model.head.key.weight
        w_query = model.head.query.weight if arm in ("head", benchmark.BOTH) else signs @ w_key
        form = w_query.T @ w_key / 32**0.5
        assert torch.allclose(form, form.T, atol=1e-6) == (arm in ("one matrix", "signs"))
        expected = (x @ form @ x.mT).softmax(dim=-1)[:, -1:]
    assert torch.allclose(weights, expected, atol=1e-6)
    assert model.vectors.requires_grad == (arm not in ("head", "fixed", "whitened"))


def test_a_whitened_output_varies_equally_in_every_direction():
    plain, white = (benchmark.build(arm, 32, 0) for arm in ("fixed", "whitened"))
    words = [
        Agreement().beginnings(3000, 40, n_adjective=n, generator=torch.Generator().manual_seed(n))[0] for n in range(3)
    ]
    spread = {}
    for model in (plain, white):
        model.output = torch.nn.Identity()
        variances = torch.linalg.eigvalsh(torch.cat([model(ids) for ids in words]).detach().double().T.cov())
        spread[model.arm] = (variances[-1] / variances[0]).item()
    assert spread["fixed"] > 1e4
    assert spread["whitened"] < 2
    assert not white.map.requires_grad


def test_only_with_other_kinds_are_there_subjects_that_are_things():
    model = benchmark.build("vectors", 32, 0)
    both = benchmark.weight_of_subject(model, Agreement("other kind"), 4)
    assert min(both.values()) > 0
    people = benchmark.weight_of_subject(model, Agreement("things"), 4)
    assert people["weight_of_person"] > 0
    assert people["weight_of_thing"] != people["weight_of_thing"]
