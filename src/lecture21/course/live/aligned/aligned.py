"""Push the score: responses of one policy on its way, with the KL penalty and without, and what became of the score."""

from typing import Any

import pandas as pd
import traitlets

from lecture21 import pretrained
from lecture21.alignment import ShopTask, grammar
from lecture21.course.chapters import results
from lecture21.course.live.figure import Figure, weights_of

_MODELS = ("unaligned", "aligned")
_KINDS = ("colors", "things", "places", "prompts", "answers", "evasions", "courteous", "rude", "chatter")
_ARMS = {0.0: "no penalty", 0.1: "with the penalty"}
_SEED = 0  # of the shipped models


class Aligned(Figure):
    """A policy that PPO pushes toward a learned reward, without the KL penalty and with it.

    Stored, of one seed and iteration by iteration: learned reward, judge's score and the responses to ten held-out
    prompts, from the results `alignment_runs`, `alignment_early` and `alignment_pushed`. Sampled in the page: responses
    of the models "unaligned", the base, and "aligned", the last policy with the penalty; the judge scores them.

    Args:
        prompt: index of the prompt, from 0 to 9.
        stop: position on the slider, from 0, the fine-tuned model, to 8, iteration 80. At 4, iteration 8, the responses
            of the two policies to prompt 2 begin to differ.
    """

    figure = "aligned"
    description = (
        "Learned reward and judge's score of two policies over 80 iterations of PPO, and their responses to one "
        "prompt. Both learned rewards rise to more than 2. With the penalty the score rises from 0.68 to 0.92. "
        "Without it, it "
        "rises to 0.81 at iteration 6 and falls to 0.16, where the response is not grammatical."
    )
    prompt = traitlets.Int(2, min=0, max=9).tag(sync=True)
    stop = traitlets.Int(4, min=0, max=8).tag(sync=True)
    """Position on the slider."""

    stored = traitlets.Dict().tag(sync=True)
    unaligned = traitlets.Bytes(b"").tag(sync=True)
    aligned = traitlets.Bytes(b"").tag(sync=True)

    def __init__(self, *values: Any, **state: Any) -> None:
        files = {name: weights_of(name) for name in _MODELS}
        super().__init__(*values, stored=_stored(), **files, **state)

    def assets(self) -> dict[str, str]:
        """Return the files of the shipped models."""
        return {name: f"models/{name}.safetensors" for name in _MODELS}


def _stored() -> dict[str, Any]:
    """Return what the figure shows without a model: the way of both policies, and the judge's language."""
    samples, pushed = results.load("alignment_samples"), results.load("alignment_pushed")
    prompts = list(dict.fromkeys(samples["prompt"]))
    ways = {weight: _way(weight) for weight in _ARMS}
    first = samples[(samples["seed"] == _SEED) & (samples["method"] == "sft")]
    _, tokenizer = pretrained.load("unaligned")
    return {
        "prompts": prompts,
        "ids": [tokenizer.encode(f"\n{prompt}") for prompt in prompts],
        "newest": ShopTask.n_new,
        "steps": ways[0.0]["step"].tolist(),
        "arms": [
            {
                "name": name,
                "score": ways[weight]["score"].tolist(),
                "reward": (ways[weight]["learned_reward"] + 0.0).tolist(),
                "responses": [
                    _lines(first if step == 0 else pushed[(pushed["weight"] == weight) & (pushed["step"] == step)])
                    for step in ways[weight]["step"]
                ],
            }
            for weight, name in _ARMS.items()
        ],
        "grammar": {name: "\n".join(getattr(grammar, name.upper())) for name in _KINDS},
    }


def _way(weight: float) -> pd.DataFrame:
    """Return what one run of PPO was measured to be, from the fine-tuned model on."""
    measured = pd.concat([results.load("alignment_runs"), results.load("alignment_early")])
    measured = measured[measured["seed"] == _SEED]
    run = measured[(measured["method"] == "ppo") & (measured["weight"] == weight)]
    return pd.concat([measured[measured["method"] == "sft"].assign(step=0), run]).sort_values("step")


def _lines(rows: pd.DataFrame) -> str:
    """Return a line for each response: score, learned reward, text; lines are shorter in a page than lists are."""
    return "\n".join(f"{row.score:g} {row.learned_reward:g} {row.response}" for row in rows.itertuples())
