"""The questions of the exam that are asked with other numbers: their texts, and their answers computed by the package.

The first value of each argument is that of `exam.json`, so that the first ones together give the stored question.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Asked:
    """A question with one choice of numbers."""

    text: str
    answer: int | float
    explanation: str


@dataclass(frozen=True)
class Redrawn:
    """A question whose numbers are drawn: how to ask it, and the values of each argument."""

    ask: Callable[..., Asked]
    values: dict[str, tuple[Any, ...]]

    def stored(self) -> Asked:
        """Ask it with the numbers of `exam.json`."""
        return self.ask(**{name: values[0] for name, values in self.values.items()})

    def draw(self, rng: random.Random) -> Asked:
        """Ask it with numbers that are not all those of the book, whose answer students can know."""
        while True:
            drawn = {name: rng.choice(values) for name, values in self.values.items()}
            if any(drawn[name] != values[0] for name, values in self.values.items()):
                return self.ask(**drawn)


REDRAWN: dict[str, Redrawn] = {}
"""The questions whose numbers are drawn, by their ids."""


def _redrawn(id: str, **values: tuple[Any, ...]) -> Callable[[Callable[..., Asked]], Callable[..., Asked]]:
    """Return a decorator that adds a question to `REDRAWN`."""

    def add(ask: Callable[..., Asked]) -> Callable[..., Asked]:
        REDRAWN[id] = Redrawn(ask, values)
        return ask

    return add


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _power(exponent: int) -> str:
    """Return e to a small power as it is written by hand."""
    return {-2: "1/e²", -1: "1/e", 0: "1", 1: "e", 2: "e²", 3: "e³"}[exponent]


def _scientific(value: float, digits: int = 2) -> str:
    exponent = math.floor(math.log10(value) + 1e-9)
    return f"{value / 10**exponent:.{digits}f}·10^{exponent}"


@_redrawn("exam.2", w=(0.9, 0.8, 0.85, 0.95), n=(20, 10, 15))
def _vanishing_gradient(w: float, n: int) -> Asked:
    factor = w**n
    return Asked(
        f"An RNN has one unit and the recurrent weight {w}, and all its states are near 0. By what factor is a "
        f"gradient multiplied on its way back over {n} steps?",
        factor,
        f"One step has the factor w · (1 − h²), and near h = 0 the slope of tanh is 1. The factor of {n} steps is "
        f"{w}^{n} = {factor:.3g}. The gradient vanishes exponentially with the distance, which is called the "
        "vanishing gradient.",
    )


@_redrawn("exam.5", b=(2, 3, 4, 5), c=(1, 2, 3))
def _basic_attention(b: int, c: int) -> Asked:
    output, weights = basic_self_attention(torch.tensor([[1.0, 0.0], [0.0, b], [1.0, c]]))
    first, second, _ = weights[0].tolist()
    answer = output[0, 1].item()
    return Asked(
        f"Three tokens have the vectors (1, 0), (0, {b}) and (1, {c}). Apply basic self-attention. What is the "
        "second component of the output of the first token?",
        answer,
        f"The scores of the first token are 1, 0 and 1, so its weights are e/(2e + 1) = {first:.3f}, 1/(2e + 1) = "
        f"{second:.3f} and {first:.3f}. The second component is {first:.3f} · 0 + {second:.3f} · {b} + {first:.3f} "
        f"· {c} = {answer:.3g}.",
    )


@_redrawn("exam.8", q=(2, 1, 3), values=((4, 8), (2, 6), (10, 4), (1, 9)))
def _scaled_attention(q: int, values: tuple[int, int]) -> Asked:
    keys = torch.tensor([[1.0, 1.0], [0.0, 3.0]])
    output, weights = attention(
        torch.tensor([[float(q), 0.0]]), keys, torch.tensor(values, dtype=torch.float32)[:, None]
    )
    (first, second), answer = weights[0].tolist(), output.item()
    score = q / math.sqrt(2)
    return Asked(
        f"A query is ({q}, 0). The two keys are (1, 1) and (0, 3), and their values are the numbers {values[0]} and "
        f"{values[1]}. What is the output of scaled dot-product attention?",
        answer,
        f"The dot products are {q} and 0, and divided by √2 they are {score:.3f} and 0. The weights are "
        f"{math.exp(score):.3f}/{math.exp(score) + 1:.3f} = {first:.3f} and {second:.3f}, so the output is "
        f"{first:.3f} · {values[0]} + {second:.3f} · {values[1]} = {answer:.3g}.",
    )


@_redrawn("exam.10", shape=((512, 8), (256, 4), (768, 12), (1024, 16)))
def _parameters_of_heads(shape: tuple[int, int]) -> Asked:
    width, n_head = shape
    with torch.device("meta"):
        count = sum(weight.numel() for weight in MultiHeadAttention(width, n_head, bias=False).parameters())
    return Asked(
        f"How many parameters does multi-head attention have with C = {width} and {n_head} heads of width "
        f"{width // n_head}, without biases?",
        count,
        f"The queries of all heads together come from one {width} × {width} matrix, as do the keys and the values, "
        f"and the output projection is a fourth: 4 · {width}² = {count:,}. The number of heads does not matter, nor "
        "does the length of the text.",
    )


@_redrawn("exam.12", scores=((1, 2, 3, 0), (1, 3, 2, 0), (2, 1, 0, 3), (3, 1, 0, 2), (2, 3, 0, 1)))
def _masked_weight(scores: tuple[int, ...]) -> Asked:
    row = torch.tensor(scores, dtype=torch.float64).masked_fill(~causal_mask(4)[1], -math.inf)
    answer = row.softmax(0)[0].item()
    one, two = scores[:2]
    return Asked(
        f"In a text of four tokens, the second token has the scores {_listed(list(map(str, scores)))}. Which "
        "attention weight does it give to the first token under the causal mask?",
        answer,
        f"The second token may attend to tokens 1 and 2 only, with the scores {one} and {two}. Its weight on the "
        f"first is {_power(one)}/({_power(one)} + {_power(two)}) = 1/(1 + {_power(two - one)}) = {answer:.3g}.",
    )


@_redrawn("exam.17", x=((2, 4, 6, 8), (0, 4, 6, 10), (2, 2, 8, 4), (3, 1, 7, 5), (1, 5, 7, 7)))
def _layer_norm(x: tuple[int, ...]) -> Asked:
    features = torch.tensor(x, dtype=torch.float64)
    answer = torch.nn.functional.layer_norm(features, (4,), eps=0)[2].item()
    mean, squares = sum(x) // 4, [(each - sum(x) // 4) ** 2 for each in x]
    return Asked(
        f"A token has the features {x}. What is its third feature after LayerNorm with gain 1, bias 0 and a "
        "negligible ε?",
        answer,
        f"The mean is {mean} and the variance ({' + '.join(map(str, squares))})/4 = {sum(squares) // 4}. The third "
        f"feature becomes ({x[2]} − {mean})/√{sum(squares) // 4} = {answer:.3f}.",
    )


@_redrawn("exam.21", n_head=(8, 4, 6, 12), source=(7, 6, 9, 11), target=(5, 4, 8, 3))
def _cross_attention(n_head: int, source: int, target: int) -> Asked:
    each, count = target * source, n_head * target * source
    return Asked(
        f"A cross-attention layer has {n_head} heads. The source has {source} tokens and the target {target}. How "
        "many attention weights does the layer compute?",
        count,
        f"The queries come from the {target} target tokens and the keys from the encoder memory, one vector for "
        f"each of the {source} source tokens. Each head has {target} · {source} = {each} weights, and {n_head} "
        f"heads have {count}. No causal mask removes any of them, because the complete source is known.",
    )


@_redrawn("exam.23", vocabulary=(65, 64, 80, 100), context=(32, 64, 128), n_layer=(4, 3, 6))
def _parameters_of_gpt(vocabulary: int, context: int, n_layer: int) -> Asked:
    config = presets.get("gpt0", vocab_size=vocabulary, block_size=context, n_layer=n_layer)
    count = accounting.parameters(config).total
    name = "GPT-0" if config == presets.get("gpt0") else "A GPT"
    head = 64 * vocabulary + vocabulary
    block = (count - head - 64 * vocabulary - 64 * context - 128) // n_layer
    return Asked(
        f"{name} has {vocabulary} symbols, a context of {context}, width 64, and {n_layer} blocks with {block:,} "
        "parameters each. It also has a token table, a position table, a final LayerNorm with gain and bias, and "
        "an untied head with bias. How many parameters does it have?",
        count,
        f"The blocks have {n_layer} · {block:,} = {n_layer * block:,} parameters, the token table "
        f"{64 * vocabulary:,}, the position table {64 * context:,}, the final norm 128, and the head 64 · "
        f"{vocabulary} + {vocabulary} = {head:,}. The sum is {count:,}.",
    )


@_redrawn("exam.26", bits=((1, 2, 2), (1, 1, 2), (1, 3, 3), (2, 2, 3), (2, 3, 3)))
def _perplexity(bits: tuple[int, ...]) -> Asked:
    inverse = 2 ** sum(bits)
    answer = torch.tensor(bits, dtype=torch.float64).mul(math.log(2)).mean().exp().item()
    words = ["two", "three", "four", "five", "six", "seven"]
    return Asked(
        f"A model gives the three tokens of a text the probabilities {_listed([f'1/{2**each}' for each in bits])}. "
        "What is its perplexity on this text?",
        answer,
        f"The text has the probability 1/{inverse}, so the loss is ln {inverse} / 3 = {math.log(inverse) / 3:.3f} "
        f"nats per token. Its exponential, the perplexity, is the third root of {inverse}, which is {answer:.3g}. "
        f"The model is as uncertain as in a uniform choice among about {words[round(answer) - 2]} tokens.",
    )


@_redrawn("exam.29", letters=("abc", "ten", "sun", "xyz"), repeats=(3, 4, 5))
def _two_merges(letters: str, repeats: int) -> Asked:
    text = (letters * repeats)[:-1]
    a, b, c = letters
    times = ["", "", "twice", "three times", "four times", "five times"]
    numbers = ["", "", "", "three", "four", "five", "six", "seven", "eight", "nine"]
    left = len(bpe.encode(text, bpe.train(text, 2)))
    return Asked(
        f"BPE applies two merges to the single word `{text}`. Each time it merges the most frequent pair. How many "
        "tokens remain?",
        left,
        f"The pair `{a} {b}` occurs {times[repeats]}, and merging it gives `{f' {c} '.join([a + b] * repeats)}`, "
        f"{numbers[2 * repeats - 1]} tokens. Now `{a}{b} {c}` and `{c} {a}{b}` both occur {times[repeats - 1]}. "
        f"Merging either of them {times[repeats - 1]} leaves {numbers[left]} tokens.",
    )


@_redrawn("exam.34", model=(("gpt2-xl", "XL"), ("gpt2-large", "Large"), ("gpt2-medium", "Medium")))
def _parameters_of_blocks(model: tuple[str, str]) -> Asked:
    config = presets.get(model[0])
    total = accounting.parameters(config).total / 1e6
    each = 12 * config.d_model**2 / 1e6
    return Asked(
        f"GPT-2 {model[1]} has {config.n_layer} blocks of width {config.d_model:,}. About how many millions of "
        "parameters do the weight matrices of its blocks have?",
        config.n_layer * each,
        "Each block has four C × C matrices in attention and two of C × 4C in the feed-forward network, together "
        f"12 C² = {each:.2f} million. For {config.n_layer} blocks these are {config.n_layer * each:,.0f} million of "
        f"GPT-2 {model[1]}'s {total:,.0f} million; most of the rest is the token table.",
    )


@_redrawn(
    "exam.35",
    model=(("GPT-3", 175, 300), ("Gopher", 280, 300), ("Chinchilla", 70, 1400), ("LLaMA-65B", 65, 1400)),
    percent=(30, 40, 50),
)
def _training_days(model: tuple[str, int, int], percent: int) -> Asked:
    name, parameters, tokens = model
    flops = 6 * parameters * 1e9 * tokens * 1e9
    days = accounting.training_days(flops, device="A100", n_devices=1000, utilization=percent / 100)
    return Asked(
        f"{name} has {parameters} billion parameters and was trained on {tokens:,} billion tokens. How many days "
        f"would this take on 1,000 A100s with a peak of 312 trillion FLOP/s each, at a utilization of {percent} %?",
        days,
        f"F = 6 · {parameters}·10^9 · {tokens:,}·10^9 = {_scientific(flops)} FLOPs. The machine performs 1,000 · "
        f"312·10^12 · {percent / 100:g} = {_scientific(312e15 * percent / 100)} FLOPs per second, so the run takes "
        f"{_scientific(86400 * days)} seconds, or {days:.0f} days.",
    )


@_redrawn("exam.37", billions=(70, 10, 20, 30, 50))
def _compute_optimal(billions: int) -> Asked:
    size, budget = billions * 1e9, _scientific(120 * (billions * 1e9) ** 2)
    tokens = f"{20 * billions / 1000:g} trillion" if billions >= 50 else f"{20 * billions} billion"
    known = "This is Chinchilla, and under its rule it" if billions == 70 else "Under Chinchilla's rule, this model"
    return Asked(
        f"A budget of {budget} FLOPs is divided by the rule of 20 tokens per parameter. How many parameters does "
        "the model have, in billions?",
        billions,
        f"F = 6 N · 20 N = 120 N², so N = √({budget} / 120) = {_scientific(size, 1)}, which is {billions} billion "
        f"parameters and {tokens} tokens. {known} is compute-optimal. Parameters and tokens both grow with the "
        "square root of the budget.",
    )


@_redrawn("exam.41", gate=(0.2, 0.3, 0.4), first=(0.9, 0.8, 0.7), second=(0.1, 0.2, 0.3))
def _responsibility(gate: float, first: float, second: float) -> Asked:
    one, two = round(gate * first, 4), round((1 - gate) * second, 4)
    answer = one / (one + two)
    return Asked(
        f"A gate gives two experts the weights {gate:g} and {1 - gate:g}. The experts give the observed y the "
        f"probabilities {first} and {second}. What is the responsibility of the first expert?",
        answer,
        f"The products are {gate:g} · {first} = {one:g} and {1 - gate:g} · {second} = {two:g}, so the "
        f"responsibility is {one:g}/{one + two:g} = {answer:.3f}. This is Bayes' theorem: the gate is the prior and "
        "the responsibility the posterior.",
    )


@_redrawn(
    "exam.42", y=((1, 4, 10), (2, 5, 8), (3, 6, 9), (2, 4, 7)), r=((0.9, 0.5, 0.1), (0.8, 0.4, 0.3), (0.7, 0.6, 0.2))
)
def _m_step(y: tuple[int, ...], r: tuple[float, ...]) -> Asked:
    total = sum(each * weight for each, weight in zip(y, r, strict=True))
    answer = total / sum(r)
    terms = " + ".join(f"{weight} · {each}" for each, weight in zip(y, r, strict=True))
    return Asked(
        f"An expert is a normal distribution with a constant mean. The data are y = {_listed(list(map(str, y)))}, "
        f"and the expert's responsibilities are {_listed(list(map(str, r)))}. Which mean does the M-step give it?",
        answer,
        f"The weighted sum is {terms} = {total:g}, and the responsibilities sum to {sum(r):g}, so the mean is "
        f"{answer:.3g}. The M-step maximizes the weighted log-likelihood of each expert.",
    )


@_redrawn("exam.45", numbers=((3, 6, 5), (2, 8, 4), (1, 5, 4), (4, 10, 6), (3, 8, 7)))
def _ambiguity(numbers: tuple[int, int, int]) -> Asked:
    one, two, target = numbers
    weights = torch.tensor([0.5, 0.5])
    terms = ambiguity_decomposition(torch.tensor([float(one), float(two)]), torch.tensor(float(target)), weights)
    answer, average, error = terms.ambiguity.item(), terms.average.item(), terms.ensemble.item()
    return Asked(
        f"Two experts predict {one} and {two} for the target {target}, each with the weight 1/2. What is the "
        "ambiguity?",
        answer,
        f"The ensemble predicts {(one + two) / 2:g}, and both experts are {(two - one) / 2:g} away from it, so the "
        f"ambiguity is {answer:g}. The average error is ({(one - target) ** 2} + {(two - target) ** 2})/2 = "
        f"{average:g} and the ensemble's error {error:g}, which is {average:g} − {answer:g}.",
    )


@_redrawn("exam.50", rest=(60, 40, 80), each=(100, 50, 200), n_active=(2, 3), n_expert=(8, 16))
def _active_parameters(rest: int, each: int, n_active: int, n_expert: int) -> Asked:
    active, total = rest + n_active * each, rest + n_expert * each
    return Asked(
        f"A model has {rest} million parameters outside its experts. Its experts have {each} million parameters "
        f"each, counted over all layers, and each token uses {n_active} of {n_expert}. How many million parameters "
        "are active for one token?",
        active,
        f"The active parameters are {rest} + {n_active} · {each} = {active} million, and all parameters are {rest} "
        f"+ {n_expert} · {each} = {total} million. The active ones determine the computation per token and the "
        "total determines the memory.",
    )


@_redrawn(
    "exam.52",
    p=((0.4, 0.4, 0.1, 0.1), (0.3, 0.4, 0.2, 0.1), (0.5, 0.4, 0.06, 0.04), (0.3, 0.3, 0.2, 0.2), (0.5, 0.2, 0.2, 0.1)),
)
def _balance(p: tuple[float, ...]) -> Asked:
    answer = balance_loss(torch.tensor(p).expand(4, 4), torch.tensor([[0], [0], [1], [1]])).item()
    return Asked(
        "A router has four experts. The experts receive the fractions f = (1/2, 1/2, 0, 0) of the tokens, and "
        f"their mean probabilities are P = {p}. What is the balance loss E · Σ f P?",
        answer,
        f"Σ f P = {p[0] / 2:g} + {p[1] / 2:g} = {(p[0] + p[1]) / 2:g}, and multiplied by E = 4 it is {answer:.3g}. "
        "At balance the loss is 1, and if a single expert received everything with probability 1 it would be 4. "
        "The gradient flows through P only, since f is piecewise constant.",
    )


@_redrawn("exam.53", n_token=(1024, 512, 2048), n_expert=(8, 16), factor=(1.25, 1.5, 2.0))
def _capacity(n_token: int, n_expert: int, factor: float) -> Asked:
    share = 2 * n_token // n_expert
    answer = int(factor * share)
    return Asked(
        f"A batch has {n_token:,} tokens, and each is sent to 2 of {n_expert} experts. How many tokens does each "
        f"expert process at most, with a capacity factor of {factor:g}?",
        answer,
        f"There are {n_token:,} · 2 = {2 * n_token:,} assignments, so the equal share is {2 * n_token:,}/{n_expert} "
        f"= {share}, and the capacity is {factor:g} · {share} = {answer}. Tokens beyond the capacity are dropped: "
        "the expert adds nothing to them. A token that both of its experts drop is carried on by the residual "
        "stream alone.",
    )


@_redrawn("exam.55", sizes=((224, 16), (256, 16), (384, 16), (224, 32), (336, 14)))
def _image_tokens(sizes: tuple[int, int]) -> Asked:
    pixels, patch = sizes
    cut = patches(torch.empty(1, 3, pixels, pixels, device="meta"), patch)
    count, width, row = cut.shape[1], cut.shape[2], pixels // patch
    return Asked(
        f"An image of {pixels} × {pixels} pixels with three colors is cut into patches of {patch} × {patch} pixels. "
        "How many image tokens does this give?",
        count,
        f"A row has {pixels}/{patch} = {row} patches, and there are {row} rows, so the image has {count} tokens. "
        f"Each patch is a vector of {patch} · {patch} · 3 = {width} numbers, which the patch embedding maps "
        "linearly to the width of the model.",
    )


@_redrawn("exam.57", context=(2048, 512, 1024, 1536))
def _cache(context: int) -> Asked:
    config = presets.get("gpt3")
    answer = accounting.kv_cache_bytes(config, context) / 2**30
    return Asked(
        f"GPT-3 has {config.n_layer} layers of width {config.d_model:,}. Treat all of them as dense attention, with "
        f"keys and values stored in 16 bits. How many GiB does the KV cache of one text of {context:,} tokens take? "
        "(1 GiB is 2^30 bytes.)",
        answer,
        f"Each token takes 2 · {config.n_layer} · {config.d_model:,} · 2 bytes = "
        f"{accounting.kv_cache_bytes(config, 1) / 2**20:g} MiB, and {context:,} tokens take {answer:g} GiB. The "
        "cache grows in proportion to the context and to the number of texts in the batch.",
    )


@_redrawn("exam.60", scores=((2.0, 0.5), (1.5, 0.5), (3.0, 1.0), (0.5, -0.5), (2.5, 2.0)))
def _preference(scores: tuple[float, float]) -> Asked:
    first, second = (torch.tensor([score], dtype=torch.float64) for score in scores)
    answer = bradley_terry_loss(first, second).neg().exp().item()
    distance = scores[0] - scores[1]
    return Asked(
        f"A reward model gives two responses the scores {scores[0]} and {str(scores[1]).replace('-', '−')}. With "
        "which probability does a person prefer the first, according to the Bradley–Terry model?",
        answer,
        f"The difference is {distance:g}, and σ({distance:g}) = 1/(1 + {math.exp(-distance):.3f}) = {answer:.3f}. "
        "Only differences matter, so adding the same number to all scores changes nothing.",
    )
