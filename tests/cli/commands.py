"""What the tests of the command line share: a small text, a quick run, and a command that must fail."""

from pathlib import Path

from lecture21.cli import main

TEXT = "ROMEO:\nBut soft, what light through yonder window breaks?\n\n" * 20
QUICK = ["--steps", "4", "--eval-every", "2", "--batch-size", "2", "--set", "n_layer=1", "--set", "d_model=8"]


def refusal(capsys, *arguments: object) -> str:
    """Run a command that must fail, and return the one line that it prints."""
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("lecture21: ")
    return err


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}
