"""The measurements of a run, and their CSV file."""

import os
from dataclasses import asdict, dataclass, field
from io import StringIO
from pathlib import Path

import pandas as pd

from lecture21._support.files import append_durably, write_atomic
from lecture21._support.validation import printable

_COLUMNS = {"step": "int64", "train_loss": "float64", "val_loss": "float64", "learning_rate": "float64"}


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
        write_atomic(path, self._csv().encode())

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str]) -> "History":
        """Read the file of a run; a last row without a line break, from a save that was killed, is left out.

        Raises:
            ValueError: if the file has other columns, or a cell is missing or not a number.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
            table = pd.read_csv(StringIO(text[: text.rfind("\n") + 1]), dtype=str, index_col=False)
            table = table.astype({name: _COLUMNS[name] for name in table if name in _COLUMNS})  # exact, unlike read_csv
        except ValueError as error:
            raise ValueError(f"{path} is not a history: {printable(str(error))}") from error
        if list(table) != list(_COLUMNS):
            raise ValueError(f"{path} has columns {printable(', '.join(table))}, a history has {', '.join(_COLUMNS)}")
        if table["learning_rate"].isna().any():
            row = table["learning_rate"].isna().argmax() + 1
            raise ValueError(f"{path}, row {row}: the learning rate is missing")
        return cls(**{name: table[name].tolist() for name in _COLUMNS})

    def _append_to_csv(self, path: Path, first: int) -> None:
        """Append the rows from `first` on, so that saving does not get slower as a history gets longer."""
        rows = History(**{name: getattr(self, name)[first:] for name in _COLUMNS})
        append_durably(path, rows._csv(header=False).encode())

    def _csv(self, header: bool = True) -> str:
        return pd.DataFrame(asdict(self)).to_csv(index=False, header=header, na_rep="nan", lineterminator="\n")
