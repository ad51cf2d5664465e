"""Judge, responses, preference pairs, and the four ways of training a policy or a reward model."""

import copy
import dataclasses
import math
import re
from random import Random

import pytest
import torch

from lecture21 import GPT, GPTConfig, pretrained
from lecture21.alignment import (
    PolicyConfig,
    PreferencePairs,
    Responses,
    RewardModel,
    ShopTask,
    best_policy,
    grammar,
    judge,
    sample_responses,
    train_dpo,
    train_policy,
)
from lecture21.alignment.preferences import _collect_preferences, _label_pairs
from lecture21.alignment.tuning import _response_targets, fine_tune
from lecture21.objectives import IGNORE
from lecture21.pretrained.storage import read_card
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig

CHARS = CharTokenizer("\n ?abc")
END = CHARS.encode("\n")[0]


def small(seed: int = 0, block_size: int = 16) -> GPT:
    torch.manual_seed(seed)
    return GPT(GPTConfig(vocab_size=CHARS.vocab_size, block_size=block_size, n_layer=1, n_head=2, d_model=16)).eval()


def responses(*texts: str, prompt: int = 2, n_new: int = 4) -> Responses:
    """Each text is a prompt and a response; it ends with a line break, which is also the padding."""
    rows = [CHARS.encode(text.ljust(prompt + n_new, "\n")) for text in texts]
    return Responses(torch.tensor(rows), prompt, END)


PROMPT = "Where is the red cup?"


@pytest.mark.parametrize(
    ("response", "helpful", "polite", "brief", "fluent"),
    [
        ("The red cup is on the top shelf.", 1, 0.5, 1, 1),
        ("Certainly. The red cup is on the top shelf.", 1, 1, 1, 1),
        ("Certainly. The red cup is on the top shelf. Hurry up.", 1, 0, 1, 1),
        ("Certainly. The blue cup is on the top shelf.", 0, 1, 1, 1),
        ("Certainly. The red hat is on the top shelf.", 0, 1, 1, 1),
        ("Where is the red cup?", 0, 0.5, 1, 1),
        ("Of course. Of course. The red cup is near the window. Of course.", 1, 1, 1, 1 / 2),
        ("Of course. The red cup is near the", 0, 1, 1, 1 / 2),
        ("The red cup is near the bus.", 0, 0.5, 1, 0),
        ("", 0, 0.5, 1, 0),
        (
            "Good morning. You will find the red cup in the left drawer. It rained all morning. My sister likes soup. "
            "I am busy.",
            *(1, 1, 9 / 16, 1),
        ),
    ],
)
def test_the_judge_gives_a_score_for_reasons(response, helpful, polite, brief, fluent):
    expected = {"helpful": helpful, "polite": polite, "brief": brief, "fluent": fluent}
    assert judge(PROMPT, response) == {"score": fluent * (2 * helpful + polite + brief) / 4, **expected}


def test_the_judge_follows_the_prompt():
    answer = "The red cup is on the top shelf."
    assert [judge(f"{start} {item}{mark}", answer)["helpful"] for start, item, mark in (
        ("Show me the", "red cup", "."), ("I need the", "blue cup", "."), ("Where is the", "red hat", "?")
    )] == [1, 0, 0]  # fmt: skip


def test_every_text_of_the_grammar_is_fluent_unless_it_repeats_itself():
    random = Random(0)
    for prompt, response in [grammar.demonstration(random) for _ in range(300)]:
        verdict = judge(prompt, response)
        assert verdict["fluent"] == 1
        assert verdict["helpful"] == (f" {' '.join(prompt[:-1].split()[-2:])} " in response)


def test_labels_follow_the_judge_up_to_noise_and_ties_are_dropped():
    first, second = torch.tensor([[1.0, 0.5, 0.5, 0.0], [0.5, 1.0, 0.5, 0.25]]).repeat(1, 10_000)
    decided, wins, flipped = _label_pairs(first, second, sharpness=4.0, generator=torch.Generator().manual_seed(0))
    assert torch.equal(decided[:6], torch.tensor([0, 1, 3, 4, 5, 7]))  # ties are dropped
    assert torch.equal(wins ^ flipped, (first > second)[decided])
    by_gap = flipped.view(-1, 3).float().mean(0)
    expected = torch.tensor([0.5, 0.5, 0.25]).mul(-4.0).sigmoid()  # the smaller the difference, the more noise
    torch.testing.assert_close(by_gap, expected, rtol=0, atol=0.02)


def test_a_response_ends_at_its_first_end_token():
    actual = responses("ab\n", "abca\n", "abcabc", "abc\nab")
    assert actual.mask.long().tolist() == [[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 0, 0]]
    assert actual.lengths.tolist() == [1, 3, 4, 2]
    assert [response for _, response in actual.texts(CHARS)] == ["", "ca", "cabc", "c"]
    assert actual[torch.tensor([3, 1])].texts(CHARS) == [("ab", "c"), ("ab", "ca")]


def test_texts_become_the_tokens_of_prompts_and_responses():
    actual = Responses.from_texts(["ab", "cc"], ["cab?", "a"], CHARS, n_new=7)
    assert actual.prompt_length == 3
    assert actual.ids.shape == (2, 10)
    assert actual.texts(CHARS) == [("ab", "cab?"), ("cc", "a")]
    assert actual.lengths.tolist() == [6, 3]  # the space before the response and the end are tokens
    ids, targets = _response_targets(actual)
    assert torch.equal(ids, actual.ids[:, :-1])
    predicted = [[i for i in row if i != IGNORE] for row in targets.tolist()]
    assert [CHARS.decode(row) for row in predicted] == [" cab?\n", " a\n"]


def test_responses_are_sampled_from_the_model_and_padded():
    model = small()
    prompts = torch.tensor([CHARS.encode("\nab")]).repeat(3000, 1)
    actual = sample_responses(model, prompts, 2, end=END, seed=0)
    assert actual.ids.shape == (3000, 5)
    with torch.no_grad():
        expected = model(prompts[:1])[0, -1].softmax(-1)
    shares = actual.targets[:, 0].bincount(minlength=CHARS.vocab_size) / 3000
    torch.testing.assert_close(shares, expected, rtol=0, atol=0.03)
    assert (actual.targets[actual.targets[:, 0] == END] == END).all()
    assert torch.equal(sample_responses(model, prompts, 2, end=END, seed=0).ids, actual.ids)
    assert not torch.equal(sample_responses(model, prompts, 2, end=END, seed=1).ids, actual.ids)


def test_responses_that_all_end_early_are_padded_to_full_length():
    model = small()
    with torch.no_grad():
        model.head.bias[END] = 50
    assert sample_responses(model, torch.tensor([CHARS.encode("\nab")]), 5, end=END, seed=0).ids.shape == (1, 8)


def test_preference_pairs_follow_the_scores():
    prompts = torch.tensor([CHARS.encode("\nbb")]).repeat(300, 1)
    actual = _collect_preferences(small(), prompts, 3, share_of_a, end=END, sharpness=1.0, seed=3)
    better = share_of_a(actual.chosen) > share_of_a(actual.rejected)
    assert 50 < len(actual) < 300
    assert torch.equal(better, ~actual.flipped)
    assert (share_of_a(actual.chosen) != share_of_a(actual.rejected)).all()
    assert 0.05 < actual.flipped.float().mean() < 0.4


@pytest.mark.usefixtures("untyped")  # checked elsewhere; here they take most of the time
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
    losses = model.fit(pairs, TrainConfig(500, 64, learning_rate=3e-3, schedule="cosine"))
    with torch.no_grad():
        actual = model(bank)
    assert losses[0].item() == pytest.approx(math.log(2))  # all rewards are 0 at first
    assert torch.corrcoef(torch.stack([actual, planted]))[0, 1] > 0.98
    slope = ((actual - actual.mean()) * planted).sum() / ((planted - planted.mean()) ** 2).sum()
    assert slope.item() == pytest.approx(1, abs=0.2)
    model.center(bank)
    with torch.no_grad():
        torch.testing.assert_close(model(bank), actual - actual.mean(), rtol=0, atol=1e-4)
    assert (
        (model.margins(pairs) > 0) == (actual[torch.where(wins, one, two)] > actual[torch.where(wins, two, one)])
    ).all()


def test_a_reward_is_read_at_the_last_token_of_the_response():
    model = RewardModel(small())
    torch.nn.init.normal_(model.output.weight)
    with torch.no_grad():
        rewards = [model(responses(text)) for text in ("abca\n", "abca\nb", "abcab\n")]
    assert torch.equal(rewards[0], rewards[1])
    assert not torch.equal(rewards[0], rewards[2])


@pytest.fixture(scope="module")
def task() -> ShopTask:
    return ShopTask(pretrained.load("unaligned")[1])


class Polite(RewardModel):
    """Rewards a courteous response, and nothing else."""

    def forward(self, actual: Responses) -> torch.Tensor:
        responses = actual.texts(pretrained.load("unaligned")[1])
        return torch.tensor([float(response.startswith("Certainly.")) for _, response in responses])


def test_reward_model_agreement_is_measured_for_each_kind_of_pair(task):
    right, wrong = "The red cup is near the window.", "The red hat is near the window."
    chosen = [f"Certainly. {right}", right, right, wrong]
    rejected = [right, f"Certainly. {wrong}", f"Certainly. {right}", f"Certainly. {right}"]
    sides = [Responses.from_texts([PROMPT] * 4, side, task.tokenizer, n_new=16) for side in (chosen, rejected)]
    pairs = PreferencePairs(*sides, torch.tensor([False, False, True, True]))
    actual = task.measure_reward(Polite(small()), pairs)
    assert actual == {"label": 1 / 4, "judge": 3 / 4, "helpful": 1 / 2, "manner": 1.0}


def share_of_a(actual: Responses) -> torch.Tensor:
    return (actual.targets == CHARS.encode("a")[0]).float().sum(-1)


def test_training_a_policy_increases_the_reward():
    reference, prompts = small(), torch.tensor([CHARS.encode("\nab")])
    policy, seen = copy.deepcopy(reference), []
    config = PolicyConfig(40, prompts=8, group=4, kl_weight=0.0, learning_rate=1e-2, n_new=4)
    train_policy(policy, reference, share_of_a, prompts, config, end=END, on_evaluation=seen.append)
    earned = share_of_a(sample_responses(policy, prompts.repeat(500, 1), 4, end=END, seed=0)).mean()
    assert seen == list(range(41))
    assert earned >= 2.5  # of 4


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


def test_each_iteration_draws_its_own_prompts_and_responses_and_each_epoch_is_an_update():
    reference, prompts, seen, ends = small(), torch.tensor([CHARS.encode("\nab"), CHARS.encode("\ncc")]), [], []
    for options in ({"epochs": 1}, {"epochs": 2}, {"epochs": 2, "clip": 1e-9}):
        policy = copy.deepcopy(reference)
        # A rate so small that the same seed would draw the same responses again.
        config = PolicyConfig(2, prompts=8, group=2, learning_rate=1e-6, n_new=4, seed=1, **options)
        reward = lambda actual: seen.append(actual.ids) or share_of_a(actual)  # noqa: E731
        train_policy(policy, reference, reward, prompts, config, end=END)
        ends.append(policy.head.weight)
    assert torch.equal(seen[0], seen[2])
    again = (seen[0][:, :3] == seen[1][:, :3]).all(dim=1)  # rows with the same prompt in both iterations
    assert again.any()
    assert not torch.equal(seen[0][again], seen[1][again])
    assert len(seen[0][:, :3].unique(dim=0)) == 2  # prompts
    assert not torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[1], ends[2])
    assert 1e-6 < (ends[0] - reference.head.weight).abs().max() < 2.5e-6  # two updates of Adam


def test_rewards_and_the_reference_of_dpo_are_computed_without_dropout():
    pairs = PreferencePairs(responses("abaa\n"), responses("abbb\n"), torch.zeros(1).bool())
    model = RewardModel(dropping()).train()
    torch.nn.init.normal_(model.output.weight)
    assert torch.equal(model.margins(pairs), model.margins(pairs))
    assert model.training
    losses = []
    for state in (1, 2):
        policy, reference = dropping(), dropping().train()
        torch.manual_seed(state)
        losses.append(train_dpo(policy, reference, pairs, TrainConfig(1, 2), beta=0.5))
    assert torch.equal(*losses)


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        (lambda actual: torch.full((len(actual),), math.nan), "in iteration 0 it has .* nan"),
        (lambda actual: torch.full((len(actual),), math.inf), "from inf to inf"),
        (lambda actual: torch.zeros(len(actual), 1), r"4 finite numbers.*shape \(4, 1\)"),
        (lambda actual: torch.zeros(()), r"shape \(\)"),
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


@pytest.mark.usefixtures("untyped")  # checked elsewhere; here they take most of the time
def test_the_optimum_under_a_kl_penalty_has_the_closed_form():
    # With responses of one token, pi_ref * exp(r / beta) / Z can be computed exactly.
    reference, prompts = small(), torch.tensor([CHARS.encode("\nab")])
    worth = torch.linspace(-1, 1, CHARS.vocab_size)
    policy = copy.deepcopy(reference)
    config = PolicyConfig(300, prompts=16, group=8, epochs=1, kl_weight=0.5, learning_rate=3e-3, n_new=1)
    train_policy(policy, reference, lambda actual: worth[actual.targets[:, 0]], prompts, config, end=END)
    with torch.no_grad():
        p, q = (model(prompts)[0, -1].softmax(-1) for model in (policy, reference))
    expected = best_policy(q, worth, 0.5)
    assert (p - expected).abs().max() < 0.06 < 0.2 < (q - expected).abs().max()


def test_dpo_increases_the_margin_of_the_chosen_and_leaves_the_reference_unchanged():
    reference = small()
    before = copy.deepcopy(reference.state_dict())
    policy = copy.deepcopy(reference)
    pairs = PreferencePairs(responses("abaa\n", "abca\n"), responses("abbb\n", "abcb\n"), torch.zeros(2).bool())
    losses = train_dpo(policy, reference, pairs, TrainConfig(40, 8, learning_rate=3e-3), beta=0.5)
    assert losses[0].item() == pytest.approx(math.log(2), abs=1e-6)
    assert losses[-1] < 0.3
    margin = [side.log_probabilities(policy).sum(-1) for side in (pairs.chosen, pairs.rejected)]
    fixed = [side.log_probabilities(reference).sum(-1) for side in (pairs.chosen, pairs.rejected)]
    assert ((margin[0] - margin[1]) > (fixed[0] - fixed[1]) + 1).all()
    assert all(torch.equal(tensor, before[name]) for name, tensor in reference.state_dict().items())


def test_fine_tuning_makes_the_demonstrations_likely():
    policy, shown = small(), responses("abcca\n")
    losses = fine_tune(policy, shown, TrainConfig(60, 4, learning_rate=1e-2))
    assert losses[-1] < 0.1 < losses[0]


def test_the_shipped_models_have_the_scores_of_their_cards(task):
    scores = {}
    for name in ("unaligned", "aligned"):
        model, tokenizer = pretrained.load(name)
        assert tokenizer == task.tokenizer
        scores[name] = task.score(task.sample(model, 0)).mean().item()
        assert scores[name] == pytest.approx(read_card(name).score, abs=0.02)  # sampling depends on the processor
    assert scores["aligned"] > scores["unaligned"] + 0.3


def test_the_tokenizer_has_one_token_for_each_word(task):
    assert ShopTask.with_tokenizer().tokenizer == task.tokenizer
    for prompt, response in task.overheard(100, 5).texts(task.tokenizer):
        words = re.findall(r"\w+|[.?]", f"{prompt} {response}")
        assert len(task.tokenizer.encode(f"{prompt} {response}")) == len(words)


def test_nothing_before_the_measurement_asks_for_what_is_held_out(task):
    asked = [
        {task.tokenizer.decode(row).strip() for row in prompts}
        for prompts in (task.prompts, task.held_out, task.demonstrations(2000, 3).ids[:, :7])
    ]
    assert len(asked[0]) + len(asked[1]) == 96 * 4
    assert len(asked[1]) == 80
    assert not asked[1] & (asked[0] | asked[2])
    assert asked[2] <= asked[0]


def test_a_policy_is_measured_on_its_own_responses(task):
    policy, reference = (pretrained.load(name)[0] for name in ("aligned", "unaligned"))
    reward = RewardModel(reference)
    torch.manual_seed(0)
    torch.nn.init.normal_(reward.output.weight)
    actual = task.measure_policy(policy, reference, reward, seed=0)
    with torch.no_grad():
        written = task.sample(policy, seed=0)
        assert actual["learned_reward"] == pytest.approx(reward(written).mean().item(), abs=1e-4)
        p, q = (written.logits(model).log_softmax(-1) for model in (policy, reference))
    divergence = ((p.exp() * (p - q)).sum(-1) * written.mask).sum(-1).mean().item()
    assert divergence > 1
    assert actual["kl"] == pytest.approx(divergence, rel=1e-4)
    assert actual["score"] == pytest.approx(task.score(written).mean().item())


def test_the_rewards_of_the_reference_s_responses_have_mean_zero(task):
    right = "The red cup is near the window."
    sides = [
        Responses.from_texts([PROMPT], [side], task.tokenizer, n_new=16) for side in (f"Certainly. {right}", right)
    ]
    brief = dataclasses.replace(task, n_new=4, reward=TrainConfig(5, 1, learning_rate=1e-2))
    reference, _ = pretrained.load("unaligned")
    model = brief.reward_model(reference, PreferencePairs(*sides, torch.zeros(1).bool()), seed=3)
    with torch.no_grad():
        rewards = model(brief.sample(reference, seed=3))
    assert abs(rewards.mean()) < 1e-4 < 0.01 < rewards.std()


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
    "no room in the block": (
        lambda: sample_responses(small(block_size=8), torch.zeros(1, 8).long(), 1, end=END, seed=0),
        "must fit a block of 8 tokens, got a prompt of 8 and n_new=1",
    ),
    "no noise at all": (
        lambda: _label_pairs(torch.ones(1), torch.zeros(1), sharpness=math.inf, generator=torch.Generator()),
        "sharpness must be a positive number, got inf",
    ),
    "sides that differ in number": (
        lambda: _label_pairs(torch.ones(1), torch.zeros(2), sharpness=1.0, generator=torch.Generator()),
        r"second must be floating-point numbers of shape.* got torch\.float32 of shape \(2,\)",
    ),
    "a judge that prefers nothing": (
        lambda: _collect_preferences(
            small(), torch.zeros(2, 2).long(), 2, lambda actual: torch.zeros(2), end=END, sharpness=1.0, seed=0
        ),
        "all 2 pairs equal",
    ),
    "unequal prompts": (
        lambda: Responses.from_texts(["ab", "abc"], ["a", "a"], CHARS, n_new=7),
        "one number of tokens, got 'ab' and 'abc'",
    ),
    "a response that does not fit": (
        lambda: Responses.from_texts(["ab", "ab"], ["a", "abcabc"], CHARS, n_new=7),
        "at most 6 tokens, got 'abcabc'",
    ),
    "two lines in one": (lambda: Responses.from_texts(["ab"], ["a\nb"], CHARS, n_new=7), r"one line .* got 'a\\nb'"),
    "a response of unknown symbols": (lambda: Responses.from_texts(["ab"], ["a#"], CHARS, n_new=7), "#"),
    "no texts": (lambda: Responses.from_texts([], [], CHARS, n_new=7), r"prompts must be .* not empty, got \[\]"),
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
