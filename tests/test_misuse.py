"""The part of the attack that takes a second; `make attack` runs the rest."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).with_name("attack")))

import misuse


@pytest.mark.usefixtures("untyped")
def test_misuse_raises_instead_of_returning_numbers(tmp_path):
    count, problems = misuse.calls(tmp_path)
    assert problems == []
    assert count >= 100
