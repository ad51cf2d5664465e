"""Tokenizers carried over to `transformers` and back, and the manners of the export."""

import json
import sys

import huggingface_hub
import pytest
import tiktoken
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from lecture21 import GPT, GPTConfig
from lecture21.huggingface import models as pretrained
from lecture21.tokenizers import BPETokenizer, CharTokenizer
from lecture21.tokenizers.bpe import SYMBOLS
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
def theirs(ours):
    return pretrained.tokenizer_to_huggingface(ours)


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
    return directory


@given(st.text())
@settings(max_examples=300)
def test_an_encoding_gives_the_same_ids_there(ours, theirs, text):
    assert theirs(text)["input_ids"] == encode(ours, text)


@pytest.mark.parametrize("text", HARD)
def test_an_encoding_gives_the_same_ids_and_text_there_on_hard_text(ours, theirs, text):
    assert theirs(text)["input_ids"] == encode(ours, text)
    assert theirs.decode(encode(ours, text)) == text
    assert len(theirs) == ours.n_vocab
    assert theirs.eos_token_id == ours.eot_token == 299


@pytest.mark.parametrize("special", [[], [END_OF_TEXT], ["<pad>", END_OF_TEXT, "<b>"]])
def test_an_encoding_comes_back_equal_from_the_object_and_from_disk(tmp_path, special):
    encoding = BPETokenizer(train_bpe(TEXT, 300, special))
    theirs = pretrained.tokenizer_to_huggingface(encoding.encoding)
    assert (theirs.eos_token == END_OF_TEXT) == (END_OF_TEXT in special)
    theirs.save_pretrained(tmp_path)
    assert BPETokenizer(pretrained.tokenizer_from_huggingface(theirs)) == encoding
    assert BPETokenizer(pretrained.tokenizer(tmp_path)) == encoding
    assert pretrained.tokenizer(str(tmp_path)).name == tmp_path.name
    for text in HARD:
        assert transformers.AutoTokenizer.from_pretrained(tmp_path)(text)["input_ids"] == encoding.encode(text)


def test_gpt2_has_the_same_ids_there_and_from_the_files_of_the_hub(tmp_path):
    theirs = pretrained.tokenizer_to_huggingface(gpt2())
    theirs.backend_tokenizer.model.save(str(tmp_path))  # vocab.json and merges.txt
    reference = transformers.GPT2Tokenizer.from_pretrained(tmp_path)
    here = pretrained.tokenizer(tmp_path)
    assert BPETokenizer(here) == BPETokenizer(gpt2())
    for text in [*HARD, TEXT]:
        assert theirs(text)["input_ids"] == reference(text)["input_ids"] == encode(here, text) == encode(gpt2(), text)


def test_a_pattern_as_tiktoken_writes_it_is_known(ours):
    from tiktoken_ext.openai_public import r50k_pat_str

    same = tiktoken.Encoding(
        "same", pat_str=r50k_pat_str, mergeable_ranks=ours._mergeable_ranks, special_tokens=ours._special_tokens
    )
    assert BPETokenizer(pretrained.tokenizer_from_huggingface(pretrained.tokenizer_to_huggingface(same))).encode(
        TEXT
    ) == encode(same, TEXT)


@pytest.mark.parametrize("text", [*HARD, TEXT])
def test_gpt1_files_give_the_ids_of_the_reference(gpt1_files, text, tmp_path):
    reference = transformers.OpenAIGPTTokenizer.from_pretrained(gpt1_files)
    here = pretrained.tokenizer(gpt1_files)
    assert isinstance(here, pretrained.WordTokenizer)
    assert here.vocab_size == len(reference) == 50
    assert here.encode(text) == reference(text)["input_ids"]
    assert here.decode(torch.tensor(here.encode(text), dtype=torch.long)) == reference.decode(here.encode(text))
    pretrained.tokenizer_to_huggingface(here).save_pretrained(tmp_path / "ours")
    reference.save_pretrained(tmp_path / "theirs")
    for directory in ("ours", "theirs"):
        assert pretrained.tokenizer(tmp_path / directory).encode(text) == here.encode(text)
    again = pretrained.tokenizer_to_huggingface(pretrained.tokenizer_from_huggingface(reference))
    assert again(text)["input_ids"] == here.encode(text)


def test_gpt1_writes_words_in_lower_case_and_marks_their_ends(gpt1_files):
    here = pretrained.tokenizer(gpt1_files)
    assert here.decode(here.encode("The CAT's mat")) == "the cat ' s mat"
    assert here.encode("猫") == [0]


@pytest.mark.parametrize("ids", [[-1], [50], torch.tensor([0, 500])])
def test_gpt1_ids_outside_the_vocabulary_are_refused(gpt1_files, ids):
    with pytest.raises(ValueError, match=r"id (-1|50|500) is outside the vocabulary: 0 to 49"):
        pretrained.tokenizer(gpt1_files).decode(ids)


ALPHABET = {symbol: i for i, symbol in enumerate(SYMBOLS)}
LAST = ALPHABET | {"ab": 256, "abc": 257}


def byte_level(
    vocabulary: dict[str, int] = LAST, merges: tuple[tuple[str, str], ...] = (("a", "b"), ("ab", "c")), **change: object
) -> Tokenizer:
    """Return a tokenizer of GPT-2's kind, with something changed."""
    backend = Tokenizer(models.BPE(vocabulary, list(merges)))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    for name, value in change.items():
        setattr(backend, name, value)
    return backend


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normalizer": normalizers.Lowercase()}, "normalizer .*Lowercase"),
        ({"pre_tokenizer": pre_tokenizers.Whitespace()}, "pre_tokenizer 'Whitespace'.*'ByteLevel'"),
        ({"pre_tokenizer": None}, "pre_tokenizer None"),
        ({"pre_tokenizer": pre_tokenizers.ByteLevel(add_prefix_space=True)}, "add_prefix_space True"),
        ({"pre_tokenizer": pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)}, "use_regex False"),
        ({"post_processor": processors.TemplateProcessing("x $A", special_tokens=[("x", 1)])}, "added to each text 1"),
        ({"model": models.WordLevel({"a": 0}, unk_token="a")}, "model 'WordLevel'"),
        ({"vocabulary": ALPHABET | {"ab": 257, "abc": 256}}, "b'abc' is not made of two tokens of lower rank"),
        ({"merges": [("a", "b")]}, "merges in another order"),
        ({"vocabulary": {s: i for s, i in LAST.items() if s != "x"}}, "lacks 1 of the 256"),
        ({"vocabulary": LAST | {"a b": 258}}, "spell no bytes, such as 'a b'"),
        ({"vocabulary": LAST | {"xyz": 258}}, "b'xyz' is not made of two tokens"),
    ],
)
def test_a_tokenizer_of_another_kind_is_refused_by_what_differs(tmp_path, change, message):
    byte_level(**change).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match=message):
        pretrained.tokenizer(tmp_path)


def test_a_merge_of_parts_that_tiktoken_would_not_join_is_refused(tmp_path):
    # "bc" is joined before "ab", so that "abc" is a + bc to tiktoken, and never ab + c.
    vocabulary = ALPHABET | {"bc": 256, "ab": 257, "abc": 258}
    backend = byte_level(vocabulary=vocabulary, merges=[("b", "c"), ("a", "b"), ("ab", "c")])
    backend.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match="merges in another order"):
        pretrained.tokenizer(tmp_path)


def test_the_unchanged_tokenizer_is_read(tmp_path):
    byte_level().save(str(tmp_path / "tokenizer.json"))
    assert pretrained.tokenizer(tmp_path).encode("abcab") == [257, 256]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": 1}'])
def test_a_torn_tokenizer_is_refused_by_its_directory(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ValueError, match=f"{tmp_path.name} holds no tokenizer of Hugging Face's"):
        pretrained.tokenizer(tmp_path)


def test_our_own_tokenizer_file_is_named_as_what_it_is(tmp_path):
    CharTokenizer("ab").save(tmp_path / "tokenizer.json")
    with pytest.raises(ValueError, match="load_tokenizer"):
        pretrained.tokenizer(tmp_path)


def test_a_directory_without_a_tokenizer_is_refused(tmp_path):
    (tmp_path / "vocab.json").write_text(json.dumps(ALPHABET))
    with pytest.raises(ValueError, match=r"neither tokenizer\.json, nor vocab\.json and merges\.txt"):
        pretrained.tokenizer(tmp_path)


def test_an_encoding_that_cuts_text_otherwise_is_refused(ours):
    other = tiktoken.Encoding("other", pat_str=r"\S+|\s+", mergeable_ranks=ours._mergeable_ranks, special_tokens={})
    with pytest.raises(ValueError, match=r"'other' must cut text with GPT-2's pattern, got '\\\\S"):
        pretrained.tokenizer_to_huggingface(other)


def test_a_special_token_that_is_also_another_is_refused():
    with pytest.raises(ValueError, match=r"has \['a'\] among its special tokens and among the others"):
        pretrained.tokenizer_to_huggingface(train_bpe(TEXT, 270, ["a"]))


def test_a_special_token_that_swallows_a_space_is_refused(tmp_path):
    backend = byte_level()
    backend.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    backend.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match="special tokens that swallow a space True"):
        pretrained.tokenizer(tmp_path)


def test_a_tokenizer_on_the_hub_is_asked_for_without_its_weights(monkeypatch, gpt1_files):
    asked = []

    def download(repository, allow_patterns):
        asked.append((repository, allow_patterns))
        return str(gpt1_files)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    pretrained.tokenizer("openai-gpt")
    ((repository, patterns),) = asked
    assert repository == "openai-community/openai-gpt"
    assert {"tokenizer.json", "vocab.json", "merges.txt"} <= set(patterns)
    assert not any("safetensors" in pattern for pattern in patterns)


def test_without_transformers_the_export_says_what_to_install(monkeypatch, ours):
    monkeypatch.setitem(sys.modules, "transformers", None)
    model = GPT(GPTConfig(**SMALL, tied_head=True))
    for export, value in ((pretrained.to_huggingface, model), (pretrained.tokenizer_to_huggingface, ours)):
        with pytest.raises(ImportError, match="pip install transformers"):
            export(value)


def test_an_export_leaves_the_random_state_alone():
    model = GPT(GPTConfig(**SMALL, tied_head=True))
    before = torch.get_rng_state()
    pretrained.to_huggingface(model)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_precision_is_kept_both_ways(dtype):
    model = GPT(GPTConfig(**SMALL, tied_head=True)).to(dtype).train()
    theirs = pretrained.to_huggingface(model)
    again = pretrained.from_huggingface(theirs)
    assert {p.dtype for p in [*theirs.parameters(), *again.parameters()]} == {dtype}
    assert not theirs.training
    assert not again.training
    assert model.training  # as it was


def test_only_gpt2_itself_ends_its_text_with_gpt2s_token():
    assert pretrained.to_huggingface(GPT(GPTConfig(**SMALL, tied_head=True))).config.eos_token_id is None
    large = GPTConfig(**{**SMALL, "vocab_size": 50257, "tied_head": True})
    assert pretrained.to_huggingface(GPT(large)).config.eos_token_id == 50256


def test_another_model_of_theirs_is_refused():
    config = transformers.LlamaConfig(
        vocab_size=11, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2
    )
    with pytest.raises(ValueError, match="unknown model_type 'llama'"):
        pretrained.from_huggingface(transformers.LlamaForCausalLM(config))
