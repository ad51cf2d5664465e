"""A run on disk. Everything that a resumed run needs is in one file, which is complete or absent.

`checkpoint.safetensors` holds weights, optimizer state, random states and history. It is one file because two could
come from different steps if a save is killed between them. Beside it are the files for everyone else:
`model.safetensors`, `config.json`, `tokenizer.json` and `history.csv`.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor, nn

from lecture21._support.files import parse_json
from lecture21._support.storage import CONFIG, WEIGHTS, check_tensors, find_difference, load_tensors, save_tensors
from lecture21._support.validation import printable
from lecture21.training._processes import Processes, shard_like
from lecture21.training._random_states import gather_random_states, restore_random_states
from lecture21.training.evaluation import _TrainableModel
from lecture21.training.history import History
from lecture21.training.muon import Muon

CHECKPOINT = "checkpoint.safetensors"
TOKENIZER = "tokenizer.json"
HISTORY = "history.csv"
_OPTIMIZER_STATE = {torch.optim.AdamW: ("step", "exp_avg", "exp_avg_sq"), Muon: ("momentum_buffer",)}
_RECORD = {
    "step": int,
    "model": dict,
    "settings": dict,
    "processes": int,
    "tokens": str,
    "tokenizer": str,
    "scaler": dict,
}
_COLUMNS = {"step": torch.int64, "train_loss": torch.float64, "val_loss": torch.float64, "learning_rate": torch.float64}


@runtime_checkable
class Tokenizer(Protocol):
    """What a run needs of a tokenizer: a way to be saved, and a `repr` that distinguishes vocabularies."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tokenizer as JSON."""
        ...


@dataclass
class TrainingState:
    """Everything that changes during training, and what a checkpoint must match to be loaded into it."""

    model: _TrainableModel
    optimizers: list[torch.optim.Optimizer]
    batches: torch.Generator
    scaler: torch.amp.GradScaler
    settings: dict[str, Any]
    """The fields of the run's `TrainConfig`."""
    history: History
    tokens: Int[Tensor, " N"]
    tokenizer: Tokenizer | None = None
    processes: Processes = field(default_factory=Processes)
    step: int = 0
    rows_saved: int = 0
    """Entries of the history that are in its CSV file."""
    text_sha256: str = field(init=False)
    """Identifies the training tokens."""

    def __post_init__(self) -> None:
        self.text_sha256 = hashlib.sha256(self.tokens.cpu().to(torch.int64).numpy().tobytes()).hexdigest()


def check_directory(out: Path, resume: bool) -> None:
    """Raise ValueError if there is no run to resume, or if a new run would replace files."""
    if resume:
        if not (out / CHECKPOINT).is_file():
            raise ValueError(f"nothing to resume: there is no {out / CHECKPOINT}")
        return
    if (out / CHECKPOINT).exists():
        raise ValueError(f"{out} already holds a run; resume it (--resume), or choose another directory")
    for name in (CONFIG, WEIGHTS, TOKENIZER, HISTORY):
        if (out / name).exists():
            raise ValueError(f"{out} already holds {name}, which training would replace; choose another directory")


def remove_run(out: Path) -> None:
    """Remove the files of a run."""
    for name in (CHECKPOINT, CONFIG, WEIGHTS, TOKENIZER, HISTORY):
        (out / name).unlink(missing_ok=True)


def save_run(out: Path, state: TrainingState) -> None:
    """Write the checkpoint, and then the files that follow from it, each atomically.

    Every process takes part, since each has random states, and perhaps a shard of the weights; the main one writes.

    Raises:
        OSError: from the file system; the files of the last save are then still complete.
    """
    weights = state.processes.whole(state.model.state_dict())
    moments = {}
    for name, parameter in state.model.named_parameters():
        for optimizer in state.optimizers:
            for key, value in optimizer.state.get(parameter, {}).items():  # none if it is not trained
                moments[f"optimizer.{key}.{name}"] = value
    tensors = {f"model.{name}": tensor for name, tensor in weights.items()} | state.processes.whole(moments)
    tensors |= gather_random_states(state.batches, state.processes)
    if not state.processes.is_main:
        return
    for name, dtype in _COLUMNS.items():
        tensors[f"history.{name}"] = torch.tensor(getattr(state.history, name), dtype=dtype)
    record = {
        "step": state.step,
        "model": asdict(state.model.config),
        "settings": state.settings,
        "processes": state.processes.count,
        "tokens": state.text_sha256,
        "tokenizer": repr(state.tokenizer),
        "scaler": state.scaler.state_dict(),
    }
    save_tensors(out / CHECKPOINT, tensors, {"lecture21.run": json.dumps(record)})
    _export(out, state, weights)


def export_run(out: Path, state: TrainingState) -> None:
    """Write the model, the tokenizer and the history; every process takes part."""
    weights = state.processes.whole(state.model.state_dict())
    if state.processes.is_main:
        _export(out, state, weights)


def _export(out: Path, state: TrainingState, weights: dict[str, Tensor]) -> None:
    model = _unsharded(state.model, weights) if state.processes.shard else state.model
    model.save_pretrained(out)
    if state.tokenizer is not None:
        state.tokenizer.save(out / TOKENIZER)
    if state.rows_saved:
        state.history._append_to_csv(out / HISTORY, first=state.rows_saved)
    else:
        state.history.to_csv(out / HISTORY)
    state.rows_saved = len(state.history.step)


def _unsharded(model: _TrainableModel, weights: dict[str, Tensor]) -> _TrainableModel:
    """Return a model of the same kind that holds these tensors themselves, not copies."""
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        whole = type(model)(model.config)
    whole.load_state_dict(weights, assign=True)
    return whole


def load_run(out: Path, state: TrainingState) -> None:
    """Restore `state` from the checkpoint in `out`, after checking all of it; nothing is written.

    Raises:
        ValueError: naming the file, if it is corrupt or truncated, or does not match the model, the text, the
            tokenizer or the settings. More steps than before are allowed, unless the schedule depends on them.
    """
    path = out / CHECKPOINT
    tensors, metadata = load_tensors(path)
    record = _parse_record(path, metadata)
    _require_match(path, "model", record["model"], asdict(state.model.config))
    may_differ = {"device", "shard"} | ({"steps"} if record["settings"].get("schedule") == "constant" else set())
    _require_match(path, "run", record["settings"], state.settings, may_differ)
    _require_match(path, "run", {"processes": record["processes"]}, {"processes": state.processes.count})
    if record["tokens"] != state.text_sha256:
        raise ValueError(f"{path} does not match the text: the run was trained on other tokens")
    if record["tokenizer"] != repr(state.tokenizer):
        raise ValueError(f"{path} does not match the tokenizer: the run has another vocabulary")
    scaler = record["scaler"] if state.scaler.is_enabled() else {}  # a run may continue on another device
    if scaler and not (scaler.keys() == state.scaler.state_dict().keys() and _are_numbers(scaler.values())):
        raise ValueError(f"{path} has a corrupt gradient scaler: {printable(repr(scaler))}")

    history = _history(path, _group(path, tensors, "history"))
    if not 0 <= record["step"] == history.step[-1]:
        raise ValueError(f"{path} is corrupt: it is of step {record['step']}, its history ends at {history.step[-1]}")
    parameters = dict(state.model.named_parameters())
    averages = _optimizer_state(path, _group(path, tensors, "optimizer", required=False), parameters, state.optimizers)
    current, weights = state.model.state_dict(), _group(path, tensors, "model")
    check_tensors(current, weights, source=str(path))
    state.model.load_state_dict({name: shard_like(weights[name], tensor) for name, tensor in current.items()})
    restore_random_states(path, tensors, state.batches, state.processes)
    for optimizer in state.optimizers:
        trained = (p for group in optimizer.param_groups for p in group["params"])
        optimizer.state.update({p: averages[p] for p in trained if p in averages})
    if scaler:
        state.scaler.load_state_dict(scaler)
    state.step, state.history = record["step"], history


def _are_numbers(values: Iterable[object]) -> bool:
    return all(isinstance(value, int | float) and math.isfinite(value) for value in values)


def _parse_record(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    if "lecture21.run" not in metadata:
        raise ValueError(f"{path} is not a training checkpoint of lecture21")
    record = parse_json(metadata["lecture21.run"], f"the record of the run in {path}")
    for key, kind in _RECORD.items():
        found = record.get(key) if isinstance(record, dict) else None
        if not isinstance(found, kind) or isinstance(found, bool):
            raise ValueError(f"{path} has no valid {key!r}: it is corrupt, or from another version of lecture21")
    return record


def _require_match(
    path: Path, what: str, saved: dict[str, Any], current: dict[str, Any], may_differ: set[str] = frozenset()
) -> None:
    current = json.loads(json.dumps(current))  # JSON turns tuples into lists
    if difference := find_difference(saved, current, may_differ):
        name, old, new = difference
        raise ValueError(f"{path} does not match the {what}: the checkpoint has {name}={old}, the {what} has {new}")


def _group(path: Path, tensors: dict[str, Tensor], prefix: str, required: bool = True) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    group = {
        name.removeprefix(f"{prefix}."): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")
    }
    if required and not group:
        raise ValueError(f"{path} lacks {prefix}: it is corrupt, or from another version of lecture21")
    return group


def _history(path: Path, columns: dict[str, Tensor]) -> History:
    lengths = {len(column) if column.dim() == 1 else 0 for column in columns.values()}
    if {name: column.dtype for name, column in columns.items()} != _COLUMNS or len(lengths) != 1 or lengths == {0}:
        raise ValueError(f"{path} has a corrupt history: it must have columns {', '.join(_COLUMNS)} of equal length")
    return History(**{name: column.tolist() for name, column in columns.items()})


def _optimizer_state(
    path: Path,
    tensors: dict[str, Tensor],
    parameters: dict[str, nn.Parameter],
    optimizers: list[torch.optim.Optimizer],
) -> dict[nn.Parameter, dict[str, Tensor]]:
    """Return the optimizer's state of each parameter, after checking every tensor against its parameter.

    Adam's fused kernel trusts these sizes and types: it would write beyond the end of a tensor that is too small.
    """
    state: dict[nn.Parameter, dict[str, Tensor]] = {}
    expected = {
        p: _OPTIMIZER_STATE[type(optimizer)]
        for optimizer in optimizers
        for group in optimizer.param_groups
        for p in group["params"]
    }
    for full_name, tensor in sorted(tensors.items()):  # every process shards them in the same order
        key, _, name = full_name.partition(".")
        if name not in parameters or key not in expected.get(parameters[name], ()):
            raise ValueError(f"{path} has unknown optimizer state {printable(repr(full_name))}")
        parameter = parameters[name]
        if key == "step":
            if tensor.shape or tensor.dtype != torch.float32:
                found = f"got {tensor.dtype} of shape {tuple(tensor.shape)}"
                raise ValueError(
                    f"{path}: optimizer.{full_name} must be a single number of type torch.float32, {found}"
                )
        elif tensor.shape != parameter.shape:
            shapes = f"{tuple(tensor.shape)}, its parameter {tuple(parameter.shape)}"
            raise ValueError(f"{path}: optimizer.{full_name} has shape {shapes}")
        elif tensor.dtype != parameter.dtype:
            raise ValueError(f"{path}: optimizer.{full_name} is {tensor.dtype}, its parameter {parameter.dtype}")
        value = tensor.clone().to(parameter.device)
        state.setdefault(parameter, {})[key] = value if key == "step" else shard_like(value, parameter)
    for name, parameter in parameters.items():
        for key in expected.get(parameter, ()):
            if parameter in state and key not in state[parameter]:
                raise ValueError(f"{path} lacks optimizer.{key}.{name}")
    return state
