"""Shared by the parity tests: randomly perturbed models of `transformers`, and comparisons with them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.overrides import TorchFunctionMode

from lecture21 import GPT
from lecture21.gpt.checkpoints.formats import tensors_from
from lecture21.gpt.checkpoints.hub import REVISIONS


def perturbed(make: Callable[[], torch.nn.Module], seed: int = 0) -> torch.nn.Module:
    """Return a model of `transformers` with every parameter perturbed, biases and norms included."""
    torch.manual_seed(seed)
    model = make().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def some_ids(batch: int = 2, length: int = 29, seed: int = 1) -> torch.Tensor:
    return torch.randint(97, (batch, length), generator=torch.Generator().manual_seed(seed))


def lay_in_cache(home: Path, repository: str, model: torch.nn.Module, **how: object) -> Path:
    """Write a checkpoint where the hub's client would have put it under HF_HOME, and return its directory.

    Its commit is the one that is loaded by default; for a repository without such a commit, it is the head of "main".
    """
    commit = REVISIONS.get(repository.removeprefix("openai-community/"), "main")
    repo = home / "hub" / f"models--{repository.replace('/', '--')}"
    if commit == "main":
        commit = "0123456789abcdef0123456789abcdef01234567"
        (repo / "refs").mkdir(parents=True)
        (repo / "refs" / "main").write_text(commit)
    model.save_pretrained(repo / "snapshots" / commit, **how)
    return repo / "snapshots" / commit


def assert_close(mine: torch.Tensor, reference: torch.Tensor, tolerance: float, name: str) -> None:
    """Compare, in units of the largest number of the reference, or of 1 if that is larger."""
    largest = max(1.0, reference.abs().max().item())
    torch.testing.assert_close(mine, reference, rtol=0, atol=tolerance * largest, msg=lambda text: f"{name}: {text}")


def assert_the_same(ours: GPT, theirs: torch.nn.Module, tolerance: float) -> None:
    """Compare logits, and the gradients of all parameters, seen from every logit at once."""
    ids = some_ids()
    mine, reference = ours(ids), theirs(ids).logits
    assert_close(mine, reference, tolerance, "logits")
    cotangent = torch.randn(mine.shape, dtype=mine.dtype, generator=torch.Generator().manual_seed(2))
    (mine * cotangent).sum().backward()
    (reference * cotangent).sum().backward()
    gradients = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    gradients = tensors_from(gradients, ours.config)
    for name, parameter in ours.named_parameters():
        if not is_flat(name, ours):
            assert parameter.grad.abs().max() > 0.01, name
        if name != "head.bias":  # an untied head has no bias there
            assert_close(parameter.grad, gradients[name], tolerance, name)


def is_flat(name: str, model: GPT) -> bool:
    """Return whether a parameter influences no logit, so that its gradient is 0.

    A bias of the keys adds the same to all scores of a query, which does not change the softmax; and the weight of a
    single expert is 1 for every router.
    """
    alone = model.config.moe is not None and model.config.moe.n_expert == 1
    return name.endswith("key.bias") or (alone and name.endswith("router.weight"))


class _WiderTypes(TorchFunctionMode):
    """Replace every explicit float32 in a call by float64."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        wider = {torch.float32: torch.float64}
        args = [wider.get(arg, arg) if isinstance(arg, torch.dtype) else arg for arg in args]
        kwargs = {k: wider.get(v, v) if isinstance(v, torch.dtype) else v for k, v in (kwargs or {}).items()}
        return (torch.Tensor.double if function is torch.Tensor.float else function)(*args, **kwargs)


@contextmanager
def in_float64() -> Iterator[None]:
    """Build and run models in float64 throughout.

    Even in a float64 model, `transformers` computes norms, routers and rotary angles in float32. Here the same code
    runs with each explicit float32 replaced by float64.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _WiderTypes():
            yield
    finally:
        torch.set_default_dtype(before)
