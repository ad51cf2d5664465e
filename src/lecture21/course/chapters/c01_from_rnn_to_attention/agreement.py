"""The measured scores of the running task, as arrays of seeds and distances."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from lecture21.course.chapters import results


def scores(
    arm: str, distances: Sequence[int], *, trained: str | None = None, gain: float | None = None, steps: int = 500
) -> Float[Tensor, "10 N"]:
    """Return the scores of ten seeds with the learning rate that is best for others, a column for each distance.

    Args:
        arm: the name of an arm in `benchmarks/c01_agreement.py`.
        distances: where the models are tested.
        trained: "1-10", "1-40", "1-100" or "1-100, half short" for models trained at several distances; by default
            each is trained where it is tested.
        gain: scale of the orthogonal matrix that an RNN starts with; torch's default initialization if not given.
        steps: updates.
    """
    table = results.load("agreement").query("chosen and arm == @arm and steps == @steps")
    table = table[table["gain"].isna() if gain is None else table["gain"] == gain]
    where = table["distance"].astype(str) if trained is None else trained
    table = table[table["trained"].astype(str) == where].set_index("distance")
    absent = set(distances) - set(table.index)
    if absent:
        raise ValueError(f"no models of the arm {arm!r} were measured at {sorted(absent)} words with these settings")
    return torch.tensor(table.loc[list(distances), [f"s{seed}" for seed in range(10)]].to_numpy().T)
