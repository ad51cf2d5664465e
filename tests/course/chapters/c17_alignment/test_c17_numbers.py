import pandas as pd
import pytest
from said import spread

from lecture21.alignment import grammar
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


def test_imitation_and_the_best_of_n(said, last):
    score = last.score.groupby(level=[0, 1]).mean()
    said("the best of 4 lifts the score from {:.2f} to {:.2f}, which is hard to beat. Let the judge pick among the "
         "same four, and it is {:.2f}.", score["best_of_n", 1], score["best_of_n", 4],
         score["best_of_n_by_judge", 4])  # fmt: skip
    assert abs(score["best_of_n", 1] - last.score["sft"].mean()) < 0.01


def test_one_prompt(said):
    drawn = results.load("alignment_best_of_n").query("prompt == 'Show me the brown hat.'")
    best = [drawn[drawn["draw"] <= n].nlargest(1, "learned_reward").iloc[0] for n in (8, 16)]
    assert best[1].learned_reward > best[0].learned_reward
    assert best[1].score < best[0].score
    said("From 8 to 16 responses, the reward rises and the score falls.")
    said("the reward model rates one at {:.2f}.", drawn.nlargest(2, "score").learned_reward.min())


def test_over_optimization(said, runs, last):
    early = results.load("alignment_early").query("weight == 0 and step == 4")
    reference = last.score["sft"].mean()
    free = runs.loc["ppo"].loc[0.0]
    sft = last.loc["sft"].reset_index().set_index("seed").score
    for _, rows in free.groupby("step"):
        assert (rows.set_index("seed").score < sft).all()
    said("at iteration 4 the score has risen from {:.2f} to {:.2f}. From iteration 10 on, it is below the fine-tuned "
         "model's for every seed, and it ends at {:.2f}.", reference, early.score.mean(),
         last.score["ppo", 0.0].mean())  # fmt: skip
    scores = last.score["ppo", 0.0]
    said("then decreases to between {:.2f} and {:.2f}.", scores.min(), scores.max())
    said("and the score ends at {:.2f}, about that of the best of 64.", last.score["ppo", 0.1].mean())
    assert abs(last.score["ppo", 0.1].mean() - last.score["best_of_n", 64].mean()) < 0.015


def test_the_learned_reward_never_falls(said):
    ways = pd.concat([results.load("alignment_early"), results.load("alignment_runs").query("method == 'ppo'")])
    mean = ways.query("weight == 0").groupby("step").learned_reward.mean()
    assert len(mean) == 8
    assert (mean.diff().dropna() > 0).all()
    said("**It never falls; the score does.**")


def test_how_many_responses_are_different(said, last):
    """Collapse is said and denied by a count, beside that of the fine-tuned model and the least that is of use."""
    free, held, sft = (last.different[key] for key in (("ppo", 0.0), ("ppo", 0.1), "sft"))
    things = len(grammar.HELD_OUT_ITEMS)
    said("Of 320 responses, {:.0f} to {:.0f} are different; the fine-tuned model writes {:.0f} to {:.0f}, and even one "
         "fixed sentence for each of the {} things would make {}.", free.min(), free.max(), sft.min(), sft.max(),
         things, things)  # fmt: skip
    said("With the penalty, {:.0f} to {:.0f} responses stay different", held.min(), held.max())
    by_judge = results.load("alignment_verified").query("step == 80")
    said("count the different responses: {:.0f} to {:.0f}.", by_judge.different.min(), by_judge.different.max())
    assert by_judge.different.max() < sft.min() / 5


def test_what_the_last_policies_write(said, last):
    free = last.loc[("ppo", 0.0)].set_index("seed")
    assert free.fluent[0] < 0.5
    assert free.fluent[1:].min() > 0.9
    assert free.helpful[1:].max() < 0.05
    said("Seed 0 has lost its grammar. The other two speak of the wrong thing nearly always: what their reward models "
         "could not tell.")  # fmt: skip


def test_a_reward_that_a_rule_checks(said, last):
    table = results.load("alignment_verified")
    ends = table.query("step == 80")
    said("Now the push ends at {:.2f} to {:.2f}.", ends.score.min(), ends.score.max())
    assert ends.score.min() > last.score["ppo"].max()
    parts = ends["fluent"] * (2 * ends["helpful"] + ends["polite"] + ends["brief"]) / 4
    assert ends["score"].tolist() == pytest.approx(parts.tolist(), abs=0.02)


def test_whose_preferred_responses_fall(said):
    """What has fallen is told beside what has not, and beside a step on the pair alone."""
    table = results.load("alignment_displaced")
    low, high = 100 * table.min(), 100 * table.max()
    assert table.fell_alone.sum() == 0
    said("DPO makes {:.0f} to {:.0f} % of the preferred responses in its training pairs less probable", low.fell,
         high.fell)  # fmt: skip
    said("in all {} that we tried.", table.alone.sum())
    said("{:.0f} to {:.0f} % of the fallen had been preferred by a labeler's mistake, and {:.0f} to {:.0f} % of the "
         "others.", low.flipped_fallen, high.flipped_fallen, low.flipped_risen, high.flipped_risen)  # fmt: skip
    said("{:.0f} to {:.0f} % of the fallen are good, with a score of at least 0.75.", low.good_fallen, high.good_fallen)
    wrong = table.fell * table.flipped_fallen + (1 - table.fell) * table.flipped_risen
    assert wrong.mean() == pytest.approx(1 / 6, abs=0.015)
    said("about one label in six is wrong.")


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
    said("lower the loss on held-out demonstrations by less than 0.003 nats per token.")


def test_what_the_reward_models_recognize(said):
    agreement = results.load("alignment_agreement").set_index("seed")
    said("A response that names no place rarely fools it.")
    assert agreement.evasive.min() > 0.89
    said("One seed can tell; the other two are little better than a coin.")
    assert agreement.wrong[0] > 0.9
    assert agreement.wrong[1:].max() < 0.6
