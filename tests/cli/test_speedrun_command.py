"""`lecture21 speedrun`: what it leaves in its directory, what it says of the row, and what the rules do not allow."""

import json
import re
from itertools import count

import pandas as pd
import pytest
from commands import TEXT, refusal

from lecture21.cli import main
from lecture21.course import speedrun
from lecture21.course.chapters import results
from lecture21.data import shakespeare, split
from lecture21.training import timed

SMALL = [
    *(word for size in ("n_layer=1", "n_head=1", "d_model=8", "block_size=32") for word in ("--set", size)),
    "--threads",
    "1",
]


@pytest.fixture
def _clock(monkeypatch):
    """A clock that goes on by a quarter of a second when somebody looks at it; and a short text for the plays."""
    monkeypatch.setattr(speedrun, "shakespeare", {"plays": TEXT}.__getitem__)
    seconds = count(step=0.25)
    for module in (speedrun, timed):
        monkeypatch.setattr(module, "monotonic", lambda: next(seconds))


@pytest.mark.usefixtures("_clock")
def test_a_run_leaves_log_model_and_row_whose_loss_is_that_of_eval(text, tmp_path, capsys):
    out = tmp_path / "run"
    command = ["speedrun", "--minutes", "0.1", "--out", str(out), "--preset", "nanogpt", "--seed", "3", *SMALL]
    assert main([*command, "--batch-size", "4"]) == 0
    said = capsys.readouterr().out
    row = pd.read_csv(out / "row.csv").iloc[0]
    assert row.recipe == "nanogpt, n_layer=1, n_head=1, d_model=8, block_size=32, batch_size=4"
    assert (row.minutes, row.seed, row.precision) == (0.1, 3, "fp32")
    assert 5 < row.seconds <= 6
    assert 15 < row.updates < 24
    assert row.characters == row.updates * 4 * 32
    assert row.nanogpt_ms > 0
    first, *lines = map(json.loads, (out / "log.jsonl").read_text().splitlines())
    assert (first["training"]["batch_size"], first["model"]["d_model"], first["seed"]) == (4, 8, 3)
    assert lines[-1]["step"] == row.updates
    assert [line["seconds"] for line in lines] == sorted(line["seconds"] for line in lines)
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert said.startswith(f"{row.nats:.4f} nats per character on the held-out text after {row.updates} updates")
    assert main(["eval", str(out), "--text", str(text)]) == 0
    (scored,) = re.findall(rf"{re.escape(str(out))} +([\d.]+)", capsys.readouterr().out)
    assert scored == f"{row.nats:.4f}"


@pytest.mark.usefixtures("_clock")
def test_byte_pairs_are_learned_on_the_clock_and_scored_per_character(text, tmp_path, capsys):
    out = tmp_path / "run"
    command = ["speedrun", "--minutes", "0.1", "--out", str(out), "--preset", "gpt0", "--tokenizer", "bpe:280"]
    assert main([*command, *SMALL]) == 0
    row = pd.read_csv(out / "row.csv").iloc[0]
    assert row.characters > 1.1 * row.updates * 16 * 32
    capsys.readouterr()
    assert main(["eval", str(out), "--text", str(text)]) == 0
    assert f"{row.nats:9.4f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--minutes", "0"], "minutes must be > 0, got 0"),
        (["--minutes", "-5"], "minutes must be > 0, got -5"),
        (["--minutes", "inf"], "minutes must be > 0, got inf"),
        (["--threads", "3"], "the rules allow one thread or two, got 3"),
        (["--edition", "complete"], "the speedrun has one text, the edition plays"),
        (["--text", "mine.txt"], "the speedrun has one text, the edition plays"),
        (["--tokenizer", "gpt2"], "the rules allow tokenizers that know nothing but the text"),
        (["--preset", "fastest"], "unknown recipe 'fastest'; choose from nanogpt, nanogpt-tuned"),
        (["--set", "vocab_size=9"], "the text determines the number of symbols"),
        (["--steps", "100"], "--steps"),
        (["--device", "cuda"], "--device"),
        (["--warmup", "101"], "101"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_what_the_rules_do_not_allow_is_refused_in_a_sentence(arguments, message, tmp_path, capsys):
    assert message in refusal(capsys, "speedrun", "--out", tmp_path / "run", *arguments)
    assert not (tmp_path / "run").exists()


def test_a_directory_that_is_not_empty_stays_as_it_is(tmp_path, capsys):
    (tmp_path / "mine").write_text("kept")
    assert f"{tmp_path} is not an empty directory" in refusal(capsys, "speedrun", "--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.usefixtures("_clock")
def test_a_clock_that_ends_before_the_last_update_gives_no_row(tmp_path, capsys):
    command = ["speedrun", "--minutes", "0.001", "--out", tmp_path / "run", *SMALL]
    assert "the clock of 0.06 s ended before the last update" in refusal(capsys, *command)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["log.jsonl"]


@pytest.fixture
def book(monkeypatch) -> pd.DataFrame:
    """The rows of two recipes of three seeds, in place of those of the book."""
    table = pd.DataFrame(
        [("quick", 5.0, seed, 1.6 + seed / 100) for seed in range(3)] + [("slow", 5.0, 0, 1.9)],
        columns=["recipe", "minutes", "seed", "nats"],
    ).assign(updates=1000, characters=10**6, parameters=10**5, nanogpt_ms=30.0)
    monkeypatch.setattr(results, "load", lambda name: table)
    monkeypatch.setattr(results, "names", lambda: ("speedrun",))
    return table


@pytest.mark.parametrize(
    ("nats", "said"),
    [(1.5, "beats quick, slow"), (1.7, "beats slow; lies behind quick"), (2.0, "lies behind quick, slow")],
)
def test_a_row_is_placed_among_the_means_of_the_book(book, nats, said):
    lines = speedrun.standing({"minutes": 5.0, "nats": nats}).splitlines()
    assert lines[-1] == said
    shown = {line.rsplit(None, 2)[0].strip(): line.split()[-2:] for line in lines[1:-1]}
    assert shown == {"quick": ["1.6100", "3"], "slow": ["1.9000", "1"], "this row": [f"{nats:.4f}", "1"]}
    numbers = [float(line.split()[-2]) for line in lines[1:-1]]
    assert numbers == sorted(numbers)


def test_a_clock_without_rows_has_nobody_to_beat(book):
    assert "nobody has yet run 20 minutes" in speedrun.standing({"minutes": 20.0, "nats": 1.5})


def test_the_text_is_the_nine_plays_whose_last_tenth_is_held_out():
    text = shakespeare(speedrun.EDITION)
    assert split(text)[1] == text[int(0.9 * len(text)) :]
    assert "Master:\nBoatswain!" in split(text)[1]
