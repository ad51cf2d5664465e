"""Speed of the fast implementations: ratios of two methods, timed in turn within one process.

Usage: python benchmarks/speed.py

Absolute times depend on the machine and its load, so only ratios of process times are printed: the median over rounds,
and the smallest and largest.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from transformers import MixtralConfig
from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

from lecture21 import GPT, GPTConfig, TrainConfig, presets
from lecture21.generation import generate
from lecture21.layers import MultiHeadAttention
from lecture21.layers.dropout import Dropout
from lecture21.layers.feed_forward import FeedForward
from lecture21.moe import MoEConfig, SparseMoE
from lecture21.training import Muon, evaluate
from lecture21.training.optimizers import make_optimizers

ROUNDS = 15


def ratio(name: str, slow: Callable[[], object], fast: Callable[[], object]) -> None:
    """Print the ratio of the times of `slow` and `fast`."""
    slow(), fast()  # warm up
    ratios = []
    for _ in range(ROUNDS):
        times = []
        for run in (slow, fast):
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
        ratios.append(times[0] / times[1])
    print(f"{name:58} {statistics.median(ratios):6.2f}  ({min(ratios):.2f} to {max(ratios):.2f})")


def training_step(model: GPT, batch_size: int, muon: bool) -> Callable[[], object]:
    """Return a function that makes one update, with Muon for the matrices of blocks or with AdamW for everything."""
    config = TrainConfig(optimizer="muon" if muon else "adamw")
    optimizers = make_optimizers(model, config, torch.device("cpu"))
    ids = torch.randint(model.vocab_size, (batch_size, model.block_size))

    def step() -> None:
        model.zero_grad()
        model.loss(ids, ids).backward()
        for optimizer in optimizers:
            optimizer.step()

    return step


def compare_training() -> None:
    """Time an update of `modern` and its parts against one of nanoGPT's shape for a CPU, and Muon against torch's."""
    shape = GPTConfig(block_size=64, d_model=128, bias=False, tied_head=True, activation="gelu", initialization="gpt2")
    plain = training_step(GPT(shape), 12, muon=False)
    changes = {
        "rotary positions": {"position": "rotary"},
        "QK-norm": {"qk_norm": True},
        "RMSNorm": {"norm": "rmsnorm"},
        "squared ReLU": {"activation": "relu2"},
    }
    for name, change in changes.items():
        ratio(
            f"update of nanoGPT's shape with {name} / without",
            training_step(GPT(shape.changed(**change)), 12, False),
            plain,
        )
    ratio("update of nanoGPT's shape with Muon / AdamW", training_step(GPT(shape), 12, muon=True), plain)
    modern = GPT(presets.get("modern"))
    ratio("update of modern / nanoGPT's shape", training_step(modern, 12, muon=True), plain)
    x = torch.randn(12, 256, 192)
    ratio("nn.Dropout / Dropout, a batch of modern-laptop", partial(nn.Dropout(0.15), x), partial(Dropout(0.15), x))
    text = torch.randint(modern.vocab_size, (40_000,))
    large = partial(evaluate, modern, text, batch_size=256)
    ratio("evaluation of modern by 256 windows / by 2,048 tokens", large, partial(evaluate, modern, text))
    for width in (64, 128):
        model = GPT(presets.get("modern", d_model=width))
        matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
        for p in matrices:
            p.grad = torch.randn_like(p)
        if hasattr(torch.optim, "Muon"):
            reference = torch.optim.Muon(matrices, lr=1e-3, weight_decay=0.0)
            ratio(f"torch.optim.Muon / Muon, 4 layers of width {width}", reference.step, Muon(matrices, lr=1e-3).step)


def both_ways(layer: nn.Module, x: torch.Tensor) -> None:
    """Make a forward and a backward pass."""
    layer(x).sum().backward()


def compare_experts() -> None:
    """Time a sparse layer against transformers' reference, and against a dense layer as wide as a token's experts."""
    x = torch.randn(1, 1024, 256, requires_grad=True)
    dense = FeedForward(256, 2 * 512, activation="swiglu", bias=False)
    for n_expert in (8, 64):
        ours = SparseMoE(256, 512, MoEConfig(n_expert, top_k=2), activation="swiglu", bias=False)
        sizes = {"hidden_size": 256, "intermediate_size": 512, "num_experts_per_tok": 2, "num_local_experts": n_expert}
        theirs = MixtralSparseMoeBlock(MixtralConfig(**sizes, experts_implementation="eager"))
        for parameter in theirs.parameters():
            nn.init.uniform_(parameter, -(parameter.shape[-1] ** -0.5), parameter.shape[-1] ** -0.5)
        ratio(f"transformers' {n_expert} experts / ours", partial(both_ways, theirs, x), partial(both_ways, ours, x))
        ratio(f"a dense layer / {n_expert} of our experts", partial(both_ways, dense, x), partial(both_ways, ours, x))


def main() -> None:
    """Time each pair."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{'slow / fast, one thread':58} median  (range)")
    compare_inference()
    compare_training()
    compare_experts()


@torch.no_grad()
def compare_inference() -> None:
    """Time attention and generation."""
    for length in (32, 256, 1024):
        layer, x = MultiHeadAttention(128, 4), torch.randn(2, length, 128)
        ratio(f"explicit / fused attention, T = {length}", partial(layer.explicit, x), partial(layer, x))
    for block_size in (32, 256):
        model = GPT(presets.get("gpt0", block_size=block_size))
        prompt = torch.zeros(1, 1, dtype=torch.long)
        n_new = block_size - 1
        ratio(
            f"whole context / cache, {n_new} new tokens",
            partial(generate, model, prompt, n_new, greedy=True, use_cache=False),
            partial(generate, model, prompt, n_new, greedy=True),
        )


if __name__ == "__main__":
    main()
