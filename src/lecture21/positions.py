"""Where a token stands: vectors that are added to the embeddings, or turns of queries and keys.

Attention alone knows no order. Every kind is asked for positions by number, so that a model with a cache can ask for
the later ones only.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn


def sinusoidal(n_position: int, d_model: int) -> Float[Tensor, "T C"]:
    """Return the fixed position vectors of the 2017 transformer.

    Component 2i of position t is sin(t / 10000^(2i/C)), component 2i+1 the cosine of the same angle. Each pair turns
    at its own speed, so that the vector of t + s is a rotation of the vector of t that depends on s alone.

    Args:
        n_position: number of positions T.
        d_model: width C, even.

    Raises:
        ValueError: if the width is odd or the number of positions negative.

    Source: slide 36; Vaswani et al. 2017, section 3.5.
    """
    if d_model < 2 or d_model % 2:
        raise ValueError(f"sinusoidal positions need an even d_model >= 2, got {d_model}")
    if n_position < 0:
        raise ValueError(f"sinusoidal positions need n_position >= 0, got {n_position}")
    # float64 until the end: at position 10,000 a float32 angle is off by up to 0.0005.
    position = torch.arange(n_position, dtype=torch.float64)[:, None]
    speed = 10000.0 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    angle = position * speed  # (T, C/2)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).to(torch.get_default_dtype())


def _check_range(start: int, stop: int, block_size: int) -> None:
    if not 0 <= start <= stop <= block_size:
        raise ValueError(f"positions {start}..{stop} are outside 0..{block_size}, the model's block size")


class LearnedPositions(nn.Module):
    """One trained vector for each position of the block (GPT's choice, slides 19 and 36)."""

    def __init__(self, block_size: int, d_model: int):
        super().__init__()
        self.table = nn.Embedding(block_size, d_model)

    def forward(self, start: int, stop: int) -> Float[Tensor, "T C"]:
        """Return the vectors of positions start, ..., stop - 1."""
        _check_range(start, stop, self.table.num_embeddings)
        return self.table.weight[start:stop]


class SinusoidalPositions(nn.Module):
    """The fixed vectors of `sinusoidal`, with nothing to train."""

    table: Tensor

    def __init__(self, block_size: int, d_model: int):
        super().__init__()
        # Not persistent: the table follows from its two sizes, so that a checkpoint need not hold it.
        self.register_buffer("table", sinusoidal(block_size, d_model), persistent=False)

    def forward(self, start: int, stop: int) -> Float[Tensor, "T C"]:
        """Return the vectors of positions start, ..., stop - 1."""
        _check_range(start, stop, len(self.table))
        return self.table[start:stop]


class NoPositions(nn.Module):
    """Nothing is added: order comes from `Rotary`, or from the causal mask alone (slide 19, "this is unnecessary")."""

    def __init__(self, block_size: int, d_model: int):
        super().__init__()
        self.block_size, self.d_model = block_size, d_model

    def forward(self, start: int, stop: int) -> float:
        """Return 0.0, which added to the embeddings changes nothing."""
        _check_range(start, stop, self.block_size)
        return 0.0


ADDED: dict[str, Callable[[int, int], nn.Module]] = {
    "learned": LearnedPositions,
    "sinusoidal": SinusoidalPositions,
    "rotary": NoPositions,
    "none": NoPositions,
}
"""What each kind adds to the embeddings."""


def interpolated(speed: Float[Tensor, " P"], factor: float) -> Float[Tensor, " P"]:
    """Slow every plane down alike, so that `factor` times as many positions turn by the angles of before.

    Source: Chen et al. 2023, "position interpolation", equation 4.
    """
    return speed / factor


def ntk(speed: Float[Tensor, " P"], factor: float) -> Float[Tensor, " P"]:
    """Slow the planes down the more, the slower they are: the fastest not at all, the slowest by `factor`.

    Neighbours so stay apart as they were, and only far positions are pressed together. A single plane is the fastest,
    and stays. It is plain rotary with its base
    times factor^(D/(D-2)), where D = 2 P is the width of a head.

    Source: the "NTK-aware" scaling as Peng et al. 2024 (YaRN) write it, section 3.1.
    """
    steps = torch.arange(len(speed), dtype=speed.dtype) / max(len(speed) - 1, 1)
    return speed * factor**-steps


SCALINGS: dict[str, Callable[[Tensor, float], Tensor]] = {"interpolation": interpolated, "ntk": ntk}
"""How rotary positions are stretched over a longer text than a model was trained on."""


class Rotary(nn.Module):
    """Turn queries and keys by an angle that grows with their position, so that q . k sees only how far apart they are.

    Components i and i + D/2 of a head form a plane, which turns by t / base^(2i/D) at position t: the speeds of
    `sinusoidal`, in the order of planes that Llama's weights have.

    Args:
        block_size: number of positions.
        d_head: width D of a head, even.
        base: how slow the slowest plane is.
        scaling: a key of `SCALINGS`.
        factor: how many times as long a text shall be read as in training; at 1 nothing changes.

    Raises:
        ValueError: if the width is odd, the base not positive, the scaling unknown or the factor below 1.

    Source: Su et al. 2021, section 3.2.2.
    """

    cos: Tensor
    sin: Tensor

    def __init__(
        self,
        block_size: int,
        d_head: int,
        base: float = 10000.0,
        *,
        scaling: str = "interpolation",
        factor: float = 1.0,
    ):
        super().__init__()
        if d_head < 2 or d_head % 2:
            raise ValueError(f"rotary positions need heads of even width, got {d_head}")
        if not base > 0:
            raise ValueError(f"rotary positions need a base > 0, got {base}")
        if scaling not in SCALINGS:
            raise ValueError(f"scaling must be one of {', '.join(SCALINGS)}, got {scaling!r}")
        if not 1 <= factor < math.inf:
            raise ValueError(f"rotary positions need a factor >= 1, got {factor}")
        speed = base ** (-torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)
        speed = SCALINGS[scaling](speed, factor)
        angle = torch.arange(block_size, dtype=torch.float64)[:, None] * speed  # (T, D/2)
        for name, table in (("cos", angle.cos()), ("sin", angle.sin())):
            self.register_buffer(name, table.to(torch.get_default_dtype()), persistent=False)

    def forward(self, x: Float[Tensor, "B H T D"], start: int = 0) -> Float[Tensor, "B H T D"]:
        """Turn vectors that stand at positions start, start + 1, ..."""
        stop = start + x.shape[-2]
        _check_range(start, stop, len(self.cos))
        cos, sin = self.cos[start:stop], self.sin[start:stop]
        first, second = x.chunk(2, dim=-1)  # (B, H, T, D/2)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
