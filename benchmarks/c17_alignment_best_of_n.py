"""Store the responses from which best-of-n chooses, so that a reader can choose as well.

Question: which of n responses does the reward model prefer, which the judge, and when do they differ?

Design: the fine-tuned reference and the reward model of one seed of `alignment_runs`, with its learning rates; 16
responses to each of the ten prompts of `alignment_samples`, in the order in which they were sampled, none left out.
Best-of-n for n up to 16 chooses from the first n.

Usage: python benchmarks/c17_alignment_best_of_n.py            (about half a minute on one core)

Writes `alignment_best_of_n`: seed, prompt, draw (from 1 to 16), response, score (of the judge), learned_reward.
"""

import c17_alignment_runs
import torch
from table import Table, run, seeds

from lecture21.alignment import judge

DRAWS = 16
RESULT = Table("alignment_best_of_n", key=("seed",))


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
    """Draw for every seed."""
    for seed in seeds(1):
        RESULT.rows(drawn, seed=seed)


if __name__ == "__main__":
    run(main)
