"""The measurements of a run, and their CSV file."""

import csv
import os
from dataclasses import asdict, dataclass, field

from lecture21._support.files import write_atomic


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
        columns = asdict(self)
        rows = [columns, *zip(*columns.values(), strict=True)]
        write_atomic(path, "".join(f"{','.join(map(str, row))}\n" for row in rows).encode())

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str]) -> "History":
        """Read the file of a run."""
        history = cls()
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                history.append(int(row.pop("step")), **{name: float(value) for name, value in row.items()})
        return history
