import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from lecture21 import GPT, GPTConfig
from lecture21.baselines import RNN, RNNConfig
from lecture21.training import Muon, TrainConfig, minimize, muon, recipe, train
from lecture21.training.optimizers import make_optimizers

SHAPES = [(6, 6), (6, 6), (12, 4), (4, 12), (5, 1)]
SHAPE = {"vocab_size": 9, "block_size": 8, "n_layer": 2, "n_head": 2, "d_model": 8}


def parameters(dtype: torch.dtype = torch.float64) -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(shape, dtype=dtype)) for shape in SHAPES]


def after_steps(optimizer: torch.optim.Optimizer, trained: list[nn.Parameter], steps: int = 4) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for p in trained:
            p.grad = torch.randn(p.shape, generator=generator, dtype=p.dtype)
        optimizer.step()
    return [p.detach() for p in trained]


class NoHalfPrecision(TorchFunctionMode):
    """Convert to float64 where bfloat16 is asked for, in whichever way."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.bfloat16:
            function, args = torch.Tensor.to, (args[0], torch.bfloat16)
        exact = [
            [torch.float64 if x is torch.bfloat16 else x for x in values] for values in (args, (kwargs or {}).values())
        ]
        return function(*exact[0], **dict(zip(kwargs or {}, exact[1], strict=True)))


def test_muon_equals_the_one_of_torch():
    """That one always iterates in bfloat16; in float64, the two can be compared to rounding.

    Until torch 2.13 it converts with `bfloat16()`, in 2.15 with `to()`; the algorithm is the same. Both scale an update
    as Jordan et al. do ("original"), and so does ours; 2.15 adds another scale ("spectral_unclamped").
    """
    ours, reference = parameters(), parameters()
    settings = {"lr": 0.03, "weight_decay": 0.2, "momentum": 0.9}
    actual = after_steps(Muon(ours, **settings), ours)
    with NoHalfPrecision():
        expected = after_steps(torch.optim.Muon(reference, **settings, adjust_lr_fn="original"), reference)
    for a, b in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("dtype", "most"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03), (torch.float16, 0.005)], ids=str
)
def test_every_type_gives_nearly_the_same_update(monkeypatch, dtype, most):
    monkeypatch.setattr(muon, "matrix_dtype", lambda device: dtype)
    ours, exact = parameters(torch.float32), parameters(torch.float64)
    with torch.no_grad():
        for p, q in zip(ours, exact, strict=True):
            p.copy_(q)
    gradient = [torch.randn_like(p) for p in ours]
    for p, q, g in zip(ours, exact, gradient, strict=True):
        p.grad, q.grad = g, g.double()
    Muon(ours, lr=1.0).step()
    Muon(exact, lr=1.0).step()
    for p, q in zip(ours, exact, strict=True):
        error = (p - q).norm() / q.norm()
        assert error < most, p.shape
        assert dtype == torch.float32 or p.numel() < 10 or error > 1e-5  # otherwise 16 bits were not used


class LargestInFloat16(TorchFunctionMode):
    """Keep the size of the largest number that a function returns in float16."""

    def __init__(self):
        super().__init__()
        self.size = 0.0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.dtype == torch.float16:
            with torch._C.DisableTorchFunction():
                self.size = max(self.size, result.abs().max().item())
        return result


@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e12])
@pytest.mark.parametrize("kind", ["random", "of rank 1", "orthogonal"])
def test_in_float16_nothing_overflows_or_vanishes(monkeypatch, kind, scale):
    """As on a T4, with gradients that float16 itself could not hold. It rounds to 10 bits, and bfloat16 to 7."""
    matrix = torch.randn(48, 160, generator=torch.Generator().manual_seed(0))
    if kind == "of rank 1":
        matrix = matrix[:, :1] * matrix[:1]
    elif kind == "orthogonal":  # all singular values are equal
        matrix = torch.linalg.qr(matrix.T).Q.T
    updates, largest = {}, LargestInFloat16()
    for dtype in (torch.float64, torch.bfloat16, torch.float16):
        monkeypatch.setattr(muon, "matrix_dtype", lambda device, dtype=dtype: dtype)
        p = nn.Parameter(torch.zeros(48, 160))
        p.grad = scale * matrix
        with largest:
            Muon([p], lr=1.0).step()
        updates[dtype] = p.detach()
    exact = updates.pop(torch.float64)
    error = {dtype: (update - exact).norm() for dtype, update in updates.items()}
    assert 0.1 < largest.size < 16
    assert error[torch.float16] < error[torch.bfloat16] / 4


def test_a_stack_of_matrices_is_trained_as_its_matrices():
    stack = nn.Parameter(torch.randn(3, 4, 6, dtype=torch.float64))
    single = [nn.Parameter(matrix.clone()) for matrix in stack.detach()]
    stack.grad = torch.randn_like(stack)
    for p, g in zip(single, stack.grad, strict=True):
        p.grad = g
    Muon([stack]).step()
    Muon(single).step()
    torch.testing.assert_close(stack.detach(), torch.stack([p.detach() for p in single]), rtol=1e-12, atol=0)


def test_a_zero_gradient_changes_nothing():
    p = nn.Parameter(torch.ones(3, 3))
    p.grad = torch.zeros(3, 3)
    Muon([p]).step()
    assert torch.equal(p, torch.ones(3, 3))


def names_by_optimizer(model: nn.Module, **settings: object) -> dict[str, set[str]]:
    """Return the names of the parameters of each group, under its optimizer and learning rate."""
    name_of = {p: name for name, p in model.named_parameters()}
    actual = {}
    for optimizer in make_optimizers(model, TrainConfig(**settings), torch.device("cpu")):
        for group in optimizer.param_groups:
            key = f"{type(optimizer).__name__} {group['lr']} {group['weight_decay']}"
            actual.setdefault(key, set()).update(name_of[p] for p in group["params"])
    assert sum(map(len, actual.values())) == len(name_of)  # each exactly once
    return actual


def test_muon_trains_the_matrices_of_blocks_and_adamw_everything_else():
    model = GPT(GPTConfig(**SHAPE, moe={"n_expert": 3, "top_k": 1}))
    settings = {"muon_learning_rate": 0.5, "learning_rate": 0.25, "embedding_learning_rate": 0.125}
    actual = names_by_optimizer(model, optimizer="muon", weight_decay=0.1, **settings)
    assert actual["AdamW 0.125 0.1"] == {"token.weight", "position.table.weight"}
    router = {f"blocks.{i}.feed_forward.router.weight" for i in (0, 1)}
    assert actual["AdamW 0.25 0.1"] == {"head.weight"} | router
    maps = [f"attention.{name}" for name in ("query", "key", "value", "output")]
    maps += [f"feed_forward.experts.{name}" for name in ("up", "down")]
    assert actual["Muon 0.5 0.1"] == {f"blocks.{i}.{name}.weight" for i in (0, 1) for name in maps}
    assert all(name.endswith("bias") or "norm" in name for name in actual["AdamW 0.25 0.0"])


def test_muon_refuses_a_model_without_blocks():
    with pytest.raises(ValueError, match="RNN has none"):
        make_optimizers(RNN(RNNConfig(vocab_size=9)), TrainConfig(optimizer="muon"), torch.device("cpu"))


@pytest.mark.parametrize("with_train", [False, True], ids=["minimize", "train"])
def test_each_optimizer_follows_the_schedule_from_its_own_peak(monkeypatch, with_train):
    """The learning rates of AdamW, of its embeddings and of Muon in each of three updates."""
    used = []
    for kind in (torch.optim.AdamW, Muon):
        step = kind.step

        def recorded(optimizer, *arguments, step=step):
            used.append([group["lr"] for group in optimizer.param_groups])
            return step(optimizer, *arguments)

        monkeypatch.setattr(kind, "step", recorded)
    settings = {"learning_rate": 0.3, "embedding_learning_rate": 0.6, "muon_learning_rate": 0.9}
    config = TrainConfig(steps=3, schedule="linear", optimizer="muon", device="cpu", **settings)
    model, tokens = GPT(GPTConfig(**SHAPE)), torch.arange(9).repeat(3)
    if with_train:
        train(model, tokens, config)
    else:
        minimize(model, lambda generator: model.loss(tokens[None, :8], tokens[None, 1:9]), config)
    shares = (1, 2 / 3, 1 / 3)
    assert used[0::2] == [pytest.approx([0.6 * s, 0.3 * s, 0.3 * s]) for s in shares]  # embeddings, matrices, vectors
    assert used[1::2] == [pytest.approx([0.9 * s]) for s in shares]


@pytest.mark.parametrize("preset", ["modern", "modern-gpt0"])
def test_a_modern_preset_has_a_recipe_of_its_own(preset):
    assert recipe(preset).optimizer == "muon"
    assert recipe(preset, steps=7).steps == 7
    assert recipe("gpt0") == TrainConfig()
