"""A run on disk. Everything that a resumed run needs is in one file, which is complete or absent.

`checkpoint.safetensors` holds weights, optimizer state, random states and history. It is one file because two could
come from different steps if a save is killed between them. Beside it are the files for everyone else:
`model.safetensors`, `config.json`, `tokenizer.json` and `history.csv`. The first has the next two in its metadata, so
that it is a model by itself.
"""

import hashlib
import json
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
from lecture21._support.storage import CONFIG, WEIGHTS, add_text, find_difference, load_tensors, save_tensors
from lecture21._support.validation import printable
from lecture21.training.run import Run

CHECKPOINT = "checkpoint.safetensors"
TOKENIZER = "tokenizer.json"
HISTORY = "history.csv"


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
        run: all its processes take part in a save, and the main one writes.
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
        self._identity = {  # a checkpoint with another one belongs to another run
            "model": asdict(run.model.config),
            "settings": asdict(run.config),
            "frozen": [name for name, parameter in run.model.named_parameters() if not parameter.requires_grad],
            "processes": run.count,
            "tokens": _hash(tokens),
            "validation": "" if val is None else _hash(val),
            "tokenizer": repr(tokenizer),
        }
        self._stack = ExitStack()

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

    def save(self) -> None:
        """Write the checkpoint, and then the files that follow from it, each atomically.

        Raises:
            OSError: from the file system; the files of the last save are then still complete.
        """
        tensors = self._run.state_dict()  # every process has a part of it
        if self._run.is_main:
            record = self._identity | {"scaler": self._run.scaler.state_dict()}
            save_tensors(self._out / CHECKPOINT, tensors, {"lecture21.run": json.dumps(record)})
            self._export(tensors)

    def _export(self, tensors: dict[str, Tensor]) -> None:
        """Write the model, the tokenizer and the history."""
        self._run.complete_model(tensors).save_pretrained(self._out)
        if self._tokenizer is not None:
            save_tokenizer(self._tokenizer, self._out)
        self._run.history.to_csv(self._out / HISTORY)

    def load(self) -> None:
        """Continue from the checkpoint, in the precision of its weights; a model that does not match is not changed.

        Raises:
            ValueError: naming the file, if it is corrupt or truncated, or does not match the model, the texts, the
                tokenizer or the settings. More steps than before are allowed, unless the schedule depends on them.
        """
        path, run = self._out / CHECKPOINT, self._run
        tensors, metadata = load_tensors(path)
        if "lecture21.run" not in metadata:
            raise ValueError(f"{path} is not a training checkpoint of lecture21")
        record = parse_json(metadata["lecture21.run"], f"the record of the run in {path}")
        if missing := {*self._identity, "scaler"} - record.keys():
            raise ValueError(f"{path} lacks {min(missing)}: it is corrupt, or from another version of lecture21")
        self._require_match(path, record)
        try:
            run.load_state_dict(tensors)
            if run.scaler.is_enabled() and record["scaler"]:  # a run may continue on another device
                run.scaler.load_state_dict(record["scaler"])
        except LookupError as error:
            problem = f"it is corrupt, or from another version of lecture21 ({printable(str(error))})"
            raise ValueError(f"{path} cannot be continued: {problem}") from error
        if run.is_main:
            self._export(tensors)  # the last save may have been killed between its checkpoint and these files

    def _require_match(self, path: Path, record: dict[str, Any]) -> None:
        """Raise ValueError naming the first thing in which the record of a run differs from this run."""
        current = json.loads(json.dumps(self._identity))  # JSON turns tuples into lists
        may_differ = {"device", "shard"} | ({"steps"} if record["settings"].get("schedule") == "constant" else set())
        for what, key, allowed in (("model", "model", ()), ("run", "settings", may_differ)):
            if difference := find_difference(record[key], current[key], allowed):
                name, old, new = difference
                values = f"the checkpoint has {name}={old}, the {what} has {new}"
                raise ValueError(f"{path} does not match the {what}: {values}")
        if other := {*record["frozen"]} ^ {*current["frozen"]}:
            name = min(other)
            before, now = ("frozen", "trained") if name in record["frozen"] else ("trained", "frozen")
            raise ValueError(f"{path} does not match the model: {printable(name)} was {before} and is now {now}")
        for key, problem in (
            ("processes", f"run: the checkpoint has processes={record['processes']}, the run has {self._run.count}"),
            ("tokens", "text: the run was trained on other tokens"),
            ("validation", "validation text: the run was evaluated on other tokens"),
            ("tokenizer", "tokenizer: the run has another vocabulary"),
        ):
            if record[key] != current[key]:
                raise ValueError(f"{path} does not match the {problem}")


def save_tokenizer(tokenizer: Tokenizer, out: Path) -> None:
    """Write the tokenizer beside a saved model, and into the metadata of its weights, which then need no other file."""
    tokenizer.save(out / TOKENIZER)
    add_text(out / WEIGHTS, "tokenizer", (out / TOKENIZER).read_text(encoding="utf-8"))


def _hash(tokens: Int[Tensor, " N"]) -> str:
    """Return what identifies a text."""
    return hashlib.sha256(tokens.cpu().to(torch.int64).numpy().tobytes()).hexdigest()
