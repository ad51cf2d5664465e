"""The measurements of a run, and their CSV file."""

import csv
import os
from dataclasses import astuple, dataclass, field
from io import StringIO
from pathlib import Path

from lecture21._support.files import write_atomic
from lecture21._support.validation import printable

_COLUMNS = {"step": int, "train_loss": float, "val_loss": float, "learning_rate": float}


@dataclass
class History:
    """The measurements of a run: one entry per evaluation, losses in nats per token."""

    step: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    """Mean over the training batches since the previous entry; NaN before the first update."""
    val_loss: list[float] = field(default_factory=list)
    """Loss on the whole validation split; NaN if there is none."""
    learning_rate: list[float] = field(default_factory=list)

    def append(self, step: int, train_loss: float, val_loss: float, learning_rate: float) -> None:
        """Add one evaluation."""
        self.step.append(step)
        self.train_loss.append(train_loss)
        self.val_loss.append(val_loss)
        self.learning_rate.append(learning_rate)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write one row per evaluation, with every digit."""
        rows = [_COLUMNS, *zip(*astuple(self), strict=True)]
        write_atomic(path, "".join(f"{','.join(map(str, row))}\n" for row in rows).encode())

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str]) -> "History":
        """Read the file of a run; a last row without a line break, from a save that was killed, is left out.

        Raises:
            ValueError: if the file has other columns, or a cell is missing or not a number.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
            rows = list(csv.reader(StringIO(text[: text.rfind("\n") + 1])))
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{path} is not a history: {printable(str(error))}") from error
        header = rows[0] if rows else []
        if header != list(_COLUMNS):
            raise ValueError(f"{path} has columns {printable(', '.join(header))}, a history has {', '.join(_COLUMNS)}")
        history = cls()
        for number, row in enumerate(rows[1:], start=1):
            if len(row) != len(header):
                raise ValueError(f"{path}, row {number}: a row has {len(header)} cells, this one has {len(row)}")
            try:
                values = [kind(cell) for kind, cell in zip(_COLUMNS.values(), row, strict=True)]
            except ValueError as error:
                raise ValueError(f"{path}, row {number}: {printable(str(error))}") from error
            if not 0 <= values[0] < 2**63:
                raise ValueError(f"{path}, row {number}: the step must be in 0 ... 2 ** 63 - 1, got {values[0]}")
            history.append(*values)
        return history
