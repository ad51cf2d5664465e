"""The runs that explain a collapse."""

from lecture21.course.chapters import results


def test_every_run_has_three_seeds_and_only_sparse_layers_have_loads():
    table = results.load("collapse_causes")
    assert set(table.groupby(["setting", "learning_rate"])["seed"].apply(tuple)) == {(0, 1, 2)}
    loads = table.filter(regex="busiest|batch|ten_")
    dense = table["setting"].str.startswith("dense")
    assert loads[dense].isna().all(axis=None)
    assert ((loads[~dense] >= 1 / 8) & (loads[~dense] <= 1)).all(axis=None)
    for layer in (1, 2):  # a sum over batches is at most as uneven as its terms
        assert (table[f"batch_{layer}"] >= table[f"ten_{layer}"] - 1e-4)[~dense].all()
