"""One of two processes that train one model together: python workers.py JOB RANK FOLDER.

The processes find each other through a file in the folder, so that no port has to be free.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator

from lecture21 import GPT, GPTConfig
from lecture21.moe import MoEConfig
from lecture21.training import TrainConfig, checkpoints, train
from lecture21.training.processes import SharedRun, join_processes

SHAPE = GPTConfig(vocab_size=9, block_size=8, n_layer=2, n_head=2, d_model=8)
CONFIG = TrainConfig(steps=20, batch_size=8, eval_every=10, device="cpu")
MODELS = {
    "dense": SHAPE,
    "aux": replace(SHAPE, moe=MoEConfig(n_expert=4, z_loss=0.01, aux_weight=0.1)),
    "bias": replace(SHAPE, moe=MoEConfig(n_expert=4, balance="bias", bias_rate=0.01)),
}
RUNS = {
    **{name: (name, CONFIG) for name in MODELS},
    "accumulated": ("dense", replace(CONFIG, accumulate=2, clip=0.5)),
    "muon": ("dense", replace(CONFIG, optimizer="muon")),
    "accumulated sharded": ("aux", replace(CONFIG, accumulate=2, clip=0.5, weight_decay=0.1, shard=True)),
    "bias sharded": ("bias", replace(CONFIG, shard=True)),
}
REFUSED = {
    "batch": replace(CONFIG, batch_size=3),
    "muon": replace(CONFIG, optimizer="muon", shard=True),
    "diverged": replace(CONFIG, learning_rate=1e30),
    "compile": replace(CONFIG, compile=True),
}


def tokens() -> torch.Tensor:
    return torch.randint(9, (300,), generator=torch.Generator().manual_seed(0))


def validation() -> torch.Tensor:
    """Three batches of windows, so that two processes have different numbers of them."""
    return torch.randint(9, (8 * 600 + 1,), generator=torch.Generator().manual_seed(1))


def fresh(config: GPTConfig) -> GPT:
    torch.manual_seed(0)
    return GPT(config).double()


def equality(accelerator: Accelerator, folder: Path) -> None:
    """Train every run of `RUNS`, and note what each process has seen and holds."""
    seen: dict[str, object] = {"batches": [], "refused": {}, "evaluations": 0}
    for name, (model_name, config) in RUNS.items():
        model = fresh(MODELS[model_name])
        if name == "dense":
            loss = model.loss
            model.loss = lambda ids, targets, loss=loss: (seen["batches"].append(ids.tolist()), loss(ids, targets))[1]
        train(model, tokens(), config, val=validation(), out=folder / name, accelerator=accelerator)
        if name.endswith("sharded"):
            held = {key: p.to_local().numel() for key, p in model.named_parameters()}
            seen[name] = {"held": held, "whole": {key: p.numel() for key, p in model.named_parameters()}}
    for name, config in REFUSED.items():
        try:
            train(fresh(SHAPE), tokens(), config, out=folder / "refused" / name, accelerator=accelerator)
        except ValueError as error:
            seen["refused"][name] = str(error)

    def count(*_: object) -> None:
        seen["evaluations"] += 1

    train(fresh(SHAPE), tokens(), replace(CONFIG, steps=1), on_evaluation=count, accelerator=accelerator)
    (folder / f"seen{accelerator.process_index}.json").write_text(json.dumps(seen))


def resuming(accelerator: Accelerator, folder: Path) -> None:
    """Train without a stop, and with one after half of the steps; also from the checkpoint of a sharded run.

    The main process writes slowly, as to a busy disk: the other must not resume before the checkpoint is complete.
    """
    write = checkpoints.save_tensors

    def write_slowly(*values: object) -> None:
        time.sleep(0.3)  # noqa: TID251 (what the test needs is a slow disk)
        write(*values)

    checkpoints.save_tensors = write_slowly
    for name, parts in {"exact": (False, False), "sharded": (True, True), "mixed": (True, False)}.items():
        config = replace(CONFIG, accumulate=2, shard=parts[1])
        model = replace(MODELS["bias"], dropout=0.2)
        train(fresh(model), tokens(), config, val=validation(), out=folder / f"{name} whole", accelerator=accelerator)
        half = replace(config, steps=10, shard=parts[0])
        for settings, resume in ((half, False), (config, True)):
            out = folder / name
            torch.manual_seed(99 + resume)
            other = GPT(model).double()  # other weights: all must come from the checkpoint
            start = other if resume else fresh(model)
            train(start, tokens(), settings, val=validation(), out=out, resume=resume, accelerator=accelerator)


def command(accelerator: Accelerator, folder: Path, interrupt: Callable[[int], None] | None = None) -> None:
    """Run `lecture21 train` as this process's command."""
    import lecture21.cli._train as command_module
    from lecture21.cli import main

    command_module.join_processes = lambda device: accelerator
    arguments = ["train", "--out", str(folder / "run"), "--text", str(folder / "text.txt"), "--steps", "12"]
    arguments += ["--eval-every", "2", "--batch-size", "4", "--set", "n_layer=1", "--set", "d_model=8"]
    loss, computed = SharedRun.loss, []

    def loss_and_interrupt(*values: object) -> torch.Tensor:
        computed.append(1)
        if len(computed) == 6 and interrupt is not None:
            interrupt(accelerator.process_index)
        return loss(*values)

    SharedRun.loss = loss_and_interrupt
    sys.exit(main(arguments + (["--resume"] if (folder / "run").exists() else [])))


def killed(accelerator: Accelerator, folder: Path) -> None:
    def kill(index: int) -> None:
        if index == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    command(accelerator, folder, kill)


def interrupted(accelerator: Accelerator, folder: Path) -> None:
    command(accelerator, folder, lambda index: os.kill(os.getpid(), signal.SIGINT))


def main() -> None:
    job, rank, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    torch.set_num_threads(1)
    os.environ |= {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    store = f"file://{folder / 'store'}"
    torch.distributed.init_process_group("gloo", init_method=store, rank=int(rank), world_size=2)
    globals()[job](join_processes("cpu"), folder)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with Ctrl-C ignored
    main()
