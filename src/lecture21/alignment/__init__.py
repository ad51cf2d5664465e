"""Learning from preferences: imitate, judge, reward, optimise.

`judge` holds the rule that stands for a person's taste, `answers` and `pairs` what it is asked about. `losses` are the
formulas. `tuning` (supervised fine-tuning and DPO), `reward` and `policy` each train something with one of them, and
`task` puts the whole way of chapter 15 together. None of it claims to be the recipe of GPT-4, which is not published.
"""

from lecture21.alignment.answers import (
    Answers,
    answer_log_probs,
    answer_logits,
    judged,
    line_beginnings,
    whole_lines,
    write_answers,
)
from lecture21.alignment.judge import Judge, compare, words
from lecture21.alignment.losses import (
    best_policy,
    bradley_terry_loss,
    clipped_policy_loss,
    dpo_loss,
    leave_one_out,
    log_ratio_kl,
    token_kl,
    token_log_probs,
)
from lecture21.alignment.pairs import Pairs, collect_pairs
from lecture21.alignment.policy import PolicyConfig, optimise
from lecture21.alignment.reward import RewardModel, agreement, centre, fit_reward
from lecture21.alignment.tuning import answer_targets, imitate, prefer

__all__ = [
    "Answers",
    "Judge",
    "Pairs",
    "PolicyConfig",
    "RewardModel",
    "agreement",
    "answer_log_probs",
    "answer_logits",
    "answer_targets",
    "best_policy",
    "bradley_terry_loss",
    "centre",
    "clipped_policy_loss",
    "collect_pairs",
    "compare",
    "dpo_loss",
    "fit_reward",
    "imitate",
    "judged",
    "leave_one_out",
    "line_beginnings",
    "log_ratio_kl",
    "optimise",
    "prefer",
    "token_kl",
    "token_log_probs",
    "whole_lines",
    "words",
    "write_answers",
]
