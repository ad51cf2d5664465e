"""Several processes that share every batch of a run.

Each process draws the whole batch with the same random numbers and computes the loss on its own part. The gradients are
averaged, so that all processes make the same update, which is that of one process on the whole batch. The training loop
knows nothing about this: a `SharedRun` computes the losses for it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from accelerate import Accelerator, DistributedType
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.modes import evaluating
from lecture21.layers import Block
from lecture21.moe import Router
from lecture21.training.config import TrainConfig
from lecture21.training.devices import choose_device
from lecture21.training.evaluation import TrainableModel, validation_batches, windows_at_once
from lecture21.training.run import Run


def join_processes(device: str | None) -> Accelerator | None:
    """Join the other processes that torchrun or `accelerate launch` started; None if there are no others.

    Raises:
        ValueError: if the processes cannot train together on this device.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        if "ACCELERATE_MIXED_PRECISION" in os.environ and "MASTER_ADDR" in os.environ and "RANK" not in os.environ:
            raise ValueError(
                "accelerate launch has started only one process, since this machine has fewer than two GPUs; "
                "with --multi_gpu it starts several processes, on CPUs too"
            )
        return None
    chosen, local = choose_device(device), int(os.environ.get("LOCAL_RANK", "0"))
    if chosen.type == "mps":
        raise ValueError("several processes cannot share the device mps; use --device cpu")
    if chosen.type == "cuda" and local >= torch.cuda.device_count():
        raise ValueError(f"this machine has {torch.cuda.device_count()} GPUs, too few for process {local + 1} on it")
    accelerator = Accelerator(cpu=chosen.type == "cpu", mixed_precision="no")
    if accelerator.distributed_type not in (DistributedType.MULTI_CPU, DistributedType.MULTI_GPU):
        kind = accelerator.distributed_type.value
        raise ValueError(f"accelerate is configured for {kind}; only MULTI_CPU and MULTI_GPU are supported (--shard)")
    return accelerator


def is_lost(error: RuntimeError) -> bool:
    """Return whether an error says that another process of the run has ended."""
    return isinstance(error, torch.distributed.DistError) or "gloo" in str(error)


class _LossModule(nn.Module):
    """The loss of a model as a forward pass: there torch gathers sharded weights, and prepares to average gradients."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
        return self.model.loss(ids, targets)


class SharedRun(Run):
    """A run in several processes. Its constructor is called in each of them with the same model and settings.

    Args:
        model: trained in place.
        config: the settings; with `shard`, weights, gradients and optimizer state are split over the processes.
        accelerator: connects this process with the others.

    Raises:
        ValueError: if the settings do not fit the processes.
    """

    def __init__(self, model: TrainableModel, config: TrainConfig, accelerator: Accelerator):
        count, index = accelerator.num_processes, accelerator.process_index
        if config.batch_size % count:
            raise ValueError(f"batch_size must be a multiple of {count} processes, got {config.batch_size}")
        super().__init__(model, config, accelerator.device, count, index)
        self._accelerator = accelerator
        if config.compile:
            raise ValueError("compile is for one process: leave it out, or start a single process")
        if config.shard and self.scaler.is_enabled():
            raise ValueError("precision fp16 cannot be sharded; use bf16 or fp32")
        if config.shard and config.optimizer == "muon":
            raise ValueError("optimizer muon needs complete matrices, and shard splits them; use adamw")
        if index:  # dropout of its own; the main process has that of a run in one process
            numbers = torch.Generator().manual_seed(config.seed)
            self.seed = int(torch.randint(2**62, (index,), generator=numbers)[-1])
        self._computed = 0

    def __enter__(self) -> "SharedRun":
        module = _LossModule(self.model)  # first: sharding replaces the parameters that optimizers are made for
        shard = self.config.shard
        self._module = _sharded(module, self.device, self.count) if shard else self._accelerator.prepare(module)
        super().__enter__()
        self._stack.enter_context(self._balancing())
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        if error[0] is None:
            self._accelerator.wait_for_everyone()  # the main one may still write what another would then resume from

    @contextmanager
    def _balancing(self) -> Iterator[None]:
        """Let the routers of the model count the load over the complete batch, not only over this part of it."""
        routers = [module for module in self.model.modules() if isinstance(module, Router)]
        try:
            for router in routers:
                router.sum_over_processes = self.sum_over_processes
            yield
        finally:
            for router in routers:
                router.sum_over_processes = None

    def loss(self, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
        """Return the mean loss of this process's part of a batch; the gradient is averaged over the processes."""
        ids, targets = (batch.chunk(self.count)[self.index].to(self.device) for batch in (ids, targets))
        self._computed += 1
        # Gradients of several batches are added up first, and averaged with those of the last one. Not if sharded:
        # complete gradients may not fit into the memory of a device.
        last = self._computed % self.config.accumulate == 0
        alone = nullcontext() if last or self.config.shard else self._accelerator.no_sync(self._module)
        with alone, self.autocast:
            return self._module(ids, targets)

    @torch.no_grad()
    def evaluate(self, val: Int[Tensor, " M"]) -> float:
        """Return the loss on the validation split, whose batches the processes take in turn."""
        block_size, total = self.model.block_size, 0.0
        batches = validation_batches(val, block_size, windows_at_once(block_size, self.device))
        with evaluating(self.model), self.autocast:
            for first in range(0, len(batches), self.count):
                # In the last turn some repeat the last batch, because a sharded model needs all processes for each.
                index = first + self.index
                ids, targets = batches[min(index, len(batches) - 1)]
                mean = self._module(ids.to(self.device).long(), targets.to(self.device).long()).item()
                total += mean * targets.numel() if index < len(batches) else 0.0
        if self.config.shard:
            self._module.reshard()  # releases what was gathered outside the blocks, since there is no backward pass
        return self.sum_over_processes(torch.tensor(total, dtype=torch.float64)).item() / (len(val) - 1)

    def sum_over_processes(self, value: Tensor) -> Tensor:
        """Return the sum over all processes."""
        return self._accelerator.reduce(value.to(self.device), reduction="sum")

    def is_finite(self, parameter: Tensor) -> bool:
        """Return whether every number in a parameter is finite, in every process."""
        return not self.sum_over_processes((~_local_part(parameter).isfinite()).sum())

    def complete_model(self, tensors: dict[str, Tensor]) -> TrainableModel:
        """Return a model that holds the complete weights in these tensors themselves, not copies."""
        if not self.config.shard:
            return self.model
        with torch.device("meta"), torch.random.fork_rng(devices=[]):
            model = type(self.model)(self.model.config)
        model.load_state_dict({name: tensors[f"model.{name}"] for name in model.state_dict()}, assign=True)
        return model

    def state_dict(self) -> dict[str, Tensor]:
        """Return complete tensors on the CPU and the random states of all processes; nothing but in the main one."""
        tensors: dict[str, Tensor] = {}
        for name, tensor in super().state_dict().items():  # one after the other, to save memory
            if name.startswith("random."):
                states = self._accelerator.gather(tensor[None].to(self.device)).cpu()
                base = name.removesuffix(f".{self.index}")
                tensors |= {f"{base}.{i}" if i else base: state for i, state in enumerate(states)}
            else:
                complete = tensor.full_tensor() if _is_sharded(tensor) else tensor
                if self.is_main:
                    tensors[name] = complete.detach().cpu()
        return tensors if self.is_main else {}

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Continue from a checkpoint; each process takes its part."""
        like = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            like |= {f"optimizer.{key}.{name}": parameter for key in ("exp_avg", "exp_avg_sq")}
        # Every process shards them in the same order.
        super().load_state_dict({name: _shard_like(tensors[name], like.get(name)) for name in sorted(tensors)})


def _sharded(module: _LossModule, device: torch.device, count: int) -> _LossModule:
    """Shard each block, and then the rest, so that only one block at a time is complete on a device."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard  # takes a second to import

    mesh = init_device_mesh(device.type, (count,))
    for block in [part for part in module.modules() if isinstance(part, Block)]:
        fully_shard(block, mesh=mesh)
    fully_shard(module, mesh=mesh)
    return module


def _is_sharded(tensor: Tensor) -> bool:
    """Return whether each process has only a part of the tensor: a torch `DTensor`."""
    return hasattr(tensor, "full_tensor")


def _local_part(tensor: Tensor) -> Tensor:
    """Return the part of a tensor that this process holds."""
    return tensor.to_local() if _is_sharded(tensor) else tensor


def _shard_like(tensor: Tensor, other: Tensor | None) -> Tensor:
    """Return this process's part of a tensor that is to be sharded as another, or the tensor if that is not sharded."""
    if other is None or not _is_sharded(other):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor.clone().to(other.device), other.device_mesh, other.placements)
