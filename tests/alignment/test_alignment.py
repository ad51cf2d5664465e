"""Judge, responses, preference pairs, and the four ways of training a policy or a reward model."""

import copy
import dataclasses
import math

import pytest
import torch

from lecture21 import GPT, GPTConfig
from lecture21.alignment import (
    PolicyConfig,
    PreferencePairs,
    QuestionTask,
    Responses,
    RewardModel,
    best_policy,
    load_base,
    sample_responses,
    train_dpo,
    train_policy,
)
from lecture21.alignment.judge import Judge
from lecture21.alignment.preferences import _collect_preferences, _label_pairs
from lecture21.alignment.task import _line_beginnings
from lecture21.alignment.tuning import _response_targets, fine_tune
from lecture21.data import results
from lecture21.data.plays import shakespeare, split
from lecture21.objectives import IGNORE
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig
from lecture21.training.evaluation import evaluate

JUDGE = Judge(frozenset("what is the name of your king o my lord th' and".replace("'", "").split()))
CHARS = CharTokenizer("\n ?abc")
END = CHARS.encode("\n")[0]


def small(seed: int = 0, block_size: int = 16) -> GPT:
    torch.manual_seed(seed)
    return GPT(GPTConfig(vocab_size=CHARS.vocab_size, block_size=block_size, n_layer=1, n_head=2, d_model=16)).eval()


def responses(*texts: str, prompt: int = 2, n_new: int = 4) -> Responses:
    """Each text is a prompt and a response; it ends with a line break, which is also the padding."""
    rows = [CHARS.encode(text.ljust(prompt + n_new, "\n")) for text in texts]
    return Responses(torch.tensor(rows), prompt, END)


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        ("What is the name of your king?", []),
        ("O, what is th' name of my lord?", []),
        ("'What is the name of your king?", []),
        ("What is the name of your king.", ["no question mark at its end"]),
        ("What is the name of your king?'", ["no question mark at its end", "a question mark elsewhere"]),
        ("What? is the name of your king?", ["a question mark elsewhere"]),
        ("What is the name of your king??", ["a question mark elsewhere"]),
        ("What is the name?", ["4 different words, not 6"]),
        ("What what what is is the name?", ["4 different words, not 6"]),
        ("What is the nane of your kig?", ["no word: nane, kig"]),
        ("", ["no question mark at its end", "0 different words, not 6"]),
    ],
)
def test_the_judge_names_the_faults_of_a_line(line: str, faults: list[str]):
    assert JUDGE.faults(line) == faults
    assert JUDGE(line) == (not faults)


def test_words_are_in_lower_case_and_without_quotation_marks():
    assert Judge.words("'What's th' matter?' -- O, 'tis I!") == ["what's", "th", "matter", "o", "tis", "i"]


def test_labels_follow_the_judge_up_to_noise_and_ties_are_dropped():
    first = torch.arange(40_000) % 4 < 2  # yes yes no no
    second = torch.arange(40_000) % 2 == 0  # yes no yes no
    decided, wins, flipped = _label_pairs(first, second, noise=0.1, generator=torch.Generator().manual_seed(0))
    assert torch.equal(decided % 4, torch.tensor([1, 2]).repeat(10_000))
    assert torch.equal(wins ^ flipped, first[decided])
    assert flipped.float().mean().item() == pytest.approx(0.1, abs=0.01)
    assert not _label_pairs(first, second, noise=0.0, generator=torch.Generator())[2].any()


def test_a_response_ends_at_its_first_end_token():
    found = responses("ab\n", "abca\n", "abcabc", "abc\nab")
    assert found.mask.long().tolist() == [[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 0, 0]]
    assert found.lengths.tolist() == [1, 3, 4, 2]
    assert found.lines(CHARS) == ["ab", "abca", "abcabc", "abc"]
    assert found[torch.tensor([3, 1])].lines(CHARS) == ["abc", "abca"]
    assert found.accepted(lambda line: line.endswith("c"), CHARS).tolist() == [False, False, True, True]


def test_prompts_are_the_beginnings_of_lines_up_to_a_space():
    text = "ROMEO:\nI a hero and\nthou art\n\nTHE LORD:\nso as the dawn?\n"
    tokenizer = CharTokenizer.from_text(text)
    found = _line_beginnings(text, tokenizer, 6)
    assert [tokenizer.decode(row) for row in found] == ["\nso as "]
    assert [tokenizer.decode(row) for row in _line_beginnings(text, tokenizer, 4)] == ["\nI a "]


def test_a_line_is_split_into_prompt_and_response():
    found = Responses.from_lines(["ab cab?", "aaaa"], CHARS, prompt_length=3, n_new=5)
    assert found.prompt_length == 4
    assert found.ids.shape == (2, 9)
    assert found.lines(CHARS) == ["ab cab?", "aaaa"]
    assert found.lengths.tolist() == [5, 2]
    ids, targets = _response_targets(found)
    assert torch.equal(ids, found.ids[:, :-1])
    predicted = [[i for i in row if i != IGNORE] for row in targets.tolist()]
    assert [CHARS.decode(row) for row in predicted] == ["cab?\n", "a\n"]


def test_the_loss_of_the_targets_is_the_mean_log_probability_of_the_response():
    model, line = small(), Responses.from_lines(["ab cab?"], CHARS, prompt_length=3, n_new=5)
    expected = -line.log_probabilities(model).sum() / line.lengths.sum()
    torch.testing.assert_close(model.loss(*_response_targets(line)), expected)


def test_responses_are_sampled_from_the_model_and_padded():
    model = small()
    prompts = torch.tensor([CHARS.encode("\nab")]).repeat(3000, 1)
    found = sample_responses(model, prompts, 2, end=END, seed=0)
    assert found.ids.shape == (3000, 5)
    with torch.no_grad():
        expected = model(prompts[:1])[0, -1].softmax(-1)
    shares = found.targets[:, 0].bincount(minlength=CHARS.vocab_size) / 3000
    torch.testing.assert_close(shares, expected, rtol=0, atol=0.03)
    assert (found.targets[found.targets[:, 0] == END] == END).all()
    assert torch.equal(sample_responses(model, prompts, 2, end=END, seed=0).ids, found.ids)
    assert not torch.equal(sample_responses(model, prompts, 2, end=END, seed=1).ids, found.ids)


def test_responses_that_all_end_early_are_padded_to_full_length():
    model = small()
    with torch.no_grad():
        model.head.bias[END] = 50
    assert sample_responses(model, torch.tensor([CHARS.encode("\nab")]), 5, end=END, seed=0).ids.shape == (1, 8)


def test_preference_pairs_follow_the_judge():
    def judge(line: str) -> bool:
        return "a" in line[2:]

    prompts = torch.tensor([CHARS.encode("\nbb")]).repeat(300, 1)
    found = _collect_preferences(small(), prompts, 3, judge, CHARS, noise=0.2, seed=3)
    accepted = found.chosen.accepted(judge, CHARS)
    assert 50 < len(found) < 300
    assert torch.equal(accepted, ~found.flipped)
    assert torch.equal(found.rejected.accepted(judge, CHARS), found.flipped)
    assert 0.05 < found.flipped.float().mean() < 0.4


def test_a_reward_model_finds_a_planted_linear_reward_up_to_a_constant():
    torch.manual_seed(0)
    ids = torch.randint(3, 6, (600, 6))  # a, b, c and no end
    ids[:, :2] = ids[0, :2]
    bank = Responses(ids, 2, END)
    planted = (torch.tensor([1.5, -0.5, -1.0])[ids[:, 2:] - 3]).sum(-1)  # one reward for each a, b and c
    one, two = torch.randint(600, (2, 6000))
    keep = (ids[one] != ids[two]).any(-1)
    one, two = one[keep], two[keep]
    wins = torch.rand(len(one)) < torch.sigmoid(planted[one] - planted[two])
    pairs = PreferencePairs(
        bank[torch.where(wins, one, two)], bank[torch.where(wins, two, one)], torch.zeros(len(one)).bool()
    )
    model = RewardModel(small())
    losses = model.fit(pairs, TrainConfig(500, 64, 3e-3, schedule="cosine"))
    with torch.no_grad():
        found = model(bank)
    assert losses[0].item() == pytest.approx(math.log(2))  # all rewards are 0 at first
    assert torch.corrcoef(torch.stack([found, planted]))[0, 1] > 0.98
    slope = ((found - found.mean()) * planted).sum() / ((planted - planted.mean()) ** 2).sum()
    assert slope.item() == pytest.approx(1, abs=0.2)
    model.center(bank)
    with torch.no_grad():
        torch.testing.assert_close(model(bank), found - found.mean(), rtol=0, atol=1e-4)
    assert (
        (model.margins(pairs) > 0) == (found[torch.where(wins, one, two)] > found[torch.where(wins, two, one)])
    ).all()


def test_a_reward_is_read_at_the_last_token_of_the_response():
    model = RewardModel(small())
    torch.nn.init.normal_(model.output.weight)
    with torch.no_grad():
        rewards = [model(responses(text)) for text in ("abca\n", "abca\nb", "abcab\n")]
    assert torch.equal(rewards[0], rewards[1])
    assert not torch.equal(rewards[0], rewards[2])


class Marks(RewardModel):
    """Rewards a question mark at the end, and nothing else."""

    def forward(self, found: Responses) -> torch.Tensor:
        return torch.tensor([float(line.endswith("?")) for line in found.lines(CHARS)])


def test_reward_model_agreement_is_measured_for_each_kind_of_pair():
    # Chosen and rejected: the second pair and the fourth differ in more than their last character.
    pairs = PreferencePairs(
        responses("aba?\n", "aba?\n", "abac\n", "abaa\n"),
        responses("abac\n", "abb?\n", "aba?\n", "abb?\n"),
        torch.tensor([False, False, True, False]),
    )
    nothing = torch.zeros(1, 2).long()
    task = QuestionTask(CHARS, JUDGE, nothing, nothing, pairs.chosen, nothing[0])
    found = task.measure_reward(Marks(small()), pairs)
    assert found == {"label": 1 / 4, "judge": 1 / 2, "no_mark": 1.0, "mark": 0.0}


def share_of_a(found: Responses) -> torch.Tensor:
    return (found.targets == CHARS.encode("a")[0]).float().sum(-1)


@pytest.mark.parametrize(("kl_weight", "least", "most"), [(0.0, 2.5, 4.0), (20.0, 0.0, 1.0)])
def test_training_a_policy_increases_the_reward_unless_the_penalty_is_large(
    kl_weight: float, least: float, most: float
):
    reference, prompts = small(), torch.tensor([CHARS.encode("\nab")])
    policy = copy.deepcopy(reference)
    config = PolicyConfig(40, prompts=8, group=4, kl_weight=kl_weight, learning_rate=1e-2, n_new=4)
    seen = []
    train_policy(policy, reference, share_of_a, prompts, config, end=END, on_evaluation=seen.append)
    earned = share_of_a(sample_responses(policy, prompts.repeat(500, 1), 4, end=END, seed=0)).mean()
    assert seen == list(range(41))
    assert least <= earned <= most


def dropping() -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(vocab_size=CHARS.vocab_size, block_size=16, n_layer=1, n_head=2, d_model=16, dropout=0.3))


def test_a_run_is_determined_by_its_seed_and_uses_no_dropout():
    reference, prompts = dropping(), torch.tensor([CHARS.encode("\nab")])
    reward = RewardModel(dropping())
    torch.nn.init.normal_(reward.output.weight)
    config = PolicyConfig(3, prompts=4, group=2, learning_rate=1e-2, n_new=4, seed=5)
    ends = []
    for state in (0, 1):
        policy = copy.deepcopy(reference)
        torch.manual_seed(state)
        before = torch.random.get_rng_state()
        train_policy(policy, reference, reward, prompts, config, end=END)
        assert torch.equal(torch.random.get_rng_state(), before)
        assert policy.training
        assert reward.training
        ends.append(policy.state_dict())
    assert all(torch.equal(tensor, ends[1][name]) for name, tensor in ends[0].items())
    assert not torch.equal(ends[0]["head.weight"], reference.head.weight)


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        (lambda found: torch.full((len(found),), math.nan), "in iteration 0 it has .* nan"),
        (lambda found: torch.full((len(found),), math.inf), "from inf to inf"),
        (lambda found: torch.zeros(len(found), 1), r"4 finite numbers.*shape \(4, 1\)"),
        (lambda found: torch.zeros(()), r"shape \(\)"),
    ],
)
def test_a_non_finite_reward_leaves_the_policy_unchanged(reward, message):
    reference, prompts = small(), torch.tensor([CHARS.encode("\nab")])
    policy = copy.deepcopy(reference)
    with pytest.raises(ValueError, match=message):
        train_policy(policy, reference, reward, prompts, PolicyConfig(1, prompts=2, group=2, n_new=4), end=END)
    assert all(torch.equal(tensor, policy.state_dict()[name]) for name, tensor in reference.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_reward_model_has_the_precision_and_the_mode_of_its_trunk(dtype):
    model = RewardModel(small().to(dtype))
    assert model(ONE).dtype == dtype
    assert not any(part.training for part in model.modules())


def test_the_optimum_under_a_kl_penalty_has_the_closed_form():
    # With responses of one token, pi_ref * exp(r / beta) / Z can be computed exactly.
    reference, prompts = small(), torch.tensor([CHARS.encode("\nab")])
    worth = torch.linspace(-1, 1, CHARS.vocab_size)
    policy = copy.deepcopy(reference)
    config = PolicyConfig(300, prompts=16, group=8, epochs=1, kl_weight=0.5, learning_rate=3e-3, n_new=1)
    train_policy(policy, reference, lambda found: worth[found.targets[:, 0]], prompts, config, end=END)
    with torch.no_grad():
        p, q = (model(prompts)[0, -1].softmax(-1) for model in (policy, reference))
    expected = best_policy(q, worth, 0.5)
    assert (p - expected).abs().max() < 0.06 < 0.2 < (q - expected).abs().max()


def test_dpo_increases_the_margin_of_the_chosen_and_leaves_the_reference_unchanged():
    reference = small()
    before = copy.deepcopy(reference.state_dict())
    policy = copy.deepcopy(reference)
    pairs = PreferencePairs(responses("abaa\n", "abca\n"), responses("abbb\n", "abcb\n"), torch.zeros(2).bool())
    losses = train_dpo(policy, reference, pairs, TrainConfig(40, 8, 3e-3), beta=0.5)
    assert losses[0].item() == pytest.approx(math.log(2), abs=1e-6)
    assert losses[-1] < 0.3
    margin = [side.log_probabilities(policy).sum(-1) for side in (pairs.chosen, pairs.rejected)]
    fixed = [side.log_probabilities(reference).sum(-1) for side in (pairs.chosen, pairs.rejected)]
    assert ((margin[0] - margin[1]) > (fixed[0] - fixed[1]) + 1).all()
    assert all(torch.equal(tensor, before[name]) for name, tensor in reference.state_dict().items())


def test_fine_tuning_makes_the_demonstrations_likely():
    policy, shown = small(), responses("abcca\n")
    losses = fine_tune(policy, shown, TrainConfig(60, 4, 1e-2))
    assert losses[-1] < 0.1 < losses[0]


def test_the_shipped_base_has_the_loss_of_its_table():
    model, tokenizer = load_base()
    task = QuestionTask.from_plays(tokenizer)
    last = results.load("alignment_base").iloc[-1]
    assert last["weights"] == "float16"
    assert model.num_parameters() == 241_480
    assert next(model.parameters()).dtype == torch.float32
    assert all(torch.equal(p, p.half().float()) for p in model.parameters())
    val = torch.tensor(tokenizer.encode(split(shakespeare())[1]))
    assert evaluate(model, val) == pytest.approx(float(last["val_loss"]), abs=5e-4)
    assert torch.equal(task.plain, val[: len(task.plain)])


def test_the_task_uses_the_right_split_for_each_part():
    _, tokenizer = load_base()
    task = QuestionTask.from_plays(tokenizer)
    assert task.judge.least == 6
    lines = task.demonstrations.lines(tokenizer)
    assert all(task.judge(line) for line in lines)
    train, val = split(shakespeare())
    assert all(f"\n{line}\n" in train for line in lines[::50])
    assert all(tokenizer.decode(row) in val for row in task.held_out)
    assert all(tokenizer.decode(row).endswith(" ") for row in task.prompts)


def test_the_reference_has_zero_divergence_from_itself():
    model, tokenizer = load_base()
    task = QuestionTask.from_plays(tokenizer)
    task = dataclasses.replace(task, held_out=task.held_out[:64], plain=task.plain[:513])
    reward = RewardModel(model)
    torch.manual_seed(0)
    torch.nn.init.normal_(reward.output.weight)
    found = task.measure_policy(copy.deepcopy(model), model, reward, seed=0)
    with torch.no_grad():
        rewards = reward(task.sample(model, seed=0))
    assert rewards.std() > 0.1
    assert found["kl"] == pytest.approx(0, abs=1e-6)
    assert found["learned_reward"] == pytest.approx(rewards.mean().item(), abs=1e-4)
    assert 0 <= found["true_rate"] < 0.2
    assert found["bits_per_character"] == pytest.approx(evaluate(model, task.plain) / math.log(2))
    assert 20 < found["mean_length"] <= 40


ONE = responses("abca\n")
REFUSED = {
    "identical sides": (lambda: PreferencePairs(ONE, ONE, torch.zeros(1).bool()), "pair 0 has two identical responses"),
    "identical up to the end": (
        lambda: PreferencePairs(ONE, responses("abca\nb"), torch.zeros(1).bool()),
        "pair 0 has two identical responses",
    ),
    "sides of two shapes": (
        lambda: PreferencePairs(ONE, responses("abca\n", "abcb\n"), torch.zeros(1).bool()),
        "one shape and one prompt length",
    ),
    "sides to two prompts": (
        lambda: PreferencePairs(ONE, responses("acca\n"), torch.zeros(1).bool()),
        "the same prompt",
    ),
    "labels of other pairs": (
        lambda: PreferencePairs(ONE, responses("abcb\n"), torch.zeros(2).bool()),
        r"flipped must be True or False for each pair, got torch.bool of shape \(2,\) for 1 pairs",
    ),
    "labels that are numbers": (lambda: PreferencePairs(ONE, responses("abcb\n"), torch.zeros(1)), "got torch.float32"),
    "sides that end differently": (
        lambda: PreferencePairs(ONE, Responses(responses("abcb\n").ids, 2, END + 1), torch.zeros(1).bool()),
        "end with the same token",
    ),
    "no prompts": (
        lambda: train_policy(small(), small(), lambda found: None, torch.zeros(0, 3).long(), PolicyConfig(), end=END),
        r"at least one of each, got torch.int64 of shape \(0, 3\)",
    ),
    "a prompt that is no batch": (
        lambda: sample_responses(small(), torch.zeros(3).long(), 2, end=END, seed=0),
        r"shape \(B, P\), at least one of each, got torch.int64 of shape \(3,\)",
    ),
    "a seed beyond torch's": (lambda: PolicyConfig(seed=2**63), "seed must be below 2 [*][*] 63"),
    "two lines in one": (
        lambda: Responses.from_lines(["ab\na"], CHARS, prompt_length=2, n_new=4),
        "no line break inside",
    ),
    "a line of unknown symbols": (lambda: Responses.from_lines(["ab#"], CHARS, prompt_length=2, n_new=4), "#"),
    "no responses": (lambda: Responses(torch.zeros(0, 4).long(), 2, END), "B > 0"),
    "ids that are no integers": (lambda: Responses(torch.zeros(1, 4), 2, END), "integer ids .*, got torch.float32"),
    "prompts that are no integers": (
        lambda: sample_responses(small(), torch.zeros(1, 4), 2, end=END, seed=0),
        "prompts must be integer ids .* got torch.float32",
    ),
    "no room in the ids": (lambda: Responses(torch.zeros(1, 4).long(), 4, END), "a response at least one more"),
    "no prompt": (lambda: Responses(torch.zeros(1, 4).long(), 0, END), "at least one token"),
    "no room in the block": (
        lambda: sample_responses(small(block_size=8), torch.zeros(1, 8).long(), 1, end=END, seed=0),
        "must fit a block of 8 tokens, got a prompt of 8 and n_new=1",
    ),
    "no new tokens": (
        lambda: sample_responses(small(), torch.zeros(1, 4).long(), 0, end=END, seed=0),
        "n_new=0",
    ),
    "a negative KL weight": (lambda: PolicyConfig(kl_weight=-0.1), "kl_weight must be a number >= 0, got -0.1"),
    "a clip of 0": (lambda: PolicyConfig(clip=0.0), "clip must be a positive number, got 0"),
    "a group of one": (lambda: PolicyConfig(group=1), "group must be a whole number >= 2, got 1"),
    "no iterations": (lambda: PolicyConfig(iterations=0), "iterations must be a whole number >= 1"),
    "too much noise": (
        lambda: _label_pairs(torch.ones(1).bool(), torch.zeros(1).bool(), noise=0.6, generator=torch.Generator()),
        r"noise must be in \[0, 0.5\], got 0.6",
    ),
    "sides that differ in number": (
        lambda: _label_pairs(torch.ones(1).bool(), torch.zeros(2).bool(), noise=0.1, generator=torch.Generator()),
        "got 1 first and 2 second",
    ),
    "a judge without a vocabulary": (lambda: Judge(frozenset()), "at least one known word"),
    "a judge that needs no word": (lambda: Judge(frozenset(["a"]), least=0), "least must be at least 1, got 0"),
    "a judge that accepts nothing": (
        lambda: _collect_preferences(
            small(), torch.zeros(2, 2).long(), 2, lambda line: False, CHARS, noise=0.1, seed=0
        ),
        "all 2 pairs equal",
    ),
    "no such line": (lambda: _line_beginnings("aaaaaaa\n", CHARS, 3), "has a space as its character 3"),
    "a prompt of nothing": (lambda: _line_beginnings("a b\n", CHARS, 0), "length must be at least 1, got 0"),
    "a line that does not fit": (
        lambda: Responses.from_lines(["abcabc"], CHARS, prompt_length=2, n_new=4),
        "3 to 5 characters",
    ),
    "no lines": (lambda: Responses.from_lines([], CHARS), "B > 0"),
    "DPO without a penalty": (
        lambda: train_dpo(
            small(),
            small(),
            PreferencePairs(ONE, responses("abcb\n"), torch.zeros(1).bool()),
            TrainConfig(1, 1),
            beta=0.0,
        ),
        "beta must be a positive number, got 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_invalid_arguments_are_refused_by_name(call, message, untyped):
    with pytest.raises(ValueError, match=message):
        call()
