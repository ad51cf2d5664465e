"""A run on disk: everything that a resumed run needs, in one file that is whole or absent.

`checkpoint.safetensors` holds weights, optimiser, random states and history. It is one file, since two could come from
different steps when a save is killed between them. Beside it lies what everyone else loads: `model.safetensors`,
`config.json` and `tokenizer.json`.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor, nn

from lecture21._support.storage import CONFIG, WEIGHTS, load_tensors, load_weights, save_tensors
from lecture21.training.evaluation import History, TrainableModel

CHECKPOINT = "checkpoint.safetensors"
TOKENIZER = "tokenizer.json"
HISTORY = "history.csv"
ADAM_STATE = ("step", "exp_avg", "exp_avg_sq")


@runtime_checkable
class Tokenizer(Protocol):
    """What a run asks of a tokenizer: to be written beside the model, and a `repr` that tells vocabularies apart."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tokenizer as JSON."""
        ...


@dataclass
class TrainingState:
    """All that changes while a model trains, and what it must fit when it is loaded again."""

    model: TrainableModel
    optimizer: torch.optim.Optimizer
    batches: torch.Generator
    scaler: torch.amp.GradScaler | None
    settings: dict[str, Any]
    """The fields of the run's `TrainConfig`."""
    history: History
    tokens: Int[Tensor, " N"]
    tokenizer: Tokenizer | None = None
    step: int = 0


def _fingerprint(tokens: Int[Tensor, " N"]) -> str:
    return hashlib.sha256(tokens.cpu().to(torch.int64).numpy().tobytes()).hexdigest()


def refuse_to_overwrite(out: str | os.PathLike[str]) -> None:
    """Raise ValueError if a directory already holds a run, or a file that a run would replace."""
    if (Path(out) / CHECKPOINT).exists():
        raise ValueError(f"{out} already holds a run; resume it (--resume), or choose another directory")
    for name in (CONFIG, WEIGHTS, TOKENIZER, HISTORY):
        if (Path(out) / name).exists():
            raise ValueError(f"{out} already holds {name}, which training would replace; choose another directory")


def save_run(out: str | os.PathLike[str], state: TrainingState) -> None:
    """Write the checkpoint, then what follows from it (model, tokenizer, history), each file atomically.

    Raises:
        OSError: what the file system says; the files of the last save are then still whole.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{name}": tensor for name, tensor in state.model.state_dict().items()}
    for name, parameter in state.model.named_parameters():
        for key, value in state.optimizer.state.get(parameter, {}).items():  # none if it is not trained
            tensors[f"optimizer.{key}.{name}"] = value
    tensors["random.batches"] = state.batches.get_state()
    tensors["random.torch"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    record = {
        "step": state.step,
        "model": asdict(state.model.config),
        "settings": state.settings,
        "history": asdict(state.history),
        "tokens": _fingerprint(state.tokens),
        "tokenizer": repr(state.tokenizer),
        "scaler": state.scaler.state_dict() if state.scaler else None,
    }
    save_tensors(out / CHECKPOINT, tensors, {"lecture21.run": json.dumps(record)})
    state.model.save_pretrained(out)
    if state.tokenizer is not None:
        state.tokenizer.save(out / TOKENIZER)
    state.history.to_csv(out / HISTORY)


def load_run(out: str | os.PathLike[str], state: TrainingState) -> None:
    """Bring `state` to where the run in `out` stood.

    Raises:
        ValueError: naming the file, if there is nothing to resume, or if it is torn or from another model, text,
            vocabulary or configuration. More steps than before are allowed, unless the schedule depends on them.
    """
    path = Path(out) / CHECKPOINT
    if not path.is_file():
        raise ValueError(f"nothing to resume: there is no {path}")
    tensors, metadata = load_tensors(path)
    if "lecture21.run" not in metadata:
        raise ValueError(f"{path} is not a training checkpoint of lecture21")
    record = json.loads(metadata["lecture21.run"])
    _refuse_differences(path, "model", record["model"], asdict(state.model.config))
    may_differ = {"device"} | ({"steps"} if record["settings"]["schedule"] == "constant" else set())
    _refuse_differences(path, "run", record["settings"], json.loads(json.dumps(state.settings)), may_differ)
    if record["tokens"] != _fingerprint(state.tokens):
        raise ValueError(f"{path} was trained on another text, or with another vocabulary")

    if record["tokenizer"] != repr(state.tokenizer):
        raise ValueError(f"{path} is of another vocabulary than the tokenizer here")

    averages = _optimizer_state(_under("optimizer.", tensors), dict(state.model.named_parameters()), source=str(path))
    load_weights(state.model, _under("model.", tensors), source=str(path))
    state.optimizer.state.update(averages)
    state.batches.set_state(tensors["random.batches"])
    torch.set_rng_state(tensors["random.torch"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    if state.scaler and record["scaler"]:
        state.scaler.load_state_dict(record["scaler"])
    state.step = record["step"]
    state.history = History(**record["history"])


def _optimizer_state(
    tensors: dict[str, Tensor], parameters: dict[str, nn.Parameter], source: str
) -> dict[nn.Parameter, dict[str, Tensor]]:
    """Return Adam's state of each parameter, after checking every tensor against its parameter.

    Adam's fused kernel trusts these sizes and types: it would write beyond the end of a tensor that is too small.
    """
    state: dict[nn.Parameter, dict[str, Tensor]] = {}
    for full_name, tensor in tensors.items():
        key, _, name = full_name.partition(".")
        if key not in ADAM_STATE or name not in parameters:
            raise ValueError(f"{source} has unknown optimizer state {full_name!r}")
        parameter = parameters[name]
        if key == "step":
            if tensor.shape or tensor.dtype != torch.float32:
                found = f"got {tensor.dtype} of shape {tuple(tensor.shape)}"
                raise ValueError(
                    f"{source}: optimizer.{full_name} must be a single number of type torch.float32, {found}"
                )
        elif tensor.shape != parameter.shape:
            shapes = f"{tuple(tensor.shape)}, its parameter {tuple(parameter.shape)}"
            raise ValueError(f"{source}: optimizer.{full_name} has shape {shapes}")
        elif tensor.dtype != parameter.dtype:
            raise ValueError(f"{source}: optimizer.{full_name} is {tensor.dtype}, its parameter {parameter.dtype}")
        state.setdefault(parameter, {})[key] = tensor.to(parameter.device)
    for name, parameter in parameters.items():
        for key in ADAM_STATE:
            if parameter in state and key not in state[parameter]:
                raise ValueError(f"{source} lacks optimizer.{key}.{name}")
    return state


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _refuse_differences(
    path: Path, what: str, saved: dict[str, Any], asked: dict[str, Any], may_differ: set[str] = frozenset()
) -> None:
    for name in [*saved, *(asked.keys() - saved.keys())]:  # in the order of the fields: a cause before what follows
        if name not in may_differ and saved.get(name) != asked.get(name):
            raise ValueError(
                f"{path} is of another {what}: {name} is {saved.get(name)!r} there and {asked.get(name)!r} here"
            )
