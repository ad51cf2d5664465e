"""Chapter 14: right answers in other words pass; what cannot train a router or rounds too early fails."""

import math

import pytest
import torch
import torch.nn.functional as F

from lecture21.accounting import distinct_experts
from lecture21.course.exercises import check
from lecture21.course.exercises.answers.running import call_once, draw
from lecture21.course.exercises.answers.values import same
from lecture21.course.exercises.registry import find
from lecture21.moe import balance_loss, route


def said(capsys, number: str, answer: object) -> str:
    capsys.readouterr()
    check(number, answer)
    return " ".join(capsys.readouterr().out.split())


def softmax_after(x, router, k):
    scores, experts = torch.einsum("nc,ec->ne", x, router).topk(k)
    return experts, scores.softmax(dim=-1)


def sorted_rows(x, router, k):
    rows = []
    for token in x:
        p = torch.stack([token.dot(row) for row in router]).double().softmax(dim=0)
        best = p.argsort(descending=True)[:k]
        rows.append((best, (p[best] / p[best].sum()).to(x.dtype)))
    return [torch.stack(each) for each in zip(*rows, strict=True)]


def package(x, router, k):
    return route(x @ router.T, k)


def token_by_token(x, experts, weights, layers):
    rows = []
    for n in range(len(x)):
        parts = [g * layers[int(e)](x[n : n + 1])[0] for g, e in zip(weights[n], experts[n], strict=True)]
        rows.append(sum(parts))
    return torch.stack(rows)


def by_mask(x, experts, weights, layers):
    y = torch.zeros_like(x)
    for e, layer in enumerate(layers):
        mine = (experts == e).any(dim=-1)
        gate = (weights * (experts == e)).sum(dim=-1)[mine]
        y[mine] = y[mine] + gate[:, None] * layer(x[mine])
    return y


def by_slot(x, experts, weights, layers):
    y = 0 * x
    for slot in range(experts.shape[1]):
        for e in experts[:, slot].unique().tolist():
            (token,) = torch.where(experts[:, slot] == e)
            y = y.index_add(0, token, layers[e](x[token]) * weights[token, slot].unsqueeze(1))
    return y


def counters(experts, n_expert, factor):
    places = math.ceil(experts.numel() / n_expert * factor)
    used, kept = [0] * n_expert, []
    for e in experts.flatten().tolist():
        kept.append(used[e] < places)
        used[e] += kept[-1]
    return torch.tensor(kept).view(experts.shape)


def with_denominators_of(small):
    def top_k_router(x, router, k):
        weights, experts = (x @ router.T).softmax(dim=-1).topk(k)
        return experts, weights / (weights.sum(dim=-1, keepdim=True) + small)

    return top_k_router


def by_autograd(probabilities, experts):
    scores = probabilities.log().requires_grad_()
    (gradient,) = torch.autograd.grad(balance_loss(scores.softmax(-1), experts), scores)
    return gradient


def by_backward(probabilities, experts):
    scores = probabilities.log().requires_grad_()
    with torch.enable_grad():
        balance_loss(scores.softmax(-1), experts).backward()
    return scores.grad


def by_functional(probabilities, experts):
    return torch.autograd.functional.jacobian(lambda s: balance_loss(s.softmax(-1), experts), probabilities.log())


def by_a_transform(probabilities, experts):
    return torch.func.grad(lambda scores: balance_loss(scores.softmax(-1), experts))(probabilities.log())


def by_jacobian(probabilities, experts):
    n, n_expert = probabilities.shape
    f = F.one_hot(experts, n_expert).to(probabilities.dtype).mean(dim=(0, 1))
    jacobian = torch.diag_embed(probabilities) - probabilities[:, :, None] * probabilities[:, None]  # (N, E, E)
    return n_expert / n * (jacobian @ f)


def one_expert_after_the_other(loads, users):
    return float(sum(1 - (1 - q) ** users for q in loads.tolist()))


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        *(("14.1", answer) for answer in (softmax_after, sorted_rows, package, with_denominators_of(1e-9))),
        ("14.4", by_jacobian),
        ("14.5", one_expert_after_the_other),
        *(("14.2", answer) for answer in (token_by_token, by_mask, by_slot)),
        ("14.3", counters),
    ],
)
def test_right_answers_in_other_words_pass(capsys, number, answer):
    for _ in range(5):
        assert said(capsys, number, answer) == f"{number}: correct"


def detached(x, router, k):
    experts, weights = softmax_after(x, router, k)
    return experts, weights.detach()


def of_floats(x, router, k):
    experts, weights = softmax_after(x, router, k)
    return experts, torch.tensor(weights.tolist(), dtype=x.dtype)


@torch.no_grad()
def routed_without_graph(x, router, k):
    return softmax_after(x, router, k)


@torch.no_grad()
def dispatched_without_graph(x, experts, weights, layers):
    return by_slot(x, experts, weights, layers)


def floats_as_weights(x, experts, weights, layers):
    return token_by_token(x, experts, weights.tolist(), layers)


def inputs_cut_off(x, experts, weights, layers):
    return by_slot(x.detach(), experts, weights, layers)


def weights_first(x, router, k):
    return softmax_after(x, router, k)[::-1]


def exponentials(x, router, k):
    scores, experts = (x @ router.T).exp().topk(k)
    return experts, scores / scores.sum(dim=-1, keepdim=True)


def topk_exchanged(x, router, k):
    experts, weights = (x @ router.T).softmax(dim=-1).topk(k)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


def that_tracks(x, experts, weights, layers):
    x.requires_grad_()
    return by_slot(x, experts, weights, layers)


def pull_of_certain_tokens(probabilities, experts):
    return by_jacobian(F.one_hot(probabilities.argmax(-1), probabilities.shape[-1]).to(probabilities), experts)


def pull_of_the_expected_load(probabilities, experts):
    return by_jacobian(probabilities, experts) + 0.1


def probability_of_any(loads, users):
    return 1 - (1 - loads).prod().item() ** users


def one_more_than_there_are(loads, users):
    return one_expert_after_the_other(loads, users) + len(loads)


def share_rounded_first(experts, n_expert, factor):
    return counters(experts, n_expert, factor * math.ceil(experts.numel() / n_expert) * n_expert / experts.numel())


def share_times_factor(experts, n_expert, factor):
    places = -(-experts.numel() // n_expert) * factor
    used, kept = [0] * n_expert, []
    for e in experts.flatten().tolist():
        kept.append(used[e] + 1 <= places)
        used[e] += kept[-1]
    return torch.tensor(kept).view(experts.shape)


@pytest.mark.parametrize(
    ("number", "answer", "part"),
    [
        *(("14.1", answer, "no gradient") for answer in (detached, of_floats, routed_without_graph)),
        *(("14.2", answer, "gradient") for answer in (dispatched_without_graph, floats_as_weights, inputs_cut_off)),
        ("14.1", weights_first, "in the wrong order. The task names them in this one: the experts, then the weights"),
        ("14.3", share_rounded_first, "14.3: wrong for N = 7, E = 3, k = 1, factor 2: an expert processes more"),
        ("14.1", exponentials, "no weight may be NaN. How large is exp() of the scores?"),
        ("14.1", topk_exchanged, "In which order does topk return values and indices?"),
        ("14.1", with_denominators_of(1e-6), "the weights of each token must sum to 1"),
        ("14.2", that_tracks, "right, but it leaves requires_grad set on its input"),
        *(("14.4", answer, "but autograd computed it") for answer in (by_autograd, by_backward, by_functional)),
        ("14.4", by_a_transform, "14.4: raises RuntimeError"),
        ("14.4", pull_of_the_expected_load, "so each row of the gradient must sum to 0"),
        ("14.4", pull_of_certain_tokens, "14.4: wrong for"),
        ("14.5", probability_of_any, "at least the k experts of its first user"),
        ("14.5", one_more_than_there_are, "no step reads more experts than there are"),
        ("14.3", share_times_factor, "you round the equal share up before"),
    ],
)
def test_wrong_answers_are_refused_with_the_reason(capsys, number, answer, part):
    for _ in range(10):
        text = said(capsys, number, answer)
        assert "correct" not in text
        assert part in text


def test_a_mistake_of_the_gradient_is_found_only_there():
    for number, answer in (("14.1", detached), ("14.2", floats_as_weights)):
        exercise = find(number)
        found = set()
        for case in draw(exercise, 0):
            right, got = (call_once(exercise, each, case).value for each in (exercise.solution, answer))
            if not same(right, got):
                found.add(case.observed)
        assert found == {"gradients"}


def test_the_pull_vanishes_for_a_dead_expert_whose_loss_is_highest():
    pull, losses, pulls = find("14.4").solution, [], []
    for gap in (2.0, 4.0, 8.0):
        p = F.pad(torch.full((5, 1), gap), (0, 7)).softmax(-1)
        experts = torch.zeros(5, 1, dtype=torch.int64)
        losses.append(balance_loss(p, experts).item())
        pulls.append(-pull(p, experts)[0, 1].item())
    assert losses == sorted(losses)
    assert pulls == sorted(pulls, reverse=True)
    assert pulls[-1] < pulls[0] / 50


def test_an_even_load_reads_the_most_experts():
    read = find("14.5").solution
    uneven = torch.tensor([0.9, 0.5, 0.3, 0.2, 0.1, 0.0, 0.0, 0.0])
    even = torch.full((8,), 0.25)
    assert read(uneven, 1) == pytest.approx(read(even, 1))
    for users in (2, 16, 64):
        assert read(uneven, users) < read(even, users)
        assert read(even, users) == pytest.approx(distinct_experts(8, 2, users))
