"""The collapse of a router: the loads of the experts over training, without a cure and with each."""

from typing import Any

import traitlets

from lecture21.course.chapters import results
from lecture21.course.live.figure import Figure

_SETTINGS = ("none", "aux 0.01", "bias 0.01", "warm-up", "z-loss 0.001", "jitter 0.1")
_HIGH = 0.06
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Collapse(Figure):
    """Six films of the loads of eight experts over training: without a cure for a router's collapse, and with five.

    The reader may first choose the routers that they expect to be alive at the end.

    Source: the result `router_load` (`python benchmarks/c14_router_collapse.py`), second layer, three seeds, at a
    learning rate of 0.06 and at the tuned ones.
    """

    figure = "collapse"
    description = (
        "Six small films, each with the shares of eight experts over 200 steps of training: nothing done, balance "
        "loss, selection bias, warm-up, z-loss and jitter. They begin with the shares at step 1."
    )
    step = traitlets.Int(0, min=0, max=20).tag(sync=True)
    """Index of the training step."""

    rate = traitlets.Enum(("high", "tuned"), "high").tag(sync=True)
    """Learning rate: "high", or "tuned" for each cure."""

    seed = traitlets.Int(1, min=0, max=2).tag(sync=True)
    film = traitlets.Dict().tag(sync=True)

    @traitlets.default("film")
    def _start_film(self) -> dict[str, Any]:
        return _film()


def _film() -> dict[str, Any]:
    """Return the loads of the second layer over training, in thousandths as two digits in base 36."""
    runs = results.load("router_collapse")
    tuned = runs[runs["tuned"].astype(str) == "True"].groupby("setting")["learning_rate"].first()
    table = results.load("router_load").query("layer == 2")
    steps = [int(step) for step in sorted(table["step"].unique())]
    seeds = sorted(table["seed"].unique())
    loads = []
    for setting in _SETTINGS:
        for rate in (_HIGH, tuned[setting]):
            for seed in seeds:
                run = table[
                    (table["setting"] == setting) & (table["learning_rate"] == rate) & (table["seed"] == seed)
                ].sort_values("step")
                loads += [round(1000 * load) for row in run.filter(like="expert_").to_numpy() for load in row]
    return {
        "steps": steps,
        "settings": list(_SETTINGS),
        "tuned": [float(tuned[setting]) for setting in _SETTINGS],
        "high": _HIGH,
        "seeds": len(seeds),
        "experts": 8,
        "loads": "".join(_DIGITS[load // 36] + _DIGITS[load % 36] for load in loads),
    }
