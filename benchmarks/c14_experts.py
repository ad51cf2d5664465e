"""Speed of the sparse dispatch: forward and backward pass of `SparseMoE`, transformers' block and a dense layer.

Usage: python benchmarks/c14_experts.py

Width 256, experts of width 512, top-2, 1,024 tokens, float32, CPU. The three are timed in turn within one process, and
only ratios are printed, with the smallest and largest over the rounds. transformers' block is that of Mixtral, in the
eager implementation that it documents as the reference; the dense layer is as wide as the two experts of a token.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import nn
from transformers import MixtralConfig
from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

from lecture21.layers.feed_forward import FeedForward
from lecture21.moe import MoEConfig, SparseMoE

ROUNDS = 15
WIDTH, HIDDEN, TOP_K, TOKENS = 256, 512, 2, 1024


def transformers_block(n_expert: int) -> nn.Module:
    """Return the block of transformers with the initialization of this package."""
    sizes = {"hidden_size": WIDTH, "intermediate_size": HIDDEN, "num_experts_per_tok": TOP_K}
    block = MixtralSparseMoeBlock(MixtralConfig(**sizes, num_local_experts=n_expert, experts_implementation="eager"))
    for parameter in block.parameters():
        nn.init.uniform_(parameter, -(parameter.shape[-1] ** -0.5), parameter.shape[-1] ** -0.5)
    return block


def timed(layer: nn.Module, x: torch.Tensor) -> float:
    """Return the seconds of one forward and backward pass."""
    layer.zero_grad(set_to_none=True)
    x.grad = None
    start = time.perf_counter()
    layer(x).sum().backward()
    return time.perf_counter() - start


def main() -> None:
    """Time 8 and 64 experts, with one thread and with two."""
    print("forward + backward, median (range) over rounds")
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        for n_expert in (8, 64):
            torch.manual_seed(0)
            x = torch.randn(1, TOKENS, WIDTH, requires_grad=True)
            layers = {
                "ours": SparseMoE(WIDTH, HIDDEN, MoEConfig(n_expert, TOP_K), activation="swiglu", bias=False),
                "transformers": transformers_block(n_expert),
                "dense": FeedForward(WIDTH, TOP_K * HIDDEN, activation="swiglu", bias=False),
            }
            for layer in layers.values():
                timed(layer, x)  # warm up
            rounds = [{name: timed(layer, x) for name, layer in layers.items()} for _ in range(ROUNDS)]
            where = f"{n_expert} experts, {n_threads} thread{'s'[: n_threads - 1]}"
            show(f"{where}: transformers / ours", rounds, lambda t: t["transformers"] / t["ours"])
            show(f"{where}: ours / dense of the same active width", rounds, lambda t: t["ours"] / t["dense"])


def show(name: str, rounds: list[dict[str, float]], ratio: Callable[[dict[str, float]], float]) -> None:
    """Print one ratio."""
    ratios = [ratio(times) for times in rounds]
    print(f"{name:62} {statistics.median(ratios):6.2f}  ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
