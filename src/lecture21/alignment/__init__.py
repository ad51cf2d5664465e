"""Learning from preferences: supervised fine-tuning, a reward model, policy optimization, and DPO.

`judging` has a rule in place of a human judge; `responses` and `preferences` hold the data. `losses` has the formulas;
`tuning`, `reward` and `policy` train with them; `task` is the experiment of chapter 17. The report on GPT-4 names these
stages and PPO but neither data nor settings, and this is not a reproduction of it.
"""

from lecture21.alignment.judging import judge
from lecture21.alignment.losses import (
    best_policy,
    bradley_terry_loss,
    clipped_policy_loss,
    dpo_loss,
    leave_one_out,
    log_ratio_kl,
    token_kl,
)
from lecture21.alignment.policy import PolicyConfig, train_policy
from lecture21.alignment.preferences import PreferencePairs
from lecture21.alignment.responses import Responses, sample_responses
from lecture21.alignment.reward import RewardModel
from lecture21.alignment.task import ShopTask
from lecture21.alignment.tuning import train_dpo
