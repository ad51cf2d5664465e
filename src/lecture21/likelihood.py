"""What every model here is trained for: the cross-entropy of the next token, in nats (slide 18)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def at_least_float32(x: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Widen half precision, in which a softmax over a vocabulary loses too much; leave float64 as it is."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def require_vocabulary(ids: Int[Tensor, "*S"], vocab_size: int) -> None:
    """Raise ValueError if some id is not in 0 ... vocab_size - 1.

    On an accelerator the check would wait for the device at every step; there, torch's own assert answers.
    """
    if ids.device.type == "cpu" and ids.numel() and not 0 <= ids.min() <= ids.max() < vocab_size:
        raise ValueError(f"token ids {ids.min()}..{ids.max()} are outside the vocabulary 0..{vocab_size - 1}")


def token_cross_entropy(
    logits: Float[Tensor, "B T V"], targets: Int[Tensor, "B T"], *, ignore: int | None = None
) -> Float[Tensor, ""]:
    """Return the mean of -log P(target) over all tokens, in nats.

    Args:
        logits: scores of every token at every position.
        targets: what follows at each position.
        ignore: a target that does not count, such as padding; where nothing else is left the mean is not a number.

    Raises:
        ValueError: if a target is outside the vocabulary.
    """
    targets = targets.long()
    if targets.device.type == "cpu":  # elsewhere, choosing the targets that count would wait for the device too
        require_vocabulary(targets if ignore is None else targets[targets != ignore], logits.shape[-1])
    skip = -100 if ignore is None else ignore  # torch's own default
    return F.cross_entropy(at_least_float32(logits).flatten(0, 1), targets.flatten(), ignore_index=skip)
