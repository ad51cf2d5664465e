"""Models and tokenizers carried over to Hugging Face's `transformers` and back, with the same logits and the same ids.

`GPT.from_pretrained` needs none of this, nor `transformers`: it reads the files themselves. Here are the objects.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import tiktoken
import tiktoken_ext.openai_public
import torch
from jaxtyping import Int
from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from torch import Tensor

from lecture21._support.storage import load_weights
from lecture21.config import GPTConfig
from lecture21.gpt import GPT
from lecture21.huggingface.dispatch import config_from, config_to, tensors_from, tensors_to
from lecture21.huggingface.files import TOKENIZER_FILES, locate
from lecture21.tokenizers.bpe import PATTERN, SYMBOLS
from lecture21.tokenizers.encodings import END_OF_TEXT, spell, unspell

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_CLASSES = {
    "openai-gpt": ("OpenAIGPTConfig", "OpenAIGPTLMHeadModel"),
    "gpt2": ("GPT2Config", "GPT2LMHeadModel"),
    "mixtral": ("MixtralConfig", "MixtralForCausalLM"),
    "qwen3_moe": ("Qwen3MoeConfig", "Qwen3MoeForCausalLM"),
}
# How GPT-2 cuts a text, as its authors wrote it and as tiktoken writes it, which matches the same but never goes back.
_PATTERNS = (PATTERN, getattr(tiktoken_ext.openai_public, "r50k_pat_str", PATTERN))
_END_OF_WORD = "</w>"  # GPT-1 marks where a word ends, GPT-2 keeps the space before it


def _transformers() -> ModuleType:
    try:
        import transformers
    except ImportError as error:
        raise ImportError("this needs transformers, which is not installed: pip install transformers") from error
    return transformers


def from_huggingface(model: "PreTrainedModel") -> GPT:
    """Return the GPT that computes what a model of `transformers` does, in evaluation mode.

    The model is an `OpenAIGPTLMHeadModel`, `GPT2LMHeadModel`, `MixtralForCausalLM` or `Qwen3MoeForCausalLM`. The GPT
    has weights of its own, of the same type and on the same device. Logits are carried over, and so is the gradient of
    the cross-entropy. The loss that balances experts is not quite the same: see `lecture21.huggingface.experts`.

    Raises:
        ValueError: naming what a GPT here cannot be.
    """
    config = GPTConfig(**config_from(model.config.to_dict()))
    source = type(model).__name__
    tensors = tensors_from(model.state_dict(), config, source=source)
    gpt = GPT(config).to(next(iter(tensors.values())))
    load_weights(gpt, tensors, source=source)
    return gpt.eval()


def to_huggingface(model: GPT) -> "PreTrainedModel":
    """Return the `transformers` model that computes what this GPT does, in evaluation mode, with weights of its own.

    A post-norm GPT becomes an `OpenAIGPTLMHeadModel`, a pre-norm one a `GPT2LMHeadModel`. Biases that this GPT lacks
    are zeros there, and trained if that model is. A GPT with experts becomes a `Qwen3MoeForCausalLM` if queries and
    keys are normalised, else a `MixtralForCausalLM`.

    Raises:
        ValueError: naming the field of the configuration that this kind has not.
        ImportError: if `transformers` is not installed, or is too old to know this kind.
    """
    values = config_to(model.config)
    transformers = _transformers()
    try:
        config_class, model_class = (getattr(transformers, name) for name in _CLASSES[values["model_type"]])
    except AttributeError as error:
        raise ImportError(f"this needs a newer transformers than {transformers.__version__}: {error}") from error
    del values["model_type"]
    # By default the first and last token of the published model's text, which only its own vocabulary has.
    published = config_class()
    ends = dict.fromkeys(("bos_token_id", "eos_token_id"))
    if model.vocab_size == published.vocab_size:
        ends = {key: getattr(published, key) for key in ends}
    with torch.random.fork_rng(devices=[]):  # the weights that it draws are replaced: no later draw should change
        theirs = model_class(config_class(**values, **ends))
    packed = any(name.endswith("gate_up_proj") for name in theirs.state_dict())  # since transformers 5
    theirs.to(model.token.weight.device)
    for parameter in theirs.parameters():  # the type of no more than these: the angles of rotary positions need float32
        parameter.data = parameter.data.to(model.token.weight.dtype)
    theirs.load_state_dict(tensors_to(model.state_dict(), model.config, packed=packed))
    # Its fast kernel for experts refuses float64, and rows that are no multiple of 16 bytes.
    if packed and (model.token.weight.dtype == torch.float64 or model.config.d_model % 8 or model.config.d_ff % 8):
        theirs.set_experts_implementation("eager")
    return theirs.eval()


@dataclass(frozen=True)
class WordTokenizer:
    """GPT-1's tokenizer: lower case, cut into words and signs, each made of byte pairs, the last marked as an end.

    Text does not come back as it was: capitals and the spaces around signs are lost, and what no token spells is one
    unknown token.

    Source: Radford et al. 2018, section 4.1; the cutting is that of `transformers`' OpenAIGPTTokenizer.
    """

    backend: Tokenizer = field(repr=False)

    @property
    def vocab_size(self) -> int:
        """Number of ids; GPT-1 has 40,478."""
        return self.backend.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Turn a text into ids."""
        return self.backend.encode(text).ids

    def decode(self, ids: Iterable[int] | Int[Tensor, " T"]) -> str:
        """Turn ids into lower-case text; raises ValueError for an id that is not in 0 ... vocab_size - 1."""
        ids = ids.tolist() if isinstance(ids, Tensor) else list(ids)
        for i in ids:
            if not 0 <= i < self.vocab_size:
                raise ValueError(f"id {i} is outside the vocabulary: 0 to {self.vocab_size - 1}")
        return self.backend.decode(ids, skip_special_tokens=False)


def tokenizer(name_or_directory: str | os.PathLike[str]) -> tiktoken.Encoding | WordTokenizer:
    """Return the tokenizer of a GPT-2 or GPT-1 on the hub or in a directory, from its `tokenizer.json` or vocabulary.

    Args:
        name_or_directory: as for `GPT.from_pretrained`.

    Raises:
        ValueError: if the files are not there, or torn, or those of another kind of tokenizer.
        FileNotFoundError: if the hub has to be asked, and does not answer or does not have it.
    """
    directory = locate(name_or_directory, TOKENIZER_FILES)
    whole, vocabulary, merges = (directory / name for name in ("tokenizer.json", "vocab.json", "merges.txt"))
    source = str(whole if whole.is_file() else vocabulary)
    try:
        if whole.is_file():
            if b'"tokenizer":' in whole.read_bytes()[:20]:
                raise ValueError("it was saved here, for lecture21.tokenizers.load_tokenizer")
            backend = Tokenizer.from_file(str(whole))
        elif vocabulary.is_file() and merges.is_file():
            backend = _backend(*BPE.read_file(str(vocabulary), str(merges)))
        else:
            raise ValueError("it has neither tokenizer.json, nor vocab.json and merges.txt")
    except Exception as error:  # the library raises bare Exceptions
        raise ValueError(f"{directory} holds no tokenizer of Hugging Face's: {error}") from error
    return _from_backend(backend, source, name=Path(name_or_directory).name)


def tokenizer_from_huggingface(theirs: "PreTrainedTokenizerFast") -> tiktoken.Encoding | WordTokenizer:
    """Return GPT-2's kind of tokenizer as a `tiktoken.Encoding`, GPT-1's as a `WordTokenizer`, with the same ids.

    Raises:
        ValueError: naming what neither of the two does.
    """
    return _from_backend(theirs.backend_tokenizer, source=type(theirs).__name__, name="huggingface")


def tokenizer_to_huggingface(ours: tiktoken.Encoding | WordTokenizer) -> "PreTrainedTokenizerFast":
    """Return the tokenizer of `transformers` that gives the same ids, to be saved beside an exported model.

    Raises:
        ValueError: if an encoding cuts text otherwise than GPT-2, or has a token that no merge makes or that is
            special as well.
        ImportError: if `transformers` is not installed.
    """
    fast = _transformers().PreTrainedTokenizerFast
    if isinstance(ours, WordTokenizer):
        return fast(tokenizer_object=ours.backend, unk_token="<unk>")
    if ours._pat_str not in _PATTERNS:
        raise ValueError(f"{ours.name!r} must cut text with GPT-2's pattern, got {ours._pat_str!r}")
    # tiktoken's own documentation reads these attributes, where it extends an encoding.
    ranks, special = ours._mergeable_ranks, ours._special_tokens
    tokens = {spell(token): i for token, i in ranks.items()}
    if both := sorted(special.keys() & tokens.keys()):
        raise ValueError(f"{ours.name!r} has {both} among its special tokens and among the others")
    backend = _backend(tokens | special, [(spell(a), spell(b)) for a, b in _merges(ranks)])
    end = END_OF_TEXT if END_OF_TEXT in special else None
    return fast(tokenizer_object=backend, bos_token=end, eos_token=end)


def _backend(vocabulary: Mapping[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    """Build GPT-1's kind of tokenizer if its tokens end words, else GPT-2's; tokens that no merge makes are special."""
    if any(token.endswith(_END_OF_WORD) for token in vocabulary):
        backend = Tokenizer(BPE(vocabulary, merges, unk_token="<unk>", end_of_word_suffix=_END_OF_WORD))
        backend.normalizer = normalizers.BertNormalizer(lowercase=True)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.decoder = decoders.BPEDecoder(suffix=_END_OF_WORD)
        backend.add_special_tokens(["<unk>"])
        return backend
    backend = Tokenizer(BPE(vocabulary, merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    special = vocabulary.keys() - set(SYMBOLS) - {first + second for first, second in merges}
    backend.add_special_tokens([AddedToken(t, normalized=False) for t in sorted(special, key=vocabulary.get)])
    return backend


def _from_backend(backend: Tokenizer, source: str, name: str) -> tiktoken.Encoding | WordTokenizer:
    spec = json.loads(backend.to_str())
    model, cut = spec["model"], spec["pre_tokenizer"] or {}
    if model["type"] == "BPE" and model["end_of_word_suffix"] == _END_OF_WORD:
        return WordTokenizer(backend)
    known = {
        "model": (model["type"], "BPE"),
        "dropout": (model.get("dropout"), None),
        "normalizer": (spec["normalizer"], None),
        "pre_tokenizer": (cut.get("type"), "ByteLevel"),
        "add_prefix_space": (cut.get("add_prefix_space"), False),
        "use_regex": (cut.get("use_regex", True), True),
        "special tokens that swallow a space": (any(t["lstrip"] or t["rstrip"] for t in spec["added_tokens"]), False),
        "number of tokens added to each text": (backend.num_special_tokens_to_add(False), 0),
    }
    for key, (value, only) in known.items():
        if value != only:
            raise ValueError(f"{source} has {key} {value!r}; GPT-2's kind of tokenizer has {only!r}")
    special = {token["content"]: token["id"] for token in spec["added_tokens"]}
    tokens = {token: i for token, i in model["vocab"].items() if token not in special}
    if foreign := [token for token in tokens if not set(token) <= set(SYMBOLS)]:
        raise ValueError(f"{source} has tokens that spell no bytes, such as {foreign[0]!r}")
    ranks = {unspell(token): i for token, i in tokens.items()}
    if missing := sum(bytes([byte]) not in ranks for byte in range(256)):
        raise ValueError(f"{source} lacks {missing} of the 256 bytes")
    # tiktoken has no list of merges: it joins what has the lowest id. That must be the same.
    merges = [tuple(merge if isinstance(merge, list) else merge.split(" ")) for merge in model["merges"]]
    if merges != [(spell(a), spell(b)) for a, b in _merges(ranks)]:
        raise ValueError(f"{source} has merges in another order than its ids, which a tiktoken.Encoding cannot have")
    return tiktoken.Encoding(name, pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=special)


def _merges(ranks: Mapping[bytes, int]) -> list[tuple[bytes, bytes]]:
    """Return for each token of several bytes, in order of rank, the two older tokens that it is made of."""
    merges = []
    for token in sorted(ranks, key=ranks.get):
        parts = [token[i : i + 1] for i in range(len(token))]
        while len(parts) > 2:
            rank, i = min((ranks.get(a + b, math.inf), i) for i, (a, b) in enumerate(pairwise(parts)))
            if rank >= ranks[token]:
                raise ValueError(f"the token {token!r} is not made of two tokens of lower rank")
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        if len(parts) == 2:
            merges.append((parts[0], parts[1]))
    return merges
