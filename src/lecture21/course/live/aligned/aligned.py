"""Aligned or not: responses to one prompt by a base model, a fine-tuned model, best-of-n and optimized policies."""

from typing import Any

import pandas as pd
import traitlets

from lecture21 import pretrained
from lecture21.alignment import ShopTask, grammar
from lecture21.course.chapters import results
from lecture21.course.live.figure import Figure, weights_of

_MODELS = ("unaligned", "aligned")
_N = (2, 4, 8)
_KINDS = ("colors", "things", "places", "prompts", "answers", "evasions", "courteous", "rude", "chatter")
_NAMES = {"sft": "fine-tuned", "best_of_n": "best of {:g}", "dpo": "DPO, β = {:g}", "ppo": "PPO, KL weight {:g}"}
_SEED = 0  # of the shipped models


class Aligned(Figure):
    """Responses of policies, ordered by their divergence from the fine-tuned model, with learned reward and score.

    Stored: the responses of every policy of one seed to ten held-out prompts, from the results `alignment_runs`,
    `alignment_samples` and `alignment_best_of_n`. Sampled in the page: responses of the models "unaligned", which is
    the base, and "aligned", which is PPO with KL weight 0.1; the judge scores them.

    Args:
        prompt: index of the prompt, from 0 to 9.
        policy: name of the policy shown first, such as "PPO, KL weight 0" or "best of 4".

    Raises:
        ValueError: if there is no such prompt or policy.
    """

    figure = "aligned"
    description = (
        "The learned reward and the judge's score of ten policies against their divergence from the fine-tuned "
        "model, and their responses to one prompt. At the far right, PPO without a KL penalty has a high learned "
        "reward and the lowest score: in the seed shown, its response is not grammatical."
    )
    prompt = traitlets.Int(2, min=0, max=9).tag(sync=True)
    stop = traitlets.Int(0).tag(sync=True)
    """Position of the policy on the slider, in order of divergence."""

    stored = traitlets.Dict().tag(sync=True)
    unaligned = traitlets.Bytes(b"").tag(sync=True)
    aligned = traitlets.Bytes(b"").tag(sync=True)

    def __init__(self, *values: Any, policy: str = "PPO, KL weight 0", **state: Any) -> None:
        stored = _stored()
        names = [stop["name"] for stop in stored["stops"]]
        if policy not in names:
            raise ValueError(f"unknown policy {policy!r}; choose from {', '.join(map(repr, names))}")
        files = {name: weights_of(name) for name in _MODELS}
        super().__init__(*values, stop=names.index(policy), stored=stored, **files, **state)

    def assets(self) -> dict[str, str]:
        """Return the files of the shipped models."""
        return {name: f"models/{name}.safetensors" for name in _MODELS}


def _stored() -> dict[str, Any]:
    """Return what the figure shows without a model: policies, responses, curves, prompts, and the judge's language."""
    runs, samples = results.load("alignment_runs"), results.load("alignment_samples")
    draws = results.load("alignment_best_of_n").query(f"seed == {_SEED} and draw <= {max(_N)}")
    last = runs.sort_values("step").groupby(["method", "weight", "seed"], dropna=False).last().reset_index()
    own = last[last["seed"] == _SEED].sort_values("kl")
    shown = own["method"].isin(("sft", "dpo", "ppo")) | ((own["method"] == "best_of_n") & own["weight"].isin(_N))
    prompts = list(dict.fromkeys(samples["prompt"]))
    _, tokenizer = pretrained.load("unaligned")
    return {
        "prompts": prompts,
        "ids": [tokenizer.encode(f"\n{prompt}") for prompt in prompts],
        "newest": ShopTask.n_new,
        "stops": [
            {
                "name": _NAMES[row.method].format(row.weight),
                "method": row.method,
                "n": int(row.weight) if row.method == "best_of_n" else 0,
                "responses": _responses(samples, row.method, row.weight),
                "measured": _measured(row),
            }
            for row in own[shown].itertuples()
        ],
        "base": _responses(samples, "base"),
        "draws": [_lines(draws[draws["prompt"] == prompt]) for prompt in prompts],
        "courses": [
            {
                "method": method,
                "name": name,
                "line": [_measured(row) for row in _course(runs, method, weight).itertuples()],
                "others": [_measured(row) for row in _rows(last, method, weight).itertuples() if row.seed != _SEED],
            }
            for method, weight, name in (
                ("best_of_n", None, "best of n"),
                *(("ppo", weight, _NAMES["ppo"].format(weight)) for weight in (0.0, 0.1, 0.3)),
                ("dpo", None, "DPO"),
            )
        ],
        "grammar": {name: "\n".join(getattr(grammar, name.upper())) for name in _KINDS},
    }


def _measured(row: Any) -> list[float]:
    """Return divergence, score and learned reward."""
    return [round(row.kl, 2), round(row.score, 3), round(row.learned_reward, 2) + 0.0]


def _rows(table: pd.DataFrame, method: str, weight: float | None) -> pd.DataFrame:
    return table[(table["method"] == method) & ((table["weight"] == weight) if weight is not None else True)]


def _course(runs: pd.DataFrame, method: str, weight: float | None) -> pd.DataFrame:
    """Return the course of one seed, from the fine-tuned model on; without a weight, over all weights."""
    own = runs[runs["seed"] == _SEED]
    rows = _rows(own, method, weight).sort_values("kl" if weight is None else "step")
    if method != "ppo":
        return rows
    early = results.load("alignment_early")
    return pd.concat([own[own["method"] == "sft"], _rows(early[early["seed"] == _SEED], method, weight), rows])


def _responses(samples: pd.DataFrame, method: str, weight: float | None = None) -> str:
    """Return the response of one policy to each prompt, as lines."""
    known = weight is not None and not pd.isna(weight)
    own = samples[(samples["seed"] == _SEED) & (samples["method"] == method)]
    return _lines(own[own["weight"] == weight] if known else own)


def _lines(rows: pd.DataFrame) -> str:
    """Return a line for each response: score, learned reward, text; lines are shorter in a page than lists are."""
    return "\n".join(f"{row.score:g} {row.learned_reward:g} {row.response}" for row in rows.itertuples())
