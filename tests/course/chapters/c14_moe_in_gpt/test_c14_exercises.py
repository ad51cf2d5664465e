"""Chapter 14: right answers in other words pass; what cannot train a router or rounds too early fails."""

import pytest
import torch
import torch.nn.functional as F
from readers import printed

from lecture21.course.exercises.answers.running import call_once, draw
from lecture21.course.exercises.answers.values import same
from lecture21.course.exercises.registry import find
from lecture21.moe import balance_loss, route


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


def with_denominators_of(small):
    def top_k_router(x, router, k):
        weights, experts = (x @ router.T).softmax(dim=-1).topk(k)
        return experts, weights / (weights.sum(dim=-1, keepdim=True) + small)

    return top_k_router


def by_dictionary(experts, ids):
    found = {}
    for i in set(ids.tolist()):
        own = sorted(experts[ids == i].tolist())
        found[i] = max(own, key=own.count)
    return torch.tensor([found[i] for i in ids.tolist()])


def by_one_hot(experts, ids):
    counts = F.one_hot(ids).T @ F.one_hot(experts)
    return counts.argmax(1).gather(0, ids)


def by_mode(experts, ids):
    return torch.stack([experts[ids == i].mode().values for i in ids])  # of equally frequent ones, the least


def dot_product(probabilities, experts):
    n_expert = probabilities.shape[1]
    load = F.one_hot(experts, n_expert).to(probabilities.dtype).mean(dim=(0, 1))
    return n_expert * load @ probabilities.mean(0)


def token_by_token_balance(probabilities, experts):
    n, n_expert = probabilities.shape
    load = [(experts == e).sum().item() / experts.numel() for e in range(n_expert)]
    return sum(n_expert * load[e] * p[e] for p in probabilities for e in range(n_expert)) / n


def package_balance(probabilities, experts):
    return balance_loss(probabilities, experts)


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        *(("14.1", answer) for answer in (softmax_after, sorted_rows, package, with_denominators_of(1e-9))),
        *(("14.3", answer) for answer in (by_dictionary, by_one_hot, by_mode)),
        *(("14.4", answer) for answer in (dot_product, token_by_token_balance, package_balance)),
        *(("14.2", answer) for answer in (token_by_token, by_mask, by_slot)),
    ],
)
def test_right_answers_in_other_words_pass(capsys, number, answer):
    for _ in range(5):
        assert printed(capsys, number, answer) == f"{number}: correct"


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


def the_first_expert(experts, ids):
    return torch.stack([experts[ids == i][0] for i in ids])


def another_for_each_token(experts, ids):
    return experts


def one_further(experts, ids):
    return by_one_hot(experts, ids) + 8


def one_for_each_expert(probabilities, experts):
    n_expert = probabilities.shape[1]
    return n_expert * F.one_hot(experts, n_expert).float().mean(dim=(0, 1)) * probabilities.mean(0)


def with_loads_without_mean(probabilities, experts):
    return dot_product(probabilities, experts) + 0.3


@pytest.mark.parametrize(
    ("number", "answer", "part"),
    [
        *(("14.1", answer, "no gradient") for answer in (detached, of_floats, routed_without_graph)),
        *(("14.2", answer, "gradient") for answer in (dispatched_without_graph, floats_as_weights, inputs_cut_off)),
        ("14.1", weights_first, "in the wrong order. The task names them in this one: the experts, then the weights"),
        ("14.1", exponentials, "no weight may be NaN. How large is exp() of the scores?"),
        ("14.1", topk_exchanged, "In which order does topk return values and indices?"),
        ("14.1", with_denominators_of(1e-6), "the weights of each token must sum to 1"),
        ("14.2", that_tracks, "right, but it leaves requires_grad set on its input"),
        ("14.3", the_first_expert, "14.3: wrong for"),
        ("14.3", another_for_each_token, "tokens with the same character must get the same expert"),
        ("14.3", one_further, "a token gets an expert to which its character never goes"),
        ("14.4", one_for_each_expert, "the result must have the shape () instead of"),
        ("14.4", with_loads_without_mean, "14.4: wrong for"),
    ],
)
def test_wrong_answers_are_refused_with_the_reason(capsys, number, answer, part):
    for _ in range(10):
        text = printed(capsys, number, answer)
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
