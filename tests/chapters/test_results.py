import math

import nbformat
import pandas as pd
import pytest

from lecture21 import GPT, presets
from lecture21.chapters import FOLDERS, results
from lecture21.huggingface.pretrained.storage import read_card
from lecture21.training import recipe


def test_every_result_names_its_command_and_versions():
    assert "gpt0_seeds" in results.names()
    for name in results.names():
        assert results.provenance(name).startswith("python benchmarks/"), name
        assert "; torch " in results.provenance(name), name
        assert len(results.load(name)) > 1, name
        assert {"seed", "round", "s0"} & set(results.load(name).columns), name  # the repetitions; s0 is that of seed 0


def test_the_seeds_of_gpt0_are_the_numbers_that_chapter_07_quotes():
    last = results.load("gpt0_seeds").query("step == 5000")["val_loss"]
    assert len(last) == 5
    assert (round(last.min(), 3), round(last.mean(), 3), round(last.max(), 3)) == (1.848, 1.856, 1.867)


def test_the_modern_recipe_has_the_numbers_that_chapter_07_quotes():
    table = results.load("modern").query("window == 32")
    nats = table.query("arm == 'modern-gpt0'")["nats"]
    assert len(nats) == 3
    assert (round(nats.min(), 3), round(nats.mean(), 3), round(nats.max(), 3)) == (1.747, 1.760, 1.768)
    assert round(table.query("arm == '5-gram'")["nats"].item(), 3) == 1.833


def test_the_gpt_of_chapter_07_passes_bigram_and_trigram_and_not_the_5_gram_with_every_seed():
    runs = results.load("student_gpt")
    lines = results.load("modern").query("window == 32").set_index("arm").nats
    assert runs.seed.nunique() == 3
    assert (runs.query("step == 100").val_loss < lines["2-gram"]).all()
    assert (runs.query("step == 400").val_loss < lines["3-gram"]).all()
    assert (runs.val_loss > lines["5-gram"]).all()
    assert (runs.groupby("seed").val_loss.min() == runs.groupby("seed").val_loss.last()).all()
    assert runs.seconds.max() < 90


def test_the_recipe_of_chapter_07_is_the_best_of_its_table_and_inside_the_grid_of_each_setting():
    table = results.load("student_recipe")
    best = table.loc[table.nats.idxmin()]
    for name in ("learning_rate", "weight_decay", "warmup", "beta2"):
        others = [each for each in ("learning_rate", "weight_decay", "warmup", "beta2") if each != name]
        assert best[name] < table[name].max(), name
        assert best[name] > table[name].min(), name
        if name == "learning_rate":  # its neighbors were tried with all other settings as they are
            tried = table[(table[others] == best[others]).all(axis=1)][name]
            assert {best[name] / 2, best[name], best[name] * 2} <= set(tried)
    path = next((FOLDERS["07"].parents[3] / "notebooks").glob("07_*.ipynb"))
    (cell,) = [each.source for each in nbformat.read(path, 4).cells if "recipe = TrainConfig(" in each.source]
    settings = {
        "learning_rate": f"{best.learning_rate:g}",
        "weight_decay": f"{best.weight_decay:g}",
        "warmup": f"{best.warmup:.0f}",
        "betas": f"(0.9, {best.beta2:g})",
    }
    assert [name for name, value in settings.items() if f"{name}={value}" not in cell] == []


def test_longer_training_beats_a_bag_of_more_compute():
    bag = results.load("bag_of_gpts").query("part == 'run'")
    (six,) = bag.query("members == 6").to_dict("records")
    one = results.load("modern").query("arm == 'modern-gpt0'")
    assert (one["characters"] < six["characters"]).all()
    assert one["nats"].max() < min(six["probabilities"], six["logits"]) - 0.05
    assert max(six["probabilities"], six["logits"]) < six["average"] - 0.05


def test_one_model_with_twice_the_updates_is_as_good_as_six_members():
    bag = results.load("bag_of_gpts").query("part == 'run'")
    (six,) = bag.query("members == 6").to_dict("records")
    alone, twice = bag.query("arm == 'bag' and members == 1"), bag.query("arm == 'twice'")
    assert twice.seed.astype(int).tolist() == [0, 1, 2]
    assert (twice.steps == 2 * alone.steps.iloc[0]).all()
    assert (3 * twice.characters == six["characters"]).all()
    assert twice.average.max() < alone.average.min() - 0.05
    assert (twice.average - six["logits"]).abs().max() < 0.01


def test_the_best_learning_rate_is_the_same_for_one_member_and_for_a_pool_of_two():
    search = results.load("bag_of_gpts").query("part == 'search'")
    best = [
        search[search.members == count].groupby("scale")[column].mean().idxmin()
        for count, column in ((1, "average"), (2, "probabilities"), (2, "logits"))
    ]
    assert len(set(best)) == 1


def test_an_unknown_result_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'nothing'.*gpt0_seeds"):
        results.load("nothing")


def test_the_modern_recipes_beat_counting_and_nanogpt_as_the_book_says():
    table = results.load("modern").set_index("arm")
    for arm in ("modern", "modern-gpt0"):
        window = table.loc[arm, "window"].max()
        five_gram = table[table["window"] == window].loc["5-gram", "nats"]
        assert len(table.loc[arm]) == 3
        assert table.loc[arm, "nats"].max() < five_gram < table.loc["nanogpt", "nats"].min()
    assert table.loc["modern-gpt0", "seconds"].max() < 60
    time = table.groupby("arm")["seconds"].mean()
    assert 7 * time["small modern"] < time["nanogpt"]
    assert table.loc["small modern", "nats"].max() < min(1.88, table.loc["nanogpt", "nats"].min())


def test_the_record_is_that_of_the_preset_with_its_recipe():
    table = results.load("record").query("edition == 'char-rnn'")
    config, run, last = presets.get("modern-laptop", vocab_size=66), recipe("modern-laptop"), table.iloc[-1]
    assert last["parameters"] == GPT(config).num_parameters() == read_card("modern-laptop").parameters
    assert last["step"] == run.steps
    assert (table["characters"] == table["step"] * run.batch_size * config.block_size).all()
    assert table["nats"].is_monotonic_decreasing
    assert last["wall_seconds"] < 20 * 60
    assert read_card("modern-laptop").score == pytest.approx(last["nats"], abs=2e-3)  # rounded to float16


def test_dropout_and_batch_of_the_record_are_those_of_the_best_arm_tried():
    table = results.load("record_tuning")
    best, run = table.loc[table["nats"].idxmin()], recipe("modern-laptop")
    chosen = (presets.get("modern-laptop").dropout, run.batch_size, run.steps)
    assert (best["dropout"], best["batch_size"], best["steps"]) == chosen
    nats = table.set_index(["dropout", "batch_size"])["nats"]
    assert round(nats[0.25, 16] - nats[0.15, 16], 3) == round(nats[0.15, 8] - nats[0.15, 12], 3) == 0.009


def test_the_leak_has_the_numbers_that_chapter_04_quotes():
    table = results.load("leak")
    trained = table[table["seed"].notna()].groupby(["model", "view"])["nats"]
    assert round(trained.mean()["no mask", "window"], 2) == 0.09
    assert round(trained.mean()["mask", "window"], 2) == 2.23
    last = table.query("position == 31 and view == 'window'").groupby("model")["nats"].mean()
    lag, fewer = last["no mask"] - last["mask"], last["mask, last position only"] - last["mask"]
    assert (round(lag, 2), round(fewer, 2)) == (0.60, 0.41)
    assert 0.6 < fewer / lag < 0.73  # about two thirds
    copied = table.query("model == 'no mask' and view == 'window' and position < 31")["nats"]
    blind = table.query("model == 'no mask' and view == 'prefix' and position < 31").groupby("seed")["nats"].mean()
    assert copied.max() < 0.2
    assert blind.min() > math.log(65)
    rotary = table.query("model == 'no mask, rotary' and view == 'prefix'").pivot(
        index="seed", columns="position", values="nats"
    )
    assert len(rotary) == 5
    assert rotary.loc[:, 25:].max().max() < math.log(65) < rotary[0].min()
    assert table.query("model == '5-gram'")["nats"].mean() < 2 < trained.mean()["mask", "window"]


def test_the_mistakes_show_what_chapter_07_says_they_do():
    table = results.load("mistakes").set_index(["mistake", "seed"]).unstack()
    assert (len(table), table.isna().sum().sum(), len(table.columns)) == (8, 0, 4 * 3)
    right, wrong = table.loc["none"], table.drop("none")
    assert (wrong["train"] != right["train"]).all(axis=None)  # each mistake was in effect
    assert (round(right["val"].min(), 2), round(right["val"].max(), 2)) == (2.20, 2.22)
    assert (round(table["first"].min(axis=None), 2), round(table["first"].max(axis=None), 2)) == (4.19, 4.54)
    bigram = results.load("modern").query("window == 32").set_index("arm").nats["2-gram"]
    assert round(bigram, 2) == 2.50
    assert (wrong["val"].loc["no mask"] < 0.1).all()
    assert (wrong["last"].loc["no mask"] > bigram).all()
    assert (wrong["train"].loc["targets not shifted"] < 0.01).all()
    assert (wrong["val"].loc["targets not shifted"] > math.log(65)).all()
    above = [mistake for mistake in wrong.index if (wrong["val"].loc[mistake] > bigram).all()]
    assert sorted(above) == ["no zero_grad", "targets not shifted"]
    invisible = ["clipped after the step", "scores divided by the root of C", "stream normalized"]
    assert (wrong["val"].loc[invisible].mean(axis=1) - right["val"].mean()).max() < 0.035
    assert (wrong["val"].loc["heads in a plain list"] - right["val"]).min() > 0.15
    ours = results.load("student_gpt").groupby("seed").val_loss.last()
    assert round(bigram - ours.mean(), 2) == 0.54


def test_three_mistakes_cost_elsewhere_what_chapter_07_says():
    table = results.load("mistakes_elsewhere").set_index(["where", "mistake", "seed"])
    val = table["val"].unstack()
    assert len(val.columns) == 3
    stream, root = "stream normalized", "scores divided by the root of C"
    weights, deep, fast = (
        val.loc[where] for where in ("the right model's weights", "24 blocks", "8 times the learning rate")
    )
    costs = [weights.loc[stream] - weights.loc["none"], weights.loc[root] - weights.loc["none"]]
    costs.append(deep.loc[stream] - deep.loc["none"])
    assert min(cost.min() for cost in costs) > 0.05
    clipped = table["clipped"].unstack().loc[("8 times the learning rate", "none")]
    assert (fast.loc["clipped after the step"] - fast.loc["none"]).mean() < 0.03
    path = next((FOLDERS["07"].parents[3] / "notebooks").glob("07_*.ipynb"))
    (cell,) = [each.source for each in nbformat.read(path, 4).cells if "A little too high" in each.source]
    first, second, third = (f"{cost.mean():.2f}" for cost in costs)
    assert f"they cost {first} and {second} nats; train 24 blocks, and the first costs {third}" in cell
    assert f"{100 * clipped.mean():.0f} % of the gradients exceed the limit" in cell


def test_better_smoothing_beats_the_gpts_of_chapter_07_as_the_book_says():
    nats = results.load("kneser_ney").set_index(["smoothing", "window", "order"])["nats"]
    runs, ours = results.load("modern"), results.load("student_gpt").groupby("seed").val_loss.last()
    for row in runs[runs["arm"].str.endswith("-gram") & (runs["arm"] != "1-gram")].itertuples():
        assert nats["Witten-Bell", row.window, int(row.arm[0])] == row.nats
    actual = {(s, w, n): f"{nats[s, w, n]:.3f}" for s, w, n in nats.index if n >= 5}
    assert (actual["Witten-Bell", 32, 5], actual["Witten-Bell", 32, 6]) == ("1.833", "1.871")
    assert actual["Witten-Bell", 64, 5] == "1.816"
    assert (actual["Kneser-Ney", 32, 5], actual["Kneser-Ney", 32, 6]) == ("1.692", "1.661")
    assert (actual["Kneser-Ney", 64, 5], actual["Kneser-Ney", 64, 6]) == ("1.670", "1.636")
    assert nats["Witten-Bell", 32, 5] < ours.min()
    assert runs.query("arm == 'modern-gpt0'")["nats"].min() > nats["Kneser-Ney", 32, 5]
    modern = runs.query("arm == 'modern'")["nats"]
    assert (round(modern.min(), 3), round(modern.max(), 3)) == (1.649, 1.654)
    assert nats["Kneser-Ney", 64, 6] < modern.min() < modern.max() < nats["Kneser-Ney", 64, 5]


def mixture_scores(task: str, column: str, tuned_on: str = "nats") -> pd.DataFrame:
    """Return a column of the runs of `three_estimators`, one row for each seed and one column for each method."""
    runs = results.load("three_estimators").query(f"part == 'run' and task == '{task}'")
    runs = runs[runs["tuned_on"].str.contains(tuned_on)]
    return runs.pivot(index="seed", columns="method", values=column)


def standard_errors(table: pd.DataFrame, a: str, b: str) -> float:
    difference = table[a] - table[b]
    return difference.mean() / difference.sem()


def test_chapter_12_reports_mixtures_and_single_networks_of_equal_size():
    sizes = results.load("three_estimators").query("part == 'run'").groupby(["task", "method"])["parameters"].first()
    for task in ("three_regimes", "three_bands", "smooth"):
        mixture, wide, wider = (sizes[task, name] for name in ("MoE, MLP gate", "single, wide", "single, wider"))
        assert abs(mixture - wider) <= 1
        assert 2 < mixture / wide < 2.4
    pieces, bands, smooth = (mixture_scores(task, "error") for task in ("three_regimes", "three_bands", "smooth"))
    assert len(pieces) == 8
    methods = "MoE, MLP gate", "single, wide", "single, wider", "MoE, linear gate", "MoE, linear gate x 4"
    assert [f"{pieces[name].mean():.3f}" for name in methods] == ["0.040", "0.050", "0.049", "0.060", "0.038"]
    for name in ("single, wide", "single, wider"):
        assert standard_errors(pieces, "MoE, MLP gate", name) < -2.36
        assert (pieces["MoE, linear gate"] > pieces[name]).all()
        assert abs(standard_errors(bands, "MoE, MLP gate", name)) < 1
        assert (smooth["MoE, MLP gate"] > smooth[name]).all()
    worse = [(smooth["MoE, MLP gate"] - smooth[name]).mean() for name in ("single, wide", "single, wider")]
    assert [f"{difference:.4f}" for difference in worse] == ["0.0004", "0.0005"]
    nats = mixture_scores("three_regimes", "nats")
    for name in ("single", "single, wide", "single, wider", "bagging", "L2 boosting"):
        assert (nats["MoE, MLP gate"] < nats[name]).all()


def test_chapter_12_reports_in_how_many_runs_the_experts_cancel():
    for task, runs in {"smooth": 8, "three_regimes": 1, "three_bands": 0}.items():
        ratio = mixture_scores(task, "weighted_member", "error") / mixture_scores(task, "squared", "error")
        assert (ratio["MoE, cooperative"] > 10).sum() == runs
    votes = results.load("three_estimators").query("method == 'AdaBoost, shares' and tuned_on.str.contains('nats')")
    assert [f"{-bound:.2f}" for bound in (votes.overconfidence.max(), votes.overconfidence.min())] == ["0.08", "0.16"]
    assert votes.nats.isin([float("inf")]).sum() == 4


def test_both_methods_of_chapter_12_end_at_the_same_error_with_a_soft_border():
    race = results.load("em_against_gradient").query("part == 'race' and data == 'soft_gate'")
    assert race.groupby("method").size().to_dict() == {"Adam": 20, "EM": 20, "L-BFGS": 20}
    assert race[race["method"] != "L-BFGS"].error.between(0.0865, 0.0875).all()


def test_curvature_alone_brings_most_runs_of_chapter_12_to_the_likelihood_of_em():
    race = results.load("em_against_gradient").query("part == 'race' and data == 'three_regimes' and gate == 'linear'")
    there = race[race["nats"] > race["nats"].max() - 0.001]
    assert f"{race['nats'].max():.3f}" == "0.444"
    assert there.groupby("method").size().to_dict() == {"EM": 19, "L-BFGS": 14}
    gradients = race.query("method == 'L-BFGS'")["steps"]
    assert (gradients.min(), gradients.max()) == (48, 124)


def test_on_scarce_text_what_is_too_much_training_for_one_model_is_right_for_a_pool():
    runs = results.load("scarce_text").query("part == 'run'")
    one = runs.query("members == 1").groupby("steps")["average"]
    four = runs.query("members == 4").groupby("steps")["probabilities"]
    assert abs(one.mean()[125] - one.mean()[250]) < 0.02
    assert four.max()[250] < four.min()[125] - 0.05
    assert one.min()[500] > one.mean()[250] + 0.15
    assert four.max()[500] < one.min().min() - 0.05
    assert four.mean().idxmin() == 250
    assert four.max()[125] < one.min()[500]  # at equal compute


def test_on_the_other_text_of_chapter_13_those_updates_help_one_model_too():
    runs = results.load("scarce_text").query("part == 'search' and scale == 2").groupby(["members", "steps"])
    nats = runs["probabilities"].mean()
    gains = [f"{nats[members, 125] - nats[members, 250]:.2f}" for members in (1, 2)]
    path = next((FOLDERS["13"].parents[3] / "notebooks").glob("13_*.ipynb"))
    assert f"by {gains[0]} nats, and a pool of two by {gains[1]}" in path.read_text(encoding="utf-8")


def test_what_did_not_work_quotes_the_recipe_and_the_single_member_as_the_tables_have_them():
    page = (FOLDERS["13"].parents[3] / "book" / "negative_results.md").read_text(encoding="utf-8")
    arms = ["modern-gpt0", "GELU", "ReLU", "squared leaky ReLU", "SwiGLU", "V", "GELU, flat on the left"]
    arms += ["grouped queries", "LayerNorm", "no logit cap", "AdamW", "learned positions", "no QK-norm", "dropout 0.1"]
    arms += ["initialization of torch", "twice torch", "output layer of torch", "blocks of torch", "constant rate"]
    runs = results.load("modern_ablation").query("part == 'run'").groupby("arm")["nats"]
    for arm in arms:
        assert f"{runs.mean()[arm]:.3f} ± {runs.std()[arm]:.3f}" in page, arm
    gpt0 = math.log(2) * results.load("gpt_ladder").query("part == 'run' and rung == 'GPT-0'")["bits_at_32"]
    assert len(gpt0) == 10
    assert f"GPT-0 has {gpt0.min():.3f} to {gpt0.max():.3f} with Muon" in page
    smooth = mixture_scores("smooth", "error", "error")
    for name in ("single", "single, wide", "single, wider"):
        assert (smooth["MoE, MLP gate"] > smooth[name]).all()
        assert f"{(smooth['MoE, MLP gate'] - smooth[name]).mean():.4f}" in ("0.0004", "0.0005")
    seen = results.load("in_context_training").query("part == 'run' and task == 'mapping' and scored == 'seen'")
    found = seen[seen["arm"] == "2 layers, Muon"].groupby("step")["accuracy"].min()
    assert f"(at least {found.loc[150:].min():.3f} for every seed, from update 150 on)" in page
