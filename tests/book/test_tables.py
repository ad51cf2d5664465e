"""Generated tables are up to date."""

import math
import re
from pathlib import Path

import pytest
import tables

from lecture21 import accounting
from lecture21.accounting import published

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"


def read(name: str) -> str:
    return (BOOK / name).read_text(encoding="utf-8")


# The tables


@pytest.mark.parametrize("path", tables.pages(), ids=lambda path: path.stem)
def test_the_generated_tables_are_up_to_date(path: Path):
    page = path.read_text(encoding="utf-8")
    assert tables.filled(page) == page, "run: python tools/tables.py"


def column(rows: list[list[str]], name: str) -> dict[str, str]:
    """Return one column of a table by the names of its rows."""
    return {row[0]: row[rows[0].index(name)] for row in rows[1:]}


def test_the_table_of_slide_36_counts_both_models():
    rows = tables.transformer_against_gpt()
    old, new = column(rows, "Transformer, base (2017)"), column(rows, "GPT-1 (2018)")
    assert (old["Parameters, all"], new["Parameters, all"]) == ("63,045,632", "116,534,784")
    for parts in (old, new):
        summands = ("of these, tables of tokens", "tables of positions", "attention", "feed-forward", "norms")
        numbers = [int(re.match(r"[\d,]+", parts[name])[0].replace(",", "")) for name in summands]
        assert f"{sum(numbers):,}" == parts["Parameters, all"]
    assert old["Parameters of one block"] == "encoder 3,150,336; decoder 4,199,936"
    assert old["one decoder block without cross-attention"] == "3,150,336"


def test_the_prose_about_the_2017_vocabulary_agrees_with_the_code():
    assert "With 41,000 tokens it would be 65.1 million" in read("transformer_against_gpt.md").replace("\n  ", " ")
    assert round(tables.transformer_parameters(source_vocab_size=41_000).total / 1e6, 1) == 65.1


def test_the_table_of_slide_37_starts_at_117_million_and_ends_undisclosed():
    rows = tables.gpt1_to_gpt4()
    row = next(row for row in rows if row[0] == "Parameters")
    assert row[1:] == ["116,534,784", "1,557,611,200", "174,604,259,328", "undisclosed"]
    public = {name for name, cell in column(rows, "GPT-4").items() if cell != "undisclosed"}
    assert public == {"Year", "Context", "Vocabulary", "Tokenizer", "Data", "After training", "Source"}


def test_the_sizes_that_the_papers_print_are_within_a_few_percent():
    rows = tables.sizes()[1:]
    assert len(rows) == 12
    assert max(abs(float(row[-1].rstrip("%"))) for row in rows if row[0].startswith("`gpt3")) < 2
    assert rows[0][-1] == "+6.4%"  # the paper's 117M


def test_four_days_are_enough_for_the_small_model_only():
    small, large = (column(tables.four_days(), name) for name in ("124M", "1.5B (the slide's)"))
    assert (small["$6ND$, days at 25.5%"], large["$6ND$, days at 25.5%"]) == ("4", "50.1")
    assert small["with attention, exactly, days at 29.2%"] == "4"
    assert float(large["$6ND$, fraction of the peak, if it takes four days"].rstrip("%")) > 100
    assert 7 * 7 <= float(large["$6ND$, days at 25.5%"]) < 8 * 7  # "seven weeks"


def test_the_table_of_mixtures_names_every_published_model_and_its_convention():
    rows = tables.mixtures()
    assert list(tables.NAMES) == list(published.names())
    fits = column(rows, "The printed active number is")
    assert fits["DeepSeek-V3"] == fits["gpt-oss-120b"] == fits["gpt-oss-20b"] == "without it"
    assert fits["Mixtral 8x7B"] == fits["GLaM 64B/64E"] == "with it"
    assert fits["Qwen3-235B-A22B"] == "either, rounded"
    assert (fits["Qwen3-30B-A3B"], fits["Switch-C"]) == ("neither, rounded", "not given")
    assert column(rows, "Parameters")["Mixtral 8x7B"] == "46,702,792,704"
    assert column(rows, "Parameters")["GLaM 64B/64E"] == "about 1,161.8B"
    assert column(rows, "without input embedding")["DeepSeek-V3"] == "36.63B"


def test_the_prose_about_mixtures_agrees_with_the_code():
    page = " ".join(read("mixtures_in_llms.md").split())
    counts = {name: accounting.parameters(published.get(name)) for name in published.names()}

    def share(name: str) -> str:
        return f"{counts[name].embeddings / counts[name].active:.0%}".replace("%", " %")

    assert f"it is {share('mixtral-8x7b')} of Mixtral's active parameters, and {share('gpt-oss-120b')} of" in page
    v3 = counts["deepseek-v3"]
    assert (
        f"{v3.active_without_embedding / 1e9:.2f} B without the input embedding, {v3.active / 1e9:.2f} B with" in page
    )
    assert f"count with the input embedding is {counts['qwen3-30b-a3b'].active / 1e9:.3f} B" in page
    sizes = [accounting.weight_bytes(published.get(name), "mxfp4") for name in ("gpt-oss-120b", "gpt-oss-20b")]
    assert f"{sizes[0] / 1e9:.1f} GB for the larger and {sizes[1] / 1e9:.1f} GB for the smaller" in page
    assert f"({sizes[0] / 2**30:.1f} and {sizes[1] / 2**30:.1f} GiB" in page
    ridge = accounting.ridge_point("H100")
    assert f"for an H100 is {ridge:.0f} FLOPs" in page
    assert f"gets there with {math.ceil(ridge)} sequences" in page
    assert f"{2 * 768 * 6144 / 1e6:.1f} million parameters fewer" in page
    assert counts["mixtral-8x22b"].embeddings == 32_768 * 6144


def test_all_but_switch_read_most_of_their_weights_at_64():
    shapes = {name: published.get(name) for name in published.names()}
    shares = {n: accounting.weights_read(s, 64) / accounting.weights_read(s, 10**9) for n, s in shapes.items()}
    assert [name for name, share in shares.items() if share <= 0.85] == ["switch-base-128", "switch-c"]
