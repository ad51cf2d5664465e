"""The exported tokenizer gives the same ids, and the exported model has the precision and mode that it should."""

import sys

import huggingface_hub
import pytest
import tiktoken
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from lecture21 import GPT, GPTConfig
from lecture21.huggingface import (
    from_huggingface,
    to_huggingface,
    tokenizer_from_pretrained,
    tokenizer_to_huggingface,
)
from lecture21.tokenizers import BPETokenizer, CharTokenizer
from lecture21.tokenizers.bpe import PATTERN
from lecture21.tokenizers.encodings import END_OF_TEXT, gpt2, train_bpe

TEXT = "The cat's mat isn't flat:\n\n  the rat sat on THAT mat, in 1921,  and naïve 猫 sat on the rat.\t" * 3
HARD = [
    "",
    " ",
    "a<unk> b",
    "\n\n \n",
    "it's  the\tRAT’s 1234 ½ naïve 猫🐈‍⬛ \u0301\x00",
    f"a {END_OF_TEXT}b{END_OF_TEXT}",
    "İß ﬁ",
]
SMALL = {"vocab_size": 11, "block_size": 8, "n_layer": 2, "n_head": 2, "d_model": 8}


def encode(encoding: tiktoken.Encoding, text: str) -> list[int]:
    return encoding.encode(text, allowed_special="all")


@pytest.fixture(scope="module")
def ours():
    return train_bpe(TEXT, 300, [END_OF_TEXT])


@pytest.fixture(scope="module")
def exported(ours):
    return tokenizer_to_huggingface(ours)


@pytest.fixture(scope="module")
def gpt1_files(tmp_path_factory):
    """Train a vocabulary of GPT-1's kind, whose tokens end words with </w>, and write it as GPT-1's is on the hub."""
    learner = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.BertNormalizer(lowercase=True)
    learner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=50, special_tokens=["<unk>"], end_of_word_suffix="</w>", show_progress=False
    )
    learner.train_from_iterator([TEXT.replace("猫", "cat")], trainer)
    directory = tmp_path_factory.mktemp("openai-gpt")
    learner.model.save(str(directory))
    transformers.OpenAIGPTTokenizer.from_pretrained(directory).save_pretrained(directory)  # writes tokenizer.json
    return directory


@given(st.text())
@settings(max_examples=300)
def test_an_exported_encoding_gives_the_same_ids(ours, exported, text):
    assert exported(text)["input_ids"] == encode(ours, text)


@pytest.mark.parametrize("special", [[], [END_OF_TEXT], ["<pad>", END_OF_TEXT, "<b>"]])
def test_an_encoding_gives_the_same_ids_from_disk(tmp_path, special):
    encoding = BPETokenizer(train_bpe(TEXT, 300, special))
    exported = tokenizer_to_huggingface(encoding.encoding)
    assert (exported.eos_token == END_OF_TEXT) == (END_OF_TEXT in special)
    exported.save_pretrained(tmp_path)
    there = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for source in (tmp_path, str(tmp_path)):
        here = tokenizer_from_pretrained(source)
        assert here.get_vocab_size() == encoding.vocab_size
        for text in HARD:
            assert there(text)["input_ids"] == here.encode(text).ids == encoding.encode(text)
            assert here.decode(encoding.encode(text), skip_special_tokens=False) == text


def test_gpt2_gives_the_same_ids_exported_and_from_the_hub_files(tmp_path):
    exported = tokenizer_to_huggingface(gpt2())
    exported.backend_tokenizer.model.save(str(tmp_path))  # vocab.json and merges.txt
    reference = transformers.GPT2Tokenizer.from_pretrained(tmp_path)
    reference.save_pretrained(tmp_path)  # and tokenizer.json
    here = tokenizer_from_pretrained(tmp_path)
    for text in [*HARD, TEXT]:
        ids = encode(gpt2(), text)
        assert exported(text)["input_ids"] == reference(text)["input_ids"] == here.encode(text).ids == ids


def test_the_split_pattern_in_tiktokens_spelling_is_recognized(ours):
    from tiktoken_ext.openai_public import r50k_pat_str

    same = tiktoken.Encoding(
        "same", pat_str=r50k_pat_str, mergeable_ranks=ours._mergeable_ranks, special_tokens=ours._special_tokens
    )
    assert tokenizer_to_huggingface(same)(TEXT)["input_ids"] == encode(same, TEXT)


@pytest.mark.parametrize("text", [*HARD, TEXT])
def test_gpt1_files_give_the_ids_of_the_reference(gpt1_files, text):
    reference = transformers.OpenAIGPTTokenizer.from_pretrained(gpt1_files)
    here = tokenizer_from_pretrained(gpt1_files)
    assert here.get_vocab_size() == len(reference) == 50
    assert here.encode(text).ids == reference(text)["input_ids"]
    assert here.decode(here.encode(text).ids, skip_special_tokens=False) == reference.decode(here.encode(text).ids)


def test_gpt1_tokens_are_lower_case_and_mark_the_ends_of_words(gpt1_files):
    here = tokenizer_from_pretrained(gpt1_files)
    assert here.decode(here.encode("The CAT's mat").ids) == "the cat ' s mat"
    assert here.encode("猫").ids == [0]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": 1}'])
def test_a_corrupt_tokenizer_is_an_error_that_names_the_file(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ValueError, match=r"tokenizer\.json is not a tokenizer of Hugging Face's format"):
        tokenizer_from_pretrained(tmp_path)


def test_a_tokenizer_of_this_package_is_not_one_of_hugging_face(tmp_path):
    CharTokenizer("ab").save(tmp_path / "tokenizer.json")
    with pytest.raises(ValueError, match=r"tokenizer\.json is not a tokenizer of Hugging Face's format"):
        tokenizer_from_pretrained(tmp_path)


def test_a_directory_without_a_tokenizer_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"has no tokenizer\.json"):
        tokenizer_from_pretrained(tmp_path)


def test_an_encoding_that_splits_text_by_another_pattern_is_an_error(ours):
    other = tiktoken.Encoding("other", pat_str=r"\S+|\s+", mergeable_ranks=ours._mergeable_ranks, special_tokens={})
    with pytest.raises(ValueError, match=r"'other' must split text with GPT-2's pattern, got '\\\\S"):
        tokenizer_to_huggingface(other)


def test_a_special_token_that_is_also_an_ordinary_token_is_an_error():
    with pytest.raises(ValueError, match=r"has \['a'\] among its special tokens and among the others"):
        tokenizer_to_huggingface(train_bpe(TEXT, 270, ["a"]))


@pytest.mark.parametrize("tokens", [["bc", "xyz"], ["abc", "ab"]])
def test_a_token_that_no_merge_makes_is_an_error(tokens):
    ranks = {bytes([i]): i for i in range(256)} | {token.encode(): 256 + i for i, token in enumerate(tokens)}
    encoding = tiktoken.Encoding("other", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    with pytest.raises(ValueError, match=r"b'(xyz|abc)' is not a merge of two tokens of lower rank"):
        tokenizer_to_huggingface(encoding)


@pytest.mark.parametrize(("revision", "expected"), [(None, "main"), ("v1", "v1")])
def test_a_tokenizer_on_the_hub_is_loaded_without_the_weights(monkeypatch, gpt1_files, revision, expected):
    requested = []

    def download(repository, **options):
        requested.append((repository, options))
        return str(gpt1_files)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    tokenizer_from_pretrained("openai-gpt", revision)
    options = {"revision": expected, "allow_patterns": ["tokenizer.json"]}
    assert requested == [("openai-community/openai-gpt", options)]


def test_without_transformers_the_export_says_what_to_install(monkeypatch, ours):
    monkeypatch.setitem(sys.modules, "transformers", None)
    model = GPT(GPTConfig(**SMALL, tied_head=True))
    for export, value in ((to_huggingface, model), (tokenizer_to_huggingface, ours)):
        with pytest.raises(ImportError, match="pip install transformers"):
            export(value)


def test_an_export_leaves_the_random_state_alone():
    model = GPT(GPTConfig(**SMALL, tied_head=True))
    before = torch.get_rng_state()
    to_huggingface(model)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_precision_is_kept_by_import_and_export(dtype):
    model = GPT(GPTConfig(**SMALL, tied_head=True)).to(dtype).train()
    exported = to_huggingface(model)
    again = from_huggingface(exported)
    assert {p.dtype for p in [*exported.parameters(), *again.parameters()]} == {dtype}
    assert not exported.training
    assert not again.training
    assert model.training  # as it was


def test_gpt2s_end_token_is_exported_only_for_its_vocabulary_size():
    assert to_huggingface(GPT(GPTConfig(**SMALL, tied_head=True))).config.eos_token_id is None
    large = GPTConfig(**{**SMALL, "vocab_size": 50257, "tied_head": True})
    assert to_huggingface(GPT(large)).config.eos_token_id == 50256


def test_an_unsupported_transformers_model_is_refused():
    config = transformers.LlamaConfig(
        vocab_size=11, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2
    )
    with pytest.raises(ValueError, match="unknown model_type 'llama'"):
        from_huggingface(transformers.LlamaForCausalLM(config))
