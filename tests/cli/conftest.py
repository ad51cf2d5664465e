from pathlib import Path

import pytest
from commands import TEXT


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "romeo.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path
