import pandas as pd
import pytest
from said import spread

from lecture21.course.chapters import results

PAGE = "negative_results"


@pytest.fixture
def runs() -> pd.DataFrame:
    return results.load("alignment_runs").set_index(["method", "weight", "step"]).sort_index()


@pytest.fixture
def last(runs) -> pd.DataFrame:
    """The runs of each method after all of its updates."""
    table = runs.reset_index()
    return (
        table[table.step == table.groupby("method").step.transform("max")].set_index(["method", "weight"]).sort_index()
    )


def test_best_of_n_ppo_and_dpo(said, last):
    score = last.score.groupby(level=[0, 1]).mean()
    judge = score["best_of_n_by_judge", 4.0]
    said("{:.2f} with 4 responses and {:.2f} with 64. Let the judge pick among the same four and the score is {:.2f}.",
         score["best_of_n", 4], score["best_of_n", 64], judge)  # fmt: skip
    said("reaches {:.2f} (weight 0.1) and {:.2f} (0.3)", score["ppo", 0.1], score["ppo", 0.3])
    dpo = last.score["dpo", 1.0]
    said("**DPO** scores {:.2f} to {:.2f} with $\\beta=1$.", dpo.min(), dpo.max())
    grpo = results.load("alignment_grpo").query("step == 80").set_index("weight")
    said("**GRPO** with a penalty reaches {:.2f}", grpo.score[0.1].mean())
    kl = last.kl.groupby(level=[0, 1]).mean()
    said("(PPO: {:.1f} against {:.1f} nats)", kl["ppo", 0.3], kl["ppo", 0.1])


def test_over_optimization(said, runs, last):
    early = results.load("alignment_early").query("weight == 0 and step == 4")
    reference = last.score["sft"].mean()
    said("only {:.1f} nats away, its mean score has risen from {:.2f} to {:.2f}.", early.kl.mean(), reference,
         early.score.mean())  # fmt: skip
    free = runs.loc["ppo"].loc[0.0]
    sft = last.loc["sft"].reset_index().set_index("seed").score
    for _, rows in free.groupby("step"):
        assert (rows.set_index("seed").score < sft).all()
    said("From iteration 10 on, it is worse for every seed, and ends at {:.2f}.", last.score["ppo", 0.0].mean())
    best, ppo = last.loc[("best_of_n", 64)], last.loc[("ppo", 0.0)]
    assert best.score.mean() > 2 * ppo.score.mean()
    assert abs(best.learned_reward.mean() - ppo.learned_reward.mean()) < 0.1
    said("The best of 64 has about the same reward as the last of these policies, and more than twice the score.")
    scores = ppo.score
    said("then decreases to between {:.2f} and {:.2f}.", scores.min(), scores.max())


def test_penalty_or_early_stopping(said, runs):
    penalty = runs.loc["ppo"].loc[0.1].query("step == 80").set_index("seed").score
    free = pd.concat([runs.loc["ppo"].loc[0.0].reset_index(), results.load("alignment_early").query("weight == 0")])
    slow = results.load("alignment_slow")
    ahead, less = (penalty - each.groupby("seed").score.max() for each in (free, slow))
    said("by {:.2f} to {:.2f}, or by {:.2f} to {:.2f} if the run without a penalty gets", ahead.min(), ahead.max(),
         less.min(), less.max())  # fmt: skip


def test_a_reward_that_a_rule_checks(said):
    table = results.load("alignment_verified")
    last = table.query("step == 80")
    said("After 80 iterations the judge's score is {:.2f} to {:.2f}, above every policy that was trained on the "
         "learned reward, at {:.0f} to {:.0f} nats", last.score.min(), last.score.max(), last.kl.min(),
         last.kl.max())  # fmt: skip
    said("(Seed 2 was at {:.2f} after 40.)", table.query("seed == 2 and step == 40").score.item())
    said("for seed 2, the reward model rates them at {:.2f}", last.query("seed == 2").learned_reward.item())
    assert (last["score"] > 0.94).all()
    parts = last["fluent"] * (2 * last["helpful"] + last["polite"] + last["brief"]) / 4
    assert last["score"].tolist() == pytest.approx(parts.tolist(), abs=0.02)


def test_the_page_on_alignment(said, last):
    def of(method: str, weight: float, column: str = "score") -> tuple[float, float]:
        return spread(last.loc[(method, weight), column])

    said("the reference has {:.2f} ± {:.2f}.", *spread(last.score["sft"]), on=PAGE)
    said("the score falls to {:.2f} ± {:.2f} while the learned reward rises by {:.2f} ± {:.2f}", *of("ppo", 0.0),
         *of("ppo", 0.0, "learned_reward"), on=PAGE)  # fmt: skip
    grpo = results.load("alignment_grpo").query("step == 80").set_index("weight")
    free = grpo.loc[0.0]
    said("it ends at {:.2f} ± {:.2f}, {:.0f} to {:.0f} nats from the reference.", *spread(free.score), free.kl.min(),
         free.kl.max(), on=PAGE)  # fmt: skip
    said("PPO with weight 0.1, it has {:.2f} ± {:.2f}", *spread(grpo.score[0.1]), on=PAGE)
    said("The best of 8 by the learned reward has {:.2f} ± {:.2f}, the best of 64 {:.2f} ± {:.2f}; chosen by the judge "
         "they have {:.2f} and {:.2f}.", *of("best_of_n", 8), *of("best_of_n", 64), of("best_of_n_by_judge", 8)[0],
         of("best_of_n_by_judge", 64)[0], on=PAGE)  # fmt: skip
    dpo = last.loc["dpo"]
    lowest = [dpo.loc[beta].sort_values("score").iloc[0] for beta in (0.3, 0.1)]
    said("With β = 1 it has {:.2f} to {:.2f};", dpo.score[1.0].min(), dpo.score[1.0].max(), on=PAGE)
    said("{:.2f} at {:.0f} nats, and {:.2f} at {:.0f} nats.", lowest[0].score, lowest[0].kl, lowest[1].score,
         lowest[1].kl, on=PAGE)  # fmt: skip
    search = results.load("alignment_search").set_index(["stage", "learning_rate"]).sort_index().criterion
    once, twice = search["sft", 0.0003].item(), search["sft_steps", 0.0003].min()
    said("lower the loss on held-out demonstrations from {:.3f} to {:.3f}", once, twice, on=PAGE)
    assert once - twice < 0.003
    said("Twice as many updates lower the loss by less than 0.003 nats.")


def test_what_the_reward_models_recognize(said):
    agreement = results.load("alignment_agreement").set_index("seed")
    said("It nearly always detects a response that names no place.")
    assert agreement.evasive.mean() > 0.9 > agreement.evasive.min() > 0.89
    said("It recognizes the *requested* thing in seed 0 but hardly in the other two, where chance gives 50 %.")
    assert agreement.wrong[0] > 0.7 > 0.65 > agreement.wrong[1:].max()
