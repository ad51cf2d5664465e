"""Details of `alignment_runs`, with its references, reward models, iterations and seeds.

Usage: python benchmarks/c17_alignment_details.py            (about six minutes on one core)

`alignment_early`: does the judge's score rise before it falls when the KL penalty is missing? Policies within the first
ten iterations; a run does not depend on its length, so these are the same runs.
`alignment_agreement`: does a reward model tell a response about the right thing from one about another thing? Held-out
pairs of which one response is helpful are split by the other one: it says where another thing is (`wrong`), or it names
no place (`evasive`). For each kind, how often the reward model agrees with the judge without noise.
`alignment_displaced`: DPO with beta 1 makes some of the preferred responses of its own training pairs less probable.
Does a small step on such a pair alone do so too (the first 40 of them)? How does the judge score these responses, and
how often is their label wrong, beside the responses that have become more probable?
`alignment_pushed`: what do the policies of seed 0 respond on their way, with and without the KL penalty? One response
to each of the ten prompts of `alignment_samples`, sampled as there.
`alignment_verified`: is the fall of the judge's score without a penalty the fault of the optimization, or of the
learned reward? If it is the reward's, the same runs must not fall when the judge gives the reward. The learned_reward
is that of the reward model, which these policies never meet.
`alignment_best_of_n`: which of n responses does the reward model prefer, which the judge, and when do they differ?
16 responses of the reference of seed 0 to each of the ten prompts of `alignment_samples`, in the order in which they
were sampled, none left out, with the judge's score. Best-of-n for n up to 16 chooses from the first n.
`alignment_temperature`: how much of the benefit does a lower temperature give, with no label, reward or update? The
reference, sampled at each temperature, and policies of `alignment_runs`, sampled so, too; with the same samples' seeds
as there, so at temperature 1 the rows are those of `alignment_runs`. The grid is searched with the search seed.
"""

import copy
import dataclasses

import c17_alignment_runs
import torch
from table import Table, each, run, seeds

from lecture21 import GPT
from lecture21.alignment import (
    PolicyConfig,
    PreferencePairs,
    RewardModel,
    ShopTask,
    dpo_loss,
    judge,
    train_dpo,
    train_policy,
)
from lecture21.alignment.grammar import PLACES, is_sentence, sentences

MEASURED = (2, 4, 6, 8)  # iterations after which a policy is measured
DRAWS, ALONE, STEP = 16, 40, 1e-5
TEMPERATURES = (1.0, 0.5, 0.2)
SEARCHED = (1.0, 0.7, 0.5, 0.3, 0.2, 0.1)
GOOD = 0.75  # a response that names the place and is rude, or better
RESULT = Table("alignment_agreement", key=("seed",), details={"alignment_early": ("seed",)})
DISPLACED = Table("alignment_displaced", key=("seed",))
PUSHED = Table("alignment_pushed", key=("seed", "weight"))
VERIFIED = Table("alignment_verified", key=("seed",))
BEST = Table("alignment_best_of_n", key=("seed",))
TEMPERED = Table("alignment_temperature", key=("seed",))


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


def displaced(seed: int) -> dict[str, float]:
    """Return what has become of the preferred responses of a seed's training pairs after DPO with beta 1."""
    task, reference, _, pairs, _ = c17_alignment_runs.stages(seed)
    policy = copy.deepcopy(reference)
    rate = c17_alignment_runs.tuned("dpo", 1.0)
    train_dpo(policy, reference, pairs, dataclasses.replace(task.dpo, learning_rate=rate, seed=seed), beta=1.0)
    with torch.no_grad():
        log_pi = [pairs.chosen.log_probabilities(model).sum(1) for model in (policy, reference)]
    fell = log_pi[0] < log_pi[1]
    changes = [change_alone(reference, pairs[n : n + 1]) for n in fell.nonzero().flatten()[:ALONE].tolist()]
    row = {"pairs": len(pairs), "fell": fell.float().mean().item(), "alone": len(changes)}
    row |= {"fell_alone": sum(change < 0 for change in changes)}
    scores = task.score(pairs.chosen)
    for name, part in (("fallen", fell), ("risen", ~fell)):
        row |= {
            f"score_{name}": scores[part].mean().item(),
            f"good_{name}": (scores[part] >= GOOD).float().mean().item(),
        }
        row |= {f"flipped_{name}": pairs.flipped[part].float().mean().item()}
    return c17_alignment_runs.rounded(row)


def change_alone(reference: GPT, pair: PreferencePairs) -> float:
    """Return the change of ln pi of the preferred response after a small step of DPO on one pair."""
    policy = copy.deepcopy(reference)
    before = [side.log_probabilities(policy).sum(1) for side in (pair.chosen, pair.rejected)]
    dpo_loss(*before, *(each.detach() for each in before), beta=1.0).backward()
    with torch.no_grad():
        for weight in policy.parameters():
            weight -= STEP * weight.grad
        return (pair.chosen.log_probabilities(policy).sum() - before[0]).item()


def pushed(seed: int, weight: float) -> c17_alignment_runs.Rows:
    """Return the responses of one policy on its way."""
    task, reference, reward, *_ = c17_alignment_runs.stages(seed)
    policy, rows = copy.deepcopy(reference), []

    def on_evaluation(iteration: int) -> None:
        if iteration in (*MEASURED, *c17_alignment_runs.MEASURED):
            rows.extend({"step": iteration} | row for row in c17_alignment_runs.samples(policy, reward, task, seed))

    rate = c17_alignment_runs.tuned("ppo", weight)
    config = PolicyConfig(c17_alignment_runs.ITERATIONS, kl_weight=weight, learning_rate=rate, seed=seed)
    train_policy(policy, reference, reward, task.prompts, config, end=task.end, on_evaluation=on_evaluation)
    return rows


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


def tempered(seed: int) -> c17_alignment_runs.Rows:
    """Return what the reference and, but with the search seed, policies are measured to be at several temperatures."""
    task, reference, reward, pairs, _ = c17_alignment_runs.stages(seed)
    policies, searching = {("sft", ""): reference}, seed == c17_alignment_runs.SEARCH_SEED
    if not searching:
        policies["dpo", 1.0] = copy.deepcopy(reference)
        config = dataclasses.replace(task.dpo, learning_rate=c17_alignment_runs.tuned("dpo", 1.0), seed=seed)
        train_dpo(policies["dpo", 1.0], reference, pairs, config, beta=1.0)
        for weight in c17_alignment_runs.KL_WEIGHTS[1:]:
            policies["ppo", weight] = copy.deepcopy(reference)
            rate = c17_alignment_runs.tuned("ppo", weight)
            config = PolicyConfig(c17_alignment_runs.ITERATIONS, kl_weight=weight, learning_rate=rate, seed=seed)
            train_policy(policies["ppo", weight], reference, reward, task.prompts, config, end=task.end)
    rows = []
    for (method, weight), policy in policies.items():
        for temperature in SEARCHED if searching else TEMPERATURES:
            colder = copy.deepcopy(policy)
            colder.head.register_forward_hook(lambda layer, given, logits, by=temperature: logits / by)
            measured = task.measure_policy(colder, reference, reward, seed)
            row = {"method": method, "weight": weight, "temperature": temperature}
            rows.append(c17_alignment_runs.rounded(row | measured))
            c17_alignment_runs.log(rows[-1])
    return rows


def main() -> None:
    """Measure every seed."""
    each(lambda seed: RESULT.row(measure, seed=seed), seeds(3))
    each(lambda seed: VERIFIED.rows(verified, seed=seed), seeds(3))
    each(lambda seed: DISPLACED.row(displaced, seed=seed), seeds(3))
    BEST.rows(drawn, seed=0)
    each(lambda seed: TEMPERED.rows(tempered, seed=seed), (c17_alignment_runs.SEARCH_SEED, *seeds(3)))
    for weight in (0.0, c17_alignment_runs.PUBLISHED):
        PUSHED.rows(pushed, seed=0, weight=weight)


if __name__ == "__main__":
    run(main)
