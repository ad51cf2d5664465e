import hashlib
import json
import stat

import pytest
import torch

from lecture21 import GPT, evaluate, presets, pretrained
from lecture21._support.storage import load_tensors
from lecture21.course.chapters import results
from lecture21.data import numbers, shakespeare, split
from lecture21.moe import MoEConfig, statistics_of
from lecture21.pretrained import storage
from lecture21.tokenizers import BPETokenizer, CharTokenizer
from lecture21.transformer import Transformer, TransformerConfig, greedy_decode

PLAYS = "nats per character on the validation split of the plays"
NAMES = pretrained.names()
TRANSFORMERS = pretrained.names("transformer")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Ship into an empty folder, where the first model is `tiny`."""
    monkeypatch.setattr(storage, "FOLDER", tmp_path)
    publish("tiny")
    return tmp_path


def small(**changes) -> GPT:
    torch.manual_seed(0)
    return GPT(presets.get("gpt0", vocab_size=4, d_model=8, n_layer=1, **changes)).train()


def publish(name: str, model: GPT | Transformer | None = None, score=lambda model: 1.25) -> storage.Card:
    tokenizer = None if isinstance(model, Transformer) else CharTokenizer("abc")
    command = "python benchmarks/tiny.py"
    return storage.store(name, model or small(), tokenizer, command=command, score=score, on="nats of nothing")


@pytest.mark.parametrize("name", [*NAMES, *TRANSFORMERS])
def test_a_shipped_model_is_described_by_its_card(name):
    model, tokenizer = pretrained.load(name) if name in NAMES else (pretrained.load_transformer(name), None)
    card, weights = storage.read_card(name), storage.FOLDER / name / "model.safetensors"
    assert not model.training
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert all(torch.equal(p, p.half().float()) for p in model.parameters())
    assert card.parameters == model.num_parameters()
    assert card.command.startswith("python benchmarks/")
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == card.sha256
    assert weights.stat().st_size < 4_000_000
    for path in weights.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o644, path
    tensors, metadata = load_tensors(weights)
    assert {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()} == {torch.float16}
    assert json.loads(metadata["config"]) == json.loads((weights.parent / "config.json").read_text())
    assert ("tokenizer" in metadata) == (tokenizer is not None)
    if tokenizer is not None:
        assert tokenizer.vocab_size == model.vocab_size
        assert json.loads(metadata["tokenizer"]) == json.loads((weights.parent / "tokenizer.json").read_text())


@pytest.mark.parametrize("name", [name for name in NAMES if storage.read_card(name).on == PLAYS])
def test_the_score_of_a_text_model_is_that_of_its_card(name):
    model, tokenizer = pretrained.load(name)
    val = torch.tensor(tokenizer.encode(split(shakespeare())[1]))
    assert evaluate(model, val) == pytest.approx(storage.read_card(name).score, abs=1e-4)


def test_the_score_of_the_model_that_reads_numbers_is_that_of_its_card():
    model = pretrained.load_transformer("numbers")
    held_out = numbers.sample(1400, seed=1)[:400]
    tokens = {"bos": numbers.VOCABULARY.bos, "eos": numbers.VOCABULARY.eos}
    decoded = greedy_decode(model, numbers.pairs(held_out).source, **tokens, max_new=16).ids
    readings = [numbers.VOCABULARY.decode(ids) for ids in decoded]
    right = [words == numbers.to_words(n).split() for words, n in zip(readings, held_out, strict=True)]
    assert storage.read_card("numbers").score == sum(right) / 400


def test_the_cheat_reads_the_answer_and_writes_worse_text():
    table = results.load("pretrained_models").set_index("model")
    honest, cheat = (table.loc[name] for name in ("modern-gpt0", "modern-gpt0-cheat"))
    assert pretrained.load("modern-gpt0")[0].config.causal
    assert not pretrained.load("modern-gpt0-cheat")[0].config.causal
    assert honest["val_loss"] == storage.read_card("modern-gpt0").score
    assert honest["val_loss"] < honest["five_gram"] - 0.05
    assert cheat["val_loss"] == storage.read_card("modern-gpt0-cheat").score < 0.1
    assert cheat["text_under_five_gram"] > honest["text_under_five_gram"] + 1


def test_the_experts_of_the_sparse_model_are_balanced_and_its_table_is_about_these_weights():
    table = results.load("pretrained_moe")
    model, tokenizer = pretrained.load("modern-moe")
    val = torch.tensor(tokenizer.encode(split(shakespeare())[1]))
    windows = val[: len(val) // model.block_size * model.block_size].view(-1, model.block_size)
    for layer, actual in enumerate(statistics_of(model, windows), start=1):
        rows = table[table["layer"] == layer]
        assert actual.load.tolist() == pytest.approx(rows["load"].tolist(), abs=1e-3)
        assert actual.load_entropy > 0.99
        assert actual.information == pytest.approx(rows["information"].iloc[0], abs=1e-3)
    assert storage.read_card("modern-moe").score < results.load("pretrained_models")["five_gram"].iloc[0]


def test_the_score_is_that_of_the_rounded_model(folder):
    scored = []

    def score(model: GPT) -> float:
        scored.append(model)
        assert not model.training
        assert all(torch.equal(p, p.half().float()) for p in model.parameters())
        return model.token.weight.sum().item()

    card = publish("scored", small(), score)
    loaded, tokenizer = pretrained.load("scored")
    assert tokenizer == CharTokenizer("abc")
    assert not loaded.training
    for name, tensor in scored[0].state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, loaded.state_dict()[name]), name
    assert card.score == round(loaded.token.weight.sum().item(), 5)
    assert card == storage.read_card("scored")
    assert pretrained.names() == ("scored", "tiny")


def test_the_same_model_has_the_same_hash(folder):
    assert len({publish("again").sha256 for _ in range(8)}) == 1
    assert pretrained.load("again")[0].config == pretrained.load("tiny")[0].config


def test_a_sparse_model_and_a_byte_pair_encoding_ship(folder):
    tokenizer = BPETokenizer.from_text("to be or not to be", 258)
    model = small(moe=MoEConfig(n_expert=2, top_k=1)).float()
    model = GPT(model.config.changed(vocab_size=258))
    storage.store("sparse", model, tokenizer, command="", score=lambda model: 0.0, on="")
    loaded, encoding = pretrained.load("sparse")
    assert encoding == tokenizer
    assert loaded.config.moe == model.config.moe
    ids = torch.tensor([tokenizer.encode("to be")])
    assert torch.equal(loaded(ids), model(ids))


def test_an_encoder_decoder_ships_without_a_tokenizer_and_is_no_gpt(folder):
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(source_vocab_size=9, d_model=8, n_head=2))
    publish("pair", model)
    loaded = pretrained.load_transformer("pair")
    source, target = torch.tensor([[3, 4]]), torch.tensor([[1, 5]])
    assert torch.equal(loaded(source, target), model(source, target))
    assert (pretrained.names(), pretrained.names("transformer")) == (("tiny",), ("pair",))
    with pytest.raises(ValueError, match="unknown model 'pair'; choose from tiny"):
        pretrained.load("pair")
    with pytest.raises(ValueError, match="unknown model 'tiny'; choose from pair"):
        pretrained.load_transformer("tiny")


def test_a_configuration_that_does_not_match_the_weights_is_refused(folder):
    path = folder / "tiny" / "config.json"
    path.write_text(path.read_text().replace('"rotary_base": 10000.0', '"rotary_base": 500.0'))
    with pytest.raises(ValueError, match=r"rotary_base is 10000.0 in the weights and 500.0 in the configuration"):
        pretrained.load("tiny")


@pytest.mark.parametrize("name", ["nothing", "../models/tiny", ""])
def test_an_unknown_model_is_refused_by_name(folder, name):
    with pytest.raises(ValueError, match=rf"unknown model '{name}'; choose from tiny"):
        pretrained.load(name)


def test_a_model_that_is_too_large_is_refused_and_replaces_nothing(folder):
    before = {path.name: path.read_bytes() for path in (folder / "tiny").iterdir()}
    with pytest.raises(
        ValueError, match=r"tiny needs 6,[0-9,]* bytes in float16, a pretrained model may have 4,000,000"
    ):
        publish("tiny", GPT(presets.get("gpt0", d_model=256)))
    assert {path.name: path.read_bytes() for path in (folder / "tiny").iterdir()} == before


def test_a_folder_whose_scoring_failed_is_not_a_model(folder):
    def score(model: GPT) -> float:
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        publish("tiny", small(), score)
    assert pretrained.names() == ()
