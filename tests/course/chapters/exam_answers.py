"""Answers of the exam."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lecture21 import accounting, presets
from lecture21.alignment import bradley_terry_loss
from lecture21.attention import attention, basic_self_attention, causal_mask
from lecture21.course.exercises.registry import find
from lecture21.generation import next_token_probabilities
from lecture21.layers import MultiHeadAttention
from lecture21.layers.positions import Rotary, sinusoidal
from lecture21.mixtures import ambiguity_decomposition, negative_correlation_loss
from lecture21.moe import balance_loss, route
from lecture21.tokenizers import bpe
from lecture21.vision import patches

A100 = {"device": "A100", "n_devices": 1000, "utilization": 0.3}


def weights_by_hand(scores: list[float]) -> Tensor:
    return torch.tensor(scores, dtype=torch.float64).softmax(0)


def decay() -> list[float]:
    def gradient(steps: int) -> float:
        start = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
        state = start
        for _ in range(steps):
            state = torch.tanh(0.9 * state)
        return torch.autograd.grad(state, start)[0].item()

    return [gradient(20), 20 * 0.9, gradient(19), gradient(1)]


def basic() -> list[float]:
    x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    output, weights = basic_self_attention(x)
    scores = x @ x.T
    linear = scores / scores.sum(1, keepdim=True)
    return [output[0, 1], x[:, 1].mean(), (linear @ x)[0, 1], output[0, 0], weights[0, 1]]


def scaled() -> list[float]:
    q, k, v = torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 1.0], [0.0, 3.0]]), torch.tensor([[4.0], [8.0]])
    scores = (q @ k.T)[0].tolist()
    output, weights = attention(q, k, v)
    others = [weights_by_hand(scores) @ v[:, 0].double(), weights_by_hand([s / 2 for s in scores]) @ v[:, 0].double()]
    return [output.item(), *others, v.mean(), (weights.flip(1) @ v).item()]


def heads() -> list[int]:
    layer = MultiHeadAttention(512, 8, bias=False)
    count = sum(parameter.numel() for parameter in layer.parameters())
    return [count, count * 3 // 4, count * 8, count // 4]


def view_without_transpose() -> str:
    texts, length, n_head, width = 2, 6, 3, 4  # (B, T, H, D)
    token = torch.arange(length).expand(texts, length)[..., None].expand(-1, -1, n_head * width)
    in_heads = token.reshape(texts, n_head, length, width)
    pieces = [sorted(set(in_heads[0, head].flatten().tolist())) for head in range(n_head)]
    return "complete tokens from one stretch" if pieces == [[0, 1], [2, 3], [4, 5]] else ""


def masked() -> list[float]:
    scores = torch.tensor([1.0, 2.0, 3.0, 0.0])
    row = causal_mask(4)[1]
    return [
        scores.masked_fill(~row, -math.inf).softmax(0)[0],
        scores.softmax(0)[0],
        scores.masked_fill(~row, 0.0).softmax(0)[0],
        scores[0] / scores[row].sum(),
        0.5,
    ]


def fair_die() -> str:
    return "depends on the roll that it predicts" if math.log(6) > 0.9 else ""


def layer_norm() -> list[float]:
    x = torch.tensor([2.0, 4.0, 6.0, 8.0])
    centered = x - x.mean()
    return [F.layer_norm(x, (4,))[2], (centered / x.std())[2], (centered / x.var(unbiased=False))[2], centered[2],
            F.rms_norm(x, (4,))[2]]  # fmt: skip


def positions() -> str:
    assert sinusoidal(4, 8).requires_grad is False
    return "GPT-1 with a learned table" if presets.get("gpt1").position == "learned" else ""


def gpt0() -> list[int]:
    count = accounting.parameters(presets.get("gpt0")).total
    blocks = 4 * 49_792
    return [count, count - 65, count - 32 * 64, count - 65 * 64, count - 2 * 64, blocks]


def perplexity() -> list[float]:
    p = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)
    loss = -p.log().mean()
    return [loss.exp(), 1 / p.prod(), (1 / p).mean(), loss, 1 / p.mean()]


def order_of_rules() -> str:
    logits = torch.randn(65, generator=torch.Generator().manual_seed(0))
    first = next_token_probabilities(logits, temperature=2.0, top_p=0.9).gt(0).sum()
    last = next_token_probabilities(logits, top_p=0.9).gt(0).sum()
    return "if the temperature is applied first" if first > last else ""


def two_merges() -> list[int]:
    def tokens(n_merges: int) -> int:
        return len(bpe.encode("abcabcab", bpe.train("abcabcab", n_merges)))

    return [tokens(2), tokens(1), tokens(0), tokens(1) - 1]


def copied_head() -> str:
    token = nn.Embedding(5, 3)
    tied, copied = nn.Linear(3, 5, bias=False), nn.Linear(3, 5, bias=False)
    tied.weight, copied.weight = token.weight, nn.Parameter(token.weight.clone())
    assert tied.weight.equal(token.weight)
    assert copied.weight.equal(token.weight)
    return "head.weight is token.weight" if tied.weight is token.weight is not copied.weight else ""


def same_score() -> str:
    rotary = Rotary(200, 8).double()
    q, k = torch.randn(2, 1, 1, 1, 8, generator=torch.Generator().manual_seed(0)).double()

    def score(query: int, key: int) -> Tensor:
        return (rotary(q, query) * rotary(k, key)).sum()

    return "with rotary positions only" if torch.allclose(score(5, 3), score(105, 103)) else ""


def blocks_of_xl() -> list[float]:
    config = presets.get("gpt2-xl")
    per = config.n_layer * config.d_model**2 / 1e6
    return [12 * per, 4 * per, 8 * per, 12 * config.d_model**2 / 1e6, 10 * per]


def days() -> list[float]:
    actual = accounting.training_days(6 * 175e9 * 300e9, **A100)
    return [actual, actual * 0.3, actual / 3, actual * 2 / 3, actual * 1000]


def chinchilla() -> list[float]:
    budget = 5.88e23
    best = math.sqrt(budget / 120) / 1e9
    return [best, 20 * best, math.sqrt(budget / 6) / 1e9, math.sqrt(budget / 40) / 1e9]


def induction() -> str:
    letters = "aFcBa"
    attended = find("11.5").solution(torch.tensor([ord(letter) for letter in letters]))[-1].nonzero().flatten().tolist()
    return "`F`" if [letters[s] for s in attended] == ["F"] else ""


def responsibility() -> list[float]:
    joint = torch.tensor([0.2, 0.8], dtype=torch.float64) * torch.tensor([0.9, 0.1], dtype=torch.float64)
    return [joint[0] / joint.sum(), 0.2, 0.9 / (0.9 + 0.1), joint[0], joint.sum()]


def m_step() -> list[float]:
    y, r = torch.tensor([1.0, 4.0, 10.0]), torch.tensor([0.9, 0.5, 0.1])
    return [(r * y).sum() / r.sum(), y.mean(), (r * y).mean(), (r * y).sum()]


def boosting_weights() -> str:
    alphas = [0.5 * math.log((1 - error) / error) for error in (0.1, 0.3, 0.6)]
    return "do not sum to 1, and may be negative" if sum(alphas) != 1 and alphas[-1] < 0 else ""


def ambiguity() -> list[float]:
    predictions, weights = torch.tensor([3.0, 6.0]), torch.tensor([0.5, 0.5])
    terms = ambiguity_decomposition(predictions, torch.tensor(5.0), weights)
    return [terms.ambiguity, terms.average, terms.ensemble, 2 * terms.ambiguity, terms.ambiguity.sqrt()]


def together() -> str:
    teams, weights = torch.tensor([[4.0, 4.0], [1.0, 7.0]]), torch.tensor([0.5, 0.5])  # of one mean
    losses = [negative_correlation_loss(teams, torch.tensor(5.0), weights, kappa) for kappa in (0.0, 0.5, 1.0)]
    same = [bool(one == other) for one, other in losses]
    return "of which only the mean is trained" if same == [False, False, True] else ""


def weight_of_one() -> str:
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    experts, weights = route(logits, 1)
    (from_task,) = torch.autograd.grad((weights * experts).sum(), logits, retain_graph=True)
    (from_balance,) = torch.autograd.grad(balance_loss(logits.softmax(-1), experts), logits)
    return "only an added balance loss" if from_task.abs().max() < 1e-6 < from_balance.abs().max() else ""


def balance() -> list[float]:
    f = torch.tensor([0.5, 0.5, 0.0, 0.0])
    p = torch.tensor([0.4, 0.4, 0.1, 0.1])
    actual = balance_loss(p.expand(4, 4), torch.tensor([[0], [0], [1], [1]]))
    return [actual, actual / 4, 4 * (torch.full((4,), 0.25) * p).sum(), 4 * (f * f).sum()]


def image_tokens() -> list[int]:
    actual = patches(torch.zeros(1, 3, 224, 224), 16)
    return [actual.shape[1], 224 // 16, 3 * actual.shape[1], 16 * 16, 224 * 224]


def cache() -> list[float]:
    gib = accounting.kv_cache_bytes(presets.get("gpt3"), 2048) / 2**30
    return [gib, gib / 2, gib / 96, accounting.kv_cache_bytes(presets.get("gpt3"), 2048, dtype="fp32") / 2**30]


def grouped() -> str:
    ungrouped, shared = accounting.Grouped(64, 64, 128), accounting.Grouped(64, 8, 128)
    return "the KV cache" if ungrouped.cached == 8 * shared.cached else ""


def preference() -> list[float]:
    first, second = torch.tensor([2.0]), torch.tensor([0.5])
    chosen = (-bradley_terry_loss(first, second)).exp()
    return [chosen, 2.0 / (2.0 + 0.5), first.sigmoid(), 1 - chosen]


NUMBERS = {
    "exam.2": decay,
    "exam.5": basic,
    "exam.8": scaled,
    "exam.10": heads,
    "exam.12": masked,
    "exam.17": layer_norm,
    "exam.21": lambda: [8 * 5 * 7, 5 * 7, 8 * 5 * 5, 8 * 7 * 7, 5 + 7],
    "exam.23": gpt0,
    "exam.26": perplexity,
    "exam.29": two_merges,
    "exam.34": blocks_of_xl,
    "exam.35": days,
    "exam.37": chinchilla,
    "exam.41": responsibility,
    "exam.42": m_step,
    "exam.45": ambiguity,
    "exam.50": lambda: [60 + 2 * 100, 60 + 8 * 100, 2 * 100, 60 + 100],
    "exam.52": balance,
    "exam.53": lambda: [1024 * 2 / 8 * 1.25, 1024 / 8 * 1.25, 1024 * 2 / 8, 1024 * 1.25],
    "exam.55": image_tokens,
    "exam.57": cache,
    "exam.60": preference,
}
CHOICES = {
    "exam.11": view_without_transpose,
    "exam.14": fair_die,
    "exam.19": positions,
    "exam.27": order_of_rules,
    "exam.31": copied_head,
    "exam.33": same_score,
    "exam.38": induction,
    "exam.44": boosting_weights,
    "exam.47": together,
    "exam.51": weight_of_one,
    "exam.58": grouped,
}
IN_CHAPTER = {"exam.3", "exam.20", "exam.24", "exam.56"}
