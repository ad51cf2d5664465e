import pytest

from lecture21.course.chapters import results


def test_every_result_names_its_command_and_versions():
    assert "gpt0_seeds" in results.names()
    for name in results.names():
        assert results.provenance(name).startswith("python benchmarks/"), name
        assert "; torch " in results.provenance(name), name
        assert len(results.load(name)) > 1, name
        repeated = {"seed", "draw", "round", "s0"} & set(results.load(name).columns)  # s0 is that of seed 0
        assert repeated, name


def test_an_unknown_result_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'nothing'.*gpt0_seeds"):
        results.load("nothing")
