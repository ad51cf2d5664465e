"""A training run: everything that changes while a model is trained, and what the loop leaves to others."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.modes import seeded, training
from lecture21.training.config import TrainConfig
from lecture21.training.devices import DeviceGenerator, choose_device, mixed_precision
from lecture21.training.evaluation import TrainableModel, evaluate
from lecture21.training.history import History
from lecture21.training.optimizers import make_optimizers, optimizer_state, owners_of_parameters, progress_bar

HISTORY_TYPES = {
    "step": torch.int64,
    "train_loss": torch.float64,
    "val_loss": torch.float64,
    "learning_rate": torch.float64,
}


class Run:
    """A run in one process, of which nothing is kept. It is entered for the time that the loop takes.

    `processes.SharedRun` computes in several processes instead, and `checkpoints.RunDirectory` keeps a run on disk.

    Args:
        model: trained in place; the constructor leaves it as it is.
        config: the settings.
        device: where to compute; by default that of the settings.
        count: number of processes that share the run.
        index: of this process among them.

    Raises:
        ValueError: if the settings do not fit this machine, or the processes.
    """

    def __init__(
        self,
        model: TrainableModel,
        config: TrainConfig,
        device: torch.device | None = None,
        count: int = 1,
        index: int = 0,
    ):
        self.model, self.config, self.count, self.index = model, config, count, index
        self.device = choose_device(config.device) if device is None else device
        self.autocast, self.scaler = mixed_precision(self.device, config.precision)
        if config.shard and count == 1:
            raise ValueError("shard needs several processes: start them with torchrun or accelerate launch")
        self.seed = config.seed
        self.batches = torch.Generator().manual_seed(config.seed)
        self.optimizers: list[torch.optim.Optimizer] = []
        self.history = History()
        self.step = 0

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and reports."""
        return self.index == 0

    def __enter__(self) -> "Run":
        self.model.to(self.device)
        self.optimizers = make_optimizers(self.model, self.config, self.device)
        self._loss = self.model.loss
        if self.config.compile:  # with dropout drawn as without it, which is faster on a CPU, too
            self._loss = torch.compile(self.model.loss, dynamic=False, options={"fallback_random": True})
        with ExitStack() as stack:
            stack.enter_context(seeded(self.seed, self.device))
            stack.enter_context(training(self.model))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def steps(self) -> Iterator[int]:
        """Yield the steps that are left, from 0 or that of the checkpoint to `config.steps`, which is only evaluated.

        A terminal shows a progress bar.
        """
        with progress_bar(self.config.steps, done=self.step, shown=self.is_main) as bar:
            for step in range(self.step, self.config.steps + 1):
                self.step = step
                yield step
                bar.update()
                if step in self.history.step[-1:]:
                    losses = {"train": self.history.train_loss[-1], "val": self.history.val_loss[-1]}
                    bar.set_postfix({name: f"{loss:.4f}" for name, loss in losses.items()})

    def loss(self, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
        """Return the mean loss of a batch."""
        with self.autocast:
            return self._loss(ids.to(self.device), targets.to(self.device))

    def evaluate(self, val: Int[Tensor, " M"]) -> float:
        """Return the loss on the validation split."""
        with self.autocast:
            return evaluate(self.model, val)

    def measure(self, losses: Sequence[Float[Tensor, ""]], val: Int[Tensor, " M"] | None) -> tuple[float, float]:
        """Return the mean of the training losses and the validation loss; NaN for what there is not.

        Raises:
            ValueError: if training diverged, before weights of no use replace the last good ones.
        """
        train_loss = val_loss = math.nan
        if losses:
            total = torch.zeros((), device=self.device, dtype=torch.float32)  # a loss beyond its range has diverged
            for loss in losses:
                total += loss
            train_loss = (self.sum_over_processes(total) / self.count).item() / len(losses)
        if val is not None:
            val_loss = self.evaluate(val)
        problem = None
        if losses and not math.isfinite(train_loss):
            problem = f"the loss before step {self.step} is {train_loss}"
        elif val is not None and not math.isfinite(val_loss):
            problem = f"the validation loss at step {self.step} is {val_loss}"
        else:
            for name, parameter in self.model.named_parameters():
                if not self.is_finite(parameter):
                    problem = f"{name} is not finite at step {self.step}"
                    break
        if problem:
            raise ValueError(f"training diverged: {problem}; try a smaller learning_rate, or clip")
        return train_loss, val_loss

    def sum_over_processes(self, value: Tensor) -> Tensor:
        """Return the sum over all processes."""
        return value

    def is_finite(self, parameter: Tensor) -> bool:
        """Return whether every number in a parameter is finite."""
        return bool(parameter.isfinite().all())

    def random_generators(self) -> dict[str, torch.Generator | DeviceGenerator]:
        """Return the generators of all random numbers of the run: those of batches, and torch's own for dropout."""
        generators = {"batches": self.batches, "torch": torch.default_generator}
        if self.device.type != "cpu":
            generators[self.device.type] = DeviceGenerator(self.device)
        return generators

    def random_name(self, name: str) -> str:
        """Return the name in a checkpoint of one of this process's random states."""
        return f"random.{name}.{self.index}" if self.index else f"random.{name}"

    def complete_model(self, tensors: dict[str, Tensor]) -> TrainableModel:
        """Return the model with all of its weights, which are also in these tensors of `state_dict`."""
        return self.model

    def state_dict(self) -> dict[str, Tensor]:
        """Return everything that changes during training, by the names of a checkpoint."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        owners = owners_of_parameters(self.optimizers)
        for name, parameter in self.model.named_parameters():
            if parameter in owners:
                state = owners[parameter].state.get(parameter, {})  # empty before the first gradient
                tensors |= {f"optimizer.{key}.{name}": value for key, value in state.items()}
        for name, generator in self.random_generators().items():
            tensors[self.random_name(name)] = generator.get_state()
        for name, dtype in HISTORY_TYPES.items():
            tensors[f"history.{name}"] = torch.tensor(getattr(self.history, name), dtype=dtype)
        return tensors

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Continue from the state of a checkpoint of the same run; raises LookupError if a part of it is missing."""
        for name in HISTORY_TYPES:
            getattr(self.history, name)[:] = tensors[f"history.{name}"].tolist()
        self.step = self.history.step[-1]
        for name, generator in self.random_generators().items():
            state = tensors.get(self.random_name(name))
            if state is None and name != self.device.type:  # a run may continue on another device, but has these two
                raise LookupError(f"no {self.random_name(name)}")
            if state is not None:
                generator.set_state(state.clone())
        weights = {name: tensors[f"model.{name}"] for name in self.model.state_dict()}
        types = [(parameter.dtype, weights[name].dtype) for name, parameter in self.model.named_parameters()]
        if any(current != saved for current, saved in types):  # the model was made under another default type
            self.model.to(types[0][1])
        self.model.load_state_dict(weights)
        owners = owners_of_parameters(self.optimizers)
        for name, parameter in self.model.named_parameters():
            for key in optimizer_state(owners.get(parameter)):
                if (value := tensors.get(f"optimizer.{key}.{name}")) is not None:
                    owners[parameter].state[parameter][key] = value.clone().to(self.device)
