"""Align the small GPT of the shop with four methods, and measure the benefit and the cost of each.

Question: how much true preference (the judge's score) does a nat of divergence from the fine-tuned reference buy with
best-of-n, a clipped policy gradient and direct preference optimization, and when does the learned reward rise while
the true score falls?

Design: one base (171,648 parameters, trained on responses of any quality; seed 0) and three seeds of everything after
it: demonstrations and supervised fine-tuning, 600 comparisons by a noisy judge, a reward model, policy gradient with
three weights of the KL penalty, DPO with three values of beta, and best-of-n by the reward model and by the judge.
Learning rates are tuned on seed 100 (other demonstrations, other labels) without the judge: fine-tuning by the loss on
held-out demonstrations, reward model and DPO by the loss on held-out comparisons, policy gradient by its objective, the
learned reward minus the weighted divergence. DPO is tuned at each beta, policy gradient at each weight; a grid is
extended while its best value is at an edge. Run lengths are fixed; `sft_steps` has the loss of fine-tuning after other
lengths.

Usage: python benchmarks/c17_alignment_runs.py            (about 9 minutes on one core)

Writes `alignment_search`, where a lower criterion is better. `alignment_runs`: weight is the KL weight, beta, or n of
best-of-n; the rest is what `ShopTask.measure_policy` returns; the divergence of best-of-n is its upper bound
ln n - (n-1)/n, that of a policy an estimate from its own samples. `alignment_reward`: what `ShopTask.measure_reward`
returns. `alignment_samples`: for each stage the responses to ten held-out prompts, the first sampled. Ships the models
`unaligned` (the base) and `aligned` (policy gradient with weight 0.1, seed 0).
"""

import copy
import dataclasses
import functools
import math
import time

import common
import torch
from table import Row, Table, each, run, seeds, stored

from lecture21 import GPT, GPTConfig, pretrained
from lecture21.alignment import (
    PolicyConfig,
    PreferencePairs,
    RewardModel,
    ShopTask,
    bradley_terry_loss,
    judge,
    train_dpo,
    train_policy,
)
from lecture21.alignment.tuning import fine_tune
from lecture21.training import TrainConfig

SHAPE = GPTConfig(
    546, 48, n_layer=2, d_model=64, bias=False, norm="rmsnorm", qk_norm=True, activation="relu2", initialization="zero"
)
BASE = TrainConfig(
    1200, 32, optimizer="muon", learning_rate=3e-3, embedding_learning_rate=1e-2, schedule="linear", device="cpu"
)
KL_WEIGHTS = (0.0, 0.1, 0.3)
BETAS = (0.1, 0.3, 1.0)
ITERATIONS = 80
MEASURED = (10, 20, 40, 80)  # iterations after which a policy is measured
PUBLISHED = 0.1  # the weight of the published policy
N = (1, 2, 4, 8, 16, 32, 64)
SEARCH_SEED = 100
ON = "mean score of the judge, from 0 to 1, over four responses to each held-out prompt"

Rows = list[Row]
SEARCH = Table("alignment_search", key=("seed",))
RUNS = Table("alignment_runs", key=("seed",), details={"alignment_reward": ("seed",), "alignment_samples": ("seed",)})
began = time.process_time()


def log(*values: object) -> None:
    """Print with the CPU time."""
    print(f"{time.process_time() - began:6.0f} s", *values, flush=True)


def tune(actual: Rows, stage: str, weight: float | str, grid: tuple[float, ...], criterion: object) -> float:
    """Return the learning rate with the lowest criterion, and append what was tried; extend the grid at its edges."""
    scores = common.tune(criterion, grid, 3)
    best = next(iter(scores))
    actual.extend(
        {"stage": stage, "weight": weight, "learning_rate": rate, "criterion": round(score, 4), "chosen": rate == best}
        for rate, score in sorted(scores.items())
    )
    log(stage, weight, {f"{rate:g}": round(score, 4) for rate, score in sorted(scores.items())})
    return best


def search(seed: int) -> Rows:
    """Train and publish the base, and tune the learning rate of every stage, each after those that it needs."""
    task, actual = ShopTask.with_tokenizer(), []
    torch.manual_seed(0)
    base = GPT(SHAPE)
    losses = fine_tune(base, task.overheard(20_000, 1), BASE)
    log("base", base.num_parameters(), losses[-50:].mean().item())
    common.publish("unaligned", base, task.tokenizer, score=score_of(task), on=ON)
    shown, unseen = task.demonstrations(task.n_demonstrations, seed), task.demonstrations(400, seed + 1)

    def fine_tuning(rate: float, steps: int = task.sft.steps) -> float:
        model = copy.deepcopy(base)
        fine_tune(model, shown, dataclasses.replace(task.sft, learning_rate=rate, steps=steps))
        with torch.no_grad():
            return -unseen.log_probabilities(model).sum().item() / unseen.mask.sum().item()

    rate = tune(actual, "sft", "", (3e-4, 1e-3, 3e-3), fine_tuning)
    for steps in (50, 100, 300):
        row = {"stage": "sft_steps", "weight": steps, "learning_rate": rate, "chosen": False}
        actual.append(row | {"criterion": round(fine_tuning(rate, steps), 4)})
        log(actual[-1])
    reference = dataclasses.replace(task, sft=dataclasses.replace(task.sft, learning_rate=rate)).fine_tuned(base, seed)
    pairs, held_out = task.preferences(reference, seed)

    def rewarding(rate: float) -> float:
        model = RewardModel(reference)
        model.fit(pairs, dataclasses.replace(task.reward, learning_rate=rate))
        margin = model.margins(held_out)
        return bradley_terry_loss(margin, torch.zeros_like(margin)).item()

    rate = tune(actual, "reward", "", (3e-4, 1e-3, 3e-3), rewarding)
    settings = dataclasses.replace(task, reward=dataclasses.replace(task.reward, learning_rate=rate))
    reward = settings.reward_model(reference, pairs, seed).eval()

    for beta in BETAS:

        def preferring(rate: float, beta: float = beta) -> float:
            policy = copy.deepcopy(reference)
            train_dpo(policy, reference, pairs, dataclasses.replace(task.dpo, learning_rate=rate), beta=beta)
            with torch.no_grad():
                chosen, rejected = (
                    beta * (side.log_probabilities(policy) - side.log_probabilities(reference)).sum(-1)
                    for side in (held_out.chosen, held_out.rejected)
                )
            return bradley_terry_loss(chosen, rejected).item()

        tune(actual, "dpo", beta, (1e-4, 3e-4, 1e-3), preferring)

    for weight in KL_WEIGHTS:

        def optimizing(rate: float, weight: float = weight) -> float:
            policy = copy.deepcopy(reference)
            config = PolicyConfig(ITERATIONS, kl_weight=weight, learning_rate=rate, seed=seed)
            train_policy(policy, reference, reward, task.prompts, config, end=task.end)
            measured = task.measure_policy(policy, reference, reward, seed)
            return weight * measured["kl"] - measured["learned_reward"]

        tune(actual, "ppo", weight, (3e-4, 1e-3, 3e-3), optimizing)
    return actual


def tuned_task() -> ShopTask:
    """Return the task with the chosen learning rates of fine-tuning and the reward model."""
    task = ShopTask.with_tokenizer()
    sft, reward = (
        dataclasses.replace(settings, learning_rate=tuned(stage))
        for stage, settings in (("sft", task.sft), ("reward", task.reward))
    )
    return dataclasses.replace(task, sft=sft, reward=reward)


def tuned(stage: str, weight: float | str = "") -> float:
    """Return the chosen learning rate."""
    same = [row for row in stored(SEARCH.name) if row["stage"] == stage and (weight == "" or row["weight"] == weight)]
    return next(row["learning_rate"] for row in same if row["chosen"] is True)


@torch.no_grad()
def best_of_n(reference: GPT, reward: RewardModel, task: ShopTask, seed: int) -> Rows:
    """Return the means of the best of n responses, by the reward model and by the judge, over all groups of n of 64."""
    responses = task.sample(reference, seed, n=max(N))
    texts = responses.texts(task.tokenizer)
    verdicts = [judge(*pair) for pair in texts]
    score = task.score(responses).view(-1, max(N))
    learned = torch.cat([reward(responses[part]) for part in torch.arange(len(responses)).split(512)]).view_as(score)
    rows = []
    for name, value in (("best_of_n", learned), ("best_of_n_by_judge", score)):
        for n in N:
            groups = value.view(len(value), -1, n)
            picked = torch.arange(len(texts)).view_as(groups).gather(-1, groups.argmax(-1, keepdim=True)).flatten()
            chosen = [verdicts[i] for i in picked.tolist()]
            written = [texts[i][1] for i in picked.tolist()]
            rows.append(
                {"method": name, "weight": n, "step": 0}
                | {key: sum(verdict[key] for verdict in chosen) / len(chosen) for key in chosen[0]}
                | {"learned_reward": learned.flatten()[picked].mean().item(), "kl": math.log(n) - (n - 1) / n}
                | {"words": sum(len(each.split()) for each in written) / len(written), "different": math.nan}
            )
    return rows


def samples(policy: GPT, reward: RewardModel, task: ShopTask, seed: int) -> Rows:
    """Return one response to each of ten held-out prompts, the same for every policy."""
    responses = task.sample(policy, seed, n=1)[torch.arange(0, 80, 8) + torch.arange(10) % 4]
    with torch.no_grad():
        rewards = reward.eval()(responses).tolist()
    return [
        {"prompt": prompt, "response": response}
        | {"score": judge(prompt, response)["score"], "learned_reward": round(value, 2)}
        for (prompt, response), value in zip(responses.texts(task.tokenizer), rewards, strict=True)
    ]


@functools.cache
def stages(seed: int) -> tuple[ShopTask, GPT, RewardModel, PreferencePairs, PreferencePairs]:
    """Return the tuned task, and of a seed the reference, the reward model, and its pairs and those held out."""
    task = tuned_task()
    reference = task.fine_tuned(pretrained.load("unaligned")[0], seed).eval()
    pairs, held_out = task.preferences(reference, seed)
    return task, reference, task.reward_model(reference, pairs, seed).eval(), pairs, held_out


def unpenalized(seed: int, rate: float, *, judged: bool = False, at: tuple[int, ...] = MEASURED) -> Rows:
    """Return the measurements of one policy without a KL penalty, whose reward is the reward model's or the judge's."""
    task, reference, reward, *_ = stages(seed)
    policy, rows = copy.deepcopy(reference), []

    def on_evaluation(iteration: int) -> None:
        if iteration in at:
            measured = task.measure_policy(policy, reference, reward, seed)
            rows.append({"seed": seed, "step": iteration} | {name: round(x, 4) for name, x in measured.items()})
            log(rows[-1])

    config = PolicyConfig(ITERATIONS, kl_weight=0.0, learning_rate=rate, seed=seed)
    given = task.score if judged else reward
    train_policy(policy, reference, given, task.prompts, config, end=task.end, on_evaluation=on_evaluation)
    return rows


def measure(seed: int) -> tuple[Rows, Rows, Rows]:
    """Align the base with every method and one seed, and return the rows of the three tables."""
    task, reference, reward, pairs, held_out = stages(seed)
    agreement = task.measure_reward(reward, held_out)
    log("reward model", seed, len(pairs), agreement)
    runs, lines = [], []

    def note(method: str, weight: float | str, step: int, policy: GPT, show: bool = True) -> None:
        row = {"method": method, "weight": weight, "step": step}
        runs.append(row | task.measure_policy(policy, reference, reward, seed))
        log({name: round(value, 3) if isinstance(value, float) else value for name, value in runs[-1].items()})
        if show:
            settings = {"method": method, "weight": weight}
            lines.extend(settings | sample for sample in samples(policy, reward, task, seed))

    note("base", "", 0, pretrained.load("unaligned")[0])
    note("sft", "", task.sft.steps, reference)
    runs.extend(best_of_n(reference, reward, task, seed))
    for beta in BETAS:
        policy = copy.deepcopy(reference)
        config = dataclasses.replace(task.dpo, learning_rate=tuned("dpo", beta), seed=seed)
        train_dpo(policy, reference, pairs, config, beta=beta)
        note("dpo", beta, config.steps, policy)
    for weight in KL_WEIGHTS:
        policy = copy.deepcopy(reference)
        config = PolicyConfig(ITERATIONS, kl_weight=weight, learning_rate=tuned("ppo", weight), seed=seed)

        def on_evaluation(iteration: int, policy: GPT = policy, weight: float = weight) -> None:
            if iteration in MEASURED:
                note("ppo", weight, iteration, policy, iteration == ITERATIONS)

        train_policy(policy, reference, reward, task.prompts, config, end=task.end, on_evaluation=on_evaluation)
        if (seed, weight) == (0, PUBLISHED):
            common.publish("aligned", copy.deepcopy(policy), task.tokenizer, score=score_of(task), on=ON)
    reward_row = {"pairs": len(pairs), "held_out": len(held_out)} | agreement
    return tuple([rounded(row) for row in rows] for rows in (runs, [reward_row], lines))


def rounded(row: Row) -> Row:
    """Return a row with four digits after the point."""
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}


def score_of(task: ShopTask):
    """Return the function that scores a published model."""
    return lambda model: task.score(task.sample(model, 0)).mean().item()


def main() -> None:
    """Train the base and tune, and run the seeds."""
    SEARCH.rows(search, seed=SEARCH_SEED)
    each(lambda seed: RUNS.rows(measure, seed=seed), seeds(3))


if __name__ == "__main__":
    run(main)
