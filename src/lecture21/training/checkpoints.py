"""A run on disk. Everything that a resumed run needs is in one file, which is complete or absent.

`checkpoint.safetensors` holds weights, optimizer state, random states and history. It is one file because two could
come from different steps if a save is killed between them. Beside it are the files for everyone else:
`model.safetensors`, `config.json`, `tokenizer.json` and `history.csv`.
"""

import hashlib
import json
import math
import os
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from lecture21._support.files import parse_json
from lecture21._support.locks import locked_directory
from lecture21._support.storage import (
    CONFIG,
    WEIGHTS,
    check_tensors,
    find_difference,
    load_tensors,
    save_tensors,
)
from lecture21._support.validation import printable
from lecture21.training.optimizers import optimizer_state, owners_of_parameters
from lecture21.training.run import HISTORY_TYPES, Run

CHECKPOINT = "checkpoint.safetensors"
TOKENIZER = "tokenizer.json"
HISTORY = "history.csv"
_RECORD = {
    "step": int,
    "model": dict,
    "settings": dict,
    "processes": int,
    "tokens": str,
    "validation": str,
    "tokenizer": str,
    "optimizer": list,
    "scaler": dict,
}


@runtime_checkable
class Tokenizer(Protocol):
    """What a run needs of a tokenizer: a way to be saved, and a `repr` that distinguishes vocabularies."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tokenizer as JSON."""
        ...


class RunDirectory:
    """The directory of a run, which no other run can enter at the same time.

    Args:
        out: created if it is not there.
        run: is saved here after each evaluation. All its processes take part, and the main one writes.
        tokens: the training sequence.
        val: the validation sequence.
        tokenizer: saved beside the model.
        resume: whether a run is to be continued; otherwise the directory must not hold one.

    Raises:
        ValueError: when it is entered, if there is no run to resume, a new run would replace files, or another process
            is training here.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        run: Run,
        tokens: Int[Tensor, " N"],
        val: Int[Tensor, " M"] | None,
        tokenizer: Tokenizer | None,
        resume: bool,
    ):
        self._out, self._run, self._tokenizer, self._resume = Path(out), run, tokenizer, resume
        self._identity = {
            "model": asdict(run.model.config),
            "settings": asdict(run.config),
            "processes": run.count,
            "tokens": _hash(tokens),
            "validation": "" if val is None else _hash(val),
            "tokenizer": repr(tokenizer),
        }
        self._stack = ExitStack()
        run.after_evaluation.append(self.save)

    def __enter__(self) -> "RunDirectory":
        if self._run.is_main:
            self._check()
            with ExitStack() as stack:
                stack.enter_context(locked_directory(self._out))
                self._check()  # once more: another process may have written until now
                self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # If not even one update fits into memory, the run of step 0 would only block the next attempt.
        failed = kind is not None and issubclass(kind, RuntimeError | MemoryError)
        if failed and self._run.step == 0 and self._run.is_main and not self._resume:
            for name in (CHECKPOINT, CONFIG, WEIGHTS, TOKENIZER, HISTORY):
                (self._out / name).unlink(missing_ok=True)
        self._stack.close()

    def _check(self) -> None:
        out = self._out
        if self._resume:
            if not (out / CHECKPOINT).is_file():
                raise ValueError(f"nothing to resume: there is no {out / CHECKPOINT}")
            return
        if (out / CHECKPOINT).exists():
            raise ValueError(f"{out} already holds a run; resume it (--resume), or choose another directory")
        for name in (CONFIG, WEIGHTS, TOKENIZER, HISTORY):
            if (out / name).exists():
                raise ValueError(f"{out} already holds {name}, which training would replace; choose another directory")

    def save(self, run: Run) -> None:
        """Write the checkpoint, and then the files that follow from it, each atomically.

        Raises:
            OSError: from the file system; the files of the last save are then still complete.
        """
        tensors = run.state_dict()  # every process has a part of it
        if not run.is_main:
            return
        record = self._identity | {
            "step": run.step,
            "optimizer": sorted(name for name in tensors if name.startswith("optimizer.")),
            "scaler": run.scaler.state_dict(),
        }
        save_tensors(self._out / CHECKPOINT, tensors, {"lecture21.run": json.dumps(record)})
        self._export(tensors)

    def load(self) -> None:
        """Continue from the checkpoint, after comparing all of it; before that, the model is not changed.

        Raises:
            ValueError: naming the file, if it is corrupt or truncated, or does not match the model, the texts, the
                tokenizer or the settings. More steps than before are allowed, unless the schedule depends on them.
        """
        path, run = self._out / CHECKPOINT, self._run
        tensors, metadata = load_tensors(path)
        record = _parse_record(path, metadata)
        self._require_match(path, record)
        scaler = record["scaler"] if run.scaler.is_enabled() else {}  # a run may continue on another device
        _check_scaler(path, scaler, run.scaler.state_dict())
        _check_history(path, tensors, record["step"])
        check_tensors(run.model.state_dict(), _group(path, tensors, "model"), source=str(path))
        _check_optimizer(path, tensors, record["optimizer"], run)
        _check_random_states(path, tensors, run)
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not name.startswith("history.") and not tensor.double().isfinite().all():
                raise ValueError(f"{path} is corrupt: {printable(name)} is not finite")
        run.load_state_dict(tensors)
        if scaler:
            run.scaler.load_state_dict(scaler)
        if run.is_main:
            self._export(tensors)  # the last save may have been killed between its checkpoint and these files

    def _export(self, tensors: dict[str, Tensor]) -> None:
        """Write the model, the tokenizer and the history."""
        self._run.complete_model(tensors).save_pretrained(self._out)
        if self._tokenizer is not None:
            self._tokenizer.save(self._out / TOKENIZER)
        self._run.history.to_csv(self._out / HISTORY)

    def _require_match(self, path: Path, record: dict[str, Any]) -> None:
        current = json.loads(json.dumps(self._identity))  # JSON turns tuples into lists
        may_differ = {"device", "shard"} | ({"steps"} if record["settings"].get("schedule") == "constant" else set())
        for what, key, allowed in (("model", "model", ()), ("run", "settings", may_differ)):
            if difference := find_difference(record[key], current[key], allowed):
                name, old, new = difference
                values = f"the checkpoint has {name}={old}, the {what} has {new}"
                raise ValueError(f"{path} does not match the {what}: {values}")
        for key, problem in (
            ("processes", f"run: the checkpoint has processes={record['processes']}, the run has {self._run.count}"),
            ("tokens", "text: the run was trained on other tokens"),
            ("validation", "validation text: the run was evaluated on other tokens"),
            ("tokenizer", "tokenizer: the run has another vocabulary"),
        ):
            if record[key] != current[key]:
                raise ValueError(f"{path} does not match the {problem}")


def _hash(tokens: Int[Tensor, " N"]) -> str:
    """Return what identifies a text."""
    return hashlib.sha256(tokens.cpu().to(torch.int64).numpy().tobytes()).hexdigest()


def _parse_record(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    if "lecture21.run" not in metadata:
        raise ValueError(f"{path} is not a training checkpoint of lecture21")
    record = parse_json(metadata["lecture21.run"], f"the record of the run in {path}")
    for key, kind in _RECORD.items():
        value = record.get(key) if isinstance(record, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"{path} has no valid {key!r}: it is corrupt, or from another version of lecture21")
    return record


def _group(path: Path, tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    group = {
        name.removeprefix(f"{prefix}."): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")
    }
    if not group:
        raise ValueError(f"{path} lacks {prefix}: it is corrupt, or from another version of lecture21")
    return group


def _check_scaler(path: Path, saved: dict[str, Any], current: dict[str, Any]) -> None:
    numbers = all(isinstance(value, int | float) and math.isfinite(value) for value in saved.values())
    if saved and not (saved.keys() == current.keys() and numbers):
        raise ValueError(f"{path} has a corrupt gradient scaler: {printable(repr(saved))}")


def _check_history(path: Path, tensors: dict[str, Tensor], step: int) -> None:
    columns = _group(path, tensors, "history")
    lengths = {len(column) if column.dim() == 1 else 0 for column in columns.values()}
    if {name: column.dtype for name, column in columns.items()} != HISTORY_TYPES or len(lengths) != 1 or 0 in lengths:
        names = ", ".join(HISTORY_TYPES)
        raise ValueError(f"{path} has a corrupt history: it must have columns {names} of equal length")
    last = columns["step"].tolist()[-1]
    if not 0 <= step == last:
        raise ValueError(f"{path} is corrupt: it is of step {step}, its history ends at {last}")


def _check_optimizer(path: Path, tensors: dict[str, Tensor], names: list[Any], run: Run) -> None:
    """Compare every tensor of the optimizer with its parameter.

    Adam's fused kernel trusts these sizes and types: it would write beyond the end of a tensor that is too small. A
    parameter that had no gradient has no state, so the record of the run says which ones have.
    """
    parameters, owners = dict(run.model.named_parameters()), owners_of_parameters(run.optimizers)
    expected: dict[str, Tensor] = {}
    for full_name in map(str, names):
        key, _, name = full_name.removeprefix("optimizer.").partition(".")
        keys = optimizer_state(owners.get(parameters.get(name)))
        if key not in keys:
            raise ValueError(f"{path} has unknown optimizer state {printable(repr(full_name))}")
        # All that belongs to the parameter, even if the record leaves something out.
        expected |= {f"optimizer.{k}.{name}": torch.zeros(()) if k == "step" else parameters[name] for k in keys}
    saved = {name: tensor for name, tensor in tensors.items() if name.startswith("optimizer.")}
    check_tensors(expected, saved, source=str(path), exact=True)


def _check_random_states(path: Path, tensors: dict[str, Tensor], run: Run) -> None:
    for name, generator in run.random_generators().items():
        full_name = run.random_name(name)
        current = generator.get_state()
        other = current if name == run.device.type else None  # the run may have been on another device until now
        saved = tensors.get(full_name, other)
        if saved is None or saved.shape != current.shape or saved.dtype != current.dtype:
            raise ValueError(f"{path} has a corrupt random state, {full_name}")
        try:
            generator.set_state(saved.clone())
        except RuntimeError as error:  # the right size, but not a state of the generator
            raise ValueError(f"{path} has a corrupt random state, {full_name}: {error}") from error
