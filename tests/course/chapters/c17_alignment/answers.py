"""Answers of chapter 17."""

import math

import torch

from lecture21 import pretrained
from lecture21.alignment import ShopTask, best_policy, clipped_policy_loss, judge
from lecture21.course.chapters import results

CUP = "The red cup is on the top shelf."


def score(response: str) -> float:
    return judge("Where is the red cup?", response)["score"]


def end(method: str, weight: float | None = None) -> float:
    """The mean score over seeds, after the last step."""
    runs = results.load("alignment_runs").query(f"method == '{method}'")
    rows = runs[runs["weight"].isna() if weight is None else runs["weight"] == weight]
    return rows[rows["step"] == rows["step"].max()]["score"].mean()


def score_after_fine_tuning() -> str:
    task = ShopTask(pretrained.load("unaligned")[1])
    demonstrations = task.score(task.demonstrations(600, seed=0)).mean().item()
    assert (round(end("base"), 2), round(demonstrations, 2)) == (0.53, 0.68)  # as the text says
    values = (0.53, 0.65, 0.85, 1.0)
    nearest = min(values, key=lambda value: abs(value - end("sft")))
    return f"about {nearest:.2f}" if nearest < 1 else "1.00"


def third(beta: float) -> float:
    reference = torch.tensor([1 / 2, 1 / 4, 1 / 4])
    return best_policy(reference, torch.tensor([1.0, 2.0, 4.0]).log(), beta)[2].item()


def effect_on_the_token() -> str:
    log_policy = torch.tensor([[math.log(1.3)]], requires_grad=True)
    clipped_policy_loss(log_policy, torch.zeros(1, 1), torch.tensor([-1.0]), clip=0.2).backward()
    change = -log_policy.grad.item()
    return "down" if change < 0 else "up" if change else "in none"


def lowest_score() -> str:
    ends = {
        "the fine-tuned model": end("sft"),
        "PPO without a KL penalty": end("ppo", 0.0),
        "PPO with KL weight 0.3": end("ppo", 0.3),
        "DPO with β = 1": end("dpo", 1.0),
        "best of 64": end("best_of_n", 64),
    }
    return min(ends, key=ends.get)


NUMBERS = {
    "17.1": lambda: [score(f"What now? {CUP}"), score(CUP), score(f"Certainly. {CUP}"), (1 + 0 + 1) / 4],
    "17.3": lambda: [third(0.5), third(1.0), 16 / (1 + 4 + 16), third(2.0)],
}
CHOICES = {"17.2": score_after_fine_tuning, "17.4": lowest_score, "17.5": effect_on_the_token}
IN_CHAPTER = set()
