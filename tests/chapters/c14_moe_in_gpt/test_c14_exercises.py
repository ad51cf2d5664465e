"""Chapter 14: right answers in other words pass; what cannot train a router or rounds too early fails."""

import math

import pytest
import torch

from lecture21.exercises import check
from lecture21.exercises.registry import find
from lecture21.exercises.running import call_once, draw
from lecture21.exercises.values import same
from lecture21.moe import route


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


def normalized_again(probabilities, experts):
    n_expert = probabilities.shape[-1]
    f = experts.flatten().bincount(minlength=n_expert) / experts.numel()
    return n_expert * (f * probabilities.sum(dim=0) / probabilities.sum()).sum()


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        *(("14.1", answer) for answer in (softmax_after, sorted_rows, package, with_denominators_of(1e-9))),
        ("14.4", normalized_again),
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


def times_its_weight(probabilities, experts):
    return 0.01 * normalized_again(probabilities, experts)


def counts_with_a_gradient(probabilities, experts):
    selected = torch.zeros_like(probabilities).scatter(1, experts, 1 / experts.shape[1])
    f = (selected + probabilities - probabilities.detach()).mean(dim=0)
    return probabilities.shape[-1] * (f * probabilities.mean(dim=0)).sum()


def of_sizes(combine):
    return lambda *sizes: combine(*find("14.5").solution(*sizes))


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
        ("14.4", times_its_weight, "the loss is 0.01 times what it should be"),
        ("14.4", counts_with_a_gradient, "a count follows from a selection, so f passes no gradient back"),
        ("14.5", of_sizes(lambda total, active: (float(total), float(active))), "the total must be an integer"),
        ("14.5", of_sizes(lambda total, active: (active, total)), "both numbers are right, but in the wrong order"),
        ("14.5", of_sizes(lambda total, active: total + active), "the result must be 2 values, got an int"),
        ("14.5", of_sizes(lambda total, active: (total, total)), "your active parameters are all parameters"),
        ("14.5", of_sizes(lambda total, active: (active, active)), "your total has only the active experts"),
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
