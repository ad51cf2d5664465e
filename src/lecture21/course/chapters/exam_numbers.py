"""The numbers of the exam's questions, computed by the package for any choice of what a question gives.

The texts are templates in `exam.json`. There each question with a number has the values of what it gives under
`numbers`; the first ones are those of the book.
"""

import math
import random
from collections.abc import Callable
from typing import Any

import torch

from lecture21 import accounting, presets
from lecture21.alignment import bradley_terry_loss
from lecture21.attention import attention, basic_self_attention, causal_mask
from lecture21.layers import MultiHeadAttention
from lecture21.mixtures import ambiguity_decomposition
from lecture21.moe import balance_loss
from lecture21.tokenizers import bpe
from lecture21.vision import patches

Question = dict[str, Any]

COMPUTED: dict[str, Callable[..., dict[str, Any]]] = {}
"""For each question with a number: what its templates need besides what it gives, and its `answer`."""


def ask(template: Question, given: dict[str, Any]) -> Question:
    """Return a question of `exam.json` with these numbers in its texts, and its answer as it was computed."""
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    found = given | COMPUTED[template["id"]](**given)
    texts = {name: template[name].format(**found) for name in ("text", "explanation")}
    return {name: value for name, value in template.items() if name != "numbers"} | texts | {"answer": found["answer"]}


def of_the_book(template: Question) -> Question:
    """Return a question with the numbers of the book, and with its answer as the book rounds it."""
    return ask(template, {name: values[0] for name, values in template["numbers"].items()}) | {
        "answer": template["answer"]
    }


def draw(template: Question, rng: random.Random) -> Question:
    """Return a question with numbers that are not all those of the book, whose answer students can know."""
    numbers = template["numbers"]
    while True:
        drawn = {name: rng.choice(values) for name, values in numbers.items()}
        if any(drawn[name] != values[0] for name, values in numbers.items()):
            return ask(template, drawn)


def _computes(id: str) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., dict[str, Any]]]:
    """Return a decorator that adds a function to `COMPUTED`."""

    def add(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        COMPUTED[id] = function
        return function

    return add


def _power(exponent: int) -> str:
    """Return e to a small power as it is written by hand."""
    return {-2: "1/e²", -1: "1/e", 0: "1", 1: "e", 2: "e²", 3: "e³"}[exponent]


def _scientific(value: float, digits: int = 2) -> str:
    exponent = math.floor(math.log10(value) + 1e-9)
    return f"{value / 10**exponent:.{digits}f}·10^{exponent}"


@_computes("exam.2")
def _vanishing_gradient(w: float, n: int) -> dict[str, Any]:
    return {"answer": w**n}


@_computes("exam.5")
def _basic_attention(b: int, c: int) -> dict[str, Any]:
    output, weights = basic_self_attention(torch.tensor([[1.0, 0.0], [0.0, b], [1.0, c]]))
    first, second, _ = weights[0].tolist()
    return {"answer": output[0, 1].item(), "first": first, "second": second}


@_computes("exam.8")
def _scaled_attention(q: int, values: tuple[int, int]) -> dict[str, Any]:
    query, keys = torch.tensor([[float(q), 0.0]]), torch.tensor([[1.0, 1.0], [0.0, 3.0]])
    output, weights = attention(query, keys, torch.tensor(values, dtype=torch.float32)[:, None])
    first, second = weights[0].tolist()
    score = q / math.sqrt(2)
    power = math.exp(score)
    answer = output.item()
    return {"answer": answer, "first": first, "second": second, "score": score, "power": power, "total": power + 1}


@_computes("exam.10")
def _parameters_of_heads(width_and_heads: tuple[int, int]) -> dict[str, Any]:
    width, n_head = width_and_heads
    with torch.device("meta"):
        count = sum(weight.numel() for weight in MultiHeadAttention(width, n_head, bias=False).parameters())
    return {"answer": count, "C": width, "H": n_head, "D": width // n_head}


@_computes("exam.12")
def _masked_weight(scores: tuple[int, ...]) -> dict[str, Any]:
    row = torch.tensor(scores, dtype=torch.float64).masked_fill(~causal_mask(4)[1], -math.inf)
    first, second, ratio = map(_power, (scores[0], scores[1], scores[1] - scores[0]))
    return {"answer": row.softmax(0)[0].item(), "first": first, "second": second, "ratio": ratio}


@_computes("exam.17")
def _layer_norm(x: tuple[int, ...]) -> dict[str, Any]:
    answer = torch.nn.functional.layer_norm(torch.tensor(x, dtype=torch.float64), (4,), eps=0)[2].item()
    mean = sum(x) // 4
    squares = [(feature - mean) ** 2 for feature in x]
    return {"answer": answer, "mean": mean, "squares": squares, "variance": sum(squares) // 4}


@_computes("exam.21")
def _cross_attention(n_head: int, source: int, target: int) -> dict[str, Any]:
    return {"answer": n_head * target * source, "of_a_head": target * source}


@_computes("exam.23")
def _parameters_of_gpt(vocabulary: int, context: int, n_layer: int) -> dict[str, Any]:
    config = presets.get("gpt0", vocab_size=vocabulary, block_size=context, n_layer=n_layer)
    count = accounting.parameters(config).total
    parts = {"tokens": 64 * vocabulary, "positions": 64 * context, "head": 64 * vocabulary + vocabulary}
    blocks = count - sum(parts.values()) - 128
    name = "GPT-0" if config == presets.get("gpt0") else "A GPT"
    return {"answer": count, "name": name, "block": blocks // n_layer, "blocks": blocks} | parts


@_computes("exam.26")
def _perplexity(bits: tuple[int, ...]) -> dict[str, Any]:
    loss = torch.tensor(bits, dtype=torch.float64).mul(math.log(2)).mean()
    answer = loss.exp().item()
    choices = ["two", "three", "four", "five", "six", "seven"][round(answer) - 2]
    inverses = [2**each for each in bits]
    return {"answer": answer, "loss": loss, "choices": choices, "inverses": inverses, "inverse": 2 ** sum(bits)}


@_computes("exam.29")
def _two_merges(letters: str, repeats: int) -> dict[str, Any]:
    text, pair = (letters * repeats)[:-1], letters[:2]
    times = ["", "", "twice", "three times", "four times", "five times"]
    numbers = ["", "", "", "three", "four", "five", "six", "seven", "eight", "nine"]
    answer = len(bpe.encode(text, bpe.train(text, 2)))
    return {
        "answer": answer,
        "text": text,
        "pair": pair,
        "merged": f" {letters[2]} ".join([pair] * repeats),
        "times": times[repeats],
        "fewer": times[repeats - 1],
        "n_merged": numbers[2 * repeats - 1],
        "left": numbers[answer],
    }


@_computes("exam.34")
def _parameters_of_blocks(model: tuple[str, str]) -> dict[str, Any]:
    config = presets.get(model[0])
    block, total = 12 * config.d_model**2 / 1e6, accounting.parameters(config).total / 1e6
    facts = {"block": block, "n_layer": config.n_layer, "width": config.d_model, "total": total}
    return facts | {"answer": config.n_layer * block}


@_computes("exam.35")
def _training_days(model: tuple[str, int, int], percent: int) -> dict[str, Any]:
    _, parameters, tokens = model
    flops, utilization = 6 * parameters * 1e9 * tokens * 1e9, percent / 100
    days = accounting.training_days(flops, device="A100", n_devices=1000, utilization=utilization)
    written = {"flops": flops, "speed": 312e15 * utilization, "seconds": 86400 * days}
    return {"answer": days, "utilization": utilization} | {name: _scientific(each) for name, each in written.items()}


@_computes("exam.37")
def _compute_optimal(billions: int) -> dict[str, Any]:
    return {
        "answer": billions,
        "budget": _scientific(120 * (billions * 1e9) ** 2),
        "size": _scientific(billions * 1e9, 1),
        "tokens": f"{20 * billions / 1000:g} trillion" if billions >= 50 else f"{20 * billions} billion",
        "known": "This is Chinchilla, and under its rule it"
        if billions == 70
        else "Under Chinchilla's rule, this model",
    }


@_computes("exam.41")
def _responsibility(gate: float, first: float, second: float) -> dict[str, Any]:
    one, two = round(gate * first, 4), round((1 - gate) * second, 4)
    return {"answer": one / (one + two), "other": 1 - gate, "one": one, "two": two, "total": one + two}


@_computes("exam.42")
def _m_step(y: tuple[int, ...], r: tuple[float, ...]) -> dict[str, Any]:
    total = sum(value * weight for value, weight in zip(y, r, strict=True))
    return {"answer": total / sum(r), "total": total, "share": sum(r)}


@_computes("exam.45")
def _ambiguity(numbers: tuple[int, int, int]) -> dict[str, Any]:
    one, two, target = numbers
    predictions, weights = torch.tensor([float(one), float(two)]), torch.tensor([0.5, 0.5])
    terms = ambiguity_decomposition(predictions, torch.tensor(float(target)), weights)
    return {
        "answer": terms.ambiguity.item(),
        "mean": (one + two) / 2,
        "distance": (two - one) / 2,
        "errors": ((one - target) ** 2, (two - target) ** 2),
        "average": terms.average.item(),
        "error": terms.ensemble.item(),
    }


@_computes("exam.50")
def _active_parameters(rest: int, each: int, n_active: int, n_expert: int) -> dict[str, Any]:
    return {"answer": rest + n_active * each, "total": rest + n_expert * each}


@_computes("exam.52")
def _balance(p: tuple[float, ...]) -> dict[str, Any]:
    answer = balance_loss(torch.tensor(p).expand(4, 4), torch.tensor([[0], [0], [1], [1]])).item()
    return {"answer": answer, "terms": (p[0] / 2, p[1] / 2), "total": (p[0] + p[1]) / 2}


@_computes("exam.53")
def _capacity(n_token: int, n_expert: int, factor: float) -> dict[str, Any]:
    share = 2 * n_token // n_expert
    return {"answer": int(factor * share), "assignments": 2 * n_token, "share": share}


@_computes("exam.55")
def _image_tokens(sizes: tuple[int, int]) -> dict[str, Any]:
    pixels, patch = sizes
    cut = patches(torch.empty(1, 3, pixels, pixels, device="meta"), patch)
    return {"answer": cut.shape[1], "width": cut.shape[2], "row": pixels // patch}


@_computes("exam.57")
def _cache(context: int) -> dict[str, Any]:
    config = presets.get("gpt3")
    answer, of_a_token = (
        accounting.kv_cache_bytes(config, context) / 2**30,
        accounting.kv_cache_bytes(config, 1) / 2**20,
    )
    return {"answer": answer, "of_a_token": of_a_token, "n_layer": config.n_layer, "width": config.d_model}


@_computes("exam.60")
def _preference(scores: tuple[float, float]) -> dict[str, Any]:
    first, second = (torch.tensor([score], dtype=torch.float64) for score in scores)
    difference = scores[0] - scores[1]
    return {
        "answer": bradley_terry_loss(first, second).neg().exp().item(),
        "difference": difference,
        "power": math.exp(-difference),
        "second": str(scores[1]).replace("-", "−"),
    }
