"""What the layers' inputs have in common, and the runs that explain a collapse."""

import c14_collapse_causes
import c14_router_collapse
import pytest
import torch

from lecture21 import GPT, presets
from lecture21.course.chapters import results

IDS = torch.arange(64).view(2, 32)


@pytest.mark.parametrize("config", [c14_router_collapse.sparse(), presets.get("gpt0", n_layer=2, d_ff=64)])
def test_the_common_share_is_1_for_equal_vectors_and_small_for_random_ones(config):
    torch.manual_seed(0)
    model = GPT(config)
    assert c14_collapse_causes.common_share(model, IDS) < 0.2
    with torch.no_grad():
        model.token.weight.copy_(model.token.weight[:1].clone())
        model.position.table.weight.zero_()
    assert c14_collapse_causes.common_share(model, IDS) == pytest.approx(1)


def test_every_run_has_three_seeds_and_only_sparse_layers_have_loads():
    table = results.load("collapse_causes")
    assert set(table.groupby(["setting", "learning_rate"])["seed"].apply(tuple)) == {(0, 1, 2)}
    loads = table.filter(regex="busiest|batch|ten_")
    dense = table["setting"].str.startswith("dense")
    assert loads[dense].isna().all(axis=None)
    assert ((loads[~dense] >= 1 / 8) & (loads[~dense] <= 1)).all(axis=None)
    for layer in (1, 2):  # a sum over batches is at most as uneven as its terms
        assert (table[f"batch_{layer}"] >= table[f"ten_{layer}"] - 1e-4)[~dense].all()
