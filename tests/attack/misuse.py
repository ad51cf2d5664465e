"""Misuse of the API: every call must raise, without the type checks that tests add, instead of returning numbers.

What training refuses, and with which message, is in tests/training.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from lecture21 import GPT, CharTokenizer, GPTConfig, generate, presets, shakespeare, split
from lecture21.attention import SelfAttention, attention, basic_self_attention, causal_mask
from lecture21.baselines import RNN, NGram, RNNConfig
from lecture21.layers import MultiHeadAttention
from lecture21.layers.positions import Rotary, sinusoidal
from lecture21.mixtures import LinearClassifier, LinearGaussian, adaboost, bag, l2_boost, likelihood_learner
from lecture21.moe import MoEConfig
from lecture21.tokenizers import BPETokenizer, load_tokenizer

_Call = tuple[str, Callable[[], object]]

_WRONG_SHAPES = {
    "vocab_size": (0, 1.5, "x"),
    "block_size": (0, -3, True),
    "n_layer": (0, None),
    "n_head": (0, 3, 5),
    "n_kv_head": (0, 3),
    "d_model": (0, 65),
    "d_ff": (0, -1),
    "activation": ("elu", None),
    "norm": ("batchnorm",),
    "norm_position": ("middle",),
    "position": ("absolute",),
    "dropout": (1.0, -0.1, math.nan),
    "norm_eps": (0.0, math.inf, 10**400),
    "window": (0, 2.5),
    "moe": (3, {"n_expert": 0}, {"unknown": 1}, {"n_expert": 2, "top_k": 3}),
    "initialization": ("xavier",),
}
_CONFIG = GPTConfig(vocab_size=9, block_size=8, n_layer=1, n_head=2, d_model=8)
_IDS = torch.tensor([[1, 2, 3], [4, 5, 6]])
_X = torch.randn(2, 5, 8)


def _configurations() -> Iterator[_Call]:
    for name, values in _WRONG_SHAPES.items():
        for value in values:
            yield f"GPTConfig({name}={value!r})", lambda n=name, v=value: GPTConfig(**{n: v})
    for values in ({"kind": "rnm"}, {"n_layer": 0}, {"dropout": 2}, {"d_model": "x"}):
        yield f"RNNConfig({values})", lambda v=values: RNNConfig(**v)
    for values in ({"n_expert": 0}, {"top_k": 0}, {"balance": "x"}, {"aux_weight": -1}):
        yield f"MoEConfig({values})", lambda v=values: MoEConfig(**v)
    yield "presets.get of an unknown name", lambda: presets.get("gpt9")
    yield "presets.get with an unknown field", lambda: presets.get("gpt0", layers=3)


def _models() -> Iterator[_Call]:
    gpt, rnn = GPT(_CONFIG), RNN(RNNConfig(vocab_size=9, n_layer=1, d_model=8))
    counts = NGram(2, 9).fit(torch.arange(9))
    for name, model in (("GPT", gpt), ("RNN", rnn)):
        yield f"{name}: one sequence", lambda m=model: m(_IDS[0])
        yield f"{name}: an id too large", lambda m=model: m(_IDS + 5)
        yield f"{name}: a negative id", lambda m=model: m(_IDS - 5)
    for name, model in (("GPT", gpt), ("RNN", rnn), ("NGram", counts)):
        yield f"{name}.loss: transposed targets", lambda m=model: m.loss(_IDS, _IDS.T)
        yield f"{name}.loss: fewer targets", lambda m=model: m.loss(_IDS, _IDS[:, :1])
        yield f"{name}.loss: fractions as targets", lambda m=model: m.loss(_IDS, _IDS + 0.5)
        yield f"{name}.loss: booleans as targets", lambda m=model: m.loss(_IDS, _IDS > 2)
        yield f"{name}.loss: a target too large", lambda m=model: m.loss(_IDS, _IDS + 5)
        yield f"{name}.loss: fractions as ids", lambda m=model: m.loss(_IDS + 0.5, _IDS)
    yield "GPT: a context that is too long", lambda: gpt(torch.zeros(1, 9, dtype=torch.long))
    yield "GPT: a prefix of the wrong width", lambda: gpt(_IDS, prefix=torch.zeros(2, 1, 3))
    for options in (
        {"temperature": 0},
        {"temperature": math.nan},
        {"top_k": 0},
        {"top_k": 10},
        {"top_p": 0},
        {"top_p": 1.1},
    ):
        yield f"generate with {options}", lambda o=options: generate(gpt, _IDS, 2, **o)
    yield "generate fewer than 0 tokens", lambda: generate(gpt, _IDS, -1)
    yield "generate from nothing", lambda: generate(gpt, _IDS[:, :0], 1)
    yield "a model that is nowhere", lambda: GPT.from_pretrained(Path("nowhere"))


def _layers() -> Iterator[_Call]:
    yield "basic_self_attention of a vector", lambda: basic_self_attention(torch.randn(3))
    yield "attention: other widths", lambda: attention(_X, _X[..., :4], _X)
    yield "attention: other lengths", lambda: attention(_X, _X, _X[:, :2])
    yield "attention: a mask of numbers", lambda: attention(_X, _X, _X, torch.ones(5, 5))
    yield "attention: a mask of another shape", lambda: attention(_X, _X, _X, torch.ones(3, 3, dtype=torch.bool))
    yield "attention: a row without a key", lambda: attention(_X, _X, _X, torch.zeros(5, 5, dtype=torch.bool))
    yield "MultiHeadAttention: a mask of numbers", lambda: MultiHeadAttention(8, 2)(_X, mask=torch.ones(5, 5))
    yield "MultiHeadAttention: heads that do not divide", lambda: MultiHeadAttention(8, 3)
    yield "SelfAttention of no width", lambda: SelfAttention(0, 4)
    yield "causal_mask of a negative length", lambda: causal_mask(-1)
    yield "causal_mask with more queries than keys", lambda: causal_mask(3, 2)
    yield "sinusoidal of an odd width", lambda: sinusoidal(4, 3)
    yield "Rotary of an odd width", lambda: Rotary(4, 3)


def _texts(folder: Path) -> Iterator[_Call]:
    symbols = CharTokenizer.from_text("abc")
    yield "CharTokenizer of no text", lambda: CharTokenizer.from_text("")
    yield "CharTokenizer that is not sorted", lambda: CharTokenizer("ba")
    yield "encode an unknown symbol, strictly", lambda: symbols.encode("x", strict=True)
    for ids in ([4], [-1], [2**40]):
        yield f"decode {ids}", lambda i=ids: symbols.decode(i)
    yield "BPE with too small a vocabulary", lambda: BPETokenizer.from_text("abc", 3)
    pairs = BPETokenizer.from_text("to be", 256)
    yield "BPE of a million spaces", lambda: pairs.encode(" " * 10**6 + "a")
    (folder / "tokenizer.json").write_text("[" * 100_000)
    yield "load a tokenizer that is nested too deeply", lambda: load_tokenizer(folder / "tokenizer.json")
    yield "split at 0", lambda: split("abc", 0)
    yield "split at 2", lambda: split("abc", 2.0)
    yield "an unknown edition", lambda: shakespeare("folio")


def _ensembles() -> Iterator[_Call]:
    x, labels = torch.randn(8, 2), torch.tensor([0, 1] * 4)
    missing = x.clone()
    missing[0, 0] = math.nan
    classify = likelihood_learner(lambda: LinearClassifier(2, 2), steps=1)
    regress = likelihood_learner(lambda: LinearGaussian(2), steps=1)
    yield "adaboost: labels -1 and 1", lambda: adaboost(classify, x, 2 * labels - 1)
    yield "adaboost: missing data", lambda: adaboost(classify, missing, labels)
    yield "bag: missing data", lambda: bag(classify, missing, labels)
    yield "l2_boost: missing data", lambda: l2_boost(regress, missing, labels.float())


def calls(folder: Path) -> tuple[int, list[str]]:
    """Make every call; one that returns, or raises something else, is a problem."""
    count, problems = 0, []
    for label, call in (*_configurations(), *_models(), *_layers(), *_texts(folder), *_ensembles()):
        count += 1
        try:
            call()
        except (ValueError, TypeError, IndexError, RuntimeError):  # the last two are torch's own, for shapes
            continue
        except Exception as error:
            problems.append(f"{label}: {type(error).__name__}: {str(error)[:200]}")
        else:
            problems.append(f"{label}: nothing is raised")
    return count, problems
