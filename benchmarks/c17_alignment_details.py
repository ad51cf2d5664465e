"""Store two details of `alignment_runs`: the first iterations of policy gradient, and what the reward models recognize.

Question: does the judge's score rise before it falls when the KL penalty is missing? And does a reward model tell a
response about the right thing from one about another thing?

Design: the references, reward models, learning rates and seeds of `alignment_runs`. Policies are measured as there,
within the first ten iterations; a run does not depend on its length, so these are the same runs. Held-out pairs of
which one response is helpful are split by the other response: it says where another thing is, or it names no place.

Usage: python benchmarks/c17_alignment_details.py            (about a minute on one core)

Writes `alignment_early`: method, weight, seed, step, and what `ShopTask.measure_policy` returns. `alignment_agreement`:
seed, and for the two kinds of pairs how often the reward model agrees with the judge without noise (`wrong`, `evasive`)
and the number of pairs (`n_wrong`, `n_evasive`).
"""

import copy

import c17_alignment_runs
from table import Table, each, run, seeds

from lecture21 import GPT
from lecture21.alignment import PolicyConfig, PreferencePairs, RewardModel, ShopTask, judge, train_policy
from lecture21.alignment.grammar import PLACES, is_sentence, sentences

MEASURED = (2, 4, 6, 8)  # iterations after which a policy is measured
RESULT = Table("alignment_agreement", key=("seed",), details={"alignment_early": ("seed",)})


def names_a_place(response: str) -> bool:
    """Return whether a sentence of the response says where a thing is, whichever thing."""
    actual = [sentence.strip() for sentence in sentences(response)]
    return any(is_sentence(each) and each.endswith(tuple(f" {place}." for place in PLACES)) for each in actual)


def agreement(reward: RewardModel, pairs: PreferencePairs, task: ShopTask) -> dict[str, float]:
    """Return the agreement with the judge for pairs with one helpful response, by the kind of the other one."""
    right = ((reward.margins(pairs) > 0) ^ pairs.flipped).tolist()
    kinds: dict[str, list[bool]] = {"wrong": [], "evasive": []}
    both = (side.texts(task.tokenizer) for side in (pairs.chosen, pairs.rejected))
    for *responses, agrees in zip(*both, right, strict=True):
        useless = [response for prompt, response in responses if not judge(prompt, response)["helpful"]]
        if len(useless) == 1:
            kinds["wrong" if names_a_place(useless[0]) else "evasive"].append(agrees)
    shares = {kind: round(sum(actual) / len(actual), 4) for kind, actual in kinds.items()}
    return shares | {f"n_{kind}": len(actual) for kind, actual in kinds.items()}


def early(seed: int, reference: GPT, reward: RewardModel, task: ShopTask) -> list[dict]:
    """Return what policies of every weight are measured to be within the first iterations."""
    rows = []
    for weight in c17_alignment_runs.KL_WEIGHTS:
        policy, rate = copy.deepcopy(reference), c17_alignment_runs.tuned("ppo", weight)
        config = PolicyConfig(max(MEASURED), kl_weight=weight, learning_rate=rate, seed=seed)

        def on_evaluation(iteration: int, policy: GPT = policy, weight: float = weight) -> None:
            if iteration in MEASURED:
                measured = task.measure_policy(policy, reference, reward, seed)
                row = {"method": "ppo", "weight": weight, "step": iteration}
                rows.append(row | {name: round(value, 4) for name, value in measured.items()})
                c17_alignment_runs.log(rows[-1])

        train_policy(policy, reference, reward, task.prompts, config, end=task.end, on_evaluation=on_evaluation)
    return rows


def measure(seed: int) -> tuple[dict[str, float], list[dict]]:
    """Repeat the stages of a seed up to the reward model, and return the rows of both tables."""
    task, reference, reward, _, held_out = c17_alignment_runs.stages(seed)
    return agreement(reward, held_out, task), early(seed, reference, reward, task)


def main() -> None:
    """Measure every seed."""
    each(lambda seed: RESULT.row(measure, seed=seed), seeds(3))


if __name__ == "__main__":
    run(main)
