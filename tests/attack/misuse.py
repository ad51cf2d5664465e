"""Misuse of the API: every call must raise a ValueError that names the parameter and the value, at once.

Each public function and class has a call that works. Its parameters refuse what is of a wrong kind, which their
annotations say, so that a new parameter is covered at once; and the values here, one at a time. What training refuses
is in tests/training.
"""

import inspect
import math
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, NamedTuple, Union, get_args, get_origin

import torch
from jaxtyping import AbstractArray
from torch import Tensor, nn

from lecture21 import GPT, CharTokenizer, GPTConfig, TrainConfig, evaluate, generate, presets, shakespeare, split, train
from lecture21 import alignment as al
from lecture21 import mixtures as mx
from lecture21.accounting import (
    Grouped,
    Shape,
    activation_bytes,
    all_to_all_bytes,
    arithmetic_intensity,
    distinct_experts,
    flops_per_token,
    kv_cache_bytes,
    published,
    ridge_batch,
    ridge_point,
    sequence_flops,
    tokens_per_second,
    training_days,
    training_flops,
    weight_bytes,
    weights_read,
)
from lecture21.alignment.tuning import fine_tune
from lecture21.attention import SelfAttention, attention, basic_self_attention, causal_mask, windowed_attention
from lecture21.baselines import RNN, NGram, RNNConfig
from lecture21.data import described as described_words
from lecture21.data import mixtures as toys
from lecture21.data import numbers, phrases
from lecture21.data.agreement import Agreement
from lecture21.data.in_context import LinearRule, SymbolMapping
from lecture21.data.retrieval import Haystack
from lecture21.generation import Sampling, next_token_probabilities, stream
from lecture21.layers import (
    Block,
    FeedForward,
    KVCache,
    MultiHeadAttention,
    attention_maps,
    attention_weights,
    influence_by_distance,
)
from lecture21.layers.dropout import Dropout
from lecture21.layers.positions import LearnedPositions, Rotary, sinusoidal
from lecture21.moe import (
    MoEConfig,
    Router,
    SparseMoE,
    balance_loss,
    describe,
    rebalanced,
    route,
    statistics_of,
    within_capacity,
)
from lecture21.objectives import (
    bits_per_character,
    log_likelihood,
    mask_tokens,
    pad_batch,
    shift_right,
    token_cross_entropy,
    token_log_probabilities,
)
from lecture21.tokenizers import BPETokenizer, bpe, load_tokenizer, train_bpe
from lecture21.training import Muon, learning_rate, minimize, recipe, sample_windows, shuffled_windows
from lecture21.transformer import MaskedLM, Transformer, TransformerConfig, beam_search, greedy_decode
from lecture21.vision.digits import DigitReader, rotate_and_shift, shuffle_patches
from lecture21.vision.digits import split as split_digits
from lecture21.vision.model import ImageConditioned, VisionGPT
from lecture21.vision.patch_embedding import PatchEmbedding, patches
from lecture21.vision.sums import DigitAdder, PairSplit, draw_images, text_of

NAN, INF = math.nan, math.inf
IDS = torch.tensor([[1, 2, 3], [4, 5, 6]])
NOT_BATCH = (IDS + 0.5, IDS > 2, IDS.tolist(), "abc", IDS[0])
OUTSIDE = (IDS + 5, IDS - 5)  # of a vocabulary of 9
X = torch.linspace(-1, 1, 80).view(2, 5, 8)
MASK = torch.ones(5, 5, dtype=torch.bool)


class Case(NamedTuple):
    """A call that works, and for some of its parameters values that it must refuse besides those of a wrong kind."""

    call: Callable[..., object]
    works: dict[str, object]
    wrong: dict[str, tuple[object, ...]] = {}  # noqa: RUF012


def _configurations() -> Iterator[Case]:
    """What a field alone may not be is in tests/test_configurations.py."""
    moe = (3, {"n_expert": 0}, {"unknown": 1}, {"n_expert": 2, "top_k": 3})
    large = {"norm_eps": (10**400,), "rotary_base": (10**400,), "logit_cap": (10**400,)}
    yield Case(GPTConfig, {}, {"n_layer": (10**6,), "n_head": (3, 5), "n_kv_head": (3,), "moe": moe, **large})
    yield Case(RNNConfig, {}, {"n_layer": (10**6,)})
    yield Case(MoEConfig, {}, {"top_k": (9,), "capacity_factor": (0.0, 1e308), "eval_capacity_factor": (0.0, 1e308)})
    yield Case(TransformerConfig, {}, {"n_encoder_layer": (10**6,), "n_head": (3,), "pad": (65,)})
    yield Case(TrainConfig, {}, {"betas": ((1, 0.9), (0.9,), 0.9, "ab"), "seed": (2**64,), "precision": ("fp8",)})
    yield Case(al.PolicyConfig, {}, {"group": (1,), "seed": (2**64,)})
    yield Case(
        lambda name, **changes: presets.get(name, **changes), {"name": "gpt0"}, {"name": ("gpt9", 3), "layers": (3,)}
    )
    yield Case(published.get, {"name": "mixtral-8x7b"}, {"name": ("gpt9",)})
    yield Case(
        lambda preset, **changes: recipe(preset, **changes),
        {"preset": "gpt0"},
        {"preset": (3, None), "steps": (-1, 1.5)},
    )


def _layers() -> Iterator[Case]:
    yield Case(basic_self_attention, {"x": X}, {"x": (X[0, 0],)})
    yield Case(causal_mask, {"n_query": 3, "n_key": 4}, {"n_query": (5,), "n_key": (2,), "n_prefix": (5,)})
    yield Case(
        attention,
        {"q": X, "k": X, "v": X},
        {"q": (X[..., :3],), "k": (X[..., :3],), "v": (X[:, :2],), "mask": (MASK.float(), MASK[:3, :3], ~MASK)},
    )
    heads = X.view(2, 1, 5, 8)
    yield Case(
        windowed_attention,
        {"q": heads, "k": heads, "v": heads, "window": 2},
        {"q": (X,), "k": (X, heads[..., :3]), "v": (heads[:, :, :2],), "dropout": (1,)},
    )
    yield Case(SelfAttention, {"d_in": 8, "d_k": 4})
    yield Case(SelfAttention(8, 4), {"x": X}, {"x": (X[..., :3],)})
    yield Case(
        MultiHeadAttention,
        {"d_model": 8, "n_head": 2},
        {"n_head": (3,), "n_kv_head": (3,), "dropout": (1,), "attention_dropout": (1,)},
    )
    yield Case(
        MultiHeadAttention(8, 2),
        {"x": X},
        {"x": (X[..., :3],), "mask": (MASK.float(), MASK[:2], ~MASK), "memory": (X[:1], X[..., :3]), "n_prefix": (9,)},
    )
    yield Case(FeedForward, {"d_model": 8, "d_hidden": 9}, {"dropout": (1,)})
    yield Case(FeedForward(8, 9), {"x": X}, {"x": (X[..., :3],)})
    parts = {"d_model": 8, "attention": MultiHeadAttention(8, 2), "feed_forward": FeedForward(8, 9)}
    yield Case(Block, parts)
    yield Case(Block(**parts), {"x": X}, {"x": (X[..., :3],)})
    yield Case(Dropout, {"p": 0.5})
    yield Case(KVCache, {})
    yield Case(sinusoidal, {"n_position": 4, "d_model": 4}, {"n_position": (10**9,), "d_model": (3,)})
    yield Case(LearnedPositions, {"block_size": 4, "d_model": 4})
    yield Case(Rotary, {"block_size": 4, "d_head": 4}, {"d_head": (3,), "factor": (0.5,)})
    gpt = GPT(_SMALL)
    yield Case(attention_weights, {"model": gpt, "ids": IDS}, {"ids": (*OUTSIDE,)})
    yield Case(lambda model: attention_maps(model, IDS), {"model": gpt}, {"model": (torch.nn.Linear(2, 2), 3)})
    yield Case(influence_by_distance, {"model": gpt, "ids": IDS}, {"ids": (IDS[:, :0],)})


_SMALL = GPTConfig(vocab_size=9, block_size=8, n_layer=1, n_head=2, d_model=8)


def _mixtures_of_experts() -> Iterator[Case]:
    logits, experts = X, torch.tensor([[[0, 1]] * 5] * 2)
    probabilities = logits.softmax(-1)
    yield Case(
        route, {"logits": logits, "top_k": 2}, {"top_k": (9,), "gates": ("Sigmoid",), "bias": (torch.zeros(3), 1.0)}
    )
    yield Case(
        within_capacity,
        {"experts": experts, "n_expert": 8, "places": 3},
        {"experts": (experts[0], experts - 1, experts + 8)},
    )
    yield Case(
        balance_loss,
        {"probabilities": probabilities, "experts": experts},
        {"experts": (experts + 8, experts - 1, experts[:0]), "load": (torch.zeros(3),)},
    )
    yield Case(
        rebalanced,
        {"bias": torch.zeros(8), "experts": experts, "rate": 0.1},
        {"bias": (torch.zeros(1, 8), 0.0), "experts": (experts + 8,)},
    )
    yield Case(Router, {"d_model": 8, "config": MoEConfig()})
    yield Case(SparseMoE, {"d_model": 8, "d_hidden": 4}, {"dropout": (1,)})
    layer = SparseMoE(8, 4)
    yield Case(layer, {"x": X}, {"x": (X[..., :3], X * NAN)})
    yield Case(layer.explicit, {"x": X}, {"x": (X[..., :3], X * INF)})
    routing = layer.router(X)
    yield Case(
        describe,
        {"routing": routing, "ids": IDS.new_zeros(2, 5)},
        {"routing": (logits,), "ids": (IDS, IDS.new_zeros(2, 5) - 1, X[..., 0]), "gates": ("Sigmoid",)},
    )
    sparse = GPT(_SMALL.changed(moe=MoEConfig(4)))
    yield Case(statistics_of, {"model": sparse, "ids": IDS}, {"model": (GPT(_SMALL),), "ids": (*OUTSIDE,)})


def _models() -> Iterator[Case]:
    gpt, rnn = GPT(_SMALL), RNN(RNNConfig(vocab_size=9, n_layer=1, d_model=8))
    counts = NGram(2, 9).fit(torch.arange(9))
    yield Case(GPT, {"config": _SMALL}, {"config": (RNNConfig(),)})
    yield Case(RNN, {"config": RNNConfig(d_model=8)}, {"config": (_SMALL,)})
    yield Case(
        gpt,
        {"ids": IDS},
        {
            "ids": (*OUTSIDE, IDS.repeat(1, 3)),
            "prefix": (torch.zeros(2, 1, 3), torch.zeros(1, 1, 8)),
            "cache": (3, [KVCache()] * 2),
        },
    )
    for model in (gpt, rnn, counts):
        yield Case(model, {"ids": IDS}, {"ids": (*OUTSIDE,)})
        yield Case(
            model.loss, {"ids": IDS, "targets": IDS}, {"ids": (*OUTSIDE,), "targets": (*OUTSIDE, IDS.T, IDS[:, :1])}
        )
    yield Case(gpt.extend_context, {"block_size": 9}, {"window": (0, 1.5), "d_model": (4,)})
    yield Case(GPT.from_pretrained, {"name_or_directory": _saved(gpt)})
    yield Case(NGram, {"order": 2, "vocab_size": 9}, {"order": (100,)})
    yield Case(NGram(2, 9).fit, {"tokens": torch.arange(9)}, {"tokens": (torch.arange(10), IDS[0, :1])})
    c = TransformerConfig(9, block_size=8, n_head=2, d_model=8)
    translator = Transformer(c)
    yield Case(Transformer, {"config": c}, {"config": (_SMALL,)})
    yield Case(MaskedLM(c), {"ids": IDS}, {"ids": (*OUTSIDE,)})
    yield Case(
        translator,
        {"source": IDS, "target": IDS},
        {"source": (*OUTSIDE, IDS * 0, IDS[:1]), "target": (*OUTSIDE, IDS.repeat(1, 3))},
    )
    decode = {"model": translator, "source": IDS, "bos": 1, "eos": 2, "max_new": 4}
    refused = {"source": (*OUTSIDE,), "bos": (9,), "eos": (9, 0), "max_new": (9,)}
    yield Case(greedy_decode, decode, refused)
    yield Case(beam_search, {**decode, "width": 2}, {**refused})


def _saved(model: GPT) -> Path:
    folder = Path(tempfile.mkdtemp())
    model.save_pretrained(folder)
    return folder


def _generation() -> Iterator[Case]:
    gpt = GPT(_SMALL)
    logits = torch.linspace(-1, 1, 18).view(2, 9)
    choice = {"top_k": (10,), "top_p": (1.1,)}
    yield Case(next_token_probabilities, {"logits": logits}, {"logits": (logits * NAN, torch.tensor(1.0)), **choice})
    options = {**choice, "eos": (9,)}
    yield Case(generate, {"model": gpt, "ids": IDS, "n_new": 2}, {"ids": (*OUTSIDE, IDS[:, :0]), **options})
    yield Case(Sampling, {}, {"top_p": (1.1,)})
    yield Case(
        lambda **given: list(stream(**given)),
        {"model": gpt, "ids": IDS, "n_new": 2},
        {"model": (3, None), "ids": (*NOT_BATCH, IDS[:, :0]), "n_new": (-1, 1.5), "sampling": (3, {})},
    )


def _objectives() -> Iterator[Case]:
    logits = torch.linspace(-1, 1, 54).view(2, 3, 9)
    yield Case(shift_right, {"targets": IDS, "bos": 0})
    yield Case(pad_batch, {"sequences": [[1], [2, 3]], "pad": 0}, {"sequences": ([], [[1.5]], [IDS])})
    yield Case(
        mask_tokens,
        {"ids": IDS, "vocab_size": 9, "mask": 0},
        {"ids": (*OUTSIDE,), "mask": (-100, 9), "special": ([1.5], list(range(9))), "rate": (1.1,)},
    )
    yield Case(
        token_cross_entropy, {"logits": logits, "targets": IDS}, {"logits": (logits[0],), "targets": (*OUTSIDE, IDS.T)}
    )
    yield Case(
        token_log_probabilities,
        {"logits": logits, "targets": IDS},
        {"logits": (logits[0],), "targets": (*OUTSIDE, IDS.T)},
    )
    yield Case(log_likelihood, {"model": GPT(_SMALL), "ids": IDS}, {"ids": (*OUTSIDE, IDS[:, :1])})
    yield Case(bits_per_character, {"nats": 1.0, "characters": 3})


def _texts(folder: Path) -> Iterator[Case]:
    symbols, pairs = CharTokenizer.from_text("abc"), BPETokenizer.from_text("to be", 256)
    yield Case(CharTokenizer, {"symbols": "ab"}, {"symbols": ("ba", "aa", "")})
    yield Case(CharTokenizer.from_text, {"text": "ab"}, {"text": ("",)})
    for tokenizer in (symbols, pairs):
        wrong = ([tokenizer.vocab_size], [-1], [2**40], [1.5], ["a"], IDS, 3)
        yield Case(tokenizer.encode, {"text": "a"})
        yield Case(tokenizer.decode, {"ids": [0]}, {"ids": wrong})
        yield Case(lambda ids, t=tokenizer: list(t.stream(ids)), {"ids": [0]}, {"ids": wrong[:-1]})
    yield Case(symbols.encode, {"text": "a", "strict": True}, {"text": ("x",)})
    yield Case(pairs.encode, {"text": "a", "strict": True}, {"text": ("\ud800", " " * 10**6 + "a")})
    yield Case(BPETokenizer, {"encoding": pairs.encoding}, {"encoding": ("gpt2",)})
    yield Case(
        train_bpe,
        {"text": "to be or", "vocab_size": 257},
        {"vocab_size": (3, 10**6), "special_tokens": (("",), ("a", "a"))},
    )
    yield Case(bpe.train, {"text": "to be or", "n_merges": 1}, {"n_merges": (10**6,)})
    yield Case(bpe.encode, {"text": "to", "merges": []}, {"text": ("\ud800",), "merges": ([1],)})
    deep = folder / "tokenizer.json"
    deep.write_text("[" * 100_000)
    symbols.save(folder / "symbols.json")
    yield Case(load_tokenizer, {"path": folder / "symbols.json"}, {"path": (deep,)})
    yield Case(split, {"text": "abcdefghij"}, {"text": ("a",), "fraction": (1, 2.0)})
    yield Case(
        lambda edition: shakespeare(edition) if edition != "plays" else "",
        {"edition": "plays"},
        {"edition": ("bogus", "", 3, None)},
    )


def _training() -> Iterator[Case]:
    tokens, gpt = torch.arange(40) % 9, GPT(_SMALL)
    yield Case(evaluate, {"model": gpt, "tokens": tokens}, {"tokens": (tokens[:1], tokens + 5), "block_size": (9,)})
    yield Case(
        sample_windows,
        {"tokens": tokens, "block_size": 4, "batch_size": 2},
        {"tokens": (tokens[:4],), "block_size": (40,)},
    )
    yield Case(
        shuffled_windows,
        {"tokens": tokens, "block_size": 4, "batch_size": 2, "number": 0},
        {"tokens": (tokens[:4],), "block_size": (40,), "number": (10**9,)},
    )
    yield Case(learning_rate, {"step": 1, "config": TrainConfig(steps=10)}, {"step": (11,)})
    parameter = torch.nn.Parameter(torch.ones(2, 2))
    yield Case(Muon, {"params": [parameter]}, {"params": ([], [torch.nn.Parameter(torch.ones(2))]), "momentum": (1,)})
    yield Case(
        minimize,
        {"model": torch.nn.Linear(1, 1), "loss": lambda _: torch.zeros(()).requires_grad_(), "config": TrainConfig(0)},
        {"model": (torch.nn.Identity(),)},
    )
    yield Case(
        train,
        {"model": gpt, "tokens": tokens, "config": TrainConfig(steps=0, device="cpu")},
        {"tokens": (tokens[:4], tokens + 5), "val": (tokens + 5,), "out": ("",)},
    )


def _ensembles() -> Iterator[Case]:
    x, labels = torch.linspace(-1, 1, 16).view(8, 2), torch.tensor([0, 1] * 4)
    y = x[:, 0] + 0.1 * labels
    missing = x.clone()
    missing[0, 0] = NAN
    points = {"x": (missing, x[:0], x[0]), "y": (y[:3], x, y * NAN)}
    classes = {"x": points["x"], "y": (2 * labels - 1, labels[:3], labels + 5)}
    classify = mx.likelihood_learner(lambda: mx.LinearClassifier(2, 2), steps=1)
    regress = mx.likelihood_learner(lambda: mx.LinearGaussian(2), steps=1)
    yield Case(mx.likelihood_learner, {"make": lambda: mx.LinearGaussian(2)}, {"steps": (0,)})
    yield Case(
        regress, {"x": x, "y": y, "weights": torch.ones(8)}, {**points, "weights": (torch.ones(3), -y.abs(), y * 0)}
    )
    yield Case(
        mx.bag,
        {"learner": regress, "x": x, "y": y, "n_member": 2},
        {**points, "counts": (torch.ones(2, 3), -torch.ones(2, 8))},
    )
    yield Case(mx.adaboost, {"learner": classify, "x": x, "y": labels}, {**classes})
    yield Case(mx.l2_boost, {"learner": regress, "x": x, "y": y, "rounds": 1}, {**points, "shrinkage": (1.1,)})

    def experts() -> mx.Mixture:
        return mx.Mixture([mx.LinearGaussian(2), mx.LinearGaussian(2)], mx.LinearGate(2, 2))

    for fit in (mx.fit_em, mx.fit_gradient):
        yield Case(fit, {"mixture": experts(), "x": x, "y": y, "steps": 1}, points)
    yield Case(mx.LinearGaussian, {"d_in": 2})
    yield Case(mx.MLPGaussian, {"d_in": 2, "d_hidden": 3})
    yield Case(mx.LinearClassifier, {"d_in": 2, "n_class": 2}, {"n_class": (1,)})
    yield Case(mx.MLPClassifier, {"d_in": 2, "d_hidden": 3, "n_class": 2}, {"n_class": (1,)})
    yield Case(mx.LinearGate, {"d_in": 2, "n_member": 2})
    yield Case(mx.ConstantGate, {"weights": [0.5, 0.5]}, {"weights": ([], [0.5], [-1, 2], [NAN, 1], "ab")})
    yield Case(mx.UniformGate, {"n_member": 2})
    yield Case(
        mx.Mixture,
        {"members": [mx.LinearGaussian(2)], "gate": mx.UniformGate(1)},
        {"members": ([], [3]), "gate": (mx.UniformGate(2),)},
    )
    fitted = experts()
    for method in (fitted.log_prob, fitted.responsibilities, mx.LinearGaussian(2).log_prob):
        yield Case(method, {"x": x, "y": y}, {"x": (x[0], x[:, :1]), "y": (y[:3], x)})
    yield Case(fitted.mean, {"x": x}, {"x": (x[0], x[:, :1])})
    yield from _decompositions()


def _decompositions() -> Iterator[Case]:
    predictions, target = torch.linspace(-1, 1, 8).view(4, 2), torch.zeros(4)
    half = torch.tensor([0.5, 0.5])
    weights = (torch.tensor([0.5, 0.6]), torch.tensor([NAN, 1]), torch.ones(3) / 3, torch.ones(1))
    wrong = {
        "predictions": (predictions * NAN, torch.tensor(1.0)),
        "target": (target[:3], target[:, None], target[None], target * NAN),
        "weights": weights,
    }
    given = {"predictions": predictions, "target": target, "weights": half}
    yield Case(mx.ambiguity_decomposition, given, wrong)
    yield Case(mx.negative_correlation_loss, {**given, "kappa": 0.5}, {**wrong, "kappa": (1.1,)})
    logs = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    for function in (mx.log_pool_decomposition, mx.mixture_gap):
        yield Case(
            function,
            {"log_probabilities": logs, "target": torch.tensor([0, 1, 2, 0]), "weights": half},
            {
                "log_probabilities": (logs + 1, logs * NAN, logs[0, 0]),
                "target": (torch.tensor([0, 1, 2, 3]), torch.tensor([0, 1, 2, -1]), target),
                "weights": weights,
            },
        )
    yield Case(mx.majority_error, {"error": 0.3, "members": 3}, {"error": (1.1,)})
    setting = {"alpha": 1.5, "subset": 0.5, "noise": 0.1}
    ranges = {"alpha": (0,), "subset": (0, 1.1)}
    members = (0, 1.5, NAN, True, "x")
    yield Case(mx.ignorance, {"alpha": 1, "penalty": 0.1}, {"alpha": (0,)})
    yield Case(mx.sollich_krogh_error, {**setting, "members": 3, "penalty": 0.1}, {**ranges, "members": members})
    yield Case(mx.best_penalty, {**setting, "members": 3}, {**ranges, "members": members})
    yield Case(mx.equivalent_penalty, {"alpha": 1, "subset": 0.5, "penalty": 0.1}, ranges)
    yield Case(
        mx.simulate_ridge_ensemble,
        {**setting, "members": 2, "penalty": torch.tensor([0.1]).double(), "width": 4},
        {
            **ranges,
            "alpha": (0, 1e7),
            "penalty": (torch.tensor([-1.0]), torch.tensor([NAN]), 0.1, torch.zeros(1, 3), torch.zeros(0)),
            "width": (10**6,),
        },
    )
    for toy in (toys.three_regimes, toys.smooth, toys.soft_gate, toys.three_bands):
        yield Case(toy, {"n": 3, "seed": 0}, {"n": (0, -1), "seed": (-1,)})


def _alignment() -> Iterator[Case]:
    r = torch.linspace(-1, 1, 4)
    tokens, logits = X[..., 0], X
    mask = torch.ones(2, 5, dtype=torch.bool)
    pair = (r[:3], r[:0], r.long(), r * NAN, r.tolist())
    yield Case(al.bradley_terry_loss, {"chosen": r, "rejected": r}, {"chosen": pair, "rejected": pair})
    wrong = (tokens[:1], tokens * NAN, tokens.tolist(), tokens.long())
    yield Case(al.log_ratio_kl, {"policy": tokens, "reference": tokens}, {"policy": wrong, "reference": wrong})
    yield Case(
        al.token_kl,
        {"policy": logits, "reference": logits, "mask": mask},
        {"policy": (logits[:1], logits * NAN), "reference": (logits[:1],), "mask": (mask[:1],)},
    )
    yield Case(
        al.leave_one_out, {"rewards": r, "group": 2}, {"rewards": (r[:3], r[:0], r * NAN, X), "group": (1, 3, 2.0)}
    )
    yield Case(
        al.clipped_policy_loss,
        {"policy": tokens, "old": tokens, "advantages": r[:2], "clip": 0.2},
        {"policy": wrong, "old": wrong, "advantages": (r, r[:2] * NAN)},
    )
    four = {"chosen": r, "rejected": r, "reference_chosen": r, "reference_rejected": r}
    yield Case(al.dpo_loss, {**four, "beta": 0.1}, {**dict.fromkeys(four, pair)})
    third = torch.ones(3) / 3
    yield Case(
        al.best_policy,
        {"reference": third, "rewards": r[:3], "beta": 1.0},
        {"reference": (third * 2, -third, third * NAN, r, [1.0]), "rewards": (r, r[:3] * NAN, [1.0] * 3)},
    )
    yield Case(al.judge, {"prompt": "Where is the red cup?", "response": "I am busy."})
    ids = torch.tensor([[1, 2, 3, 4], [1, 2, 4, 0]])
    responses = {"ids": ids, "prompt_length": 2, "end": 0}
    yield Case(al.Responses, responses, {"ids": (ids[0], ids[:0], ids > 1, [[1]]), "prompt_length": (4,)})
    chosen, rejected = al.Responses(**responses), al.Responses(ids.flip(0)[:, [0, 1, 3, 2]], 2, 0)
    yield Case(
        al.PreferencePairs,
        {"chosen": chosen, "rejected": rejected, "flipped": torch.zeros(2, dtype=torch.bool)},
        {"chosen": (ids,), "rejected": (chosen,), "flipped": (torch.zeros(2), [True, False])},
    )
    gpt = GPT(_SMALL)
    yield Case(
        al.sample_responses,
        {"model": gpt, "prompts": IDS, "n_new": 2, "end": 0, "seed": 0},
        {"prompts": (*OUTSIDE, IDS[:0]), "n_new": (0, 9), "end": (9,)},
    )
    yield Case(al.RewardModel, {"model": gpt})
    yield Case(al.RewardModel(gpt), {"responses": chosen}, {"responses": (ids,)})
    none = TrainConfig(0)
    yield Case(fine_tune, {"policy": gpt, "demonstrations": chosen, "config": none}, {"demonstrations": (ids,)})
    pairs = al.PreferencePairs(chosen, rejected, torch.zeros(2, dtype=torch.bool))
    yield Case(
        al.train_dpo,
        {"policy": GPT(_SMALL), "reference": gpt, "pairs": pairs, "config": none, "beta": 0.1},
        {"pairs": (chosen,)},
    )
    yield Case(
        al.train_policy,
        {
            "policy": GPT(_SMALL),
            "reference": gpt,
            "reward": lambda responses: torch.zeros(len(responses)),
            "prompts": IDS,
            "config": al.PolicyConfig(1, prompts=1, group=2, n_new=2),
            "end": 0,
        },
        {
            "reward": (lambda responses: torch.zeros(1), lambda responses: torch.full((len(responses),), NAN)),
            "prompts": (IDS[:0],),
            "end": (9,),
        },
    )


def _vision() -> Iterator[Case]:
    images = torch.linspace(-1, 1, 128).view(2, 8, 8)
    wrong = (images.long(), images[0], images.tolist())
    yield Case(patches, {"images": images, "patch_size": 4}, {"images": wrong, "patch_size": (3, 16)})
    embed = {"image_size": (8, 8), "patch_size": 4, "d_model": 8}
    yield Case(PatchEmbedding, embed, {"image_size": ((8,), (0, 8), (8.0, 8), 8, "ab"), "patch_size": (3,)})
    embedding, gpt = PatchEmbedding(**embed), GPT(_SMALL.changed(block_size=16))
    yield Case(embedding, {"images": images}, {"images": (*wrong, images[:, :4], images[:, None].repeat(1, 3, 1, 1))})
    yield Case(
        VisionGPT,
        {"embedding": embedding, "gpt": gpt},
        {"embedding": (PatchEmbedding((8, 8), 4, 4),), "gpt": (GPT(_SMALL.changed(block_size=4)),)},
    )
    model = VisionGPT(embedding, gpt)
    stacked = images[:, None]
    yield Case(model, {"images": stacked, "ids": IDS}, {"images": (images, stacked[:1]), "ids": (*OUTSIDE,)})
    yield Case(
        model.generate,
        {"images": stacked, "prompt": IDS, "n_new": 2},
        {"images": (images, stacked[:1]), "prompt": (IDS[:, :0],), "n_new": (99,), "eos": (9,)},
    )
    yield Case(model.flops, {"n_text": 2})
    yield Case(ImageConditioned, {"model": model, "images": stacked}, {"images": (images[0],)})
    generator = torch.Generator().manual_seed(0)
    yield Case(
        shuffle_patches,
        {"images": images, "patch_size": 4, "generator": generator},
        {"images": wrong, "patch_size": (3,)},
    )
    yield Case(rotate_and_shift, {"images": images}, {"images": wrong})
    labels = torch.arange(10).repeat(10)
    yield Case(split_digits, {"labels": labels, "seed": 0}, {"labels": (labels[:0],), "held_out": (1,)})
    yield Case(DigitReader, {"patch_size": 4, "seed": 0}, {"patch_size": (3,)})
    reader, few = DigitReader(4, 0), torch.zeros(2, 8, 8)
    yield Case(
        reader.fit_names,
        {"images": few, "labels": torch.tensor([1, 2]), "config": TrainConfig(0)},
        {"images": (few[:1], few * NAN), "labels": (torch.tensor([1, 10]), torch.tensor([-1, 1]), torch.zeros(2))},
    )
    yield Case(reader.write, {"images": few[:, None]}, {"images": (few[0],), "begun": ("Q",)})
    yield Case(PairSplit, {"kind": "block", "seed": 0})
    yield Case(text_of, {"first": 1, "second": 2, "answer": "sum"}, {"first": (10,), "second": (10,)})
    yield Case(DigitAdder, {"seed": 0})
    yield Case(
        draw_images,
        {"pairs": torch.tensor([[1, 2]]), "labels": labels, "generator": generator},
        {
            "pairs": (torch.tensor([[1, 10]]), torch.tensor([[-1, 1]]), torch.tensor([[0.5, 1]]), [[1, 2]]),
            "labels": (labels[:1], labels + 1, labels - 1),
        },
    )


def _tasks() -> Iterator[Case]:
    agreement, haystack = Agreement(), Haystack()
    yield Case(Agreement, {})
    for draw in (agreement.beginnings, agreement.sentences):
        yield Case(draw, {"batch": 2, "distance": 4}, {"distance": (2,)})
    yield Case(
        agreement.score,
        {"predict": lambda ids: torch.zeros(len(ids), 44), "distance": 4, "n_sentence": 3},
        {"distance": (2,), "n_sentence": (4, -3)},
    )
    yield Case(
        agreement.loss,
        {"predict": lambda ids: torch.zeros(len(ids), 44), "distances": [4]},
        {"distances": ([], [2], 4)},
    )
    for draw in (described_words.sentences, described_words.sequences):
        yield Case(draw, {"n": 2}, {"n": (0,)})
    yield Case(SymbolMapping, {}, {"n_symbol": (27,), "n_used": (13,)})
    yield Case(LinearRule, {}, {"prime": (4, 37, 5.0, "5"), "n_pair": (6,)})
    yield Case(SymbolMapping().draw, {"batch": 2})
    yield Case(LinearRule().draw, {"batch": 2})
    yield Case(Haystack, {}, {"n_fact": (7,)})
    yield Case(haystack.draw, {"batch": 2, "length": 9}, {"length": (3,), "distance": (9,)})
    yield Case(haystack.fact, {"key": 1, "value": 1}, {"key": (6,), "value": (6,)})
    yield Case(
        haystack.score,
        {"model": lambda ids: torch.zeros(*ids.shape, haystack.vocab_size), "length": 9, "distance": 2, "n_text": 2},
        {"length": (3,), "distance": (9,)},
    )
    for spell in (numbers.to_digits, numbers.to_words, numbers.origins):
        yield Case(spell, {"n": 3}, {"n": (10**6,)})
    yield Case(numbers.sample, {"count": 3}, {"count": (10**6,), "max_digits": (7,)})
    yield Case(numbers.pairs, {"numbers": [3, 4]}, {"numbers": ([], [10**6], [1.5])})
    yield Case(phrases.sentence, {"rng": random.Random(0)})


def _costs() -> Iterator[Case]:
    config = GPTConfig()
    model = (3, "gpt0", None)
    yield Case(distinct_experts, {"n_expert": 8, "top_k": 2, "batch": 3}, {"top_k": (9,)})
    yield Case(flops_per_token, {"model": config}, {"model": model, "context": (33,)})
    yield Case(sequence_flops, {"config": config}, {"config": model, "context": (33,)})
    yield Case(activation_bytes, {"config": config}, {"config": model, "context": (33,), "dtype": ("mxfp4",)})
    yield Case(training_flops, {"model": config, "tokens": 3}, {"model": model})
    yield Case(training_days, {"flops": 1e20, "device": "A100"}, {"utilization": (1.1,)})
    yield Case(weight_bytes, {"model": config}, {"model": model})
    yield Case(kv_cache_bytes, {"model": config}, {"model": model, "context": (33,), "dtype": ("mxfp4",)})
    yield Case(all_to_all_bytes, {"model": published.get("mixtral-8x7b")}, {"model": (config,)})
    mixture = {"model": published.get("mixtral-8x7b")}
    for read in (weights_read, ridge_batch, tokens_per_second):
        device = {} if read is weights_read else {"device": "H100"}
        yield Case(read, {**mixture, **device}, {"model": (config,)})
    yield Case(arithmetic_intensity, {"batch": 3}, {"model": (config,)})
    yield Case(ridge_point, {"device": "A100"})
    yield Case(Grouped, {"n_head": 4, "n_kv_head": 2, "d_head": 8}, {"n_kv_head": (3,)})
    yield Case(Shape, {"vocab_size": 9, "d_model": 8, "n_layer": 1, "attention": Grouped(2, 2, 4), "d_ff": 8})


def cases(folder: Path) -> Iterator[Case]:
    """Yield every function and class with what works and what does not."""
    for part in (_configurations, _layers, _mixtures_of_experts, _models, _generation, _objectives, _training):
        yield from part()
    yield from _texts(folder)
    for part in (_ensembles, _alignment, _vision, _tasks, _costs):
        yield from part()


MAY_BE_0 = {"n_new", "n_position", "n_prefix", "bos", "eos", "end", "pad", "mask", "places", "step", "steps", "number"}
MAY_BE_0 |= {"seed", "n_adjective", "n_merges", "first", "second", "key", "value", "n", "alpha", "kappa", "error"}
MAY_BE_0 |= {"noise", "penalty", "rate", "lr", "weight_decay", "momentum", "dropout", "attention_dropout", "p"}
MAY_BE_0 |= {"tolerance", "nats", "flops"}
# A layer in a model's forward gets these from the model, which has checked them.
UNCHECKED = {"cache", "memory", "memory_mask", "memory_cache"}
# What a field of these may not be is in tests/test_configurations.py.
CONFIGURATIONS = (GPTConfig, RNNConfig, MoEConfig, TransformerConfig, TrainConfig, al.PolicyConfig, Grouped, Shape)


def annotations_of(call: Callable[..., object]) -> dict[str, object]:
    """Return what a call declares of its parameters: those of a class are its fields, or those of its constructor."""
    if is_dataclass(call):
        return {} if call in CONFIGURATIONS else {field.name: field.type for field in fields(call)}
    function = call.__init__ if isinstance(call, type) else call.forward if isinstance(call, nn.Module) else call
    declared = inspect.unwrap(getattr(function, "__func__", function)).__annotations__
    return {name: kind for name, kind in declared.items() if name != "return"}


def of_wrong_kinds(name: str, declared: object, value: object) -> tuple[object, ...]:
    """Return what a parameter must refuse by its kind; `value` is one that works."""
    kinds = get_args(declared) if get_origin(declared) in (Union, UnionType) else (declared,)
    none = () if type(None) in kinds else (None,)
    declared, *others = [kind for kind in kinds if kind is not type(None)]
    kind, *rules = get_args(declared) if get_origin(declared) is Annotated else (declared,)
    zero = () if name in MAY_BE_0 else (0,)
    if kind is object or torch.device in kinds or name in UNCHECKED:
        return ()
    if others:
        return (3, *none, *((value > 0, value.tolist()) if isinstance(value, Tensor) else ()))
    if kind is bool:
        return ("no", 1, *none)
    if kind is int:
        return (*((-1, *zero) if rules else ()), 1.5, True, "3", *((2**64,) if name == "seed" else ()))
    if kind in (float, int | float):
        return (-1.0, *zero, NAN, True, "x", *(() if "infinite" in str(rules) else (INF, 10**400)))
    if kind is str:
        return (3, b"abc", *(("bogus", "") if "one of" in str(rules) else ()), *none)
    if isinstance(kind, type) and issubclass(kind, AbstractArray):
        if not isinstance(value, Tensor):
            return (3.0,)
        several = set("*.") & set(kind.dim_str)
        n = len(kind.dim_str.split()) - len(several)
        wrong = (value[(0,) * (value.dim() - n + 1)],) if n else ()
        if value.dtype != torch.bool:
            wrong += (value > 0,)
        if "Num" not in str(kind):
            wrong += (value + 0.5 if "Int" in str(kind) else value.long(),)
        return (3.0, value.tolist(), *wrong, *(() if several else (value[None],)))
    if getattr(kind, "_is_protocol", False) and not rules:
        return ()
    return (3, *(("gpt0", {}) if isinstance(kind, type) else ()), *none)


def label_of(case: Case, name: str, value: object) -> str:
    """Return how a report names a call."""
    function = getattr(case.call, "__qualname__", type(case.call).__name__)
    shown = f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)[:60]
    return f"{function}({name}={shown})"


def is_named(name: str, value: object, message: str) -> bool:
    """Return whether a message names a parameter or its value: a tensor by its type, a size or a number."""
    if re.search(rf"\b{name}\b", message):
        return True
    if isinstance(value, Tensor):
        words = re.findall(r"-?\d+|[\w.]+", message)
        return any(str(part) in words for part in (value.dtype, *value.shape, *value.flatten().tolist()))
    if isinstance(value, list | tuple | dict):
        return any(is_named(name, part, message) for part in value)
    if isinstance(value, int | float | str | Path):
        return str(value)[:50] in message or repr(value)[:50] in message
    return value is not None and type(value).__name__ in message


def calls(folder: Path) -> tuple[int, list[str]]:
    """Make every call; one that returns, or raises anything but a ValueError that names the value, is a problem."""
    count, problems = 0, []
    for case in cases(folder):
        case.call(**case.works)
        wrong = [(name, value) for name, values in case.wrong.items() for value in values]
        for name, declared in annotations_of(case.call).items():
            wrong += [(name, value) for value in of_wrong_kinds(name, declared, case.works.get(name))]
        for name, value in wrong:
            count += 1
            label = label_of(case, name, value)
            try:
                case.call(**{**case.works, name: value})
            except ValueError as error:
                if not is_named(name, value, str(error)):
                    problems.append(f"{label}: not named in {str(error)[:200]!r}")
            except Exception as error:
                problems.append(f"{label}: {type(error).__name__}: {str(error)[:200]}")
            else:
                problems.append(f"{label}: nothing is raised")
    return count, problems
