import pandas as pd
import pytest
from said import spread

from lecture21 import pretrained
from lecture21.alignment import ShopTask, judge
from lecture21.course.chapters import questions, results

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
    said("the best of 4 lifts the score from {:.2f} to {:.2f}, without any training. Let the judge pick among the "
         "same four, and it is {:.2f}.", score["best_of_n", 1], score["best_of_n", 4],
         score["best_of_n_by_judge", 4])  # fmt: skip
    assert abs(score["best_of_n", 1] - last.score["sft"].mean()) < 0.01


@pytest.fixture
def cold() -> pd.DataFrame:
    """What models are measured to be at each temperature; the fine-tuned one has no weight."""
    table = results.load("alignment_temperature").fillna({"weight": 0})
    return table.set_index(["method", "weight", "temperature", "seed"]).sort_index()


def test_the_baseline_that_costs_nothing(said, cold, last):
    sft, seeds = cold.loc["sft"].loc[0.0], [0, 1, 2]
    assert sft.score[1.0][seeds].tolist() == last.score["sft"].tolist()  # the same responses
    for part in ("ppo", 0.3), ("ppo", 0.1), ("dpo", 1.0):
        assert cold.loc[(*part, 1.0)].score.tolist() == last.score[part].tolist()
    scores = sft.score.xs(100, level="seed")
    assert (len(scores), scores.idxmax()) == (6, 0.2)  # chosen with another seed
    said("a temperature of $\\tau=0.2$ before sampling")
    said("and the score is {:.2f}. Most demonstrations are helpful", sft.score[0.2][seeds].mean())
    said("politeness hardly moves: from {:.2f} to {:.2f}.", sft.polite[1.0][seeds].mean(),
         sft.polite[0.2][seeds].mean())  # fmt: skip
    different = sft.different[0.2][seeds]
    said("At $\\tau=0.2$, {:.0f} to {:.0f} of the 320 responses are different, at 1 {:.0f} to {:.0f}.", different.min(),
         different.max(), sft.different[1.0][seeds].min(), sft.different[1.0][seeds].max())  # fmt: skip


def test_most_demonstrations_are_helpful_and_fewer_than_half_polite():
    task = ShopTask(pretrained.load("unaligned")[1])
    for seed in range(3):
        parts = [judge(*pair) for pair in task.demonstrations(600, seed=seed).texts(task.tokenizer)]
        assert sum(part["helpful"] for part in parts) > 0.55 * len(parts)
        assert sum(part["polite"] == 1 for part in parts) < 0.5 * len(parts)


def test_policies_against_a_lower_temperature(said, cold, last):
    """At temperature 1 they lose to the fine-tuned model at 0.2; at the same temperature they win, in every seed."""
    half = {key: cold.loc[(*key, 0.5)].score[[0, 1, 2]] for key in
            (("sft", 0.0), ("dpo", 1.0), ("ppo", 0.1), ("ppo", 0.3))}  # fmt: skip
    coldest = cold.loc["sft", 0.0, 0.2].score[[0, 1, 2]]
    mean = last.score.groupby(level=[0, 1]).mean()
    said("Do they beat the trick that costs nothing, {:.2f}? At temperature 1 they don't: DPO has {:.2f}, and PPO at "
         "most {:.2f}.", coldest.mean(), mean["dpo", 1.0], mean["ppo"].max())  # fmt: skip
    others = [("best_of_n", 4), ("best_of_n", 64), ("dpo", 1.0), ("ppo", 0.1), ("ppo", 0.3)]
    assert (mean[others] > last.score["sft"].mean() + 0.1).all()  # "All but the run without a penalty improve"
    assert max(mean["dpo", 1.0], mean["ppo"].max()) < coldest.mean() - 0.03
    for key in half:
        assert key[0] == "sft" or (half[key] > half["sft", 0.0]).all()
    assert all((half[key] > coldest).all() for key in (("dpo", 1.0), ("ppo", 0.1)))
    said("Sampled cold, too, at $\\tau=\\tfrac12$, they do: DPO has {:.2f}, PPO with $\\beta=0.1$ {:.2f}.",
         half["dpo", 1.0].mean(), half["ppo", 0.1].mean())  # fmt: skip
    polite = last.polite.groupby(level=[0, 1]).mean()["ppo", 0.1]
    said("PPO with $\\beta=0.1$ lifts politeness from {:.2f} to {:.2f}.", last.polite["sft"].mean(), polite)
    ends = [end for scores in half.values() for end in (scores.min(), scores.max())]
    said("the scores of the seeds are {:.2f} to {:.2f} for the fine-tuned model, {:.2f} to {:.2f} for DPO, {:.2f} to "
         "{:.2f} for PPO with $\\beta=0.1$ and {:.2f} to {:.2f} with 0.3.", *ends)  # fmt: skip
    said("DPO with $\\beta=1$ is the best of three by the judge: $\\beta=0.3$ and $0.1$ end at {:.2f} and {:.2f}.",
         mean["dpo", 0.3], mean["dpo", 0.1])  # fmt: skip


def test_the_exam_names_both_baselines(cold):
    (answer,) = [q["answer"] for q in questions.load("exam") if q["id"] == "exam.61"]
    mean = cold.score.drop(100, level="seed").groupby(level=[0, 1, 2]).mean()
    values = [mean["sft", 0.0, 1.0], mean["sft", 0.0, 0.2], mean["sft", 0.0, 0.5], mean["dpo", 1.0, 0.5]]
    text = "scores {:.2f} at temperature 1 and {:.2f} at 0.2: in the mean over three seeds, more than every policy "
    assert text.format(*values) in answer
    assert "the reference scores {:.2f} and DPO with $\\beta=1$ {:.2f}.".format(*values[2:]) in answer


def test_one_prompt(said):
    drawn = results.load("alignment_best_of_n").query("prompt == 'Show me the brown hat.'")
    best = [drawn[drawn["draw"] <= n].nlargest(1, "learned_reward").iloc[0] for n in (8, 16)]
    assert best[1].learned_reward > best[0].learned_reward
    assert best[1].score < best[0].score
    said("From 8 to 16 responses, the reward rises and the score falls")


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
    said("then falls, and ends between {:.2f} and {:.2f}.", scores.min(), scores.max())


def test_the_learned_reward_gives_no_warning(said):
    ways = pd.concat([results.load("alignment_early"), results.load("alignment_runs").query("method == 'ppo'")])
    for _, way in ways.query("weight == 0").sort_values("step").groupby("seed"):
        assert len(way) == 8
        assert (way.learned_reward.diff().dropna() > -0.002).all()  # two digits are shown
    said("**The reward gives no warning: it is flat or rising at every measurement. What falls is the score.**")


def test_how_many_responses_are_different(said, last):
    """Collapse is said and denied by a count, beside that of the fine-tuned model."""
    free, held, sft = (last.different[key] for key in (("ppo", 0.0), ("ppo", 0.1), "sft"))
    said("Of 320 responses, {:.0f} to {:.0f} are different; the fine-tuned model writes {:.0f} to {:.0f}, and with the "
         "penalty {:.0f} to {:.0f} are left.", free.min(), free.max(), sft.min(), sft.max(), held.min(),
         held.max())  # fmt: skip
    by_judge = results.load("alignment_verified").query("step == 80")
    said("count the different responses: {:.0f} to {:.0f}.", by_judge.different.min(), by_judge.different.max())
    assert by_judge.different.max() < sft.min() / 5


def test_what_the_last_policies_write(said, last):
    free = last.loc[("ppo", 0.0)].set_index("seed")
    assert free.fluent[0] < 0.5
    assert free.fluent[1:].min() > 0.9
    assert free.helpful[1:].max() < 0.05
    assert free.helpful[0] == 0
    said("Seed 0 has lost its grammar, and the other two speak of the wrong thing nearly always. Yet seed 0 had the "
         "reward model that recognizes the right thing")  # fmt: skip
    assert results.load("alignment_agreement").set_index("seed").wrong.idxmax() == 0


def test_a_reward_that_a_rule_checks(said, last):
    table = results.load("alignment_verified")
    ends = table.query("step == 80")
    said("Now the push ends at {:.2f} to {:.2f}.", ends.score.min(), ends.score.max())
    assert ends.score.min() > last.score["ppo"].max()
    judged = ends.query("seed == 0").iloc[0]
    learned = results.load("alignment_runs").query("method == 'ppo' and weight == 0 and seed == 0 and step == 10")
    said("at {:.0f} to {:.0f} nats, seed 0 has {:.2f} with the judge and {:.2f} with the proxy.", judged.kl,
         learned.kl.item(), judged.score, learned.score.item())  # fmt: skip
    parts = ends["fluent"] * (2 * ends["helpful"] + ends["polite"] + ends["brief"]) / 4
    assert ends["score"].tolist() == pytest.approx(parts.tolist(), abs=0.02)


def test_whose_preferred_responses_fall(said):
    """What has fallen is told beside what has not, and beside a step on the pair alone."""
    table = results.load("alignment_displaced")
    low, high = 100 * table.min(), 100 * table.max()
    assert table.fell_alone.sum() == 0
    said("DPO makes about four in ten of the preferred responses in its training pairs *less* probable;")
    assert 35 < low.fell < high.fell < 45
    said("{:.0f} to {:.0f} % of the preferred responses become less probable.", low.fell, high.fell)
    said("in all {} cases that we tried, {} fallen pairs of each seed.", table.alone.sum(), table.alone.unique().item())
    said("{:.0f} to {:.0f} % had been preferred by a labeler's mistake; of the risen ones, {:.0f} to {:.0f} %.",
         low.flipped_fallen, high.flipped_fallen, low.flipped_risen, high.flipped_risen)  # fmt: skip
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
