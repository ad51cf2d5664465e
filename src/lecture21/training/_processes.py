"""One process, or several that share every batch of a run.

Each process draws the whole batch with the same random numbers and computes the loss on its own part. The gradients are
averaged, so that all processes make the same update, which is that of one process on the whole batch. `Processes`
is what the training loop needs to know about this; with one process, its methods return what they are given.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from accelerate import Accelerator, DistributedType
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21.layers import Block
from lecture21.moe import Router
from lecture21.training._devices import choose_device

_Loss = Callable[[Int[Tensor, "B T"], Int[Tensor, "B T"]], Float[Tensor, ""]]


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
        found = accelerator.distributed_type.value
        raise ValueError(f"accelerate is configured for {found}; only MULTI_CPU and MULTI_GPU are supported (--shard)")
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


class Processes:
    """The processes of a run.

    Args:
        accelerator: connects this process with the others; None if there are no others.
        shard: split weights, gradients and optimizer state over the processes, instead of repeating them in each.
    """

    def __init__(self, accelerator: Accelerator | None = None, shard: bool = False):
        self._accelerator = accelerator
        self.count = 1 if accelerator is None else accelerator.num_processes
        self.index = 0 if accelerator is None else accelerator.process_index
        self.is_main = self.index == 0
        self.shard = shard
        if shard and self.count == 1:
            raise ValueError("shard needs several processes: start them with torchrun or accelerate launch")

    def device(self, name: str | None) -> torch.device:
        """Return the device of this process."""
        return choose_device(name) if self._accelerator is None else self._accelerator.device

    def share(self, model: nn.Module, device: torch.device) -> _Loss:
        """Move a model to the device and return its loss, whose gradient is averaged over the processes."""
        if self._accelerator is None:
            return model.to(device).loss
        module = _LossModule(model)
        return _sharded(module, device, self.count) if self.shard else self._accelerator.prepare(module)

    def without_averaging(self, loss: _Loss) -> AbstractContextManager[None]:
        """Leave gradients as they are for a while, because more are added to them before the update."""
        if self._accelerator is None or self.shard:  # whole gradients may not fit into the memory of a device
            return nullcontext()
        return self._accelerator.no_sync(loss)

    def reshard(self, loss: _Loss) -> None:
        """Release what evaluation, which has no backward pass, has gathered outside the blocks."""
        if self.shard:
            loss.reshard()

    def part(self, batch: Int[Tensor, "B T"]) -> Int[Tensor, "b T"]:
        """Return the sequences of a batch that belong to this process."""
        return batch.chunk(self.count)[self.index]

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum over all processes."""
        if self._accelerator is None:
            return value
        return self._accelerator.reduce(value.to(self._accelerator.device), reduction="sum")

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean over all processes."""
        return value if self._accelerator is None else self.sum(value) / self.count

    def gather(self, value: Tensor) -> list[Tensor]:
        """Return the values of all processes, in order."""
        if self._accelerator is None:
            return [value]
        return list(self._accelerator.gather(value[None].to(self._accelerator.device)).cpu())

    def whole(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return unsharded copies on the CPU, one after the other; empty except in the main process."""
        found: dict[str, Tensor] = {}
        for name, tensor in tensors.items():
            complete = tensor.full_tensor() if is_sharded(tensor) else tensor
            if self.is_main:
                found[name] = complete.detach().cpu()
        return found

    def wait(self) -> None:
        """Wait until every process has come this far."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()

    def seed(self, seed: int) -> int:
        """Return the seed of this process's dropout; in the main process that of the run."""
        if self.is_main:
            return seed
        numbers = torch.Generator().manual_seed(seed)
        return int(torch.randint(2**62, (self.index,), generator=numbers)[-1])

    @contextmanager
    def balancing(self, model: nn.Module) -> Iterator[None]:
        """Let the routers of a model count the load over the whole batch for a while, not only over one part of it."""
        routers = [module for module in model.modules() if isinstance(module, Router)]
        try:
            for router in routers:
                router.sum_over_processes = None if self._accelerator is None else self.sum
            yield
        finally:
            for router in routers:
                router.sum_over_processes = None


def _sharded(module: _LossModule, device: torch.device, count: int) -> _LossModule:
    """Shard each block, and then the rest, so that only one block at a time is complete on a device."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard  # takes a second to import

    mesh = init_device_mesh(device.type, (count,))
    for block in [part for part in module.modules() if isinstance(part, Block)]:
        fully_shard(block, mesh=mesh)
    fully_shard(module, mesh=mesh)
    return module


def is_sharded(tensor: Tensor) -> bool:
    """Return whether each process has only a part of the tensor: a torch `DTensor`."""
    return hasattr(tensor, "full_tensor")


def local_part(tensor: Tensor) -> Tensor:
    """Return the part of a tensor that this process holds."""
    return tensor.to_local() if is_sharded(tensor) else tensor


def shard_like(tensor: Tensor, other: Tensor) -> Tensor:
    """Return this process's part of a tensor that is to be sharded as another, or the tensor if that is not sharded."""
    if not is_sharded(other):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)
