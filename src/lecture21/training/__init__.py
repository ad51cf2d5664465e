"""Training and evaluation: one loop for long runs over a text, one for small tasks, and runs that can be resumed.

`loop` is the loop of `train`, and `run` what it works with. Two things are attached to a run from outside:
`checkpoints` keeps it on disk, and `processes` shares its batches among several processes. Fine-tuning on preferences
is in `lecture21.alignment`.
"""

from lecture21.training.config import TrainConfig, learning_rate, recipe
from lecture21.training.evaluation import evaluate
from lecture21.training.history import History
from lecture21.training.loop import sample_windows, shuffled_windows, train
from lecture21.training.muon import Muon
from lecture21.training.tasks import minimize

__all__ = [
    "History",
    "Muon",
    "TrainConfig",
    "evaluate",
    "learning_rate",
    "minimize",
    "recipe",
    "sample_windows",
    "shuffled_windows",
    "train",
]
