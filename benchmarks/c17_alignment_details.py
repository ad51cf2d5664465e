"""Five details of `alignment_runs`, with its references, reward models, iterations and seeds.

Usage: python benchmarks/c17_alignment_details.py            (about three minutes on one core)

`alignment_early`: does the judge's score rise before it falls when the KL penalty is missing? Policies within the first
ten iterations; a run does not depend on its length, so these are the same runs.
`alignment_agreement`: does a reward model tell a response about the right thing from one about another thing? Held-out
pairs of which one response is helpful are split by the other one: it says where another thing is (`wrong`), or it names
no place (`evasive`). For each kind, how often the reward model agrees with the judge without noise.
`alignment_slow`: does the KL penalty do more than stopping early? At the learning rate that is tuned for the end of a
run, a policy passes its best score within a few iterations; a tenth of it leaves more policies to choose from.
`alignment_verified`: is the fall of the judge's score without a penalty the fault of the optimization, or of the
learned reward? If it is the reward's, the same runs must not fall when the judge gives the reward. The learned_reward
is that of the reward model, which these policies never meet.
`alignment_best_of_n`: which of n responses does the reward model prefer, which the judge, and when do they differ?
16 responses of the reference of seed 0 to each of the ten prompts of `alignment_samples`, in the order in which they
were sampled, none left out, with the judge's score. Best-of-n for n up to 16 chooses from the first n.
"""

import copy

import c17_alignment_runs
import torch
from table import Table, each, run, seeds

from lecture21 import GPT
from lecture21.alignment import PolicyConfig, PreferencePairs, RewardModel, ShopTask, judge, train_policy
from lecture21.alignment.grammar import PLACES, is_sentence, sentences

MEASURED, MEASURED_SLOW = (2, 4, 6, 8), (20, 40, 60, 80)  # iterations after which a policy is measured
SLOWER, DRAWS = 10, 16
RESULT = Table("alignment_agreement", key=("seed",), details={"alignment_early": ("seed",)})
SLOW = Table("alignment_slow", key=("seed", "learning_rate"))
VERIFIED = Table("alignment_verified", key=("seed",))
BEST = Table("alignment_best_of_n", key=("seed",))


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
    return {kind: round(sum(actual) / len(actual), 4) for kind, actual in kinds.items()}


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


def slow(seed: int, learning_rate: float) -> c17_alignment_runs.Rows:
    """Run one seed at a smaller learning rate."""
    return c17_alignment_runs.unpenalized(seed, learning_rate, at=MEASURED_SLOW)


def verified(seed: int) -> c17_alignment_runs.Rows:
    """Run one seed with the judge as the reward."""
    return c17_alignment_runs.unpenalized(seed, c17_alignment_runs.tuned("ppo", 0.0), judged=True)


@torch.no_grad()
def drawn(seed: int) -> c17_alignment_runs.Rows:
    """Return the responses of the reference of one seed, with what the judge and the reward model say of each."""
    with torch.enable_grad():
        task, reference, reward, *_ = c17_alignment_runs.stages(seed)
    prompts = torch.arange(0, 80, 8) + torch.arange(10) % 4
    rows = (prompts[:, None] * DRAWS + torch.arange(DRAWS)).flatten()
    responses = task.sample(reference, seed, n=DRAWS)[rows]
    return [
        {"prompt": prompt, "draw": i % DRAWS + 1, "response": response}
        | {"score": round(judge(prompt, response)["score"], 4), "learned_reward": round(value, 2)}
        for i, ((prompt, response), value) in enumerate(
            zip(responses.texts(task.tokenizer), reward(responses).tolist(), strict=True)
        )
    ]


def main() -> None:
    """Measure every seed."""
    rate = c17_alignment_runs.tuned("ppo", 0.0) / SLOWER
    each(lambda seed: RESULT.row(measure, seed=seed), seeds(3))
    each(lambda seed: SLOW.rows(slow, seed=seed, learning_rate=rate), seeds(3))
    each(lambda seed: VERIFIED.rows(verified, seed=seed), seeds(3))
    BEST.rows(drawn, seed=0)


if __name__ == "__main__":
    run(main)
